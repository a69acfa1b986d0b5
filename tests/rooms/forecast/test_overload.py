"""Hours in which a hub gets more than it can take."""

import datetime as dt

import pytest

from waypost.engines.reference import open_reference
from waypost.forecast.overload import Overload, find_overloads, read_hours
from waypost.forecast.parcels import DayForecast, Line, ParcelForecast
from waypost.testing import World
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

HUB = ("yto", "Hangzhou")

#: Mondays: three of four parcels in the hour from 22, one from 8; on a Tuesday one at 9.
SCANS = """
    YT1  2026-11-09 22:10  GOT      Hangzhou
    YT2  2026-11-09 22:20  GOT      Hangzhou
         2026-11-09 22:50  DEPARTURE  Hangzhou
    YT3  2026-11-16 22:30  GOT      Hangzhou
    YT4  2026-11-16 08:30  GOT      Hangzhou
    YT5  2026-11-17 09:30  GOT      Hangzhou
    YT6  2026-08-03 03:30  GOT      Hangzhou
"""


def forecast(day: str, parcels: float, p90: float) -> ParcelForecast:
    line = Line("hub", *HUB, [DayForecast(day, parcels, 0.0, parcels, p90)])
    return ParcelForecast(by="hub", learnt_from="", learnt_to="", position=0, lines=[line])


@pytest.fixture(scope="module")
def hours() -> dict[tuple[str, str], object]:
    world = World(open_reference(StatusFold(bundled_tables())), SCANS)
    found = read_hours(world.memory.history, world.tables, dt.date(2026, 11, 22))
    world.memory.close()
    return found


def test_hours_are_those_of_the_day_of_the_week(hours: dict[tuple[str, str], object]) -> None:
    monday, tuesday, sunday = (hours[HUB][day] for day in (0, 1, 6))  # type: ignore[index]
    assert {hour: monday[hour] for hour in range(24) if monday[hour]} == {8: 0.25, 22: 0.75}
    assert {hour: tuesday[hour] for hour in range(24) if tuesday[hour]} == {9: 1.0}
    assert sunday[22] == pytest.approx(0.6)  # nothing was ever seen on one: as all days together


def test_an_hour_beyond_is_told(hours: dict[tuple[str, str], object]) -> None:
    [found] = find_overloads(forecast("2026-11-23", 100, 140), hours, {HUB: 80.0})  # type: ignore[arg-type]
    assert found == Overload(
        carrier="yto", hub="Hangzhou", hour="2026-11-23T22:00", parcels=75.0, p90=105.0, capacity=80.0, expected=False
    )
    [sure] = find_overloads(forecast("2026-11-23", 100, 140), hours, {HUB: 70.0})  # type: ignore[arg-type]
    assert sure.expected


def test_enough_room_is_no_overload(hours: dict[tuple[str, str], object]) -> None:
    assert find_overloads(forecast("2026-11-23", 100, 140), hours, {HUB: 106.0}) == []  # type: ignore[arg-type]
    assert find_overloads(forecast("2026-11-23", 100, 140), hours, {("yto", "Wuhan"): 1.0}) == []  # type: ignore[arg-type]
