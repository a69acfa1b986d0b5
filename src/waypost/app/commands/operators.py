"""Commands of those who run the network: what comes in, carriers, prices, bills, sort codes."""

from pathlib import Path
from typing import Annotated

import typer

from waypost.app.commands.options import Home, Json, Port

commands = typer.Typer()
carriers = typer.Typer(
    help="Carriers: what they can be asked, strict fakes of them, and the exam of an adapter.", no_args_is_help=True
)
commands.add_typer(carriers, name="carriers")
rates = typer.Typer(help="Rate cards: what each account pays for a service.", no_args_is_help=True)
commands.add_typer(rates, name="rates")
audit = typer.Typer(help="Hold what carriers bill against what was agreed.", no_args_is_help=True)
commands.add_typer(audit, name="audit")
sorting = typer.Typer(help="Sort codes: what is known of where parcels go.", no_args_is_help=True)
commands.add_typer(sorting, name="sorting")


@commands.command("import")
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


@carriers.command("list")
def list_carriers(as_json: Json = False) -> None:
    """List the carriers that Waypost can speak with, and how well it is known how."""
    from waypost.app import carriers as dealing

    dealing.list_carriers(as_json=as_json)


@carriers.command("fake")
def fake_carrier(
    carrier: Annotated[str, typer.Argument(metavar="CARRIER", help="As `waypost carriers list` shows it.")],
    port: Port = None,
    push_url: Annotated[str, typer.Option("--push-url", help="Where its pushes go.")] = "",
    as_json: Json = False,
) -> None:
    """Serve a strict fake of a carrier on loopback, with an account to try. Nothing in it is real."""
    from waypost.app import carriers as dealing

    dealing.run_fake(carrier, port=port or 0, push_url=push_url, as_json=as_json)


@carriers.command("exam")
def exam_carrier(
    carrier: Annotated[str, typer.Argument(metavar="CARRIER", help="As `waypost carriers list` shows it.")],
    as_json: Json = False,
) -> None:
    """Examine an adapter against the strict fake of its carrier, over HTTP."""
    from waypost.app import carriers as dealing

    raise typer.Exit(dealing.run_exam(carrier, as_json=as_json))


@carriers.command("score")
def score_carriers(
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="The scans of so many days.")] = 30,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show how well each carrier tells what happens, reckoned from its scans."""
    from waypost.app import scores

    scores.run_score(days, home=home, as_json=as_json)


@rates.command("import")
def import_rates(
    files: Annotated[list[Path], typer.Argument(help="TOML files of rate cards.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check, keep nothing.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Bring rate cards in. The same card twice changes nothing; a file with a flaw is told and passed over."""
    from waypost.app import rates as cards

    raise typer.Exit(cards.import_rates(files, dry_run=dry_run, home=home, as_json=as_json))


@rates.command("list")
def list_rates(as_json: Json = False, home: Home = None) -> None:
    """List the rate cards, all versions of them."""
    from waypost.app import rates as cards

    cards.list_rates(home=home, as_json=as_json)


@rates.command("show")
def show_rates(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="As list shows it.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As list shows it.")],
    service: Annotated[str, typer.Option(metavar="NAME", help="Its service; the usual one without it.")] = "",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show one rate card."""
    from waypost.app import rates as cards

    cards.show_rates(account, version, service, home=home, as_json=as_json)


@commands.command()
def quote(
    orders: Annotated[
        Path | None, typer.Argument(help="A JSON array of orders; - for standard input.", show_default=False)
    ] = None,
    start: Annotated[str, typer.Option("--from", metavar="PLACE", help="COUNTRY/PROVINCE/CITY/POSTCODE.")] = "",
    end: Annotated[str, typer.Option("--to", metavar="PLACE", help="The same of the consignee.")] = "",
    weight: Annotated[int, typer.Option("--weight", min=1, max=2_000_000, help="Grams.")] = 500,
    size: Annotated[str, typer.Option("--size", help="Millimetres, as 300x200x100.")] = "",
    insured: Annotated[bool, typer.Option("--insured", help="Declare what the orders' items are worth.")] = False,
    prefer: Annotated[str, typer.Option("--prefer", help="price, arrival, co2 or best.")] = "best",
    at: Annotated[str | None, typer.Option("--at", help="RFC 3339; as of then instead of now.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say what a parcel or orders would cost with each service, and why. Exit code 1 if one is carried by nobody."""
    from waypost.app import quoting

    if orders is not None and not start and not end:
        code = quoting.quote_orders(orders, insured=insured, prefer=prefer, at=at, home=home, as_json=as_json)
    elif orders is None and start and end:
        code = quoting.quote_way(start, end, weight, size, prefer=prefer, at=at, home=home, as_json=as_json)
    else:
        raise typer.BadParameter("name a file of orders, or --from and --to")
    raise typer.Exit(code)


@audit.command("invoice")
def audit_invoice(
    file: Annotated[Path, typer.Argument(help="The bill, as CSV.")],
    account: Annotated[str, typer.Option("--account", metavar="NAME", help="Whose bill it is.")],
    disputes: Annotated[
        Path | None, typer.Option("--disputes", metavar="FILE", help="Write what to claim here.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Hold a carrier's bill against the rate cards and what was booked. Exit code 1 if they differ."""
    from waypost.app import auditing

    raise typer.Exit(auditing.audit_invoice(file, account, disputes, home=home, as_json=as_json))


@audit.command("cod")
def audit_cod(
    account: Annotated[str, typer.Option("--account", metavar="NAME", help="Who collects.")],
    file: Annotated[Path | None, typer.Argument(help="The remittance, CSV or XLSX.", show_default=False)] = None,
    days: Annotated[
        float, typer.Option("--days", min=0, max=3650, help="What was booked so long ago should have been paid.")
    ] = 14.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check, keep nothing.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Hold what a carrier passes on of cash on delivery against what is due. Exit code 1 if anything is wrong."""
    from waypost.app import auditing

    raise typer.Exit(auditing.audit_cod(file, account, days, dry_run=dry_run, home=home, as_json=as_json))


Carrier = Annotated[str, typer.Option("--carrier", metavar="CODE", help="Whose sort codes they are.")]


@sorting.command("learn")
def learn_sorting(
    file: Annotated[Path, typer.Argument(help="Addresses with their sort codes, CSV or XLSX.")],
    carrier: Carrier,
    country: Annotated[str, typer.Option("--country", metavar="CODE", help="Of rows that name none.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how well its later rows are told.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Learn where parcels went from a file. The same file twice changes nothing; bad rows are told and passed over."""
    from waypost.app import sorting as codes

    raise typer.Exit(codes.learn(file, carrier, country, dry_run=dry_run, home=home, as_json=as_json))


@sorting.command("list")
def list_sorting(as_json: Json = False, home: Home = None) -> None:
    """List what is known of the places of each carrier, and how many parcels wait for a person."""
    from waypost.app import sorting as codes

    codes.list_sorters(home=home, as_json=as_json)


@sorting.command("rebuild")
def rebuild_sorting(
    carrier: Annotated[str, typer.Argument(metavar="CARRIER", help="Whose sort codes they are.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Forget what was learnt of a carrier, and learn anew from what is here."""
    from waypost.app import sorting as codes

    codes.rebuild(carrier, home=home, as_json=as_json)
