"""Lanes: how long parcels take from area to area."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, Query, Request, Response

from waypost.access.keys import Key, Role
from waypost.forecast.lane_costs import Cost
from waypost.forecast.lanes import HourTimes, LaneDetail, Silence, Times, Wanted, page_lanes, put_before
from waypost.model.errors import NotFound
from waypost.model.instants import DAY_MS, EARLIEST_MS, format_utc, parse_instant
from waypost.web.api.lane_answers import LanePage
from waypost.web.api.merchants import invalid
from waypost.web.api.openapi import DATE_TIME, WITH_KEY, describe
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.csv_files import csv_answer
from waypost.web.door import call_of, headers_in
from waypost.web.office import Office, read_instant
from waypost.web.problems import Forbidden, Invalid, Wrong

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
CSV = {"text/csv": {"schema": {"type": "string"}}}
_AREA = "`COUNTRY-region`, as the register of facilities has them"
_COLUMNS = ("parcels", "delivered", "on_the_way", "gone", "p50_h", "p80_h", "p90_h", "on_time", "on_time_of")
_COST_COLUMNS = ("cost_currency", "cost_parcels", "cost_per_parcel_minor", "cost_per_kg_minor")
#: As many weeks, so that weekdays meet.
_YEAR_MS = 52 * 7 * DAY_MS

Since = Annotated[
    str | None,
    Query(
        max_length=64,
        description="RFC 3339; handed over from here on. 90 days before the newest scan unless told.",
        json_schema_extra=DATE_TIME,
    ),
]
Until = Annotated[
    str | None, Query(max_length=64, description="RFC 3339; handed over before it.", json_schema_extra=DATE_TIME)
]
Table = Literal["weeks", "curve", "hours", "gaps"]
Format = Annotated[Literal["json", "csv"], Query(description="CSV is for spreadsheets.")]


def add_lanes(app: FastAPI, office: Office) -> None:
    """All lanes, and one."""
    _add_list(app, office)
    _add_one(app, office)


def _add_list(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "network", WITH_KEY, _PROBLEMS)

    @routes.add(
        "GET",
        "/v1/lanes",
        "Lanes, most parcels first",
        describe(LanePage) | CSV,
        "A page of them; of CSV all",
        description=(
            "How long parcels take from area to area, by carrier. Those on their way count as slower than they have "
            "been so far. A carrier's key that speaks for some carriers sees theirs."
        ),
    )
    async def list_lanes(
        request: Request,
        carrier: Annotated[str | None, Query(max_length=32)] = None,
        origin: Annotated[str | None, Query(max_length=130, description=f"{_AREA}; or the country alone.")] = None,
        destination: Annotated[str | None, Query(max_length=130, description="The same of the other end.")] = None,
        since: Since = None,
        until: Until = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
        format: Format = "json",
    ) -> Response:
        key = await get_teller(office, request)
        seen = _carriers_seen(key, carrier)
        found = await office.scores.run(office.desk.insight.lanes, *_stretch(since, until))
        wanted = Wanted(carriers=seen, origin=origin, destination=destination)
        page, cursor = page_lanes(found, wanted, after, limit if format == "json" else len(found.lanes) + 1)
        if format == "csv":
            await office.note(key, "lanes.exported", "lanes.csv")
            rows = [
                {"carrier": row.carrier, "origin": row.origin, "destination": row.destination}
                | _flat(row.times)
                | _flat_cost(row.costs)
                for row in page
            ]
            return csv_answer(rows, ("carrier", "origin", "destination", *_COLUMNS, *_COST_COLUMNS), "lanes.csv")
        undirected = sum(many for who, many in found.undirected.items() if seen is None or who in seen)
        told = (found.since, found.until, found.as_of, _position(key, found.position))
        return json_answer(LanePage(*told, undirected=undirected, lanes=page, next=cursor))


def _add_one(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "network", WITH_KEY, _PROBLEMS)

    @routes.add(
        "GET",
        "/v1/lanes/times",
        "How long parcels take on one lane",
        describe(LaneDetail) | CSV,
        "By carrier, week and hour of hand-over, and where they wait; as CSV one of these tables",
        "not_found",
    )
    async def get_lane(
        request: Request,
        origin: Annotated[str, Query(max_length=130, description=f"{_AREA}.")],
        destination: Annotated[str, Query(max_length=130, description="The same of the other end.")],
        carrier: Annotated[str | None, Query(max_length=32)] = None,
        since: Since = None,
        until: Until = None,
        compare: Annotated[
            Literal["period", "year"] | None,
            Query(description="Beside it `before`: the stretch before that is as long, or the same 52 weeks earlier."),
        ] = None,
        format: Format = "json",
        table: Annotated[Table, Query(description="Of CSV: which of the tables.")] = "weeks",
    ) -> Response:
        if format == "csv" and compare is not None:
            reason = "does not go with `format=csv`: ask for the other stretch by `since` and `until`"
            raise Invalid(f"query.compare {reason}", [Wrong("query.compare", reason)])
        key = await get_teller(office, request)
        seen = _carriers_seen(key, carrier)
        lane = (origin, destination, tuple(sorted(seen or ())))
        read = office.desk.insight.lane
        found = await office.scores.run(read, *lane, *_stretch(since, until)) if seen is None or seen else None
        if found is None or not found.carriers:
            mend = "`GET /v1/lanes` lists those with parcels; an earlier `since` finds more."
            raise NotFound(f"no parcel went from {origin[:60]!r} to {destination[:60]!r} in that time", mend=mend)
        if format == "csv":
            await office.note(key, "lanes.exported", f"{origin} {destination}")
            rows, columns = _tabulate(found, table)
            return csv_answer(rows, columns, "lane.csv" if table == "weeks" else f"lane-{table}.csv")
        if compare is not None:
            before = await office.scores.run(read, *lane, *_stretch_before(found, compare))
            found = put_before(found, before)
        return json_answer(msgspec.structs.replace(found, position=_position(key, found.position)))


async def get_teller(office: Office, request: Request) -> Key:
    """An operator's key, or one of a carrier that speaks for some carriers alone, and may see what is theirs.

    Raises:
        NotAllowed, TooMany: see `Gate.get_key`.
        Forbidden: it is neither. A carrier's key that speaks for all was made to send scans, by whomever.
    """
    key = await office.gate.get_key(call_of(request.scope), headers_in(request.scope), Role.OPERATOR, Role.CARRIER)
    if key.role is Role.CARRIER and not key.carriers:
        raise Forbidden("this key speaks for no carrier in particular", mend="Use one made with --carrier.")
    return key


def _carriers_seen(key: Key, asked: str | None) -> frozenset[str] | None:
    """The carriers that an answer is about, None for all."""
    if key.role is Role.OPERATOR:
        return None if asked is None else frozenset([asked])
    return frozenset(key.carriers) if asked is None else frozenset(key.carriers) & {asked}


def _position(key: Key, position: int | None) -> int | None:
    """Carriers see how fresh an answer is, but not how many scans the network has: most are of others."""
    return position if key.role is Role.OPERATOR else None


def _stretch(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    since_ms, until_ms = read_instant(since, "query.since"), read_instant(until, "query.until")
    if since_ms is not None and until_ms is not None and until_ms <= since_ms:
        why = f"it is not after since, {format_utc(since_ms)}"
        raise Invalid(f"query.until: {why}", [Wrong("query.until", why, until and until[:60])])
    return since_ms, until_ms


def _stretch_before(found: LaneDetail, compare: Literal["period", "year"]) -> tuple[int, int]:
    since_ms, until_ms = parse_instant(found.since).at_ms, parse_instant(found.until).at_ms
    back_ms = _YEAR_MS if compare == "year" else until_ms - since_ms
    if since_ms - back_ms < EARLIEST_MS:
        raise invalid("query.compare", f"nothing is kept of before {format_utc(EARLIEST_MS)[:10]}")
    return since_ms - back_ms, until_ms - back_ms


def _tabulate(found: LaneDetail, table: Table) -> tuple[list[dict[str, object]], tuple[str, ...]]:
    """One of the tables of a lane, and its columns."""
    if table == "hours":
        return [msgspec.structs.asdict(each) for each in found.hours], HourTimes.__struct_fields__
    if table == "gaps":
        return [msgspec.structs.asdict(each) for each in found.gaps], Silence.__struct_fields__
    rows: list[dict[str, object]] = []
    for each in found.carriers:
        if table == "curve":
            rows += [{"carrier": each.carrier, "hours": point.hours, "share": point.share} for point in each.curve]
        else:
            rows += [{"carrier": each.carrier, "week": week.week} | _flat(week.times) for week in each.weeks]
    return rows, ("carrier", "hours", "share") if table == "curve" else ("carrier", "week", *_COLUMNS)


def _flat_cost(costs: Sequence[Cost]) -> dict[str, object]:
    """Of the currency of most."""
    told = msgspec.structs.asdict(costs[0]) if costs else {}
    return {name: told.get(name.removeprefix("cost_")) for name in _COST_COLUMNS}


def _flat(times: Times) -> dict[str, object]:
    found: dict[str, object] = {name: getattr(times, name) for name in _COLUMNS[:7]}
    return found | {"on_time": times.on_time.count, "on_time_of": times.on_time.of}
