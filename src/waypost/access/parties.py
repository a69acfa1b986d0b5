"""Parties: merchants and others that take part, each with keys of its own."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from waypost.access.people import end_people
from waypost.access.records import keys, parties, people
from waypost.access.trail import COMMAND, Trail
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.model.parties import Party, PartyKind
from waypost.model.texts import has_control
from waypost.store.protocols import Records

MOST_NAME = 120

#: Those that take part no more.
ENDED = select(parties.c.id).where(parties.c.ended_ms.is_not(None))


class Parties:
    """The parties in `Records`. `token` gives some bytes that nobody can guess."""

    def __init__(self, records: Records, token: Callable[[int], bytes]) -> None:
        self._records = records
        self._token = token

    def add(self, kind: PartyKind, name: str, now_ms: int, *, by: str = COMMAND) -> Party:
        """A new party.

        Raises:
            BadInput: it has no name that can be shown.
            Conflict: there is one of that kind and name, or there was.
        """
        name = name.strip()
        if not 1 <= len(name) <= MOST_NAME or has_control(name):
            raise BadInput(f"a party has a name of 1 to {MOST_NAME} characters, without control characters")
        party = Party(id=f"{kind.value[:3]}_{self._token(8).hex()}", kind=kind, name=name)
        row = {"id": party.id, "kind": kind.value, "name": name, "made_ms": now_ms}
        try:
            with self._records.begin() as connection:
                connection.execute(insert(parties).values(row))
                Trail.write(connection, by, "party.added", party.id, now_ms, kind=kind.value)
        except IntegrityError:
            raise Conflict(f"there is a {kind.value} {name!r} already", mend="Names are given once.") from None
        return party

    def get(self, id_: str) -> Party:
        """One that still takes part.

        Raises:
            NotFound: there is none, or none any more.
        """
        asked = select(parties).where(parties.c.id == id_, parties.c.ended_ms.is_(None))
        with self._records.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            raise NotFound(f"no party has the id {id_[:40]!r}", mend="`waypost admin party list` shows them.")
        return _party(row)

    def list_all(self) -> Sequence[Party]:
        """All that take part, by kind and name."""
        asked = select(parties).where(parties.c.ended_ms.is_(None)).order_by(parties.c.kind, parties.c.name)
        with self._records.read() as connection:
            return [_party(row) for row in connection.execute(asked)]

    def end(self, id_: str, now_ms: int, *, by: str = COMMAND) -> int:
        """Let one take part no more: its keys work no longer; how many there were. What it did stays.

        Its people are let in no more.

        Raises:
            NotFound: there is none, or none any more.
        """
        self.get(id_)
        with self._records.begin() as connection:
            connection.execute(update(parties).where(parties.c.id == id_).values(ended_ms=now_ms))
            ending = update(keys).where(keys.c.party_id == id_, (keys.c.ends_ms.is_(None)) | (keys.c.ends_ms > now_ms))
            ended = connection.execute(ending.values(ends_ms=now_ms)).rowcount
            end_people(connection, people.c.party_id == id_, now_ms, by)
            Trail.write(connection, by, "party.ended", id_, now_ms, keys=str(ended))
        return ended


def find_name(connection: Connection, id_: str) -> str:
    """What one is called, whether it takes part still or not; "" if there never was one."""
    return connection.execute(select(parties.c.name).where(parties.c.id == id_)).scalar_one_or_none() or ""


def _party(row: Row[Any]) -> Party:
    return Party(id=row.id, kind=PartyKind(row.kind), name=row.name)
