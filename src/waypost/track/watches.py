"""Watches: the waybills that carriers are asked after, with when that was and when it will be again."""

import hashlib
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from waypost.access.sealing import Seal
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.errors import NotFound
from waypost.store.protocols import Records
from waypost.track.carriers import Asked
from waypost.track.records import watches

_CHUNK = 500


class Told(StrEnum):
    """What the last check of a waybill gave. The words are kept; they never change."""

    NEW = "new"  #: nobody asked yet
    SCANS = "scans"  #: scans that we did not have
    NOTHING = "nothing"  #: nothing new
    UNKNOWN = "unknown"  #: the carrier does not know it, or says nothing of it
    REFUSED = "refused"  #: the carrier refuses to tell of it, or answers so that nobody understands it
    ENDED = "ended"  #: it is delivered, returned or cancelled: nobody asks any more
    SILENT = "silent"  #: nothing was heard of it for so long that nobody asks any more


class Pushing(StrEnum):
    """Whether the carrier pushes the scans of a waybill. The words are kept; they never change."""

    UNASKED = "unasked"
    PROMISED = "promised"
    REFUSED = "refused"


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One waybill to ask after.

    Attributes:
        phone_tail: sealed; see `Asked`.
        since_ms: when the watch began.
        asked_ms: when its carrier last answered; None before that.
        next_ms: when it is asked again, if its turn comes; None once the watch has ended.
        chance: with which there is a scan by then that nobody has seen, per cent.
        failures: checks in a row that the carrier refused.
    """

    account: str
    number: str
    phone_tail: bytes | None
    since_ms: int
    asked_ms: int | None
    next_ms: int | None
    told: Told
    chance: int | None
    pushing: Pushing
    failures: int


class Watches:
    """Reads and writes watches.

    Args:
        seal: for the digits of telephone numbers.
    """

    def __init__(self, records: Records, seal: Callable[[], Seal]) -> None:
        self._records = records
        self._seal = seal

    def begin(self, account: str, wanted: Sequence[Asked], now_ms: int) -> int:
        """Watch some waybills; how many were not watched yet, or no more. Of others only their digits change."""
        asked = {each.number: each for each in wanted}
        with self._records.begin() as connection:
            known = {watch.number: watch for watch in _find(connection, account, list(asked))}
            rows = [self._new(account, each, now_ms) for each in asked.values() if each.number not in known]
            if rows:
                connection.execute(insert(watches), rows)
            ended = [number for number, watch in known.items() if watch.next_ms is None]
            for number in ended:
                connection.execute(
                    update(watches)
                    .where(watches.c.id == _id(account, number))
                    .values(since_ms=now_ms, next_ms=now_ms, told=Told.NEW.value, asked_ms=None, failures=0)
                )
            for number in known:
                if (tail := self._seal_tail(account, asked[number])) is not None:
                    connection.execute(
                        update(watches).where(watches.c.id == _id(account, number)).values(phone_tail=tail, failures=0)
                    )
        return len(rows) + len(ended)

    def end(self, account: str, number: str) -> None:
        """Forget a watch.

        Raises:
            NotFound: there is none.
        """
        with self._records.begin() as connection:
            gone = connection.execute(delete(watches).where(*_is(account, number))).rowcount
        if not gone:
            raise NotFound(f"{number[:64]!r} is not watched through {account[:64]!r}")

    def find(self, account: str, numbers: Sequence[str]) -> list[Watch]:
        """Those of some waybills."""
        with self._records.read() as connection:
            return _find(connection, account, numbers)

    def list_next(self, account: str, most: int) -> list[Watch]:
        """Those that come up first."""
        asked = (
            select(watches)
            .where(watches.c.account == account, watches.c.next_ms.is_not(None))
            .order_by(watches.c.next_ms, watches.c.number)
            .limit(most)
        )
        with self._records.read() as connection:
            return [_watch(row) for row in connection.execute(asked)]

    def list_unasked(self, account: str, most: int) -> list[Watch]:
        """Those whose scans nobody has asked the carrier to push, the newest watches first."""
        asked = (
            select(watches)
            .where(
                watches.c.account == account,
                watches.c.next_ms.is_not(None),
                watches.c.pushing == Pushing.UNASKED.value,
            )
            .order_by(watches.c.since_ms.desc(), watches.c.number)
            .limit(most)
        )
        with self._records.read() as connection:
            return [_watch(row) for row in connection.execute(asked)]

    def list_page(self, account: str, after: str | None, limit: int) -> tuple[list[Watch], str | None]:
        """A page of an account's, by number, and the cursor of the next one.

        Raises:
            BadInput: the cursor is none of ours.
        """
        asked = select(watches).where(watches.c.account == account).order_by(watches.c.number).limit(limit + 1)
        if (key := read_cursor(after, tuple[str])) is not None:
            asked = asked.where(watches.c.number > key[0])
        with self._records.read() as connection:
            found = [_watch(row) for row in connection.execute(asked)]
        cursor = write_cursor([found[limit - 1].number]) if len(found) > limit else None
        return found[:limit], cursor

    def count(self, account: str, now_ms: int) -> "Counts":
        """How many an account has."""
        is_due = watches.c.next_ms <= now_ms
        asked = select(func.count(), func.count(watches.c.next_ms), func.count().filter(is_due)).where(
            watches.c.account == account
        )
        with self._records.read() as connection:
            all_, watched, due = connection.execute(asked).one()
        return Counts(watched=watched, due=due, ended=all_ - watched)

    def keep(self, changed: Sequence[Watch]) -> None:
        """Write down how some stand now. Watches that somebody ended meanwhile stay ended."""
        if not changed:
            return
        columns = ("asked_ms", "next_ms", "told", "chance", "pushing", "failures")
        statement = (
            update(watches)
            .where(watches.c.id == bindparam("_id"))
            .values({name: bindparam(f"_{name}") for name in columns})
        )
        rows = [
            {"_id": _id(each.account, each.number)} | {f"_{name}": getattr(each, name) for name in columns}
            for each in changed
        ]
        with self._records.begin() as connection:
            connection.execute(statement, rows)

    def forget_ended(self, before_ms: int) -> int:
        """Remove those that have ended and began before an instant; how many there were."""
        ended = delete(watches).where(watches.c.next_ms.is_(None), watches.c.since_ms < before_ms)
        with self._records.begin() as connection:
            return connection.execute(ended).rowcount

    def ask_for(self, watch: Watch) -> Asked:
        """What its carrier is asked."""
        tail = watch.phone_tail
        return Asked(
            number=watch.number,
            phone_tail=None if tail is None else self._seal().open(tail, _id(watch.account, watch.number)).decode(),
        )

    def _new(self, account: str, asked: Asked, now_ms: int) -> dict[str, object]:
        return {
            "id": _id(account, asked.number),
            "account": account,
            "number": asked.number,
            "phone_tail": self._seal_tail(account, asked),
            "since_ms": now_ms,
            "asked_ms": None,
            "next_ms": now_ms,
            "told": Told.NEW.value,
            "chance": None,
            "pushing": Pushing.UNASKED.value,
            "failures": 0,
        }

    def _seal_tail(self, account: str, asked: Asked) -> bytes | None:
        if asked.phone_tail is None:
            return None
        return self._seal().seal(asked.phone_tail.encode(), _id(account, asked.number))


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Watches of an account: those that go on, those of them whose turn has come, those that have ended."""

    watched: int
    due: int
    ended: int


