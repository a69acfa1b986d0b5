"""Forecasts in `Records`."""

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from waypost.store.tables import METADATA

#: Forecasts of volumes that are kept: see `volume_shelf.py`. `basis` is by what they tell parcels apart.
volume_forecasts = Table(
    "volume_forecasts",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("basis", String(16), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
