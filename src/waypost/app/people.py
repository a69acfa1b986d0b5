"""`waypost admin person add | list | invite | password | end`: they work beside a running server too."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from waypost.access.keys import PERSON
from waypost.access.people import People, check_password
from waypost.access.sessions import Person
from waypost.app.console import aside, legible, line, out
from waypost.app.keyring import check_carriers, read_role
from waypost.app.records import records_of
from waypost.app.seals import Seals
from waypost.app.settings import Settings
from waypost.app.wiring import join_people, now_ms
from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import format_known, format_utc
from waypost.web.openid import subject_of


class Told(msgspec.Struct, frozen=True):
    """What a command says of somebody new."""

    login: str
    name: str
    roles: list[str]
    carriers: list[str]
    party: str | None
    subject: str | None = None


def add_person(told: Told, *, asks: bool, home: Path | None, as_json: bool) -> None:
    """Let somebody in, and print the link by which they choose a password; or take the password here."""
    roles = [read_role(each) for each in told.roles]
    password = _read_password() if asks else None
    with _people(home, make=True) as (settings, people):
        check_carriers(settings, told.carriers)
        if password is not None:
            check_password(password, told.login)  # or there would be somebody without one
        name = told.name or told.login
        subject = None if told.subject is None else _subject(settings, told.subject)
        given = (told.login, name, roles, now_ms(), told.carriers)
        person = people.add(*given, party=told.party, subject=subject, again=True)
        link = None
        if password is not None:
            people.set_password(person.id, password, now_ms())
        elif subject is None:
            link = _link(settings, people, person)
    if as_json:
        out(_shown(person) | {"link": link})
    elif link is None:
        print(person.id)
    else:
        _tell_link(settings, link)


def list_people(*, home: Path | None, as_json: bool) -> None:
    """Print who is let in, and who is no more."""
    with _people(home) as (_, people):
        listed = people.list_all()
    if as_json:
        out([_shown(each) for each in listed])
        return
    for person in listed:
        whose = f"  for {person.party}" if person.party else f"  for {', '.join(person.carriers)}"
        whose = whose if person.party or person.carriers else ""
        whose += f"  ended {format_utc(person.ended_ms)}" if person.ended_ms else ""
        whose += "" if person.has_password or person.ended_ms else "  no password yet"
        names = f"{legible(person.login) or '(forgotten)'}  {legible(person.name)}"
        print(f"{person.id}  {','.join(person.roles):17} {format_utc(person.made_ms)}  {names}{whose}")


def invite_person(who: str, *, home: Path | None, as_json: bool) -> None:
    """Print a link by which somebody chooses a password."""
    with _people(home) as (settings, people):
        person = _find(people, who)
        link = _link(settings, people, person)
    if as_json:
        out({"id": person.id, "link": link})
    else:
        _tell_link(settings, link)


def give_password(who: str, *, home: Path | None, as_json: bool) -> None:
    """Give somebody a password."""
    with _people(home) as (_, people):
        person = _find(people, who)
    password = _read_password()  # nobody holds the home while somebody types
    with _people(home) as (_, people):
        people.set_password(person.id, password, now_ms())
    if as_json:
        out({"id": person.id, "password": "changed"})
    else:
        print(f"changed: the password of {person.id}")


def end_person(who: str, *, forget: bool, home: Path | None, as_json: bool) -> None:
    """Let somebody in no more."""
    with _people(home) as (_, people):
        id_ = who if who.startswith(PERSON) else _find(people, who).id
        ended = people.end(id_, now_ms(), forget=forget)
    if as_json:
        out({"ended": id_, "sessions": ended, "forgotten": forget})
    else:
        print(f"ended: {legible(id_)}, with {ended} sessions")


@contextmanager
def _people(home: Path | None, *, make: bool = False) -> Iterator[tuple[Settings, People]]:
    with records_of(home, make=make) as (settings, records):
        yield settings, join_people(settings, records, Seals(settings.home, records))[0]


def _subject(settings: Settings, subject: str) -> str:
    if settings.login.openid is None:
        raise BadInput(
            "no OpenID provider is set", mend="Write [login.openid] into the settings, or leave --openid out."
        )
    return subject_of(settings.login.openid.issuer, subject)


def _find(people: People, who: str) -> Person:
    person = people.get(who) if who.startswith(PERSON) else people.find_login(who)
    if person is None:
        raise NotFound(f"nobody has the login {who[:80]!r}", mend="`waypost admin person list` shows them.")
    return person


def _link(settings: Settings, people: People, person: Person) -> str:
    token = people.invite(person.id, now_ms(), round(settings.login.invitation_hours * 3_600_000))
    return f"{settings.site.url.rstrip('/')}/welcome/{token}"


def _tell_link(settings: Settings, link: str) -> None:
    print(link)
    if not settings.site.url:
        aside.print(line("Put the address of the server in front; [site] url in the settings does."), soft_wrap=True)
    hours = f"{settings.login.invitation_hours:g}"
    aside.print(line(f"It is good for once, within {hours} hours: hand it to that person alone."), soft_wrap=True)


def _read_password() -> str:
    """A password that is asked for twice at a terminal, else the first line of standard input; never an argument."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
        if not password:
            raise BadInput("there is no password on standard input", mend="Write one line to it.")
        return password
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise BadInput("these are two passwords", mend="Type the same one twice.")
    return password


def _shown(person: Person) -> dict[str, object]:
    return {
        "id": person.id,
        "login": person.login,
        "name": person.name,
        "roles": [each.value for each in person.roles],
        "carriers": list(person.carriers),
        "party": person.party,
        "has_password": person.has_password,
        "made": format_utc(person.made_ms),
        "ended": format_known(person.ended_ms),
    }