def _find(connection: Connection, account: str, numbers: Sequence[str]) -> list[Watch]:
    found = []
    for start in range(0, len(numbers), _CHUNK):
        chunk = numbers[start : start + _CHUNK]
        asked = select(watches).where(watches.c.account == account, watches.c.number.in_(chunk))
        found += [_watch(row) for row in connection.execute(asked)]
    return found


def forget_tails(connection: Connection, account: str, numbers: Sequence[str]) -> None:
    """Forget the digits of telephone numbers of some waybills; carriers that want them tell nothing from then on."""
    for start in range(0, len(numbers), _CHUNK):
        is_meant = and_(watches.c.account == account, watches.c.number.in_(numbers[start : start + _CHUNK]))
        connection.execute(update(watches).where(is_meant).values(phone_tail=None))


def _is(account: str, number: str) -> tuple[ColumnElement[bool], ...]:
    return watches.c.account == account, watches.c.number == number


def _id(account: str, number: str) -> str:
    return hashlib.blake2b(f"{account}\0{number}".encode(), digest_size=16).hexdigest()


def _watch(row: Row[Any]) -> Watch:
    return Watch(
        account=row.account,
        number=row.number,
        phone_tail=row.phone_tail,
        since_ms=row.since_ms,
        asked_ms=row.asked_ms,
        next_ms=row.next_ms,
        told=Told(row.told),
        chance=row.chance,
        pushing=Pushing(row.pushing),
        failures=row.failures,
    )
