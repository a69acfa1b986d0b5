"""Services become departures: on the days they run, at the times that clocks show there."""

import datetime as dt

import pytest

from waypost.model.errors import BadInput
from waypost.model.instants import format_utc
from waypost.network.services import Call, Clock, Days, Mode, Service, Stretch, check_service
from waypost.network.timetable import Timetable, expand

WEEK = (1, 2, 3, 4, 5, 6, 7)
BERLIN, YORK, SHANGHAI = "Europe/Berlin", "America/New_York", "Asia/Shanghai"


def service(
    *calls: tuple[str, str, int | None, int | None], days: Days | None = None, clock: Clock = Clock.WALL
) -> Service:
    return Service(
        carrier="dhl",
        code="X1",
        mode=Mode.TRUCK,
        days=days or Days(weekdays=WEEK, first=dt.date(2026, 1, 1), last=dt.date(2026, 12, 31)),
        calls=tuple(Call(facility=f"dhl/{f}", zone=z, arrives_min=a, departs_min=d) for f, z, a, d in calls),
        stretches=(Stretch(),) * (len(calls) - 1),
        clock=clock,
    )


def times(timetable: Timetable) -> list[str]:
    each = timetable.connections
    return [
        f"{format_utc(departs)[5:16]} {format_utc(arrives)[5:16]}"
        for departs, arrives in zip(each.departs_ms.tolist(), each.arrives_ms.tolist(), strict=True)
    ]


def of_days(one: Service, first: str, last: str) -> list[str]:
    return times(expand([one], dt.date.fromisoformat(first), dt.date.fromisoformat(last), {}, 0))


def test_a_service_runs_on_its_weekdays_and_exceptions() -> None:
    days = Days(
        weekdays=(1, 3),
        first=dt.date(2026, 11, 4),
        last=dt.date(2026, 11, 30),
        added=(dt.date(2026, 11, 3), dt.date(2026, 11, 8)),
        left_out=(dt.date(2026, 11, 11),),
    )
    one = service(("A", "UTC", None, 60), ("B", "UTC", 120, None), days=days)
    found = of_days(one, "2026-11-01", "2026-11-17")
    assert [each[:5] for each in found] == ["11-03", "11-04", "11-08", "11-09", "11-16"]


def test_times_are_those_of_each_zone() -> None:
    flight = service(("PVG", SHANGHAI, None, 600), ("JFK", YORK, 720, None))
    assert of_days(flight, "2026-07-01", "2026-07-01") == ["07-01T02:00 07-01T16:00"]
    assert of_days(flight, "2026-12-01", "2026-12-01") == ["12-01T02:00 12-01T17:00"]


def test_hours_from_24_on_are_of_the_next_day() -> None:
    truck = service(("A", BERLIN, None, 25 * 60), ("B", BERLIN, 30 * 60, None))
    assert of_days(truck, "2026-07-01", "2026-07-01") == ["07-01T23:00 07-02T04:00"]


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("2026-03-28", ["03-28T21:00 03-29T05:00", "03-29T05:10 03-29T06:10"]),  # one hour less on the wall
        ("2026-10-24", ["10-24T20:00 10-25T04:00", "10-25T04:10 10-25T05:10"]),
    ],
)
def test_a_night_of_change_takes_as_long_as_others(first: str, told: list[str]) -> None:
    truck = service(
        ("A", BERLIN, None, 22 * 60), ("B", BERLIN, 30 * 60, 30 * 60 + 10), ("C", BERLIN, 31 * 60 + 10, None)
    )
    assert of_days(truck, first, first) == told


def test_a_departure_that_clocks_skip_leaves_after_the_gap_and_one_they_repeat_at_first() -> None:
    truck = service(("A", BERLIN, None, 150), ("B", BERLIN, 180, None))
    assert of_days(truck, "2026-03-29", "2026-03-29") == ["03-29T01:30 03-29T02:00"]
    assert of_days(truck, "2026-10-25", "2026-10-25") == ["10-25T00:30 10-25T01:00"]


def test_minutes_from_noon_are_those_of_gtfs() -> None:
    """Twelve hours before noon is 23:00 of the day before where an hour is skipped."""
    bus = service(("A", BERLIN, None, 60), ("B", BERLIN, 480, None), clock=Clock.NOON)
    assert of_days(bus, "2026-03-29", "2026-03-29") == ["03-28T23:00 03-29T06:00"]
    assert of_days(bus, "2026-03-30", "2026-03-30") == ["03-29T23:00 03-30T06:00"]


def test_a_departure_knows_what_is_before_and_behind_it() -> None:
    calls = [("A", "UTC", None, 0), ("B", "UTC", 30, 1500), ("C", "UTC", 1600, None)]
    timetable = expand([service(*calls)], dt.date(2026, 11, 1), dt.date(2026, 11, 3), {}, 0)
    each = timetable.connections
    assert timetable.sections.stretch[each.section].tolist() == [0, 0, 1, 0, 1, 1]
    assert each.previous.tolist() == [-1, -1, 0, -1, 1, 3]
    assert each.following.tolist() == [2, 4, -1, 5, -1, -1]
    assert (each.day - each.day[0]).tolist() == [0, 1, 0, 2, 1, 2]


def test_nothing_runs_in_an_empty_timetable() -> None:
    assert len(expand([], dt.date(2026, 11, 1), dt.date(2026, 11, 3), {}, 0).connections) == 0


def test_days_have_an_order_and_an_end() -> None:
    for last in (dt.date(2026, 10, 31), dt.date(2027, 12, 31)):
        with pytest.raises(BadInput, match="spans 1 to 400 days"):
            expand([], dt.date(2026, 11, 1), last, {}, 0)


def test_a_departure_that_arrives_before_it_leaves_while_zones_disagree_is_left_out() -> None:
    """From 8 to 29 March 2026 New York is five hours behind Berlin, otherwise six."""
    flight = service(("JFK", YORK, None, 600), ("BER", BERLIN, 600 + 5 * 60 + 30, None))
    with pytest.raises(BadInput, match=r"service dhl/X1.*at least one"):
        check_service(flight)
    back = service(("BER", BERLIN, None, 600), ("JFK", YORK, 600 - 5 * 60 - 30, None))
    check_service(back)
    truck = service(("A", BERLIN, None, 600), ("B", BERLIN, 660, 700), ("C", BERLIN, 760, None))
    timetable = expand([back, truck], dt.date(2026, 3, 7), dt.date(2026, 3, 8), {}, 0)
    assert times(timetable) == [
        "03-07T09:00 03-07T09:30",
        "03-07T09:00 03-07T10:00",
        "03-07T10:40 03-07T11:40",
        "03-08T09:00 03-08T10:00",
        "03-08T10:40 03-08T11:40",
    ]
    assert timetable.connections.previous.tolist() == [-1, -1, 1, -1, 3]
    assert timetable.connections.following.tolist() == [-1, 2, -1, 4, -1]
    [left_out] = timetable.left_out
    assert str(left_out) == "dhl/X1 on 2026-03-08: arrives at dhl/JFK before it leaves, as the zones are then"


def test_a_departure_that_cannot_be_is_left_out_whole() -> None:
    flight = service(
        ("MUC", BERLIN, None, 480),
        ("BER", BERLIN, 540, 600),
        ("JFK", YORK, 600 - 5 * 60 - 30, 700),
        ("BOS", YORK, 760, None),
    )
    timetable = expand([flight], dt.date(2026, 3, 1), dt.date(2026, 3, 31), {}, 0)
    assert len(timetable.connections) == 3 * (31 - 21)
    assert [each.day.day for each in timetable.left_out] == [*range(8, 29)]
