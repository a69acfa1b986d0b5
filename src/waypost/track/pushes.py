"""Pushes: carriers tell of scans by themselves. Verified, kept as they came, in the log, and only then acknowledged.

A carrier that got no answer sends the same again, and one that is slow sends old news after new. Neither matters: a
scan is known by its content, and the fold does not care for the order. A body that was taken before is acknowledged
again and not read again; one that is not the carrier's is refused, and so is one that was signed too long ago.
"""

import hashlib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum

import msgspec
from sqlalchemy import delete, func, select

from waypost.access.sealing import Seal
from waypost.model.errors import BadInput, NotFound, WaypostError
from waypost.store.protocols import Records
from waypost.store.upsert import upsert
from waypost.track.carriers import Forged, Push, PushReader, Reply
from waypost.track.reception import Reception
from waypost.track.records import pushes


class Outcome(StrEnum):
    """What became of a push. The words are kept; they never change."""

    TAKEN = "taken"  #: all of its scans are in the log
    PARTLY = "partly"  #: some are; the others could not be read
    REPEATED = "repeated"  #: it was taken before
    FORGED = "forged"  #: it is not the carrier's: nothing of it was kept
    UNREADABLE = "unreadable"  #: it is the carrier's, and cannot be read: it was kept as it came
    FAILED = "failed"  #: we could not keep it; the carrier will send it again


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """How a push went; `why` says what was wrong with it, for operators."""

    reply: Reply
    outcome: Outcome
    scans: int = 0
    refused: int = 0
    why: str = ""


class Pushes:
    """Takes pushes for all accounts.

    Args:
        readers: by account.
    """

    def __init__(self, readers: Mapping[str, PushReader], reception: Reception, raw: "RawPushes") -> None:
        self._readers = readers
        self._reception = reception
        self._raw = raw

    def take(self, account: str, push: Push) -> Taken:
        """What became of a push, with the answer to the carrier.

        Raises:
            NotFound: there is no such account.
        """
        reader = self._readers.get(account)
        if reader is None:
            raise NotFound(f"there is no account {account[:60]!r} that is pushed scans")
        try:
            return self._take(account, reader, push)
        except Forged as error:
            return Taken(reply=reader.refuse(error), outcome=Outcome.FORGED, why=error.message)
        except WaypostError as error:
            return Taken(reply=reader.refuse(error), outcome=Outcome.FAILED, why=str(error))

    def _take(self, account: str, reader: PushReader, push: Push) -> Taken:
        try:
            pushed = reader.read(push)
        except BadInput as error:  # what nobody understands may matter: it is kept, and the carrier told
            self._raw.keep(account, push, Outcome.UNREADABLE)
            return Taken(reply=reader.refuse(error), outcome=Outcome.UNREADABLE, why=error.message)
        if self._raw.has(account, push):
            return Taken(reply=pushed.reply, outcome=Outcome.REPEATED)
        # an account speaks for its carrier and for nobody else
        receipt = self._reception.receive(pushed.rows, carrier=reader.carrier, only=(reader.carrier,))
        outcome = Outcome.PARTLY if receipt.refused else Outcome.TAKEN
        self._raw.keep(account, push, outcome)
        why = receipt.refusals[0].reason if receipt.refusals else ""
        reply = pushed.receipt(receipt) if pushed.receipt else pushed.reply
        return Taken(reply=reply, outcome=outcome, scans=receipt.accepted, refused=receipt.refused, why=why)

    def list_newest(self, accounts: Collection[str], most: int) -> list[tuple[str, int, Outcome]]:
        """The newest pushes of some accounts: account, when it came in UTC milliseconds, and how it went."""
        return self._raw.list_outcomes(accounts, most)


class RawPushes:
    """Bodies of pushes as they came, sealed. Those that wait at the same moment are written in one transaction."""

    def __init__(self, records: Records, seal: Callable[[], Seal]) -> None:
        self._records = records
        self._seal = seal
        self._lock, self._one_writes = threading.Lock(), threading.Lock()
        self._waiting: list[_Waiting] = []

    def has(self, account: str, push: Push) -> bool:
        """Whether this very body was taken from this account before, all of it.

        One of which a part was refused is read again: the facility may have got its zone since.
        """
        with self._records.read() as connection:
            found = connection.execute(select(pushes.c.outcome).where(pushes.c.id == _id(account, push))).scalar()
        return found == Outcome.TAKEN

    def keep(self, account: str, push: Push, outcome: Outcome) -> None:
        """Keep one; it is on disk when this returns."""
        id_ = _id(account, push)
        mine = _Waiting(
            {
                "id": id_,
                "account": account,
                "received_ms": push.received_ms,
                "outcome": outcome.value,
                "body": self._seal().seal(push.body, id_),
            }
        )
        with self._lock:
            self._waiting.append(mine)
        with self._one_writes:  # whoever comes first writes for all; the others find theirs written
            if not mine.is_done:
                with self._lock:
                    all_, self._waiting = self._waiting, []
                self._write(all_)
        if mine.error is not None:
            raise mine.error

    def list_newest(self, account: str | None, most: int) -> list["RawPush"]:
        """The newest ones, opened."""
        asked = select(pushes).order_by(pushes.c.received_ms.desc(), pushes.c.id).limit(most)
        if account is not None:
            asked = asked.where(pushes.c.account == account)
        with self._records.read() as connection:
            rows = connection.execute(asked).all()
        return [
            RawPush(row.account, row.received_ms, Outcome(row.outcome), self._seal().open(row.body, row.id))
            for row in rows
        ]

    def list_outcomes(self, accounts: Collection[str], most: int) -> list[tuple[str, int, Outcome]]:
        """The newest ones of some accounts, without what they held."""
        asked = select(pushes.c.account, pushes.c.received_ms, pushes.c.outcome).where(pushes.c.account.in_(accounts))
        with self._records.read() as connection:
            rows = connection.execute(asked.order_by(pushes.c.received_ms.desc(), pushes.c.id).limit(most)).all()
        return [(row.account, row.received_ms, Outcome(row.outcome)) for row in rows]

    def forget(self, before_ms: int) -> int:
        """Remove those received before an instant; how many there were."""
        with self._records.begin() as connection:
            return connection.execute(delete(pushes).where(pushes.c.received_ms < before_ms)).rowcount

    def count(self) -> int:
        """How many are kept."""
        with self._records.read() as connection:
            return connection.execute(select(func.count()).select_from(pushes)).scalar_one()

    def _write(self, waiting: Iterable["_Waiting"]) -> None:
        error: Exception | None = None
        try:
            with self._records.begin() as connection:
                upsert(connection, pushes, [each.row for each in waiting])
        except Exception as fault:  # each of those who wait is told
            error = fault
        for each in waiting:
            each.error, each.is_done = error, True


class RawPush(msgspec.Struct, frozen=True):
    """A push as it came."""

    account: str
    received_ms: int
    outcome: Outcome
    body: bytes


class _Waiting:
    def __init__(self, row: dict[str, object]) -> None:
        self.row = row
        self.is_done = False
        self.error: Exception | None = None


def _id(account: str, push: Push) -> str:
    """The same for the same body: carriers repeat bodies, and some sign in the headers."""
    digest = hashlib.blake2b(account.encode(), digest_size=16)
    for part in (push.query.encode(), push.body):
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()
