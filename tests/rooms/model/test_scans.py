"""Scans: an id that never changes, columns and records that say the same, and which scans a correction leaves."""

from collections.abc import Callable

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput
from waypost.model.instants import (
    EARLIEST_MS,
    LATEST_MS,
    MAX_OFFSET_MIN,
    MIN_OFFSET_MIN,
    QUARTER_MIN,
    Instant,
    OffsetSource,
    TimeFlag,
)
from waypost.model.scans import (
    SCAN_FORMAT,
    SCAN_SCHEMA,
    VOID,
    ScanEvent,
    batch_of,
    check_batch,
    empty_batch,
    events_of,
    in_order,
    join_batches,
    scan_id,
    scan_ids,
    surviving,
)
from waypost.testing import scan

PICKED_UP = scan("YT1", "GOT", "2026-11-20 10:00", at="Hangzhou")

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
events = st.builds(
    ScanEvent,
    carrier=st.sampled_from(["yto", "sto"]),
    number=st.sampled_from(["YT1", "YT2", "773300123456789"]),
    code=texts,
    at=st.builds(
        Instant,
        st.integers(EARLIEST_MS, LATEST_MS),
        st.sampled_from([-720, -210, 0, 345, 840]),
        st.sampled_from(OffsetSource),
    ),
    facility=st.none() | texts,
    note=st.none() | texts,
    corrects=st.none() | st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    time_flags=st.integers(0, 7).map(TimeFlag),
    recorded_at_ms=st.none() | st.integers(EARLIEST_MS + 1, LATEST_MS),
)


#: Scans of which many tie in some column.
FEW = [
    scan("YT1", code, f"2026-11-20 {time}", at=facility, carrier=carrier, recorded=recorded, corrects=corrects)
    for code in ("GOT", "got")
    for time in ("10:00+08:00", "10:15+08:15")
    for facility in (None, "", "杭州", "\U0001f69a", "\uffff")
    for carrier in ("yto", "sto")
    for recorded in (None, "2026-11-20T02:00:05Z")
    for corrects in (None, "0" * 16)
]


def stand(*scans: ScanEvent) -> list[ScanEvent]:
    table = pa.Table.from_batches([batch_of(scans)])
    return events_of(table.filter(pa.array(surviving(table))))


def test_the_id_is_public_and_never_changes() -> None:
    """Senders keep it, and corrections name it: these digits stay as they are in every version."""
    at_ms = 1_795_262_400_000
    assert scan_id("yto", "YT1234567890123", at_ms, 480, "GOT", "杭州中心", None) == "8853fd3b91b17bfd"
    assert scan_id("yto", "YT1234567890123", at_ms, 480, "GOT", None) == "24507f3744fa925c"
    assert PICKED_UP.id == scan_id("yto", "YT1", PICKED_UP.at.at_ms, 480, "GOT", "Hangzhou")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("carrier", "sto"),
        ("number", "YT2"),
        ("code", "SIGNED"),
        ("at", Instant(PICKED_UP.at.at_ms + 1, 480, OffsetSource.CARRIER)),
        ("at", Instant(PICKED_UP.at.at_ms, 540, OffsetSource.CARRIER)),
        ("facility", None),
        ("facility", "Shanghai"),
        ("corrects", "0" * 16),
    ],
)
def test_another_content_is_another_scan(field: str, value: object) -> None:
    other = msgspec.structs.replace(PICKED_UP, **{field: value})
    assert other.id != PICKED_UP.id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("note", "快件已签收"),
        ("recorded_at_ms", 1_795_262_400_000),
        ("time_flags", TimeFlag.YEAR_ASSUMED),
        ("at", Instant(PICKED_UP.at.at_ms, 480, OffsetSource.REPORTED)),
    ],
)
def test_who_sent_it_again_and_with_which_words_does_not_count(field: str, value: object) -> None:
    assert msgspec.structs.replace(PICKED_UP, **{field: value}).id == PICKED_UP.id


