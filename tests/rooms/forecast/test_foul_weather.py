"""Weather that people would name."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.rooms.forecast.worlds import make_weather

from waypost.engines.sql.records import SqlRecords
from waypost.forecast.foul_weather import blame_weather
from waypost.forecast.weather import Weather
from waypost.model.instants import DAY_MS
from waypost.model.places import Facility, FacilityKind, Place
from waypost.network.facilities import Facilities

DAY = 20_000.0
HOURS = DAY + np.arange(48) / 24


@pytest.fixture(scope="module")
def facilities() -> Facilities:
    found = Facilities(SqlRecords("sqlite://"))
    for code, latitude in (("near", 0.1), ("far", 3.0), ("nowhere", None)):
        place = Place(latitude=latitude, longitude=None if latitude is None else 0.0)
        found.keep([Facility(carrier="c", code=code, name=code, kind=FacilityKind.HUB, place=place)])
    return found


def ask(
    facilities: Facilities, table: pa.Table, code: str = "near", first: float = 2, last: float = 20, now: float = 60
) -> str | None:
    """About a wait from one hour of the day to another, asked at a third."""
    since, until, at = (round((DAY + hour / 24) * DAY_MS) for hour in (first, last, now))
    found = blame_weather(Weather(table), facilities, at)(f"c/{code}", since, until)
    return found and found.value


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"gust_mps": 26.0}, "storm"),
        ({"wind_mps": 18.0}, "storm"),
        ({"snow_mm": 6.0}, "snow"),
        ({"rain_mm": 5.0}, "flood"),
        ({"temperature_c": 41.0}, "heat"),
        ({"gust_mps": 15.0, "rain_mm": 1.0, "temperature_c": 30.0}, None),
        ({}, None),
    ],
)
def test_what_is_named(facilities: Facilities, values: dict[str, Any], told: str | None) -> None:
    table = make_weather(HOURS, values)
    assert ask(facilities, table) == told
    days = {name: value * (24 if name in ("rain_mm", "snow_mm") else 1) for name, value in values.items()}
    assert ask(facilities, make_weather([DAY, DAY + 1], days, hours=24)) == told
    assert ask(facilities, table, "far") is None, "weather 300 km off is another"
    assert ask(facilities, table, "nowhere") is None
    assert ask(facilities, table, "unknown") is None


def test_only_what_was_there_then_and_is_known(facilities: Facilities) -> None:
    storm = make_weather(HOURS, {"gust_mps": np.where(HOURS < DAY + 5 / 24, 30.0, 2.0)})
    assert ask(facilities, storm) == "storm"
    assert ask(facilities, storm, first=6) is None
    assert ask(facilities, storm, first=-30, last=1) == "storm"
    assert ask(facilities, storm, first=-60, last=20) is None, "it began days before"
    assert ask(facilities, storm, now=2) is None, "nobody has measured it yet"


def test_a_forecast_tells_where_nobody_measures(facilities: Facilities) -> None:
    alarm = make_weather(HOURS, {"gust_mps": 30.0}, known=DAY - 1)
    calm = make_weather(HOURS, {"gust_mps": 3.0}, known=DAY)
    assert ask(facilities, alarm) == "storm"
    assert ask(facilities, pa.concat_tables([alarm, calm])) is None, "the last word counts"
    assert ask(facilities, pa.concat_tables([alarm, calm]), now=-5) == "storm", "which was not said yet"


def test_what_was_measured_counts_before_what_had_been_foretold(facilities: Facilities) -> None:
    alarm = make_weather(HOURS, {"gust_mps": 30.0}, known=DAY - 1)
    measured = make_weather(HOURS, {"gust_mps": 3.0})
    assert ask(facilities, pa.concat_tables([measured, alarm])) is None, "the storm did not come"
    assert ask(facilities, pa.concat_tables([measured.slice(30), alarm])) == "storm", "nobody measured that day"
