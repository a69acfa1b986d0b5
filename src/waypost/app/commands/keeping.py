"""Commands of who looks after a home: backups, the seal, what is kept of people, and ranges of numbers."""

from pathlib import Path
from typing import Annotated

import typer

from waypost.app.commands.options import Home, Json, parse_folder

commands = typer.Typer()
seal = typer.Typer(help="Look after the keys under which what is personal is kept.", no_args_is_help=True)
commands.add_typer(seal, name="seal")
pool = typer.Typer(help="Ranges of waybill numbers, for carriers that are not asked for them.", no_args_is_help=True)
commands.add_typer(pool, name="pool")


@pool.command("add")
def add_pool(
    name: Annotated[str, typer.Argument(help="Accounts name it; given once.")],
    carrier: Annotated[str, typer.Option(help="The code of the carrier whose numbers they are.")],
    first: Annotated[int, typer.Option(min=0, help="The first serial of the range.")],
    last: Annotated[int, typer.Option(min=0, help="The last one.")],
    kind: Annotated[str, typer.Option(help="s10, sscc or plain.")] = "plain",
    prefix: Annotated[
        str, typer.Option(help="Before the serial; of s10 the service, of sscc extension digit and company prefix.")
    ] = "",
    suffix: Annotated[str, typer.Option(help="Behind it; of s10 the country.")] = "",
    width: Annotated[
        int | None, typer.Option(help="Digits of a plain serial; as many as the last has if not given.")
    ] = None,
    branch: Annotated[str, typer.Option(help="Of the carrier, whose range it is.")] = "",
    alarm: Annotated[int, typer.Option(min=0, help="So few left are told.")] = 0,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take a range of waybill numbers in."""
    from waypost.app import numbers

    told = numbers.Range(name, carrier, kind, prefix, suffix, width, first, last, branch, alarm)
    numbers.add_pool(told, home=home, as_json=as_json)


@pool.command("list")
def list_pools(as_json: Json = False, home: Home = None) -> None:
    """List the ranges, with how many numbers each has left."""
    from waypost.app import numbers

    numbers.list_pools(home=home, as_json=as_json)


@commands.command("forget-pushes")
def forget_pushes(
    before: Annotated[
        str | None, typer.Option("--before", metavar="DATE", help="Those that came before this day (UTC).")
    ] = None,
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Those of this account.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Remove the bodies of pushes that are kept. Their scans stay."""
    from waypost.app import housekeeping

    housekeeping.forget_pushes(before, account, dry_run=dry_run, home=home, as_json=as_json)


Name = Annotated[str, typer.Option("--name", help="Of the person or its company, whole.")]
Phone = Annotated[str, typer.Option("--phone", help="With or without what is dialled before it.")]
Email = Annotated[str, typer.Option("--email", help="Whole.")]
Reference = Annotated[str, typer.Option("--order", metavar="NUMBER", help="The merchant's number of an order.")]


@commands.command("export-person")
def export_person(
    to: Annotated[Path, typer.Argument(parser=parse_folder, metavar="DEST", help="A new folder.")],
    name: Name = "",
    phone: Phone = "",
    email: Email = "",
    order: Reference = "",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Write all that is kept of a person into a new folder. What is given has to fit all together."""
    from waypost.app import erasing
    from waypost.booking.people import Sought

    sought = Sought(name=name, phone=phone, email=email, reference=order)
    raise typer.Exit(erasing.export_person(sought, to, home=home, as_json=as_json))


@commands.command("erase-person")
def erase_person(
    name: Name = "",
    phone: Phone = "",
    email: Email = "",
    order: Reference = "",
    again: Annotated[
        Path | None, typer.Option("--again", metavar="FILE", help="What list-erased --json printed: after a restore.")
    ] = None,
    on_the_way: Annotated[
        bool, typer.Option("--on-the-way", help="Orders too whose parcels have not arrived.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Erase a person from all orders, and from what carriers handed in. What is given has to fit all together."""
    from waypost.app import erasing
    from waypost.booking.people import Sought

    sought = Sought(name=name, phone=phone, email=email, reference=order)
    code = erasing.erase_person(sought, again=again, on_the_way=on_the_way, dry_run=dry_run, home=home, as_json=as_json)
    raise typer.Exit(code)


@commands.command("list-erased")
def list_erased(
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", help="From this day on (UTC).")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List the orders that were erased, by their ids: to be erased again where a backup is brought back."""
    from waypost.app import erasing

    erasing.list_erased(since, home=home, as_json=as_json)


Sample = Annotated[
    int, typer.Option("--sample", min=0, help="So many parcels are compared with the log, scan by scan.")
]


@commands.command()
def backup(
    dest: Annotated[Path, typer.Argument(parser=parse_folder, metavar="DEST", help="A new folder.")],
    link: Annotated[
        bool, typer.Option("--link", help="Link the log's finished files instead of copying them (same file system).")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Copy all that cannot be made anew into a new folder, also while a server runs."""
    from waypost.app import backups

    backups.run_backup(dest, home=home, link=link, as_json=as_json)


@commands.command()
def restore(
    source: Annotated[Path, typer.Argument(parser=parse_folder, metavar="FROM", help="A backup.")],
    sample: Sample = 200,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Bring a backup back into a new home: checked first, then copied, made whole, and verified."""
    from waypost.app import backups

    raise typer.Exit(backups.run_restore(source, home=home, sample=sample, as_json=as_json))


@commands.command()
def verify(
    path: Annotated[
        Path | None,
        typer.Argument(parser=parse_folder, metavar="[PATH]", help="A home or a backup.", show_default=False),
    ] = None,
    sample: Sample = 200,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Read a home or a backup from end to end and say what is wrong; nothing is changed."""
    from waypost.app import backups

    raise typer.Exit(backups.run_verify(path, home=home, sample=sample, as_json=as_json))


@seal.command("list")
def list_seals(as_json: Json = False, home: Home = None) -> None:
    """List the keys by number and fingerprint, and how much lies under each."""
    from waypost.app import sealkeys

    sealkeys.list_seals(home=home, as_json=as_json)


@seal.command("rotate")
def rotate_seal(
    reseals: Annotated[
        bool, typer.Option("--reseal", help="Bring what lies under older keys under it; no server may run.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Make a new key for what is sealed from now on. What lies under older ones stays readable."""
    from waypost.app import sealkeys

    sealkeys.rotate_seal(home=home, reseals=reseals, as_json=as_json)


@seal.command("drop")
def drop_seal(
    number: Annotated[int, typer.Argument(metavar="KEY", help="Its number, as `seal list` shows it.")],
    with_rows: Annotated[
        bool, typer.Option("--with-rows", help="Remove what lies under it too: of a key that is lost for good.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Let go of a key that nothing lies under any more; no server may run."""
    from waypost.app import sealkeys

    sealkeys.drop_seal(number, home=home, with_rows=with_rows, as_json=as_json)
