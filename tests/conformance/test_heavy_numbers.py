"""What every `ParcelIndex` does with numbers of very many scans or parcels: it answers as much as it is asked for."""

from itertools import groupby

import pyarrow as pa
import pytest
from hypothesis import given
from tests.conformance.engines import FOLD, Opened
from tests.conformance.small_worlds import NOON, append, rows, scan, worlds

from waypost.engines.reference import open_reference
from waypost.model.scans import ScanEvent, scan_ids

Row = tuple[str, str, int, str | None, str]


def scans_of(table: pa.Table) -> list[Row]:
    told = rows(table, "number", "carrier", "at", "facility")
    return [(*row, scan_id) for row, scan_id in zip(told, scan_ids(table), strict=True)]


def check_newest(told: pa.Table, whole: pa.Table, most: int) -> None:
    """The newest of each parcel by instant, in the order of the whole; of those at the oldest instant told, any."""
    assert told.schema == whole.schema
    kept = scans_of(told)
    assert kept == [row for row in scans_of(whole) if row in set(kept)]
    for parcel, group in groupby(scans_of(whole), key=lambda row: row[:2]):
        timeline = list(group)
        own = [row for row in kept if row[:2] == parcel]
        assert len(own) == min(most, len(timeline))
        assert {row for row in timeline if own and row[2] > own[0][2]} <= set(own)


def test_of_each_parcel_the_newest_scans(opened: Opened) -> None:
    append(opened.memory, *(scan("A1", minute=minute, note="") for minute in (3, 1, 4, 0, 2)), scan("A2"))
    append(opened.memory, *(scan("A1", carrier="yto", minute=minute) for minute in (9, 8, 7)))
    index = opened.caught_up().index
    told = rows(index.timelines(["A2", "A1"], most=2), "number", "carrier", "at")
    assert [(number, carrier, (at - NOON) // 60_000) for number, carrier, at in told] == [
        ("A1", "sf", 3),
        ("A1", "sf", 4),
        ("A1", "yto", 8),
        ("A1", "yto", 9),
        ("A2", "sf", 0),
    ]
    assert index.timelines(["A1"], most=0).num_rows == 0
    assert index.timelines(["A1"], most=100).equals(index.timelines(["A1"]))
    assert rows(index.states(["A1"]), "scans") == [(5,), (3,)]  # all of them


def test_scans_of_one_instant_are_cut_off_all_the_same(opened: Opened) -> None:
    append(opened.memory, *(scan("A1", facility=f"F{n}") for n in range(20)), scan("A1", minute=1))
    index = opened.caught_up().index
    check_newest(index.timelines(["A1"], most=7), index.timelines(["A1"]), 7)


def test_a_correction_that_is_left_out_is_in_the_state(opened: Opened) -> None:
    wrong = scan("A1", code="opcode:80", minute=9)
    append(opened.memory, scan("A1"), wrong, scan("A1", code="void", minute=1, corrects=wrong.id))
    index = opened.caught_up().index
    told = index.timelines(["A1"], most=1)
    assert rows(told, "code", "corrects") == [("opcode:80", None)]
    whole = index.states(["A1"])
    assert rows(whole, "code", "scans") == [("opcode:50", 3)]


def test_of_one_carrier_alone(opened: Opened) -> None:
    for carrier in ("sf", "yto", "s"):
        append(opened.memory, scan("A1", carrier=carrier), scan("A1", carrier=carrier, minute=1), scan("A2"))
    index = opened.caught_up().index
    assert rows(index.states(["A2", "A1", "A1", "?"], "sf"), "number", "carrier") == [("A1", "sf"), ("A2", "sf")]
    assert rows(index.timelines(["A1", "A2"], "yto"), "number", "carrier") == [("A1", "yto")] * 2
    assert rows(index.timelines(["A1"], "s", 1), "carrier", "at") == [("s", NOON + 60_000)]
    for carrier in ("", "nobody", "s\0f", "\ud800"):
        assert index.states(["A1"], carrier).num_rows == index.timelines(["A1"], carrier, 5).num_rows == 0
    assert index.states(["A1"], "x").schema == index.states(["A1"]).schema


def test_of_each_number_the_first_carriers(opened: Opened) -> None:
    carriers = [f"c{n:02}" for n in range(12)]
    append(opened.memory, *(scan("A1", carrier=carrier) for carrier in reversed(carriers)), scan("A2"))
    index = opened.caught_up().index
    told = rows(index.states(["A2", "A1"], most=3), "number", "carrier")
    assert told == [*(("A1", carrier) for carrier in carriers[:3]), ("A2", "sf")]
    assert index.states(["A1"], most=0).num_rows == 0
    assert index.states(["A1"], most=12).equals(index.states(["A1"]))


@given(worlds())
def test_the_reference_gives_the_newest_of_any_world(batches: list[list[ScanEvent]]) -> None:
    """The definition that the engines are held against, below."""
    memory = open_reference(FOLD)
    for events in batches:
        append(memory, *events)
    memory.index.catch_up(memory.log.position(), timeout_s=60)
    numbers = sorted({event.number for events in batches for event in events})
    for most in (0, 1, 3, 50):
        check_newest(memory.index.timelines(numbers, most=most), memory.index.timelines(numbers), most)
    memory.close()


@pytest.mark.parametrize("most", [1, 2, 5, 40])
def test_newest_of_scans_that_came_in_any_order(opened: Opened, most: int) -> None:
    for start in range(7):
        append(
            opened.memory,
            *(scan(f"P{n % 3}", minute=(n * 7 + start * 5) % 50, facility=f"F{n % 4}") for n in range(30)),
        )
    index = opened.caught_up().index
    numbers = ["P0", "P1", "P2"]
    check_newest(index.timelines(numbers, most=most), index.timelines(numbers), most)
