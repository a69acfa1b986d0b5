"""The commands of alerts: what they are called, and what they take."""

from typing import Annotated

import typer

from waypost.app.commands.options import Home, Json

commands = typer.Typer()
alerts = typer.Typer(help="Alerts: trouble that a server found, and how it is worked off.", no_args_is_help=True)
commands.add_typer(alerts, name="alerts")

Alert = Annotated[str, typer.Argument(metavar="ALERT", help="Its id, as list shows it.")]
Note = Annotated[str, typer.Option("--note", help="In words of your own.")]


@alerts.command("list")
def list_(
    state: Annotated[
        list[str] | None,
        typer.Option("--state", help="open, acknowledged, snoozed, resolved or ended; the first three without it."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="hub_overload, lane_slow, silence, weather_ahead or unknown_codes."),
    ] = None,
    carrier: Annotated[str | None, typer.Option("--carrier", help="Only its own.")] = None,
    facility: Annotated[str | None, typer.Option("--facility", help="Its code, or carrier/code.")] = None,
    assignee: Annotated[str | None, typer.Option("--assignee", help="Whose they are.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List alerts, the worst first."""
    from waypost.app import alerts as work

    work.list_alerts(state or [], kind, carrier, facility, assignee, home=home, as_json=as_json)


@alerts.command()
def show(alert: Alert, as_json: Json = False, home: Home = None) -> None:
    """Show one with its likely causes, and what became of it."""
    from waypost.app import alerts as work

    work.show(alert, home=home, as_json=as_json)


@alerts.command()
def acknowledge(alert: Alert, note: Note = "", as_json: Json = False, home: Home = None) -> None:
    """Say that somebody sees to it."""
    from waypost.app import alerts as work
    from waypost.app.wiring import now_ms
    from waypost.care.alerts.words import ActKind

    work.act(alert, ActKind.ACKNOWLEDGED, note=note, now_ms=now_ms(), home=home, as_json=as_json)


@alerts.command()
def assign(
    alert: Alert,
    assignee: Annotated[
        str | None, typer.Argument(help="A person's id or a team's name; nobody without one.", show_default=False)
    ] = None,
    note: Note = "",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say whose it is."""
    from waypost.app import alerts as work
    from waypost.app.wiring import now_ms
    from waypost.care.alerts.words import ActKind

    work.act(alert, ActKind.ASSIGNED, note=note, assignee=assignee, now_ms=now_ms(), home=home, as_json=as_json)


@alerts.command()
def snooze(
    alert: Alert,
    until: Annotated[str, typer.Option("--until", help="RFC 3339, as 2026-11-22T20:00:00+08:00.")],
    note: Note = "",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Put it aside until an instant, or until it is clearly worse."""
    from waypost.app import alerts as work
    from waypost.app.wiring import now_ms
    from waypost.care.alerts.words import ActKind

    work.act(alert, ActKind.SNOOZED, note=note, until=until, now_ms=now_ms(), home=home, as_json=as_json)


@alerts.command()
def resolve(
    alert: Alert,
    note: Annotated[str, typer.Option("--note", help="What it was, or what was done.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Be done with it."""
    from waypost.app import alerts as work
    from waypost.app.wiring import now_ms
    from waypost.care.alerts.words import ActKind

    work.act(alert, ActKind.RESOLVED, note=note, now_ms=now_ms(), home=home, as_json=as_json)


@alerts.command()
def reopen(alert: Alert, note: Note = "", as_json: Json = False, home: Home = None) -> None:
    """Put it back into the queue."""
    from waypost.app import alerts as work
    from waypost.app.wiring import now_ms
    from waypost.care.alerts.words import ActKind

    work.act(alert, ActKind.REOPENED, note=note, now_ms=now_ms(), home=home, as_json=as_json)
