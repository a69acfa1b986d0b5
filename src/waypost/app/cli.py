"""The command line. Every command has `--json`; errors go to stderr and say what, where and how to mend.

Exit codes: 0 done; 1 not found, or a check that failed; 2 the call or the input was wrong; 3 a machine under us failed;
130 interrupted.
"""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from waypost.model.errors import StoreError, WaypostError

cli = typer.Typer(
    name="waypost",
    help="An open logistics network: every scan of every parcel, kept, folded and shown.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
admin = typer.Typer(help="Look after a Waypost.", no_args_is_help=True)
cli.add_typer(admin, name="admin")

Home = Annotated[Path | None, typer.Option("--home", help="The folder that holds all state (default: $WAYPOST_HOME).")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
Port = Annotated[int | None, typer.Option("--port", help="The port to listen on; 0 takes a free one.")]
Host = Annotated[str | None, typer.Option("--host", help="The address to listen on (default: loopback).")]

EXIT_NOT_FOUND, EXIT_INPUT, EXIT_MACHINE, EXIT_INTERRUPTED = 1, 2, 3, 130


def main() -> None:
    """Run the command line; an error of ours ends in one line and an exit code, never in a stack trace."""
    try:
        cli(prog_name="waypost")
    except WaypostError as error:
        _end_with(error)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has had enough
        sys.stderr.close()
        sys.exit(0)


def _end_with(error: WaypostError) -> None:
    if "--json" in sys.argv:
        problem = {"error": error.code, "detail": error.message, "mend": error.mend}
        print(msgspec.json.encode(problem).decode())
    else:
        print(f"waypost: {error}", file=sys.stderr)
    sys.exit(EXIT_MACHINE if isinstance(error, StoreError) else EXIT_INPUT)


# The commands import what they need when they run: `waypost check` need not wait for a database to be imported.


@cli.command()
def version() -> None:
    """Say which Waypost this is."""
    import importlib.metadata

    print(importlib.metadata.version("waypost"))


@cli.command()
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
        checking.answer_lines()
    elif numbers:
        raise typer.Exit(checking.check_numbers(numbers, as_json=as_json))
    else:
        raise typer.BadParameter("name a number, or use --jsonl or --kinds")


@cli.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="What the files are; `waypost import list` tells all kinds.")],
    path: Annotated[Path | None, typer.Argument(help="A file or a folder.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check, keep nothing.")] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="An option of the kind, as name=value.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Bring files of parcels and scans in. The same file twice changes nothing; bad rows are told and passed over."""
    from waypost.app import importing

    if kind == "list":
        importing.list_kinds(as_json=as_json)
    elif path is None:
        raise typer.BadParameter("name the file or folder to import", param_hint="PATH")
    else:
        options = dict(_pair(each) for each in option or [])
        importing.run_import(kind, path, home=home, dry_run=dry_run, options=options, as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not name=value", param_hint="--option")
    return name, value


@cli.command()
def track(
    numbers: Annotated[list[str], typer.Argument(help="Waybill or order numbers.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show where parcels are, and every scan that was taken of them."""
    from waypost.app import tracking

    raise typer.Exit(tracking.track(numbers, home=home, as_json=as_json))


@cli.command()
def serve(host: Host = None, port: Port = None, as_json: Json = False, home: Home = None) -> None:
    """Start the server: the HTTP API, the tracking page and the operator's pages."""
    from waypost.app import serving

    serving.run_server(home=home, host=host, port=port, as_json=as_json)


@cli.command()
def demo(
    host: Host = None,
    port: Port = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again with a new sample.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Start a server with a sample world to look at: a seeded one, made on the spot. Nothing in it is real."""
    from waypost.app import demonstration

    demonstration.run_demo(home=home, host=host, port=port, fresh=fresh, as_json=as_json)


@admin.command("make-key")
def make_key(
    name: Annotated[str, typer.Argument(help="What the key is for, for people.")],
    role: Annotated[str, typer.Option(help="operator: everything; carrier: send scans.")] = "operator",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Make a key for the API and the operator's pages. It is shown once."""
    from waypost.app import keyring

    keyring.make_key(name, role, home=home, as_json=as_json)


@admin.command("list-keys")
def list_keys(as_json: Json = False, home: Home = None) -> None:
    """List the keys, without their secrets."""
    from waypost.app import keyring

    keyring.list_keys(home=home, as_json=as_json)


@admin.command("withdraw-key")
def withdraw_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As list-keys shows it.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Withdraw a key, and end the sessions that were opened with it."""
    from waypost.app import keyring

    keyring.withdraw_key(key_id, home=home, as_json=as_json)
