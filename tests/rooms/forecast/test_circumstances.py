"""What may be known of a trip when it is ordered."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.rooms.forecast.worlds import START, imagine, imagine_weather

from waypost.forecast.circumstances import LEARNT, Kind, describe
from waypost.forecast.trips import TRIP_SCHEMA, Trips, make_trips
from waypost.forecast.weather import Weather
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS


def test_nothing_of_what_comes_later_is_known() -> None:
    """What happens after an instant, to whomever, changes no circumstance of a trip that was ordered before it."""
    whole = imagine(1500, 60)
    known = START + 30
    before = whole.ordered < known

    def hide(name: str, days: np.ndarray) -> list:
        stamps = whole.table.column(name).to_pylist()
        return [stamp if at < known else None for stamp, at in zip(stamps, days, strict=True)]

    columns = {field.name: whole.table.column(field.name) for field in TRIP_SCHEMA}
    columns["delivered_at"] = hide("delivered_at", whole.delivered)
    columns["handed_over_at"] = hide("handed_over_at", whole.handed_over)
    cut = Trips(make_trips(columns).table.filter(before.tolist()))
    sky = imagine_weather(60)
    cut_sky = sky.filter(pc.less(sky.column("known_at").cast(pa.int64()), round(known * DAY_MS)))
    assert 0 < cut_sky.num_rows < sky.num_rows
    all_facts, cut_facts = describe(whole, weather=Weather(sky)), describe(cut, weather=Weather(cut_sky))
    assert len(all_facts.names([Kind.WEATHER])) == 36
    for name in all_facts.names(LEARNT):
        if name not in all_facts.words:
            assert cut_facts.columns[name] == pytest.approx(all_facts.columns[name][before], nan_ok=True), name


def test_days_of_rest_ahead_are_weekends_and_holidays() -> None:
    friday = np.array(["2018-03-23T15:00"], "datetime64[ms]")
    columns = {"number": ["1", "2"], "ordered_at": friday.repeat(2), "offset_min": [-180, -180]}
    trips = make_trips(columns | {"is_void": [False, False], "destination_country": ["BR", None]})
    facts = describe(trips)
    rests = np.array([facts.columns[f"rest_days_{days}"] for days in (5, 10, 20)])
    assert rests[:, 0].tolist() == [2, 5, 7]  # two weekends and Good Friday between them in ten days
    assert rests[:, 1].tolist() == [2, 4, 6]
    assert (facts.columns["hour"][0], facts.columns["weekday"][0]) == (pytest.approx(12), 4)
    assert facts.columns["day_of_year"][0] == 31 + 28 + 22


def test_a_promise_of_somebody_else_counts_beside_their_usual_one_only() -> None:
    whole = imagine(400, 40)  # all are promised in 20 days
    columns = {field.name: whole.table.column(field.name) for field in TRIP_SCHEMA}
    promised = columns["promised_at"].to_pylist()
    promised[300] += timedelta(days=20)
    promised[301] = None
    facts = describe(make_trips(columns | {"promised_at": promised}))
    beside = facts.columns["promised_beside_usual"]
    assert beside[200:300] == pytest.approx(0, abs=1e-6)
    assert beside[300] == pytest.approx(np.log(2), abs=1e-6)
    assert np.isnan(beside[301])
    assert np.isnan(facts.columns["promised_weekday"][301])
    assert "promised_beside_usual" in facts.names(LEARNT)
    assert facts.names([Kind.PROMISED]) == ["promised_days"]
    assert Kind.PROMISED not in LEARNT


def test_a_promise_until_the_end_of_a_day_is_one_for_that_day() -> None:
    at = {"ordered_at": "2018-03-23T15:00", "promised_at": "2018-03-31T03:00"}  # until Friday's midnight in Brasilia
    stamps = {name: np.array([text], "datetime64[ms]") for name, text in at.items()}
    trips = make_trips({"number": ["1"], **stamps, "offset_min": [-180], "is_void": [False]})
    assert describe(trips).columns["promised_weekday"][0] == 4


def test_without_weather_there_are_no_columns_of_it() -> None:
    assert describe(imagine(50, 10)).names([Kind.WEATHER]) == []


def test_other_columns_are_refused() -> None:
    with pytest.raises(BadInput, match="trips have the columns number"):
        Trips(imagine(5, 1).table.drop_columns(["freight"]))
