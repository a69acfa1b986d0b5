"""Ways through timetables, and the closures and delays that change them."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.access.keys import Key, Role
from waypost.model.instants import LATEST_MS, format_utc
from waypost.network.change_book import Change
from waypost.network.changes import Closure, Delay
from waypost.network.paths import Path, Terms
from waypost.network.services import Mode
from waypost.network.ways import Asked, Found, judge, view_leg
from waypost.web.api.lanes import get_teller
from waypost.web.api.merchants import IDEMPOTENCY_KEY, decode_json, invalid, made_once, read_json
from waypost.web.api.openapi import WITH_KEY, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.api.way_answers import (
    CHANGE_SENT,
    PATHS_SENT,
    Chances,
    ChangePage,
    ChangeSent,
    ChangeView,
    PathsAnswer,
    PathsSent,
    PathView,
    view_change,
)
from waypost.web.office import Office, read_instant
from waypost.web.problems import Forbidden

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy")
_BODY_PROBLEMS = ("not_found", "slow_body", "too_large", "unsupported_media_type", "store_damaged")


def add_ways(app: FastAPI, office: Office) -> None:
    """Ways, and changes."""
    _add_paths(app, office)
    _add_changes(app, office)


def _add_paths(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "network", WITH_KEY, _PROBLEMS)

    @routes.add(
        "POST",
        "/v1/paths",
        "Ways through the timetables",
        PathsAnswer,
        "The first to arrive, leg by leg; or the last that is in time, or all that are best",
        *_BODY_PROBLEMS,
        description=(
            "Closures and delays that are kept are worked in. A carrier's key finds ways by the services of its "
            "carriers alone."
        ),
        extra=sends(PathsSent, PATHS_SENT),
    )
    async def find_paths(request: Request) -> Response:
        key = await get_teller(office, request)
        sent = decode_json(await read_json(office, request), PathsSent)
        asked = _asked(sent, key)

        def find() -> PathsAnswer:
            found = office.desk.ways.find(asked, office.desk.clock(), _own(key))
            return PathsAnswer([_view(found, path, sent, asked.terms) for path in found.paths], found.misfits)

        return json_answer(await office.history.run(find))


def _asked(sent: PathsSent, key: Key) -> Asked:
    carriers = frozenset(sent.carriers) or None
    if key.role is Role.CARRIER:
        own = frozenset(key.carriers)
        if carriers is not None and not carriers <= own:
            raise Forbidden("this key speaks for no such carrier", mend="Leave `carriers` out.")
        carriers = carriers or own
    known = [mode.value for mode in Mode]
    wrong = [mode for mode in sent.modes if mode not in known]
    if wrong:
        raise invalid("body.modes", f"{wrong[0][:40]!r} is none of {', '.join(known)}")
    terms = Terms(carriers=carriers, modes=frozenset(map(Mode, sent.modes)) or None, weight_g=sent.weight_g)
    return Asked(
        origin=sent.origin,
        destination=sent.destination,
        ready_ms=read_instant(sent.ready, "body.ready"),
        due_ms=read_instant(sent.due, "body.due"),
        choices_within_h=sent.choices_within_h,
        days=sent.days,
        terms=terms,
    )


def _view(found: Found, path: Path, sent: PathsSent, terms: Terms) -> PathView:
    legs = [view_leg(found.timetable, leg) for leg in path.legs]
    if sent.late is None or not legs:
        return PathView(legs=legs, chances=None)
    outlook = judge(found, path, sent.late.seen(), terms)
    p50_ms, p90_ms = outlook.quantile_ms(0.5), outlook.quantile_ms(0.9)
    chances = Chances(
        legs=[round(chance, 4) for chance in outlook.legs],
        holds=round(outlook.holds, 4),
        arrives_p50=None if p50_ms is None else format_utc(p50_ms),
        arrives_p90=None if p90_ms is None else format_utc(p90_ms),
        stranded=round(outlook.stranded, 4),
    )
    return PathView(legs=legs, chances=chances)


def _add_changes(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "network", WITH_KEY, _PROBLEMS)
    book = office.desk.timetable_changes

    @routes.add(
        "POST",
        "/v1/timetable-changes",
        "Close a facility or a lane, or say that a departure is late",
        ChangeView,
        "As it is kept",
        *_BODY_PROBLEMS,
        "key_reused",
        "storage_full",
        description=(
            "It holds in every question for ways from now on, until it ends or is lifted. A carrier's key closes "
            "facilities and delays services of its carriers."
        ),
        extra=sends(ChangeSent, CHANGE_SENT) | {"parameters": [IDEMPOTENCY_KEY]},
    )
    async def make_change(request: Request) -> Response:
        key = await get_teller(office, request)
        body = await read_json(office, request)
        sent = decode_json(body, ChangeSent)
        change = _closure(sent, office.desk.clock()) if sent.kind == "closure" else _delay(sent)
        carrier = change.carrier if isinstance(change, Delay) else change.facility.partition("/")[0]
        if key.role is Role.CARRIER and carrier not in key.carriers:
            raise Forbidden("this key speaks for no such carrier", mend="Use one that does, or an operator's.")
        id_, asked = made_once(office, "chg", key.id, request, body)

        def keep() -> Change:
            now_ms = office.desk.clock()
            if isinstance(change, Delay):
                return book.delay(id_, change, sent.why, key.who, now_ms, asked=asked)
            return book.close(id_, change, sent.why, key.who, now_ms, lasting=sent.until is None, asked=asked)

        return json_answer(view_change(await office.lookups.run(keep)))

    @routes.add(
        "GET",
        "/v1/timetable-changes",
        "Closures and delays, by when they begin",
        ChangePage,
        "A page of those that hold or are to come",
    )
    async def list_changes(
        request: Request,
        ended: Annotated[bool, Query(description="Those that have ended in the last 90 days as well.")] = False,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        key = await get_teller(office, request)

        def read() -> tuple[list[Change], str | None]:
            return book.list_page(_own(key), after, limit, office.desk.clock(), ended=ended)

        page, cursor = await office.lookups.run(read)
        return json_answer(ChangePage([view_change(each) for each in page], cursor))

    @routes.add("DELETE", "/v1/timetable-changes/{change}", "Lift a closure or a delay", None, "Lifted", "not_found")
    async def lift_change(request: Request, change: str) -> Response:
        key = await get_teller(office, request)
        await office.lookups.run(book.lift, change, _own(key), key.who, office.desk.clock())
        return Response(status_code=204)


def _own(key: Key) -> tuple[str, ...] | None:
    return key.carriers if key.role is Role.CARRIER else None


def _closure(sent: ChangeSent, now_ms: int) -> Closure:
    if sent.facility is None:
        raise invalid("body.facility", "a closure names a facility, as carrier/code")
    _refuse(sent, "carrier", "service", "day", "minutes")
    since_ms, until_ms = read_instant(sent.since, "body.since"), read_instant(sent.until, "body.until")
    return Closure(
        facility=sent.facility,
        since_ms=now_ms if since_ms is None else since_ms,
        until_ms=LATEST_MS if until_ms is None else until_ms,
        destination=sent.destination,
    )


def _delay(sent: ChangeSent) -> Delay:
    _refuse(sent, "facility", "destination", "since", "until")
    if sent.carrier is None or sent.service is None or sent.day is None or sent.minutes is None:
        missing = next(name for name in ("carrier", "service", "day", "minutes") if getattr(sent, name) is None)
        raise invalid(f"body.{missing}", "a delay names carrier, service, day and minutes")
    return Delay(carrier=sent.carrier, service=sent.service, day=sent.day, minutes=sent.minutes, call=sent.call)


def _refuse(sent: ChangeSent, *names: str) -> None:
    for name in names:
        if getattr(sent, name) is not None:
            raise invalid(f"body.{name}", f"a {sent.kind} has none")
