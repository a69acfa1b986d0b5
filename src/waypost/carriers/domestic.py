"""What Chinese couriers count in: yuan, kilograms, mobile telephones."""

import re

from waypost.booking.issuing import WaybillOrder
from waypost.carriers.money import write_amount

ZONE = "Asia/Shanghai"

_MOBILE = re.compile(r"(?:\+?86[ -]?)?1[3-9][0-9]{9}")


def write_yuan(order: WaybillOrder, minor: int) -> str:
    """An amount of an order.

    Raises:
        BadInput: it is of another currency, which nobody here changes.
    """
    return write_amount(order, minor, "CNY")


def declared_minor(order: WaybillOrder) -> int:
    """What all that is in the parcel is worth, as far as it was said."""
    return sum(item.quantity * (item.value_minor or 0) for item in order.items)


def write_kilograms(weight_g: int) -> str:
    """A weight, to the gram."""
    return f"{weight_g / 1000:.3f}"


def is_mobile(phone: str) -> bool:
    """Whether it is a mobile telephone of mainland China; several couriers have another field for those with a wire."""
    return _MOBILE.fullmatch(phone.strip()) is not None
