"""What comes over the wire becomes rows of text; what cannot be read is refused with its number and the reason."""

import io
import json
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput, TooLarge
from waypost.track.wire import (
    FIELDS,
    MOST_TEXT_BYTES,
    ROW_SCHEMA,
    Refusal,
    Rows,
    empty_rows,
    read_arrow_stream,
    read_json_array,
    read_ndjson,
    rows_of_table,
    tidy,
)

BOM = b"\xef\xbb\xbf"

#: One text each that is no scan, and what is said of it: field and reason.
BAD = [
    ("{", "", "truncated"),
    ('{"number":"YT1"', "", "truncated"),
    ('{"number":"YT1","code":"GO', "", "truncated"),
    ("nonsense", "", "JSON is malformed"),
    ("{'number':'YT1'}", "", "JSON is malformed"),
    ('{"number":"YT1",}', "", "JSON is malformed"),
    ('{"number":"YT1"}}', "", "trailing characters"),
    ('{"number":"YT1"}{"number":"YT2"}', "", "trailing characters"),
    ("null", "", "expected `object`, got `null`"),
    ("[]", "", "expected `object`, got `array`"),
    ('"YT1"', "", "expected `object`, got `str`"),
    ("7", "", "expected `object`, got `int`"),
    ('{"numbr":"YT1"}', "", "has an unknown field `numbr`"),
    ('{"number":7}', "number", "expected `str | null`, got `int`"),
    ('{"number":true}', "number", "expected `str | null`, got `bool`"),
    ('{"note":["a"]}', "note", "expected `str | null`, got `array`"),
    ('{"at":{"y":2026}}', "at", "expected `str | null`, got `object`"),
    ('{"number":1e9999999}', "number", "number out of range"),
    ('{"number":' + "9" * 10_000 + "}", "number", "number out of range"),
    ('{"note":"a\tb"}', "", "JSON is malformed"),
]
#: Deeper than any reader goes.
DEEP = '{"note":' + "[" * 100_000 + "]" * 100_000 + "}"

GOOD: list[dict[str, str | None]] = [
    {"number": "YT1", "code": "GOT"},
    {"number": "x" * 10_000},
    {"note": "'; DROP TABLE scans; --", "facility": "<script>alert(1)</script>"},
    {"note": "快件已签收 \u0000 \U0001f4e6", "carrier": None},
    {},
]


def table_of(dicts: Sequence[dict[str, str | None]]) -> list[dict[str, str | None]]:
    return [{name: one.get(name) for name in FIELDS} for one in dicts]


def arrow(columns: dict[str, pa.Array]) -> bytes:
    table = pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def read_at(moments: pa.Array) -> list[str | None]:
    read: list[str | None] = read_arrow_stream(arrow({"at": moments}), 100).table.column("at").to_pylist()
    return read


# NDJSON


def test_ndjson_is_read_line_by_line() -> None:
    body = "\n".join(json.dumps(one, ensure_ascii=False) for one in GOOD).encode()
    rows = read_ndjson(body, 100)
    assert rows.table.schema.equals(ROW_SCHEMA)
    assert rows.table.to_pylist() == table_of(GOOD)
    assert list(rows.rows) == [0, 1, 2, 3, 4]
    assert (rows.sent, rows.refusals) == (5, [])


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        (b"", []),
        (b"\n\n  \n\t\r\n", []),
        (b'{"number":"a"}', [0]),
        (b'{"number":"a"}\n', [0]),
        (b'{"number":"a"}\r\n{"number":"b"}\r\n', [0, 1]),
        (b'\n{"number":"a"}\n\n \r\n{"number":"b"}\n', [1, 4]),
        (b'  {"number":"a"}  \n', [0]),
        (BOM + b'{"number":"a"}\n{"number":"b"}', [0, 1]),
    ],
)
def test_empty_lines_are_passed_over_and_counted(body: bytes, numbers: list[int]) -> None:
    rows = read_ndjson(body, 100)
    assert list(rows.rows) == numbers
    assert rows.table.column("number").to_pylist() == ["a", "b"][: len(numbers)]
    assert not rows.refusals


