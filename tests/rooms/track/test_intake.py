"""The way in: each bad field is refused with row, field and reason; good rows go in untouched beside it."""

import json
from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import waypost.track.intake as intake
from waypost.model.instants import DAY_MS, OffsetSource, TimeFlag, format_instant, parse_instant
from waypost.model.scans import SCAN_SCHEMA, VOID, ScanEvent, check_batch, events_of
from waypost.track.intake import MAX_AHEAD_MS, Intake, take_in
from waypost.track.plain import read_lines
from waypost.track.wire import ROW_SCHEMA, Refusal, Rows, empty_rows, read_ndjson

Row = dict[str, str | None]

NOW_MS = parse_instant("2026-11-22T12:00:00Z").at_ms
GOOD: Row = {"carrier": "yto", "number": "YT1", "code": "GOT", "at": "2026-11-20T10:00:00+08:00"}
ZONES = {"yto": ("Asia/Shanghai", OffsetSource.CARRIER), "mars": ("Mars/Olympus", OffsetSource.CARRIER)}

#: A field, what stands in it, and what is said of it.
BAD = [
    ("carrier", None, "is missing"),
    ("carrier", "  ", "is missing"),
    ("carrier", "YTO", "is no carrier code"),
    ("carrier", "y to", "is no carrier code"),
    ("carrier", "圆通", "is no carrier code"),
    ("carrier", "../yto", "is no carrier code"),
    ("carrier", "y" * 33, "is no carrier code"),
    ("carrier", "yto\0", "is no carrier code"),
    ("number", None, "is missing"),
    ("number", " \t\u3000 ", "is missing"),
    ("number", "1" * 65, "is longer than 64 characters"),
    ("number", "1" * 10_000, "is longer than 64 characters"),
    ("number", "ＹＴ１", "has characters that no waybill number has"),
    ("number", "YT\u200b1", "has characters that no waybill number has"),
    ("number", "YT\u20091", "has characters that no waybill number has"),
    ("number", "YT1é", "has characters that no waybill number has"),
    ("number", "YT\x001", "has characters that no waybill number has"),
    ("number", "YT\x1f1", "has characters that no waybill number has"),
    ("code", None, "is missing"),
    ("code", "", "is missing"),
    ("code", "c" * 65, "is longer than 64 characters"),
    ("code", "GO\x00T", "has control characters"),
    ("code", "GO\x1fT", "has control characters"),
    ("code", "GO\nT", "has control characters"),
    ("facility", "f" * 129, "is longer than 128 characters"),
    ("facility", "Hang\x7fzhou", "has control characters"),
    ("facility", "Hang\u2028zhou", "has control characters"),
    ("note", "n" * 1001, "is longer than 1000 characters"),
    ("note", "快" * 1001, "is longer than 1000 characters"),
    ("note", "a\x00b", "has control characters"),
    ("note", "a\x9bb", "has control characters"),
    ("corrects", "123", "is no scan id"),
    ("corrects", "G" * 16, "is no scan id"),
    ("corrects", "ABCDEF0123456789", "is no scan id"),
    ("corrects", "0" * 17, "is no scan id"),
    ("at", None, "is missing"),
    ("at", "yesterday", "is not a date and time"),
    ("at", "1795262400000", "is not a date and time"),
    ("at", "2026-02-30T10:00:00Z", "names a date that does not exist"),
    ("at", "2026-11-20T25:00:00Z", "names a time of day that does not exist"),
    ("at", "2026-11-20T10:00:00+08:01", "has an offset that no zone has"),
    ("at", "1999-11-20T10:00:00Z", "lies outside 2015-01-01 to 2049-11-03"),
    ("at", "2050-11-20T10:00:00Z", "lies outside 2015-01-01 to 2049-11-03"),
    ("at", "2015-01-01 00:00:00", "lies outside 2015-01-01 to 2049-11-03"),
    ("at", "2026-11-24T12:00:00.001Z", "lies more than two days ahead of now"),
    ("at", "2026-11-24T20:00:01", "lies more than two days ahead of now"),
    ("at", "2038-01-19T03:14:07Z", "lies more than two days ahead of now"),
]

