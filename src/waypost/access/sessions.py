"""Sessions of people: one for each browser, which has a token that nobody can guess.

A session ends when it was not used for a while, and in any case some hours after it began.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, delete, insert, select, update
from sqlalchemy.engine import Connection, Row

from waypost.access.keys import Key, Role
from waypost.access.records import parties, people, person_sessions
from waypost.access.sealing import Seal
from waypost.access.trail import Trail
from waypost.model.decoding import decode
from waypost.model.errors import NotFound
from waypost.store.protocols import Records

#: That a session was used is written down no more often than this.
_NOTED_MS = 60_000
_LONGEST_BROWSER = 80


class Person(msgspec.Struct, frozen=True):
    """Somebody who logs in.

    Attributes:
        login: an e-mail address or another name, given once; empty if it cannot be read any more.
        name: as people call them.
        roles: what they come for.
        carriers: those that they may speak for as a carrier, none meaning all.
        party: the merchant that they belong to; merchants' people have one.
        has_password: else there was only an invitation so far, or another provider says who they are.
        ended_ms: since then they are let in no more.
    """

    id: str
    login: str
    name: str
    roles: tuple[Role, ...]
    carriers: tuple[str, ...] = ()
    party: str | None = None
    has_password: bool = False
    made_ms: int = 0
    ended_ms: int | None = None

    def in_role(self, role: Role) -> Key | None:
        """What they may do in a role, if it is one of theirs."""
        if role not in self.roles:
            return None
        carriers = self.carriers if role is Role.CARRIER else ()
        return Key(self.id, role, self.name or self.id, carriers, self.party if role is Role.MERCHANT else None)


class Words(msgspec.Struct, frozen=True):
    """What is sealed of a person."""

    login: str
    name: str


class Session(msgspec.Struct, frozen=True):
    """One that lasts. `browser` says roughly where it was opened."""

    id: str
    person: Person
    browser: str
    made_ms: int
    seen_ms: int
    ends_ms: int


class Sessions:
    """The sessions of people in `Records`.

    Args:
        idle_ms: one that was not used for so long ends. `lasting_ms`: after so long it ends anyhow.
    """

    def __init__(
        self,
        records: Records,
        seal: Callable[[], Seal],
        token: Callable[[int], bytes],
        *,
        idle_ms: int,
        lasting_ms: int,
    ) -> None:
        self._records = records
        self._seal = seal
        self._token = token
        self._idle_ms = idle_ms
        self.lasting_ms = lasting_ms

    def open(self, connection: Connection, person_id: str, browser: str, now_ms: int) -> str:
        """The token of a new one, in a transaction in which the person was seen to be let in."""
        connection.execute(delete(person_sessions).where(person_sessions.c.ends_ms < now_ms))
        token = self._token(32).hex()
        row = {
            "id": self._token(8).hex(),
            "digest": digest_of(token),
            "person_id": person_id,
            "browser": browser[:_LONGEST_BROWSER],
            "made_ms": now_ms,
            "seen_ms": now_ms,
            "ends_ms": now_ms + self.lasting_ms,
        }
        connection.execute(insert(person_sessions).values(row))
        return token

    def find(self, token: str, now_ms: int) -> Session | None:
        """The one with that token, while it lasts; it is used by that."""
        with self._records.read() as connection:
            row = connection.execute(_lasting(now_ms, self._idle_ms, _with_token(token))).first()
        if row is None:
            return None
        if now_ms - row.seen_ms >= _NOTED_MS:
            with self._records.begin() as connection:
                connection.execute(update(person_sessions).where(_with_token(token)).values(seen_ms=now_ms))
        return self._session(row)

    def list_of(self, person_id: str, now_ms: int) -> list[Session]:
        """Those of a person that last, the newest first."""
        asked = _lasting(now_ms, self._idle_ms, person_sessions.c.person_id == person_id)
        with self._records.read() as connection:
            rows = connection.execute(asked.order_by(person_sessions.c.made_ms.desc(), person_sessions.c.id)).all()
        return [self._session(row) for row in rows]

    def close(self, token: str, now_ms: int) -> None:
        """Log out."""
        with self._records.begin() as connection:
            row = connection.execute(select(person_sessions).where(_with_token(token))).first()
            if row is not None:
                connection.execute(delete(person_sessions).where(person_sessions.c.id == row.id))
                Trail.write(connection, f"person:{row.person_id}", "session.ended", row.id, now_ms)

    def end(self, person_id: str, id_: str, now_ms: int) -> None:
        """End one of a person's own.

        Raises:
            NotFound: they have none of that id.
        """
        mine = delete(person_sessions).where(person_sessions.c.person_id == person_id, person_sessions.c.id == id_)
        with self._records.begin() as connection:
            if not connection.execute(mine).rowcount:
                raise NotFound("there is no such session", mend="It may have ended by itself: see the list.")
            Trail.write(connection, f"person:{person_id}", "session.ended", id_, now_ms)

    def end_others(self, person_id: str, kept_id: str, now_ms: int) -> int:
        """End all of a person but one; how many there were."""
        with self._records.begin() as connection:
            ended = end_sessions(connection, person_id, but=kept_id)
            if ended:
                Trail.write(connection, f"person:{person_id}", "session.ended", "others", now_ms, count=str(ended))
        return ended

    def _session(self, row: Row[Any]) -> Session:
        person = read_person(row, row.person_id, self._seal)
        return Session(row.id, person, row.browser, row.made_ms, row.seen_ms, row.ends_ms)


def end_sessions(connection: Connection, person_id: str, *, but: str | None = None) -> int:
    """End those of a person, all or all but one."""
    ending = delete(person_sessions).where(person_sessions.c.person_id == person_id)
    return connection.execute(ending if but is None else ending.where(person_sessions.c.id != but)).rowcount


def read_person(row: Row[Any], id_: str, seal: Callable[[], Seal]) -> Person:
    """A row of `people`.

    Raises:
        StoreDamaged: the words do not open.
    """
    words = decode(seal().open(row.words, id_), Words) if row.words else Words("", "")
    return Person(
        id=id_,
        login=words.login,
        name=words.name,
        roles=tuple(Role(each) for each in row.roles.split(",")),
        carriers=tuple(row.carriers.split(",")) if row.carriers else (),
        party=row.party_id,
        has_password=row.password is not None,
        made_ms=row.person_made_ms,
        ended_ms=row.ended_ms,
    )


#: Columns of a person beside those of something else.
OF_PEOPLE = (
    *(people.c.words, people.c.roles, people.c.carriers, people.c.party_id, people.c.password, people.c.ended_ms),
    *(people.c.login_digest, people.c.made_ms.label("person_made_ms")),
)


def _lasting(now_ms: int, idle_ms: int, which: ColumnElement[bool]) -> Select[Any]:
    used = person_sessions.c
    return (
        select(person_sessions, *OF_PEOPLE)
        .join(people, people.c.id == used.person_id)
        .join(parties, parties.c.id == people.c.party_id, isouter=True)
        .where(which, people.c.ended_ms.is_(None), parties.c.ended_ms.is_(None))
        .where(used.ends_ms > now_ms, used.seen_ms > now_ms - idle_ms)
    )


def _with_token(token: str) -> ColumnElement[bool]:
    return person_sessions.c.digest == digest_of(token)


def digest_of(token: str) -> str:
    """Tokens are random and long, so a plain digest is as good as a slow one."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
