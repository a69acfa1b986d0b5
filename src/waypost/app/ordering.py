"""`waypost orders`: a sheet is handed in, orders are looked at, booked, taken back."""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from waypost.app.asking import Server, as_json, get_order, naming, open_server, print_order
from waypost.app.console import aside, legible, line, out, results
from waypost.client import Waypost
from waypost.client.jobs import Job
from waypost.client.orders import EnteredSheet
from waypost.model.errors import BadInput

_MOST_SHOWN = 50


def import_orders(
    file: Path,
    columns: Sequence[str],
    fixed: Sequence[str],
    *,
    dry_run: bool,
    book: bool,
    server: Server,
    in_json: bool,
) -> int:
    """Hand a sheet in, and book it if asked. The exit code: 1 if a row was refused, or an order not booked."""
    named, held = _pairs(columns, "--map"), _pairs(fixed, "--fix")
    with open_server(server) as waypost:
        with naming(file), _waiting(f"{file.name} is handed in"):
            entered = waypost.orders.enter_sheet(file, columns=named, fixed=held, dry_run=dry_run)
        job = None
        if book and not dry_run and entered.entries:
            job = _follow(waypost, waypost.jobs.begin([each.id for each in entered.entries]))
    if in_json:
        out(msgspec.to_builtins(entered) | {"job": None if job is None else msgspec.to_builtins(job)})
    else:
        _print_sheet(entered, dry_run=dry_run)
        if job is not None:
            _print_job(job)
    return 1 if entered.refused or (job is not None and _unbooked(job)) else 0


def list_orders(
    *,
    state: str | None,
    job: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    server: Server,
    in_json: bool,
) -> None:
    """Orders, newest first."""
    from_, to = _read_instant(since, "--since"), _read_instant(until, "--until")
    with open_server(server) as waypost:
        found = waypost.orders.list(state=state, job=job, since=from_, until=to, limit=min(limit, 100))
        kept = list(itertools.islice(found, limit))
    if in_json:
        out([as_json(each) for each in kept])
        return
    for each in kept:
        print_order(each)
    if len(kept) == limit:
        aside.print(f"[dim]the newest {limit}; --limit shows more[/]")


def show_order(named: str, *, server: Server, in_json: bool) -> None:
    """One order with its parcels."""
    with open_server(server) as waypost:
        kept = get_order(waypost, named)
    if in_json:
        out(as_json(kept))
        return
    print_order(kept)
    consignee, console = kept.order.consignee, results()
    where = ", ".join(part for part in (consignee.city, consignee.province, consignee.country) if part)
    console.print(line(f"  id {kept.id}, made {kept.made_at:%Y-%m-%d %H:%M:%SZ}"), soft_wrap=True)
    console.print(line(f"  to {consignee.name}, {where}"), soft_wrap=True)
    for parcel in kept.parcels:
        number = f"{parcel.waybill.carrier} {parcel.waybill.number}" if parcel.waybill else "no waybill yet"
        told = [f"{parcel.weight_g} g", parcel.state, number, parcel.sort_code, parcel.why]
        console.print(line(f"  parcel {parcel.piece}: {', '.join(part for part in told if part)}"), soft_wrap=True)


def confirm_orders(
    named: Sequence[str], *, all_drafts: bool, account: str, not_there: bool, server: Server, in_json: bool
) -> int:
    """Book one, several, or all drafts. The exit code: 1 if one is not booked."""
    if bool(named) is all_drafts:
        raise BadInput("it is not told which orders", mend="Name them, or say --all for all drafts.")
    if not_there and len(named) != 1:
        raise BadInput("--not-there is of one order", mend="Name the one that somebody looked for.")
    with open_server(server) as waypost:
        if len(named) == 1 and not account:
            kept = waypost.orders.confirm(get_order(waypost, named[0]).id, not_there=not_there)
            if in_json:
                out(as_json(kept))
            else:
                print_order(kept)
            return 0 if kept.state == "booked" else 1
        ids = None if all_drafts else [get_order(waypost, each).id for each in named]
        job = _follow(waypost, waypost.jobs.begin(ids, account=account))
    return _tell_job(job, in_json=in_json)