@pytest.mark.parametrize(("text", "field", "reason"), [*BAD, (DEEP, "note", "expected `str | null`, got `array`")])
def test_a_bad_line_is_refused_and_the_others_go_in(text: str, field: str, reason: str) -> None:
    rows = read_ndjson(b'{"number":"a"}\n\n' + text.encode() + b'\n{"number":"b"}\n', 100)
    [refusal] = rows.refusals
    assert (refusal.row, refusal.field) == (2, field)
    assert reason in refusal.reason
    assert refusal.value == text[:60]
    assert rows.table.column("number").to_pylist() == ["a", "b"]
    assert (list(rows.rows), rows.sent) == ([0, 3], 3)


def test_the_reason_does_not_repeat_a_long_name() -> None:
    [refusal] = read_ndjson(b'{"' + b"x" * 100_000 + b'":1}', 1).refusals
    assert refusal.reason.startswith("has an unknown field `xxx")
    assert len(refusal.reason) < 250


def test_an_object_over_two_lines_is_two_bad_lines() -> None:
    """A reader of the whole body would take it for one, and all numbers behind it would be wrong."""
    rows = read_ndjson(b'{"number":\n"a"}\n{"number":"b"}\n{"numbr":"c"}', 100)
    assert [refusal.row for refusal in rows.refusals] == [0, 1, 3]
    assert (list(rows.rows), rows.table.column("number").to_pylist()) == ([2], ["b"])
    assert list(read_ndjson(b'{"number":\n"a"}\n{"number":"b"}', 100).rows) == [2]


def test_what_is_not_utf8_is_refused_and_shown_as_far_as_it_goes() -> None:
    rows = read_ndjson(b'{"number":"a"}\n{"note":"caf\xe9"}\n{"number":"b"}', 100)
    assert rows.refusals == [Refusal(1, "", "is not UTF-8", '{"note":"caf\ufffd"}')]
    assert list(rows.rows) == [0, 2]


def test_a_lone_surrogate_is_refused() -> None:
    rows = read_ndjson(b'{"note":"\\ud800"}\n{"note":"\\ud83d\\udce6"}', 100)
    assert [refusal.row for refusal in rows.refusals] == [0]
    assert rows.table.column("note").to_pylist() == ["\U0001f4e6"]


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    assert read_ndjson(b'{"number":"a","number":"b"}', 100).table.column("number").to_pylist() == ["b"]


@given(st.lists(st.sampled_from([*map(json.dumps, GOOD), "", " ", *(text for text, _, _ in BAD)]), max_size=12))
def test_any_mixture_keeps_its_numbers(lines: list[str]) -> None:
    rows = read_ndjson("\n".join(lines).encode(), 100)
    good = {json.dumps(one): one for one in GOOD}
    assert list(rows.rows) == [row for row, line in enumerate(lines) if line in good]
    assert rows.table.to_pylist() == table_of([good[line] for line in lines if line in good])
    assert [each.row for each in rows.refusals] == [
        row for row, line in enumerate(lines) if line.strip() and line not in good
    ]


def test_more_rows_than_the_limit_are_refused_together() -> None:
    assert read_ndjson(b'{"number":"a"}\n' * 10, 10).sent == 10
    for body in (b'{"number":"a"}\n' * 11, b"x\n" * 11, b"\n" * 1000):
        with pytest.raises(TooLarge, match="more than 10 scans") as caught:
            read_ndjson(body, 10)
        assert caught.value.mend


# A JSON array


def test_a_json_array_is_read() -> None:
    rows = read_json_array(BOM + json.dumps(GOOD).encode(), 5)
    assert rows.table.to_pylist() == table_of(GOOD)
    assert (list(rows.rows), rows.refusals) == ([0, 1, 2, 3, 4], [])
    assert read_json_array(b"[]", 5).sent == 0


def test_in_an_array_too_a_bad_row_is_refused_alone() -> None:
    body = b'[{"number":"a"},null,{"number":2},{"numbr":"b"},{"note":"\xff"},{"number":"c"}]'
    rows = read_json_array(body, 100)
    assert [(each.row, each.field, each.reason) for each in rows.refusals] == [
        (1, "", "expected `object`, got `null`"),
        (2, "number", "expected `str | null`, got `int`"),
        (3, "", "has an unknown field `numbr`"),
        (4, "", "is not UTF-8"),
    ]
    assert (list(rows.rows), rows.table.column("number").to_pylist()) == ([0, 5], ["a", "c"])


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"[", b'[{"number":"a"}', b'[{"number":"a"},]', b"[] []", b"\xff", b"[" * 100_000, b"[1 2]"],
)
def test_what_is_no_array_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(BadInput, match="the body is no JSON array"):
        read_json_array(body, 100)


