"""Whose a waybill is: the merchant and the order that it was booked for."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import Connection

from waypost.booking.records import order_parcels, orders
from waypost.model.carriage import Waybill

_CHUNK = 300


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """For what a waybill was booked.

    Attributes:
        merchant: by its id. `order` the same.
        reference: the merchant's number of the order.
        piece: which of its parcels, from 0.
    """

    merchant: str
    order: str
    reference: str
    piece: int


def find_owners(connection: Connection, waybills: Sequence[Waybill]) -> dict[Waybill, Owned]:
    """Of waybills that were booked here, whose they are."""
    found: dict[Waybill, Owned] = {}
    wanted = set(waybills)
    numbers = sorted({each.number for each in wanted})
    asked = select(
        order_parcels.c.carrier,
        order_parcels.c.number,
        order_parcels.c.piece,
        orders.c.id,
        orders.c.merchant,
        orders.c.reference,
    ).select_from(order_parcels.join(orders, orders.c.id == order_parcels.c.order_id))
    for start in range(0, len(numbers), _CHUNK):
        some = numbers[start : start + _CHUNK]
        for row in connection.execute(asked.where(order_parcels.c.number.in_(some))):
            if (waybill := Waybill(row.carrier, row.number)) in wanted:
                found[waybill] = Owned(merchant=row.merchant, order=row.id, reference=row.reference, piece=row.piece)
    return found
