"""Commands of who lets others in: keys, parties, people, their mail, and who did what."""

from typing import Annotated

import typer

from waypost.app.commands.options import Home, Json

commands = typer.Typer()
party = typer.Typer(help="Who takes part in the network.", no_args_is_help=True)
commands.add_typer(party, name="party")
person = typer.Typer(help="People who log in to the pages.", no_args_is_help=True)
commands.add_typer(person, name="person")
mail = typer.Typer(help="Mail to consignees.", no_args_is_help=True)
commands.add_typer(mail, name="mail")


@commands.command("make-key")
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


@commands.command("list-keys")
def list_keys(as_json: Json = False, home: Home = None) -> None:
    """List the keys, without their secrets."""
    from waypost.app import keyring

    keyring.list_keys(home=home, as_json=as_json)


@commands.command("rotate-key")
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


@commands.command("withdraw-key")
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


@commands.command("audit")
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
