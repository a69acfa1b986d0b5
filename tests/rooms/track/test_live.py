"""Live counts are those of a recount of the states, however scans came; what happened is counted where it happened."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.small_worlds import NOON, append, scan, worlds

from waypost.engines.local.home import LocalHome, open_home
from waypost.engines.reference import open_reference
from waypost.model.errors import BadInput, Gone, WrongFormat
from waypost.model.places import Facility, FacilityKind, Place
from waypost.model.scans import VOID, ScanEvent
from waypost.network.facilities import Facilities
from waypost.store.protocols import Memory
from waypost.track import live, live_start
from waypost.track.fold import NEVER_LAST, StatusFold
from waypost.track.live import Live
from waypost.track.live_counts import IN_NETWORK, SEEN
from waypost.track.live_start import LiveStart
from waypost.track.live_views import Foreseen, LiveView, find_patch
from waypost.track.statuses import get_status, list_statuses
from waypost.track.tables import bundled_tables

TABLES = bundled_tables()
FOLD = StatusFold(TABLES)
MINUTE = 60_000
NOW = NOON + 10 * MINUTE
PICKED, MOVING, OUT, DONE = "opcode:50", "opcode:30", "opcode:204", "opcode:80"


def live_over(memory: Memory, foreseen: Foreseen | None = None, **capacities: float) -> Live:
    known = {("sf", code): many for code, many in capacities.items()}
    return Live(memory, TABLES, Facilities(memory.records), known, lambda: foreseen)


def follow(network: Live, now_ms: int = NOW, most: int = live.AT_ONCE) -> LiveView:
    """Count all there is."""
    for _ in range(1000):
        if not network.turn(now_ms, most):
            return network.look(now_ms)
    raise AssertionError("it does not come to an end")


def grow(memory: Memory, *events: ScanEvent) -> None:
    end = append(memory, *events) + len(events)
    assert memory.index.catch_up(end, 20)


def recount(memory: Memory, now_ms: int = NOW) -> dict[str, Any]:
    """The same from all states."""
    states = memory.index.page(None, 10_000).to_pylist()
    inside: Counter[tuple[str, str]] = Counter()
    in_network = []
    for state in states:
        status = get_status(state["status"])
        if IN_NETWORK[status.number]:
            in_network += [state] if state["last_at"] > NEVER_LAST else []
            if state["facility"] is not None and status.milestone not in ("departed", "out_for_delivery"):
                inside[state["carrier"], state["facility"]] += 1
    hour = now_ms // 3_600_000 - 24
    return {
        "statuses": Counter(get_status(state["status"]).code for state in states),
        "in_network": len(in_network),
        "held": sum(get_status(state["status"]).shape == "stop" for state in states if IN_NETWORK[state["status"]]),
        "silent": sum(state["last_at"] // 3_600_000 < hour for state in in_network),
        "inside": inside,
    }


def shown(view: LiveView) -> dict[str, Any]:
    return {
        "statuses": Counter({row.status: row.parcels for row in view.statuses}),
        "in_network": view.counts.in_network,
        "held": view.counts.held,
        "silent": view.counts.silent_24h,
        "inside": Counter({(row.carrier, row.facility): row.inside for row in view.facilities if row.inside}),
    }


@given(worlds(), st.data())
@settings(max_examples=60)
def test_counts_are_those_of_the_states_in_whatever_order_scans_came(
    world: list[list[ScanEvent]], data: st.DataObject
) -> None:
    """Duplicates, late scans, corrections; followed from some batch on, a few at a time, kept and opened in between."""
    memory = open_reference(FOLD)
    begins = data.draw(st.integers(0, len(world)))
    network = live_over(memory)
    for number, events in enumerate(world):
        grow(memory, *events)
        if number >= begins:
            follow(network, most=data.draw(st.integers(1, 5)))
            assert shown(network.look(NOW)) == recount(memory)
        if number >= begins and data.draw(st.booleans()):
            kept = network.keep()
            assert kept is not None
            network = live_over(memory)
            network.open(kept, NOW)
    assert shown(follow(network)) == recount(memory)
    memory.close()


@given(worlds(), st.data())
@settings(max_examples=60)
def test_a_start_while_the_index_goes_on_counts_each_parcel_once(
    world: list[list[ScanEvent]], data: st.DataObject
) -> None:
    memory = open_reference(FOLD)
    before = data.draw(st.integers(0, len(world)))
    for events in world[:before]:
        grow(memory, *events)
    network = live_over(memory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_start, "_PAGE", data.draw(st.integers(1, 4)))
        for events in world[before:]:
            network.turn(NOW)
            grow(memory, *events)
        assert shown(follow(network, most=2)) == recount(memory)
    memory.close()


@pytest.fixture
def memory() -> Any:
    opened = open_reference(FOLD)
    yield opened
    opened.close()


def test_parcels_are_followed_from_place_to_place(memory: Memory) -> None:
    network = live_over(memory, A=4.0)
    Facilities(memory.records).keep(
        [Facility(carrier="sf", code="A", name="Hub A", kind=FacilityKind.HUB, place=Place(city="杭州", country="CN"))]
    )
    grow(memory, *(scan(f"P{n}", facility="A", minute=-240) for n in range(8)))
    follow(network, NOON)
    grow(memory, *(scan(f"P{n}", facility="A", code=MOVING, minute=-10) for n in range(5)))
    follow(network, NOON)
    grow(memory, *(scan(f"P{n}", facility="B", code="opcode:31", minute=n) for n in range(2)))
    view = follow(network, NOW)
    a, b = sorted(view.facilities, key=lambda row: row.facility)
    arrived = get_status(TABLES.classify(["sf"], ["opcode:31"])[0].item()).milestone
    assert (a.name, a.kind, a.city, a.country) == ("Hub A", "hub", "杭州", "CN")
    assert (a.inside, a.arrived_1h, a.departed_1h, a.arrived_24h) == (3, 0, 5, 8)
    assert (a.capacity_per_hour, a.load, a.last_at) == (4.0, 0.0, "2026-11-21T11:50:00Z")
    assert (b.name, b.kind, b.latitude, b.capacity_per_hour, b.load) == ("B", None, None, None, None)
    assert (b.inside, b.arrived_1h, b.arrived_24h) == (2 if arrived == "arrived" else 0, 2, 2)
    [flow] = view.flows
    assert (flow.origin, flow.destination, flow.moved_24h) == ("A", "B", 2)
    assert (flow.hours, flow.usual_hours, flow.delayed) == (None, None, None)  # of so few nothing is said


def test_a_flow_tells_how_long_it_takes_lately_and_usually(memory: Memory) -> None:
    """A hundred moves of four hours over the last days, then ten of nine hours."""
    network, day = live_over(memory), 24 * 60
    for name, many, minute, hours in (("O", 100, -3 * day, 4), ("N", 10, -60, 9)):
        numbers = [f"{name}{n}" for n in range(many)]
        grow(memory, *(scan(each, facility="A", minute=minute - hours * 60) for each in numbers))
        follow(network)
        grow(memory, *(scan(each, facility="B", minute=minute) for each in numbers))
        follow(network)
    [flow] = network.look(NOW).flows
    assert flow.moved_24h == 10
    assert flow.usual_hours == pytest.approx(4, rel=0.2)
    assert flow.hours == pytest.approx(9, rel=0.2)
    assert flow.delayed is not None
    assert flow.delayed > 0.9


def test_time_alone_moves_the_last_hour_the_last_day_and_silence(memory: Memory) -> None:
    network = live_over(memory)
    grow(memory, scan("P1", facility="A"))
    counts = {
        hours: (row.inside, row.arrived_1h, row.arrived_24h, view.counts.silent_24h)
        for hours in (0, 2, 26)
        for view in [follow(network, NOON + hours * 60 * MINUTE)]
        for row in view.facilities
    }
    assert counts == {0: (1, 1, 1, 0), 2: (1, 0, 1, 0), 26: (1, 0, 0, 1)}


def test_a_clock_that_runs_ahead_brings_nothing_about(memory: Memory) -> None:
    network = live_over(memory)
    grow(memory, scan("P1", facility="A", minute=-60))
    follow(network)
    grow(memory, scan("P1", facility="B", minute=24 * 60))
    view = follow(network)
    assert [(row.facility, row.inside, row.arrived_24h) for row in view.facilities] == [("B", 1, 0), ("A", 0, 1)]
    assert view.flows == []


def test_ages_and_rates_are_told(memory: Memory) -> None:
    network = live_over(memory, Foreseen(3, 1, NOW - 60_000))
    assert network.look(NOW).ages.counts_s is None
    follow(network)
    append(memory, *(scan(f"P{n}") for n in range(50)))
    network.turn(NOW + 5000)
    view = network.look(NOW + 5000)
    assert (view.position, view.behind, view.scans_per_s) == (0, 50, 10.0)
    assert view.ages.counts_s == 5.0
    assert (view.counts.at_risk, view.counts.late, view.ages.lookout_s) == (3, 1, 65.0)
    memory.index.catch_up(50, 5)
    follow(network, NOW + 6000)
    assert network.look(NOW + 7000).ages.counts_s == 1.0
    assert network.look(NOW + 7000).counts.in_network == 50


def test_a_patch_leads_from_one_view_to_the_next(memory: Memory) -> None:
    network = live_over(memory)
    grow(memory, scan("P1", facility="A"), scan("P2", facility="B"))
    before = follow(network)
    grow(memory, scan("P1", facility="A", minute=1, code=DONE))
    now = follow(network)
    patch, seen = find_patch(before, now)
    assert seen == now
    assert {row.status: row.parcels for row in patch.statuses} == {"picked_up": 1, "delivered": 1}
    assert [row.facility for row in patch.facilities] == ["A"]
    later = network.look(NOW + 26 * 60 * MINUTE)
    patch, _ = find_patch(now, later)
    assert [gone.facility for gone in patch.gone.facilities] == ["A"]
    assert find_patch(later, later)[0].facilities == []


def test_where_everything_moves_rows_take_turns(memory: Memory) -> None:
    network = live_over(memory)
    before = seen = follow(network)
    grow(memory, *(scan(f"P{n}", facility=f"F{n}") for n in range(10)))
    now = follow(network)
    sizes = []
    for turn in range(4):
        patch, seen = find_patch(seen, now, turn, most=3)
        sizes.append(len(patch.facilities))
    assert (before.facilities, sizes) == ([], [3, 3, 3, 1])
    assert sorted(seen.facilities, key=lambda row: row.facility) == sorted(now.facilities, key=lambda row: row.facility)


def test_what_was_kept_by_others_is_refused(memory: Memory) -> None:
    network = live_over(memory)
    grow(memory, scan("P1", facility="A"))
    follow(network)
    kept = network.keep()
    assert kept is not None
    with pytest.raises(WrongFormat, match="another format"):
        network.open(b"wplive99" + kept[8:], NOW)
    with pytest.raises(BadInput, match="not what was written"):
        network.open(kept[:-1] + bytes([kept[-1] ^ 1]), NOW)
    with pytest.raises(BadInput, match="not what was written"):  # where its size stands
        network.open(kept[:14] + b"\x7f" + kept[15:], NOW)


def test_every_status_is_in_the_network_or_not() -> None:
    """Those of which nobody has the parcel yet, and those at the end, are not."""
    outside = {each.code for each in list_statuses() if not IN_NETWORK[each.number]}
    assert outside == {
        "order_created", "order_cancelled", "label_printed", "pickup_scheduled", "delivered", "signed_by_third_party",
        "returned_to_sender", "void", "notice",
    }  # fmt: skip
    assert SEEN[get_status("delivered").number]


# Over a home


def settled(home: LocalHome) -> Memory:
    assert home.memory.index.catch_up(home.memory.log.position(), 20)
    return home.memory


def test_another_edition_is_counted_anew(tmp_path: Path) -> None:
    """As after the index was made anew, when the same scans may have been put together otherwise."""
    home = open_home(tmp_path, FOLD)
    grow(settled(home), scan("P1", facility="A"), scan("P2", facility="A"))
    network = live_over(home.memory)
    follow(network)
    kept = network.keep()
    home.close()
    for path in (tmp_path / "index").iterdir():
        path.unlink()
    (tmp_path / "index").rmdir()
    home = open_home(tmp_path, FOLD)
    network = live_over(settled(home))
    assert kept is not None
    network.open(kept, NOW)
    assert shown(follow(network)) == recount(home.memory)
    home.close()


def test_changes_that_went_are_not_missed(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(memory, *(scan(f"P{n}", facility="A") for n in range(5)))
    read = memory.changes.read

    def read_late(after: int, limit: int) -> Any:
        if after + 1 < 3:
            raise Gone("they went", start=3)
        return read(after, limit)

    monkeypatch.setattr(memory.changes, "read", read_late)
    network = live_over(memory)
    view = follow(network)
    assert (view.counts.in_network, view.facilities[0].inside, view.facilities[0].arrived_24h) == (5, 5, 2)
    assert view.ages.flows_since == "2026-11-21T12:00:00Z"


def test_a_start_is_told_by_no_more_than_it_says(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_start, "LOOKS_BACK", 2)
    for number in range(4):
        grow(memory, scan(f"P{number}", facility="A", minute=number))
    start = LiveStart(memory.changes, memory.index, NOW)
    while not start.turn(NOW):
        pass
    assert (start.counts.inside[0], start.counts.arrived_24h.total(NOW, 1)[0]) == (4, 2)
    assert start.counts.since_ms == NOON + 2 * MINUTE


def begun(memory: Memory) -> LiveStart:
    start = LiveStart(memory.changes, memory.index, NOW)
    while not start.turn(NOW):
        pass
    return start


def test_a_parcel_of_which_all_is_withdrawn_has_no_time_to_begin_at(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a void leaves of a parcel, the network is looked at, and after a restart again."""
    wrong = scan("P0", facility="A")
    grow(memory, wrong)
    grow(memory, scan("P0", code=VOID, corrects=wrong.id, minute=1), scan("P1", code=VOID, corrects="0" * 16, minute=1))
    grow(memory, scan("P2", facility="A", minute=2))
    monkeypatch.setattr(live_start, "LOOKS_BACK", 3)
    network = live_over(memory)
    assert follow(network).ages.flows_since == "2026-11-21T12:01:00Z"
    kept = network.keep()
    assert kept is not None
    again = live_over(memory)
    again.open(kept, NOW)
    assert shown(again.look(NOW)) == recount(memory)


def test_a_home_whose_changes_are_all_read_says_nothing_of_a_start(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_start, "_AT_ONCE", 2)
    grow(memory, *(scan(f"P{n}", facility="A", minute=n) for n in range(5)))
    start = begun(memory)
    assert (start.counts.since_ms, start.counts.arrived_24h.total(NOW, 1)[0]) == (None, 5)


def test_a_start_is_told_by_when_scans_came_however_late_they_were(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_start, "LOOKS_BACK", 2)
    for number, minute in enumerate((0, 1, 2, -5_000_000)):
        grow(memory, scan(f"P{number}", facility="A", minute=minute, recorded_at_ms=NOON + (3 + number) * MINUTE))
    assert begun(memory).counts.since_ms == NOON + 5 * MINUTE
