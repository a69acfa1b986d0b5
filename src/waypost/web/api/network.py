"""The network: its facilities, the unified statuses, and the overview."""

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request, Response

from waypost.track.overview import Overview
from waypost.track.statuses import LANGUAGES, Status, list_statuses, phrase
from waypost.web.api.answers import (
    FACILITIES_SENT,
    FacilityPage,
    FacilityRecord,
    Kept,
    StatusAnswer,
    StatusRecord,
    facility_record,
)
from waypost.web.api.arrays import parse_array
from waypost.web.api.openapi import OPEN, WITH_KEY, answers
from waypost.web.api.scans import json_answer
from waypost.web.office import Office
from waypost.web.problems import Unsupported

_OPERATOR_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy")


def add_network(app: FastAPI, office: Office) -> None:
    """Facilities, statuses, overview."""
    _add_facilities(app, office)

    @app.get(
        "/v1/statuses",
        tags=["network"],
        summary="The unified statuses",
        response_class=Response,
        responses=answers(StatusAnswer, "All of them, with their words in each language"),
        openapi_extra=OPEN,
    )
    async def get_statuses() -> Response:
        return json_answer(StatusAnswer([_record(each) for each in list_statuses()]))

    @app.get(
        "/v1/overview",
        tags=["network"],
        summary="The network at a glance",
        description="Some seconds old at most; `position` says up to which scan everything is counted.",
        response_class=Response,
        responses=answers(
            Overview, "Counts, throughput, slowest lanes, codes that nobody knows", *_OPERATOR_PROBLEMS, "store_damaged"
        ),
        openapi_extra=WITH_KEY,
    )
    async def get_overview(request: Request) -> Response:
        await office.get_operator(request.scope)
        return json_answer(await office.history.run(office.desk.overview))


def _add_facilities(app: FastAPI, office: Office) -> None:
    @app.get(
        "/v1/facilities",
        tags=["network"],
        summary="The register of facilities",
        response_class=Response,
        responses=answers(FacilityPage, "A page of it, by carrier and code", *_OPERATOR_PROBLEMS),
        openapi_extra=WITH_KEY,
    )
    async def list_facilities(
        request: Request,
        carrier: Annotated[str | None, Query(max_length=32)] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        await office.get_operator(request.scope)
        page, cursor = await office.lookups.run(office.desk.facilities.list_page, carrier, after, limit)
        return json_answer(FacilityPage([facility_record(each) for each in page], cursor))

    @app.put(
        "/v1/facilities",
        tags=["network"],
        summary="Add facilities or bring them up to date",
        description="All of them or, if one cannot be, none. Facilities that are not named stay as they are.",
        response_class=Response,
        responses=answers(Kept, "How many", *_OPERATOR_PROBLEMS, "slow_body", "too_large", "unsupported_media_type"),
        openapi_extra=WITH_KEY
        | {
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"type": "array", "items": {"$ref": "#/components/schemas/FacilityRecord"}},
                        "examples": {"one": {"value": msgspec.to_builtins(FACILITIES_SENT)}},
                    }
                },
            }
        },
    )
    async def put_facilities(request: Request) -> Response:
        await office.get_operator(request.scope)
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise Unsupported(f"Content-Type {kind[:60]!r} is not read here: use application/json")
        async with office.body(request.scope, request.receive, office.limits.body_bytes) as body:
            records = parse_array(body, list[FacilityRecord], office.limits.facilities_at_once, "facilities")
        kept = await office.lookups.run(office.desk.facilities.keep, [record.facility() for record in records])
        return json_answer(Kept(kept))


def _record(status: Status) -> StatusRecord:
    phrases = {language: phrase(status.code, language) for language in LANGUAGES}
    return StatusRecord(status.code, status.group, status.shape, status.milestone, phrases)
