"""Orders: merchants hand in what they sold, look at it, and change it as long as no carrier knows of it."""

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request, Response

from waypost.booking.bookings import EnteredSheet
from waypost.booking.order_book import Filters, Receipt
from waypost.booking.orders import MOST_PARCELS, Order, OrderState, PlannedParcel, order_id
from waypost.booking.reading import read_orders
from waypost.booking.sheets import Headings
from waypost.track.feed import MOST_SPELLED_OUT
from waypost.track.files import legible
from waypost.web.api.answers import (
    ORDERS_SENT,
    PARCELS_SENT,
    EnteredAnswer,
    OrderPage,
    OrderView,
    SheetAnswer,
    view_order,
)
from waypost.web.api.arrays import refuse_long_array
from waypost.web.api.carriers import KINDS_OF_FILES
from waypost.web.api.merchants import (
    decode_json,
    invalid,
    merchant_of,
    read_json,
)
from waypost.web.api.openapi import DATE_TIME, WITH_MERCHANTS_KEY, sends, sends_file
from waypost.web.api.quoted import ChosenAnswer, view_chosen
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.bodies import see_media_type
from waypost.web.office import Office, read_instant

Packed = Annotated[list[PlannedParcel], msgspec.Meta(min_length=1, max_length=MOST_PARCELS)]
_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type", "storage_full")


def add_orders(app: FastAPI, office: Office) -> None:
    """To hand orders in, see them, and change drafts."""
    _add_entering(app, office)
    _add_sheets(app, office)
    _add_lists(app, office)
    _add_changes(app, office)


