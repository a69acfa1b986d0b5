"""Quotes: what each contracted service asks for a merchant's orders."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.booking.orders import Order, check_order
from waypost.booking.rating.promised import Basis
from waypost.booking.rating.quotes import Prefer, Quoter
from waypost.booking.rating.shipments import read_shipment
from waypost.booking.reading import read_orders
from waypost.model.errors import BadInput
from waypost.model.instants import format_utc
from waypost.track.wire import Refusal
from waypost.web.api.answers import ORDERS_SENT
from waypost.web.api.arrays import refuse_long_array
from waypost.web.api.merchants import merchant_of, read_json
from waypost.web.api.openapi import DATE_TIME, WITH_MERCHANTS_KEY, sends
from waypost.web.api.quoted import QuotedOrder, QuotesAnswer
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.office import Office, read_instant

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type")


def add_quotes(app: FastAPI, office: Office) -> None:
    """One endpoint: nothing is kept."""
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk

    @routes.add(
        "POST",
        "/v1/quotes",
        "What orders would cost",
        QuotesAnswer,
        "Quotes of each order",
        *_SENDING,
        description=(
            "With every service that there is a rate card of: price line by line, days of arrival, CO2, or why there "
            "is none. An order that names an account or a service is quoted with that alone. Nothing is kept, and no "
            "order has to be handed in before."
        ),
        extra=sends(Order, ORDERS_SENT),
    )
    async def quote_orders(
        request: Request,
        prefer: Annotated[Prefer, Query(description="What comes first.")] = Prefer.BEST,
        insured: Annotated[bool, Query(description="Declare what the items are worth.")] = False,
        at: Annotated[
            str | None, Query(description="RFC 3339; as of then, now if not given.", json_schema_extra=DATE_TIME)
        ] = None,
    ) -> Response:
        merchant = await merchant_of(office, request)
        at_ms = read_instant(at, "query.at")
        body = await read_json(office, request)
        refuse_long_array(body, office.limits.quotes_at_once, "orders")

        def quote() -> QuotesAnswer:
            as_of_ms = desk.clock() if at_ms is None else at_ms
            return _quote_all(desk.quotes.open(), merchant, body, as_of_ms, prefer, insured)

        return json_answer(await office.lookups.run(quote))


def _quote_all(quoter: Quoter, merchant: str, body: bytes, at_ms: int, prefer: Prefer, insured: bool) -> QuotesAnswer:
    """Each order that can be read, and why the others cannot."""
    orders, refusals = read_orders(body)
    found = []
    basis = Basis(why="nothing was quoted")
    for row, order in orders:
        try:
            quoted, basis = _quote(quoter, merchant, row, order, at_ms, prefer, insured)
            found.append(quoted)
        except BadInput as error:
            refusals.append(Refusal(row, error.where or "", error.message.removeprefix(f"{error.where}: ")))
    return QuotesAnswer(format_utc(at_ms), found, sorted(refusals, key=lambda refusal: refusal.row), basis)


def _quote(
    quoter: Quoter, merchant: str, row: int, order: Order, at_ms: int, prefer: Prefer, insured: bool
) -> tuple[QuotedOrder, Basis]:
    check_order(order)
    shipment = read_shipment(order, shipper=merchant, insured=insured)
    quoted = quoter.quote(shipment, at_ms, prefer, account=order.account, service=order.service)
    told = QuotedOrder(
        row=row,
        reference=order.reference,
        quotes=quoted.quotes,
        unquoted=quoted.unquoted,
        sorted_by=quoted.sorted_by,
    )
    return told, quoted.promised
