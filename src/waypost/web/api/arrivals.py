"""When parcels on their way arrive: of a number for anyone, and the most endangered for operators."""

from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, Query, Request, Response

from waypost.forecast.arrivals import Arrival, SilentGroup
from waypost.forecast.lookout import Wanted
from waypost.network.facilities import Facilities
from waypost.track.timeline import place_view
from waypost.track.views import ParcelView
from waypost.web.api.arrival_answers import ArrivalAnswer, ArrivalPage, EndangeredParcel, ParcelArrival
from waypost.web.api.openapi import WITH_KEY, WITH_OR_WITHOUT_KEY, describe
from waypost.web.api.parcels import LOOKUP_PROBLEMS, MinPosition
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.arriving import Arriving, basis_of, view_arrivals
from waypost.web.csv_files import csv_answer
from waypost.web.door import call_of
from waypost.web.office import Office
from waypost.web.problems import Busy, UnknownNumber

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "conflict", "store_damaged")
_CSV = {"text/csv": {"schema": {"type": "string"}}}
_COLUMNS = (
    *("carrier", "number", "status", "facility", "risk", "wrong", "late", "scanned_at", "next_scan_by"),
    *("p10_at", "p50_at", "p80_at", "p90_at", "promised_by", "reasons"),
)
#: Of a group that fell silent so many parcels are named.
_MOST_NAMED = 100


def add_arrivals(app: FastAPI, office: Office) -> None:
    """Of one number, before the look-up whose path takes in everything; and the list."""
    _add_one(app, office)
    _add_list(app, office)


def _add_one(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "parcels", WITH_OR_WITHOUT_KEY, LOOKUP_PROBLEMS)

    @routes.add(
        "GET",
        "/v1/parcels/{number:path}/arrival",
        "When a parcel arrives",
        ArrivalAnswer,
        "The parcels that bear the number, each with its window or why it has none",
        "not_found",
        "conflict",
        "store_damaged",
        description=(
            "Of ten such parcels eight arrive between `p10_at` and `p90_at`, told by its newest scan and by how "
            "parcels went lately. Public, with cities alone; operators are told risks and facilities too."
        ),
    )
    async def get_arrival(
        request: Request,
        number: str,
        carrier: Annotated[str | None, Query(max_length=32, description="Only parcels of this carrier.")] = None,
        min_position: MinPosition = None,
    ) -> Response:
        everything = await office.may_see_all(request.scope)
        await office.reach(call_of(request.scope), min_position)
        await office.open_lookout()
        as_of = office.freshness(everything=everything)
        [(found, _)], arriving = await office.find_arriving(
            call_of(request.scope), [number], everything=everything, carrier=carrier
        )
        if not found.parcels:
            raise UnknownNumber(number, found.carriers)
        if arriving.basis is None:
            raise Busy("when it arrives cannot be told just now")
        rows = [_parcel(each, arriving) for each in found.parcels]
        return json_answer(ArrivalAnswer(number, rows, found.more, arriving.basis, as_of))


def _add_list(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "network", WITH_KEY, _PROBLEMS)

    @routes.add(
        "GET",
        "/v1/arrivals",
        "Parcels on their way, the most endangered first",
        describe(ArrivalPage) | _CSV,
        "A page of them; of CSV as many as a file may have",
        description=(
            "How likely each is lost, stuck or late, as of an instant some minutes ago, and which parcels fell silent "
            "together at a hub, on a way or on a vehicle."
        ),
    )
    async def list_arrivals(
        request: Request,
        carrier: Annotated[str | None, Query(max_length=32)] = None,
        facility: Annotated[
            str | None, Query(max_length=170, description="Where it was scanned last: its code, or carrier/code.")
        ] = None,
        least_risk: Annotated[float, Query(ge=0, le=1, description="At least so likely lost, stuck or late.")] = 0.0,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
        format: Annotated[Literal["json", "csv"], Query(description="CSV is for spreadsheets.")] = "json",
    ) -> Response:
        key = await office.get_operator(request.scope)
        lookout = await office.open_lookout()
        wanted = Wanted(carrier=carrier, facility=facility, least_risk=least_risk)
        many = limit if format == "json" else office.limits.export_rows

        def read() -> tuple[list[EndangeredParcel], str | None]:
            found, cursor = lookout.page(wanted, after, many)
            return _rows(found, office.desk.facilities), cursor

        rows, cursor = await office.scores.run(read)
        if format == "csv":
            await office.note(key, "arrivals.exported", "arrivals.csv")
            return csv_answer([_flat(each) for each in rows], _COLUMNS, "arrivals.csv")
        groups = [_named(each) for each in lookout.groups if _is_of(each, wanted)] if after is None else []
        return json_answer(ArrivalPage(basis_of(lookout), lookout.on_their_way, lookout.shares, rows, groups, cursor))


def _parcel(parcel: ParcelView, arriving: Arriving) -> ParcelArrival:
    key = (parcel.carrier, parcel.number)
    return ParcelArrival(parcel.id, *key, parcel.status, arriving.of.get(key), arriving.lack(*key))


def _rows(found: list[Arrival], facilities: Facilities) -> list[EndangeredParcel]:
    named = [(carrier, code) for each in found for carrier, _, code in [(each.facility or "").partition("/")]]
    known = facilities.find_many(set(named))
    views = view_arrivals(found, facilities, everything=True)
    return [
        EndangeredParcel(
            each.carrier, each.number, each.status, place_view(pair[1] or None, known.get(pair)), each.risk, view
        )
        for each, pair, view in zip(found, named, views, strict=True)
    ]


def _is_of(group: SilentGroup, wanted: Wanted) -> bool:
    carrier, _, code = group.facility.partition("/")
    return wanted.carrier in (None, carrier) and wanted.facility in (None, code, group.facility)


def _named(group: SilentGroup) -> SilentGroup:
    return msgspec.structs.replace(group, parcels=group.parcels[:_MOST_NAMED])


def _flat(row: EndangeredParcel) -> dict[str, object]:
    reasons = "; ".join(f"{each.code} {each.hours:g} h" for each in row.arrival.reasons)
    found = msgspec.structs.asdict(row.arrival) | msgspec.structs.asdict(row)
    return found | {"facility": row.place and row.place.facility, "reasons": reasons}
