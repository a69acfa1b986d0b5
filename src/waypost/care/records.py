"""Webhooks, mail to consignees, what is to be told and how far changes were read for that, and alerts, in `Records`."""

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

#: Which merchants have their consignees told by mail, and of which milestones: see `mail_terms.py`.
mail_switches = Table(
    "mail_switches",
    METADATA,
    Column("party", String(32), ForeignKey("parties.id"), primary_key=True),
    Column("milestones", String(400), nullable=False),  # with commas between them; empty: mail is off
    Column("changed_ms", BigInteger, nullable=False),
    Column("missed_ms", BigInteger),
)

#: Who is written to no more: a keyed digest of the address. `party` is the merchant whose mail somebody wants no more
#: of; it is empty for an address that takes none.
mail_refusals = Table(
    "mail_refusals",
    METADATA,
    Column("party", String(32), primary_key=True),
    Column("digest", String(32), primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
)

#: One row: the key of these digests, and of the links by which mail is stopped.
mail_keys = Table(
    "mail_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
)

#: Of which parcels consignees are to be told, and were: see `notices.py`. No address and no text is kept here.
mail_notices = Table(
    "mail_notices",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("party", String(32), ForeignKey("parties.id"), nullable=False),
    Column("order_id", String(32), ForeignKey("orders.id"), nullable=False),
    Column("piece", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("carrier", String(32), nullable=False),
    Column("number", String(64), nullable=False),
    Column("milestone", String(32), nullable=False),
    Column("status", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("offset_min", Integer, nullable=False),
    Column("facility", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("made_ms", BigInteger, nullable=False, index=True),
    Column("next_ms", BigInteger, nullable=False),
    Column("begun_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("answer", Integer),
    Column("why", String(200), nullable=False),
    Index(None, "state", "next_ms"),
    Index(None, "order_id", "piece", "state"),
    Index(None, "party", "made_ms"),
)

#: Trouble in the network: see `alerts/book.py`. `live` is its subject while it lasts, so that there is one of each;
#: null once it is over. `version` counts what became of it, one an act.
alerts = Table(
    "alerts",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("live", String(32), unique=True),
    Column("severity", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("carrier", String(32), nullable=False),  # empty where it is about none, as the next two
    Column("facility", String(170), nullable=False),
    Column("assignee", String(64), nullable=False),
    Column("snoozed_until_ms", BigInteger),
    Column("borne", Integer, nullable=False),  # so many parcels were hit when it was snoozed or resolved
    Column("borne_severity", Integer, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("parcels", Integer, nullable=False),
    Column("most_parcels", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),  # the finding, without the numbers
    Index(None, "ended_ms", "first_ms"),
)

#: The parcels that each was found to hit the last time, carrier/number, as JSON.
alert_parcels = Table(
    "alert_parcels",
    METADATA,
    Column("alert", String(32), ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

#: What became of each, by the version that it got by that.
alert_acts = Table(
    "alert_acts",
    METADATA,
    Column("alert", String(32), ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", String(48), nullable=False),
    Column("what", String(16), nullable=False),
    Column("note", String(1000), nullable=False),
    Column("assignee", String(64), nullable=False),
    Column("until_ms", BigInteger),
)

SEALED = (
    SealedColumn(webhooks, "secret"),
    SealedColumn(webhooks, "old_secret", is_all=False),
    SealedColumn(mail_keys, "secret"),
)
