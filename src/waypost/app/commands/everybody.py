"""Commands of everybody: what a number is, where a parcel is, and a server to look at."""

from typing import Annotated

import typer

from waypost.app.commands.options import Home, Json, Port

commands = typer.Typer()

Host = Annotated[str | None, typer.Option("--host", help="The address to listen on (default: loopback).")]


@commands.command()
def version() -> None:
    """Say which Waypost this is."""
    import importlib.metadata

    print(importlib.metadata.version("waypost"))


@commands.command()
def check(
    numbers: Annotated[list[str] | None, typer.Argument(help="Numbers to check.", show_default=False)] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read lines {"id":…,"kind":…,"input":…} from stdin, write verdicts.')
    ] = False,
    kinds: Annotated[bool, typer.Option("--kinds", help="List the kinds that --jsonl knows.")] = False,
    as_json: Json = False,
) -> None:
    """Say what a number is: postal item, logistic unit, air waybill, container, or a carrier's tracking number."""
    from waypost.app import checking

    if kinds:
        checking.list_kinds()
    elif jsonl:
        if numbers:
            raise typer.BadParameter("--jsonl reads standard input: name no number or file beside it")
        checking.answer_lines()
    elif numbers:
        raise typer.Exit(checking.check_numbers(numbers, as_json=as_json))
    else:
        raise typer.BadParameter("name a number, or use --jsonl or --kinds")


@commands.command()
def track(
    numbers: Annotated[list[str], typer.Argument(help="Waybill or order numbers.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show where parcels are, and their scans: of each parcel the newest 500."""
    from waypost.app import tracking

    raise typer.Exit(tracking.track(numbers, home=home, as_json=as_json))


@commands.command()
def serve(host: Host = None, port: Port = None, as_json: Json = False, home: Home = None) -> None:
    """Start the server: the HTTP API, the tracking page and the operator's pages."""
    from waypost.app import serving

    serving.run_server(home=home, host=host, port=port, as_json=as_json)


@commands.command()
def demo(
    host: Host = None,
    port: Port = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again with a new sample.")] = False,
    still: Annotated[bool, typer.Option("--still", help="The sample alone, in which no time passes.")] = False,
    speed: Annotated[
        float, typer.Option(min=1.0, max=3600.0, help="How many times as fast as life its time passes.")
    ] = 60.0,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Start a server with a network to look at: seeded, and faster than life. Nothing in it is real."""
    from waypost.app import demonstration

    demonstration.run_demo(home=home, host=host, port=port, fresh=fresh, still=still, speed=speed, as_json=as_json)
