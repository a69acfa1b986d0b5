"""What stands in the history, and what it means, is what the fold makes of the same scans."""

from typing import Any

import msgspec
import pyarrow as pa
import pytest
from tests.rooms.track.random_worlds import random_world

from waypost.model.instants import Instant, OffsetSource, parse_instant
from waypost.model.scans import VOID, ScanEvent, scan_ids
from waypost.store.protocols import Memory
from waypost.testing import World, scan
from waypost.track.standing import in_milliseconds, read_standing
from waypost.track.statuses import MILESTONES, get_status


def standing(world: World) -> pa.Table:
    ask = read_standing(world.memory.history, world.tables)
    return world.memory.history.run(lambda scans: ask(scans).order_by("number", "carrier", "at", "code"))


@pytest.mark.parametrize("seed", range(8))
def test_the_greatest_rank_says_the_status_that_the_index_says(memory: Memory, seed: int) -> None:
    world = random_world(memory, seed)
    rows = standing(world).to_pylist()
    states = world.memory.index.page(None, 1000).to_pylist()
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["carrier"], row["number"])
        if key not in best or row["rank"] > best[key]["rank"]:
            best[key] = row
    assert {(state["carrier"], state["number"]) for state in states} == best.keys()
    for state in states:
        said = best[state["carrier"], state["number"]]
        expected = said["status"] if said["rank"] >= 0 else "unknown"
        assert get_status(state["status"]).code == expected, state


@pytest.mark.parametrize("seed", range(8, 12))
def test_milestones_of_what_stands_are_those_of_the_index(memory: Memory, seed: int) -> None:
    world = random_world(memory, seed)
    reached: dict[tuple[str, str], set[str]] = {}
    for row in standing(world).to_pylist():
        reached.setdefault((row["carrier"], row["number"]), set()).update({row["milestone"]} - {None})
    for state in world.memory.index.page(None, 1000).to_pylist():
        names = {name for bit, name in enumerate(MILESTONES) if state["milestones"] >> bit & 1}
        assert reached[state["carrier"], state["number"]] == names


def test_codes_are_read_by_the_table_of_their_carrier(memory: Memory) -> None:
    world = World(
        memory, "yto/1  2026-11-20 10:00  GOT\nsto/1  2026-11-20 10:00  GOT\nyto/2  2026-11-20 10:00  delivered"
    )
    rows = [(row["carrier"], row["code"], row["status"], row["milestone"]) for row in standing(world).to_pylist()]
    sto = get_status(world.tables.find_status("sto", "GOT"))
    assert rows == [
        ("sto", "GOT", sto.code, sto.milestone),
        ("yto", "GOT", "picked_up", "accepted"),
        ("yto", "delivered", "delivered", "delivered"),
    ]
    assert sto.code == "unknown"


def test_only_the_very_scan_that_is_corrected_falls(memory: Memory) -> None:
    """Not one that differs in number, carrier, instant, offset, code, place or what it corrects, and nothing else."""
    wrong = scan("1", "ARRIVAL", "2026-11-20 10:00")
    at = wrong.at
    others = [
        msgspec.structs.replace(wrong, number="2"),
        msgspec.structs.replace(wrong, carrier="sto"),
        msgspec.structs.replace(wrong, at=Instant(at.at_ms + 1, at.offset_min, at.source)),
        msgspec.structs.replace(wrong, at=Instant(at.at_ms, at.offset_min + 15, at.source)),
        msgspec.structs.replace(wrong, code="DEPARTURE"),
        msgspec.structs.replace(wrong, facility="HGH"),
        msgspec.structs.replace(wrong, corrects="0" * 16),
    ]
    void = scan("1", VOID, "2026-11-20 11:00", corrects=wrong)
    world = World(memory, [*others, wrong, void])
    assert sorted(scan_ids(standing(world))) == sorted(each.id for each in [*others, void])


@pytest.mark.parametrize("facility", [None, "HGH"])
@pytest.mark.parametrize("corrects", [None, "0" * 16])
def test_a_corrected_scan_falls_whatever_it_does_not_say(
    memory: Memory, facility: str | None, corrects: str | None
) -> None:
    wrong = scan("1", "SIGNED", "2026-11-20 10:00", at=facility, corrects=corrects)
    world = World(memory, [wrong, scan("1", VOID, "2026-11-20 11:00", corrects=wrong)])
    assert [row["code"] for row in standing(world).to_pylist()] == [VOID]


def test_nothing_stands_in_an_empty_history(memory: Memory) -> None:
    assert standing(World(memory)).num_rows == 0


@pytest.mark.parametrize("ms", [0, 1, 499, 500, 501, 999])
def test_instants_are_read_to_the_millisecond(memory: Memory, ms: int) -> None:
    """Engines give seconds as a fraction, which a cast to an integer rounds."""
    at_ms = parse_instant("2049-11-03T00:00:59Z").at_ms + ms
    World(memory, [ScanEvent(carrier="yto", number="1", code="GOT", at=Instant(at_ms, 0, OffsetSource.CARRIER))])
    answer = memory.history.run(lambda scans: scans.select(at_ms=in_milliseconds(scans.at)))
    assert answer.to_pylist() == [{"at_ms": at_ms}]
