"""Sorters, the sort codes that were given, and what was learnt, in `Records`."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table

from waypost.access.sealed import SealedColumn
from waypost.store.tables import METADATA

#: What is known of where parcels go, for each carrier the newest versions: see `shelf.py`. `body` is sealed: who has it
#: can try addresses out on it; it is empty of a version that knows nothing. `deliveries` is how many were learnt.
sorters = Table(
    "sorters",
    METADATA,
    Column("id", String(48), primary_key=True),
    Column("carrier", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("deliveries", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "carrier", "version", unique=True),
)

#: What was said of parcels whose carrier gave no code, and what a person said: see `codes.py`.
sort_codes = Table(
    "sort_codes",
    METADATA,
    Column("parcel", String(32), ForeignKey("order_parcels.id"), primary_key=True),
    Column("carrier", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("guess", String(64), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("why", String(200), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("answered_ms", BigInteger),
    Column("answered_by", String(16), nullable=False),
    Index(None, "state", "made_ms"),
    Index(None, "made_ms"),
)

#: The parcels of which a sorter has learnt where they went: each is learnt once.
sort_lessons = Table(
    "sort_lessons",
    METADATA,
    Column("parcel", String(32), ForeignKey("order_parcels.id"), primary_key=True),
    Column("carrier", String(32), nullable=False, index=True),
    Column("learnt_ms", BigInteger, nullable=False),
)

#: The files that a sorter has learnt, by what is in them: each is learnt once.
sort_files = Table(
    "sort_files",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("carrier", String(32), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("learnt_ms", BigInteger, nullable=False),
)

SEALED = (SealedColumn(sorters),)