#: Rows to mix: each bad one with what is said of it, good ones with None.
MIXTURE: list[tuple[Row, str | None]] = [(GOOD | {field: value}, field) for field, value, _ in BAD]
MIXTURE += [(GOOD | {"number": f"YT{number}", "note": "到达"}, None) for number in range(12)]


def rows_of(rows: list[Row], numbers: list[int] | None = None, refusals: list[Refusal] | None = None) -> Rows:
    table = pa.Table.from_pylist([{name: row.get(name) for name in ROW_SCHEMA.names} for row in rows], ROW_SCHEMA)
    return Rows(table, range(len(rows)) if numbers is None else numbers, refusals or [])


def zone_of(pairs: Sequence[tuple[str, str | None]]) -> list[tuple[str, OffsetSource] | None]:
    by_facility = {"Lisbon": ("Europe/Lisbon", OffsetSource.FACILITY)}
    return [ZONES.get(carrier) or by_facility.get(facility or "") for carrier, facility in pairs]


def take(*rows: Row, **options: object) -> Intake:
    return take_in(rows_of(list(rows)), zone_of, now_ms=NOW_MS, recorded_at_ms=NOW_MS, **options)  # type: ignore[arg-type]


def take_one(**fields: str | None) -> ScanEvent:
    taken = take(GOOD | fields)
    assert not taken.refusals
    [event] = events_of(taken.scans)
    return event


@pytest.mark.parametrize(("field", "value", "reason"), BAD)
def test_a_bad_field_is_refused_with_row_field_and_reason(field: str, value: str | None, reason: str) -> None:
    taken = take(GOOD, GOOD | {field: value}, GOOD | {"number": "YT2"})
    [refusal] = taken.refusals
    assert (refusal.row, refusal.field) == (1, field)
    assert reason in refusal.reason
    assert (refusal.value or "") == (value or "").strip()[:60]
    assert [event.number for event in events_of(taken.scans)] == ["YT1", "YT2"]


def test_a_good_row_is_kept_as_it_was_sent() -> None:
    taken = take({**GOOD, "facility": "杭州中心", "note": "客户签收 <b>", "corrects": "0123456789abcdef"})
    check_batch(taken.scans)
    assert taken.scans.schema.equals(SCAN_SCHEMA)
    [event] = events_of(taken.scans)
    assert event == ScanEvent(
        carrier="yto",
        number="YT1",
        code="GOT",
        at=parse_instant("2026-11-20T10:00:00+08:00"),
        facility="杭州中心",
        note="客户签收 <b>",
        corrects="0123456789abcdef",
        recorded_at_ms=NOW_MS,
    )


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE scans; --",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "%s%n",
        "../../etc/passwd",
        "\\",
        '"',
        "=cmd|'/c'!A1",
    ],
)
def test_text_that_means_something_elsewhere_is_text_here(text: str) -> None:
    event = take_one(number=text.replace(" ", ""), code=text, facility=text, note=text)
    assert (event.number, event.code, event.facility, event.note) == (text.replace(" ", ""), text, text, text)


def test_limits_hold_to_the_letter() -> None:
    event = take_one(number="1" * 64, code="码" * 64, facility="f" * 128, note="快" * 1000)
    assert [len(text or "") for text in (event.number, event.code, event.facility, event.note)] == [64, 64, 128, 1000]
    assert take_one(carrier="y" * 32, at="2026-11-20T10:00:00Z").carrier == "y" * 32


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("YT 123 456", "YT123456"), ("\u3000YT1\xa02\t3\r\n", "YT123"), ("YT-1.2/3_é"[:-1], "YT-1.2/3_")],
)
def test_blanks_are_taken_out_of_numbers(typed: str, kept: str) -> None:
    assert take_one(number=typed).number == kept


