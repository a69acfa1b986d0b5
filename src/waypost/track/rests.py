"""Rests: until when an account with a carrier is left alone, so that a server that starts again knows of it too."""

import msgspec
from sqlalchemy import delete, select

from waypost.store.protocols import Records
from waypost.store.upsert import upsert
from waypost.track.records import rests

_LONGEST_WHY = 400


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """Why an account rests and until when; `next_rest_ms`: for how long the next time, if it is no better then."""

    until_ms: int
    next_rest_ms: int
    why: str


class Rests:
    """Reads and writes rests."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def find(self, account: str) -> Rest | None:
        """The last rest of an account that nothing went well after."""
        with self._records.read() as connection:
            row = connection.execute(select(rests).where(rests.c.account == account)).one_or_none()
        return None if row is None else Rest(until_ms=row.until_ms, next_rest_ms=row.next_rest_ms, why=row.why)

    def keep(self, account: str, rest: Rest) -> None:
        """Write down a rest, in the place of the one before."""
        row = msgspec.structs.asdict(rest) | {"account": account, "why": rest.why[:_LONGEST_WHY]}
        with self._records.begin() as connection:
            upsert(connection, rests, [row])

    def end(self, account: str) -> None:
        """Forget the rest of an account, if it has one."""
        with self._records.begin() as connection:
            connection.execute(delete(rests).where(rests.c.account == account))
