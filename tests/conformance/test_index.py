"""What every `ParcelIndex` does."""

import threading

import pyarrow as pa
import pytest
from tests.conformance.engines import FOLD, ForgetsError, Opened
from tests.conformance.small_worlds import NOON, append, big_batch, rows, scan

from waypost.model.instants import TimeFlag
from waypost.model.scans import SCAN_SCHEMA, VOID, events_of
from waypost.store.protocols import Memory
from waypost.track.fold import CORRECTED, UNKNOWN_CODE
from waypost.track.statuses import get_status


def status_of(table: pa.Table) -> list[str]:
    return [get_status(number).code for number in table.column("status").to_pylist()]


def test_an_unknown_number_has_nothing(memory: Memory) -> None:
    for number in ("nobody", "", "A\0sf", "\ud800"):
        assert memory.index.states([number]).num_rows == 0
        assert memory.index.timelines([number]).num_rows == 0
    assert memory.index.states([]).num_rows == memory.index.timelines([]).num_rows == 0


def test_tables_have_the_same_columns_with_and_without_rows(opened: Opened) -> None:
    memory = opened.memory
    empty = memory.index.states(["A1"]).schema, memory.index.timelines(["A1"]).schema
    append(memory, scan("A1"))
    opened.caught_up()
    assert (memory.index.states(["A1"]).schema, memory.index.timelines(["A1"]).schema) == empty
    assert empty[1] == SCAN_SCHEMA
    shown = [name for name in FOLD.dtype.names or () if not name.startswith("_")]
    assert empty[0].names == ["carrier", "number", "scans", *shown]
    assert empty[0].field("facility").type == pa.dictionary(pa.int32(), pa.string())


@pytest.mark.always
def test_a_state_and_a_timeline(opened: Opened) -> None:
    picked_up = scan("A1", minute=0, note="已揽收", recorded_at_ms=NOON + 5)
    on_its_way = scan(
        "A1", minute=30, code="opcode:30", facility="755A", offset_min=540, time_flags=TimeFlag.YEAR_ASSUMED
    )
    append(opened.memory, on_its_way, picked_up)
    memory = opened.caught_up()
    states = memory.index.states(["A1"])
    shown = rows(states, "carrier", "number", "scans", "first_at", "last_at", "code", "facility", "offset_min")
    assert shown == [("sf", "A1", 2, NOON, NOON + 1_800_000, "opcode:30", "755A", 540)]
    assert status_of(states) == ["in_transit"]
    timeline = memory.index.timelines(["A1"])
    assert timeline.schema == SCAN_SCHEMA
    assert events_of(timeline) == [picked_up, on_its_way]
    assert rows(timeline, "recorded_at") == [(NOON + 5,), (None,)]


def test_the_same_scan_counts_once_and_the_first_one_stays(opened: Opened) -> None:
    first = scan("A1", note="first", recorded_at_ms=NOON)
    again = scan("A1", note="again", recorded_at_ms=NOON + 1, time_flags=TimeFlag.YEAR_ASSUMED)
    append(opened.memory, first, again)  # within a batch
    append(opened.memory, again, scan("A1", minute=1))  # across batches
    opened.caught_up()
    append(opened.memory, again)  # after it was indexed
    memory = opened.caught_up()
    assert rows(memory.index.timelines(["A1"]), "at", "note") == [(NOON, "first"), (NOON + 60_000, None)]
    assert rows(memory.index.states(["A1"]), "scans", "flags") == [(2, 0)]


@pytest.mark.gap("reference", raises=ForgetsError)
def test_the_same_scan_counts_once_across_restarts(opened: Opened) -> None:
    append(opened.memory, scan("A1"), scan("A2"))
    opened.caught_up()
    opened.restart()
    append(opened.memory, scan("A2"), scan("A1", minute=1))
    opened.restart()
    append(opened.memory, scan("A1"), scan("A1", minute=1))
    memory = opened.caught_up()
    found = rows(memory.index.timelines(["A1", "A2"]), "number", "at")
    assert found == [("A1", NOON), ("A1", NOON + 60_000), ("A2", NOON)]
    assert rows(memory.index.states(["A1", "A2"]), "number", "scans") == [("A1", 2), ("A2", 1)]


