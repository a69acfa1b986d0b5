"""Labels that carriers pushed, in `Records`."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from waypost.access.sealed import SealedColumn
from waypost.store.tables import METADATA

#: `body` is the paper, sealed: a name and an address stand on it.
labels = Table(
    "labels",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("carrier", String(32), nullable=False),
    Column("number", String(64), nullable=False),
    Column("received_ms", BigInteger, nullable=False, index=True),
    Column("content_type", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "number", "carrier"),
)

SEALED = (SealedColumn(labels),)
