"""Lanes of a small world, counted by hand."""

from collections.abc import Iterator

import msgspec
import pytest

from waypost.engines.reference import open_reference
from waypost.forecast.lane_trips import TripReader
from waypost.forecast.lanes import LaneRow, Lanes, Reached, Times, Wanted, page_lanes, read_lane, read_lanes
from waypost.model.errors import BadInput
from waypost.model.instants import parse_instant
from waypost.model.places import Facility, FacilityKind, Place
from waypost.testing import World, scan
from waypost.track.fold import StatusFold
from waypost.track.records import list_all_links, list_told
from waypost.track.scorecards import Part
from waypost.track.tables import bundled_tables

NOW = parse_instant("2026-11-22T12:00:00Z").at_ms
SHANGHAI = Place(country="CN", region="SH")
PLACES = [
    Facility(carrier="yto", code=code, name=code, kind=FacilityKind.HUB, place=Place(country="CN", region=region))
    for code, region in (("Hangzhou", "ZJ"), ("Shanghai", "SH"), ("Nanjing", "JS"))
]

#: To Shanghai: one in 20 hours, one in 40; the third is on its way for 30 hours when the newest scan is made, and was
#: booked there, the fourth was not. The fifth goes elsewhere, the sixth is of the week after.
SCANS = """
    YT1  2026-11-02 10:00  GOT        Hangzhou
         2026-11-02 22:00  DEPARTURE  Hangzhou
         2026-11-03 06:00  SIGNED     Shanghai
    YT2  2026-11-03 10:00  GOT        Hangzhou
         2026-11-05 02:00  SIGNED     Shanghai
    YT3  2026-11-10 04:00  GOT        Hangzhou
         2026-11-10 05:00  DEPARTURE  Hangzhou
    YT4  2026-11-10 04:00  GOT        Hangzhou
    YT6  2026-11-02 10:00  GOT        Hangzhou
         2026-11-04 10:00  SIGNED     Nanjing
    YT7  2026-11-10 10:00  GOT        Hangzhou
         2026-11-11 10:00  SIGNED     Shanghai
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World(open_reference(StatusFold(bundled_tables())), SCANS, PLACES)
    for number, promised in (("YT1", "2026-11-03T00:00:00Z"), ("YT2", "2026-11-04T00:00:00Z"), ("YT3", None)):
        promised_ms = None if promised is None else parse_instant(promised).at_ms
        world.book(number, destination=SHANGHAI, promised_ms=promised_ms)
    yield world
    world.memory.close()


def read(world: World, since: str | None = None, until: str | None = None) -> TripReader:
    with world.memory.records.read() as connection:
        told, links = list_told(connection), list_all_links(connection)
    stretch = [None if each is None else parse_instant(each).at_ms for each in (since, until)]
    return TripReader(
        world.memory.history,
        world.tables,
        world.facilities,
        told,
        links,
        since_ms=stretch[0],
        until_ms=stretch[1],
        now_ms=NOW,
    )


def test_where_a_booking_goes_counts_however_it_is_spelled() -> None:
    world = World(open_reference(StatusFold(bundled_tables())), SCANS, PLACES)
    world.book("YT3", destination=Place(country="CN", region="sh"))
    [lane] = read_lane(read(world), "cn-zj", "CN-sh").carriers
    assert lane.times.parcels == 4
    assert (read_lane(read(world), "cn-zj", "CN-sh").destination, len(read_lanes(read(world)).lanes)) == ("CN-SH", 2)
    world.memory.close()


def test_a_clock_that_runs_ahead_neither_ends_a_trip_nor_moves_the_stretch(world: World) -> None:
    other = World(open_reference(StatusFold(bundled_tables())), SCANS, PLACES)
    for number in ("YT1", "YT2", "YT3"):
        other.book(number, destination=SHANGHAI)
    before = read_lane(read(other), "CN-ZJ", "CN-SH")
    ahead = scan("YT3", "SIGNED", "2026-11-12 10:00", at="Shanghai", recorded="2026-11-11T02:00:00Z")
    other.keep([ahead, scan("YT9", "GOT", "2026-11-24 10:00", at="Hangzhou")])
    after = read_lane(read(other), "CN-ZJ", "CN-SH")
    assert msgspec.structs.replace(after, position=before.position) == before
    other.memory.close()


def test_those_on_their_way_count_as_slower_than_so_far(world: World) -> None:
    lanes = read_lanes(read(world))
    assert (lanes.as_of, lanes.undirected) == ("2026-11-11T02:00:00Z", {"yto": 1})
    to_shanghai, to_nanjing = lanes.lanes
    assert (to_shanghai.origin, to_shanghai.destination) == ("CN-ZJ", "CN-SH")
    assert to_shanghai.times == Times(
        parcels=4,
        delivered=3,
        on_the_way=1,
        gone=0,
        p50_h=24.0,
        p80_h=40.0,  # of the two that took 22 hours or longer one took 40, the other may take any time
        p90_h=40.0,
        on_time=Part.made(1, 2),
    )
    assert (to_nanjing.destination, to_nanjing.times.parcels, to_nanjing.times.p50_h) == ("CN-JS", 1, 48.0)


def test_a_share_that_has_not_come_yet_is_not_told(world: World) -> None:
    week = read_lane(read(world, "2026-11-09T00:00:00Z"), "CN-ZJ", "CN-SH").carriers[0]
    assert (week.times.parcels, week.times.on_the_way) == (2, 1)
    assert week.times.p50_h == 24.0  # the other has been on its way for 22
    early = read_lane(read(world, "2026-11-09T00:00:00Z", "2026-11-10T01:00:00Z"), "CN-ZJ", "CN-SH").carriers[0]
    assert (early.times.p50_h, early.times.p90_h, early.curve) == (None, None, [])


def test_one_lane_by_week_and_hour(world: World) -> None:
    lane = read_lane(read(world), "CN-ZJ", "CN-SH")
    [yto] = lane.carriers
    assert yto.curve == [Reached(20.0, 0.25), Reached(24.0, 0.5), Reached(40.0, 1.0)]
    assert [(each.week, each.times.parcels, each.times.p50_h) for each in yto.weeks] == [
        ("2026-11-02", 2, 20.0),
        ("2026-11-09", 2, 24.0),
    ]
    assert [(each.weekday, each.hour, each.parcels, each.p50_h) for each in lane.hours] == [
        (1, 10, 1, 20.0),
        (2, 4, 1, None),
        (2, 10, 2, 24.0),
    ]
    assert lane.undirected == 1


def test_gaps_end_with_the_next_scan_or_are_still_open(world: World) -> None:
    lane = read_lane(read(world), "CN-ZJ", "CN-SH")
    [behind] = lane.gaps
    assert (behind.facility, behind.scans, behind.most_h) == ("Hangzhou", 6, 40.0)
    assert lane.longest_gap_p50_h == pytest.approx((21 + 24) / 2, abs=6)


def test_only_some_carriers(world: World) -> None:
    assert read_lane(read(world), "CN-ZJ", "CN-SH", ["sf"]).carriers == []
    assert read_lane(read(world), "CN-ZJ", "CN-SH", ["sf", "yto"]).carriers != []


def test_what_comes_back_is_not_on_its_way() -> None:
    places = [msgspec.structs.replace(each, carrier="waypost") for each in PLACES]
    steps = (("picked_up", "2026-11-02"), ("returned_to_sender", "2026-11-03"))
    scans = [scan("WP5", code, f"{day}T10:00:00Z", at="Hangzhou", carrier="waypost") for code, day in steps]
    world = World(open_reference(StatusFold(bundled_tables())), scans, places)
    world.book("WP5", carrier="waypost", destination=SHANGHAI)
    [row] = read_lanes(read(world)).lanes
    assert (row.times.gone, row.times.on_the_way, row.times.p50_h) == (1, 0, None)
    world.memory.close()


def test_linehaul_ends_with_the_last_arrival() -> None:
    """Of a carrier that delivers nothing; of one that does, what has arrived somewhere is still on its way."""
    text = """
        YT1  2026-11-02 10:00  DEPARTURE  Hangzhou
             2026-11-02 20:00  ARRIVAL    Nanjing
             2026-11-03 10:00  ARRIVAL    Shanghai
        YT2  2026-11-02 10:00  DEPARTURE  Hangzhou
    """
    linehaul = World(open_reference(StatusFold(bundled_tables())), text, PLACES)
    [row] = read_lanes(read(linehaul)).lanes
    assert (row.destination, row.times.delivered, row.times.p50_h) == ("CN-SH", 1, 24.0)
    assert read_lanes(read(linehaul)).undirected == {"yto": 1}
    linehaul.keep("YT3  2026-11-03 10:00  SIGNED  Shanghai")
    assert read_lanes(read(linehaul)).undirected == {"yto": 2}
    linehaul.memory.close()


def test_nothing_is_no_lane() -> None:
    world = World(open_reference(StatusFold(bundled_tables())))
    assert read_lanes(read(world)).lanes == []
    assert read_lane(read(world), "CN-ZJ", "CN-SH").carriers == []
    world.memory.close()


def test_pages_hold_each_lane_once() -> None:
    times = Times(
        parcels=1, delivered=1, on_the_way=0, gone=0, p50_h=1.0, p80_h=1.0, p90_h=1.0, on_time=Part.made(0, 0)
    )
    rows = [
        LaneRow(carrier=carrier, origin=origin, destination="CN-SH", times=times)
        for carrier in ("sf", "yto")
        for origin in ("BR-SP", "CN-JS", "CN-ZJ")
    ]
    lanes = Lanes(since="", until="", as_of="", position=0, undirected={}, lanes=rows)
    found: list[LaneRow] = []
    after: str | None = None
    while found == [] or after is not None:
        page, after = page_lanes(lanes, Wanted(), after, 4)
        found += page
    assert found == rows
    assert [row.origin for row in page_lanes(lanes, Wanted(origin="CN"), None, 10)[0]] == ["CN-JS", "CN-ZJ"] * 2
    only = Wanted(carriers=frozenset(["yto"]), origin="CN-ZJ", destination="CN-SH")
    assert len(page_lanes(lanes, only, None, 10)[0]) == 1
    assert page_lanes(lanes, Wanted(origin="C"), None, 10)[0] == []
    with pytest.raises(BadInput, match="cursor"):
        page_lanes(lanes, Wanted(), "!", 4)
