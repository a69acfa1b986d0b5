"""Orders: merchants hand in what they sold, have it booked, print its paper, and take it back."""

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request, Response

from waypost.booking.bookings import EnteredSheet, draft_return
from waypost.booking.order_book import Filters, Receipt
from waypost.booking.orders import MOST_PARCELS, Order, OrderState, PlannedParcel, order_id
from waypost.booking.papers import PDF
from waypost.booking.printing.layout import Size
from waypost.booking.printing.printer import Format
from waypost.booking.printing.slips import Paper
from waypost.booking.reading import read_orders
from waypost.booking.sheets import Headings
from waypost.model.texts import has_control
from waypost.track.feed import MOST_SPELLED_OUT
from waypost.track.files import legible
from waypost.web.api.answers import (
    PARCELS_SENT,
    EnteredAnswer,
    JobAnswer,
    JobSent,
    OrderPage,
    OrderView,
    SheetAnswer,
    view_job,
    view_order,
)
from waypost.web.api.arrays import refuse_long_array
from waypost.web.api.carriers import KINDS_OF_FILES
from waypost.web.api.merchants import (
    IDEMPOTENCY_KEY,
    decode_json,
    invalid,
    merchant_of,
    read_json,
    repeated_id,
    sends_orders,
)
from waypost.web.api.openapi import DATE_TIME, WITH_MERCHANTS_KEY, answers
from waypost.web.api.quoted import ChosenAnswer, view_chosen
from waypost.web.api.scans import json_answer
from waypost.web.door import call_of
from waypost.web.office import Office, read_instant
from waypost.web.problems import Unsupported

Packed = Annotated[list[PlannedParcel], msgspec.Meta(min_length=1, max_length=MOST_PARCELS)]
_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type", "storage_full")
#: So soon a print file that is not ready is asked for again.
_PRINTING_S = 2
_CARRIER = ("conflict", "not_found", "carrier_refused", "carrier_unreachable", "carrier_puzzling")


