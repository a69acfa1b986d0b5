"""Orders as programs send them: a JSON array, of which each element is read by itself."""

from typing import TypeVar

import msgspec

from waypost.booking.orders import Order
from waypost.model.decoding import decoder
from waypost.model.errors import BadInput
from waypost.track.wire import Refusal

_RAWS = decoder(list[msgspec.Raw])

Row = TypeVar("Row")


def read_orders(body: bytes) -> tuple[list[tuple[int, Order]], list[Refusal]]:
    """The orders, each with its place from 0, and why the others cannot be read.

    Raises:
        BadInput: it is no JSON array.
    """
    return read_rows(body, Order)


def read_rows(body: bytes, kind: type[Row]) -> tuple[list[tuple[int, Row]], list[Refusal]]:
    """The elements of an array that are of a kind, each with its place from 0, and why the others are not.

    Raises:
        BadInput: it is no JSON array.
    """
    try:
        raws = _RAWS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"the body is no JSON array: {error}", where="body") from None
    one, found, refusals = decoder(kind), [], []
    for row, raw in enumerate(raws):
        try:
            found.append((row, one.decode(raw)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            field, reason = tell_place(error)
            refusals.append(Refusal(row, field, reason))
    return found, refusals


def tell_place(error: Exception) -> tuple[str, str]:
    """Of an error of the JSON reader, the field and what is wrong with it."""
    reason, _, where = str(error).partition(" - at `")
    return where.rstrip("`").removeprefix("$").removeprefix("."), reason
