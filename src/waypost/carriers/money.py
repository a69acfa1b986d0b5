"""Amounts of an order, as a carrier counts them."""

from waypost.booking.issuing import WaybillOrder
from waypost.model.errors import BadInput


def write_amount(order: WaybillOrder, minor: int, currency: str) -> str:
    """An amount with two decimals, in the money of the carrier.

    Raises:
        BadInput: the order is in another one, which nobody here changes.
    """
    if order.currency not in ("", currency):
        raise BadInput(f"{order.currency[:10]} is not what this carrier counts in: {currency}", where="order currency")
    return f"{minor // 100}.{minor % 100:02d}"
