"""Parties, keys and sessions in `Records`. Only digests are kept: who reads the database cannot use them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from waypost.store.tables import METADATA

#: Who takes part: see `access/parties.py`. Nobody is removed, for what they did names them.
parties = Table(
    "parties",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(120), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Index(None, "kind", "name", unique=True),
)

keys = Table(
    "access_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("name", String(80), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("carriers", String(400)),  # with commas between them; null: all
    Column("party_id", String(32), ForeignKey("parties.id")),
    Column("ends_ms", BigInteger),
)

sessions = Table(
    "access_sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("key_id", String(16), ForeignKey("access_keys.id", ondelete="CASCADE"), nullable=False),
    Column("ends_ms", BigInteger, nullable=False, index=True),
)