def add_orders(app: FastAPI, office: Office) -> None:
    """From handing an order in to its paper."""
    desk = office.desk
    bookings, book = desk.bookings, desk.bookings.book

    @app.post(
        "/v1/orders",
        tags=["orders"],
        summary="Hand orders in",
        description=(
            "As drafts: no carrier is told yet. Of each it is said what became of it; one that is wrong hinders no "
            "other. An order is known by the merchant's number of it: the same again changes nothing."
        ),
        response_class=Response,
        responses=answers(EnteredAnswer, "What became of each", *_PROBLEMS, *_SENDING),
        openapi_extra=WITH_MERCHANTS_KEY | sends_orders("array"),
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

    @app.post(
        "/v1/orders/files",
        tags=["orders"],
        summary="Hand in a sheet of orders",
        description=(
            "CSV or XLSX, a row for each item; rows of one number are one order. Columns may be called as people call "
            "them, or as `column` says; `fixed` is what holds for all rows. The answer says for each row that was not "
            "taken why, by its line; an order that is wrong in one row is refused as a whole, and hinders no other."
        ),
        response_class=Response,
        responses=answers(SheetAnswer, "What became of its orders", *_PROBLEMS, *_SENDING),
        openapi_extra=WITH_MERCHANTS_KEY
        | {
            "requestBody": {
                "required": True,
                "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS_OF_FILES},
            }
        },
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
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind not in KINDS_OF_FILES:
            raise Unsupported(f"Content-Type {kind[:60]!r} is not read here: use {', '.join(KINDS_OF_FILES)}")
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

    @app.get(
        "/v1/orders",
        tags=["orders"],
        summary="Orders, newest first",
        response_class=Response,
        responses=answers(OrderPage, "A page of them", *_PROBLEMS),
        openapi_extra=WITH_MERCHANTS_KEY,
    )
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

    @app.get(
        "/v1/orders/{order}",
        tags=["orders"],
        summary="One order",
        response_class=Response,
        responses=answers(OrderView, "With its parcels and their waybills", *_PROBLEMS, "not_found"),
        openapi_extra=WITH_MERCHANTS_KEY,
    )
    async def get_order(request: Request, order: str) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_order(await office.lookups.run(book.get, merchant, order)))

    @app.put(
        "/v1/orders/{order}",
        tags=["orders"],
        summary="Change a draft, or what was refused",
        response_class=Response,
        responses=answers(OrderView, "As it is now", *_PROBLEMS, *_SENDING, "not_found", "conflict"),
        openapi_extra=WITH_MERCHANTS_KEY | sends_orders("one"),
    )
    async def change_order(request: Request, order: str) -> Response:
        merchant = await merchant_of(office, request)
        sent = decode_json(await read_json(office, request), Order)
        return json_answer(view_order(await office.intake.run(bookings.change, merchant, order, sent)))

    @app.put(
        "/v1/orders/{order}/parcels",
        tags=["orders"],
        summary="Pack an order otherwise",
        description=(
            "In one parcel or several, each with its own weight, lines and how many pieces of them: each piece has to "
            "be in one. Of an order that no carrier may know of yet."
        ),
        response_class=Response,
        responses=answers(OrderView, "As it is now", *_PROBLEMS, *_SENDING, "not_found", "conflict"),
        openapi_extra=WITH_MERCHANTS_KEY
        | {
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST_PARCELS,
                            "items": {"$ref": "#/components/schemas/PlannedParcel"},
                        },
                        "examples": {"two": {"value": msgspec.to_builtins(PARCELS_SENT)}},
                    }
                },
            }
        },
    )
    async def split_order(request: Request, order: str) -> Response:
        merchant = await merchant_of(office, request)
        sent = decode_json(await read_json(office, request), Packed)
        return json_answer(view_order(await office.intake.run(book.split, merchant, order, sent, desk.clock())))

    @app.post(
        "/v1/orders/{order}/confirm",
        tags=["orders"],
        summary="Book an order",
        description=(
            "Its carrier is asked for a waybill for each parcel that has none. What is booked stays as it is, so that "
            "repeating this is safe. A carrier that cannot be reached is asked again until it can: the order is "
            "`queued` as long. One that is `doubtful` is asked what became of it."
        ),
        response_class=Response,
        responses=answers(OrderView, "As it is now", *_PROBLEMS, "not_found", "conflict"),
        openapi_extra=WITH_MERCHANTS_KEY,
    )
    async def confirm_order(
        request: Request,
        order: str,
        not_there: Annotated[
            bool, Query(description="Of a doubtful one: somebody looked, and its carrier has no waybill of it.")
        ] = False,
    ) -> Response:
        merchant = await merchant_of(office, request)

        def confirm() -> OrderView:
            return view_order(bookings.confirm(merchant, order, is_not_there=not_there))

        return json_answer(await office.booking.run(confirm))

    @app.get(
        "/v1/orders/{order}/quote",
        tags=["orders"],
        summary="Why an order goes by its service",
        description="Of an order that says `choose`, once it is booked: the quote that was best then, and the others.",
        response_class=Response,
        responses=answers(ChosenAnswer, "The quote that it was booked by", *_PROBLEMS, "not_found", "conflict"),
        openapi_extra=WITH_MERCHANTS_KEY,
    )
    async def get_quote(request: Request, order: str) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_chosen(await office.lookups.run(desk.chooser.get, merchant, order)))

    @app.post(
        "/v1/orders/{order}/cancel",
        tags=["orders"],
        summary="Take an order back",
        description="With every waybill of it, if its carriers take them back. Repeating it is safe.",
        response_class=Response,
        responses=answers(OrderView, "As it is now", *_PROBLEMS, *_CARRIER),
        openapi_extra=WITH_MERCHANTS_KEY,
    )
    async def cancel_order(
        request: Request,
        order: str,
        reason: Annotated[str, Query(max_length=200, description="The carrier is told so.")] = "customer",
    ) -> Response:
        merchant = await merchant_of(office, request)
        if has_control(reason):
            raise invalid("query.reason", "has control characters")
        return json_answer(view_order(await office.booking.run(bookings.cancel, merchant, order, reason)))

    @app.post(
        "/v1/orders/{order}/return",
        tags=["orders"],
        summary="Draft the way back",
        description="An order from the consignee to the sender, to be looked at and confirmed. Repeating it is safe.",
        response_class=Response,
        responses=answers(OrderView, "The draft", *_PROBLEMS, "not_found", "conflict"),
        openapi_extra=WITH_MERCHANTS_KEY,
    )
    async def return_order(
        request: Request,
        order: str,
        reference: Annotated[
            str | None, Query(min_length=1, max_length=64, description="Its number; with `-R` behind it if not given.")
        ] = None,
    ) -> Response:
        merchant = await merchant_of(office, request)

        def draft() -> OrderView:
            kept = book.get(merchant, order)
            way_back = draft_return(kept, reference or f"{kept.order.reference[:62]}-R")
            receipt = bookings.enter(merchant, [(0, way_back)])
            if receipt.refusals:
                raise invalid(receipt.refusals[0].field, receipt.refusals[0].reason)
            return view_order(book.get(merchant, receipt.entries[0].id))

        return json_answer(await office.intake.run(draft))

    @app.get(
        "/v1/orders/{order}/parcels/{piece}/label",
        tags=["orders"],
        summary="The paper of a parcel",
        description=(
            "As its carrier made it; some make it later than the waybill: ask again then. Ours, where the carrier "
            "leaves printing to its customers."
        ),
        response_class=Response,
        responses={
            **answers(OrderView, "", *_PROBLEMS, *_CARRIER, "unsupported_by_carrier", "label_comes_later"),
            200: {"description": "The label", "content": {"application/pdf": {}, "*/*": {}}},
        },
        openapi_extra=WITH_MERCHANTS_KEY,
    )
    async def get_label(
        request: Request,
        order: str,
        piece: int,
        format: Annotated[Format, Query(description="Of our own labels: PDF, ZPL II or PNG.")] = "pdf",
        size: Annotated[
            Size | None, Query(description="Of our own labels, in mm; as the settings say if not given.")
        ] = None,
    ) -> Response:
        merchant = await merchant_of(office, request)
        label = await office.booking.run(desk.papers.print_label, merchant, order, piece, format, size)
        desk.journal.info("a label was printed", request=call_of(request.scope).id, order=order, piece=piece)
        await _note(office, request, "label.printed", order, piece=str(piece))
        return Response(label.content, media_type=label.content_type, headers=_to_print(f"{order}-{piece + 1}"))

    @app.get(
        "/v1/orders/{order}/slip",
        tags=["orders"],
        summary="The packing slip of an order",
        response_class=Response,
        responses={
            **answers(OrderView, "", *_PROBLEMS, "not_found"),
            200: {"description": "The slip", "content": {"application/pdf": {}}},
        },
        openapi_extra=WITH_MERCHANTS_KEY,
    )
    async def get_slip(
        request: Request, order: str, paper: Annotated[Paper, Query(description="Its size.")] = "a4"
    ) -> Response:
        merchant = await merchant_of(office, request)
        slip = await office.booking.run(desk.papers.print_slip, merchant, order, paper)
        return Response(slip.content, media_type=slip.content_type, headers=_to_print(f"{order}-slip"))

    _add_jobs(app, office)


