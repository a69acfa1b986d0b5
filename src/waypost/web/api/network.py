"""The network: its facilities, the unified statuses, and the overview."""

from typing import Annotated

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
from waypost.web.api.openapi import OPEN, WITH_KEY, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.bodies import see_media_type
from waypost.web.office import Office

_OPERATOR_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy")


def add_network(app: FastAPI, office: Office) -> None:
    """Facilities, statuses, overview."""
    public = Routes(app, "network", OPEN)
    routes = Routes(app, "network", WITH_KEY, _OPERATOR_PROBLEMS)
    _add_facilities(app, office)

    @public.add(
        "GET",
        "/v1/statuses",
        "The unified statuses",
        StatusAnswer,
        "All of them, with their words in each language",
    )
    async def get_statuses() -> Response:
        return json_answer(StatusAnswer([_record(each) for each in list_statuses()]))

    @routes.add(
        "GET",
        "/v1/overview",
        "The network at a glance",
        Overview,
        "Counts, throughput, slowest lanes, codes that nobody knows",
        "store_damaged",
        description="Some seconds old at most; `position` says up to which scan everything is counted.",
    )
    async def get_overview(request: Request) -> Response:
        await office.get_operator(request.scope)
        return json_answer(await office.history.run(office.desk.overview))


def _add_facilities(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "network", WITH_KEY, _OPERATOR_PROBLEMS)

    @routes.add(
        "GET",
        "/v1/facilities",
        "The register of facilities",
        FacilityPage,
        "A page of it, by carrier and code",
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

    @routes.add(
        "PUT",
        "/v1/facilities",
        "Add facilities or bring them up to date",
        Kept,
        "How many",
        "slow_body",
        "too_large",
        "unsupported_media_type",
        description="All of them or, if one cannot be, none. Facilities that are not named stay as they are.",
        extra=sends(FacilityRecord, FACILITIES_SENT),
    )
    async def put_facilities(request: Request) -> Response:
        await office.get_operator(request.scope)
        see_media_type(request.headers, "application/json")
        async with office.body(request.scope, request.receive, office.limits.body_bytes) as body:
            records = parse_array(body, list[FacilityRecord], office.limits.facilities_at_once, "facilities")
        kept = await office.lookups.run(office.desk.facilities.keep, [record.facility() for record in records])
        return json_answer(Kept(kept))


def _record(status: Status) -> StatusRecord:
    phrases = {language: phrase(status.code, language) for language in LANGUAGES}
    return StatusRecord(status.code, status.group, status.shape, status.milestone, phrases)
