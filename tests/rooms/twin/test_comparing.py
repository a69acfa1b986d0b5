"""What-if: the same days twice."""

import datetime as dt

import numpy as np
import pytest

from waypost.model.instants import DAY_MS
from waypost.twin.changes import AddFront, ChangeRoom, CloseHub, MoreDemand, MoveCutOff
from waypost.twin.comparing import Comparison, compare
from waypost.twin.fronts import Front
from waypost.twin.world import CARRIERS, World, make_world

START_MS = int(dt.datetime(2026, 9, 8, tzinfo=dt.UTC).timestamp() * 1000)
_HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(5, 4_000, 12)


@pytest.fixture(scope="module")
def hub(world: World) -> str:
    """The busiest one."""
    busiest = int(np.argmax(world.rates))
    areas = len(world.places.areas)
    return f"{CARRIERS[busiest // areas]}/{world.codes[busiest % areas]}"


def ask(world: World, *changes: object) -> Comparison:
    return compare(world, changes, from_ms=START_MS, days=1, warm_up_days=2)  # type: ignore[arg-type]


def test_finds_no_difference_when_nothing_changes(world: World) -> None:
    found = ask(world)
    assert found.base == found.changed
    assert found.base.parcels > 3_000
    assert 0.8 < found.base.kept_share <= 1
    assert (found.hit, found.added, found.gone, found.backlogs) == (0, 0, 0, [])


def test_a_closed_hub_hurts_and_fills(world: World, hub: str) -> None:
    found = ask(world, CloseHub(hub=hub, from_ms=START_MS + 6 * _HOUR_MS, until_ms=START_MS + 30 * _HOUR_MS))
    assert found.changed.kept_share < found.base.kept_share - 0.01
    assert found.later > 100 > found.earlier
    assert found.backlogs[0].hub == hub
    assert max(found.backlogs[0].changed) > 2 * max(found.backlogs[0].base)
    assert len(found.backlogs[0].base) == len(found.hours_ms)


def test_a_front_slows_those_under_it_alone(world: World) -> None:
    front = Front(since_ms=START_MS, hours=36, latitude=31, longitude=121, radius_km=250, slower=2.5)
    far = Front(since_ms=START_MS, hours=36, latitude=-40, longitude=-150, radius_km=250, slower=2.5)
    assert ask(world, AddFront(front=front)).later > 200
    assert ask(world, AddFront(front=far)).hit == 0


def test_more_demand_adds_parcels_and_costs(world: World) -> None:
    found = ask(world, MoreDemand(percent=50, from_ms=START_MS, until_ms=START_MS + DAY_MS))
    assert found.gone == 0
    assert found.added / found.base.parcels == pytest.approx(0.5, rel=0.03)
    assert found.changed.cost_fen > found.base.cost_fen


def test_later_cut_offs_and_room_let_parcels_go_earlier(world: World, hub: str) -> None:
    later = ask(world, MoveCutOff(hub=hub, minutes=90))
    assert later.earlier > later.later
    lanes = world.lanes
    lane = int(np.argmax(world.on_lane[: lanes.hubs]))
    ends = [f"{CARRIERS[lanes.carrier[lane]]}/{world.codes[area]}" for area in (lanes.start[lane], lanes.end[lane])]
    less = ask(world, ChangeRoom(start=ends[0], end=ends[1], times=0.05))
    assert less.later > 50
    assert less.changed.kept_share < less.base.kept_share
