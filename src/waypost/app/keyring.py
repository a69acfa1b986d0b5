"""`waypost admin make-key | list-keys | withdraw-key`: they work beside a running server too."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from waypost.access.keys import Keys, Role
from waypost.app.console import legible, out, tell_cut
from waypost.app.settings import read_settings
from waypost.app.wiring import now_ms, open_house
from waypost.engines.local.formats import read_formats
from waypost.engines.local.home import open_records
from waypost.model.errors import BadInput, HomeInUse, NotFound
from waypost.model.instants import format_utc


@contextmanager
def _keys(home: Path | None, *, make: bool = False) -> Iterator[Keys]:
    """The keys of a home, whether a server runs over it or not; `make` a home if there is none."""
    settings = read_settings(home=home)
    if not make and not read_formats(settings.home):
        raise NotFound(f"nothing is kept in {settings.home}", mend="Name the folder by --home.")
    try:
        with open_house(settings) as house:
            tell_cut(house.home.health().cut)
            yield house.keys
    except HomeInUse:
        records = open_records(settings.home)
        try:
            yield Keys(records, secrets.token_bytes)
        finally:
            records.close()


def make_key(name: str, role: str, carriers: Sequence[str] = (), *, home: Path | None, as_json: bool) -> None:
    """Make a key and print it."""
    try:
        kind = Role(role)
    except ValueError:
        raise BadInput(f"unknown role {role[:40]!r}", mend=f"Roles: {', '.join(Role)}.") from None
    if not name.strip() or legible(name) != name:
        raise BadInput(f"{name[:80]!r} is no name of a key", mend="Give one of plain text, without control characters.")
    with _keys(home, make=True) as keys:
        secret = keys.make(kind, name[:80], now_ms(), carriers)
    if as_json:
        out({"key": secret, "role": kind.value, "name": name[:80], "carriers": list(carriers)})
    else:
        print(secret)


def list_keys(*, home: Path | None, as_json: bool) -> None:
    """Print the keys, without their secrets."""
    with _keys(home) as keys:
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
                }
                for key, made in listed
            ]
        )
        return
    for key, made in listed:
        whose = f"  for {', '.join(key.carriers) or 'all carriers'}" if key.role is Role.CARRIER else ""
        print(f"{key.id}  {key.role.value:9} {format_utc(made)}  {legible(key.name)}{whose}")


def withdraw_key(key_id: str, *, home: Path | None, as_json: bool) -> None:
    """Withdraw a key."""
    with _keys(home) as keys:
        if not keys.withdraw(key_id):
            raise NotFound(f"no key has the id {key_id[:40]!r}", mend="`waypost admin list-keys` shows them.")
    if as_json:
        out({"withdrawn": key_id})
    else:
        print(f"withdrawn: {legible(key_id)}")
