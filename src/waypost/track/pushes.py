"""Pushes: carriers tell of scans by themselves. Verified, kept as they came, in the log, and only then acknowledged.

A carrier that got no answer sends the same again, and one that is slow sends old news after new. Neither matters: a
scan is known by its content, and the fold does not care for the order. A body that was taken before is acknowledged
again and not read again; one that is not the carrier's is refused, and so is one that was signed too long ago.
"""

import bisect
import hashlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import msgspec
import pyarrow as pa
from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.engine import Row

from waypost.access.sealing import Seal
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.errors import BadInput, NotFound, WaypostError
from waypost.store.protocols import Records
from waypost.store.upsert import upsert
from waypost.track.carriers import Forged, Push, Pushed, PushReader, Reply
from waypost.track.reception import Reception
from waypost.track.records import pushes
from waypost.track.wire import Refusal, Rows

#: So many bodies are removed in one transaction.
_AT_ONCE = 1000

#: Longer reasons are cut.
_MOST_WHY = 400


class Outcome(StrEnum):
    """What became of a push. The words are kept; they never change."""

    TAKEN = "taken"  #: all of its scans are in the log
    PARTLY = "partly"  #: some are; the others could not be read
    REPEATED = "repeated"  #: it was taken before
    FORGED = "forged"  #: it is not the carrier's: nothing of it was kept
    UNREADABLE = "unreadable"  #: it is the carrier's, and cannot be read: it was kept as it came
    FAILED = "failed"  #: we could not keep it; the carrier will send it again