def test_blanks_around_other_texts_go_and_empty_ones_are_none() -> None:
    event = take_one(code=" GOT ", facility="\u3000New York ", note="  ", corrects="")
    assert (event.code, event.facility, event.note, event.corrects) == ("GOT", "New York", None, None)


def test_only_the_first_thing_that_is_wrong_with_a_row_is_told() -> None:
    taken = take({"carrier": "YTO", "number": None, "code": "c" * 99, "at": "x"})
    assert [(each.field, each.reason) for each in taken.refusals] == [("number", "is missing")]


@given(st.lists(st.sampled_from(MIXTURE), max_size=25), st.integers(1, 9))
def test_any_mixture_of_good_and_bad_rows(mixture: list[tuple[Row, str | None]], step: int) -> None:
    """Good rows come out as they do alone and in their order; each bad one under the number that it was sent with."""
    numbers = [row * step for row in range(len(mixture))]
    unread = [Refusal(len(mixture) * step, "", "is not UTF-8")]
    rows = rows_of([row for row, _ in mixture], numbers, unread)
    taken = take_in(rows, zone_of, now_ms=NOW_MS, recorded_at_ms=None)
    alone = [take_in(rows_of([row]), zone_of, now_ms=NOW_MS, recorded_at_ms=None) for row, _ in mixture]
    assert events_of(taken.scans) == [event for one in alone for event in events_of(one.scans)]
    assert taken.refusals[:-1] == [
        msgspec.structs.replace(refusal, row=number)
        for number, one in zip(numbers, alone, strict=True)
        for refusal in one.refusals
    ]
    assert [each.field for each in taken.refusals] == [field for _, field in mixture if field] + [""]
    assert len(taken.refusals) + taken.scans.num_rows == rows.sent


def test_rows_of_ndjson_keep_their_line_numbers() -> None:
    body = b'{"number":"YT1"}\n\nnonsense\n{"carrier":"yto","number":"YT2","code":"GOT","at":"2026-11-20T10:00:00Z"}\n'
    taken = take_in(read_ndjson(body, 10), zone_of, now_ms=NOW_MS, recorded_at_ms=None)
    assert [(each.row, each.field) for each in taken.refusals] == [(0, "carrier"), (2, "")]
    assert [event.number for event in events_of(taken.scans)] == ["YT2"]


def test_no_rows_are_a_batch_too() -> None:
    taken = take_in(empty_rows(), zone_of, now_ms=NOW_MS, recorded_at_ms=None)
    check_batch(taken.scans)
    assert (taken.scans.num_rows, taken.refusals) == (0, [])


def test_what_could_not_be_read_is_told_though_nothing_else_came() -> None:
    unread = [Refusal(3, "", "is no JSON"), Refusal(1, "", "is no JSON")]
    taken = take_in(rows_of([], refusals=unread), zone_of, now_ms=NOW_MS, recorded_at_ms=None)
    check_batch(taken.scans)
    assert (taken.scans.num_rows, [each.row for each in taken.refusals]) == (0, [1, 3])


def test_rows_of_all_kinds_are_told_by_their_numbers() -> None:
    """Plain ones, ones for the careful way, and refused ones of either way, or of none."""
    good: Row = {"number": "YT1", "code": "GOT", "at": "2026-11-20T10:00:00Z", "carrier": "yto"}
    ahead: Row = {"at": "2026-12-24T10:00:00Z"}
    lines = [good, good | {"number": " YT2"}, good | ahead, good | ahead | {"number": " YT3"}]
    body = b"\n".join([b"{", *(msgspec.json.encode(line) for line in lines * 2)])
    taken = take_in(read_lines(body, 99), zone_of, now_ms=NOW_MS, recorded_at_ms=NOW_MS)
    check_batch(taken.scans)
    assert sorted(event.number for event in events_of(taken.scans)) == ["YT1", "YT1", "YT2", "YT2"]
    assert [(each.row, each.field) for each in taken.refusals] == [(0, ""), (3, "at"), (4, "at"), (7, "at"), (8, "at")]


