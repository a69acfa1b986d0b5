"""The network at a glance, over worlds small enough to count by hand."""

from collections import Counter

import msgspec
import pytest
from tests.rooms.track.random_worlds import random_world

from waypost.model.instants import parse_instant
from waypost.model.scans import VOID, ScanEvent
from waypost.store.protocols import Memory
from waypost.testing import World, facility, scan
from waypost.track.overview import (
    FEWEST_ON_A_LANE,
    HOURS_BACK,
    MOST_ROWS,
    FacilityCount,
    HourCount,
    LaneTime,
    StatusCount,
    UnknownCode,
    read_overview,
)
from waypost.track.records import list_all_links
from waypost.track.standing import read_standing
from waypost.track.statuses import get_status

HGH = facility("HGH", "CN-Zhejiang", city="Hangzhou")
PVG = facility("PVG", "CN-Shanghai", city="Shanghai")
PEK = facility("PEK", "CN-Beijing", city="Beijing")


def test_an_empty_network(memory: Memory) -> None:
    overview = World(memory).overview()
    assert (overview.scans, overview.parcels, overview.position) == (0, 0, 0)
    assert (overview.statuses, overview.hours, overview.facilities, overview.lanes) == ([], [], [], [])
    assert overview.unknown_codes == []


def test_parcels_by_status_most_first(memory: Memory) -> None:
    world = World(
        memory,
        """
        YT1      2026-11-20 10:00  GOT
                 2026-11-21 10:00  SIGNED
                 2026-11-21 11:00  ARRIVAL
        YT2      2026-11-20 10:00  GOT
        sto/YT2  2026-11-20 10:00  picked_up
        YT4      2026-11-20 10:00  WHO_KNOWS
        YT5      2026-11-20 10:00  lost
        """,
    )
    assert world.overview().statuses == [
        StatusCount("picked_up", "moving", 2),
        StatusCount("delivered", "done", 1),
        StatusCount("lost", "stop", 1),
        StatusCount("unknown", "idle", 1),
    ]


@pytest.mark.parametrize("seed", range(20, 26))
def test_statuses_counted_from_the_history_are_the_states_of_the_index(memory: Memory, seed: int) -> None:
    overview = random_world(memory, seed).overview()
    states = memory.index.page(None, 1000)
    expected = Counter(get_status(status).code for status in states.column("status").to_pylist())
    assert {each.status: each.parcels for each in overview.statuses} == expected
    assert overview.parcels == states.num_rows == sum(each.parcels for each in overview.statuses)
    assert overview.scans == sum(states.column("scans").to_pylist())
    assert overview.position == memory.log.position()


def test_a_parcel_of_which_all_was_withdrawn_is_unknown(memory: Memory) -> None:
    got = scan("YT1", "GOT", "2026-11-20 10:00")
    overview = World(memory, [got, scan("YT1", VOID, "2026-11-20 11:00", corrects=got)]).overview()
    assert overview.statuses == [StatusCount("unknown", "idle", 1)]


def test_scans_by_hour_oldest_first(memory: Memory) -> None:
    """Hours are those of UTC, also for zones that are half an hour off."""
    world = World(
        memory,
        """
        YT1               2026-11-20 10:00        GOT
                          2026-11-20 10:59        ARRIVAL
                          2026-11-20 13:00        DEPARTURE
        delhivery/D1      2026-11-20 10:15        in_transit
        """,
    )
    assert world.overview().hours == [
        HourCount("2026-11-20T02:00:00Z", 2),
        HourCount("2026-11-20T04:00:00Z", 1),
        HourCount("2026-11-20T05:00:00Z", 1),
    ]


def test_only_the_newest_hours_are_shown(memory: Memory) -> None:
    scans = [scan("YT1", "ARRIVAL", f"2026-11-{1 + hour // 24:02} {hour % 24:02}:30") for hour in range(HOURS_BACK + 5)]
    hours = World(memory, scans).overview().hours
    assert len(hours) == HOURS_BACK
    assert (hours[0].hour, hours[-1].hour) == ("2026-10-31T21:00:00Z", "2026-11-03T20:00:00Z")