@given(st.lists(events, max_size=8))
def test_columns_and_records_say_the_same(rows: list[ScanEvent]) -> None:
    batch = batch_of(rows)
    assert batch.schema.equals(SCAN_SCHEMA)
    check_batch(batch)
    assert events_of(batch) == rows
    table = pa.Table.from_batches([batch]).append_column("position", pa.array(range(len(rows)), pa.int64()))
    assert events_of(table) == rows
    assert scan_ids(batch) == scan_ids(table) == [row.id for row in rows]


@given(st.lists(st.lists(events, max_size=4), max_size=4))
def test_joined_batches_hold_the_same_scans(parts: list[list[ScanEvent]]) -> None:
    joined = join_batches([batch_of(part) for part in parts])
    check_batch(joined)
    assert events_of(joined) == [event for part in parts for event in part]


def test_an_empty_batch_is_a_batch() -> None:
    check_batch(empty_batch())
    assert events_of(empty_batch()) == events_of(join_batches([])) == []
    assert surviving(pa.Table.from_batches([empty_batch()])).tolist() == []


def test_a_correction_replaces_the_scan_that_it_names() -> None:
    wrong = scan("YT1", "SIGNED", "2026-11-21 09:00", at="Beijing")
    right = scan("YT1", "SIGNED", "2026-11-21 09:00", at="Shanghai", corrects=wrong)
    assert stand(PICKED_UP, wrong, right) == [PICKED_UP, right]
    assert stand(right, wrong, PICKED_UP) == [right, PICKED_UP]
    assert stand(PICKED_UP, right) == [PICKED_UP, right]


def test_a_void_withdraws_the_scan_that_it_names() -> None:
    void = scan("YT1", VOID, "2026-11-20 11:00", corrects=PICKED_UP)
    assert stand(PICKED_UP, void) == [void]


def test_a_corrected_scan_stays_corrected_along_a_chain() -> None:
    first = scan("YT1", "SIGNED", "2026-11-21 09:00", at="Beijing")
    second = scan("YT1", "SIGNED", "2026-11-21 09:00", at="Tianjin", corrects=first)
    third = scan("YT1", "SIGNED", "2026-11-21 09:00", at="Shanghai", corrects=second)
    assert stand(PICKED_UP, first, second, third) == [PICKED_UP, third]
    undo = scan("YT1", VOID, "2026-11-21 12:00", corrects=third)
    assert stand(third, undo, second, first) == [undo]


def test_two_corrections_of_one_scan_both_stand() -> None:
    wrong = scan("YT1", "SIGNED", "2026-11-21 09:00")
    one = scan("YT1", "SIGNED", "2026-11-21 09:10", corrects=wrong)
    other = scan("YT1", "FAILED", "2026-11-21 09:20", corrects=wrong)
    assert stand(wrong, one, other) == [one, other]


@pytest.mark.parametrize(("number", "carrier"), [("YT2", "yto"), ("YT1", "sto")])
def test_a_correction_reaches_no_other_parcel(number: str, carrier: str) -> None:
    stranger = scan(number, VOID, "2026-11-20 11:00", corrects=PICKED_UP.id, carrier=carrier)
    assert stand(PICKED_UP, stranger) == [PICKED_UP, stranger]
    own = scan("YT1", VOID, "2026-11-20 11:00", corrects=PICKED_UP)
    assert stand(PICKED_UP, stranger, own) == [stranger, own]


def test_nothing_is_corrected_by_an_id_that_nobody_has() -> None:
    void = scan("YT1", VOID, "2026-11-20 11:00", corrects="0123456789abcdef")
    assert stand(PICKED_UP, void) == [PICKED_UP, void]


@given(st.lists(events, max_size=6))
def test_what_stands_is_what_nobody_corrects_in_whatever_order(rows: list[ScanEvent]) -> None:
    rows += [scan(row.number, VOID, "2026-11-20 11:00", corrects=row, carrier=row.carrier) for row in rows[::2]]
    assert sorted(row.id for row in stand(*rows)) == sorted(row.id for row in stand(*reversed(rows)))
    corrected = {(row.carrier, row.number, row.corrects) for row in rows}
    assert stand(*rows) == [row for row in rows if (row.carrier, row.number, row.id) not in corrected]