def test_a_row_too_deep_for_any_reader_ends_in_a_refusal() -> None:
    with pytest.raises(BadInput, match="the body is no JSON array"):
        read_json_array(f"[{DEEP}]".encode(), 100)


def test_an_array_of_more_rows_than_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge, match="more than 2 scans"):
        read_json_array(b"[{},{},{}]", 2)


# Arrow


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None, "b"]),
        pa.array(["a", None, "b"], pa.large_string()),
        pa.array(["a", None, "b"], pa.string_view()),
        pa.array(["-", "a", None, "b"], pa.string_view())[1:],
        pa.array(["a", None, "b"]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.int8()), pa.array(["a", "b"], pa.string_view())),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.int8()), pa.array(["a", "b"], pa.large_string())),
    ],
)
def test_arrow_columns_of_text_are_read_whatever_their_layout(column: pa.Array) -> None:
    rows = read_arrow_stream(arrow({"number": column, "note": pa.nulls(3)}), 100)
    assert rows.table.schema.equals(ROW_SCHEMA)
    assert rows.table.column("number").to_pylist() == ["a", None, "b"]
    assert rows.table.column("note").to_pylist() == [None] * 3
    assert (list(rows.rows), rows.refusals) == ([0, 1, 2], [])


@pytest.mark.parametrize(
    ("unit", "number"),
    [("s", 1_795_262_400), ("ms", 1_795_262_400_000), ("us", 1_795_262_400_000_999), ("ns", 1_795_262_400_000_999_999)],
)
@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-11-21 12:00:00.000+00:00"),
        ("Asia/Shanghai", "2026-11-21 20:00:00.000+08:00"),
        ("America/St_Johns", "2026-11-21 08:30:00.000-03:30"),
        ("+05:30", "2026-11-21 17:30:00.000+05:30"),
    ],
)
def test_a_timestamp_keeps_the_offset_of_its_zone(unit: str, number: int, zone: str, text: str) -> None:
    assert read_at(pa.array([number, None], pa.timestamp(unit, zone))) == [text, None]


def test_a_timestamp_in_a_zone_with_summer_time_has_the_offset_of_its_day() -> None:
    moments = pa.array([1_782_000_000_000, 1_795_262_400_123], pa.timestamp("ms", "Europe/Lisbon"))
    assert read_at(moments) == ["2026-06-21 01:00:00.000+01:00", "2026-11-21 12:00:00.123+00:00"]


@pytest.mark.parametrize(
    ("unit", "number"),
    [
        ("s", 2**60),
        ("s", -(2**62)),
        ("s", (2**64 + 1_795_262_400_384) // 1000),
        ("ms", 2**62),
        ("us", -1),
        ("ns", 2**63 - 1),
    ],
)
def test_an_absurd_timestamp_does_not_come_around_to_a_common_date(unit: str, number: int) -> None:
    assert read_at(pa.array([number], pa.timestamp(unit, "UTC"))) == [str(number)]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"at": pa.array([1], pa.timestamp("ms"))}, "column 'at' is a timestamp without a time zone"),
        ({"at": pa.array([1], pa.timestamp("ms", "Mars/Olympus"))}, "unknown time zone 'Mars/Olympus'"),
        ({"at": pa.array([1], pa.timestamp("ms", "+99:00"))}, "an offset that no zone has"),
        ({"note": pa.array([1], pa.timestamp("ms", "UTC"))}, "column 'note' is timestamp"),
        ({"number": pa.array([1])}, "column 'number' is int64; it has to be text"),
        ({"number": pa.array([1.5])}, "column 'number' is double"),
        ({"number": pa.array([b"YT1"])}, "column 'number' is binary"),
        ({"number": pa.array([["YT1"]])}, "column 'number' is list"),
        ({"number": pa.array([["YT1"]], pa.list_(pa.string_view()))}, "column 'number' is list"),
        ({"number": pa.array([{"x" * 1000: "YT1"}])}, "xxx; it has to be text"),
        ({"x" * 100_000: pa.array(["YT1"])}, "unknown or repeated column 'xxx"),
        ({"number": pa.array([7]).dictionary_encode()}, "column 'number' is dictionary"),
        ({"numbr": pa.array(["YT1"])}, "unknown or repeated column 'numbr'"),
        ({"number": pa.array(["YT1"]), "position": pa.array([1])}, "unknown or repeated column 'position'"),
    ],
)
def test_columns_that_cannot_be_read_are_named(columns: dict[str, pa.Array], why: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_arrow_stream(arrow(columns), 100)
    assert why in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_column_that_comes_twice_is_refused() -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["number", "number"])
    with pytest.raises(BadInput, match="repeated column 'number'"):
        rows_of_table(table)


