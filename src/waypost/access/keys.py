"""API keys and the sessions of the consoles: who may write and who may see the operator's part."""

import hashlib
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select

from waypost.access.records import keys, parties, sessions
from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput, NotFound
from waypost.model.parties import PartyKind
from waypost.store.protocols import Records

SESSION_MS = 12 * 60 * 60 * 1000
_PREFIX = "wp_"
_LONGEST = 400


class Role(StrEnum):
    """What a key is good for."""

    OPERATOR = "operator"  #: everything
    CARRIER = "carrier"  #: send scans
    MERCHANT = "merchant"  #: ship, for one merchant


class Key(msgspec.Struct, frozen=True):
    """A key without its secret.

    Attributes:
        carriers: those that it may speak for, none meaning all.
        party: whose it is; merchants' keys have one.
        ends_ms: from then on it opens nothing.
    """

    id: str
    role: Role
    name: str
    carriers: tuple[str, ...] = ()
    party: str | None = None
    ends_ms: int | None = None


class Keys:
    """The keys in `Records`. `token` gives some bytes that nobody can guess; this room has no randomness of its own."""

    def __init__(self, records: Records, token: Callable[[int], bytes]) -> None:
        self._records = records
        self._token = token

    def make(
        self,
        role: Role,
        name: str,
        now_ms: int,
        carriers: Sequence[str] = (),
        *,
        party: str | None = None,
        ends_ms: int | None = None,
    ) -> str:
        """A new key. What is returned is the only copy of the secret.

        Args:
            role: what it is good for.
            name: for people.
            now_ms: the present.
            carriers: codes of those that a carrier's key may speak for; none for all.
            party: whose it is; a merchant's key has one, and no other has.
            ends_ms: from then on it opens nothing; None: it works until it is withdrawn.

        Raises:
            BadInput: more than fit, no code, carriers of a key that is no carrier's, or a merchant's without a party.
            NotFound: there is no such party.
        """
        bound = ",".join(dict.fromkeys(carriers))
        if strange := [code for code in carriers if not CARRIER_CODE.fullmatch(code)]:
            raise BadInput(f"{strange[0][:40]!r} is no carrier code", mend="Up to 32 of a-z, 0-9, _ and -.")
        if carriers and role is not Role.CARRIER:
            raise BadInput(f"a key with the role {role.value} speaks for every carrier", mend="Leave the carriers out.")
        if (party is None) is (role is Role.MERCHANT):
            wrong = "needs a party" if party is None else "has no party"
            raise BadInput(f"a key with the role {role.value} {wrong}", mend="Merchants' keys have one, and no others.")
        if ends_ms is not None and ends_ms <= now_ms:
            raise BadInput("the key would have ended already", mend="Name an end that lies ahead.")
        if len(bound) > _LONGEST:
            raise BadInput(f"{len(carriers)} carriers are more than fit", mend="Make several keys.")
        secret = _PREFIX + self._token(24).hex()
        with self._records.begin() as connection:
            if party is not None:
                _see_merchant(connection, party)
            row = {"id": secret[3:11], "digest": _digest(secret), "role": role.value, "name": name, "made_ms": now_ms}
            connection.execute(
                insert(keys).values(row | {"carriers": bound or None, "party_id": party, "ends_ms": ends_ms})
            )
        return secret

    def any(self, role: Role) -> bool:
        """Whether there is a key with that role; the first start makes an operator's if not."""
        with self._records.read() as connection:
            return bool(connection.execute(select(func.count()).where(keys.c.role == role.value)).scalar_one())

    def find(self, secret: str, now_ms: int) -> Key | None:
        """The key with that secret, if it has not ended."""
        with self._records.read() as connection:
            return _find(connection, _with_secret(secret), now_ms)

    def list_all(self) -> list[tuple[Key, int]]:
        """All keys without their secrets, each with the instant at which it was made (UTC milliseconds)."""
        with self._records.read() as connection:
            rows = connection.execute(select(keys).order_by(keys.c.made_ms, keys.c.id))
            return [(_key(row), row.made_ms) for row in rows]

    def withdraw(self, key_id: str) -> bool:
        """Forget a key and the sessions that were opened with it; False if there is none of that id."""
        with self._records.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.key_id == key_id))
            return bool(connection.execute(delete(keys).where(keys.c.id == key_id)).rowcount)

    def open_session(self, secret: str, now_ms: int, role: Role = Role.OPERATOR) -> tuple[Key, str | None] | None:
        """The key, and a token for the browser that knows it if it has the role; None if there is no such key."""
        with self._records.begin() as connection:  # one transaction, or the key might be withdrawn in between
            key = _find(connection, _with_secret(secret), now_ms)
            if key is None:
                return None
            if key.role is not role:
                return key, None
            token = self._token(32).hex()
            connection.execute(delete(sessions).where(sessions.c.ends_ms < now_ms))
            row = {"digest": _digest(token), "key_id": key.id, "ends_ms": now_ms + SESSION_MS}
            connection.execute(insert(sessions).values(row))
            return key, token

    def find_session(self, token: str, now_ms: int) -> Key | None:
        """The key behind a browser's token, while it lasts."""
        joined = select(keys).join(sessions, sessions.c.key_id == keys.c.id)
        with self._records.read() as connection:
            lasting = joined.where(sessions.c.digest == _digest(token), sessions.c.ends_ms >= now_ms)
            return _find(connection, lasting, now_ms)

    def close_session(self, token: str) -> None:
        """Forget a browser's token."""
        with self._records.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == _digest(token)))


def _with_secret(secret: str) -> Select[Any]:
    return select(keys).where(keys.c.digest == _digest(secret))


def _find(connection: Connection, statement: Select[Any], now_ms: int) -> Key | None:
    lasting = statement.where(or_(keys.c.ends_ms.is_(None), keys.c.ends_ms > now_ms))
    row = connection.execute(lasting).first()
    return None if row is None else _key(row)


def _see_merchant(connection: Connection, party: str) -> None:
    asked = select(parties.c.kind).where(parties.c.id == party, parties.c.ended_ms.is_(None))
    if connection.execute(asked).scalar_one_or_none() != PartyKind.MERCHANT:
        raise NotFound(f"no merchant has the id {party[:40]!r}", mend="`waypost admin party list` shows them.")


def _key(row: Row[Any]) -> Key:
    carriers = tuple(row.carriers.split(",")) if row.carriers else ()
    return Key(row.id, Role(row.role), row.name, carriers, row.party_id, row.ends_ms)


def _digest(secret: str) -> str:
    """Secrets are random and long, so a plain digest is as good as a slow one."""
    return hashlib.sha256(secret.encode()).hexdigest()