@pytest.mark.parametrize(
    "change",
    [
        {"minute": 1},
        {"offset_min": 540},
        {"code": "opcode:30"},
        {"facility": "755A"},
        {"facility": ""},
        {"corrects": "0" * 16},
        {"carrier": "yto"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_makes_a_scan_another_one_counts(opened: Opened, change: dict[str, object]) -> None:
    append(opened.memory, scan("A1"), scan("A1", **change))
    memory = opened.caught_up()
    assert sum(memory.index.states(["A1"]).column("scans").to_pylist()) == 2
    assert memory.index.timelines(["A1"]).num_rows == 2


def test_one_number_at_two_carriers_is_two_parcels(opened: Opened) -> None:
    append(opened.memory, scan("A1", carrier="yto", code="SIGNED"), scan("A1"), scan("A1", minute=1))
    memory = opened.caught_up()
    assert rows(memory.index.states(["A1"]), "carrier", "scans") == [("sf", 2), ("yto", 1)]
    assert rows(memory.index.timelines(["A1"]), "carrier", "code") == [
        ("sf", "opcode:50"),
        ("sf", "opcode:50"),
        ("yto", "SIGNED"),
    ]


def test_numbers_that_begin_alike_stay_apart(opened: Opened) -> None:
    numbers = ["A", "A!", "A!sf", "A~", "AA", "A1", "A:", "A/sf", "~", "!"]
    append(opened.memory, *(scan(number) for number in numbers))
    memory = opened.caught_up()
    for number in numbers:
        assert rows(memory.index.states([number]), "number", "scans") == [(number, 1)]
        assert memory.index.timelines([number]).column("number").to_pylist() == [number]


def test_many_numbers_at_once_come_sorted_and_once(opened: Opened) -> None:
    append(opened.memory, scan("B", carrier="yto"), scan("C"), scan("A"), scan("B"))
    memory = opened.caught_up()
    asked = ["C", "A", "none", "B", "A"]
    assert rows(memory.index.states(asked), "number", "carrier") == [
        ("A", "sf"),
        ("B", "sf"),
        ("B", "yto"),
        ("C", "sf"),
    ]
    assert memory.index.timelines(asked).column("number").to_pylist() == ["A", "B", "B", "C"]


def test_a_timeline_is_ordered_by_instant_then_by_what_the_scans_say(opened: Opened) -> None:
    early = scan("A1", minute=-5_000_000)  # in 2017
    two, both = scan("A1", minute=2), [scan("A1", code="opcode:50"), scan("A1", code="opcode:204")]
    for event in [two, *both, early]:
        append(opened.memory, event)
    memory = opened.caught_up()
    assert events_of(memory.index.timelines(["A1"])) == [early, both[1], both[0], two]


def test_pages_go_through_all_parcels(opened: Opened) -> None:
    opened.memory.log.append(big_batch(0, 300, parcels=53))
    append(opened.memory, *(scan("P7", carrier=carrier) for carrier in ("a", "zto", "yto")))
    memory = opened.caught_up()
    after, seen = None, []
    while page := rows(memory.index.page(after, 10), "number", "carrier"):
        assert len(page) <= 10
        seen += page
        after = page[-1]
    assert sorted(seen) == sorted({*((f"P{n}", "sf") for n in range(53)), ("P7", "a"), ("P7", "zto"), ("P7", "yto")})
    assert rows(memory.index.page(None, 100), "number", "carrier") == seen
    for place, parcel in enumerate(seen):
        assert rows(memory.index.page(parcel, 3), "number", "carrier") == seen[place + 1 : place + 4]
    assert memory.index.page(None, 0).num_rows == 0


def test_a_withdrawn_scan_no_longer_counts_for_the_state(opened: Opened) -> None:
    wrong = scan("A1", code="opcode:80", minute=9)
    append(opened.memory, scan("A1"), wrong)
    memory = opened.caught_up()
    assert status_of(memory.index.states(["A1"])) == ["delivered"]
    append(memory, scan("A1", code=VOID, minute=10, corrects=wrong.id))
    opened.caught_up()
    states = memory.index.states(["A1"])
    assert status_of(states) == ["picked_up"]
    assert rows(states, "scans", "last_at", "flags") == [(3, NOON, CORRECTED)]
    assert memory.index.timelines(["A1"]).num_rows == 3


def test_a_correction_may_come_before_what_it_corrects(opened: Opened) -> None:
    wrong = scan("A1", code="opcode:80", minute=9)
    append(opened.memory, scan("A1", code="opcode:204", minute=8, corrects=wrong.id))
    opened.caught_up()
    append(opened.memory, wrong)
    memory = opened.caught_up()
    assert status_of(memory.index.states(["A1"])) == ["out_for_delivery"]


def test_a_corrected_parcel_goes_on(opened: Opened) -> None:
    wrong = scan("A1", code="opcode:80", minute=1)
    append(opened.memory, wrong, scan("A1", code=VOID, corrects=wrong.id))
    opened.caught_up()
    append(opened.memory, scan("A1", code="who-knows", minute=2), scan("A2"))
    opened.caught_up()
    append(opened.memory, scan("A1", code="opcode:204", minute=3))
    memory = opened.caught_up()
    states = memory.index.states(["A1", "A2"])
    assert status_of(states) == ["out_for_delivery", "picked_up"]
    assert rows(states, "scans", "flags") == [(4, CORRECTED | UNKNOWN_CODE), (1, 0)]


def test_a_parcel_of_which_everything_was_withdrawn_is_still_there(opened: Opened) -> None:
    wrong = scan("A1")
    void = scan("A1", code=VOID, corrects=wrong.id)
    append(opened.memory, wrong, void, scan("A1", code=VOID, minute=1, corrects=void.id))
    memory = opened.caught_up()
    assert rows(memory.index.states(["A1"]), "scans", "flags") == [(3, CORRECTED)]


def test_a_correction_touches_its_own_parcel_only(opened: Opened) -> None:
    wrong = scan("A1", code="opcode:80")
    append(opened.memory, wrong, scan("A2", code=VOID, corrects=wrong.id))
    memory = opened.caught_up()
    assert status_of(memory.index.states(["A1"])) == ["delivered"]


def test_it_says_how_far_it_is(opened: Opened) -> None:
    memory = opened.memory
    assert memory.index.position() == 0
    append(memory, scan("A1"), scan("A2"))
    assert memory.index.catch_up(2, timeout_s=60)
    assert memory.index.position() == 2
    assert memory.index.catch_up(1, timeout_s=0)
    assert not memory.index.catch_up(3, timeout_s=0.01)


@pytest.mark.always
def test_reading_while_it_follows(opened: Opened) -> None:
    """Counts never run behind the timeline by a part of a batch, and never go back."""
    memory = opened.memory

    def write() -> None:
        for start in range(0, 600, 20):
            memory.log.append(big_batch(start, 20, parcels=1))
        memory.index.catch_up(600, timeout_s=60)

    writer = threading.Thread(target=write)
    writer.start()
    count = 0
    while writer.is_alive() or count < 600:
        before = memory.index.position()
        counts = memory.index.states(["P0"]).column("scans").to_pylist()
        assert sum(counts) >= max(count, before)
        assert sum(counts) % 20 == 0
        count = sum(counts)
    writer.join()
    assert count == 600


@pytest.mark.always
@pytest.mark.gap("reference", raises=ForgetsError)
def test_everything_is_there_after_a_restart(opened: Opened) -> None:
    for start in range(0, 500, 100):
        opened.memory.log.append(big_batch(start, 100))
    memory = opened.caught_up()
    before = memory.index.page(None, 1000), memory.index.timelines(["P3", "P50"])
    opened.restart()
    memory = opened.caught_up()
    after = memory.index.page(None, 1000), memory.index.timelines(["P3", "P50"])
    assert [table.to_pylist() for table in after] == [table.to_pylist() for table in before]
    assert before[0].num_rows == 97
