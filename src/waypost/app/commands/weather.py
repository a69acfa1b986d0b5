"""The commands of weather: what they are called, and what they take."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from waypost.app.commands.analysts import parse_day
from waypost.app.commands.options import Home, Json

commands = typer.Typer()
weather = typer.Typer(help="Weather at places, measured and foretold.", no_args_is_help=True)
commands.add_typer(weather, name="weather")

Zone = Annotated[str | None, typer.Option("--zone", help="The time zone of days, where files do not say: ghcn.")]
Issued = Annotated[
    str | None, typer.Option("--issued", help="When it was foretold, as 2026-11-22T10:00:00Z: open-meteo.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check, keep nothing.")]


@weather.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="inmet, ghcn or open-meteo.")],
    path: Annotated[Path, typer.Argument(help="A file or a folder.")],
    zone: Zone = None,
    issued: Issued = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Keep the weather of files. Exit code 1 if something was refused."""
    from waypost.app import weather as doing

    code = doing.import_weather(kind, path, zone=zone, issued=issued, dry_run=dry_run, home=home, as_json=as_json)
    raise typer.Exit(code)


@weather.command()
def fetch(
    places: Annotated[list[str], typer.Argument(help="NAME=LATITUDE,LONGITUDE each.")],
    first: Annotated[
        date | None, typer.Option("--from", parser=parse_day, metavar="DATE", help="What was, from this day on.")
    ] = None,
    last: Annotated[
        date | None, typer.Option("--until", parser=parse_day, metavar="DATE", help="The last day of what was.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=16, help="How many days a forecast is of.")] = 7,
    dry_run: DryRun = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Ask Open-Meteo, as the settings say where it is, for a forecast or for what was, and keep it."""
    from waypost.app import weather as doing
    from waypost.app.wiring import now_ms

    if (first is None) != (last is None):
        raise typer.BadParameter("--from and --until go together")
    span = None if first is None or last is None else (first, last)
    code = doing.fetch_weather(places, span, ahead=days, now_ms=now_ms(), dry_run=dry_run, home=home, as_json=as_json)
    raise typer.Exit(code)


@weather.command()
def show(as_json: Json = False, home: Home = None) -> None:
    """List the places of which weather is kept, and from when to when."""
    from waypost.app import weather as doing

    doing.show_weather(home=home, as_json=as_json)