# Who sent it, and when


def test_the_sender_stands_in_where_a_row_names_no_carrier() -> None:
    taken = take(GOOD | {"carrier": None}, GOOD | {"carrier": "sto"}, carrier="zto")
    assert [event.carrier for event in events_of(taken.scans)] == ["zto", "sto"]


def test_history_does_not_know_when_it_was_recorded() -> None:
    taken = take_in(rows_of([GOOD]), zone_of, now_ms=NOW_MS, recorded_at_ms=None)
    assert taken.scans.column("recorded_at").to_pylist() == [None]


def test_what_the_sender_knows_to_be_doubtful_is_flagged() -> None:
    taken = take(GOOD, GOOD | {"at": "2026-10-25 01:30:00", "zone": "Europe/Lisbon"}, time_flags=TimeFlag.YEAR_ASSUMED)
    assert [event.time_flags for event in events_of(taken.scans)] == [
        TimeFlag.YEAR_ASSUMED,
        TimeFlag.YEAR_ASSUMED | TimeFlag.REPEATED_HOUR,
    ]


def test_a_clock_may_run_ahead_by_two_days() -> None:
    assert MAX_AHEAD_MS == 2 * DAY_MS
    assert take_one(at=format_instant(NOW_MS + MAX_AHEAD_MS, 480)).at.at_ms == NOW_MS + MAX_AHEAD_MS


# Zones


@pytest.mark.parametrize(
    ("fields", "at", "source"),
    [
        # an offset of its own
        ({"at": "2026-11-20T10:00:00+08:00"}, "2026-11-20T10:00:00+08:00", OffsetSource.REPORTED),
        ({"at": "2026-11-20T10:00:00Z", "zone": "Asia/Tokyo"}, "2026-11-20T10:00:00+00:00", OffsetSource.REPORTED),
        # the zone of the row
        ({"zone": "Asia/Tokyo"}, "2026-11-20T10:00:00+09:00", OffsetSource.REPORTED),
        ({"zone": " Asia/Tokyo ", "facility": "Lisbon"}, "2026-11-20T10:00:00+09:00", OffsetSource.REPORTED),
        # the zone of the carrier, also where the facility has another
        ({}, "2026-11-20T10:00:00+08:00", OffsetSource.CARRIER),
        ({"facility": "Lisbon"}, "2026-11-20T10:00:00+08:00", OffsetSource.CARRIER),
        ({"zone": "  "}, "2026-11-20T10:00:00+08:00", OffsetSource.CARRIER),
        # the zone of the facility, where the carrier has none
        ({"carrier": "ctt", "facility": "Lisbon"}, "2026-11-20T10:00:00+00:00", OffsetSource.FACILITY),
        ({"carrier": "ctt", "facility": "Lisbon", "zone": "UTC"}, "2026-11-20T10:00:00+00:00", OffsetSource.REPORTED),
    ],
)
def test_where_the_offset_of_a_local_stamp_comes_from(fields: Row, at: str, source: OffsetSource) -> None:
    event = take_one(**{"at": "2026-11-20 10:00:00", **fields})
    assert (str(event.at), event.at.source, event.time_flags) == (at, source, TimeFlag(0))


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"carrier": "ctt"}, "at", "has no offset, and neither the carrier nor the facility has a known zone"),
        ({"carrier": "ctt", "facility": "Porto"}, "at", "has no offset, and neither the carrier nor the facility"),
        ({"zone": "Mars/Olympus"}, "zone", "unknown time zone 'Mars/Olympus'"),
        ({"zone": "../UTC"}, "zone", "unknown time zone '../UTC'"),
        ({"zone": "z" * 10_000}, "zone", "unknown time zone 'zzz"),
        ({"carrier": "mars"}, "zone", "unknown time zone 'Mars/Olympus'"),
    ],
)
def test_time_is_never_guessed(fields: Row, field: str, reason: str) -> None:
    taken = take(GOOD, GOOD | {"at": "2026-11-20 10:00:00"} | fields)
    [refusal] = taken.refusals
    assert (refusal.row, refusal.field) == (1, field)
    assert refusal.reason.startswith(reason)
    assert len(refusal.reason) < 200
    assert taken.scans.num_rows == 1


