"""The commands of timetables: what they are called, and what they take."""

from pathlib import Path
from typing import Annotated

import typer

from waypost.app.commands.options import Home, Json

commands = typer.Typer()
timetable = typer.Typer(help="Timetables: services of carriers, and the ways through them.", no_args_is_help=True)
commands.add_typer(timetable, name="timetable")


@timetable.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="csv, gtfs or ssim.")],
    path: Annotated[Path, typer.Argument(help="A file or a folder.")],
    carrier: Annotated[
        str | None, typer.Option("--carrier", help="Whose services they are, where files do not say: gtfs.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Remove all other services of the carriers that the files name, unless a row was refused."
        ),
    ] = False,
    despite_refusals: Annotated[
        bool, typer.Option("--despite-refusals", help="With --replace: also where rows were refused.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check, keep nothing.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Keep the services of files, or bring them up to date. Exit code 1 if something was refused."""
    from waypost.app import timetables

    if despite_refusals and not replace:
        raise typer.BadParameter("it goes with --replace", param_hint="--despite-refusals")
    code = timetables.import_timetable(
        kind,
        path,
        carrier=carrier,
        replace=replace,
        despite_refusals=despite_refusals,
        dry_run=dry_run,
        home=home,
        as_json=as_json,
    )
    raise typer.Exit(code)


@timetable.command()
def show(
    facility: Annotated[
        str | None, typer.Argument(help="What departs there within a day, as carrier/code.", show_default=False)
    ] = None,
    at: Annotated[str | None, typer.Option("--at", help="From then on, as 2026-11-22T10:00:00+08:00.")] = None,
    carrier: Annotated[str | None, typer.Option("--carrier", help="Of the services only its own.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List the services that are kept, or what departs from a facility."""
    from waypost.app import timetables
    from waypost.app.wiring import now_ms

    if facility is None:
        if at is not None:
            raise typer.BadParameter("it needs a facility", param_hint="--at")
        timetables.show_services(carrier, home=home, as_json=as_json)
        return
    if carrier is not None:
        raise typer.BadParameter("it is for the list of services, without a facility", param_hint="--carrier")
    timetables.show_departures(facility, at, now_ms=now_ms(), home=home, as_json=as_json)


@timetable.command()
def path(
    origin: Annotated[str, typer.Argument(help="A facility, as carrier/code.")],
    destination: Annotated[str, typer.Argument(help="Another one.")],
    ready: Annotated[
        str | None, typer.Option("--ready", help="Handed over then, as 2026-11-22T10:00:00+08:00 (default: now).")
    ] = None,
    due: Annotated[str | None, typer.Option("--by", help="As late as possible, to arrive by then.")] = None,
    carriers: Annotated[
        list[str] | None, typer.Option("--carrier", help="By no other carrier; again for more.")
    ] = None,
    modes: Annotated[
        list[str] | None, typer.Option("--mode", help="By truck, bus, rail, flight or ship alone; again for more.")
    ] = None,
    choices_within_h: Annotated[
        int | None,
        typer.Option(
            "--choices",
            min=0,
            max=240,
            help="All that are best in arrival, cost and CO2, up to so many hours after the first.",
        ),
    ] = None,
    weight_g: Annotated[int, typer.Option("--weight-g", min=0, help="By what can carry so many grams.")] = 0,
    days: Annotated[int, typer.Option("--days", min=1, max=60, help="How far to look.")] = 14,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show the way that arrives first, leg by leg. Exit code 1 if there is none."""
    from waypost.app import timetables
    from waypost.app.wiring import now_ms

    terms = timetables.make_terms(carriers or [], modes or [], weight_g)
    timetables.show_path(
        origin,
        destination,
        ready=ready,
        due=due,
        choices_within_h=choices_within_h,
        terms=terms,
        days=days,
        now_ms=now_ms(),
        home=home,
        as_json=as_json,
    )


Why = Annotated[str, typer.Option("--why", help="In a few words, for those who look at the list.")]


@timetable.command()
def close(
    facility: Annotated[str, typer.Argument(help="A facility, as carrier/code.")],
    why: Why,
    destination: Annotated[
        str | None, typer.Option("--to", metavar="FACILITY", help="Only what goes there without a stop between.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="From then on, as 2026-11-22T10:00:00+08:00 (default: now).")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Until then (default: until it is lifted).")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Close a facility, or a lane: no way leads through it meanwhile."""
    from waypost.app import timetable_changes
    from waypost.app.wiring import now_ms

    timetable_changes.close(facility, destination, since, until, why, now_ms=now_ms(), home=home, as_json=as_json)


@timetable.command(context_settings={"ignore_unknown_options": True})
def delay(
    service: Annotated[str, typer.Argument(help="A service, as carrier/code.")],
    minutes: Annotated[int, typer.Argument(help="How much later it is; below zero for earlier.")],
    day: Annotated[str, typer.Option("--day", help="On which the departure begins there, as 2026-11-22.")],
    why: Why,
    call: Annotated[int, typer.Option("--call", min=0, help="From which of its calls on, 0 for the first.")] = 0,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say that a departure is late."""
    from waypost.app import timetable_changes
    from waypost.app.wiring import now_ms

    timetable_changes.delay(service, minutes, day, call, why, now_ms=now_ms(), home=home, as_json=as_json)


@timetable.command()
def changes(
    ended: Annotated[bool, typer.Option("--ended", help="Those that have ended in the last 90 days as well.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List the closures and delays that hold or are to come."""
    from waypost.app import timetable_changes
    from waypost.app.wiring import now_ms

    timetable_changes.show_changes(ended=ended, now_ms=now_ms(), home=home, as_json=as_json)


@timetable.command()
def lift(
    change: Annotated[str, typer.Argument(help="Its id, as the list has it.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take a closure or a delay back."""
    from waypost.app import timetable_changes
    from waypost.app.wiring import now_ms

    timetable_changes.lift(change, now_ms=now_ms(), home=home, as_json=as_json)
