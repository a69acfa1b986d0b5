"""The fast way in gives what the careful readers give: the same scans, the same refusals, the same numbers."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.model.errors import BadInput, TooLarge
from waypost.model.instants import OffsetSource, TimeFlag
from waypost.model.scans import SCAN_SCHEMA
from waypost.track import plain
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


@settings(max_examples=300)
@given(st.lists(st.builds(lambda change: GOOD | change, ROWS), max_size=6), st.booleans(), st.booleans())
def test_both_ways_give_the_same(rows: list[dict[str, object]], ascii_only: bool, tight: bool) -> None:
    options: dict[str, object] = {"ensure_ascii": ascii_only, "separators": (",", ":") if tight else None}
    body = "\n".join(json.dumps(row, **options) for row in rows).encode()  # type: ignore[arg-type]
    assert told(taken(read_lines(body, 10))) == told(taken(read_ndjson(body, 10)))
    array = json.dumps(rows, **options).encode()  # type: ignore[arg-type]
    assert told(taken(read_array(array, 10))) == told(taken(read_json_array(array, 10)))


@settings(max_examples=300)
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
    names = ("carrier", "number", "code", "at", "facility", "note")
    limits = LONGEST | {"at": len("2026-11-22T10:00:00.123456789+08:00")}
    assert plain._MOST.tolist() == [limits[name] for name in names]
