"""Webhooks, what is to be delivered to them, and how far changes were read for that, in `Records`."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from waypost.access.sealed import SealedColumn
from waypost.store.tables import METADATA

#: Who wants to be told: see `subscriptions.py`. `old_secret` signs too until `old_until_ms`. `missed_ms` is when it
#: came out that changes had gone before anybody could be told of them.
webhooks = Table(
    "webhooks",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("party", String(32), ForeignKey("parties.id"), nullable=False, index=True),
    Column("url", String(2000), nullable=False),
    Column("statuses", String(2000), nullable=False),  # with commas between them; empty: all
    Column("secret", LargeBinary, nullable=False),
    Column("old_secret", LargeBinary),
    Column("old_until_ms", BigInteger),
    Column("made_ms", BigInteger, nullable=False),
    Column("paused_ms", BigInteger),
    Column("why", String(200), nullable=False),
    Column("missed_ms", BigInteger),
)

#: What each is to be told, and was: see `deliveries.py`. `position`, that of the change, orders those of a parcel.
deliveries = Table(
    "webhook_deliveries",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("webhook", String(32), ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("carrier", String(32), nullable=False),
    Column("number", String(64), nullable=False),
    Column("status", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("made_ms", BigInteger, nullable=False, index=True),
    Column("next_ms", BigInteger, nullable=False),
    Column("begun_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("answer", Integer),
    Column("why", String(200), nullable=False),
    Index(None, "webhook", "state", "next_ms"),
    Index(None, "webhook", "number", "carrier", "state", "position"),
    Index(None, "webhook", "made_ms"),
)

#: One row: everything up to `position` is read. `gaps` is how often some had gone before.
reading = Table(
    "webhook_reading",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("gaps", Integer, nullable=False),
)

SEALED = (SealedColumn(webhooks, "secret"), SealedColumn(webhooks, "old_secret", is_all=False))
