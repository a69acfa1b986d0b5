"""Keys and sessions in `Records`. Only digests are kept: who reads the database cannot use them."""

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from waypost.store.tables import METADATA

keys = Table(
    "access_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("name", String(80), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("carriers", String(400)),  # with commas between them; null: all
)

sessions = Table(
    "access_sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("key_id", String(16), ForeignKey("access_keys.id", ondelete="CASCADE"), nullable=False),
    Column("ends_ms", BigInteger, nullable=False, index=True),
)
