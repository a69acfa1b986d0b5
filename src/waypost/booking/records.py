"""Orders, their parcels, jobs, and labels that carriers pushed, in `Records`."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from waypost.access.sealed import SealedColumn
from waypost.store.tables import METADATA


def _asked() -> Column[str]:
    """Of what is made once for a key: by what the request that made it is known again. See `repeats.py`."""
    return Column("asked", String(32))  # none: nobody knows


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

#: Orders of merchants: see `order_book.py`. `body` is what the merchant sent, sealed. `until_ms` is how long whoever
#: books it may take; `next_ms` when its carrier is asked, and null unless it is queued. `erased_ms` is when what it
#: says of people was erased; `digest` is "" from then on.
orders = Table(
    "orders",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("merchant", String(32), ForeignKey("parties.id"), nullable=False),
    Column("reference", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("account", String(64), nullable=False),
    Column("job_id", String(32), ForeignKey("jobs.id")),
    Column("made_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("next_ms", BigInteger, index=True),
    Column("until_ms", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("why", String(400), nullable=False),
    Column("digest", String(32), nullable=False),
    Column("service", String(64)),  # that was chosen; none: the order names it
    Column("body", LargeBinary),  # none: its key was let go of, and nobody can open it
    Column("erased_ms", BigInteger),
    Index(None, "merchant", "reference", unique=True),
    Index(None, "merchant", "state", "made_ms"),
    Index(None, "merchant", "made_ms"),
    Index(None, "job_id", "state"),
    Index(None, "erased_ms", "changed_ms", "id"),
)

#: Their parcels, under the reference that the carrier is told; `label` is the paper that came with the waybill, sealed.
order_parcels = Table(
    "order_parcels",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("order_id", String(32), ForeignKey("orders.id"), nullable=False),
    Column("piece", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("weight_g", Integer, nullable=False),
    Column("carrier", String(32), nullable=False),
    Column("number", String(64), nullable=False),
    Column("carrier_reference", String(64), nullable=False),
    Column("sort_code", String(64), nullable=False),
    Column("channel", String(120), nullable=False),
    Column("booked_ms", BigInteger),
    Column("why", String(400), nullable=False),
    Column("label_type", String(64), nullable=False),
    Column("label", LargeBinary),
    Column("manifest_id", String(32), ForeignKey("manifests.id"), index=True),
    Index(None, "order_id", "piece", unique=True),
    Index(None, "number", "carrier"),
)

#: By which link a consignee sees its parcel: see `links.py`. `digest` is that of the token, `token` itself is sealed.
links = Table(
    "consignee_links",
    METADATA,
    Column("id", String(32), ForeignKey("order_parcels.id"), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("token", LargeBinary, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

#: That parcels were delivered, and to whom: see `proofs.py`. `body` says who took it; the images are sealed too.
proofs = Table(
    "proofs",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("parcel_id", String(32), ForeignKey("order_parcels.id"), nullable=False, index=True),
    Column("account", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
    Column("picture", LargeBinary),
    Column("picture_type", String(32), nullable=False),
    Column("signature", LargeBinary),
    _asked(),
)

#: What was handed over to carriers: see `manifests.py`.
manifests = Table(
    "manifests",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("merchant", String(32), ForeignKey("parties.id"), nullable=False),
    Column("account", String(64), nullable=False),
    Column("closed_ms", BigInteger, nullable=False),
    _asked(),
    Index(None, "merchant", "closed_ms"),
)

#: Why an order goes by the service that was chosen for it: see `choosing.py`. `content` is the quote and the others.
order_quotes = Table(
    "order_quotes",
    METADATA,
    Column("order_id", String(32), ForeignKey("orders.id"), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

#: What is to be collected for parcels at the door: see `collecting.py`.
cod_dues = Table(
    "cod_dues",
    METADATA,
    Column("parcel", String(32), ForeignKey("order_parcels.id"), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("number", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("booked_ms", BigInteger, nullable=False),
    Index(None, "account", "booked_ms"),
    Index(None, "account", "number"),
)

#: Sheets by which carriers pass on what they collected, and their rows.
remittances = Table(
    "remittances",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("payments", Integer, nullable=False),
    Column("kept_ms", BigInteger, nullable=False),
)
cod_payments = Table(
    "cod_payments",
    METADATA,
    Column("remittance_id", String(32), ForeignKey("remittances.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("account", String(64), nullable=False),
    Column("number", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("paid_on", String(10), nullable=False),
    Index(None, "account", "number"),
)

#: Carriers that were asked to come: see `pickups.py`. `body` is what the merchant sent, sealed. `until_ms` is how long
#: whoever asks its carrier may take; 0 if nobody does.
pickups = Table(
    "pickups",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("merchant", String(32), ForeignKey("parties.id"), nullable=False),
    Column("account", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("number", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("channel", String(120), nullable=False),
    Column("why", String(400), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("body", LargeBinary),  # none: it was erased
    _asked(),
    Index(None, "merchant", "made_ms"),
)

#: Orders that were confirmed together: see `jobs.py`. `passed_over` is which of those that were asked for were not, and
#: why: a JSON array.
jobs = Table(
    "jobs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("merchant", String(32), ForeignKey("parties.id"), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("passed_over", LargeBinary),  # none: of none it is known
    _asked(),
    Index(None, "merchant", "made_ms"),
)

#: Ranges of waybill numbers: see `pools.py`.
number_pools = Table(
    "number_pools",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("carrier", String(32), nullable=False),
    Column("branch", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("prefix", String(40), nullable=False),
    Column("suffix", String(40), nullable=False),
    Column("width", Integer, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("next", BigInteger, nullable=False),
    Column("alarm", BigInteger, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

#: Which reference got which number of which pool, so that none is given twice.
given_numbers = Table(
    "given_numbers",
    METADATA,
    Column("reference", String(64), primary_key=True),
    Column("carrier", String(32), nullable=False),
    Column("number", String(64), nullable=False),
    Column("pool", String(64), ForeignKey("number_pools.name"), nullable=False),
    Column("given_ms", BigInteger, nullable=False),
    Index(None, "carrier", "number", unique=True),
)

SEALED = (
    SealedColumn(labels),
    SealedColumn(orders, is_all=False),
    SealedColumn(order_parcels, "label", is_all=False),
    SealedColumn(pickups, is_all=False),
    SealedColumn(links, "token"),
    SealedColumn(proofs),
    SealedColumn(proofs, "picture", is_all=False),
    SealedColumn(proofs, "signature", is_all=False),
)
