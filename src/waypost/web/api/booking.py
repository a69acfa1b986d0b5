"""Orders are booked, one by one or as a job, taken back at their carriers, and returned."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.booking.bookings import draft_return
from waypost.model.texts import has_control
from waypost.web.api.answers import (
    JobAnswer,
    JobSent,
    OrderView,
    view_job,
    view_order,
)
from waypost.web.api.merchants import (
    IDEMPOTENCY_KEY,
    decode_json,
    invalid,
    made_once,
    merchant_of,
    read_json,
)
from waypost.web.api.openapi import WITH_MERCHANTS_KEY, answers
from waypost.web.api.scans import json_answer
from waypost.web.office import Office

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type", "storage_full")
_CARRIER = ("conflict", "not_found", "carrier_refused", "carrier_unreachable", "carrier_puzzling")


def add_booking(app: FastAPI, office: Office) -> None:
    """From a draft to its waybills, and back."""
    _add_confirming(app, office)
    _add_taking_back(app, office)
    _add_jobs(app, office)


def _add_confirming(app: FastAPI, office: Office) -> None:
    bookings = office.desk.bookings

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


def _add_taking_back(app: FastAPI, office: Office) -> None:
    bookings, book = office.desk.bookings, office.desk.bookings.book

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


def _add_jobs(app: FastAPI, office: Office) -> None:
    desk = office.desk
    bookings = desk.bookings

    @app.post(
        "/v1/jobs",
        tags=["orders"],
        summary="Book many orders",
        description=(
            "Those that are named, or all drafts. They are booked one by one from now on, whatever crashes meanwhile. "
            "Those that cannot be are named in `left`, with why. With an `Idempotency-Key`, repeating it gives the "
            "same job."
        ),
        response_class=Response,
        responses=answers(JobAnswer, "How far it is", *_PROBLEMS, *_SENDING, "not_found", "key_reused"),
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
        body = await read_json(office, request)
        sent = decode_json(body, JobSent)
        id_, asked = made_once(office, "job", merchant, request, body)

        def begin() -> JobAnswer:
            return view_job(bookings.begin_job(merchant, sent.orders, sent.account, id_, asked))

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
        return json_answer(view_job(await office.lookups.run(bookings.jobs.get, merchant, job)))
