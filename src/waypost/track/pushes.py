"""Pushes: carriers tell of scans by themselves. Verified, kept as they came, in the log, and only then acknowledged.

A carrier that got no answer sends the same again, and one that is slow sends old news after new. Neither matters: a
scan is known by its content, and the fold does not care for the order. A body that was taken before is acknowledged
again and not read again; one that is not the carrier's is refused, and so is one that was signed too long ago.
"""

import bisect
import hashlib
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum

import msgspec
import pyarrow as pa
from sqlalchemy import delete, func, select

from waypost.access.sealing import Seal
from waypost.model.errors import BadInput, NotFound, WaypostError
from waypost.store.protocols import Records
from waypost.store.upsert import upsert
from waypost.track.carriers import Forged, Push, Pushed, PushReader, Reply
from waypost.track.reception import Reception
from waypost.track.records import pushes
from waypost.track.together import Together
from waypost.track.wire import Refusal, Rows


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
        self._taken = Together(self._take_all)

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
            self._raw.keep([Arrived(account, push, Outcome.UNREADABLE)])
            return Taken(reply=reader.refuse(error), outcome=Outcome.UNREADABLE, why=error.message)
        if pushed.receipt is not None:
            return self._take_ours(Arrived(account, push), pushed, reader.carrier)
        return self._taken.do((Arrived(account, push), pushed))

    def _take_ours(self, arrived: "Arrived", pushed: Pushed, carrier: str) -> Taken:
        """One in our own format, whose rows name their carrier themselves: an account speaks for its own alone."""
        if self._raw.list_taken([arrived])[0]:
            return Taken(reply=pushed.reply, outcome=Outcome.REPEATED)
        receipt = self._reception.receive(pushed.rows, carrier=carrier, only=(carrier,))
        taken = _taken(pushed, receipt.accepted, receipt.refusals)
        self._raw.keep([Arrived(arrived.account, arrived.push, taken.outcome)])
        return msgspec.structs.replace(taken, reply=pushed.receipt(receipt) if pushed.receipt else pushed.reply)

    def _take_all(self, all_: Sequence[tuple["Arrived", Pushed]]) -> list[Taken]:
        """Those that wait at the same moment: most tell one scan, and to take in one costs as much as some hundred."""
        before = self._raw.list_taken([arrived for arrived, _ in all_])
        new = [each for each, was_taken in zip(all_, before, strict=True) if not was_taken]
        told = self._receive([pushed.rows for _, pushed in new]) if new else []
        taken = [_taken(pushed, *one) for (_, pushed), one in zip(new, told, strict=True)]
        if new:
            self._raw.keep(
                [Arrived(each.account, each.push, one.outcome) for (each, _), one in zip(new, taken, strict=True)]
            )
        theirs = iter(taken)
        return [
            Taken(reply=pushed.reply, outcome=Outcome.REPEATED) if was_taken else next(theirs)
            for (_, pushed), was_taken in zip(all_, before, strict=True)
        ]

    def _receive(self, all_: Sequence[Rows]) -> list[tuple[int, list[Refusal]]]:
        """Hand in rows as one batch: of each how many were accepted, and what was refused."""
        ends = list(itertools.accumulate(len(rows.rows) for rows in all_))
        receipt = self._reception.receive(Rows(pa.concat_tables([rows.table for rows in all_]), range(ends[-1]), []))
        refused = [list(rows.refusals) for rows in all_]
        accepted = [len(rows.rows) for rows in all_]
        for refusal in receipt.refusals:
            whose = bisect.bisect_right(ends, refusal.row)
            row = all_[whose].rows[refusal.row - ends[whose] + len(all_[whose].rows)]
            refused[whose].append(msgspec.structs.replace(refusal, row=row))
            accepted[whose] -= 1
        return list(zip(accepted, refused, strict=True))

    def list_newest(self, accounts: Collection[str], most: int) -> list[tuple[str, int, Outcome]]:
        """The newest pushes of some accounts: account, when it came in UTC milliseconds, and how it went."""
        return self._raw.list_outcomes(accounts, most)


def _taken(pushed: Pushed, accepted: int, refusals: Sequence[Refusal]) -> Taken:
    return Taken(
        reply=pushed.reply,
        outcome=Outcome.PARTLY if refusals else Outcome.TAKEN,
        scans=accepted,
        refused=len(refusals),
        why=refusals[0].reason if refusals else "",
    )


class Arrived(msgspec.Struct, frozen=True):
    """A push to an account, and what became of it."""

    account: str
    push: Push
    outcome: Outcome = Outcome.FAILED

    @property
    def id(self) -> str:
        """The same for the same body: carriers repeat bodies, and some sign in the headers."""
        digest = hashlib.blake2b(self.account.encode(), digest_size=16)
        for part in (self.push.query.encode(), self.push.body):
            digest.update(len(part).to_bytes(8) + part)
        return digest.hexdigest()


class RawPushes:
    """Bodies of pushes as they came, sealed."""

    def __init__(self, records: Records, seal: Callable[[], Seal]) -> None:
        self._records = records
        self._seal = seal

    def list_taken(self, asked: Sequence[Arrived]) -> list[bool]:
        """Of each, whether this very body was taken from its account before, all of it.

        One of which a part was refused is read again: the facility may have got its zone since.
        """
        ids = [each.id for each in asked]
        wanted = select(pushes.c.id).where(pushes.c.id.in_(ids), pushes.c.outcome == Outcome.TAKEN.value)
        with self._records.read() as connection:
            found = set(connection.execute(wanted).scalars())
        return [id_ in found for id_ in ids]

    def keep(self, arrived: Sequence[Arrived]) -> None:
        """Keep some; they are on disk when this returns."""
        rows = [
            {
                "id": (id_ := each.id),
                "account": each.account,
                "received_ms": each.push.received_ms,
                "outcome": each.outcome.value,
                "body": self._seal().seal(each.push.body, id_),
            }
            for each in arrived
        ]
        with self._records.begin() as connection:
            upsert(connection, pushes, rows)

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


class RawPush(msgspec.Struct, frozen=True):
    """A push as it came."""

    account: str
    received_ms: int
    outcome: Outcome
    body: bytes
