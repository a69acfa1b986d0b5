"""Guesses at passwords: so many at once for each login and each address, then so many a minute.

It is kept in `Records`, so that a restart forgets none. Of each only one instant is kept: when all that it may is there
again (the generic cell rate algorithm, ITU-T I.371).
"""

import hashlib
import math
from collections.abc import Mapping

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from waypost.access.records import guesses
from waypost.model.errors import TooMany
from waypost.store.protocols import Records

_TRIES = 3


class Rate(msgspec.Struct, frozen=True):
    """So many at once (`burst`), and so many a minute after."""

    per_min: float
    burst: float

    @property
    def each_ms(self) -> int:
        """After so long one more may come."""
        return max(math.ceil(60_000 / self.per_min), 1)


class Guesses:
    """What is kept of guesses."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def take(self, subjects: Mapping[str, Rate], now_ms: int) -> None:
        """Count a guess, before it is known whether it is right.

        Args:
            subjects: at whom and from where, each with its rate.
            now_ms: the present.

        Raises:
            TooMany: one of them has none left; says when it has.
        """
        for again in range(_TRIES):
            try:
                with self._records.begin() as connection:
                    self._take(connection, subjects, now_ms)
                return
            except IntegrityError:  # another one was counted first for the first time
                if again == _TRIES - 1:
                    raise

    def _take(self, connection: Connection, subjects: Mapping[str, Rate], now_ms: int) -> None:
        connection.execute(delete(guesses).where(guesses.c.full_ms <= now_ms))
        digests = {_digest(subject): rate for subject, rate in subjects.items()}
        asked = select(guesses).where(guesses.c.digest.in_(digests)).order_by(guesses.c.digest).with_for_update()
        kept = {row.digest: row.full_ms for row in connection.execute(asked)}
        wait_ms = 0
        for digest, rate in digests.items():
            all_ms = math.ceil(rate.burst * rate.each_ms)
            full_ms = min(kept.get(digest, now_ms), now_ms + all_ms) + rate.each_ms  # a clock that was set back
            wait_ms = max(wait_ms, full_ms - now_ms - all_ms)
            if digest in kept:
                connection.execute(update(guesses).where(guesses.c.digest == digest).values(full_ms=full_ms))
            else:
                connection.execute(insert(guesses).values(digest=digest, full_ms=full_ms))
        if wait_ms > 0:
            raise TooMany("too many wrong passwords", retry_after_s=max(math.ceil(wait_ms / 1000), 1))

    @staticmethod
    def forgive(connection: Connection, login: str, address: str, rate: Rate) -> None:
        """A guess was right: the login begins anew, and the address gets this one back."""
        Guesses.forget(connection, login)
        given = update(guesses).where(guesses.c.digest == _digest(address))
        connection.execute(given.values(full_ms=guesses.c.full_ms - rate.each_ms))

    @staticmethod
    def forget(connection: Connection, subject: str) -> None:
        """Let somebody or something begin anew."""
        connection.execute(delete(guesses).where(guesses.c.digest == _digest(subject)))


def _digest(subject: str) -> str:
    return hashlib.blake2b(
        subject.encode("utf-8", "surrogatepass"), digest_size=32, person=b"waypost guess"
    ).hexdigest()