def _order(event: ScanEvent) -> list[tuple[bool, object]]:
    """What `in_order` goes by, as Python compares it; what is missing stands behind all."""
    columns = (
        event.number,
        event.carrier,
        event.at.at_ms,
        event.recorded_at_ms,
        event.code.encode(),
        None if event.facility is None else event.facility.encode(),
        event.at.offset_min,
        event.corrects,
    )
    return [(column is None, 0 if column is None else column) for column in columns]


@given(st.lists(events | st.sampled_from(FEW), max_size=12))
def test_scans_are_put_in_an_order_that_follows_from_what_they_say(rows: list[ScanEvent]) -> None:
    parts = [batch_of(rows[:3]), batch_of(rows[3:])]  # each with dictionaries of its own
    ordered = events_of(in_order(pa.Table.from_batches(parts)))
    assert [_order(event) for event in ordered] == sorted(_order(event) for event in rows)
    assert sorted(map(repr, ordered)) == sorted(map(repr, rows))


def test_each_column_decides_where_those_before_it_tie() -> None:
    at, recorded_ms = PICKED_UP.at, PICKED_UP.at.at_ms + 1000
    ways: list[dict[str, object]] = [
        {"number": "YT0", "carrier": "zto"},
        {"carrier": "sto", "at": Instant(at.at_ms + 1, 480, at.source)},
        {"at": Instant(at.at_ms - 1, 480, at.source), "recorded_at_ms": recorded_ms + 1},
        {"recorded_at_ms": recorded_ms, "code": "Z"},
        {"recorded_at_ms": recorded_ms + 1, "code": "A", "facility": "Z"},
        {"recorded_at_ms": recorded_ms + 1, "facility": "A", "at": Instant(at.at_ms, 495, at.source)},
        {"recorded_at_ms": recorded_ms + 1, "at": Instant(at.at_ms, 465, at.source), "corrects": "f" * 16},
        {"recorded_at_ms": recorded_ms + 1, "corrects": "0" * 16},
        {"recorded_at_ms": recorded_ms + 1, "corrects": "1" * 16},
        {"recorded_at_ms": recorded_ms + 1},
        {"recorded_at_ms": recorded_ms + 1, "facility": None},
        {},
    ]
    rows = [msgspec.structs.replace(PICKED_UP, **way) for way in ways]
    for turn in range(len(rows)):
        table = pa.Table.from_batches([batch_of([*rows[turn:], *rows[:turn]][::-1])])
        assert events_of(in_order(table)) == rows


def test_scans_alike_in_all_of_that_stay_as_they_came() -> None:
    """Same ones come from several runs: the first that came is the one that is kept."""
    rows = [msgspec.structs.replace(PICKED_UP, note=str(number)) for number in range(40)]
    assert events_of(in_order(pa.Table.from_batches([batch_of(rows)]))) == rows


def test_further_columns_stay_beside_their_scans_and_none_is_changed() -> None:
    rows = [scan(f"YT{number}", "GOT", "2026-11-20 10:00", note=f"n{number}") for number in (3, 1, 2)]
    table = pa.Table.from_batches([batch_of(rows)]).append_column("position", pa.array([30, 10, 20]))
    ordered = in_order(table)
    assert ordered.schema == table.schema
    assert ordered.select(["number", "note", "position"]).to_pylist() == [
        {"number": f"YT{number}", "note": f"n{number}", "position": 10 * number} for number in (1, 2, 3)
    ]
    assert in_order(SCAN_SCHEMA.empty_table()).num_rows == 0


