"""What carrying was booked for, parcel by parcel: of orders that left their service open, so that a price is kept."""

import pyarrow as pa
from sqlalchemy import Float, cast, func, select
from sqlalchemy.engine import Connection

from waypost.booking.records import order_parcels, order_quotes
from waypost.forecast.lane_costs import COST_SCHEMA

#: Of more parcels the newest: some 50 MB.
MOST_COSTS = 500_000


def list_costs(connection: Connection, most: int = MOST_COSTS) -> pa.Table:
    """The parcels that were booked by a quote, as columns of `COST_SCHEMA`; the price of an order is shared evenly."""
    parcel, quote = order_parcels.c, order_quotes.c
    pieces = select(parcel.order_id, func.count().label("many")).group_by(parcel.order_id).subquery()
    share = quote.minor * 1.0 / pieces.c.many
    booked = (
        select(parcel.carrier, parcel.number, quote.currency, cast(share, Float), parcel.weight_g)
        .join(order_quotes, quote.order_id == parcel.order_id)
        .join(pieces, pieces.c.order_id == parcel.order_id)
        .where(parcel.number != "", parcel.booked_ms.is_not(None))
        .order_by(parcel.booked_ms.desc(), parcel.id)
        .limit(most)
    )
    batches = [
        pa.record_batch([pa.array(column) for column in zip(*chunk, strict=True)], names=COST_SCHEMA.names)
        for chunk in connection.execute(booked).partitions(10_000)
    ]
    return pa.Table.from_batches([batch.cast(COST_SCHEMA) for batch in batches], COST_SCHEMA)
