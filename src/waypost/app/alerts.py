"""What the commands of alerts do, beside a running server too."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from rich.table import Table

from waypost.access.trail import COMMAND
from waypost.app.console import aside, legible, line, out, results
from waypost.app.records import records_of
from waypost.app.wiring import open_alerts
from waypost.care.alerts.book import AlertBook
from waypost.care.alerts.findings import AlertKind
from waypost.care.alerts.words import QUEUE, ActKind, Asked, State, Wanted
from waypost.model.errors import BadInput
from waypost.model.instants import parse_instant
from waypost.web.api.alert_answers import AlertAnswer, AlertView, view_act, view_alert

_PAGE = 500

Word = TypeVar("Word", State, AlertKind)


def list_alerts(
    states: list[str],
    kind: str | None,
    carrier: str | None,
    facility: str | None,
    assignee: str | None,
    *,
    home: Path | None,
    as_json: bool,
) -> None:
    """Print those in the queue, or in some states."""
    wanted = Wanted(
        states=frozenset(_read(State, each, "--state") for each in states) or QUEUE,
        kind=None if kind is None else _read(AlertKind, kind, "--kind"),
        carrier=carrier,
        facility=facility,
        assignee=assignee,
    )
    found: list[AlertView] = []
    cursor: str | None = None
    with _book(home) as book:
        while True:
            page, cursor = book.list_page(wanted, cursor, _PAGE)
            found += map(view_alert, page)
            if cursor is None:
                break
    if as_json:
        out(found)
        return
    if not found:
        aside.print("There is no such alert.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("id", "severity", "what", "where", "parcels", "seen last", "state", "whose"):
        table.add_column(heading)
    for each in found:
        cells = (each.id, each.severity, each.kind, _where(each), str(each.parcels), each.last_seen_at, each.state)
        table.add_row(*(line(cell) for cell in (*cells, each.assignee or "")))
    results().print(table)


def show(id_: str, *, home: Path | None, as_json: bool) -> None:
    """Print one, its causes, and what became of it."""
    with _book(home) as book:
        alert, acts = book.get(id_)
    told = AlertAnswer(view_alert(alert), [view_act(each) for each in acts])
    if as_json:
        out(told)
        return
    view = told.alert
    figures = ", ".join(f"{name} {value:g}" for name, value in view.figures.items())
    words = ", ".join(f"{name} {value}" for name, value in view.words.items())
    _say(f"{view.id} {view.severity} {view.kind} {_where(view)}, {view.state}, version {view.version}")
    _say(f"{view.parcels} parcels, {view.most_parcels} at most; since {view.since}, seen last {view.last_seen_at}")
    for each in filter(None, (figures, words)):
        _say(each)
    for cause in view.causes:
        where = " to ".join(filter(None, (cause.facility or cause.carrier, cause.towards)))
        more = " ".join(filter(None, (cause.weather, cause.vehicle, cause.departed_at)))
        _say(f"{cause.weight:.0%} {cause.kind} {where} {more}".rstrip())
    for act in told.acts:
        more = " ".join(filter(None, (act.assignee, act.until, act.note)))
        _say(f"{act.at} {act.what} by {act.who} {more}".rstrip())


def act(
    id_: str,
    what: ActKind,
    *,
    note: str = "",
    assignee: str | None = None,
    until: str | None = None,
    now_ms: int,
    home: Path | None,
    as_json: bool,
) -> None:
    """Do something to one, as it stands now."""
    until_ms = None if until is None else _parse(until)
    with _book(home) as book:
        version = book.get(id_)[0].version
        asked = Asked(what=what, version=version, note=note, assignee=assignee, until_ms=until_ms)
        told = view_alert(book.act(id_, asked, COMMAND, now_ms))
    if as_json:
        out(told)
    else:
        _say(f"{told.id}: {what.value}")


@contextmanager
def _book(home: Path | None) -> Iterator[AlertBook]:
    with records_of(home) as (settings, records):
        yield open_alerts(settings, records)


def _where(view: AlertView) -> str:
    return " to ".join(filter(None, (view.facility or view.carrier, view.towards)))


def _say(text: str) -> None:
    print(legible(text))


def _read(kind: type[Word], text: str, option: str) -> Word:
    try:
        return kind(text)
    except ValueError:
        raise BadInput(f"{text[:40]!r} is none of {', '.join(kind)}", where=option) from None


def _parse(text: str) -> int:
    try:
        return parse_instant(text).at_ms
    except BadInput as error:
        raise BadInput(error.message.removeprefix("instant: "), where="--until") from None