def _add_jobs(app: FastAPI, office: Office) -> None:
    desk = office.desk
    bookings, book = desk.bookings, desk.bookings.book

    @app.post(
        "/v1/jobs",
        tags=["orders"],
        summary="Book many orders",
        description=(
            "Those that are named, or all drafts. They are booked one by one from now on, whatever crashes meanwhile. "
            "With an `Idempotency-Key`, repeating it gives the same job."
        ),
        response_class=Response,
        responses=answers(JobAnswer, "How far it is", *_PROBLEMS, *_SENDING, "not_found"),
        openapi_extra=WITH_MERCHANTS_KEY
        | {
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/JobSent"},
                        "examples": {"all drafts": {"value": {}}},
                    }
                },
            },
            "parameters": [IDEMPOTENCY_KEY],
        },
    )
    async def begin_job(request: Request) -> Response:
        merchant = await merchant_of(office, request)
        sent = decode_json(await read_json(office, request), JobSent)
        id_ = repeated_id("job", merchant, request) or desk.new_id("job")

        def begin() -> JobAnswer:
            return view_job(bookings.begin_job(merchant, sent.orders, sent.account, id_))

        answer = await office.intake.run(begin)
        desk.wake_booking()
        return json_answer(answer)

    @app.get(
        "/v1/jobs/{job}",
        tags=["orders"],
        summary="How far a job is",
        response_class=Response,
        responses=answers(JobAnswer, "Its orders by state", *_PROBLEMS, "not_found"),
        openapi_extra=WITH_MERCHANTS_KEY,
    )
    async def get_job(request: Request, job: str) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_job(await office.lookups.run(book.get_job, merchant, job)))

    @app.get(
        "/v1/jobs/{job}/labels",
        tags=["orders"],
        summary="The labels of a job as one print file",
        description=(
            "A PDF, one label a page, in the order in which the orders were made. The header `x-left-out` says how "
            "many parcels are not in it: not booked, or their paper is not here yet. Many labels that their carriers "
            "are still asked for take longer than an answer may: then it is 202, and asked again it is there."
        ),
        response_class=Response,
        responses={
            **answers(JobAnswer, "", *_PROBLEMS, "not_found", "conflict"),
            200: {"description": "The print file", "content": {"application/pdf": {}}},
            202: answers(JobAnswer, "It is being made: ask again after `Retry-After` seconds")[200],
        },
        openapi_extra=WITH_MERCHANTS_KEY,
    )
    async def get_job_labels(
        request: Request,
        job: str,
        size: Annotated[
            Size | None, Query(description="Of our own labels, in mm; as the settings say if not given.")
        ] = None,
    ) -> Response:
        merchant = await merchant_of(office, request)
        printed = await office.printing.fetch(merchant, job, size, within_s=office.limits.request_s / 2)
        if printed is None:
            progress = view_job(await office.lookups.run(book.get_job, merchant, job))
            return json_answer(progress, status=202, headers={"retry-after": str(_PRINTING_S)})
        # why they were is the carrier's word, which may name people
        left = [f"{each.order} {each.piece}" for each in printed.left[:20]]
        desk.journal.info(
            "labels were printed",
            request=call_of(request.scope).id,
            job=job,
            labels=printed.labels,
            left_out=len(printed.left),
            first_left_out=left,
        )
        await _note(office, request, "job.labels_printed", job, labels=str(printed.labels))
        headers = _to_print(job) | {"x-left-out": str(len(printed.left))}
        return Response(printed.content, media_type=PDF, headers=headers)


async def _note(office: Office, request: Request, what: str, of: str, **details: str) -> None:
    key = call_of(request.scope).key
    if key is not None:  # whose it is was asked before
        await office.note(key, what, of, **details)


def _to_print(name: str) -> dict[str, str]:
    return {"cache-control": "no-store", "content-disposition": f'inline; filename="{name}"'}


def _pairs(where: str, given: list[str] | None) -> dict[str, str]:
    pairs = [each.partition(":") for each in given or []]
    if wrong := [name for name, colon, _ in pairs if not colon or not name]:
        raise invalid(where, f"is FIELD:VALUE, not {wrong[0][:40]!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}
