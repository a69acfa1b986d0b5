"""Open-Meteo's answers, in files and over HTTP."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.feeds.fake_open_meteo import answer
from tests.rooms.feeds.services import Service, serve

from waypost.feeds.asking import Asker
from waypost.feeds.open_meteo import OpenMeteo, OpenMeteoFiles, parse_answer
from waypost.model.errors import BadInput, Unreachable
from waypost.model.places import Place

#: As the archive answers, with days in Brasilia and the units that are usual there.
DAYS: dict[str, Any] = {
    "latitude": -23.514938,
    "longitude": -46.610168,
    "generationtime_ms": 0.3,
    "utc_offset_seconds": -10800,
    "timezone": "America/Sao_Paulo",
    "timezone_abbreviation": "GMT-3",
    "elevation": 739.0,
    "daily_units": {
        "time": "iso8601",
        "temperature_2m_max": "°F",
        "precipitation_sum": "inch",
        "snowfall_sum": "cm",
        "wind_gusts_10m_max": "km/h",
    },
    "daily": {
        "time": ["2018-03-01", "2018-03-02"],
        "temperature_2m_max": [86.0, None],
        "precipitation_sum": [1.0, 0.0],
        "snowfall_sum": [0.5, 0.0],
        "wind_gusts_10m_max": [36.0, 18.0],
    },
}
NOW = dt.datetime(2026, 11, 23, 10, 30, tzinfo=dt.UTC)
NOW_MS = round(NOW.timestamp() * 1000)
SAO_PAULO = {"sao-paulo": Place(latitude=-23.55, longitude=-46.63)}


def changed(**values: Any) -> str:
    copied = json.loads(json.dumps(DAYS))
    copied["daily"] |= values
    return json.dumps(copied)


def test_days_are_those_of_the_clocks_there_and_units_become_ours(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(json.dumps(DAYS), "utf-8")
    found = OpenMeteoFiles(tmp_path).read()
    assert found.refused == []
    first, second = found.rows.to_pylist()
    assert first["begins_at"] == dt.datetime(2018, 3, 1, 3, tzinfo=dt.UTC)
    assert first["ends_at"] == first["known_at"] == second["begins_at"]
    assert first["place"] == "open-meteo/-23.5149,-46.6102"
    told = {name: first[name] for name in ("temperature_max_c", "rain_mm", "snow_mm", "gust_mps")}
    assert told == pytest.approx({"temperature_max_c": 30.0, "rain_mm": 25.4, "snow_mm": 5.0, "gust_mps": 10.0})
    assert second["temperature_max_c"] is None


def test_seconds_since_1970_are_of_utc_already() -> None:
    text = changed(time=[1519873200, 1519959600])
    assert parse_answer(text, "a", None, None).rows.equals(parse_answer(json.dumps(DAYS), "a", None, None).rows)


def test_of_a_forecast_what_is_over_was_measured() -> None:
    issued = dt.datetime(2018, 3, 2, 12, tzinfo=dt.UTC)
    rows = parse_answer(json.dumps(DAYS), "a", ["here"], round(issued.timestamp() * 1000)).rows.to_pylist()
    assert [row["is_forecast"] for row in rows] == [False, True]
    assert [row["known_at"] for row in rows] == [rows[0]["ends_at"], issued]


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        (changed(precipitation_sum=[1.0, "wet"]), "daily.precipitation_sum", "is no number"),
        (changed(precipitation_sum=[1.0, True]), "daily.precipitation_sum", "is no number"),
        (changed(precipitation_sum=[1.0, 10**400]), "daily.precipitation_sum", "is no number"),
        (changed(precipitation_sum=[1.0, -0.1]), "daily.precipitation_sum", "is not between 0"),
        (changed(time=["2018-03-01", "2018-03-32"]), "daily.time", "is no instant"),
        (changed(time=["2018-03-01", None]), "daily.time", "is no instant"),
    ],
)
def test_a_bad_value_is_refused_with_its_place_and_costs_no_other(text: str, field: str, reason: str) -> None:
    found = parse_answer(text, "answer.json", None, None)
    assert found.rows.num_rows == 1
    [refusal] = found.refused
    assert (refusal.file, refusal.line, refusal.field) == ("answer.json", 2, field)
    assert reason in refusal.reason


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<html>", "is no answer of Open-Meteo"),
        ('{"error": true, "reason": "Daily API request limit exceeded."}', "Daily API request limit exceeded"),
        (changed(precipitation_sum=[1.0]), "has 2 times and 1 values of precipitation_sum"),
        (json.dumps(DAYS).replace("inch", "furlong"), "precipitation_sum in 'furlong'; known: mm, cm, inch"),
        (json.dumps(DAYS | {"latitude": 123.0}), "off the globe"),
        (json.dumps([DAYS, DAYS]), "is about 2 places and not 1"),
    ],
)
def test_another_answer_is_refused(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        parse_answer(text, "answer.json", ["here"], None)


@pytest.fixture
def service() -> Iterator[Service]:
    with serve(answer) as running:
        yield running


def test_a_forecast_is_asked_for_of_several_places_at_once(service: Service) -> None:
    places = SAO_PAULO | {"rio": Place(latitude=-22.9, longitude=-43.2)}
    found = OpenMeteo(Asker("weather", service.url), places, ahead=2, now_ms=NOW_MS).read()
    assert found.refused == []
    assert len(service.asked) == 1
    rows = found.rows.to_pylist()
    assert {row["place"] for row in rows} == {"sao-paulo", "rio"}
    ahead = [row for row in rows if row["place"] == "rio" and row["is_forecast"]]
    assert len(ahead) == 48 - 11  # hours that end at 11:00 or later
    assert {row["known_at"] for row in ahead} == {NOW}
    assert ahead[0]["begins_at"] == dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)
    assert (ahead[0]["rain_mm"], ahead[0]["snow_mm"]) == pytest.approx((21.1, 211.0))


def test_what_was_is_asked_of_the_archive_and_hours_to_come_are_left_out(service: Service) -> None:
    days = (dt.date(2026, 11, 22), dt.date(2026, 11, 23))
    rows = OpenMeteo(Asker("weather", service.url), SAO_PAULO, days=days, now_ms=NOW_MS).read().rows.to_pylist()
    assert len(rows) == 24 + 11
    assert not any(row["is_forecast"] for row in rows)


def test_nothing_is_asked_for_no_places(service: Service) -> None:
    assert OpenMeteo(Asker("weather", service.url), {}, now_ms=NOW_MS).read().rows.num_rows == 0
    assert service.asked == []


def test_what_the_service_refuses_is_told_in_its_words() -> None:
    with (
        serve(lambda *_: (400, b'{"error": true, "reason": "Parameter forecast_days is out of range"}')) as running,
        pytest.raises(BadInput, match="weather: Parameter forecast_days is out of range"),
    ):
        OpenMeteo(Asker("weather", running.url), SAO_PAULO, now_ms=NOW_MS).read()


def test_an_answer_that_is_no_text_is_told() -> None:
    with serve(lambda *_: (200, b"\xff\xfe")) as running, pytest.raises(Unreachable, match="is no text"):
        OpenMeteo(Asker("weather", running.url), SAO_PAULO, now_ms=NOW_MS).read()


@pytest.mark.parametrize("place", [Place(latitude=1.0), Place(latitude=91.0, longitude=0.0)])
def test_a_place_without_a_position_is_refused(place: Place) -> None:
    with pytest.raises(BadInput):
        OpenMeteo(Asker("weather", "http://127.0.0.1:1"), {"here": place}, now_ms=NOW_MS)