def test_a_stated_zone_is_looked_at_beside_an_offset_too() -> None:
    rows = [GOOD | {"zone": zone} for zone in ("Asia/Tokyo", "Mars/Olympus", None, "Asia/Tokio", " ", "Mars/Olympus")]
    taken = take(*rows)
    assert [(each.row, each.field, each.reason, each.value) for each in taken.refusals] == [
        (1, "zone", "unknown time zone 'Mars/Olympus'", "Mars/Olympus"),
        (3, "zone", "unknown time zone 'Asia/Tokio'", "Asia/Tokio"),
        (5, "zone", "unknown time zone 'Mars/Olympus'", "Mars/Olympus"),
    ]
    assert taken.scans.num_rows == 3


@pytest.mark.parametrize(
    ("local", "zone", "at", "flag"),
    [
        ("2026-10-25 01:30:00", "Europe/Lisbon", "2026-10-25T01:30:00+01:00", TimeFlag.REPEATED_HOUR),
        ("2026-03-29 01:30:00", "Europe/Lisbon", "2026-03-29T02:30:00+01:00", TimeFlag.SKIPPED_HOUR),
        ("2018-11-04 00:10:00", "America/Sao_Paulo", "2018-11-04T01:10:00-02:00", TimeFlag.SKIPPED_HOUR),
        ("2018-02-17 23:10:00", "America/Sao_Paulo", "2018-02-17T23:10:00-02:00", TimeFlag.REPEATED_HOUR),
        ("2026-10-25 01:30:00", "Asia/Shanghai", "2026-10-25T01:30:00+08:00", TimeFlag(0)),
    ],
)
def test_hours_that_come_twice_or_never_are_flagged(local: str, zone: str, at: str, flag: TimeFlag) -> None:
    event = take_one(at=local, zone=zone)
    assert (str(event.at), event.time_flags) == (at, flag)


def test_many_zones_in_one_batch_stay_apart() -> None:
    zones = ["Asia/Tokyo", None, "Europe/Lisbon", None, "Asia/Tokyo", "America/Sao_Paulo"]
    taken = take(*(GOOD | {"at": "2026-07-01 10:00", "zone": zone} for zone in zones))
    assert [event.at.offset_min for event in events_of(taken.scans)] == [540, 480, 60, 480, 540, -180]


def test_a_batch_asks_once_for_all_its_carriers_and_facilities() -> None:
    asked: list[list[tuple[str, str | None]]] = []

    def count(pairs: Sequence[tuple[str, str | None]]) -> list[tuple[str, OffsetSource] | None]:
        asked.append(sorted(pairs, key=str))
        return zone_of(pairs)

    rows: list[Row] = [{**GOOD, "at": "2026-11-20 10:00", "facility": f"F{row % 3}"} for row in range(300)]
    rows.append({**GOOD, "at": "2026-11-20 10:00", "facility": "F9", "zone": "Asia/Tokyo"})
    taken = take_in(rows_of(rows), count, now_ms=NOW_MS, recorded_at_ms=None)
    assert asked == [[("yto", "F0"), ("yto", "F1"), ("yto", "F2")]]
    assert [event.at.offset_min for event in events_of(taken.scans)] == [480] * 300 + [540]


