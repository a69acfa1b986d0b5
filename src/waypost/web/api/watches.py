"""Watches: waybills to ask carriers after, where no scan of theirs is pushed."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.track.carriers import Asked
from waypost.track.outlook import WatchPage
from waypost.web.api.answers import WATCHES_SENT, AccountsAnswer, WatchedRecord, WatchesAnswer
from waypost.web.api.arrays import parse_array
from waypost.web.api.openapi import WITH_KEY, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.bodies import see_media_type
from waypost.web.office import Office

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy")
_PATH = "/v1/carriers/{account}/watches"


def add_watches(app: FastAPI, office: Office) -> None:
    """Accounts, and what is asked after through them."""
    routes = Routes(app, "carriers", WITH_KEY, _PROBLEMS)
    desk = office.desk

    @routes.add(
        "GET",
        "/v1/carriers",
        "The accounts with carriers that can be asked",
        AccountsAnswer,
        "All of them, by name",
        description="How many waybills each watches, within which budget, and whether its carrier can be reached.",
    )
    async def list_accounts(request: Request) -> Response:
        await office.get_operator(request.scope)
        return json_answer(AccountsAnswer(await office.lookups.run(desk.outlook.list_accounts, desk.clock())))

    @routes.add(
        "GET",
        _PATH,
        "The waybills that an account watches",
        WatchPage,
        "A page of them, by number",
        "not_found",
        description="Each with when its carrier was last asked, when it is next, and why then.",
    )
    async def list_watches(
        request: Request,
        account: str,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        await office.get_operator(request.scope)
        page = await office.lookups.run(desk.outlook.list_page, account, after, limit, desk.clock())
        return json_answer(page)

    @routes.add(
        "PUT",
        _PATH,
        "Watch waybills",
        WatchesAnswer,
        "How many",
        "not_found",
        "slow_body",
        "too_large",
        "unsupported_media_type",
        description=(
            "Their carrier is asked to push their scans if it can, and asked after them where it does not. All of them "
            "or, if one is none, none; those that are watched already stay as they are."
        ),
        extra=sends(WatchedRecord, WATCHES_SENT),
    )
    async def put_watches(request: Request, account: str) -> Response:
        await office.get_operator(request.scope)
        see_media_type(request.headers, "application/json")
        async with office.body(request.scope, request.receive, office.limits.body_bytes) as body:
            records = parse_array(body, list[WatchedRecord], office.limits.batch_rows, "waybills")
        asked = [Asked(number=each.number, phone_tail=each.phone_tail) for each in records]
        begun = await office.lookups.run(desk.outlook.watch, account, asked, desk.clock())
        return json_answer(WatchesAnswer(begun, len({each.number for each in records}) - begun))

    @routes.add(
        "DELETE",
        _PATH + "/{number:path}",
        "Watch a waybill no more",
        None,
        "Nobody asks after it any more",
        "not_found",
    )
    async def end_watch(request: Request, account: str, number: str) -> Response:
        await office.get_operator(request.scope)
        await office.lookups.run(desk.outlook.end, account, number)
        return Response(status_code=204)
