"""Scorecards: how well each carrier tells what happens."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.model.instants import DAY_MS, format_utc
from waypost.track.scorecards import Scorecards
from waypost.web.api.openapi import DATE_TIME, WITH_KEY
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.office import Office, read_instant
from waypost.web.problems import Invalid, Wrong

DAYS = 30


def since_days(now_ms: int, days: int) -> int:
    """The beginning of the day, in UTC, that is so many days ago: the same all day, so that answers can be kept."""
    return now_ms // DAY_MS * DAY_MS - days * DAY_MS


def add_scorecards(app: FastAPI, office: Office) -> None:
    """Cards for carriers."""
    routes = Routes(app, "carriers", WITH_KEY)

    @routes.add(
        "GET",
        "/v1/carriers/scorecards",
        "How well each carrier tells what happens",
        Scorecards,
        "A card for each carrier, most scans first",
        *("not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged"),
        description=(
            "Reckoned from its scans: how fresh, complete and in order they are, whether its stamps are off by a time "
            "zone, and the codes that nobody knows. Each share says of how many. Some minutes old at most."
        ),
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
        if until_ms is not None and until_ms <= since_ms:
            why = f"it is not after since, {format_utc(since_ms)}"
            raise Invalid(f"query.until: {why}", [Wrong("query.until", why, until and until[:60])])
        return json_answer(await office.scores.run(office.desk.insight.scorecards, since_ms, until_ms))