def test_facilities_by_throughput(memory: Memory) -> None:
    world = World(
        memory,
        """
        YT1      2026-11-20 10:00  GOT        HGH
                 2026-11-20 12:00  DEPARTURE  HGH
                 2026-11-20 20:00  ARRIVAL    X-7
        YT2      2026-11-20 11:00  GOT        HGH
        sto/ST1  2026-11-20 23:30  picked_up  HGH
        YT3      2026-11-20 23:59  SIGNED
        """,
        [HGH],
    )
    assert world.overview().facilities == [
        FacilityCount("yto", "HGH", "Hangzhou hub", "Hangzhou", 3, 2, "2026-11-20T04:00:00Z"),
        FacilityCount("sto", "HGH", "HGH", None, 1, 1, "2026-11-20T15:30:00Z"),
        FacilityCount("yto", "X-7", "X-7", None, 1, 1, "2026-11-20T12:00:00Z"),
    ]


def test_only_the_busiest_facilities_are_shown(memory: Memory) -> None:
    scans = [scan(f"YT{n}", "ARRIVAL", f"2026-11-20 10:{n:02}", at=f"F{n % (MOST_ROWS + 5):02}") for n in range(60)]
    facilities = World(memory, scans).overview().facilities
    assert [each.facility for each in facilities[:11]] == [f"F{n:02}" for n in range(10)] + ["F10"]
    assert ([each.scans for each in facilities[9:11]], len(facilities)) == ([3, 2], MOST_ROWS)


def took(number: str, hours: float, origin: str = "HGH", destination: str = "PVG") -> list[ScanEvent]:
    """A parcel that was so many hours on its way."""
    minutes = round(hours * 60)
    end = f"2026-11-{20 + minutes // 1440} {minutes // 60 % 24:02}:{minutes % 60:02}"
    return [scan(number, "GOT", "2026-11-20 00:00", at=origin), scan(number, "SIGNED", end, at=destination)]


def test_lanes_by_their_median_slowest_first(memory: Memory) -> None:
    scans = [one for n, hours in enumerate([10, 20, 30, 40, 50]) for one in took(f"A{n}", hours)]
    scans += [one for n, hours in enumerate([60, 60, 60, 60, 90, 120]) for one in took(f"B{n}", hours, "PVG", "PEK")]
    scans += [one for n in range(FEWEST_ON_A_LANE - 1) for one in took(f"C{n}", 200, "PEK", "HGH")]
    scans += [one for n in range(9) for one in took(f"D{n}", 200, "HGH", "UNKNOWN")]
    scans += [scan(f"E{n}", "GOT", "2026-11-20 00:00", at="HGH") for n in range(9)]
    assert World(memory, scans, [HGH, PVG, PEK]).overview().lanes == [
        LaneTime("yto", "CN-Shanghai", "CN-Beijing", 6, 60.0, 105.0),
        LaneTime("yto", "CN-Zhejiang", "CN-Shanghai", 5, 30.0, 46.0),
    ]


def test_a_lane_goes_from_the_first_pick_up_to_the_first_delivery(memory: Memory) -> None:
    scans = [one for n in range(5) for one in took(f"A{n}", 10)]
    for n in range(5):
        scans += [
            scan(f"A{n}", "GOT", "2026-11-20 05:00", at="PEK"),
            scan(f"A{n}", "DEPARTURE", "2026-11-19 05:00", at="PEK"),
            scan(f"A{n}", "SIGNED", "2026-11-22 05:00", at="PEK"),
        ]
    assert World(memory, scans, [HGH, PVG, PEK]).overview().lanes == [
        LaneTime("yto", "CN-Zhejiang", "CN-Shanghai", 5, 10.0, 10.0)
    ]


