"""Parcels a day, counted from scans."""

import datetime as dt
from collections.abc import Iterator

import pytest

from waypost.engines.reference import open_reference
from waypost.forecast.counts import OTHERS, By, Counts, newest_ms, read_counts
from waypost.model.instants import parse_instant
from waypost.model.places import Facility, FacilityKind, Place
from waypost.testing import World, scan
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

UNTIL = dt.date(2026, 11, 30)
NOW_MS = parse_instant("2026-11-30T00:00:00Z").at_ms

PLACES = [
    Facility(carrier="yto", code=code, name=code, kind=FacilityKind.HUB, place=Place(country="CN", region=region))
    for code, region in (("Hangzhou", "ZJ"), ("Shanghai", "SH"))
]

#: The second is scanned in Shanghai on the fourth just before midnight there, which is still the fourth; the third is
#: never delivered; the fourth comes when the fifth is over everywhere, and the sixth is not.
SCANS = """
    YT1  2026-11-02 10:00  GOT      Hangzhou
         2026-11-02 12:00  DEPARTURE  Hangzhou
         2026-11-04 09:30  ARRIVAL  Shanghai
         2026-11-05 09:30  SIGNED   Shanghai
    YT2  2026-11-02 18:00  GOT      Hangzhou
         2026-11-04 23:50  SIGNED   Shanghai
    YT3  2026-11-04 10:00  GOT      Shanghai
    YT4  2026-11-07 10:00  GOT      Hangzhou
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World(open_reference(StatusFold(bundled_tables())), SCANS, PLACES)
    yield world
    world.memory.close()


def count(
    world: World, by: By, until: dt.date = UNTIL, most: int = 100, named: tuple[tuple[str, str], ...] = ()
) -> Counts:
    history = world.memory.history
    return read_counts(history, world.tables, world.facilities, by, until=until, now_ms=NOW_MS, most=most, named=named)


def test_a_hub_handles_a_parcel_once_a_day(world: World) -> None:
    found = count(world, "hub")
    assert (found.first, found.last, found.position) == (dt.date(2026, 11, 2), dt.date(2026, 11, 5), 8)
    assert found.names == [("yto", "Hangzhou"), ("yto", "Shanghai")]
    assert found.parcels.tolist() == [[2, 0, 0, 0], [0, 0, 3, 1]]


def test_a_carrier_gets_a_parcel_when_it_first_moves(world: World) -> None:
    found = count(world, "carrier")
    assert found.names == [("yto", "yto")]
    assert found.parcels.tolist() == [[2, 0, 1, 0]]


def test_a_lane_carries_a_parcel_when_it_is_delivered(world: World) -> None:
    found = count(world, "lane")
    assert (found.first, found.names) == (dt.date(2026, 11, 4), [("yto", "CN-ZJ > CN-SH")])
    assert found.parcels.tolist() == [[1, 1]]


def test_days_that_are_not_over_are_left_out(world: World) -> None:
    assert count(world, "hub", dt.date(2026, 11, 5)).parcels.tolist() == [[2, 0, 0], [0, 0, 3]]


def test_a_day_of_which_scans_may_be_missing_is_left_out() -> None:
    """The newest scan is of the evening of the fifth in Shanghai: of the fourth more may come from elsewhere."""
    world = World(open_reference(StatusFold(bundled_tables())), SCANS.replace("2026-11-07 10:00", "2026-11-05 19:59"))
    found = count(world, "hub")
    assert (found.last, found.parcels.tolist()) == (dt.date(2026, 11, 3), [[2, 0]])
    world.memory.close()


def test_what_is_not_busy_stands_together_unless_it_is_asked_for(world: World) -> None:
    found = count(world, "hub", most=1)
    assert found.names == [("yto", "Shanghai"), ("yto", OTHERS)]
    assert found.parcels.sum() == 6
    named = count(world, "hub", most=1, named=(("yto", "Hangzhou"),))
    assert named.names == [("yto", "Hangzhou"), ("yto", "Shanghai")]


def test_an_area_has_one_name_however_facilities_spell_it() -> None:
    more = Facility(
        carrier="yto", code="Ningbo", name="Ningbo", kind=FacilityKind.HUB, place=Place(country="CN", region="zj")
    )
    ningbo = """
    YT5  2026-11-02 10:00  GOT      Ningbo
         2026-11-04 09:30  SIGNED   Shanghai
    """
    world = World(open_reference(StatusFold(bundled_tables())), SCANS + ningbo, [*PLACES, more])
    assert count(world, "lane").names == [("yto", "CN-ZJ > CN-SH")]
    kept = ("yto", "CN-zj > cn-SH")
    found = count(world, "lane", most=0, named=(kept,))
    assert (found.names, found.parcels.tolist()) == ([kept], [[2, 1]])
    world.memory.close()


def test_a_clock_that_runs_ahead_adds_no_days() -> None:
    world = World(open_reference(StatusFold(bundled_tables())), SCANS, PLACES)
    plain = count(world, "hub")
    heard = "2026-11-07T02:05:00Z"
    ahead = scan("YT4", "DEPARTURE", "2026-11-09 10:00", at="Hangzhou", recorded=heard)
    beyond = scan("YT4", "ARRIVAL", "2026-12-01 10:00", at="Shanghai")  # of history, and not yet
    world.keep([ahead, beyond])
    assert (count(world, "hub").last, count(world, "hub").parcels.tolist()) == (plain.last, plain.parcels.tolist())
    assert newest_ms(world.memory.history, NOW_MS) == parse_instant("2026-11-07T02:00:00Z").at_ms
    world.keep([scan("YT4", "DEPARTURE", "2026-11-07 12:05", at="Hangzhou", recorded=heard)])
    assert newest_ms(world.memory.history, NOW_MS) == parse_instant("2026-11-07T04:05:00Z").at_ms, "two hours may be"
    world.memory.close()


def test_of_nothing(world: World) -> None:
    assert count(world, "hub", dt.date(2026, 11, 1)).names == []
