"""API keys, and the sessions that browsers open with them: who may write and who may see the operator's part."""

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, update

from waypost.access.records import keys, parties, sessions
from waypost.access.trail import COMMAND, Trail
from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.model.instants import format_utc
from waypost.model.parties import PartyKind
from waypost.store.protocols import Records

SESSION_MS = 12 * 60 * 60 * 1000
#: With this the ids of people begin; those of keys are hexadecimal.
PERSON = "per_"
_PREFIX = "wp_"
_LONGEST = 400


class Role(StrEnum):
    """What a key is good for."""

    OPERATOR = "operator"  #: everything
    CARRIER = "carrier"  #: send scans
    MERCHANT = "merchant"  #: ship, for one merchant


class Scope(StrEnum):
    """How much of what its role may do a key is good for. One that is not `full` opens no pages."""

    FULL = "full"  #: all of it
    READ = "read"  #: look, and change nothing
    ORDERS = "orders"  #: merchants' orders with their papers, and quotes; no webhooks


#: Scopes that a key of each role may have.
SCOPES = {
    Role.OPERATOR: (Scope.FULL, Scope.READ),
    Role.CARRIER: (Scope.FULL,),
    Role.MERCHANT: (Scope.FULL, Scope.READ, Scope.ORDERS),
}


class Key(msgspec.Struct, frozen=True):
    """A key without its secret; or what a person who has logged in may do in one of its roles.

    Attributes:
        id: of the key, or of the person.
        carriers: those that it may speak for, none meaning all.
        party: whose it is; merchants' keys have one.
        ends_ms: from then on it opens nothing.
        scope: how much of that it may.
    """

    id: str
    role: Role
    name: str
    carriers: tuple[str, ...] = ()
    party: str | None = None
    ends_ms: int | None = None
    scope: Scope = Scope.FULL

    @property
    def is_person(self) -> bool:
        """Whether somebody has logged in, rather than shown a key."""
        return self.id.startswith(PERSON)

    @property
    def who(self) -> str:
        """As the audit trail has it."""
        return f"{'person' if self.is_person else 'key'}:{self.id}"


