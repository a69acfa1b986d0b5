"""The fast way in gives what the careful readers give: the same scans, the same refusals, the same numbers."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.drawing import examples

from waypost.model.errors import BadInput, TooLarge
from waypost.model.instants import OffsetSource, TimeFlag
from waypost.model.scans import SCAN_SCHEMA
from waypost.track import reading
from waypost.track.found import Found
from waypost.track.intake import Intake, take_in
from waypost.track.plain import read_array, read_lines
from waypost.track.wire import LONGEST, Refusal, Rows, read_json_array, read_ndjson

NOW = 1_790_000_000_000  # 2026-09-21
GOOD = {
    "carrier": "sf",
    "number": "SF0123456789",
    "code": "50",
    "at": "2026-09-20T10:00:00+08:00",
    "facility": "755A",
    "note": "已揽收 Hub 12",
}


def taken(rows: Rows, carrier: str | None = None) -> Intake:
    zones = {"sf": ("Asia/Shanghai", OffsetSource.CARRIER)}
    return take_in(
        rows,
        lambda pairs: [zones.get(carrier) for carrier, _ in pairs],
        now_ms=NOW,
        recorded_at_ms=NOW,
        carrier=carrier,
        time_flags=TimeFlag.NOT_BEFORE,
    )


def told(intake: Intake) -> tuple[list[str], list[Refusal]]:
    """Scans as text, in any order, and refusals; what a refused row held is told by the careful way alone."""
    scans = sorted(json.dumps(row, default=str, sort_keys=True) for row in intake.scans.to_pylist())
    return scans, [Refusal(each.row, each.field, each.reason) for each in intake.refusals]


def lines_of(rows: list[dict[str, object]], **options: object) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False, **options) for row in rows).encode()  # type: ignore[arg-type]


def plain_rows(rows: Rows) -> list[int]:
    assert rows.plain is not None
    return rows.plain.rows.tolist()


def test_a_plain_row_is_read_the_fast_way() -> None:
    bare = {name: GOOD[name] for name in ("number", "code", "at")}
    for spaces in ((",", ":"), (", ", ": "), (" ,\t", " :  ")):
        rows = read_lines(lines_of([GOOD, bare], separators=spaces), 10)
        assert plain_rows(rows) == [0, 1]
        assert taken(rows, "zto").scans.schema == SCAN_SCHEMA
        assert told(taken(rows, "zto")) == told(taken(read_ndjson(lines_of([GOOD, bare]), 10), "zto"))
        assert rows.sent == 2


@pytest.mark.parametrize(
    "change",
    [
        {"number": "SF 012"},
        {"number": "x" * 65},
        {"number": "é"},
        {"number": "a\x7f"},
        {"number": ""},
        {"number": None},
        {"number": 7},
        {"carrier": "SF"},
        {"carrier": "_sf"},
        {"carrier": "s" * 33},
        {"code": "void"},
        {"code": " 50"},
        {"code": "a\x85b"},
        {"code": "a\u2028b"},
        {"code": "\u3000到"},
        {"code": "x\\y"},
        {"code": 'x"y'},
        {"facility": "é"},
        {"facility": "\U0001f4e6"},
        {"note": "电话 138 0013 8000"},
        {"note": "1 - - - 2"},
        {"note": "１３８００１３８０００"},
        {"note": "line\nline"},
        {"note": "n" * 1001},
        {"corrects": "0123456789abcdef"},
        {"zone": "Asia/Shanghai"},
        {"colour": "red"},
        {"at": "2026-09-20T10:00:00"},
        {"at": "2026-09-20 10:00:00+08:00"},
        {"at": "2026-09-20T10:00+08:00"},
        {"at": "2026-02-29T10:00:00Z"},
        {"at": "2026-09-20T24:00:00Z"},
        {"at": "2026-09-20T10:60:00Z"},
        {"at": "2026-09-20T10:00:60Z"},
        {"at": "2026-09-20T10:00:00+08:10"},
        {"at": "2026-09-20T10:00:00+15:00"},
        {"at": "2026-09-20T10:00:00.Z"},
        {"at": "2026-09-20T10:00:00.1234567890Z"},
        {"at": "2014-12-31T23:59:59Z"},
        {"at": "2049-12-31T23:59:59Z"},
    ],
    ids=str,
)
def test_what_is_not_plain_goes_the_careful_way(change: dict[str, object]) -> None:
    body = lines_of([GOOD, GOOD | change, GOOD | {"number": "SF2"}])
    rows = read_lines(body, 10)
    assert plain_rows(rows) == [0, 2]
    assert told(taken(rows)) == told(taken(read_ndjson(body, 10)))
    array = b"[" + body.replace(b"\n", b",") + b"]"
    assert plain_rows(read_array(array, 10)) == [0, 2]
    assert told(taken(read_array(array, 10))) == told(taken(read_json_array(array, 10)))


@pytest.mark.parametrize(
    "at",
    [
        "2026-09-20T10:00:00Z",
        "2024-02-29T23:59:59.9Z",
        "2026-09-20T10:00:00.123456789-03:00",
        "2016-03-01T00:00:00.05+05:45",
        "2015-01-01T00:00:00Z",
        "2026-12-31T23:59:59-12:00",
        "2026-09-20T10:00:00.001+14:00",
    ],
)
def test_instants_are_read_alike(at: str) -> None:
    body = lines_of([GOOD | {"at": at}])
    assert plain_rows(read_lines(body, 1)) == [0]
    assert told(taken(read_lines(body, 1))) == told(taken(read_ndjson(body, 1)))


def test_a_row_of_no_carrier_and_one_of_tomorrow_are_refused() -> None:
    nobody = {name: text for name, text in GOOD.items() if name != "carrier"}
    body = lines_of([nobody, GOOD, GOOD | {"at": "2026-12-24T10:00:00+08:00"}])
    rows = read_lines(body, 10)
    assert plain_rows(rows) == [0, 1, 2]
    intake = taken(rows)
    assert [(each.row, each.field) for each in intake.refusals] == [(0, "carrier"), (2, "at")]
    assert told(intake) == told(taken(read_ndjson(body, 10)))


def test_numbers_count_blank_and_bad_lines() -> None:
    body = b"\xef\xbb\xbf" + lines_of([GOOD]) + b"\r\n\n  \t\nnonsense\n" + lines_of([GOOD]) + b"\n\n"
    rows = read_lines(body, 3)
    assert (plain_rows(rows), [each.row for each in rows.refusals], rows.sent) == ([0, 4], [3], 3)
    with pytest.raises(TooLarge):
        read_lines(body, 2)
    assert read_lines(b"", 5).sent == read_array(b" [ ] ", 5).sent == 0


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1]]", b"[1] x", b"[tru]", b"[{]}]"]
)
def test_what_is_no_array_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(BadInput, match="the body is no JSON array"):
        read_array(body, 10)


def test_no_more_rows_than_may_come() -> None:
    body = lines_of([GOOD] * 4).replace(b"\n", b" ,\n ")
    assert read_array(b"[" + body + b"]", 4).sent == 4
    with pytest.raises(TooLarge):
        read_array(b"[" + body + b"]", 3)
    with pytest.raises(TooLarge):
        read_array(b"[" + b"0," * 100_000 + b"0]", 1000)


def test_a_text_may_hold_what_looks_like_the_end() -> None:
    rows: list[dict[str, object]] = [GOOD | {"note": text} for text in ('"]}', "],[", "\\", '\\",', "}{")]
    body = json.dumps(rows).encode()
    assert told(taken(read_array(body, 10))) == told(taken(read_json_array(body, 10)))


#: Texts with all that a careful reader looks at, often nearly plain.
TEXTS = st.one_of(
    st.sampled_from(sorted(GOOD.values())),
    st.text("0123456789 -()/.abc", max_size=12),
    st.text('ab"\\ \t\x00\x1f\x7f\x85é\u00a0\u2028\u3000、。，：快件é\U0001f4e6', max_size=6),
)
ROWS = st.dictionaries(
    st.sampled_from([*GOOD, "zone", "corrects", "x"]), st.one_of(TEXTS, st.none(), st.integers(0, 9))
)


@settings(max_examples=examples(300))
@given(st.lists(st.builds(lambda change: GOOD | change, ROWS), max_size=6), st.booleans(), st.booleans())
def test_both_ways_give_the_same(rows: list[dict[str, object]], ascii_only: bool, tight: bool) -> None:
    options: dict[str, object] = {"ensure_ascii": ascii_only, "separators": (",", ":") if tight else None}
    body = "\n".join(json.dumps(row, **options) for row in rows).encode()  # type: ignore[arg-type]
    assert told(taken(read_lines(body, 10))) == told(taken(read_ndjson(body, 10)))
    array = json.dumps(rows, **options).encode()  # type: ignore[arg-type]
    assert told(taken(read_array(array, 10))) == told(taken(read_json_array(array, 10)))


@settings(max_examples=examples(300))
@given(st.data())
def test_broken_bodies_are_told_alike(data: st.DataObject) -> None:
    body = bytearray(lines_of([GOOD, GOOD | {"number": "SF2"}, GOOD | {"note": "b"}]))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from(
                [b"", b'"', b"\\", b"{", b"}", b",", b":", b"\xff", b"\xe5", b"\x00", b"\n", b" ", b"[", b"]"]
            )
        )
    assert told(taken(read_lines(body, 10))) == told(taken(read_ndjson(bytes(body), 10)))


def test_words_that_recur_are_kept_once() -> None:
    body = lines_of([GOOD | {"number": f"N{row}", "facility": f"H{row % 3}"} for row in range(1000)])
    plain = read_lines(body, 1000).plain
    assert plain is not None
    facility = plain.scans.column("facility")
    assert isinstance(facility, pa.DictionaryArray)
    assert sorted(facility.dictionary.to_pylist()) == ["H0", "H1", "H2"]
    assert facility.to_pylist() == [f"H{row % 3}" for row in range(1000)]


def test_the_fast_way_takes_nothing_longer_than_the_careful_one() -> None:
    """The limits stand in the compiled file itself: what it was compiled with must change when they do."""
    limits = LONGEST | {"at": len("2026-11-22T10:00:00.123456789+08:00")}
    assert dict(zip(reading.NAMES, reading.MOST.tolist(), strict=True)) == {name: limits[name] for name in GOOD}


#: One row, its fields in any order and with any blanks between them, as a sender would write all rows, or none.
@st.composite
def written(draw: st.DrawFn) -> bytes:
    row = GOOD | {name: draw(TEXTS) for name in draw(st.sets(st.sampled_from(sorted(GOOD)), max_size=1))}
    row = {name: row[name] for name in draw(st.permutations(list(row)))[: draw(st.integers(3, 7))]}
    comma, colon = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", "  :\t"), (" " * 9 + ",", " " * 9 + ":")]))
    edge = draw(st.sampled_from(["", " ", "\t "]))
    inner = comma.join(f"{json.dumps(name)}{colon}{json.dumps(text, ensure_ascii=False)}" for name, text in row.items())
    return f"{edge}{{{edge}{inner}{edge}}}{edge}".encode()


@settings(max_examples=examples(150))
@given(st.lists(written(), max_size=8))
def test_no_row_need_be_written_like_the_one_before(rows: list[bytes]) -> None:
    body = b"\n".join(rows)
    assert told(taken(read_lines(body, 10))) == told(taken(read_ndjson(body, 10)))
    array = b"[" + b",".join(rows) + b"]"
    assert told(taken(read_array(array, 10))) == told(taken(read_json_array(array, 10)))


def test_each_row_may_be_written_in_its_own_way_and_be_plain() -> None:
    names = list(GOOD)
    rows = [{name: GOOD[name] for name in names[turn:] + names[:turn]} for turn in (0, 1, 2, 1, 0, 3, 5, 0)]
    for separators in ((",", ":"), (" ,", " : ")):
        body = lines_of(rows, separators=separators)
        assert plain_rows(read_lines(body, 10)) == list(range(8))
        assert told(taken(read_lines(body, 10))) == told(taken(read_ndjson(body, 10)))


@pytest.mark.parametrize(
    "text",
    [
        '{"number":"1","number":"2","code":"50","at":"2026-09-20T10:00:00Z"}',
        '{"number":"1","code":"50","at":"2026-09-20T10:00:00Z","code":"50"}',
        '{"number":"1","code":"50","at":"2026-09-20T10:00:00Z",}',
        '{"number":"1","code":"50","at":"2026-09-20T10:00:00Z"',
        '{"number":"1","code":"50","at":"2026-09-20T10:00:00Z"}}',
        '{"number":"1","code":"50","at":"2026-09-20T10:00:00Z"} {}',
        '{"number":"1","code":"50","at":"2026-09-20T10:00:00Z"}\0',
        '{"number":"1","code":"50"}',
        '{"number":"1" "code":"50","at":"2026-09-20T10:00:00Z"}',
        '{"number":"1","code":"50","att":"2026-09-20T10:00:00Z"}',
        '{"number":"1","code":"50","a":"2026-09-20T10:00:00Z"}',
        '{,"number":"1","code":"50","at":"2026-09-20T10:00:00Z"}',
        '["number","1"]',
        "{}",
    ],
)
def test_what_is_nearly_such_a_row_goes_the_careful_way_too(text: str) -> None:
    good = lines_of([GOOD], separators=(",", ":"))
    body = good + b"\n" + text.encode() + b"\n" + good
    assert plain_rows(read_lines(body, 10)) == [0, 2]
    assert told(taken(read_lines(body, 10), "zto")) == told(taken(read_ndjson(body, 10), "zto"))


@pytest.mark.parametrize("blanks", range(9))
def test_every_byte_between_texts_is_looked_at(blanks: int) -> None:
    """Also after a row that was written in the same way but for one byte."""
    good = lines_of([GOOD], separators=("," + " " * blanks, ":"))
    rows = []
    texts = {at for text in GOOD.values() for at in places_of(text.encode(), good)}
    for place in sorted(set(range(len(good))) - texts):
        rows += [good, good[:place] + b"x" + good[place + 1 :]]
    assert len(rows) > 100
    assert plain_rows(read_lines(b"\n".join(rows), len(rows))) == list(range(0, len(rows), 2))


def places_of(text: bytes, line: bytes) -> range:
    start = line.index(b'"' + text + b'"') + 1
    return range(start, start + len(text))


def test_a_body_may_end_anywhere() -> None:
    body = lines_of([GOOD | {"note": "到 达" * 12}, {name: GOOD[name] for name in ("number", "code", "at")}])
    array = b"[" + body.replace(b"\n", b",") + b"]"
    for size in range(len(body)):
        assert told(taken(read_lines(body[:size], 9))) == told(taken(read_ndjson(body[:size], 9)))
    for size in range(len(array)):
        with pytest.raises(BadInput):
            read_array(array[:size], 9)
    assert plain_rows(read_lines(bytearray(body), 9)) == plain_rows(read_array(bytearray(array), 9)) == [0, 1]


@pytest.mark.parametrize(
    "odd", ["\\n", '\\"', "\x00", "\x1f", "\x7f", "é", "\x85", "\U0001f4e6", "\t", "快", "、", " "]
)
def test_every_byte_of_a_text_is_looked_at(odd: str) -> None:
    """Texts are read in windows: what is odd may stand at the beginning, the end, or across the edge of one."""
    lengths = [*range(1, 12), *range(58, 72), *range(122, 134)]
    body = "\n".join(json.dumps(GOOD | {"note": "@"}).replace("@", "x" * length + odd + "y") for length in lengths)
    fast, careful = read_lines(body.encode(), 99), read_ndjson(body.encode(), 99)
    assert plain_rows(fast) == (list(range(len(lengths))) if odd in "快、 " else [])
    assert told(taken(fast)) == told(taken(careful))


def test_a_telephone_number_is_found_wherever_it_stands() -> None:
    starts, tails = range(140), ("", " ok", "y" * 70)
    for tail in tails:
        for number, is_phone in (("138 0013", True), ("1380013", True), ("138-001", True), ("138001", False)):
            notes = ["x" * start + number + tail for start in starts]
            rows = read_lines(lines_of([GOOD | {"note": note} for note in notes]), 200)
            assert plain_rows(rows) == ([] if is_phone else list(starts))
            assert told(taken(rows)) == told(
                taken(read_ndjson(lines_of([GOOD | {"note": note} for note in notes]), 200))
            )


def test_every_day_is_read_as_the_calendar_has_it() -> None:
    days = np.arange("2015-01-02", "2026-09-21", dtype="datetime64[D]")
    body = lines_of([GOOD | {"at": f"{day}T01:02:03+08:00"} for day in days])
    read = read_lines(body, len(days))
    assert len(plain_rows(read)) == len(days)
    at = np.asarray(taken(read).scans.column("at").cast(pa.int64()))
    moment_ms = (1 * 60 + 2) * 60_000 + 3_000 - 8 * 3_600_000
    assert np.array_equal(at, days.astype("datetime64[ms]").astype(np.int64) + moment_ms)


def test_a_day_is_plain_if_there_is_one_and_only_then() -> None:
    """All days and those next to them that no month has, in years that leap and do not; and other centuries."""
    written_days = [f"{year}-{month:02d}-{day:02d}" for year in YEARS for month in range(14) for day in range(33)]
    read = read_lines(lines_of([GOOD | {"at": f"{day}T12:00:00Z"} for day in written_days]), len(written_days))
    assert [written_days[row] for row in plain_rows(read)] == [day for day in written_days if is_day_of_ours(day)]


YEARS = (1900, 1926, 2000, 2014, 2015, 2016, 2024, 2026, 2048, 2049, 2050, 2100, 2126, 2926)


def is_day_of_ours(text: str) -> bool:
    try:
        return dt.date(2015, 1, 1) <= dt.date.fromisoformat(text) <= dt.date(2049, 11, 3)
    except ValueError:
        return False


@settings(max_examples=examples(100))
@given(st.data())
def test_instants_that_are_nearly_right_are_told_alike(data: st.DataObject) -> None:
    texts = []
    for text in ["2026-09-20T10:00:00+08:00", "2024-02-29T23:59:59.123Z", "2016-12-31T00:00:00.000000001-11:45"] * 5:
        place = data.draw(st.integers(0, len(text) - 1))
        put = data.draw(st.one_of(st.sampled_from(["", *"-+:TZ./ "]), st.text("0123456789", max_size=2)))
        texts.append(text[:place] + put + text[place + data.draw(st.integers(0, 2)) :])
    body = lines_of([GOOD | {"at": text} for text in texts])
    assert told(taken(read_lines(body, 99))) == told(taken(read_ndjson(body, 99)))


def test_words_are_told_apart_by_all_their_bytes() -> None:
    words = [
        "H",
        "H" * 7,
        "H" * 8,
        "H" * 9,
        "H" * 15,
        "H" * 16,
        "H" * 17,
        "H" * 31 + "A",
        "H" * 31 + "B",
        "H" * 32,
        "H" * 33,
    ]
    words += ["H" * 64 + end for end in ("", "A", "B", "AB")] + ["快件", "快件快件快件", "快件快件快"]
    order = words + words[::-1] + words
    plain = read_lines(lines_of([GOOD | {"facility": word} for word in order]), 100).plain
    assert plain is not None
    assert plain.scans.column("facility").to_pylist() == order
    assert plain.scans.column("facility").dictionary.to_pylist() == words


def slot_of(word: str) -> int:
    data = np.frombuffer(word.encode() + reading.PADDING, np.uint8)
    return int(reading._hash(data, 0, len(word.encode()))) % len(Found.room(0, 0).slots[0])


@pytest.mark.parametrize("length", [1, 8, 15, 16, 17, 32, 40])
def test_words_in_one_slot_are_told_apart(length: int) -> None:
    """Also where one begins with all of the other."""
    word = "w" * length
    longer = next(text for text in (f"{word}{end}" for end in range(100_000)) if slot_of(text) == slot_of(word))
    for order in ([word, longer], [longer, word]):
        plain = read_lines(lines_of([GOOD | {"facility": text} for text in order * 2]), 9).plain
        assert plain is not None
        assert plain.scans.column("facility").to_pylist() == order * 2
        assert plain.scans.column("facility").dictionary.to_pylist() == order


def test_there_may_be_as_many_words_as_rows() -> None:
    words = [f"H{row * 7919 % 10_007}" for row in range(10_000)]
    order = words + words[::-3]
    plain = read_lines(lines_of([GOOD | {"facility": word, "code": word[:3]} for word in order]), 20_000).plain
    assert plain is not None
    assert plain.scans.column("facility").to_pylist() == order
    assert plain.scans.column("facility").dictionary.to_pylist() == words
    assert plain.scans.column("code").to_pylist() == [word[:3] for word in order]


def test_nothing_stays_of_a_row_that_is_not_plain() -> None:
    bad = {"carrier": "gone", "code": "gone", "facility": "gone", "number": "gone", "note": "gone", "at": "yesterday"}
    plain = read_lines(lines_of([GOOD, bad, GOOD | {"code": "51"}]), 9).plain
    assert plain is not None
    assert plain.scans.column("carrier").dictionary.to_pylist() == ["sf"]
    assert plain.scans.column("code").dictionary.to_pylist() == ["50", "51"]
    assert plain.scans.column("facility").dictionary.to_pylist() == ["755A"]
    assert plain.scans.column("number").to_pylist() == [GOOD["number"]] * 2


def test_words_made_to_want_one_slot_cost_no_more_than_others() -> None:
    """Someone who knows the hash may make up such words: most then go the careful way, in which none is lost."""
    hashed = np.arange(1, 5_000_000, dtype=np.uint64) << np.uint64(32)
    hashed ^= hashed >> np.uint64(32)  # undoes what the hash does last: the lower half is zero
    spread = pow(int(reading._SPREAD), -2, 1 << 64)
    with np.errstate(over="ignore"):
        texts = (hashed * np.uint64(spread) - np.uint64(8)).view(np.uint8).reshape(-1, 8)
    texts = texts[((texts > 0x2F) & (texts < 0x7F) & (texts != 0x5C)).all(1)]
    words = [text.tobytes().decode() for text in texts]
    body = lines_of([GOOD | {"facility": word} for word in words])
    rows = read_lines(body, len(words))
    assert len(words) > 300
    assert len(plain_rows(rows)) == 256
    assert told(taken(rows)) == told(taken(read_ndjson(body, len(words))))


def test_there_is_room_for_the_shortest_rows() -> None:
    shortest = b'{"number":"1","code":"1","at":"2026-09-20T10:00:00Z"}'
    for many in (1, 2, 500):
        assert len(plain_rows(read_lines(b"\n".join([shortest] * many), many))) == many
        assert len(plain_rows(read_lines(b"\n".join([shortest] * many), 1_000_000))) == many
        assert len(plain_rows(read_array(b"[" + b",".join([shortest] * many) + b"]", many))) == many
        assert len(read_lines(b"\n".join([b"1"] * many), many).refusals) == many
        assert len(read_array(b"[" + b",".join([b"1"] * many) + b"]", many).refusals) == many


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_blank_lines_are_counted_alike(end: bytes) -> None:
    good = lines_of([GOOD])
    for blanks in range(12):
        body = good + b"\n" * blanks + b" \t\r\v\f \n" + good + end
        found = []
        for read in (read_lines, read_ndjson):
            try:
                found.append(read(body, 3).sent)
            except TooLarge:
                found.append(-1)
        assert found[0] == found[1]
    with pytest.raises(TooLarge):
        read_lines(b"\n" * 9, 3)
    assert read_lines(b"\n" * 8, 3).sent == 0
