"""What the commands of closures and delays do."""

import datetime as dt
import secrets
from pathlib import Path

from rich.table import Table

from waypost.access.trail import COMMAND
from waypost.app.console import aside, legible, line, out, results
from waypost.app.records import records_of
from waypost.model.errors import BadInput
from waypost.model.instants import LATEST_MS, parse_instant
from waypost.network.change_book import Change, ChangeBook
from waypost.network.changes import Closure, Delay
from waypost.web.api.way_answers import ChangeView, view_change

_PAGE = 500


def close(
    facility: str,
    destination: str | None,
    since: str | None,
    until: str | None,
    why: str,
    *,
    now_ms: int,
    home: Path | None,
    as_json: bool,
) -> None:
    """Close a facility, or the lane from it to another."""
    until_ms = None if until is None else _parse(until, "--until")
    closure = Closure(
        facility=facility,
        since_ms=now_ms if since is None else _parse(since, "--from"),
        until_ms=LATEST_MS if until_ms is None else until_ms,
        destination=destination,
    )
    with records_of(home) as (_, records):
        kept = ChangeBook(records).close(_new_id(), closure, why, COMMAND, now_ms, lasting=until is None)
    _tell(kept, as_json=as_json)


def delay(
    service: str, minutes: int, day: str, call: int, why: str, *, now_ms: int, home: Path | None, as_json: bool
) -> None:
    """Say that a departure is late."""
    carrier, slash, code = service.partition("/")
    if not slash:
        raise BadInput(f"{service[:60]!r} is no service: write carrier/code", where="SERVICE")
    try:
        on = dt.date.fromisoformat(day)
    except ValueError:
        raise BadInput(f"{day[:40]!r} is no day", where="--day", mend="Write it as 2026-11-22.") from None
    late = Delay(carrier=carrier, service=code, day=on, minutes=minutes, call=call)
    with records_of(home) as (_, records):
        kept = ChangeBook(records).delay(_new_id(), late, why, COMMAND, now_ms)
    _tell(kept, as_json=as_json)


def show_changes(*, ended: bool, now_ms: int, home: Path | None, as_json: bool) -> None:
    """Print what holds or is to come."""
    found: list[ChangeView] = []
    cursor: str | None = None
    with records_of(home) as (_, records):
        while True:
            page, cursor = ChangeBook(records).list_page(None, cursor, _PAGE, now_ms, ended=ended)
            found += map(view_change, page)
            if cursor is None:
                break
    if as_json:
        out(found)
        return
    if not found:
        aside.print("No closure or delay holds or is to come.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("id", "what", "from", "until", "why", "who"):
        table.add_column(heading)
    for each in found:
        until = "lifted" if each.until is None else each.until
        table.add_row(*(line(cell) for cell in (each.id, _say(each), each.since, until, each.why, each.who)))
    results().print(table)


def lift(id_: str, *, now_ms: int, home: Path | None, as_json: bool) -> None:
    """Take one back."""
    with records_of(home) as (_, records):
        ChangeBook(records).lift(id_, None, COMMAND, now_ms)
    if as_json:
        out({"lifted": id_})
    else:
        print(legible(f"lifted: {id_}"))


def _say(change: ChangeView) -> str:
    if change.kind == "closure":
        return f"{change.facility} closed" + (f" to {change.destination}" if change.destination else "")
    behind = f" from call {change.call} on" if change.call else ""
    return f"{change.carrier}/{change.service} of {change.day} {change.minutes:+d} min{behind}"


def _tell(kept: Change, *, as_json: bool) -> None:
    told = view_change(kept)
    if as_json:
        out(told)
    else:
        print(legible(f"{told.id}: {_say(told)}"))


def _new_id() -> str:
    return f"chg_{secrets.token_hex(8)}"


def _parse(text: str, option: str) -> int:
    try:
        return parse_instant(text).at_ms
    except BadInput as error:
        raise BadInput(error.message.removeprefix("instant: "), where=option) from None
