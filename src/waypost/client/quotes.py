"""Quotes: what each contracted service asks for orders, and why others do not carry them."""

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from waypost.client.calling import Caller
from waypost.client.orders import Order
from waypost.client.problems import RowRefusal

#: What a server takes at once unless it is set otherwise.
_AT_ONCE = 100

Prefer = Literal["price", "arrival", "co2", "best"]


class Line(msgspec.Struct, frozen=True):
    """One line of a price; the lines sum to the total. `minor` is in minor units of the currency of the quote."""

    kind: str
    rule: str
    quantity: int
    unit: str
    rate: str
    minor: int
    card: str


class Window(msgspec.Struct, frozen=True):
    """Days of arrival, and on which it leaves the sender."""

    leaves: dt.date
    earliest: dt.date
    usual: dt.date
    latest: dt.date


class Emission(msgspec.Struct, frozen=True):
    """Grams of CO2e, None if unknown; `how` says what it was reckoned from, or what is missing."""

    grams: int | None
    how: str


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What one service asks: `minor`, in minor units of `currency`. `window` is None if its card has none."""

    account: str
    service: str
    source: str
    currency: str
    minor: int
    lines: Sequence[Line]
    card: str = ""
    zone: str = ""
    billed_g: int | None = None
    window: Window | None = None
    co2: Emission
    notes: Sequence[str] = ()


class Unquoted(msgspec.Struct, frozen=True, kw_only=True):
    """A service without a price: a stable `code`, and why."""

    account: str
    service: str
    code: str
    why: str


class QuotedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The quotes of an order, the preferred one first as `sorted_by` says; `row` is its place in what was sent."""

    row: int
    reference: str
    quotes: Sequence[Quote]
    unquoted: Sequence[Unquoted]
    sorted_by: str


class Quotes(msgspec.Struct, frozen=True):
    """Quotes as of an instant. Each order is in one of the two."""

    at: dt.datetime
    quotes: Sequence[QuotedOrder]
    refusals: Sequence[RowRefusal]


def ask_quotes(
    caller: Caller,
    orders: Iterable[Order | Mapping[str, Any]],
    *,
    prefer: Prefer = "best",
    insured: bool = False,
    at: dt.datetime | None = None,
) -> Quotes:
    """What orders would cost; see `Waypost.quote`."""
    params = {"prefer": prefer, "insured": insured or None, "at": at}
    quoted: list[QuotedOrder] = []
    refusals: list[RowRefusal] = []
    told, first, as_of = iter(orders), 0, at
    while some := list(itertools.islice(told, _AT_ONCE)):
        answer = caller.send("POST", "/v1/quotes", Quotes, some, params)
        quoted += [msgspec.structs.replace(each, row=first + each.row) for each in answer.quotes]
        refusals += [msgspec.structs.replace(each, row=first + each.row) for each in answer.refusals]
        first += len(some)
        as_of = as_of or answer.at
    return Quotes(as_of or dt.datetime.now(dt.UTC), quoted, refusals)
