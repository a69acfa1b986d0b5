"""What bookings tell of parcels to who learns how long they take: when they were booked, and for whom."""

import msgspec
import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.engine import Connection

from waypost.booking.orders import ParcelState
from waypost.booking.records import order_parcels, orders

#: The columns of `list_booked`, and how many parcels it gives at most: some 50 MB.
BOOKED_SCHEMA = pa.schema(
    [
        ("booked_carrier", pa.string()),
        ("booked_number", pa.string()),
        ("booked_ms", pa.int64()),
        ("shipper", pa.string()),
    ]
)
MOST_BOOKED = 500_000


class Fresh(msgspec.Struct, frozen=True):
    """A parcel that was booked."""

    merchant: str
    order: str
    carrier: str
    number: str
    booked_ms: int


def list_fresh(connection: Connection, since_ms: int) -> list[Fresh]:
    """What was booked from an instant on, the earliest first. All orders are looked at: for few of them."""
    kept = order_parcels.c
    query = (
        select(orders.c.merchant, kept.order_id, kept.carrier, kept.number, kept.booked_ms)
        .join(orders, orders.c.id == kept.order_id)
        .where(kept.booked_ms >= since_ms, kept.state == ParcelState.BOOKED.value, kept.number != "")
        .order_by(kept.booked_ms, kept.id)
    )
    return [Fresh(*row) for row in connection.execute(query)]


def list_booked(connection: Connection, most: int = MOST_BOOKED) -> pa.Table:
    """When parcels were booked and by which merchant, as columns of `BOOKED_SCHEMA`; a row a waybill, the newest first.

    Of a number that was given again the newest booking counts; of more than `most` the newest are told.
    """
    kept = order_parcels.c
    query = (
        select(kept.carrier, kept.number, kept.booked_ms, orders.c.merchant)
        .join(orders, orders.c.id == kept.order_id)
        .where(kept.booked_ms.is_not(None), kept.number != "")
        .order_by(kept.booked_ms.desc(), kept.id)
        .limit(most)
    )
    batches = [
        pa.record_batch([pa.array(column, field.type) for field, column in told], schema=BOOKED_SCHEMA)
        for chunk in connection.execute(query).partitions(10_000)
        for told in [zip(BOOKED_SCHEMA, zip(*chunk, strict=True), strict=True)]
    ]
    found = pa.Table.from_batches(batches, BOOKED_SCHEMA)
    key = ["booked_carrier", "booked_number"]
    newest = found.group_by(key, use_threads=False).aggregate([("booked_ms", "first"), ("shipper", "first")])
    return newest.rename_columns([*key, "booked_ms", "shipper"])
