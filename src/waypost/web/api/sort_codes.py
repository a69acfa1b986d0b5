"""Sort codes: what waits for a person, and what people answer."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.booking.sorting.codes import CodeState
from waypost.web.api.merchants import decode_json, read_json
from waypost.web.api.openapi import WITH_KEY, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.api.sort_code_answers import (
    SORT_CODE_SENT,
    SortCodePage,
    SortCodeSent,
    SortCodeView,
    view_sort_code,
)
from waypost.web.door import call_of
from waypost.web.office import Office

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type", "storage_full")


def add_sort_codes(app: FastAPI, office: Office) -> None:
    """The list, and answering."""
    routes = Routes(app, "carriers", WITH_KEY, _PROBLEMS)
    desk = office.desk

    @routes.add(
        "GET",
        "/v1/sort-codes",
        "Sort codes of parcels whose carrier gave none",
        SortCodePage,
        "A page of them",
        description=(
            "Those that wait longest first; `state=manual` are those that a person has to say. With the address, "
            "without who lives there: the journal says whose key saw them."
        ),
    )
    async def list_sort_codes(
        request: Request,
        state: Annotated[CodeState | None, Query(description="Who said them.")] = None,
        carrier: Annotated[str | None, Query(max_length=32, description="Only its parcels.")] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        key = await office.get_operator(request.scope)
        page, cursor = await office.lookups.run(desk.sort_codes.list_page, state, carrier, after, limit)
        if page:
            call = call_of(request.scope).id
            desk.journal.info("addresses were shown for sort codes", request=call, parcels=len(page), key=key.id)
        return json_answer(SortCodePage([view_sort_code(each) for each in page], cursor))

    @routes.add(
        "PUT",
        "/v1/sort-codes/{parcel}",
        "Say the sort code of a parcel",
        SortCodeView,
        "As it is now",
        *_SENDING,
        "not_found",
        description=(
            "Its label says it from now on, and the next time the sorter learns, it learns it. A parcel that was "
            "given a code can be told another one."
        ),
        extra=sends(SortCodeSent, SORT_CODE_SENT),
    )
    async def answer_sort_code(request: Request, parcel: str) -> Response:
        key = await office.get_operator(request.scope)
        sent = decode_json(await read_json(office, request), SortCodeSent)
        kept = await office.intake.run(desk.sort_codes.answer, parcel, sent.code, key.id, desk.clock())
        return json_answer(view_sort_code(kept))
