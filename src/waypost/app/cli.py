"""The command line. Every command has `--json`; errors say what, where and how to mend.

An error goes to stderr, or with `--json` as a document to stdout, whichever command it is and whatever went wrong.

Exit codes: 0 done; 1 not found, or a check that failed; 2 the call or the input was wrong; 3 a machine under us failed;
130 interrupted.
"""

import contextlib
import io
import os
import sys

import typer

from waypost.app.commands import (
    access,
    alerts,
    analysts,
    everybody,
    keeping,
    merchants,
    operators,
    timetables,
    twin,
    weather,
)
from waypost.model.errors import BadInput, NotFound, StoreError, WaypostError

cli = typer.Typer(
    name="waypost",
    help="An open logistics network: every scan of every parcel, kept, folded and shown.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
admin = typer.Typer(help="Look after a Waypost.", no_args_is_help=True)
for each in (everybody, operators, alerts, timetables, weather, twin, merchants, analysts):
    cli.add_typer(each.commands)
cli.add_typer(admin, name="admin")
for each in (keeping, access):
    admin.add_typer(each.commands)

EXIT_NOT_FOUND, EXIT_INPUT, EXIT_MACHINE, EXIT_INTERRUPTED = 1, 2, 3, 130


def main() -> None:
    """Run the command line; what goes wrong ends in one line and an exit code. Only a bug leaves a stack trace."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us: the first file that is opened must not take its place
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show must not end a command
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run())


def _run() -> int:
    try:
        code = cli(prog_name="waypost", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except typer.TyperException as error:
        return _tell(_as_bad_input(error)) if error.format_message().strip() else EXIT_INPUT  # no text: help was shown
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the reader of our output has had enough; typer ends by the second then
        _let_go_of_stdout()
        return 0
    except WaypostError as error:
        return _tell(error)
    except (OSError, UnicodeError, MemoryError) as error:
        error.__traceback__ = None  # lets go of what the command held: to tell of it takes memory too
        from waypost.app.failures import explain

        return _tell(explain(error))


def _as_bad_input(error: typer.TyperException) -> BadInput:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "waypost"
    return BadInput(error.format_message(), mend=f"`{command} --help` tells how.")


def _tell(error: WaypostError) -> int:
    from waypost.app.console import legible, out

    in_json = "--json" in sys.argv
    try:
        if in_json:
            out({"error": error.code, "detail": error.message, "mend": error.mend})
        sys.stdout.flush()
    except OSError:
        _let_go_of_stdout()
        in_json = False
    if not in_json:
        with contextlib.suppress(OSError):  # if nobody can be told, the exit code is left
            print(f"waypost: {legible(str(error))}", file=sys.stderr)
    if isinstance(error, NotFound):
        return EXIT_NOT_FOUND
    return EXIT_MACHINE if isinstance(error, StoreError) else EXIT_INPUT


def _let_go_of_stdout() -> None:
    """What is still to be written goes nowhere, so that the end of the process does not fail on it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
