"""Commands of merchants, who ask a server over HTTP."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from waypost.app.commands.options import Json

if TYPE_CHECKING:
    from waypost.app.asking import Server

commands = typer.Typer()
orders = typer.Typer(help="Your orders at a server: hand in, look, book, take back.", no_args_is_help=True)
commands.add_typer(orders, name="orders")

Url = Annotated[str | None, typer.Option("--url", help="The server (default: $WAYPOST_URL).")]
KeyFile = Annotated[
    Path | None, typer.Option("--key-file", metavar="FILE", help="Your key stands in it (default: $WAYPOST_KEY).")
]
AllowHttp = Annotated[
    bool, typer.Option("--allow-http", help="Send the key without TLS to another machine, in a network of yours.")
]
Named = Annotated[str, typer.Argument(metavar="ORDER", help="Your number of it, or its id.")]
Format = Annotated[
    Literal["pdf", "zpl", "png"], typer.Option("--format", help="Of labels that the carrier leaves to Waypost.")
]
Size = Annotated[
    Literal["100x150", "100x180"] | None, typer.Option("--size", help="The same of their size in millimetres.")
]


def _name_server(url: Url = None, key_file: KeyFile = None, allow_http: AllowHttp = False) -> "Server":
    from waypost.app.asking import Server

    return Server(url=url, key_file=key_file, allow_http=allow_http)


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """A command that asks a server, which it gets first; called, it takes before `--json` what names the server."""
    told, named = inspect.signature(command), inspect.signature(_name_server).parameters

    def run(**given: Any) -> None:
        server = _name_server(**{name: given.pop(name) for name in named})
        command(server, **given)

    _, *own, in_json = told.parameters.values()
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = told.replace(parameters=[*own, *named.values(), in_json])  # type: ignore[attr-defined]
    return run


@commands.command()
@asking
def ship(
    server: "Server",
    order: Annotated[
        str | None,
        typer.Argument(help="A file (.json, .toml, - for JSON from standard input), your number, or an id."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Over the file, as consignee.city=Manaus; again for more."),
    ] = None,
    label: Annotated[
        Path | None, typer.Option("--label", metavar="FILE", help="Its label goes there (default: NUMBER.pdf).")
    ] = None,
    format: Format = "pdf",
    size: Size = None,
    no_label: Annotated[bool, typer.Option("--no-label", help="Fetch no label.")] = False,
    as_json: Json = False,
) -> None:
    """Book an order and fetch its label. Doing it again books nothing twice. Exit code 1 if it is not booked."""
    from waypost.app import shipping

    code = shipping.ship(
        order,
        set_ or [],
        label=label,
        format=format,
        size=size,
        no_label=no_label,
        server=server,
        in_json=as_json,
    )
    raise typer.Exit(code)


@commands.command()
@asking
def label(
    server: "Server",
    named: Annotated[str, typer.Argument(metavar="ORDER|JOB", help="Your number of an order, its id, or a job's id.")],
    to: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Where to; - for standard output (default: its name).")
    ] = None,
    piece: Annotated[int | None, typer.Option("--piece", min=1, help="Of this parcel alone, from 1.")] = None,
    format: Format = "pdf",
    size: Size = None,
    as_json: Json = False,
) -> None:
    """Fetch the labels of an order, or of a whole job as one PDF. Exit code 1 if some are not in it."""
    from waypost.app import shipping

    code = shipping.print_label(named, to, piece=piece, format=format, size=size, server=server, in_json=as_json)
    raise typer.Exit(code)


@orders.command("import")
@asking
def import_orders(
    server: "Server",
    file: Annotated[Path, typer.Argument(help="A sheet of orders, .csv or .xlsx.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=HEADING", help="What a column is called there; again for another."),
    ] = None,
    fixed: Annotated[
        list[str] | None,
        typer.Option("--fix", metavar="FIELD=VALUE", help="What holds for all rows; again for another."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of them, and keep nothing.")
    ] = False,
    book: Annotated[bool, typer.Option("--book", help="Book what was taken, and wait for it.")] = False,
    as_json: Json = False,
) -> None:
    """Hand a sheet of orders in, as drafts. The same again changes nothing. Exit code 1 if a row was refused."""
    from waypost.app import ordering

    code = ordering.import_orders(
        file, columns or [], fixed or [], dry_run=dry_run, book=book, server=server, in_json=as_json
    )
    raise typer.Exit(code)


@orders.command("list")
@asking
def list_orders(
    server: "Server",
    state: Annotated[
        Literal["draft", "queued", "booked", "refused", "doubtful", "cancelled"] | None,
        typer.Option("--state", help="How far they are."),
    ] = None,
    job: Annotated[str | None, typer.Option("--job", help="Those that were confirmed by it.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="RFC 3339; made from here on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="RFC 3339; made before it.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="So many.")] = 100,
    as_json: Json = False,
) -> None:
    """List your orders, newest first."""
    from waypost.app import ordering

    ordering.list_orders(state=state, job=job, since=since, until=until, limit=limit, server=server, in_json=as_json)


@orders.command("show")
@asking
def show_order(
    server: "Server",
    order: Named,
    as_json: Json = False,
) -> None:
    """Show one order with its parcels."""
    from waypost.app import ordering

    ordering.show_order(order, server=server, in_json=as_json)


@orders.command("confirm")
@asking
def confirm_orders(
    server: "Server",
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ORDERS]...", help="Your numbers of them, or ids.", show_default=False),
    ] = None,
    all_drafts: Annotated[bool, typer.Option("--all", help="All drafts.")] = False,
    account: Annotated[str, typer.Option("--account", metavar="NAME", help="For those that name none.")] = "",
    not_there: Annotated[
        bool, typer.Option("--not-there", help="Of a doubtful one: somebody looked, its carrier has no waybill of it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Book orders, and wait for it. Exit code 1 if one is not booked."""
    from waypost.app import ordering

    code = ordering.confirm_orders(
        named or [], all_drafts=all_drafts, account=account, not_there=not_there, server=server, in_json=as_json
    )
    raise typer.Exit(code)


@orders.command("follow")
@asking
def follow_job(
    server: "Server",
    job: Annotated[str, typer.Argument(help="The id of a job.")],
    as_json: Json = False,
) -> None:
    """Wait for a job that books orders. Exit code 1 if one is not booked."""
    from waypost.app import ordering

    raise typer.Exit(ordering.follow_job(job, server=server, in_json=as_json))


@orders.command("cancel")
@asking
def cancel_order(
    server: "Server",
    order: Named,
    reason: Annotated[str | None, typer.Option("--reason", help="The carrier is told so.")] = None,
    as_json: Json = False,
) -> None:
    """Take an order back, with every waybill of it."""
    from waypost.app import ordering

    ordering.cancel_order(order, reason, server=server, in_json=as_json)


@orders.command("return")
@asking
def return_order(
    server: "Server",
    order: Named,
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="NUMBER", help="Your number of the way back.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draft the way back of an order; look at it, and ship it."""
    from waypost.app import ordering

    ordering.return_order(order, reference, server=server, in_json=as_json)