def test_a_stream_cut_anywhere_is_refused_whole() -> None:
    whole = arrow({"number": pa.array([f"YT{number}" for number in range(50)])})
    assert read_arrow_stream(whole, 100).sent == 50
    ends_at = len(whole) - 8  # the mark at the very end may be missing
    for cut in range(0, ends_at, 23):
        with pytest.raises(BadInput, match="the body is no whole Arrow stream"):
            read_arrow_stream(whole[:cut], 100)


@pytest.mark.parametrize("body", [b"", b"hello, this is no Arrow", b"ARROW1\0\0" + b"\0" * 40, b"\xff" * 200])
def test_what_is_no_stream_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="the body is no whole Arrow stream"):
        read_arrow_stream(body, 100)


def test_text_that_is_not_utf8_is_refused_in_arrow_too() -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    for column in (bad, pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), bad)):
        with pytest.raises(BadInput, match="the body is no whole Arrow stream"):
            read_arrow_stream(arrow({"number": column}), 100)


@pytest.mark.parametrize(("field", "most"), [("number", 64), ("code", 64), ("facility", 128), ("note", 1000)])
def test_a_dictionary_does_not_unpack_to_more_than_its_field_takes(field: str, most: int) -> None:
    """A body of a megabyte would ask for a hundred thousand times as much."""
    bomb = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array(["x" * 1_000_000]))
    rows = read_arrow_stream(arrow({field: bomb}), 1000)
    assert rows.table.nbytes < 1000 * (most + 100)
    assert len(rows.table.column(field)[0].as_py()) == most + 1  # still too long, which the intake says


@pytest.mark.parametrize(
    ("field", "most", "word"),
    [
        ("number", 64, "Y" * 10 + " " * 60 + "T" * 60),
        ("number", 64, "Y" * 64 + " " * 60 + "T"),
        ("note", 1000, "n" * 1000 + " " * 9 + "n"),
        ("note", 1000, "\n" * 2000 + "n" * 990 + "\n\n\n" * 30 + "n" * 100),
        ("facility", 128, " " * 200 + "快" * 129),
    ],
)
def test_a_cut_word_never_passes_for_a_whole_one(field: str, most: int, word: str) -> None:
    column = pa.array([word, word.replace("\n", "")[:20]]).dictionary_encode()
    [cut, _] = tidy(field, read_arrow_stream(arrow({field: column}), 2).table.column(field)).to_pylist()
    assert len(cut) == most + 1


def test_a_word_that_is_long_for_its_blanks_alone_is_read_as_it_would_be_without_a_dictionary() -> None:
    column = pa.array([" " * 3000 + "YT" + " " * 100 + "1"]).dictionary_encode()
    assert read_arrow_stream(arrow({"number": column}), 1).table.column("number").to_pylist() == ["YT1"]


def test_text_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    rows = MOST_TEXT_BYTES // 4000 + 1
    words = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["\U0001f4e6" * 1000]))
    read_arrow_stream(arrow({"note": words[: rows - 1]}), rows)
    body, before = arrow({"note": words}), pa.total_allocated_bytes()
    assert len(body) < 100_000
    peak = pa.default_memory_pool().max_memory()
    with pytest.raises(TooLarge, match="unpack to more than 64 MiB of text") as caught:
        read_arrow_stream(body, rows)
    assert caught.value.mend
    assert pa.total_allocated_bytes() - before < 1 << 20
    assert pa.default_memory_pool().max_memory() == peak


def test_columns_that_share_their_bytes_are_counted_apart() -> None:
    word = pa.array(["x" * 500, "x" * 400])
    with pytest.raises(TooLarge, match="of text"):
        rows_of_table(pa.table({"note": word, "facility": word}), 1799)
    assert rows_of_table(pa.table({"note": word, "facility": word}), 1800).sent == 2


def test_a_dictionary_shared_by_many_batches_counts_for_each() -> None:
    """It is read and checked as often."""
    words = pa.array(["x" * 1_000_000])
    column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), words)
    batch = pa.record_batch({"note": column})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        for _ in range(100):
            stream.write_batch(batch)
    assert len(sink.getvalue()) < 2_000_000
    with pytest.raises(TooLarge, match="of text"):
        read_arrow_stream(sink.getvalue(), 1000)


