"""Watches: waybills to ask carriers after, where no scan of theirs is pushed."""

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request, Response

from waypost.track.carriers import Asked
from waypost.track.outlook import WatchPage
from waypost.web.api.answers import WATCHES_SENT, AccountsAnswer, WatchedRecord, WatchesAnswer
from waypost.web.api.arrays import parse_array
from waypost.web.api.openapi import WITH_KEY, answers
from waypost.web.api.scans import json_answer
from waypost.web.office import Office
from waypost.web.problems import Unsupported

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy")
_PATH = "/v1/carriers/{account}/watches"


def add_watches(app: FastAPI, office: Office) -> None:
    """Accounts, and what is asked after through them."""
    desk = office.desk

    @app.get(
        "/v1/carriers",
        tags=["carriers"],
        summary="The accounts with carriers that can be asked",
        description="How many waybills each watches, within which budget, and whether its carrier can be reached.",
        response_class=Response,
        responses=answers(AccountsAnswer, "All of them, by name", *_PROBLEMS),
        openapi_extra=WITH_KEY,
    )
    async def list_accounts(request: Request) -> Response:
        await office.get_operator(request.scope)
        return json_answer(AccountsAnswer(await office.lookups.run(desk.outlook.list_accounts, desk.clock())))

    @app.get(
        _PATH,
        tags=["carriers"],
        summary="The waybills that an account watches",
        description="Each with when its carrier was last asked, when it is next, and why then.",
        response_class=Response,
        responses=answers(WatchPage, "A page of them, by number", *_PROBLEMS, "not_found"),
        openapi_extra=WITH_KEY,
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

    @app.put(
        _PATH,
        tags=["carriers"],
        summary="Watch waybills",
        description=(
            "Their carrier is asked to push their scans if it can, and asked after them where it does not. All of them "
            "or, if one is none, none; those that are watched already stay as they are."
        ),
        response_class=Response,
        responses=answers(
            WatchesAnswer, "How many", *_PROBLEMS, "not_found", "slow_body", "too_large", "unsupported_media_type"
        ),
        openapi_extra=WITH_KEY
        | {
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"type": "array", "items": {"$ref": "#/components/schemas/WatchedRecord"}},
                        "examples": {"one": {"value": msgspec.to_builtins(WATCHES_SENT)}},
                    }
                },
            }
        },
    )
    async def put_watches(request: Request, account: str) -> Response:
        await office.get_operator(request.scope)
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise Unsupported(f"Content-Type {kind[:60]!r} is not read here: use application/json")
        async with office.body(request.scope, request.receive, office.limits.body_bytes) as body:
            records = parse_array(body, list[WatchedRecord], office.limits.batch_rows, "waybills")
        asked = [Asked(number=each.number, phone_tail=each.phone_tail) for each in records]
        begun = await office.lookups.run(desk.outlook.watch, account, asked, desk.clock())
        return json_answer(WatchesAnswer(begun, len({each.number for each in records}) - begun))

    @app.delete(
        _PATH + "/{number:path}",
        tags=["carriers"],
        summary="Watch a waybill no more",
        status_code=204,
        response_class=Response,
        responses={
            204: {"description": "Nobody asks after it any more"},
            **{
                status: each
                for status, each in answers(WatchesAnswer, "", *_PROBLEMS, "not_found").items()
                if status != 200
            },
        },
        openapi_extra=WITH_KEY,
    )
    async def end_watch(request: Request, account: str, number: str) -> Response:
        await office.get_operator(request.scope)
        await office.lookups.run(desk.outlook.end, account, number)
        return Response(status_code=204)
