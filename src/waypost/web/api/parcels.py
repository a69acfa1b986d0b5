"""Parcels: by number, in public or with an operator's key, and as a list."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.track.parcels import Filters
from waypost.track.views import ParcelPage
from waypost.web.api.answers import FoundAnswer, ParcelAnswer, TimelineAnswer
from waypost.web.api.openapi import DATE_TIME, WITH_OR_WITHOUT_KEY
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.door import call_of
from waypost.web.office import Office, read_instant
from waypost.web.problems import Invalid, UnknownNumber, Wrong

LOOKUP_PROBLEMS = ("bad_input", "not_allowed", "invalid", "too_many", "busy", "not_yet")

MinPosition = Annotated[
    int | None,
    Query(
        ge=0,
        le=2**62,
        description=(
            "`position` + `accepted` of a receipt: the answer waits until look-ups see those scans, or is `not_yet`. "
            "Needs a key, an operator's or a carrier's."
        ),
    ),
]


def add_parcels(app: FastAPI, office: Office) -> None:
    """Look-ups and the list."""
    _add_many(app, office)
    _add_timeline(app, office)  # before the look-up, whose path takes in everything
    _add_one(app, office)


def _add_many(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "parcels", WITH_OR_WITHOUT_KEY, LOOKUP_PROBLEMS)

    async def look_up(request: Request, numbers: list[str], min_position: int | None) -> Response:
        everything = await office.may_see_all(request.scope)
        await office.reach(call_of(request.scope), min_position)
        as_of = office.freshness(everything=everything)
        found = await office.find(call_of(request.scope), numbers, everything=everything)
        return json_answer(FoundAnswer(found, as_of))

    @routes.add(
        "GET",
        "/v1/parcels",
        "Many parcels by their numbers, or a list",
        [FoundAnswer, ParcelPage],
        "An entry for each number, or a page of the list",
        "forbidden",
        description=(
            "With `number` (repeated for several) and nothing else: what is known under each of them, in their order. "
            "Without: the "
            "parcels that fit the filters, by number; that needs an operator's key."
        ),
    )
    async def list_parcels(
        request: Request,
        number: Annotated[list[str] | None, Query(description="A number that a parcel bears.")] = None,
        carrier: Annotated[str | None, Query(max_length=32)] = None,
        status: Annotated[str | None, Query(max_length=40, description="A unified status.")] = None,
        group: Annotated[str | None, Query(max_length=40, description="A group of statuses.")] = None,
        prefix: Annotated[str | None, Query(max_length=64, description="How the number begins.")] = None,
        facility: Annotated[str | None, Query(max_length=128, description="Where it was scanned last.")] = None,
        since: Annotated[
            str | None, Query(description="RFC 3339; last scanned from here on.", json_schema_extra=DATE_TIME)
        ] = None,
        until: Annotated[
            str | None, Query(description="RFC 3339; last scanned before it.", json_schema_extra=DATE_TIME)
        ] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
        min_position: MinPosition = None,
    ) -> Response:
        if number is not None:
            _refuse_filters(request)
            return await look_up(request, number, min_position)
        await office.get_operator(request.scope)
        await office.reach(call_of(request.scope), min_position)
        filters = Filters(
            carrier=carrier,
            status=status,
            group=group,
            prefix=prefix,
            facility=facility,
            since_ms=read_instant(since, "query.since"),
            until_ms=read_instant(until, "query.until"),
        )
        return json_answer(await office.lookups.run(office.desk.tracker.list_parcels, filters, after, limit))


def _refuse_filters(request: Request) -> None:
    """Numbers are looked up as they are: who sends a filter too would take the answer for filtered."""
    names = [name for name in dict.fromkeys(request.query_params) if name not in ("number", "min_position")]
    wrong = [Wrong(f"query.{name[:40]}", "does not go with `number`") for name in names]
    if wrong:
        raise Invalid("; ".join(f"{each.where} {each.reason}" for each in wrong[:5]), wrong)


def _add_timeline(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "parcels", WITH_OR_WITHOUT_KEY, LOOKUP_PROBLEMS)

    @routes.add(
        "GET",
        "/v1/parcels/{number:path}/timeline",
        "The scans of a parcel",
        TimelineAnswer,
        "The timelines",
        "not_found",
        description="Newest first, of the parcels that bear the number. What looks wrong is flagged, never left out.",
    )
    async def get_timeline(
        request: Request,
        number: str,
        carrier: Annotated[str | None, Query(max_length=32, description="Only parcels of this carrier.")] = None,
        min_position: MinPosition = None,
    ) -> Response:
        everything = await office.may_see_all(request.scope)
        await office.reach(call_of(request.scope), min_position)
        as_of = office.freshness(everything=everything)
        [(found, timelines)] = await office.find_timelines(
            call_of(request.scope), [number], everything=everything, carrier=carrier
        )
        if not timelines:
            raise UnknownNumber(number, found.carriers)
        return json_answer(TimelineAnswer(number, timelines, found.more, as_of))


def _add_one(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "parcels", WITH_OR_WITHOUT_KEY, LOOKUP_PROBLEMS)

    @routes.add(
        "GET",
        "/v1/parcels/{number:path}",
        "The parcels that bear a number",
        ParcelAnswer,
        "The first of them",
        "not_found",
        description="Waybill numbers, and with them order numbers and numbers of carriers further down the way.",
    )
    async def get_parcels(request: Request, number: str, min_position: MinPosition = None) -> Response:
        everything = await office.may_see_all(request.scope)
        await office.reach(call_of(request.scope), min_position)
        as_of = office.freshness(everything=everything)
        [found] = await office.find(call_of(request.scope), [number], everything=everything)
        if not found.parcels:
            raise UnknownNumber(number, found.carriers)
        return json_answer(ParcelAnswer(number, found.parcels, found.more, as_of))
