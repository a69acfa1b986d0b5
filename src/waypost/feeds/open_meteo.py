"""Weather of Open-Meteo: its JSON, in files or asked for over HTTP, measured (archive) or foretold, by hour or by day.

An hour is that which ends then, a day one of the clocks there. Whether an answer is a forecast, and of when, it does
not say: who asks knows. Of an answer to a forecast, hours that are over count as measured.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.feeds.asking import Asker
from waypost.feeds.choosing import choose_files
from waypost.feeds.readings import MOST_NAME, Readings, check_readings, join_found, read_text
from waypost.forecast.trips import Flags, Floats, Ints
from waypost.forecast.weather import WEATHER_SCHEMA, WeatherFound
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, Unreachable
from waypost.model.instants import DAY_MS, read_stamps
from waypost.model.places import Place, check_place
from waypost.track.feed import FileRefusal

_HOUR_MS = 3_600_000
#: A greater number is a slip; JSON may hold some that no float can.
_MOST = 1e15

#: By our names theirs of hours and of days, newer ones first.
_HOURLY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "temperature_c": ("temperature_2m",),
        "humidity_pct": ("relative_humidity_2m", "relativehumidity_2m"),
        "rain_mm": ("precipitation",),
        "snow_mm": ("snowfall",),
        "wind_mps": ("wind_speed_10m", "windspeed_10m"),
        "gust_mps": ("wind_gusts_10m", "windgusts_10m"),
    }
)
_DAILY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "temperature_c": ("temperature_2m_mean",),
        "temperature_max_c": ("temperature_2m_max",),
        "temperature_min_c": ("temperature_2m_min",),
        "humidity_pct": ("relative_humidity_2m_mean",),
        "rain_mm": ("precipitation_sum",),
        "snow_mm": ("snowfall_sum",),
        "wind_mps": ("wind_speed_10m_mean",),
        "gust_mps": ("wind_gusts_10m_max", "windgusts_10m_max"),
    }
)
#: What units are in ours: times the first, plus the second.
_UNITS: Mapping[str, Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "c": {"°C": (1.0, 0.0), "°F": (5 / 9, -160 / 9)},
        "mm": {"mm": (1.0, 0.0), "cm": (10.0, 0.0), "inch": (25.4, 0.0)},
        "mps": {"km/h": (1 / 3.6, 0.0), "m/s": (1.0, 0.0), "mp/h": (0.44704, 0.0), "kn": (1852 / 3600, 0.0)},
        "pct": {"%": (1.0, 0.0)},
    }
)


class _Answer(msgspec.Struct):
    """What is read of an answer about one place."""

    latitude: float
    longitude: float
    utc_offset_seconds: int = 0
    hourly: dict[str, list[Any]] = {}
    hourly_units: dict[str, str] = {}
    daily: dict[str, list[Any]] = {}
    daily_units: dict[str, str] = {}


class _Sorry(msgspec.Struct):
    """What is answered to a question that cannot be."""

    reason: str = ""


class OpenMeteoFiles:
    """A `WeatherSource` of answers that were kept, one a file, or of those of a folder.

    Args:
        path: what is read.
        issued_ms: when they were foretold, in UTC milliseconds; None for what was measured.
    """

    def __init__(self, path: Path, issued_ms: int | None = None) -> None:
        self._paths, self._issued_ms = choose_files(path, "", (".json",)), issued_ms

    def read(self) -> WeatherFound:
        """See `WeatherSource.read`."""
        return join_found([parse_answer(read_text(path), path.name, None, self._issued_ms) for path in self._paths])


class OpenMeteo:
    """A `WeatherSource` that asks the service for the hours of some places.

    Args:
        asker: the service: of the archive if days are given, of forecasts if not.
        places: by name, with latitude and longitude.
        days: the first and the last one that were; None for a forecast.
        ahead: of how many days a forecast is asked for.
        now_ms: the present, when a forecast counts as issued.
    """

    def __init__(
        self,
        asker: Asker,
        places: Mapping[str, Place],
        *,
        days: tuple[dt.date, dt.date] | None = None,
        ahead: int = 7,
        now_ms: int,
    ) -> None:
        for name, place in places.items():
            check_place(place, name)
            if not name or len(name) > MOST_NAME or place.latitude is None or place.longitude is None:
                raise BadInput("a place has a name, a latitude and a longitude.", where=name[:MOST_NAME] or "place")
        self._asker, self._places, self._days, self._ahead, self._now_ms = asker, places, days, ahead, now_ms

    def read(self) -> WeatherFound:
        """See `WeatherSource.read`. One question for all places."""
        if not self._places:
            return WeatherFound(WEATHER_SCHEMA.empty_table())
        query = {
            "latitude": ",".join(f"{place.latitude:.4f}" for place in self._places.values()),
            "longitude": ",".join(f"{place.longitude:.4f}" for place in self._places.values()),
            "hourly": ",".join(names[0] for names in _HOURLY.values()),
            "timezone": "GMT",
            "wind_speed_unit": "ms",
        }
        if self._days is None:
            query["forecast_days"] = str(self._ahead)
        else:
            query |= {"start_date": self._days[0].isoformat(), "end_date": self._days[1].isoformat()}
        answer = self._asker.get("/v1/forecast" if self._days is None else "/v1/archive", query)
        name = self._asker.name
        if answer.status != 200:
            raise BadInput(_read_reason(answer.body) or f"it answers {answer.status}.", where=name)
        try:
            text = answer.body.decode()
        except UnicodeDecodeError:
            raise Unreachable(f"{name}: its answer is no text.") from None
        found = parse_answer(text, name, list(self._places), self._now_ms if self._days is None else None)
        # What is not over yet cannot have been measured, whatever an archive says.
        known = pc.less_equal(found.rows.column("known_at").cast(pa.int64()), self._now_ms)
        return WeatherFound(found.rows.filter(known), found.refused)


def parse_answer(text: str, source: str, places: Sequence[str] | None, issued_ms: int | None) -> WeatherFound:
    """What an answer says; `line` of a refusal is the place in its lists, from 1.

    Args:
        text: JSON, about one place or a list of several.
        source: the file, or the service.
        places: their names, in that order; without them positions are names.
        issued_ms: see `OpenMeteoFiles`.

    Raises:
        BadInput: it is no such answer, or not about as many places.
    """
    try:
        is_list = text.lstrip().startswith("[")
        answers = decode(text, list[_Answer]) if is_list else [decode(text, _Answer)]
    except msgspec.DecodeError as error:
        reason = _read_reason(text.encode())
        raise BadInput(reason or f"is no answer of Open-Meteo: {error}.", where=source) from None
    if places is not None and len(places) != len(answers):
        raise BadInput(f"is about {len(answers)} places and not {len(places)}.", where=source)
    found = []
    for number, answer in enumerate(answers):
        check_place(Place(latitude=answer.latitude, longitude=answer.longitude), source)
        place = places[number] if places is not None else f"open-meteo/{answer.latitude:.4f},{answer.longitude:.4f}"
        found += [
            _read_block(source, place, answer, "hourly", _HOURLY, _HOUR_MS, issued_ms),
            _read_block(source, place, answer, "daily", _DAILY, DAY_MS, issued_ms),
        ]
    return join_found(found)


def _read_reason(body: bytes) -> str:
    try:
        return decode(body, _Sorry).reason[:300]
    except msgspec.DecodeError:
        return ""


def _read_block(
    source: str,
    place: str,
    answer: _Answer,
    block: str,
    names: Mapping[str, tuple[str, ...]],
    long_ms: int,
    issued_ms: int | None,
) -> WeatherFound:
    lists, units = getattr(answer, block), getattr(answer, f"{block}_units")
    if not lists:
        return WeatherFound(WEATHER_SCHEMA.empty_table())
    rows = len(lists.get("time", ()))
    odd = next((name for name, values in lists.items() if len(values) != rows), None)
    if odd is not None:
        raise BadInput(f"has {rows} times and {len(lists[odd])} values of {odd[:40]}.", where=f"{source}, {block}")
    refused: list[FileRefusal] = []
    good: Flags = np.ones(rows, np.bool_)

    def refuse(field: str, bad: Flags, reason: str) -> None:
        for row in np.flatnonzero(bad & good).tolist():
            refused.append(FileRefusal(source, row + 1, f"{block}.{field}", reason, str(lists[field][row])[:60]))
        good[bad] = False

    at_ms, bad = _read_times(lists["time"], answer.utc_offset_seconds)
    refuse("time", bad, "is no instant")
    values: dict[str, Floats] = {}
    fields: dict[str, str] = {}
    for name, theirs in names.items():
        field = next((each for each in theirs if each in lists), None)
        if field is None:
            continue
        known = _UNITS[name.rpartition("_")[2]]
        unit = units.get(field, "")
        if unit not in known:
            message = f"has {field} in {unit[:20]!r}; known: {', '.join(known)}."
            raise BadInput(message, where=f"{source}, {block}")
        read, bad = _read_values(lists[field])
        refuse(field, bad, "is no number")
        values[name], fields[name] = read * known[unit][0] + known[unit][1], f"{block}.{field}"
    if not values:
        return WeatherFound(WEATHER_SCHEMA.empty_table(), refused)
    begins = at_ms - (long_ms if block == "hourly" else 0)
    ends = begins + long_ms
    found = [WeatherFound(WEATHER_SCHEMA.empty_table(), refused)]
    over = ends <= issued_ms if issued_ms is not None else np.ones(rows, np.bool_)
    for is_forecast, part in ((False, over), (True, ~over)):
        kept = np.flatnonzero(good & part)
        readings = Readings(
            source=source,
            place=place,
            latitude=answer.latitude,
            longitude=answer.longitude,
            is_forecast=is_forecast,
            lines=kept + 1,
            begins_ms=begins[kept],
            ends_ms=ends[kept],
            known_ms=np.full(len(kept), issued_ms) if is_forecast else ends[kept],
            values={name: each[kept] for name, each in values.items()},
            fields=fields,
        )
        found.append(check_readings(readings))
    return join_found(found)


def _read_times(times: Sequence[Any], offset_s: int) -> tuple[Ints, Flags]:
    """ISO 8601 of the clocks there, as a day or to the minute; or seconds since 1970, which are of UTC."""
    texts = [f"{each} 00:00" if isinstance(each, str) and len(each) == 10 else each for each in times]
    stamps = read_stamps(pa.array([each if isinstance(each, str) else "" for each in texts], pa.string()))
    seconds, no_number = _read_values([None if isinstance(each, str) else each for each in texts])
    is_number = np.isfinite(seconds) & (np.abs(np.nan_to_num(seconds)) < 1e11)
    told = np.where(is_number, np.nan_to_num(seconds) * 1000, stamps.at_ms - offset_s * 1000).astype(np.int64)
    return told, (~is_number & (stamps.verdict != 0)) | no_number


def _read_values(values: Sequence[Any]) -> tuple[Floats, Flags]:
    """Numbers, NaN where null; and what is neither."""
    good = [isinstance(each, int | float) and not isinstance(each, bool) and abs(each) < _MOST for each in values]
    read = [float(each) if fits else float("nan") for each, fits in zip(values, good, strict=True)]
    bad = [each is not None and not fits for each, fits in zip(values, good, strict=True)]
    return np.array(read, np.float64), np.array(bad, np.bool_)
