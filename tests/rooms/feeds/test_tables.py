import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.feeds.stream import Meter
from waypost.feeds.tables import MOST_LINES, read_table
from waypost.model.errors import BadInput
from waypost.track.feed import FileRefusal


def rows_of(path: Path, lines: int = 50_000) -> tuple[list[tuple[int, tuple[str, ...]]], list[FileRefusal]]:
    rows, refusals = [], []
    for part in read_table(path, Meter([path]), ("a", "b"), lines=lines):
        rows += zip(part.lines, zip(*part.columns.values(), strict=True), strict=True)
        refusals += part.refusals
    return rows, refusals


def read(tmp_path: Path, data: bytes) -> tuple[list[tuple[int, tuple[str, ...]]], list[tuple[int, str, str]]]:
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    rows, refusals = rows_of(path)
    return rows, [(refusal.line, refusal.field, refusal.reason) for refusal in refusals]


def test_plain_rows(tmp_path: Path) -> None:
    rows, refusals = read(tmp_path, b"\xef\xbb\xbfb,a\r\n1,2\r\n\r\n3,\r\n")
    assert rows == [(2, ("1", "2")), (4, ("3", ""))]
    assert refusals == []


def test_a_comma_too_many_or_too_few_costs_its_row(tmp_path: Path) -> None:
    rows, refusals = read(tmp_path, b"a,b\n1,2,3\n4\n5,6\n")
    assert rows == [(4, ("5", "6"))]
    assert refusals == [
        (2, "", "has 3 fields where the header has 2: a comma too many"),
        (3, "b", "has 1 fields where the header has 2: a comma too few, or the line breaks off"),
    ]


def test_quoted_line_feeds_keep_line_numbers_right(tmp_path: Path) -> None:
    rows, refusals = read(tmp_path, b'a,b\n"one\ntwo\n\nthree",x\n"say ""hi""","a,b"\nlast,z\n')
    assert rows == [(2, ("one\ntwo\n\nthree", "x")), (6, ('say "hi"', "a,b")), (7, ("last", "z"))]
    assert refusals == []


@pytest.mark.parametrize("after", [b"3,4\n5,6\n", b'3,"4"\n5,"6"\n', b'"3",4\n"5","6"\n'])
def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path, after: bytes) -> None:
    rows, refusals = read(tmp_path, b'a,b\n"1,2\n' + after)
    assert rows == [(3, ("3", "4")), (4, ("5", "6"))]
    assert refusals == [(2, "", "opens a quote that is not closed where its field ends")]


def test_an_open_quote_far_from_the_end_costs_one_row_too(tmp_path: Path) -> None:
    many = 5 * MOST_LINES
    rows, refusals = read(tmp_path, b'a,b\n1,"2\n' + b"3,4\n" * many)
    assert len(rows) == many
    assert [line for line, _, _ in refusals] == [2]


def test_text_behind_a_closing_quote(tmp_path: Path) -> None:
    rows, refusals = read(tmp_path, b'a,b\n1,"2"x\n3,4\n')
    assert rows == [(3, ("3", "4"))]
    assert refusals == [(2, "", "has text behind a closing quote; a quote inside a quoted field is written twice")]


def test_a_quote_inside_a_plain_field_is_text(tmp_path: Path) -> None:
    assert read(tmp_path, b'a,b\n5" pipe,2\n') == ([(2, ('5" pipe', "2"))], [])


def test_bytes_that_are_no_utf_8_cost_their_row_and_name_the_field(tmp_path: Path) -> None:
    rows, refusals = read(tmp_path, b"a,b\n1,\xff2\nS\xc3\xa3o,2\n\xe9,2\n")
    assert rows == [(3, ("São", "2"))]
    assert refusals == [(2, "b", "is not UTF-8"), (4, "a", "is not UTF-8")]


def test_a_carriage_return_in_a_row(tmp_path: Path) -> None:
    rows, refusals = read(tmp_path, b"a,b\n1,2\r3\n4,5\n")
    assert rows == [(3, ("4", "5"))]
    assert refusals == [(2, "", "has a carriage return outside quotes")]


