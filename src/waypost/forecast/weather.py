"""Weather: what was measured at places and what was foretold for them, as columns; and who gives it.

A row is a stretch of time at a place, an hour or a day. What was measured is known when its stretch has ended, what was
foretold when it was issued; whoever learns asks what was known at an instant (`known_at`).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.trips import Flags, Floats, Ints
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS
from waypost.network.distances import great_circle_km
from waypost.track.feed import FileRefusal

_STAMP = pa.timestamp("ms", "UTC")

#: What is measured, with what can be at all: wider than any record on earth.
LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "temperature_c": (-95.0, 65.0),  # the mean of the stretch, or as its hour ends
        "temperature_min_c": (-95.0, 65.0),
        "temperature_max_c": (-95.0, 65.0),
        "rain_mm": (0.0, 2_500.0),  # all that fell, snow as water
        "snow_mm": (0.0, 5_000.0),  # as deep as it fell
        "wind_mps": (0.0, 120.0),  # metres a second, the mean
        "gust_mps": (0.0, 150.0),
        "humidity_pct": (0.0, 100.0),
    }
)

#: The columns of weather. The first five say which row it is.
WEATHER_SCHEMA = pa.schema(
    [
        pa.field(
            "place", pa.string(), nullable=False
        ),  # a station or whatever was asked for, by the name of its source
        pa.field("is_forecast", pa.bool_(), nullable=False),  # foretold, not measured
        pa.field("begins_at", _STAMP, nullable=False),
        pa.field("ends_at", _STAMP, nullable=False),
        pa.field("known_at", _STAMP, nullable=False),  # a forecast: as it was issued; else as the stretch had ended
        pa.field("latitude", pa.float64(), nullable=False),
        pa.field("longitude", pa.float64(), nullable=False),
        *(pa.field(name, pa.float64()) for name in LIMITS),
    ]
)

#: The columns that say which row it is.
KEY = ("place", "is_forecast", "begins_at", "ends_at", "known_at")

#: Weather at a place farther from a station than that is another.
NEAR_KM = 150.0

_CHUNK = 1000


class WeatherFound(msgspec.Struct, frozen=True):
    """What a source has: rows of `WEATHER_SCHEMA`, and those of its rows that became nothing."""

    rows: pa.Table
    refused: list[FileRefusal] = []


class WeatherSource(Protocol):
    """Who knows weather: files of stations, or a service that is asked."""

    def read(self) -> WeatherFound:
        """All that it has.

        Raises:
            BadInput: a file is missing or of another layout, or the service does not know what it was asked for.
            Unreachable: the service gave no answer.
        """


class Stretches(msgspec.Struct, frozen=True):
    """Rows of one place, either measured or foretold, instants as days since 1970; in the order of being known.

    Attributes:
        values: by the names of `LIMITS`; NaN where nothing is known.
    """

    begins: Floats
    ends: Floats
    known: Floats
    values: Mapping[str, Floats]


class Weather:
    """Weather of many places, to be asked for by position."""

    def __init__(self, rows: pa.Table) -> None:
        if rows.schema.names != WEATHER_SCHEMA.names:
            raise BadInput(f"weather has the columns {', '.join(WEATHER_SCHEMA.names)}")
        rows = rows.cast(WEATHER_SCHEMA).sort_by([(name, "ascending") for name in ("place", "known_at", "begins_at")])
        names, firsts, places = np.unique(
            rows.column("place").to_numpy().astype(str), return_index=True, return_inverse=True
        )
        self.places: list[str] = names.tolist()
        self._where = np.array([_floats(rows, axis)[firsts] for axis in ("latitude", "longitude")])
        self._is_forecast: Flags = np.asarray(rows.column("is_forecast"))
        self._ends = np.searchsorted(places, np.arange(len(names) + 1))
        self._tells = {
            told: np.bincount(places[self._is_forecast == told], minlength=len(names)) > 0 for told in (0, 1)
        }
        self._days = {name: _floats(rows, name) / DAY_MS for name in ("begins_at", "ends_at", "known_at")}
        self._values = {name: _floats(rows, name) for name in LIMITS}

    def nearest(
        self, latitude: Floats, longitude: Floats, within_km: float = NEAR_KM, *, is_forecast: bool = False
    ) -> Ints:
        """Of each position the nearest place with what was measured, or foretold; -1 if all are too far.

        Returns:
            Numbers into `places`.
        """
        found: Ints = np.full(len(latitude), -1, np.int64)
        told = np.flatnonzero(self._tells[is_forecast])
        if not len(told):
            return found
        spots, back = np.unique(np.round([latitude, longitude], 3), axis=1, return_inverse=True)
        nearest: Ints = np.full(spots.shape[1], -1, np.int64)
        for start in range(0, spots.shape[1], _CHUNK):
            some = spots[:, start : start + _CHUNK, None]
            apart_km = great_circle_km(some[0], some[1], *self._where[:, told])
            apart_km = np.where(np.isnan(apart_km), np.inf, apart_km)
            near = apart_km.min(axis=1) <= within_km
            nearest[start : start + _CHUNK] = np.where(near, told[apart_km.argmin(axis=1)], -1)
        return nearest[back.reshape(-1)]

    def at(self, place: int, *, is_forecast: bool) -> Stretches:
        """What was measured at a place, or foretold for it: by its shortest stretches, lest rain counts twice."""
        rows = np.arange(self._ends[place], self._ends[place + 1])
        rows = rows[self._is_forecast[rows] == is_forecast]
        lengths = (self._days["ends_at"] - self._days["begins_at"])[rows]
        rows = rows[lengths < 2 * lengths.min()] if len(rows) else rows  # days have 23 to 25 hours
        begins, ends, known = (self._days[name][rows] for name in ("begins_at", "ends_at", "known_at"))
        return Stretches(begins, ends, known, {name: values[rows] for name, values in self._values.items()})


def join_weather(found: Sequence[pa.Table]) -> pa.Table:
    """Rows of several sources as one table; of a row that comes again the last counts."""
    rows = pa.concat_tables([WEATHER_SCHEMA.empty_table(), *found])
    numbered = rows.append_column("row", pa.array(np.arange(rows.num_rows)))
    last = numbered.group_by(list(KEY), use_threads=False).aggregate([("row", "max")])
    return rows.take(np.sort(np.asarray(last.column("row_max"), np.int64)))


def _floats(rows: pa.Table, name: str) -> Floats:
    column = rows.column(name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.cast(pa.float64()).fill_null(float("nan")), np.float64)