def _with(name: str, values: list[object]) -> pa.RecordBatch:
    batch = batch_of([PICKED_UP])
    place = SCAN_SCHEMA.get_field_index(name)
    columns = list(batch.columns)
    columns[place] = pa.array(values, SCAN_SCHEMA.field(name).type)
    return pa.RecordBatch.from_arrays(columns, schema=SCAN_SCHEMA)


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: batch_of([PICKED_UP]).select(["carrier", "number"]), None),
        (lambda: batch_of([PICKED_UP]).rename_columns(["x", *SCAN_SCHEMA.names[1:]]), None),
        *((lambda name=name: _with(name, [None]), name) for name in ("carrier", "number", "code", "at", "offset_min")),
        *(
            (lambda name=name: _with(name, ["a\0b"]), name)
            for name in ("carrier", "number", "code", "facility", "corrects")
        ),
        *(
            (lambda name=name, at_ms=at_ms: _with(name, [at_ms]), name)
            for name in ("at", "recorded_at")
            for at_ms in (EARLIEST_MS - 1, LATEST_MS + 1, 0, -(1 << 63), (1 << 63) - 1)
        ),
        *(
            (lambda minutes=minutes: _with("offset_min", [minutes]), "offset_min")
            for minutes in (MIN_OFFSET_MIN - QUARTER_MIN, MAX_OFFSET_MIN + QUARTER_MIN, -32768, 32760, 1, -1, 481, -14)
        ),
        (lambda: _with("recorded_at", [EARLIEST_MS]), "recorded_at"),
        (lambda: _with("offset_source", [16]), "offset_source"),
        (lambda: _with("number", ["x" * 256]), "number"),
        (lambda: _with("number", ["杭" * 86]), "number"),
        (lambda: _with("note", ["n" * 65_001]), "note"),
        *(
            (lambda text=text: _with("corrects", [text]), "corrects")
            for text in ("", "ab", "0" * 17, "A" * 16, "x" * 16)
        ),
    ],
)
def test_what_no_log_may_keep(make: Callable[[], pa.RecordBatch], where: str | None) -> None:
    with pytest.raises(BadInput) as caught:
        check_batch(make())
    assert caught.value.where == where


def test_one_bad_row_among_many_is_enough() -> None:
    good = PICKED_UP.at
    for at in (
        Instant(LATEST_MS + 1, good.offset_min, good.source),
        Instant(EARLIEST_MS - 1, good.offset_min, good.source),
        Instant(good.at_ms, good.offset_min + 1, good.source),
        Instant(good.at_ms, MAX_OFFSET_MIN + QUARTER_MIN, good.source),
        Instant(good.at_ms, MIN_OFFSET_MIN - QUARTER_MIN, good.source),
    ):
        for place in (0, 50, 99):
            rows = [PICKED_UP] * 100
            rows[place] = msgspec.structs.replace(PICKED_UP, at=at)
            with pytest.raises(BadInput):
                check_batch(batch_of(rows))


def test_the_first_and_the_last_that_a_log_may_keep() -> None:
    check_batch(batch_of([]))
    check_batch(empty_batch())
    for at_ms in (EARLIEST_MS, LATEST_MS):
        for recorded_ms in (EARLIEST_MS + 1, LATEST_MS, None):
            for minutes in (MIN_OFFSET_MIN, -QUARTER_MIN, 0, QUARTER_MIN, MAX_OFFSET_MIN):
                at = Instant(at_ms, minutes, OffsetSource.REPORTED)
                one = msgspec.structs.replace(PICKED_UP, at=at, recorded_at_ms=recorded_ms)
                check_batch(batch_of([one]))
                check_batch(batch_of([PICKED_UP, one]))


def test_the_format_is_that_of_these_columns() -> None:
    """Files on disk hold these columns: whoever changes them raises the format, and upgrades or refuses the old one."""
    assert SCAN_FORMAT == 1
    words = pa.dictionary(pa.int32(), pa.string())
    assert [(field.name, field.type, field.nullable) for field in SCAN_SCHEMA] == [
        ("carrier", words, False),
        ("number", pa.string(), False),
        ("code", words, False),
        ("at", pa.timestamp("ms", "UTC"), False),
        ("offset_min", pa.int16(), False),
        ("offset_source", pa.uint8(), False),
        ("time_flags", pa.uint8(), False),
        ("facility", words, True),
        ("note", pa.string(), True),
        ("corrects", pa.string(), True),
        ("recorded_at", pa.timestamp("ms", "UTC"), True),
    ]
