"""Pick-ups: merchants have a carrier come, and have it not come."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.booking.pickups import PickupOrder
from waypost.web.api.merchants import IDEMPOTENCY_KEY, decode_json, made_once, merchant_of, read_json
from waypost.web.api.openapi import WITH_MERCHANTS_KEY, sends
from waypost.web.api.pickup_answers import PICKUP_SENT, PickupPage, PickupView, view_pickup
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.office import Office

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type", "storage_full")
_CARRIER = ("conflict", "not_found", "carrier_refused", "carrier_unreachable", "carrier_puzzling")


def add_pickups(app: FastAPI, office: Office) -> None:
    """Asking for one, the list, and cancelling."""
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk

    @routes.add(
        "POST",
        "/v1/pickups",
        "Have a courier come",
        PickupView,
        "How far it is",
        *_SENDING,
        "conflict",
        "key_reused",
        description=(
            "The carrier is asked at once, and what it answered is kept: `booked` with its number, `refused` with why, "
            "or `doubtful`, if nobody knows whether it comes. With an `Idempotency-Key`, repeating it changes nothing."
        ),
        extra=sends(PickupOrder, PICKUP_SENT) | {"parameters": [IDEMPOTENCY_KEY]},
    )
    async def ask_pickup(request: Request) -> Response:
        merchant = await merchant_of(office, request)
        body = await read_json(office, request)
        sent = decode_json(body, PickupOrder)
        id_, asked = made_once(office, "pic", merchant, request, body)
        return json_answer(view_pickup(await office.booking.run(desk.pickups.ask, merchant, id_, sent, asked)))

    @routes.add("GET", "/v1/pickups", "Pick-ups, newest first", PickupPage, "A page of them")
    async def list_pickups(
        request: Request,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        merchant = await merchant_of(office, request)
        page, cursor = await office.lookups.run(desk.pickups.list_page, merchant, after, limit)
        return json_answer(PickupPage([view_pickup(each) for each in page], cursor))

    @routes.add("GET", "/v1/pickups/{pickup}", "One pick-up", PickupView, "How far it is", "not_found")
    async def get_pickup(request: Request, pickup: str) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_pickup(await office.lookups.run(desk.pickups.get, merchant, pickup)))

    @routes.add(
        "POST",
        "/v1/pickups/{pickup}/cancel",
        "Have the courier not come",
        PickupView,
        "How far it is",
        *_CARRIER,
        description="Repeating it is safe: its carrier is told once, by one at a time.",
    )
    async def cancel_pickup(request: Request, pickup: str) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_pickup(await office.booking.run(desk.pickups.cancel, merchant, pickup)))
