"""Orders are booked, one by one or as a job, taken back at their carriers, and returned."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.booking.bookings import draft_return
from waypost.model.texts import has_control
from waypost.web.api.answers import JobAnswer, JobSent, OrderView, view_job, view_order
from waypost.web.api.merchants import IDEMPOTENCY_KEY, decode_json, invalid, made_once, merchant_of, read_json
from waypost.web.api.openapi import WITH_MERCHANTS_KEY, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.office import Office
from waypost.web.problems import Invalid, Wrong

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type", "storage_full")
_CARRIER = ("conflict", "not_found", "carrier_refused", "carrier_unreachable", "carrier_puzzling")


def add_booking(app: FastAPI, office: Office) -> None:
    """From a draft to its waybills, and back."""
    _add_confirming(app, office)
    _add_taking_back(app, office)
    _add_jobs(app, office)


def _add_confirming(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    bookings = office.desk.bookings

    @routes.add(
        "POST",
        "/v1/orders/{order}/confirm",
        "Book an order",
        OrderView,
        "As it is now",
        "not_found",
        "conflict",
        description=(
            "Its carrier is asked for a waybill for each parcel that has none. What is booked stays as it is, so that "
            "repeating this is safe. A carrier that cannot be reached is asked again until it can: the order is "
            "`queued` as long. One that is `doubtful` is asked what became of it."
        ),
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
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    bookings, book = office.desk.bookings, office.desk.bookings.book

    @routes.add(
        "POST",
        "/v1/orders/{order}/cancel",
        "Take an order back",
        OrderView,
        "As it is now",
        *_CARRIER,
        description="With every waybill of it, if its carriers take them back. Repeating it is safe.",
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

    @routes.add(
        "POST",
        "/v1/orders/{order}/return",
        "Draft the way back",
        OrderView,
        "The draft",
        "not_found",
        "conflict",
        description="An order from the consignee to the sender, to be looked at and confirmed. Repeating it is safe.",
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
            for refusal in receipt.refusals:
                if refusal.field != "reference":
                    raise invalid(refusal.field, refusal.reason)
                wrong = Wrong("query.reference", refusal.reason, way_back.reference)
                why = f"the way back cannot be called {way_back.reference!r}: that {refusal.reason}"
                raise Invalid(why, [wrong], mend="Say another number for it by `reference`.")
            return view_order(book.get(merchant, receipt.entries[0].id))

        return json_answer(await office.intake.run(draft))


def _add_jobs(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk
    bookings = desk.bookings

    @routes.add(
        "POST",
        "/v1/jobs",
        "Book many orders",
        JobAnswer,
        "How far it is",
        *_SENDING,
        "not_found",
        "key_reused",
        description=(
            "Those that are named, or all drafts. They are booked one by one from now on, whatever crashes meanwhile. "
            "Those that cannot be are named in `left`, with why. With an `Idempotency-Key`, repeating it gives the "
            "same job."
        ),
        extra=sends(JobSent, {}, called="all drafts") | {"parameters": [IDEMPOTENCY_KEY]},
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

    @routes.add("GET", "/v1/jobs/{job}", "How far a job is", JobAnswer, "Its orders by state", "not_found")
    async def get_job(request: Request, job: str) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_job(await office.lookups.run(bookings.jobs.get, merchant, job)))
