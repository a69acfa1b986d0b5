"""What orders say of people: merchants erase it, and tell consignees where they see their parcels."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.web.api.answers import OrderView, PageAnswer, view_order
from waypost.web.api.merchants import Piece, merchant_of, who_asks
from waypost.web.api.openapi import WITH_MERCHANTS_KEY
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.door import PRIVATE, call_of
from waypost.web.office import Office

_PROBLEMS = ("not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged", "not_found", "conflict")


def add_people(app: FastAPI, office: Office) -> None:
    """To erase people from an order, and the links for them."""
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk

    @routes.add(
        "DELETE",
        "/v1/orders/{order}/people",
        "Erase the people of an order",
        OrderView,
        "What is left of it",
        description=(
            "Names, addresses, telephone numbers, e-mails, what was in it, the carriers' papers, and the link for the "
            "consignee go for good. Numbers, states, weights, amounts, cities and the area of the postcode stay: "
            "accounts need them. Repeating it is safe."
        ),
    )
    async def erase_people(
        request: Request,
        order: str,
        on_the_way: Annotated[
            bool, Query(description="Even while its parcels are: their labels cannot be printed any more.")
        ] = False,
    ) -> Response:
        merchant = await merchant_of(office, request)

        def erase() -> OrderView:
            by = who_asks(request)
            return view_order(desk.erasure.erase(merchant, order, desk.clock(), on_the_way=on_the_way, by=by))

        erased = await office.intake.run(erase)
        desk.journal.info("people were erased", request=call_of(request.scope).id, order=order)
        return json_answer(erased)

    @routes.add(
        "GET",
        "/v1/orders/{order}/parcels/{piece}/page",
        "The consignee's page of a parcel",
        PageAnswer,
        "Where it is",
        description=(
            "Its path on this host, to be given to the consignee alone: whoever has it sees the page. It is the same "
            "each time, and ends some days after the parcel has arrived."
        ),
    )
    async def get_page(request: Request, order: str, piece: Piece) -> Response:
        merchant = await merchant_of(office, request)
        token = await office.intake.run(desk.links.tell, merchant, order, piece - 1, desk.clock())
        return json_answer(PageAnswer(PRIVATE + token))

    @routes.add(
        "POST",
        "/v1/orders/{order}/parcels/{piece}/page/renew",
        "Another address for the consignee's page",
        PageAnswer,
        "Where it is now",
        description="The one before leads nowhere from now on: for when it came into the wrong hands.",
    )
    async def renew_page(request: Request, order: str, piece: Piece) -> Response:
        merchant = await merchant_of(office, request)
        token = await office.intake.run(desk.links.renew, merchant, order, piece - 1, desk.clock(), who_asks(request))
        return json_answer(PageAnswer(PRIVATE + token))
