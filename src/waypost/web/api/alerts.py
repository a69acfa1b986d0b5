"""Alerts for operators: the queue, what each one hits, and what is done to it."""

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

import msgspec
from fastapi import FastAPI, Query, Request, Response

from waypost.access.keys import Key
from waypost.care.alerts.findings import AlertKind
from waypost.care.alerts.words import QUEUE, ActKind, Alert, Asked, State, Wanted
from waypost.web.api.alert_answers import (
    ACT_SENT,
    ASSIGN_SENT,
    RESOLVE_SENT,
    SNOOZE_SENT,
    ActSent,
    AlertAnswer,
    AlertPage,
    AlertView,
    AssignSent,
    HitPage,
    HitParcel,
    ResolveSent,
    SnoozeSent,
    view_act,
    view_alert,
)
from waypost.web.api.merchants import decode_json, read_json
from waypost.web.api.openapi import WITH_KEY, describe, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.csv_files import csv_answer
from waypost.web.office import Office, read_instant

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_ACT_PROBLEMS = ("conflict", "not_found", "slow_body", "storage_full", "too_large", "unsupported_media_type")
_CSV = {"text/csv": {"schema": {"type": "string"}}}
_COLUMNS = (
    *("id", "kind", "severity", "state", "carrier", "facility", "towards", "assignee", "parcels", "most_parcels"),
    *("since", "first_seen_at", "last_seen_at", "ended_at", "snoozed_until", "cause"),
)
#: Of whose key it is.
_ME = "me"

Sent = TypeVar("Sent", ActSent, AssignSent, SnoozeSent, ResolveSent)


def add_alerts(app: FastAPI, office: Office) -> None:
    """All of it."""
    routes = Routes(app, "alerts", WITH_KEY, _PROBLEMS)
    _add_list(routes, office)
    _add_one(routes, office)
    _add_acts(routes, office)


def _add_list(routes: Routes, office: Office) -> None:
    @routes.add(
        "GET",
        "/v1/alerts",
        "Trouble in the network, the worst first",
        describe(AlertPage) | _CSV,
        "A page of alerts; of CSV as many as a file may have",
        description="Without `state` those that are in the queue: open, acknowledged or snoozed.",
    )
    async def list_alerts(
        request: Request,
        state: Annotated[list[State] | None, Query(description="May be given several times.")] = None,
        kind: Annotated[AlertKind | None, Query()] = None,
        carrier: Annotated[str | None, Query(max_length=32)] = None,
        facility: Annotated[str | None, Query(max_length=170, description="Its code, or carrier/code.")] = None,
        assignee: Annotated[str | None, Query(max_length=64, description="`me` for whose key it is.")] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
        format: Annotated[Literal["json", "csv"], Query(description="CSV is for spreadsheets.")] = "json",
    ) -> Response:
        key = await office.get_operator(request.scope)
        wanted = Wanted(
            states=frozenset(state) if state else QUEUE,
            kind=kind,
            carrier=carrier,
            facility=facility,
            assignee=key.who if assignee == _ME else assignee,
        )
        many = limit if format == "json" else office.limits.export_rows
        page, cursor = await office.lookups.run(office.desk.alerts.list_page, wanted, after, many)
        views = [view_alert(each) for each in page]
        if format == "csv":
            await office.note(key, "alerts.exported", "alerts.csv")
            return csv_answer([_flat(each) for each in views], _COLUMNS, "alerts.csv")
        return json_answer(AlertPage(views, cursor))


def _add_one(routes: Routes, office: Office) -> None:
    @routes.add("GET", "/v1/alerts/{alert}", "An alert", AlertAnswer, "It, and what became of it", "not_found")
    async def get_alert(request: Request, alert: str) -> Response:
        await office.get_operator(request.scope)
        found, acts = await office.lookups.run(office.desk.alerts.get, alert)
        return json_answer(AlertAnswer(view_alert(found), [view_act(each) for each in acts]))

    @routes.add(
        "GET",
        "/v1/alerts/{alert}/parcels",
        "The parcels that an alert hits",
        HitPage,
        "A page of them; of very many only some are named",
        "not_found",
    )
    async def list_hit(
        request: Request,
        alert: str,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        await office.get_operator(request.scope)
        page, cursor = await office.lookups.run(office.desk.alerts.list_parcels, alert, after, limit)
        hit = [HitParcel(carrier, number) for carrier, _, number in (each.partition("/") for each in page)]
        return json_answer(HitPage(hit, cursor))


def _add_acts(routes: Routes, office: Office) -> None:
    def add(
        name: str, summary: str, kind: type[Sent], example: Sent, ask: Callable[[Sent, Key], Asked], more: str = ""
    ) -> None:
        @routes.add(
            "POST",
            f"/v1/alerts/{{alert}}/{name}",
            summary,
            AlertView,
            "As it is now",
            *_ACT_PROBLEMS,
            description=f"Of the version that was seen; of another one it is refused, and sent again done once.{more}",
            extra=sends(kind, example),
        )
        async def act(request: Request, alert: str) -> Response:
            key = await office.get_operator(request.scope)
            asked = ask(decode_json(await read_json(office, request), kind), key)

            def do() -> Alert:
                return office.desk.alerts.act(alert, asked, key.who, office.desk.clock())

            return json_answer(view_alert(await office.lookups.run(do)))

    def plain(what: ActKind) -> Callable[[ActSent | ResolveSent, Key], Asked]:
        return lambda sent, _: Asked(what=what, version=sent.version, note=sent.note)

    add("acknowledge", "Say that somebody sees to it", ActSent, ACT_SENT, plain(ActKind.ACKNOWLEDGED))
    add("assign", "Say whose it is", AssignSent, ASSIGN_SENT, _assign)
    worse = " It comes back at that instant, or once it is clearly worse."
    add("snooze", "Put it aside for a time", SnoozeSent, SNOOZE_SENT, _snooze, worse)
    add("resolve", "Be done with it", ResolveSent, RESOLVE_SENT, plain(ActKind.RESOLVED))
    add("reopen", "Put it back into the queue", ActSent, ACT_SENT, plain(ActKind.REOPENED))


def _assign(sent: AssignSent, key: Key) -> Asked:
    assignee = key.who if sent.assignee == _ME else sent.assignee
    return Asked(what=ActKind.ASSIGNED, version=sent.version, note=sent.note, assignee=assignee)


def _snooze(sent: SnoozeSent, _: Key) -> Asked:
    until_ms = read_instant(sent.until, "body.until")
    return Asked(what=ActKind.SNOOZED, version=sent.version, note=sent.note, until_ms=until_ms)


def _flat(view: AlertView) -> dict[str, object]:
    return msgspec.structs.asdict(view) | {"cause": _say(view)}


def _say(view: AlertView) -> str:
    """The likeliest cause in one cell."""
    if not view.causes:
        return ""
    cause = view.causes[0]
    words = (cause.kind, cause.weather, cause.facility or cause.carrier, cause.towards, cause.vehicle)
    return " ".join(word for word in words if word)
