"""The command line. Every command has `--json`; errors say what, where and how to mend.

An error goes to stderr, or with `--json` as a document to stdout, whichever command it is and whatever went wrong.

Exit codes: 0 done; 1 not found, or a check that failed; 2 the call or the input was wrong; 3 a machine under us failed;
130 interrupted.
"""

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from waypost.app.backtests import backtest
from waypost.app.forecasting import forecast
from waypost.app.merchants import add_commands
from waypost.model.errors import BadInput, NotFound, StoreError, WaypostError

cli = typer.Typer(
    name="waypost",
    help="An open logistics network: every scan of every parcel, kept, folded and shown.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
admin = typer.Typer(help="Look after a Waypost.", no_args_is_help=True)
seal = typer.Typer(help="Look after the keys under which what is personal is kept.", no_args_is_help=True)
pool = typer.Typer(help="Ranges of waybill numbers, for carriers that are not asked for them.", no_args_is_help=True)
party = typer.Typer(help="Who takes part in the network.", no_args_is_help=True)
cli.add_typer(admin, name="admin")
admin.add_typer(seal, name="seal")
person = typer.Typer(help="People who log in to the pages.", no_args_is_help=True)
admin.add_typer(person, name="person")
admin.add_typer(party, name="party")
admin.add_typer(pool, name="pool")
mail = typer.Typer(help="Mail to consignees.", no_args_is_help=True)
admin.add_typer(mail, name="mail")
carriers = typer.Typer(
    help="Carriers: what they can be asked, strict fakes of them, and the exam of an adapter.", no_args_is_help=True
)
cli.add_typer(carriers, name="carriers")
rates = typer.Typer(help="Rate cards: what each account pays for a service.", no_args_is_help=True)
cli.add_typer(rates, name="rates")
audit = typer.Typer(help="Hold what carriers bill against what was agreed.", no_args_is_help=True)
cli.add_typer(audit, name="audit")
sorting = typer.Typer(help="Sort codes: what is known of where parcels go.", no_args_is_help=True)
cli.add_typer(sorting, name="sorting")
cli.add_typer(backtest, name="backtest")
cli.add_typer(forecast, name="forecast")


def _parse_folder(text: str) -> Path:
    if not text:  # Path("") would be the folder that one stands in
        raise typer.BadParameter("the name of the folder is empty")
    return Path(text)


Home = Annotated[
    Path | None,
    typer.Option(
        "--home", parser=_parse_folder, metavar="PATH", help="The folder that holds all state (default: $WAYPOST_HOME)."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
Port = Annotated[int | None, typer.Option("--port", help="The port to listen on; 0 takes a free one.")]
Host = Annotated[str | None, typer.Option("--host", help="The address to listen on (default: loopback).")]

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
        if numbers:
            raise typer.BadParameter("--jsonl reads standard input: name no number or file beside it")
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
    """Show where parcels are, and their scans: of each parcel the newest 500."""
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


@cli.command()
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


@admin.command("make-key")
def make_key(
    name: Annotated[str, typer.Argument(help="What the key is for, for people.")],
    role: Annotated[str, typer.Option(help="operator: everything; carrier: send scans; merchant: ship.")] = "operator",
    carrier: Annotated[
        list[str] | None, typer.Option(help="A carrier that it may speak for; again for another. All without it.")
    ] = None,
    party: Annotated[str | None, typer.Option(metavar="ID", help="The merchant whose key it is.")] = None,
    days: Annotated[float | None, typer.Option(min=0.01, max=36_525, help="It ends after so many.")] = None,
    scope: Annotated[
        str, typer.Option(help="full; read: look only; orders: a merchant's orders, papers and quotes.")
    ] = "full",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Make a key for the API and the operator's pages. It is shown once."""
    from waypost.app import keyring

    keyring.make_key(name, role, carrier or [], party, days, scope, home=home, as_json=as_json)


@admin.command("list-keys")
def list_keys(as_json: Json = False, home: Home = None) -> None:
    """List the keys, without their secrets."""
    from waypost.app import keyring

    keyring.list_keys(home=home, as_json=as_json)


@admin.command("rotate-key")
def rotate_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As list-keys shows it.")],
    overlap: Annotated[
        float,
        typer.Option("--overlap-hours", min=0, max=8760, help="So long the secret so far works too; 0: it was stolen."),
    ] = 24,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Give a key a new secret, which is shown once. Its id, role and name stay."""
    from waypost.app import keyring

    keyring.rotate_key(key_id, overlap, home=home, as_json=as_json)


@admin.command("withdraw-key")
def withdraw_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As list-keys shows it.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Withdraw a key, and end the sessions that were opened with it."""
    from waypost.app import keyring

    keyring.withdraw_key(key_id, home=home, as_json=as_json)


@party.command("add")
def add_party(
    name: Annotated[str, typer.Argument(help="As people call it; given once.")],
    kind: Annotated[str, typer.Option(help="merchant, carrier, operator or consignee.")] = "merchant",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take a party into the network; prints its id."""
    from waypost.app import keyring

    keyring.add_party(name, kind, home=home, as_json=as_json)


@party.command("list")
def list_parties(as_json: Json = False, home: Home = None) -> None:
    """List who takes part."""
    from waypost.app import keyring

    keyring.list_parties(home=home, as_json=as_json)


@party.command("end")
def end_party(
    party_id: Annotated[str, typer.Argument(metavar="ID", help="As list shows it.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Let a party take part no more. Its keys end; what it shipped stays."""
    from waypost.app import keyring

    keyring.end_party(party_id, home=home, as_json=as_json)


@party.command("mail")
def switch_mail(
    party_id: Annotated[str, typer.Argument(metavar="ID", help="The merchant, as list shows it.")],
    is_on: Annotated[bool | None, typer.Option("--on/--off", help="All milestones, or none.")] = None,
    milestone: Annotated[
        list[str] | None, typer.Option(help="Tell of this milestone; again for another. Of no others then.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Have the consignees of a merchant told by mail, or not; without an option, show it."""
    from waypost.app import mails

    mails.switch_mail(party_id, milestone or [], is_on=is_on, home=home, as_json=as_json)


MailLanguage = Annotated[str, typer.Option("--language", help="en, zh, es or pt.")]
Milestone = Annotated[str, typer.Option(help="accepted, out_for_delivery, exception, ready_to_collect or delivered.")]


@mail.command("preview")
def preview_mail(
    language: MailLanguage = "en",
    milestone: Milestone = "delivered",
    in_html: Annotated[bool, typer.Option("--html", help="Print the page instead of the text.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Print a mail about a parcel that is made up, as the settings have it written. Nothing is sent."""
    from waypost.app import mails

    mails.preview_mail(language, milestone, in_html=in_html, home=home, as_json=as_json)


@mail.command("test")
def try_mail(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to.")],
    language: MailLanguage = "en",
    milestone: Milestone = "delivered",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Send such a mail by the mail server of the settings. Exit code 1 if it does not take it."""
    from waypost.app import mails

    raise typer.Exit(mails.send_test(address, language, milestone, home=home, as_json=as_json))


@mail.command("notices")
def list_notices(
    state: Annotated[str | None, typer.Option(help="waiting, sent, dead or overtaken.")] = None,
    party_id: Annotated[str | None, typer.Option("--party", metavar="ID", help="Those of this merchant.")] = None,
    after: Annotated[str | None, typer.Option(metavar="CURSOR", help="Go on behind the page before.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many.")] = 50,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List what consignees were told and are to be told, newest first, with masked addresses."""
    from waypost.app import mails

    mails.list_notices(state, party_id, after, limit, home=home, as_json=as_json)


Person = Annotated[str, typer.Argument(metavar="PERSON", help="Their login, or their id as list shows it.")]
Asks = Annotated[
    bool, typer.Option("--password", help="Ask for a password here, or read it from standard input, and make no link.")
]


@person.command("add")
def add_person(
    login: Annotated[str, typer.Argument(help="By which they log in: an e-mail address or another name.")],
    name: Annotated[str, typer.Option(help="As people call them; the login without it.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="operator, carrier or merchant; again for another.")] = None,
    carrier: Annotated[
        list[str] | None, typer.Option(help="One that somebody with the role carrier may speak for; all without it.")
    ] = None,
    party: Annotated[str | None, typer.Option(metavar="ID", help="The merchant that they belong to.")] = None,
    subject: Annotated[
        str | None, typer.Option("--openid", metavar="SUB", help="What the OpenID provider calls them; makes no link.")
    ] = None,
    password: Asks = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Let somebody in. Prints a link by which they choose a password, good for once."""
    from waypost.app import people

    told = people.Told(login, name, role or ["operator"], carrier or [], party, subject)
    people.add_person(told, asks=password, home=home, as_json=as_json)


@person.command("list")
def list_people(as_json: Json = False, home: Home = None) -> None:
    """List who is let in, and who is no more."""
    from waypost.app import people

    people.list_people(home=home, as_json=as_json)


@person.command("invite")
def invite_person(who: Person, as_json: Json = False, home: Home = None) -> None:
    """Make a link by which somebody who has lost the password chooses another, good for once."""
    from waypost.app import people

    people.invite_person(who, home=home, as_json=as_json)


@person.command("password")
def give_password(who: Person, as_json: Json = False, home: Home = None) -> None:
    """Give somebody a password, which is asked for or read from standard input. Their sessions end."""
    from waypost.app import people

    people.give_password(who, home=home, as_json=as_json)


@person.command("end")
def end_person(
    who: Person,
    forget: Annotated[bool, typer.Option("--forget", help="Remove login and name too.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Let somebody in no more. Their sessions end; what they did stays in the audit trail, under their id."""
    from waypost.app import people

    people.end_person(who, forget=forget, home=home, as_json=as_json)


@admin.command("audit")
def show_audit(
    who: Annotated[str | None, typer.Option(help="What one did: key:ID, person:ID, command, waypost, unknown.")] = None,
    what: Annotated[str | None, typer.Option(help="One deed, as key.made; all of a kind, as key.")] = None,
    of: Annotated[str | None, typer.Option(metavar="ID", help="What was done to one thing.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339; from then on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339; before then.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=100_000, help="So many at most, the newest.")] = 100,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show who did what to what, and when; the newest first."""
    from waypost.app import audit_trail

    audit_trail.show(who, what, of, since, until, most, home=home, as_json=as_json)


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


@admin.command("forget-pushes")
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


@admin.command("export-person")
def export_person(
    to: Annotated[Path, typer.Argument(parser=_parse_folder, metavar="DEST", help="A new folder.")],
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


@admin.command("erase-person")
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


@admin.command("list-erased")
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


@admin.command()
def backup(
    dest: Annotated[Path, typer.Argument(parser=_parse_folder, metavar="DEST", help="A new folder.")],
    link: Annotated[
        bool, typer.Option("--link", help="Link the log's finished files instead of copying them (same file system).")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Copy all that cannot be made anew into a new folder, also while a server runs."""
    from waypost.app import backups

    backups.run_backup(dest, home=home, link=link, as_json=as_json)


@admin.command()
def restore(
    source: Annotated[Path, typer.Argument(parser=_parse_folder, metavar="FROM", help="A backup.")],
    sample: Sample = 200,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Bring a backup back into a new home: checked first, then copied, made whole, and verified."""
    from waypost.app import backups

    raise typer.Exit(backups.run_restore(source, home=home, sample=sample, as_json=as_json))


@admin.command()
def verify(
    path: Annotated[
        Path | None,
        typer.Argument(parser=_parse_folder, metavar="[PATH]", help="A home or a backup.", show_default=False),
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


add_commands(cli)
