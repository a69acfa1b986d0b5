"""Rate cards in `Records`. A card is never changed: a new version takes its place."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from waypost.store.tables import METADATA

#: `content` is the card as `cards.write_card` writes it, `digest` of that.
rate_cards = Table(
    "rate_cards",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("valid_from", String(10), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("digest", String(32), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index(None, "account", "service", "version", unique=True),
)