def views_of(text: str, rows: int) -> pa.Array:
    """That text in each row, held once."""
    one = pa.array([text], pa.string_view()).buffers()
    return pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(one[1].to_pybytes()[:16] * rows), one[2]])


def test_views_that_name_one_text_many_times_are_refused_before_it_is_looked_at() -> None:
    """Half a megabyte of them would be sixteen gigabytes of text."""
    body, before = arrow({"note": views_of("x" * 500_000, 32_000)}), pa.total_allocated_bytes()
    assert len(body) < 1_100_000
    peak = pa.default_memory_pool().max_memory()
    with pytest.raises(TooLarge, match="64 MiB of text"):
        read_arrow_stream(body, 50_000)
    with pytest.raises(TooLarge, match="64 MiB of text"):
        rows_of_table(pa.table({"note": views_of("x" * 500_000, 200)}), MOST_TEXT_BYTES)
    assert pa.total_allocated_bytes() - before < 1 << 20
    assert pa.default_memory_pool().max_memory() == peak


def test_a_dictionary_of_views_that_name_one_text_many_times_is_refused() -> None:
    words = views_of("x" * 500_000, 1000)
    column = pa.DictionaryArray.from_arrays(pa.array([0, 999], pa.int32()), words)
    with pytest.raises(TooLarge, match="64 MiB of text"):
        read_arrow_stream(arrow({"note": column}), 10)


def test_a_few_words_of_a_long_dictionary_are_read_as_they_stand() -> None:
    words = pa.array([f"word {number}" for number in range(1000)])
    column = pa.DictionaryArray.from_arrays(pa.array([7, None, 999, 7], pa.uint16()), words)
    assert rows_of_table(pa.table({"note": column})).table.column("note").to_pylist() == [
        "word 7",
        None,
        "word 999",
        "word 7",
    ]


@pytest.mark.parametrize(("name", "zone"), [(b"n\xffte", b"UTC"), (b"note", b"U\xffC"), (b"n\xffte", b"U\xffC")])
def test_names_that_are_not_utf_8_are_refused(name: bytes, zone: bytes) -> None:
    body = arrow({"note": pa.array(["a"]), "at": pa.array([1], pa.timestamp("ms", "UTC"))})
    assert (body.count(b"note"), body.count(b"UTC")) == (1, 1)
    with pytest.raises(BadInput, match="name or the time zone of a column is not UTF-8"):
        read_arrow_stream(body.replace(b"note", name).replace(b"UTC", zone), 10)


def test_a_stream_without_the_dictionary_that_it_names_is_refused() -> None:
    column = pa.array(["a"]).dictionary_encode()
    messages = list(pa.ipc.MessageReader.open_stream(arrow({"note": column, "code": column})))
    assert [message.type for message in messages] == ["schema", "dictionary", "dictionary", "record batch"]
    for sent in ((0, 3), (0, 1, 1, 3)):
        body = b"".join(messages[place].serialize().to_pybytes() for place in sent)
        with pytest.raises(BadInput, match="the body is no whole Arrow stream"):
            read_arrow_stream(body, 10)


@pytest.mark.parametrize(
    "indices", [pa.array([0, 99], pa.int32()), pa.array([0, -5], pa.int32())], ids=["too high", "negative"]
)
def test_indices_that_no_word_has_are_refused(indices: pa.Array) -> None:
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["a", "b"]), safe=False)
    with pytest.raises(BadInput, match="out of bounds"):
        read_arrow_stream(arrow({"note": column}), 10)


def test_a_dictionary_of_nulls_is_nulls() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int8()), pa.nulls(1))
    assert read_arrow_stream(arrow({"note": column}), 2).table.column("note").to_pylist() == [None, None]


def test_more_arrow_rows_than_the_limit_are_refused() -> None:
    body = arrow({"number": pa.array(["YT1"] * 11)})
    assert read_arrow_stream(body, 11).sent == 11
    with pytest.raises(TooLarge, match="more than 10 scans"):
        read_arrow_stream(body, 10)


def test_no_rows_are_rows() -> None:
    for rows in (empty_rows(), read_arrow_stream(arrow({"number": pa.array([], pa.string())}), 1)):
        assert isinstance(rows, Rows)
        assert (rows.table.num_rows, rows.sent, rows.refusals) == (0, 0, [])
        assert rows.table.schema.equals(ROW_SCHEMA)