def follow_job(id_: str, *, server: Server, in_json: bool) -> int:
    """How far a job is, until it is done. The exit code: 1 if an order of it is not booked."""
    with open_server(server) as waypost:
        job = _follow(waypost, waypost.jobs.get(id_))
    return _tell_job(job, in_json=in_json)


def cancel_order(named: str, reason: str | None, *, server: Server, in_json: bool) -> None:
    """Take one back."""
    with open_server(server) as waypost:
        kept = waypost.orders.cancel(get_order(waypost, named).id, reason=reason)
    if in_json:
        out(as_json(kept))
    else:
        print_order(kept)


def return_order(named: str, reference: str | None, *, server: Server, in_json: bool) -> None:
    """Draft the way back."""
    with open_server(server) as waypost:
        kept = waypost.orders.draft_return(get_order(waypost, named).id, reference=reference)
    if in_json:
        out(as_json(kept))
    else:
        print_order(kept)


def _follow(waypost: Waypost, job: Job) -> Job:
    """Show how far it is until it is done; who breaks off is told how to come back to it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress:
            task = progress.add_task("booking", total=job.orders, completed=job.settled)
            for now in waypost.jobs.follow(job.id):
                job = now
                progress.update(task, completed=job.settled)
    except KeyboardInterrupt:
        aside.print(line(f"the server goes on with it: `waypost orders follow {job.id}`"), soft_wrap=True)
        raise
    return job


def _tell_job(job: Job, *, in_json: bool) -> int:
    if in_json:
        out(job)
    else:
        _print_job(job)
    return 1 if _unbooked(job) else 0


def _unbooked(job: Job) -> bool:
    """Whether an order that was asked for is not booked, by this job or by another."""
    return job.orders > job.states.get("booked", 0) or any(each.state != "booked" for each in job.left)


def _print_job(job: Job) -> None:
    states = ", ".join(f"{count} {state}" for state, count in sorted(job.states.items())) or "nothing to book"
    results().print(line(f"{job.id}: {states}"), soft_wrap=True)
    for left in job.left[:_MOST_SHOWN]:
        aside.print(line((f"{left.reference} is {left.state}: {left.why}", "yellow")), soft_wrap=True)
    if len(job.left) > _MOST_SHOWN:
        aside.print(line(f"`waypost orders list --job {job.id}` says why"), soft_wrap=True)
    if job.states.get("booked"):
        aside.print(line(f"`waypost label {job.id}` prints it"), soft_wrap=True)


def _print_sheet(entered: EnteredSheet, *, dry_run: bool) -> None:
    console = results()
    if entered.refusals:
        table = Table("line", "column", "what is wrong", "there", box=None, pad_edge=False)
        for each in entered.refusals[:_MOST_SHOWN]:
            told = (str(each.line) if each.line else "", each.field, each.reason, each.value or "")
            table.add_row(*(line(text) for text in told))
        console.print(table)
        if entered.refused > _MOST_SHOWN:
            aside.print(f"[yellow]... and {entered.refused - _MOST_SHOWN} more[/]; --json tells the first 1,000")
    for advice in entered.advice[:_MOST_SHOWN]:
        aside.print(line((f"line {advice.row}, {advice.field}: {advice.reason}", "yellow")), soft_wrap=True)
    if entered.ignored:
        aside.print(line((f"not read: {', '.join(entered.ignored)}", "yellow")), soft_wrap=True)
    new = sum(each.outcome == "new" for each in entered.entries)
    would = "would be " if dry_run else ""
    known = len(entered.entries) - new
    console.print(f"{new} {would}new, {known} known, {entered.refused} of {entered.rows} rows {would}refused")


@contextmanager
def _waiting(what: str) -> Iterator[None]:
    with aside.status(legible(what)) if aside.is_terminal else nullcontext():
        yield


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    found = [each.partition("=") for each in given]
    for name, equals, value in found:
        if not equals or not name or not value:
            raise BadInput(f"{option} {name[:60]}: is not FIELD=TEXT", mend="docs/reference/order-sheets.md has them.")
    return {name: value for name, _, value in found}


def _read_instant(text: str | None, option: str) -> dt.datetime | None:
    if text is None:
        return None
    try:
        found = dt.datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("it has no offset")
    except ValueError as error:
        mend = "Write it as 2026-11-22T13:04:00Z."
        raise BadInput(f"{option} {text[:60]!r} is no instant: {error}", mend=mend) from None
    return found
