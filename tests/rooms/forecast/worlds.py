"""Seeded trips of which one knows how they came about."""

from typing import Any

import numpy as np
import pyarrow as pa

from waypost.forecast.trips import Trips, make_trips
from waypost.forecast.weather import LIMITS, WEATHER_SCHEMA
from waypost.model.instants import DAY_MS, OffsetSource
from waypost.model.places import Facility, FacilityKind, Place
from waypost.model.scans import SCAN_SCHEMA

START = 17_000.0  # days since 1970


def imagine(rows: int = 4000, days: float = 200, seed: int = 0, slow_from: float | None = None) -> Trips:
    """Parcels between three regions, near ones quicker; from a day of the stretch on all take half as long again."""
    chance = np.random.default_rng(seed)
    ordered = START + np.sort(chance.uniform(0, days, rows))
    ends = chance.integers(0, 3, (2, rows))
    taken = np.exp(1.3 + 0.5 * np.abs(ends[0] - ends[1]) + chance.normal(0, 0.3, rows))
    if slow_from is not None:
        taken = np.where(ordered - START >= slow_from, 1.5 * taken, taken)
    stamps = {
        "ordered_at": ordered,
        "handed_over_at": ordered + 0.3 * taken,
        "delivered_at": ordered + taken,
        "promised_at": ordered + 20,
    }
    columns = {name: np.round(at * DAY_MS).astype("datetime64[ms]") for name, at in stamps.items()}
    where = {
        f"{end}_{axis}": ends[place] * (4.0 if axis == "latitude" else 1.0)
        for place, end in enumerate(("origin", "destination"))
        for axis in ("latitude", "longitude")
    }
    return make_trips(
        {
            "number": [str(row) for row in range(rows)],
            **columns,
            "offset_min": np.zeros(rows, np.int16),
            "is_void": chance.random(rows) < 0.01,
            "shipper": [f"s{each}" for each in chance.integers(0, 20, rows)],
            "origin_region": [f"r{each}" for each in ends[0]],
            "destination_region": [f"r{each}" for each in ends[1]],
            **where,
        }
    )


#: Three hubs a thousand kilometres from one another, of regions of China.
HUBS = [
    Facility(
        carrier="yto",
        code=code,
        name=code,
        kind=FacilityKind.HUB,
        place=Place(country="CN", region=region, city=code, latitude=latitude, longitude=114.0, zone="Asia/Shanghai"),
    )
    for code, region, latitude in (("Guangzhou", "GD", 23.0), ("Wuhan", "HB", 32.0), ("Beijing", "BJ", 41.0))
]


def imagine_scans(now_ms: int, parcels: int = 1200, days: float = 230, seed: int = 0) -> pa.RecordBatch:
    """Scans of YTO until now: picked up at one of `HUBS`, delivered at another, which takes about two days a step."""
    chance = np.random.default_rng(seed)
    ordered = now_ms - np.round(np.sort(chance.uniform(0, days, parcels))[::-1] * DAY_MS).astype(np.int64)
    ends = chance.integers(0, len(HUBS), (2, parcels))
    taken = np.exp(0.7 + 0.6 * np.abs(ends[0] - ends[1]) + chance.normal(0, 0.25, parcels))
    at = np.concatenate([ordered, ordered + np.round(taken * DAY_MS).astype(np.int64)])
    hubs = np.array([hub.code for hub in HUBS])[ends].ravel()
    number = np.array([f"YT{row:013d}" for row in range(parcels)])
    rows = np.flatnonzero(at < now_ms)
    columns = {
        "carrier": np.full(2 * parcels, "yto"),
        "number": np.r_[number, number],
        "code": np.r_[np.full(parcels, "GOT"), np.full(parcels, "SIGNED")],
        "at": at.astype("datetime64[ms]"),
        "offset_min": np.full(2 * parcels, 480),
        "offset_source": np.full(2 * parcels, OffsetSource.CARRIER),
        "time_flags": np.zeros(2 * parcels),
        "facility": hubs,
    }
    arrays = []
    for field in SCAN_SCHEMA:
        if field.name in columns:
            arrays.append(pa.array(columns[field.name][rows]).cast(field.type))
        else:
            arrays.append(pa.nulls(len(rows), field.type))
    return pa.record_batch(arrays, schema=SCAN_SCHEMA)


def make_weather(
    begins: Any, values: Any, *, place: str = "here", known: Any = None, hours: float = 1, where: Any = (0.0, 0.0)
) -> pa.Table:
    """Rows of a place; `begins` and `known` in days since 1970, `values` by name. With `known` they are forecasts."""
    begins = np.asarray(begins, np.float64)
    ends = begins + hours / 24
    stamps = {
        "begins_at": begins,
        "ends_at": ends,
        "known_at": ends if known is None else np.broadcast_to(known, begins.shape),
    }
    columns = {name: np.round(at * DAY_MS).astype("datetime64[ms]") for name, at in stamps.items()}
    columns |= {name: np.broadcast_to(values.get(name, np.nan), begins.shape) for name in LIMITS}
    columns |= {
        axis: np.full(len(begins), degrees) for axis, degrees in zip(("latitude", "longitude"), where, strict=True)
    }
    columns |= {"place": [place] * len(begins), "is_forecast": [known is not None] * len(begins)}
    return pa.table(
        [pa.array(columns[field.name], field.type, from_pandas=True) for field in WEATHER_SCHEMA], schema=WEATHER_SCHEMA
    )


def imagine_weather(days: int, seed: int = 0) -> pa.Table:
    """Hours measured and, each noon, foretold for a week, where the parcels of `imagine` go from and to."""
    chance = np.random.default_rng(seed)

    def draw(rows: int) -> dict[str, Any]:
        return {
            "rain_mm": chance.gamma(0.1, 5, rows),
            "gust_mps": chance.gamma(4, 2, rows),
            "temperature_c": chance.normal(20, 5, rows),
        }

    hours = START + np.arange(24 * days) / 24
    tables = []
    for end in range(3):
        place = {"place": f"p{end}", "where": (4.0 * end, float(end))}
        tables.append(make_weather(hours, draw(len(hours)), **place))
        for noon in START + 0.5 + np.arange(days):
            ahead = noon + np.arange(7 * 24) / 24
            tables.append(make_weather(ahead, draw(len(ahead)), known=noon, **place))
    return pa.concat_tables(tables)