def test_rows_with_offsets_ask_for_no_zone() -> None:
    asked: list[object] = []
    take_in(rows_of([GOOD]), lambda pairs: asked.append(pairs) or [], now_ms=NOW_MS, recorded_at_ms=None)
    assert asked == []


# Voids and private matters


def test_a_void_names_the_scan_that_it_withdraws() -> None:
    taken = take(GOOD | {"code": VOID}, GOOD | {"code": VOID, "corrects": "0" * 16})
    assert [(each.row, each.field) for each in taken.refusals] == [(0, "corrects")]
    assert taken.refusals[0].reason.startswith("is missing")
    assert [event.corrects for event in events_of(taken.scans)] == ["0" * 16]


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ("派件员张三 13800138000 派送中", "派件员张三 … 派送中"),
        ("call +86 138 0013 8000 now", "call … now"),
        ("tel 0571-8888 6666", "tel …"),
        ("tel (0571) 8888-6666", "tel (…"),
        ("tel 138–0013–8000", "tel …"),
        ("tel 138－0013－8000", "tel …"),
        ("tel 138\xa00013\xa08000", "tel …"),
        ("tel 138\u200b0013\u200b8000", "tel …"),
        ("电话１３８００１３８０００", "电话…"),
        ("tel ١٢٣٤٥٦٧٨٩", "tel …"),
        ("two: 13800138000 / 13900139000.", "two: …."),
        ("gate 12, 3rd floor, box 123456", "gate 12, 3rd floor, box 123456"),
        ("到达 2 号库", "到达 2 号库"),
    ],
)
def test_telephone_numbers_do_not_enter_the_log(note: str, kept: str) -> None:
    assert take_one(note=note).note == kept


def test_a_note_of_several_lines_becomes_one() -> None:
    rows = read_ndjson(
        b'{"carrier":"yto","number":"1","code":"GOT","at":"2026-01-02T03:04:05Z","note":"left\\r\\n\\tat 3"}', 9
    )
    taken = take_in(rows, lambda pairs: [None] * len(pairs), now_ms=NOW_MS, recorded_at_ms=None)
    assert taken.refusals == []
    assert taken.scans.column("note").to_pylist() == ["left at 3"]


def test_few_rows_are_grouped_as_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    text = {
        "carrier": pa.array(["yto", "usps", "yto", "usps", "usps", "yto"]),
        "facility": pa.array(["A", None, "A", None, "B", "A"]),
        "zone": pa.array([None, "Asia/Tokyo", None, None, None, "Asia/Tokyo"]),
    }
    rows = np.array([0, 1, 2, 3, 5], np.intp)
    few = [(key, of_group.tolist()) for key, of_group in intake._group(text, rows)]
    assert few == [
        (("yto", "A", None), [0, 2]),
        (("usps", None, "Asia/Tokyo"), [1]),
        (("usps", None, None), [3]),
        (("yto", "A", "Asia/Tokyo"), [5]),
    ]
    monkeypatch.setattr(intake, "_FEW", 0)
    assert sorted(map(repr, few)) == sorted(
        repr((key, of_group.tolist())) for key, of_group in intake._group(text, rows)
    )


@pytest.mark.parametrize("note", [None, "a text with an é, which is read the slow way"])
def test_a_sender_speaks_only_for_its_own(note: str | None) -> None:
    row = {"number": "X1", "code": "delivered", "at": "2026-01-02T03:04:05+08:00", "note": note or ""}
    body = "\n".join(json.dumps(row | named) for named in ({"carrier": "yto"}, {}, {"carrier": "own"})).encode()
    rows = read_lines(body, 10)
    intake = take_in(
        rows, lambda pairs: [None] * len(pairs), now_ms=NOW_MS, recorded_at_ms=None, carrier="own", only=("own",)
    )
    assert intake.scans.column("carrier").to_pylist() == ["own", "own"]
    assert [(each.row, each.field, each.value) for each in intake.refusals] == [(0, "carrier", "yto")]
    assert "own" in intake.refusals[0].reason
