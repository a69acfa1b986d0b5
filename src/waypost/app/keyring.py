"""`waypost admin make-key | list-keys | rotate-key | withdraw-key`, and `party`: also beside a running server."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from waypost.access.keys import Keys, Role, Scope
from waypost.access.parties import Parties
from waypost.app.console import aside, legible, line, out
from waypost.app.records import records_of
from waypost.app.settings import Settings
from waypost.app.wiring import now_ms
from waypost.model.carriers import list_carriers
from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import DAY_MS, format_known, format_utc
from waypost.model.parties import PartyKind


@contextmanager
def _access(home: Path | None, *, make: bool = False) -> Iterator[tuple[Keys, Parties]]:
    """Keys and parties of a home, whether a server runs over it or not; `make` a home if there is none."""
    with records_of(home, make=make) as (_, records):
        yield Keys(records, secrets.token_bytes), Parties(records, secrets.token_bytes)


def read_role(text: str) -> Role:
    """A role as it is written.

    Raises:
        BadInput: there is none of that name.
    """
    try:
        return Role(text)
    except ValueError:
        raise BadInput(f"unknown role {text[:40]!r}", mend=f"Roles: {', '.join(Role)}.") from None


def check_carriers(settings: Settings, codes: Sequence[str]) -> None:
    """See that somebody is to speak for carriers that there are: known by name, or of the settings.

    Raises:
        BadInput: one is none.
    """
    own = {str(account.get("carrier", "")) for account in settings.accounts.values()} | settings.carriers.keys()
    known = {carrier.code for carrier in list_carriers()} | own - {""}
    for code in codes:
        if code not in known:
            mend = f"There are: {', '.join(sorted(known))}. Your own has a section [carriers.CODE] in the settings."
            raise BadInput(f"there is no carrier {code[:40]!r}", where="--carrier", mend=mend)


def make_key(
    name: str,
    role: str,
    carriers: Sequence[str] = (),
    party: str | None = None,
    days: float | None = None,
    scope: str = "full",
    *,
    home: Path | None,
    as_json: bool,
) -> None:
    """Make a key and print it."""
    kind = read_role(role)
    try:
        bounds = Scope(scope)
    except ValueError:
        raise BadInput(f"unknown scope {scope[:40]!r}", mend=f"Scopes: {', '.join(Scope)}.") from None
    if not name.strip() or legible(name) != name:
        raise BadInput(f"{name[:80]!r} is no name of a key", mend="Give one of plain text, without control characters.")
    ends_ms = None if days is None else now_ms() + round(days * DAY_MS)
    with records_of(home, make=True) as (settings, records):
        check_carriers(settings, carriers)
        keys = Keys(records, secrets.token_bytes)
        secret = keys.make(kind, name[:80], now_ms(), carriers, party=party, ends_ms=ends_ms, scope=bounds)
    if as_json:
        told = {"key": secret, "role": kind.value, "name": name[:80], "carriers": list(carriers), "party": party}
        out(told | {"ends": format_known(ends_ms), "scope": bounds.value})
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
                    "id": each.key.id,
                    "role": each.key.role.value,
                    "name": each.key.name,
                    "made": format_utc(each.made_ms),
                    "carriers": list(each.key.carriers),
                    "party": each.key.party,
                    "ends": format_known(each.key.ends_ms),
                    "scope": each.key.scope.value,
                    "last_used": each.used_day,
                    "old_secret_ends": format_known(each.old_ends_ms),
                }
                for each in listed
            ]
        )
        return
    for each in listed:
        key = each.key
        whose = f"  for {', '.join(key.carriers) or 'all carriers'}" if key.role is Role.CARRIER else ""
        whose = f"  for {key.party}" if key.party else whose
        whose += f"  until {format_utc(key.ends_ms)}" if key.ends_ms else ""
        whose += f"  {key.scope.value} only" if key.scope is not Scope.FULL else ""
        whose += f"  used {each.used_day}" if each.used_day else "  never used"
        if each.old_ends_ms and each.old_ends_ms > now_ms():
            whose += f"  old secret until {format_utc(each.old_ends_ms)}"
        print(f"{key.id}  {key.role.value:9} {format_utc(each.made_ms)}  {legible(key.name)}{whose}")


def rotate_key(key_id: str, overlap_hours: float, *, home: Path | None, as_json: bool) -> None:
    """Give a key a new secret and print it; the one so far works for some hours more."""
    overlap_ms = round(overlap_hours * 3_600_000)
    with _access(home) as (keys, _):
        at_ms = now_ms()
        secret = keys.rotate(key_id, at_ms, overlap_ms)
    if as_json:
        out({"id": key_id, "key": secret, "old_secret_ends": format_utc(at_ms + overlap_ms)})
        return
    print(secret)
    aside.print(line("The secret so far works until ", format_utc(at_ms + overlap_ms), "."), soft_wrap=True)


def withdraw_key(key_id: str, *, home: Path | None, as_json: bool) -> None:
    """Withdraw a key."""
    with _access(home) as (keys, _):
        if not keys.withdraw(key_id, now_ms()):
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