def test_linehaul_trips_go_from_the_first_departure_to_the_last_arrival(memory: Memory) -> None:
    hubs = [msgspec.structs.replace(each, carrier="delhivery") for each in (HGH, PVG, PEK)]
    world = World(memory, facilities=hubs)
    for n in range(5):
        world.keep(
            f"""
            delhivery/T{n}  2026-11-20 00:00  departed_from_hub  HGH
                            2026-11-20 06:00  arrived_at_hub     PVG
                            2026-11-20 07:00  departed_from_hub  PVG
                            2026-11-20 1{n}:00  arrived_at_hub     PEK
            """
        )
    assert world.overview().lanes == [LaneTime("delhivery", "CN-Zhejiang", "CN-Beijing", 5, 12.0, 13.6)]


def test_what_was_corrected_makes_no_lane(memory: Memory) -> None:
    scans = [one for n in range(5) for one in took(f"A{n}", 10)]
    scans += [scan("A0", VOID, "2026-11-21 10:00", corrects=scans[1])]
    assert World(memory, scans, [HGH, PVG]).overview().lanes == []


def test_without_facilities_there_are_no_lanes(memory: Memory) -> None:
    assert World(memory, [one for n in range(9) for one in took(f"A{n}", 10)]).overview().lanes == []


def test_unknown_codes_newest_first(memory: Memory) -> None:
    world = World(
        memory,
        """
        YT1      2026-11-20 10:00  OLD
                 2026-11-20 11:00  OLD
        YT2      2026-11-20 10:30  NEW
                 2026-11-21 10:00  NEW
        sto/ST1  2026-11-20 23:00  OLD
        YT3      2026-11-22 10:00  GOT
                 2026-11-22 11:00  notice
        """,
    )
    wrong = scan("YT4", "MISTYPED", "2026-11-22 10:00")
    world.keep([wrong, scan("YT4", "GOT", "2026-11-22 10:00", corrects=wrong)])
    assert world.overview().unknown_codes == [
        UnknownCode("yto", "NEW", 2, "2026-11-21T02:00:00Z"),
        UnknownCode("sto", "OLD", 1, "2026-11-20T15:00:00Z"),
        UnknownCode("yto", "OLD", 2, "2026-11-20T03:00:00Z"),
    ]


def test_tracker_and_overview_give_each_scan_to_the_same_parcel(memory: Memory) -> None:
    """Also where a number was linked to another parcel later, and nobody said until when the first one bore it."""
    world = World(
        memory,
        """
        A       2026-01-01 10:00  GOT
        B       2026-06-01 10:00  GOT
        usps/X  2026-02-01 10:00-05:00  in_transit
                2026-06-15 10:00-05:00  delivered
        """,
    )
    for number, since in (("A", "2026-01-01T00:00:00Z"), ("B", "2026-06-01T00:00:00Z")):
        world.link(world.book(number), "X", "usps", parse_instant(since).at_ms, None)
    [found] = world.tracker.find(["X"])
    assert [(each.number, each.status, each.scans) for each in found.parcels] == [
        ("A", "in_transit", 2),
        ("B", "delivered", 2),
    ]
    with memory.records.read() as connection:
        links = list_all_links(connection)
    ask = read_standing(memory.history, world.tables, links)
    owners = memory.history.run(lambda scans: ask(scans).select("parcel_number", "number", "at")).to_pylist()
    assert sorted((row["parcel_number"], row["number"], f"{row['at']:%m-%d}") for row in owners) == [
        ("A", "A", "01-01"),
        ("A", "X", "02-01"),
        ("B", "B", "06-01"),
        ("B", "X", "06-15"),
    ]
    counts = read_overview(memory.history, world.tables, world.facilities, links).statuses
    assert {each.status: each.parcels for each in counts} == {"in_transit": 1, "delivered": 1}
