"""The trips that a network has carried, as its scans tell them."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from waypost.engines.reference import open_reference
from waypost.forecast.past import read_past
from waypost.forecast.trips import Trips
from waypost.model.instants import DAY_MS, parse_instant
from waypost.model.places import Facility, FacilityKind, Place
from waypost.testing import World, scan
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

NOW_MS = parse_instant("2026-11-20T00:00:00Z").at_ms
PLACES = [
    Facility(
        carrier="yto", code=code, name=code, kind=FacilityKind.HUB, place=Place(country="CN", region=region, city=code)
    )
    for code, region in (("Hangzhou", "ZJ"), ("Shanghai", "SH"), ("Wuhan", "HB"))
]

#: The second is on its way, the third went back, the fourth was ordered too long ago, the fifth is delivered later.
SCANS = """
    YT1  2026-11-02 10:00  GOT      Hangzhou
         2026-11-02 12:00  DEPARTURE  Hangzhou
         2026-11-04 09:30  ARRIVAL  Shanghai
         2026-11-05 09:30  SIGNED   Shanghai
    YT2  2026-11-18 18:00  GOT      Hangzhou
    YT3  2026-11-04 10:00  GOT      Shanghai
         2026-11-06 10:00  FAILED   Wuhan
         2026-11-08 10:00  TMS_RETURN  Wuhan
    YT4  2026-08-02 10:00  GOT      Hangzhou
         2026-11-03 10:00  SIGNED   Wuhan
    YT5  2026-11-19 10:00  GOT      Wuhan
         2026-11-22 10:00  SIGNED   Shanghai
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World(open_reference(StatusFold(bundled_tables())), SCANS, PLACES)
    yield world
    world.memory.close()


def read(world: World, **more: int) -> Trips:
    since_ms = NOW_MS - 60 * DAY_MS
    return read_past(world.memory.history, world.tables, world.facilities, since_ms, NOW_MS, **more).trips


def test_a_trip_goes_from_the_first_scan_to_the_delivery(world: World) -> None:
    trips = read(world)
    assert trips.table.column("number").to_pylist() == ["yto/YT1", "yto/YT3", "yto/YT2", "yto/YT5"]
    first = trips.table.to_pylist()[0]
    assert (first["origin_region"], first["destination_region"]) == ("CN-zj", "CN-sh")
    assert (first["destination_country"], first["destination_area"], first["service"]) == ("CN", "shanghai", "yto")
    assert first["offset_min"] == 480
    assert (trips.delivered - trips.ordered)[0] == pytest.approx(2 + 23.5 / 24)
    assert (trips.handed_over - trips.ordered)[0] == 0


def test_what_comes_later_is_not_known(world: World) -> None:
    trips = read(world)
    assert np.isinf(trips.delivered[-1])


def test_where_a_parcel_goes_that_has_not_arrived_is_drawn_from_others_of_its_origin(world: World) -> None:
    trips = read(world)
    on_its_way = trips.table.to_pylist()[2]
    assert (on_its_way["number"], on_its_way["destination_region"]) == ("yto/YT2", "CN-sh")
    other = trips.table.to_pylist()[3]
    assert other["destination_region"] == "CN-sh", "nothing went from Wuhan: any of the carrier"


def test_who_is_still_on_the_way_goes_where_it_takes_as_long() -> None:
    scans = "".join(
        f"""
    N{row}  2026-11-{row + 1:02} 10:00  GOT      Hangzhou
         2026-11-{row + 2:02} 10:00  SIGNED   Shanghai
    F{row}  2026-11-{row + 1:02} 11:00  GOT      Hangzhou
         2026-11-{row + 9:02} 10:00  SIGNED   Wuhan"""
        for row in range(9)
    )
    scans += "\n    L1  2026-11-16 10:00  GOT      Hangzhou\n    L2  2026-11-19 20:00  GOT      Hangzhou"
    world = World(open_reference(StatusFold(bundled_tables())), scans, PLACES)
    going = {row["number"]: row["destination_region"] for row in read(world).table.to_pylist()}
    assert going["yto/L1"] == "CN-hb", "who went to Shanghai was there after a day"
    assert going["yto/L2"] in ("CN-hb", "CN-sh")
    world.memory.close()