def _add_entering(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    bookings = office.desk.bookings

    @routes.add(
        "POST",
        "/v1/orders",
        "Hand orders in",
        EnteredAnswer,
        "What became of each",
        *_SENDING,
        description=(
            "As drafts: no carrier is told yet. Of each it is said what became of it; one that is wrong hinders no "
            "other. An order is known by the merchant's number of it: the same again changes nothing."
        ),
        extra=sends(Order, ORDERS_SENT),
    )
    async def enter_orders(
        request: Request,
        dry_run: Annotated[bool, Query(description="Say what would become of them, and keep nothing.")] = False,
    ) -> Response:
        merchant = await merchant_of(office, request)
        body = await read_json(office, request)
        refuse_long_array(body, office.limits.orders_at_once, "orders")

        def enter() -> Receipt:
            found, unread = read_orders(body)
            receipt = bookings.enter(merchant, found, dry_run=dry_run)
            refusals = sorted(receipt.refusals + unread, key=lambda refusal: refusal.row)
            return Receipt(receipt.entries, refusals, receipt.advice)

        receipt = await office.intake.run(enter)
        return json_answer(EnteredAnswer(receipt.entries, receipt.refusals, receipt.advice))


def _add_sheets(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk
    bookings = desk.bookings

    @routes.add(
        "POST",
        "/v1/orders/files",
        "Hand in a sheet of orders",
        SheetAnswer,
        "What became of its orders",
        *_SENDING,
        description=(
            "CSV or XLSX, a row for each item; rows of one number are one order. Columns may be called as people call "
            "them, or as `column` says; `fixed` is what holds for all rows. The answer says for each row that was not "
            "taken why, by its line; an order that is wrong in one row is refused as a whole, and hinders no other."
        ),
        extra=sends_file(KINDS_OF_FILES),
    )
    async def enter_sheet(
        request: Request,
        name: Annotated[str, Query(max_length=200, description="As you call the file.")] = "",
        column: Annotated[
            list[str] | None, Query(description="`FIELD:HEADING`, what a column is called there; again for another.")
        ] = None,
        fixed: Annotated[
            list[str] | None, Query(description="`FIELD:VALUE`, what holds for all rows; again for another.")
        ] = None,
        dry_run: Annotated[bool, Query(description="Say what would become of them, and keep nothing.")] = False,
    ) -> Response:
        merchant = await merchant_of(office, request)
        kind = see_media_type(request.headers, *KINDS_OF_FILES)
        headings = Headings(columns=_pairs("query.column", column), fixed=_pairs("query.fixed", fixed))
        async with office.body(request.scope, request.receive, office.limits.file_bytes) as body:
            called = legible(name)[:80] or f"orders{KINDS_OF_FILES[kind]}"

            def enter() -> EnteredSheet:
                with desk.files.holding(body, KINDS_OF_FILES[kind]) as path:
                    tables = desk.order_sheets.read(path)
                    return bookings.enter_sheet(merchant, called, tables, headings, dry_run=dry_run)

            entered = await office.intake.run(enter)
        return json_answer(
            SheetAnswer(
                orders=len(entered.entries),
                rows=entered.rows,
                refused=len(entered.refusals),
                entries=list(entered.entries),
                refusals=list(entered.refusals[:MOST_SPELLED_OUT]),
                advice=list(entered.advice[:MOST_SPELLED_OUT]),
                ignored=list(entered.ignored),
            )
        )


def _add_lists(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk
    book = desk.bookings.book

    @routes.add("GET", "/v1/orders", "Orders, newest first", OrderPage, "A page of them")
    async def list_orders(
        request: Request,
        state: Annotated[OrderState | None, Query(description="How far they are.")] = None,
        job: Annotated[str | None, Query(max_length=64, description="Those that were confirmed by it.")] = None,
        reference: Annotated[str | None, Query(max_length=64, description="The one of that number of yours.")] = None,
        since: Annotated[
            str | None, Query(description="RFC 3339; made from here on.", json_schema_extra=DATE_TIME)
        ] = None,
        until: Annotated[
            str | None, Query(description="RFC 3339; made before it.", json_schema_extra=DATE_TIME)
        ] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        merchant = await merchant_of(office, request)
        since_ms, until_ms = read_instant(since, "query.since"), read_instant(until, "query.until")
        id_ = None if reference is None else order_id(merchant, reference)
        filters = Filters(state=state, job=job, since_ms=since_ms, until_ms=until_ms, id=id_)
        page, cursor = await office.lookups.run(book.list_page, merchant, filters, after, limit)
        return json_answer(OrderPage([view_order(each) for each in page], cursor))

    @routes.add(
        "GET",
        "/v1/orders/{order}",
        "One order",
        OrderView,
        "With its parcels and their waybills",
        "not_found",
    )
    async def get_order(request: Request, order: str) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_order(await office.lookups.run(book.get, merchant, order)))

    @routes.add(
        "GET",
        "/v1/orders/{order}/quote",
        "Why an order goes by its service",
        ChosenAnswer,
        "The quote that it was booked by",
        "not_found",
        "conflict",
        description="Of an order that says `choose`, once it is booked: the quote that was best then, and the others.",
    )
    async def get_quote(request: Request, order: str) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_chosen(await office.lookups.run(desk.chooser.get, merchant, order)))


def _add_changes(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk
    bookings, book = desk.bookings, desk.bookings.book

    @routes.add(
        "PUT",
        "/v1/orders/{order}",
        "Change a draft, or what was refused",
        OrderView,
        "As it is now",
        *_SENDING,
        "not_found",
        "conflict",
        extra=sends(Order, ORDERS_SENT[0]),
    )
    async def change_order(request: Request, order: str) -> Response:
        merchant = await merchant_of(office, request)
        sent = decode_json(await read_json(office, request), Order)
        return json_answer(view_order(await office.intake.run(bookings.change, merchant, order, sent)))

    @routes.add(
        "PUT",
        "/v1/orders/{order}/parcels",
        "Pack an order otherwise",
        OrderView,
        "As it is now",
        *_SENDING,
        "not_found",
        "conflict",
        description=(
            "In one parcel or several, each with its own weight, lines and how many pieces of them: each piece has to "
            "be in one. Of an order that no carrier may know of yet."
        ),
        extra=sends(PlannedParcel, PARCELS_SENT, called="two", minItems=1, maxItems=MOST_PARCELS),
    )
    async def split_order(request: Request, order: str) -> Response:
        merchant = await merchant_of(office, request)
        sent = decode_json(await read_json(office, request), Packed)
        return json_answer(view_order(await office.intake.run(book.split, merchant, order, sent, desk.clock())))


def _pairs(where: str, given: list[str] | None) -> dict[str, str]:
    pairs = [each.partition(":") for each in given or []]
    if wrong := [name for name, colon, _ in pairs if not colon or not name]:
        raise invalid(where, f"is FIELD:VALUE, not {wrong[0][:40]!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}
