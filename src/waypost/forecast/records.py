"""What was learnt, in `Records`."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table

from waypost.store.tables import METADATA

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
