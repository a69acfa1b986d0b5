"""What was learnt, forecasts that are kept, and weather, in `Records`."""

from typing import Any

import pyarrow as pa
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, String, Table, func, select
from sqlalchemy.engine import Connection

from waypost.forecast.weather import LIMITS, WEATHER_SCHEMA
from waypost.store.tables import METADATA
from waypost.store.upsert import upsert

#: Versions of what was learnt, never changed: see `models.py`. `card` is JSON; `body` as `keeping.py` writes it.
models = Table(
    "forecast_models",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("card", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

#: Which version promises were made with from when on; the last one that was not undone holds.
promotions = Table(
    "forecast_promotions",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("undone_ms", BigInteger),
)

#: Forecasts of volumes that are kept: see `volume_shelf.py`. `basis` is by what they tell parcels apart.
volume_forecasts = Table(
    "volume_forecasts",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("basis", String(16), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

MOST_PLACE = 80

#: A row a stretch of a place, measured or foretold.
weather = Table(
    "weather",
    METADATA,
    Column("place", String(MOST_PLACE), primary_key=True),
    Column("is_forecast", Boolean, primary_key=True),
    Column("begins_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("ends_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("known_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    *(Column(name, Float) for name in LIMITS),
)

_STAMPS = ("begins", "ends", "known")
_CHUNK = 5000


def keep_weather(connection: Connection, rows: pa.Table) -> None:
    """Add rows of `WEATHER_SCHEMA`, or bring known ones up to date."""
    for name in _STAMPS:
        place = rows.schema.get_field_index(f"{name}_at")
        rows = rows.set_column(place, f"{name}_ms", rows.column(place).cast(pa.int64()))
    for start in range(0, rows.num_rows, _CHUNK):
        upsert(connection, weather, rows.slice(start, _CHUNK).to_pylist())


def read_weather(connection: Connection, since_ms: int = 0) -> pa.Table:
    """All that is kept of stretches that ended after an instant, by place and instant."""
    statement = select(weather).where(weather.c.ends_ms > since_ms).order_by(*weather.primary_key.columns)
    names = [column.name for column in weather.columns]
    found = list(zip(*connection.execute(statement).all(), strict=True)) or [()] * len(names)
    columns: dict[str, Any] = dict(zip(names, found, strict=True))
    for name in _STAMPS:
        columns[f"{name}_at"] = columns.pop(f"{name}_ms")
    return pa.table([pa.array(columns[field.name], field.type) for field in WEATHER_SCHEMA], schema=WEATHER_SCHEMA)


def list_weather(connection: Connection) -> list[dict[str, Any]]:
    """What is kept of each place: how many rows, from when to when, measured or foretold."""
    kept = weather.c
    statement = (
        select(
            kept.place,
            kept.is_forecast,
            func.max(kept.latitude).label("latitude"),
            func.max(kept.longitude).label("longitude"),
            func.count().label("rows"),
            func.min(kept.begins_ms).label("begins_ms"),
            func.max(kept.ends_ms).label("ends_ms"),
            func.max(kept.known_ms).label("known_ms"),
        )
        .group_by(kept.place, kept.is_forecast)
        .order_by(kept.place, kept.is_forecast)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]
