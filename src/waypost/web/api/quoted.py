"""Quotes as the API answers them, with an example."""

from collections.abc import Sequence
from datetime import date

import msgspec

from waypost.booking.choosing import Chosen
from waypost.booking.rating.carbon import Emission
from waypost.booking.rating.promised import Basis
from waypost.booking.rating.quotes import Prefer, Quote, Source, Unquoted
from waypost.booking.rating.tariffs import Line
from waypost.booking.rating.windows import Window
from waypost.forecast.promising import Promise, RestsOn
from waypost.model.instants import format_utc
from waypost.track.wire import Refusal


class QuotedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What each service asks for an order, the preferred one first, as `sorted_by` says; and why others do not.

    Attributes:
        row: its place in what was sent, from 0.
    """

    row: int
    reference: str
    quotes: list[Quote]
    unquoted: list[Unquoted]
    sorted_by: str


class QuotesAnswer(msgspec.Struct, frozen=True):
    """Quotes as of an instant. Each order is in one of the two. `promised` says what the promises of quotes rest on."""

    at: str
    quotes: list[QuotedOrder]
    refusals: list[Refusal]
    promised: Basis


class ChosenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The quote that an order was booked by, chosen at `at` as `sorted_by` says; the others, the next best first."""

    at: str
    prefer: Prefer
    sorted_by: str
    quote: Quote
    others: Sequence[Quote]
    unquoted: Sequence[Unquoted]


def view_chosen(chosen: Chosen) -> ChosenAnswer:
    """As its merchant sees it."""
    told = msgspec.structs.asdict(chosen)
    return ChosenAnswer(at=format_utc(told.pop("made_ms")), **told)


PROMISE = Promise(
    p10_at="2026-11-25T19:10:00Z",
    p50_at="2026-11-27T14:20:00Z",
    p80_at="2026-11-29T16:00:00Z",
    p90_at="2026-12-01T12:30:00Z",
    rests_on=RestsOn.LANE,
    parcels=200,
    held=0.91,
    held_of=200,
    unknown=["origin.city"],
)
BASIS = Basis(version=3, learnt_at="2026-11-20T02:00:00Z", as_of="2026-11-22T12:50:00Z")
_QUOTE = Quote(
    account="correios",
    service="economico",
    source=Source.CARD,
    currency="BRL",
    minor=2290,
    lines=[
        Line("carriage", "zone southeast: up to 1000 g", 450, "g", "21.50 BRL", 2150, "2026-1"),
        Line("fuel", "surcharge 1: fuel", 2150, "minor units", "6.5 % of carriage", 140, "2026-1"),
    ],
    card="2026-1",
    zone="southeast",
    billed_g=450,
    window=Window(date(2026, 11, 23), date(2026, 11, 26), date(2026, 11, 27), date(2026, 12, 1)),
    promise=PROMISE,
    co2=Emission(24, "357 km (great circle), 149.93 g/t·km: a source and its year"),
)
_UNSERVED = Unquoted(account="usps", service="GROUND", code="not_served", why="no zone of the card has this way")

CHOSEN = ChosenAnswer(
    at="2026-11-22T13:04:00Z",
    prefer=Prefer.PRICE,
    sorted_by="the lowest price first",
    quote=_QUOTE,
    others=[],
    unquoted=[_UNSERVED],
)
QUOTES = QuotesAnswer(
    "2026-11-22T13:04:00Z",
    [
        QuotedOrder(
            row=0,
            reference="2026-11-000417",
            quotes=[_QUOTE],
            unquoted=[_UNSERVED],
            sorted_by="the lowest price first",
        )
    ],
    [Refusal(1, "consignee.country", "Expected `str` matching regex '^[A-Z]{2}$'")],
    BASIS,
)