class Listed(msgspec.Struct, frozen=True):
    """A key as it stands in the list.

    Attributes:
        made_ms: when it was made, UTC milliseconds.
        used_day: when it was used last, as 2026-11-23 in UTC; None if it never was.
        old_ends_ms: until then the secret before works too; None if there is none.
    """

    key: Key
    made_ms: int
    used_day: str | None
    old_ends_ms: int | None


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
        scope: Scope = Scope.FULL,
        by: str = COMMAND,
    ) -> str:
        """A new key. What is returned is the only copy of the secret.

        Args:
            role: what it is good for.
            name: for people.
            now_ms: the present.
            carriers: codes of those that a carrier's key may speak for; none for all.
            party: whose it is; a merchant's key has one, and no other has.
            ends_ms: from then on it opens nothing; None: it works until it is withdrawn.
            scope: how much of what its role may do it is good for.
            by: who makes it, as in the audit trail.

        Raises:
            BadInput: more than fit, no code, carriers of a key that is no carrier's, a merchant's without a party, or
                a scope that does not go with the role.
            NotFound: there is no such party.
        """
        bound = join_carriers(carriers)
        if carriers and role is not Role.CARRIER:
            raise BadInput(f"a key with the role {role.value} speaks for every carrier", mend="Leave the carriers out.")
        if (party is None) is (role is Role.MERCHANT):
            wrong = "needs a party" if party is None else "has no party"
            raise BadInput(f"a key with the role {role.value} {wrong}", mend="Merchants' keys have one, and no others.")
        if scope not in SCOPES[role]:
            mend = f"Scopes of {role.value}: {', '.join(SCOPES[role])}."
            raise BadInput(f"a key with the role {role.value} has not the scope {scope.value}", mend=mend)
        if ends_ms is not None and ends_ms <= now_ms:
            raise BadInput("the key would have ended already", mend="Name an end that lies ahead.")
        secret = _PREFIX + self._token(24).hex()
        with self._records.begin() as connection:
            if party is not None:
                see_merchant(connection, party)
            row = {"id": secret[3:11], "digest": _digest(secret), "role": role.value, "name": name, "made_ms": now_ms}
            more = {"carriers": bound or None, "party_id": party, "ends_ms": ends_ms, "scope": scope.value}
            connection.execute(insert(keys).values(row | more))
            Trail.write(connection, by, "key.made", secret[3:11], now_ms, role=role.value, scope=scope.value)
        return secret

    def any(self, role: Role) -> bool:
        """Whether there is a key with that role; the first start makes an operator's if not."""
        with self._records.read() as connection:
            return bool(connection.execute(select(func.count()).where(keys.c.role == role.value)).scalar_one())

    def find(self, secret: str, now_ms: int) -> Key | None:
        """The key with that secret, if it has not ended. It is used by that, which is written down by day."""
        with self._records.read() as connection:
            row = _find(connection, _with_secret(secret, now_ms), now_ms)
        if row is None:
            return None
        today = _day(now_ms)
        if row.used_day != today:
            with self._records.begin() as connection:
                connection.execute(update(keys).where(keys.c.id == row.id).values(used_day=today))
        return _key(row)

    def list_names(self, ids: Collection[str]) -> dict[str, str]:
        """What some are called, by their ids; also those that have ended."""
        with self._records.read() as connection:
            rows = connection.execute(select(keys.c.id, keys.c.name).where(keys.c.id.in_(ids)))
            return {row.id: row.name for row in rows}

    def list_all(self) -> list[Listed]:
        """All keys without their secrets, in the order in which they were made."""
        with self._records.read() as connection:
            rows = connection.execute(select(keys).order_by(keys.c.made_ms, keys.c.id))
            return [Listed(_key(row), row.made_ms, row.used_day, row.old_ends_ms) for row in rows]

    def rotate(self, key_id: str, now_ms: int, overlap_ms: int, *, by: str = COMMAND) -> str:
        """Give a key a new secret, the only copy of which is returned.

        The secret so far works for `overlap_ms` more. Without an overlap every other secret ends at once, with the
        sessions that were opened with the key.

        Raises:
            NotFound: there is no such key, or it has ended.
            Conflict: another secret still has the overlap that it was promised, and this one would have one too.
        """
        secret = f"{_PREFIX}{key_id}{self._token(20).hex()}"
        lasting = or_(keys.c.ends_ms.is_(None), keys.c.ends_ms > now_ms)
        values: dict[str, Any] = {"digest": _digest(secret), "old_digest": None, "old_ends_ms": None}
        if overlap_ms > 0:
            values |= {"old_digest": keys.c.digest, "old_ends_ms": now_ms + overlap_ms}
        with self._records.begin() as connection:
            found = connection.execute(select(keys.c.old_ends_ms).where(keys.c.id == key_id, lasting)).one_or_none()
            if found is None:
                mend = "`waypost admin list-keys` shows them."
                raise NotFound(f"no key that works has the id {key_id[:40]!r}", mend=mend)
            if overlap_ms > 0 and (found.old_ends_ms or 0) > now_ms:
                why = f"the secret before works until {format_utc(found.old_ends_ms)}, and two of them cannot"
                raise Conflict(why, mend="Rotate it then; or at once without an overlap, which ends both secrets.")
            connection.execute(update(keys).where(keys.c.id == key_id).values(values))
            if overlap_ms <= 0:
                connection.execute(delete(sessions).where(sessions.c.key_id == key_id))
            Trail.write(connection, by, "key.rotated", key_id, now_ms, overlap_s=str(max(overlap_ms, 0) // 1000))
        return secret

    def withdraw(self, key_id: str, now_ms: int, *, by: str = COMMAND) -> bool:
        """Forget a key and the sessions that were opened with it; False if there is none of that id."""
        with self._records.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.key_id == key_id))
            was = bool(connection.execute(delete(keys).where(keys.c.id == key_id)).rowcount)
            if was:
                Trail.write(connection, by, "key.withdrawn", key_id, now_ms)
        return was

    def open_session(self, secret: str, now_ms: int, role: Role = Role.OPERATOR) -> tuple[Key, str | None] | None:
        """The key, and a token for the browser that knows it if it has the role; None if there is no such key."""
        with self._records.begin() as connection:  # one transaction, or the key might be withdrawn in between
            row = _find(connection, _with_secret(secret, now_ms), now_ms)
            if row is None:
                return None
            key = _key(row)
            if key.role is not role or key.scope is not Scope.FULL:
                return key, None
            token = self._token(32).hex()
            connection.execute(delete(sessions).where(sessions.c.ends_ms < now_ms))
            opened = {"digest": _digest(token), "key_id": key.id, "ends_ms": now_ms + SESSION_MS}
            connection.execute(insert(sessions).values(opened))
            connection.execute(update(keys).where(keys.c.id == key.id).values(used_day=_day(now_ms)))
            Trail.write(connection, key.who, "key.logged_in", key.id, now_ms)
            return key, token

    def find_session(self, token: str, now_ms: int) -> Key | None:
        """The key behind a browser's token, while it lasts."""
        joined = select(keys).join(sessions, sessions.c.key_id == keys.c.id)
        with self._records.read() as connection:
            lasting = joined.where(sessions.c.digest == _digest(token), sessions.c.ends_ms >= now_ms)
            row = _find(connection, lasting, now_ms)
        return None if row is None else _key(row)

    def close_session(self, token: str) -> None:
        """Forget a browser's token."""
        with self._records.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == _digest(token)))