#: The ends to which a push may come without anything of it being kept.
UNKEPT = (Outcome.REPEATED, Outcome.FORGED, Outcome.FAILED)


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

    Attributes:
        raw: what is kept of them.
    """

    def __init__(self, readers: Mapping[str, PushReader], reception: Reception, raw: "RawPushes") -> None:
        self._readers = readers
        self._reception = reception
        self.raw = raw
        self._unkept: Counter[tuple[str, Outcome]] = Counter()
        self._one_counts = threading.Lock()

    def take(self, arrived: Sequence["Arrived"]) -> list[Taken]:
        """What became of some pushes, in their order, with the answers to the carriers. None hinders another.

        Most tell one scan, and to take in one costs as much as some hundred: so hand in all that wait.

        Raises:
            NotFound: there is no such account.
        """
        hands = [_Hand(each, self._reader_of(each.account)) for each in arrived]
        for hand in hands:
            hand.read()
        with _failing(readable := [hand for hand in hands if hand.taken is None]):
            self._take_in(readable)
        with _failing(kept := [hand for hand in hands if hand.is_to_keep]):
            self.raw.keep([hand.kept for hand in kept])
        taken = [hand.end() for hand in hands]
        with self._one_counts:
            self._unkept.update(
                (each.account, one.outcome) for each, one in zip(arrived, taken, strict=True) if one.outcome in UNKEPT
            )
        return taken

    def list_accounts(self) -> list[str]:
        """The accounts that are pushed scans."""
        return sorted(self._readers)

    def count_unkept(self) -> list["OutcomeCount"]:
        """How many since the start came to an end that leaves nothing behind, by account and outcome."""
        with self._one_counts:
            found = sorted(self._unkept.items())
        return [OutcomeCount(account, outcome, pushes) for (account, outcome), pushes in found]

    def _reader_of(self, account: str) -> PushReader:
        if account not in self._readers:
            raise NotFound(f"there is no account {account[:60]!r} that is pushed scans")
        return self._readers[account]

    def _take_in(self, hands: Sequence["_Hand"]) -> None:
        new: list[_Hand] = []
        for hand, was_taken in zip(hands, self.raw.list_taken([hand.arrived for hand in hands]), strict=True):
            if was_taken:
                hand.taken = Taken(reply=hand.pushed.reply, outcome=Outcome.REPEATED)
            else:
                new.append(hand)
        ours = [hand for hand in new if hand.pushed.receipt is not None]
        theirs = [hand for hand in new if hand.pushed.receipt is None]
        if theirs:
            with _failing(theirs):
                self._receive(theirs)
        for hand in ours:
            with _failing([hand]):
                self._receive_ours(hand)

    def _receive(self, hands: Sequence["_Hand"]) -> None:
        """Hand in what some carriers pushed as one batch, and tell each what became of its rows."""
        all_ = [hand.pushed.rows for hand in hands]
        ends = list(itertools.accumulate(len(rows.rows) for rows in all_))
        receipt = self._reception.receive(Rows(pa.concat_tables([rows.table for rows in all_]), range(ends[-1]), []))
        refused = [list(rows.refusals) for rows in all_]
        accepted = [len(rows.rows) for rows in all_]
        for refusal in receipt.refusals:
            whose = bisect.bisect_right(ends, refusal.row)
            row = all_[whose].rows[refusal.row - ends[whose] + len(all_[whose].rows)]
            refused[whose].append(msgspec.structs.replace(refusal, row=row))
            accepted[whose] -= 1
        for hand, taken, refusals in zip(hands, accepted, refused, strict=True):
            hand.take(taken, refusals, hand.pushed.reply)

    def _receive_ours(self, hand: "_Hand") -> None:
        """One in our own format, whose rows name their carrier themselves: an account speaks for its own alone."""
        carrier, pushed = hand.reader.carrier, hand.pushed
        receipt = self._reception.receive(pushed.rows, carrier=carrier, only=(carrier,))
        hand.take(receipt.accepted, receipt.refusals, pushed.receipt(receipt) if pushed.receipt else pushed.reply)


class _Hand:
    """A push while it is taken: first read, then taken in, then kept, unless something became of it before."""

    def __init__(self, arrived: "Arrived", reader: PushReader) -> None:
        self.arrived = arrived
        self.reader = reader
        self.taken: Taken | None = None
        self._pushed: Pushed | None = None

    @property
    def pushed(self) -> Pushed:
        assert self._pushed is not None
        return self._pushed

    @property
    def is_to_keep(self) -> bool:
        return self.taken is not None and self.taken.outcome not in UNKEPT

    @property
    def kept(self) -> "Arrived":
        taken = self.end()
        arrived = self.arrived
        return Arrived(arrived.account, arrived.push, taken.outcome, taken.scans, taken.refused, taken.why)

    def read(self) -> None:
        try:
            self._pushed = self.reader.read(self.arrived.push)
        except Forged as error:
            self.refuse(error, Outcome.FORGED, error.message)
        except BadInput as error:  # what nobody understands may matter: it is kept, and the carrier told
            self.refuse(error, Outcome.UNREADABLE, error.message)
        except WaypostError as error:
            self.fail(error)

    def take(self, accepted: int, refusals: Sequence[Refusal], reply: Reply) -> None:
        self.taken = Taken(
            reply=reply,
            outcome=Outcome.PARTLY if refusals else Outcome.TAKEN,
            scans=accepted,
            refused=len(refusals),
            why=refusals[0].reason if refusals else "",
        )

    def refuse(self, error: WaypostError, outcome: Outcome, why: str) -> None:
        self.taken = Taken(reply=self.reader.refuse(error), outcome=outcome, why=why)

    def fail(self, error: WaypostError) -> None:
        self.refuse(error, Outcome.FAILED, str(error))

    def end(self) -> Taken:
        assert self.taken is not None
        return self.taken


@contextmanager
def _failing(hands: Sequence[_Hand]) -> Iterator[None]:
    """What goes wrong here is told to the carriers of these: they send them again."""
    try:
        yield
    except WaypostError as error:
        for hand in hands:
            hand.fail(error)


class Arrived(msgspec.Struct, frozen=True):
    """A push to an account, and what became of it; see `KeptPush`."""

    account: str
    push: Push
    outcome: Outcome = Outcome.FAILED
    scans: int = 0
    refused: int = 0
    why: str = ""

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
        """Whether these very bodies were taken from these accounts before, all of each.

        One of which a part was refused is read again: the facility may have got its zone since.
        """
        ids = [each.id for each in asked]
        wanted = select(pushes.c.id).where(pushes.c.id.in_(ids), pushes.c.outcome == Outcome.TAKEN.value)
        with self._records.read() as connection:
            found = set(connection.execute(wanted).scalars())
        return [id_ in found for id_ in ids]

    def keep(self, arrived: Sequence[Arrived]) -> None:
        """Keep some, with how many of their scans were; they are on disk when this returns."""
        rows = [
            {
                "id": (id_ := each.id),
                "account": each.account,
                "received_ms": each.push.received_ms,
                "outcome": each.outcome.value,
                "body": self._seal().seal(each.push.body, id_),
                "scans": each.scans,
                "refused": each.refused,
                "why": each.why[:_MOST_WHY],
            }
            for each in arrived
        ]
        with self._records.begin() as connection:
            upsert(connection, pushes, rows)

    def list_page(
        self, accounts: Collection[str] | None, outcome: Outcome | None, after: str | None, limit: int
    ) -> tuple[list["KeptPush"], str | None]:
        """Some of them, newest first, and the cursor for more, None at the end. No body is opened.

        Args:
            accounts, outcome: only those.
            after: the cursor that the page before gave.
            limit: so many at most.

        Raises:
            BadInput: the cursor is none of ours.
        """
        key = read_cursor(after, tuple[int, str])
        asked = select(*_SHOWN).order_by(pushes.c.received_ms.desc(), pushes.c.id).limit(limit + 1)
        if outcome is not None:
            asked = asked.where(pushes.c.outcome == outcome.value)
        if key is not None:
            at, id_ = pushes.c.received_ms, pushes.c.id
            asked = asked.where(or_(at < key[0], and_(at == key[0], id_ > key[1])))
        # an account at a time: each has its newest at the end of an index
        each_asked = [asked] if accounts is None else [asked.where(pushes.c.account == each) for each in accounts]
        with self._records.read() as connection:
            found = [_kept(row) for one in each_asked for row in connection.execute(one)]
        found.sort(key=lambda each: (-each.received_ms, each.id))
        page = found[:limit]
        return page, write_cursor((page[-1].received_ms, page[-1].id)) if len(found) > limit else None

    def open(self, id_: str) -> "RawPush":
        """One as it came. Who asks sees personal data: write down who it was.

        Raises:
            NotFound: there is none, or none any more.
            StoreDamaged: it cannot be opened.
        """
        with self._records.read() as connection:
            row = connection.execute(select(pushes).where(pushes.c.id == id_)).one_or_none()
        if row is None:
            raise NotFound(f"no push {id_[:40]!r} is kept", mend="They are kept for some time only.")
        return RawPush(_kept(row), self._seal().open(row.body, row.id))

    def count_since(self, since_ms: int) -> list["OutcomeCount"]:
        """How many of those received since an instant are kept, by account and outcome."""
        asked = select(pushes.c.account, pushes.c.outcome, func.count()).where(pushes.c.received_ms >= since_ms)
        with self._records.read() as connection:
            rows = connection.execute(asked.group_by(pushes.c.account, pushes.c.outcome)).all()
        return sorted(OutcomeCount(account, Outcome(outcome), pushed) for account, outcome, pushed in rows)

    def forget(self, before_ms: int | None, account: str | None = None) -> int:
        """Remove those received before an instant, or all, of one account or of all; how many there were.

        Some at a time, so that those that come meanwhile do not wait for all of it.
        """
        some = select(pushes.c.id).where(*_meant(before_ms, account)).limit(_AT_ONCE)
        forgotten = 0
        while True:
            with self._records.begin() as connection:
                gone = connection.execute(delete(pushes).where(pushes.c.id.in_(some))).rowcount
            forgotten += gone
            if gone < _AT_ONCE:
                return forgotten

    def count(self, before_ms: int | None = None, account: str | None = None) -> int:
        """How many of those are kept."""
        with self._records.read() as connection:
            asked = select(func.count()).select_from(pushes).where(*_meant(before_ms, account))
            return connection.execute(asked).scalar_one()


class KeptPush(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a push whose body is kept.

    Attributes:
        id: the same for the same body of the same account.
        scans, refused: how many of its scans are in the log, and how many could not be read.
        why: of the first that could not, or of the whole push; "" if nothing was wrong.
    """

    id: str
    account: str
    received_ms: int
    outcome: Outcome
    scans: int
    refused: int
    why: str


class RawPush(msgspec.Struct, frozen=True):
    """A push as it came."""

    kept: KeptPush
    body: bytes


class OutcomeCount(msgspec.Struct, frozen=True, order=True):
    """How many pushes of an account came to the same end."""

    account: str
    outcome: Outcome
    pushes: int


_SHOWN = [column for column in pushes.c if column.name != "body"]


def _kept(row: Row[Any]) -> KeptPush:
    return KeptPush(
        id=row.id,
        account=row.account,
        received_ms=row.received_ms,
        outcome=Outcome(row.outcome),
        scans=row.scans,
        refused=row.refused,
        why=row.why or "",
    )


def _meant(before_ms: int | None, account: str | None) -> list[ColumnElement[bool]]:
    """Which pushes are meant by an end and an account, None being any."""
    found = [] if before_ms is None else [pushes.c.received_ms < before_ms]
    return found if account is None else [*found, pushes.c.account == account]