def test_where_a_parcel_was_booked_to_is_believed(world: World) -> None:
    told = pa.table(
        {"told_carrier": ["yto", "yto"], "told_number": ["YT2", "YT9"], "told_area": ["CN-SH", "CN-HB"]}
    ).append_column("promised_ms", pa.nulls(2, pa.int64()))
    since_ms = NOW_MS - 120 * DAY_MS
    read_with = lambda told: read_past(  # noqa: E731
        world.memory.history, world.tables, world.facilities, since_ms, NOW_MS, told=told
    ).trips.table.to_pylist()
    by_chance, booked = read_with(None), read_with(told)
    going = lambda rows: {row["number"]: row["destination_region"] for row in rows}  # noqa: E731
    assert going(booked)["yto/YT2"] == "CN-sh"
    assert going(booked) | {"yto/YT2": ""} == going(by_chance) | {"yto/YT2": ""}
    elsewhere = told.set_column(2, "told_area", pa.array(["CN-HB", "CN-HB"]))
    assert going(read_with(elsewhere))["yto/YT2"] == "CN-hb"


def test_a_trip_begins_as_it_was_booked(world: World) -> None:
    instants = ("2026-11-01T08:00:00Z", "2026-11-03T00:00:00Z", "2026-10-09T00:00:00Z", "2026-08-01T00:00:00Z")
    booked = pa.table(
        {
            "booked_carrier": ["yto"] * 4,
            "booked_number": ["YT1", "YT9", "YT2", "YT5"],
            "booked_ms": [parse_instant(at).at_ms for at in instants],
            "shipper": ["p1", "p1", "p2", "p3"],
        }
    )
    before = {row["number"]: row for row in read(world).table.to_pylist()}
    since_ms = NOW_MS - 60 * DAY_MS
    trips = read_past(world.memory.history, world.tables, world.facilities, since_ms, NOW_MS, booked=booked).trips
    found = {row["number"]: row for row in trips.table.to_pylist()}
    assert {number: row["shipper"] for number, row in found.items()} == {
        "yto/YT1": "p1",
        "yto/YT2": "p2",
        "yto/YT3": None,
        "yto/YT5": None,  # booked so long before that the number was given anew
    }
    assert found["yto/YT1"]["ordered_at"].timestamp() * 1000 == parse_instant(instants[0]).at_ms
    assert found["yto/YT1"]["handed_over_at"] == before["yto/YT1"]["handed_over_at"], "it waited for that"
    assert found["yto/YT5"] == before["yto/YT5"]


def test_what_was_booked_after_its_first_scan_begins_with_that(world: World) -> None:
    booked = pa.table({"booked_carrier": ["yto"], "booked_number": ["YT1"], "booked_ms": [NOW_MS], "shipper": ["p1"]})
    since_ms = NOW_MS - 60 * DAY_MS
    trips = read_past(world.memory.history, world.tables, world.facilities, since_ms, NOW_MS, booked=booked).trips
    assert trips.table.to_pylist() == read(world).table.to_pylist()


def test_what_came_back_is_void(world: World) -> None:
    assert read(world).is_void.tolist() == [False, True, False, False]


def test_a_clock_that_runs_ahead_ends_no_trip() -> None:
    scans = "YT1  2026-11-02 10:00  GOT  Hangzhou\n YT2  2026-11-02 10:00  GOT  Hangzhou"
    world = World(open_reference(StatusFold(bundled_tables())), scans, PLACES)
    world.keep(
        [
            scan("YT1", "SIGNED", "2026-11-05 10:00", at="Shanghai", recorded="2026-11-03T10:00:00Z"),
            scan("YT2", "SIGNED", "2026-11-05 10:00", at="Shanghai", recorded="2026-11-05T10:00:00Z"),
            scan("YT9", "GOT", "2026-11-19 10:00", at="Hangzhou", recorded="2026-11-17T10:00:00Z"),
        ]
    )
    trips = read(world)
    assert trips.table.column("number").to_pylist() == ["yto/YT1", "yto/YT2"]
    assert np.isinf(trips.delivered).tolist() == [True, False]
    world.memory.close()


def test_what_is_lost_is_void_unless_it_comes_after_all() -> None:
    scans = """
    YT1  2026-11-02 10:00  GOT     Hangzhou
         2026-11-09 10:00  lost    Hangzhou
    YT2  2026-11-02 10:00  GOT     Hangzhou
         2026-11-09 10:00  lost    Hangzhou
         2026-11-12 10:00  SIGNED  Shanghai
    """
    world = World(open_reference(StatusFold(bundled_tables())), scans, PLACES)
    assert read(world).is_void.tolist() == [True, False]
    world.memory.close()


def test_of_many_a_share_is_read(world: World) -> None:
    past = read_past(world.memory.history, world.tables, world.facilities, 0, NOW_MS, most=2)
    assert past.shares == 3
    assert len(past.trips) < 5
    assert past.position == world.memory.history.position()


def test_without_scans_there_are_no_trips() -> None:
    world = World(open_reference(StatusFold(bundled_tables())), "", [])
    assert len(read(world)) == 0
    world.memory.close()
