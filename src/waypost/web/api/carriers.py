"""The carriers' pushes."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.model.instants import DAY_MS
from waypost.track.carriers import Push
from waypost.track.scorecards import Scorecards
from waypost.web.api.answers import Alive
from waypost.web.api.openapi import DATE_TIME, OPEN, WITH_KEY, answers
from waypost.web.api.scans import json_answer
from waypost.web.door import call_of, headers_in
from waypost.web.office import Office, read_instant

PUSH = "/v1/carriers/{account}/push"

DAYS = 30


def add_carriers(app: FastAPI, office: Office) -> None:
    """Where carriers push scans to, and how well they tell what happens."""
    _add_scorecards(app, office)

    @app.post(
        PUSH,
        tags=["carriers"],
        summary="Scans that a carrier pushes",
        description=(
            "For carriers, each in its own format and signed as the account's settings say. The answer is in the "
            "carrier's own words: that all is well, once its scans are on disk, or why it is not."
        ),
        response_class=Response,
        responses={
            200: {"description": "Thanks, or why not, as the carrier has it", "content": {"*/*": {}}},
            **{
                status: each
                for status, each in answers(
                    Alive, "", "not_found", "slow_body", "too_large", "unsupported_media_type", "invalid", "busy"
                ).items()
                if status != 200
            },
        },
        openapi_extra=OPEN,
    )
    async def take_push(account: str, request: Request) -> Response:
        async with office.body(request.scope, request.receive, office.limits.push_bytes) as body:
            push = Push(
                headers=headers_in(request.scope),
                query=request.scope["query_string"].decode("latin-1"),
                body=body,
                received_ms=office.desk.clock(),
            )
            taken = await office.intake.run(office.desk.pushes.take, account, push)
        office.metrics.pushes.labels(account, taken.outcome.value).inc()
        office.metrics.accepted.inc(taken.scans)
        office.metrics.refused.inc(taken.refused)
        if taken.why:  # most carriers are told so under status 200
            office.desk.journal.warning(
                "a push was not taken whole",
                request=call_of(request.scope).id,
                account=account,
                outcome=taken.outcome.value,
                why=taken.why,
            )
        return Response(taken.reply.body, status_code=taken.reply.status, media_type=taken.reply.content_type)


def since_days(now_ms: int, days: int) -> int:
    """The beginning of the day, in UTC, that is so many days ago: the same all day, so that answers can be kept."""
    return now_ms // DAY_MS * DAY_MS - days * DAY_MS


def _add_scorecards(app: FastAPI, office: Office) -> None:
    @app.get(
        "/v1/carriers/scorecards",
        tags=["carriers"],
        summary="How well each carrier tells what happens",
        description=(
            "Reckoned from its scans: how fresh, complete and in order they are, whether its stamps are off by a time "
            "zone, and the codes that nobody knows. Each share says of how many. Some minutes old at most."
        ),
        response_class=Response,
        responses=answers(
            Scorecards,
            "A card for each carrier, most scans first",
            *("not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged"),
        ),
        openapi_extra=WITH_KEY,
    )
    async def get_scorecards(
        request: Request,
        since: Annotated[
            str | None,
            Query(description="RFC 3339; scans from here on. 30 days unless told.", json_schema_extra=DATE_TIME),
        ] = None,
        until: Annotated[
            str | None, Query(description="RFC 3339; scans before it.", json_schema_extra=DATE_TIME)
        ] = None,
    ) -> Response:
        await office.get_operator(request.scope)
        since_ms, until_ms = read_instant(since, "query.since"), read_instant(until, "query.until")
        if since_ms is None:
            since_ms = since_days(office.desk.clock(), DAYS)
        return json_answer(await office.history.run(office.desk.scorecards, since_ms, until_ms))
