"""The weather that a trip is exposed to, as far as it was known."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.rooms.forecast.worlds import START, make_weather

from waypost.forecast.exposure import expose
from waypost.forecast.trips import Trips, make_trips
from waypost.forecast.weather import Weather
from waypost.model.instants import DAY_MS

HOURS = START + np.arange(20 * 24) / 24


def order(*days: float, **where: Any) -> Trips:
    """Ordered then, to the place of the weather and from far away unless said otherwise."""
    at = np.round((START + np.array(days)) * DAY_MS).astype("datetime64[ms]")
    place = {
        "destination_latitude": 0.0,
        "destination_longitude": 0.0,
        "origin_latitude": 40.0,
        "origin_longitude": 0.0,
    }
    columns = {name: [degrees] * len(days) for name, degrees in (place | where).items()}
    return make_trips(
        {"number": [str(row) for row in range(len(days))], "ordered_at": at, "offset_min": [0] * len(days)}
        | {"is_void": [False] * len(days)}
        | columns
    )


def test_rain_gusts_and_heat_of_the_last_days_are_known() -> None:
    values = {"rain_mm": np.where(HOURS < START + 9, 1.0, 0.5), "gust_mps": HOURS - START, "temperature_c": 20.0}
    seen = expose(order(10), Weather(make_weather(HOURS, values)))
    assert {name for name in seen if not name.startswith("destination")} == set()
    assert seen["destination_rain_mm_last_1"] == pytest.approx(12)
    assert seen["destination_rain_mm_last_3"] == pytest.approx(12 + 48)
    assert seen["destination_rain_mm_last_7"] == pytest.approx(12 + 144)
    assert seen["destination_gust_mps_last_1"] == pytest.approx(10 - 1 / 24)
    assert seen["destination_heat_c_last_7"] == pytest.approx(20)
    assert not any("next" in name for name in seen)


def test_the_greatest_heat_of_an_hour_counts_where_it_is_known() -> None:
    values = {"temperature_c": 20.0, "temperature_max_c": np.where(HOURS < START + 9.5, 25.0, np.nan)}
    seen = expose(order(10, 11), Weather(make_weather(HOURS, values)))
    assert seen["destination_heat_c_last_1"].tolist() == [25, 20]


def test_an_hour_counts_when_it_is_over() -> None:
    weather = Weather(make_weather(HOURS, {"rain_mm": np.where(np.abs(HOURS - START - 10) < 0.001, 7.0, 0.0)}))
    rain = expose(order(10, 10 + 0.99 / 24, 10 + 1 / 24, 11 + 0.99 / 24, 11 + 1 / 24), weather)
    assert rain["destination_rain_mm_last_1"] == pytest.approx([0, 0, 7, 7, 0])


def test_hours_that_are_missing_are_taken_to_be_as_the_others_up_to_half() -> None:
    def rain(seen_of_24: int) -> float:
        hours = HOURS[(9 * 24 + 24 - seen_of_24) : 10 * 24]
        return float(expose(order(10), Weather(make_weather(hours, {"rain_mm": 1.0})))["destination_rain_mm_last_1"][0])

    assert [rain(24), rain(18), rain(12)] == pytest.approx([24, 24, 24])
    assert np.isnan(rain(11))


def test_nothing_is_known_far_away_or_before_and_after_all_that_was_measured() -> None:
    weather = Weather(make_weather(HOURS, {"rain_mm": 1.0, "gust_mps": 5.0}))
    seen = expose(order(-1, 5, 40), weather)
    for name in ("rain_mm", "gust_mps"):
        assert np.isfinite(seen[f"destination_{name}_last_3"]).tolist() == [False, True, False]
    assert np.isnan(seen["destination_heat_c_last_3"]).all()
    assert expose(order(5, destination_latitude=40.0), weather) == {}


def test_the_newest_forecast_that_had_been_issued_counts() -> None:
    def foretell(day: float, rain: float) -> pa.Table:
        ahead = START + day + np.arange(7 * 24) / 24
        return make_weather(ahead, {"rain_mm": rain, "gust_mps": 3.0}, known=START + day)

    weather = Weather(pa.concat_tables([foretell(5, 1.0), foretell(6, 2.0)]))
    seen = expose(order(4.9, 5, 5.9, 6, 7.9, 8.1), weather)
    assert seen["destination_rain_mm_next_1"] == pytest.approx([np.nan, 24, 24, 48, 48, np.nan], nan_ok=True)
    assert seen["destination_rain_mm_next_7"] == pytest.approx([np.nan, 168, 168, 336, 336, np.nan], nan_ok=True)
    assert seen["destination_gust_mps_next_3"] == pytest.approx([np.nan, 3, 3, 3, 3, np.nan], nan_ok=True)


def test_each_end_has_the_weather_of_its_own_place() -> None:
    rows = [
        make_weather(HOURS, {"rain_mm": rain}, place=place, where=where)
        for place, where, rain in (("here", (0.0, 0.0), 1.0), ("there", (40.0, 0.0), 2.0))
    ]
    seen = expose(order(10), Weather(pa.concat_tables(rows)))
    assert (seen["origin_rain_mm_last_1"][0], seen["destination_rain_mm_last_1"][0]) == pytest.approx((48, 24))
