"""Hours in which a hub gets more than it can take."""

import datetime as dt

import numpy as np
import pytest

from waypost.engines.reference import open_reference
from waypost.forecast.overload import Hours, Overload, find_overloads, learn_hours, read_hours
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
def hours() -> dict[tuple[str, str], Hours]:
    world = World(open_reference(StatusFold(bundled_tables())), SCANS)
    found = read_hours(world.memory.history, world.tables, dt.date(2026, 11, 22))
    world.memory.close()
    return found


def test_hours_are_those_of_the_day_of_the_week(hours: dict[tuple[str, str], Hours]) -> None:
    monday, tuesday, sunday = (hours[HUB].shares[day] for day in (0, 1, 6))
    assert {hour: monday[hour] for hour in range(24) if monday[hour]} == {8: 0.25, 22: 0.75}
    assert {hour: tuesday[hour] for hour in range(24) if tuesday[hour]} == {9: 1.0}
    assert sunday[22] == pytest.approx(0.6)  # nothing was ever seen on one: as all days together


def test_an_hour_beyond_is_told(hours: dict[tuple[str, str], Hours]) -> None:
    [found] = find_overloads(forecast("2026-11-23", 100, 140), hours, {HUB: 80.0})
    assert found == Overload(
        carrier="yto", hub="Hangzhou", hour="2026-11-23T22:00", parcels=75.0, p90=113.0, capacity=80.0, expected=False
    )
    [sure] = find_overloads(forecast("2026-11-23", 100, 140), hours, {HUB: 70.0})
    assert sure.expected


def test_enough_room_is_no_overload(hours: dict[tuple[str, str], Hours]) -> None:
    assert find_overloads(forecast("2026-11-23", 100, 140), hours, {HUB: 114.0}) == []
    assert find_overloads(forecast("2026-11-23", 100, 140), hours, {("yto", "Wuhan"): 1.0}) == []


def test_an_hour_moves_by_chance_where_the_day_hardly_does() -> None:
    """24 hours of ten parcels by chance alone: on one day in ten the hour goes beyond 14, the day beyond 260."""
    even = Hours(np.full((7, 24), 1 / 24), np.zeros((7, 24)))
    told = forecast("2026-11-23", 240, 240 + 1.2816 * 240**0.5)
    assert find_overloads(told, {HUB: even}, {HUB: 14.1}) == []
    found = find_overloads(told, {HUB: even}, {HUB: 13.9})
    assert [each.p90 for each in found] == pytest.approx([14.05] * 24, abs=0.01)


def test_shares_that_differ_from_week_to_week_make_hours_less_sure() -> None:
    """Of a day of 100, now 20 and now 80 come at nine, or always 50."""
    told = forecast("2026-11-23", 100, 100)
    p90 = {}
    for name, shares in (("restless", [0.2, 0.8] * 4), ("steady", [0.5] * 8)):
        hours, days = np.zeros((56, 24)), np.full(56, 100.0)
        hours[:, 9] = 100 * np.repeat(shares, 7)
        [found] = find_overloads(told, {HUB: learn_hours(hours, days, np.arange(56) % 7)}, {HUB: 50.5})
        p90[name] = found.p90
    assert p90["steady"] == pytest.approx(50 + 1.2816 * 5, abs=0.01)
    assert p90["restless"] > 85
