"""`waypost admin make-key | list-keys | withdraw-key`, and `party`: they work beside a running server too."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from waypost.access.keys import Keys, Role
from waypost.access.parties import Parties
from waypost.app.console import legible, out
from waypost.app.records import records_of
from waypost.app.wiring import now_ms
from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import DAY_MS, format_utc
from waypost.model.parties import PartyKind


@contextmanager
def _access(home: Path | None, *, make: bool = False) -> Iterator[tuple[Keys, Parties]]:
    """Keys and parties of a home, whether a server runs over it or not; `make` a home if there is none."""
    with records_of(home, make=make) as (_, records):
        yield Keys(records, secrets.token_bytes), Parties(records, secrets.token_bytes)


def make_key(
    name: str,
    role: str,
    carriers: Sequence[str] = (),
    party: str | None = None,
    days: float | None = None,
    *,
    home: Path | None,
    as_json: bool,
) -> None:
    """Make a key and print it."""
    try:
        kind = Role(role)
    except ValueError:
        raise BadInput(f"unknown role {role[:40]!r}", mend=f"Roles: {', '.join(Role)}.") from None
    if not name.strip() or legible(name) != name:
        raise BadInput(f"{name[:80]!r} is no name of a key", mend="Give one of plain text, without control characters.")
    ends_ms = None if days is None else now_ms() + round(days * DAY_MS)
    with _access(home, make=True) as (keys, _):
        secret = keys.make(kind, name[:80], now_ms(), carriers, party=party, ends_ms=ends_ms)
    if as_json:
        told = {"key": secret, "role": kind.value, "name": name[:80], "carriers": list(carriers), "party": party}
        out(told | {"ends": ends_ms and format_utc(ends_ms)})
    else:
        print(secret)


def list_keys(*, home: Path | None, as_json: bool) -> None:
    """Print the keys, without their secrets."""
    with _access(home) as (keys, _):
        listed = keys.list_all()
    if as_json:
        out(
            [
                {
                    "id": key.id,
                    "role": key.role.value,
                    "name": key.name,
                    "made": format_utc(made),
                    "carriers": list(key.carriers),
                    "party": key.party,
                    "ends": key.ends_ms and format_utc(key.ends_ms),
                }
                for key, made in listed
            ]
        )
        return
    for key, made in listed:
        whose = f"  for {', '.join(key.carriers) or 'all carriers'}" if key.role is Role.CARRIER else ""
        whose = f"  for {key.party}" if key.party else whose
        whose += f"  until {format_utc(key.ends_ms)}" if key.ends_ms else ""
        print(f"{key.id}  {key.role.value:9} {format_utc(made)}  {legible(key.name)}{whose}")


def withdraw_key(key_id: str, *, home: Path | None, as_json: bool) -> None:
    """Withdraw a key."""
    with _access(home) as (keys, _):
        if not keys.withdraw(key_id):
            raise NotFound(f"no key has the id {key_id[:40]!r}", mend="`waypost admin list-keys` shows them.")
    if as_json:
        out({"withdrawn": key_id})
    else:
        print(f"withdrawn: {legible(key_id)}")


def add_party(name: str, kind: str, *, home: Path | None, as_json: bool) -> None:
    """Take a party into the network and print its id."""
    try:
        known = PartyKind(kind)
    except ValueError:
        raise BadInput(f"unknown kind {kind[:40]!r}", mend=f"Kinds: {', '.join(PartyKind)}.") from None
    with _access(home, make=True) as (_, parties):
        party = parties.add(known, name, now_ms())
    if as_json:
        out(party)
    else:
        print(party.id)


def list_parties(*, home: Path | None, as_json: bool) -> None:
    """Print who takes part."""
    with _access(home) as (_, parties):
        listed = parties.list_all()
    if as_json:
        out(listed)
        return
    for party in listed:
        print(f"{party.id}  {party.kind.value:10} {legible(party.name)}")


def end_party(party: str, *, home: Path | None, as_json: bool) -> None:
    """Let a party take part no more."""
    with _access(home) as (_, parties):
        ended = parties.end(party, now_ms())
    if as_json:
        out({"ended": party, "keys": ended})
    else:
        print(f"ended: {legible(party)}, with {ended} keys")