def test_nul_characters_are_left_to_who_knows_the_field(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,b\n1\x00,2\n") == ([(2, ("1\x00", "2"))], [])


def test_a_cut_file_gives_its_whole_rows(tmp_path: Path) -> None:
    rows, refusals = read(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 5 + b"3,4\n5", 0)[:-12])
    assert rows == [(line, ("1", "2")) for line in range(2, 7)]
    ((line, field, reason),) = refusals
    assert (line, field) == (7, "")
    assert reason.startswith("the gzip stream ends early; all 6 lines before this one were read.")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"a,c\n1,2\n", r"it lacks 'b'; found: 'a', 'c'. Expected: a, b."),
        (b"a;b\n", r"it lacks 'a', 'b'; found: 'a;b'. Expected: a, b."),
        (b"a,b,b\n", r"it has twice 'b'"),
        (b"\n\n", r"it lacks 'a', 'b'; found: nothing."),
        (b"\x89PNG\r\n\xff\n", r"does not begin with a line of column names. Expected: a, b."),
        (b'"a,b\n', r"does not begin with a line of column names."),
    ],
)
def test_other_columns_are_refused_as_a_whole(tmp_path: Path, head: bytes, message: str) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(head)
    with pytest.raises(BadInput) as error:
        rows_of(path)
    assert str(error.value).startswith("other.csv: ")
    assert message in str(error.value)


def test_unknown_columns_are_refused_where_all_are_known(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(b"a,b,noet\n")
    with pytest.raises(BadInput, match=r"it does not know 'noet'.*known: a, b, note"):
        list(read_table(path, Meter([path]), ("a", "b"), ("a", "b", "note")))


@pytest.mark.parametrize("head", [b",".join(b"c%d" % number for number in range(1001)), b"a" + b",a" * 100_000])
def test_a_table_of_very_many_columns_is_refused_at_once(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(head + b"\n")
    with pytest.raises(
        BadInput, match=r"wide\.csv: has 100\d+ columns; no table has more than 1000\. Expected: a, b\."
    ):
        rows_of(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a," * (6 << 19) + b"\n1,2\n", "is longer than 1048576 bytes"),
        (b"a," * (6 << 19), "is longer than 1048576 bytes"),
        (gzip.compress(b"a,b\n1,2\n", 0, mtime=0)[:-14], "the gzip stream ends early"),
    ],
    ids=["long", "long and alone", "cut"],
)
def test_the_next_line_is_not_taken_for_the_names_of_columns(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=f"has no line of column names that can be read: {reason}"):
        rows_of(path)


@pytest.mark.parametrize("line", [b'y","z' * 100, b'""' * 300])
def test_a_line_is_read_a_limited_number_of_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    """However many quotes stay open: a line may be tried behind each of those before it, not with all of them."""
    read_characters = 0

    def count(lines: list[str], **options: bool) -> Iterator[list[str]]:
        nonlocal read_characters
        read_characters += sum(map(len, lines))
        return csv_reader(lines, **options)

    csv_reader = csv.reader
    monkeypatch.setattr(csv, "reader", count)
    data = b'a,b\n"' + (line + b"\n") * 300
    rows, refusals = read(tmp_path, data)
    assert len(rows) + len(refusals) == 300
    assert read_characters < 2 * MOST_LINES * len(data)


def test_a_record_of_too_many_bytes_is_given_up(tmp_path: Path) -> None:
    part = b",".join([b'"' + b"x" * 100_000 + b'"'] * 6)
    data = b"a,b\n" + b'1,"\n",' + part + b',"\n",' + part + b',"\n' + b"3,4\n" * 5
    rows, refusals = read(tmp_path, data)
    assert rows[-5:] == [(line, ("3", "4")) for line in range(5, 10)]
    assert refusals[0] == (2, "", "opens a quote that is not closed where its field ends")


def test_a_header_without_rows_is_no_fault(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,b\n") == ([], [])


def test_a_record_may_begin_in_one_block_and_end_in_the_next(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [(str(number), f"{number}\nof\nfour\nlines" * 9) for number in range(20_000)]
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("a", "b"), *rows])
    found, refusals = rows_of(path, lines=1000)
    assert [row for _, row in found] == rows
    assert [line for line, _ in found] == [2 + 28 * number for number in range(20_000)]
    assert refusals == []


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)


@given(st.lists(st.tuples(texts, texts), max_size=20))
def test_what_the_standard_library_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    rows = [row for row in rows if any(field.strip() for field in row)]
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerows([("a", "b"), *rows])
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_text(sink.getvalue(), "utf-8", newline="")
    found, refusals = rows_of(path)
    assert [row for _, row in found] == rows
    assert refusals == []
