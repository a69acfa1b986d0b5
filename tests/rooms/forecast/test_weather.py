"""Weather of places, asked for by position."""

import numpy as np
import pyarrow as pa
import pytest
from tests.rooms.forecast.worlds import START, make_weather

from waypost.forecast.weather import WEATHER_SCHEMA, Weather, join_weather
from waypost.model.errors import BadInput
from waypost.network.distances import great_circle_km


def test_the_nearest_place_is_found_unless_it_is_too_far() -> None:
    rows = [
        make_weather([START], {"rain_mm": 1}, place=place, where=where)
        for place, where in (("north", (1.0, 0.0)), ("south", (-1.0, 0.0)))
    ]
    weather = Weather(pa.concat_tables(rows))
    assert weather.places == ["north", "south"]
    latitude = np.array([0.1, -0.1, 5.0, np.nan, 0.1])
    longitude = np.array([0.0, 0.0, 0.0, 0.0, np.nan])
    assert weather.nearest(latitude, longitude).tolist() == [0, 1, -1, -1, -1]
    assert weather.nearest(latitude, longitude, within_km=50).tolist() == [-1] * 5
    assert weather.nearest(latitude, longitude, within_km=1000).tolist() == [0, 1, 0, -1, -1]


def test_many_positions_are_asked_for_by_parts() -> None:
    weather = Weather(make_weather([START], {"rain_mm": 1}))
    latitude = np.linspace(-10, 10, 5001)
    near = weather.nearest(latitude, np.zeros(5001)) == 0
    assert near.tolist() == (great_circle_km(np.round(latitude, 3), 0, 0, 0) <= 150).tolist()


def test_no_weather_is_near_to_nobody() -> None:
    weather = Weather(WEATHER_SCHEMA.empty_table())
    assert weather.nearest(np.zeros(2), np.zeros(2)).tolist() == [-1, -1]


def test_where_there_are_hours_days_are_left_out() -> None:
    days = make_weather([START, START + 1], {"rain_mm": 24}, hours=24)
    hours = make_weather(START + np.arange(24) / 24, {"rain_mm": 1})
    told = Weather(pa.concat_tables([days, hours])).at(0, is_forecast=False)
    assert told.values["rain_mm"].tolist() == [1] * 24
    assert Weather(days).at(0, is_forecast=False).values["rain_mm"].tolist() == [24, 24]


def test_days_on_which_clocks_change_are_days() -> None:
    lengths = {START: 24, START + 1: 23, START + 47 / 24: 25}
    days = [make_weather([begins], {"rain_mm": 1.0}, hours=hours) for begins, hours in lengths.items()]
    assert len(Weather(pa.concat_tables(days)).at(0, is_forecast=False).known) == 3


def test_what_was_foretold_may_be_of_another_place_than_what_was_measured() -> None:
    rows = [
        make_weather([START], {"rain_mm": 1}, place="grid", known=START, where=(0.0, 0.0)),
        make_weather([START], {"rain_mm": 1}, place="station", where=(0.5, 0.0)),
    ]
    weather = Weather(pa.concat_tables(rows))
    here = np.zeros(1), np.zeros(1)
    assert weather.nearest(*here).tolist() == [weather.places.index("station")]
    assert weather.nearest(*here, is_forecast=True).tolist() == [weather.places.index("grid")]
    assert weather.nearest(*here, within_km=10).tolist() == [-1]


def test_of_a_row_that_comes_again_the_last_counts() -> None:
    first = make_weather([START, START + 1], {"rain_mm": 1})
    rows = join_weather(
        [first, make_weather([START], {"rain_mm": 2}), make_weather([START], {"rain_mm": 3}, known=START)]
    )
    assert [(row["is_forecast"], row["rain_mm"]) for row in rows.to_pylist()] == [(False, 1), (False, 2), (True, 3)]
    assert join_weather([]).num_rows == 0


def test_other_columns_are_refused() -> None:
    with pytest.raises(BadInput, match="weather has the columns place"):
        Weather(make_weather([START], {}).drop_columns(["rain_mm"]))