def _with_secret(secret: str, now_ms: int) -> Select[Any]:
    digest = _digest(secret)
    old = and_(keys.c.old_digest == digest, keys.c.old_ends_ms > now_ms)
    return select(keys).where(or_(keys.c.digest == digest, old))


def _find(connection: Connection, statement: Select[Any], now_ms: int) -> Row[Any] | None:
    return connection.execute(statement.where(or_(keys.c.ends_ms.is_(None), keys.c.ends_ms > now_ms))).first()


def _day(now_ms: int) -> str:
    return dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).date().isoformat()


def join_carriers(codes: Sequence[str]) -> str:
    """Codes of carriers as they are kept, each once.

    Raises:
        BadInput: one is none, or they are more than fit.
    """
    bound = ",".join(dict.fromkeys(codes))
    if strange := [code for code in codes if not CARRIER_CODE.fullmatch(code)]:
        raise BadInput(f"{strange[0][:40]!r} is no carrier code", mend="Up to 32 of a-z, 0-9, _ and -.")
    if len(bound) > _LONGEST:
        raise BadInput(f"{len(codes)} carriers are more than fit", mend="Make several keys.")
    return bound


def see_merchant(connection: Connection, party: str) -> None:
    """See that a merchant takes part.

    Raises:
        NotFound: there is none of that id, or none any more.
    """
    asked = select(parties.c.kind).where(parties.c.id == party, parties.c.ended_ms.is_(None))
    if connection.execute(asked).scalar_one_or_none() != PartyKind.MERCHANT:
        raise NotFound(f"no merchant has the id {party[:40]!r}", mend="`waypost admin party list` shows them.")


def _key(row: Row[Any]) -> Key:
    carriers = tuple(row.carriers.split(",")) if row.carriers else ()
    return Key(row.id, Role(row.role), row.name, carriers, row.party_id, row.ends_ms, Scope(row.scope))


def _digest(secret: str) -> str:
    """Secrets are random and long, so a plain digest is as good as a slow one."""
    return hashlib.sha256(secret.encode()).hexdigest()
