"""Notices: of which parcels consignees are to be told by mail, until a server took it or it is too late.

Of a parcel one notice waits at most, for newer news takes the place of older. Who it is for is not kept here: that
stands in the order, sealed, and is looked up when the mail is written.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from waypost.care.patience import Patience
from waypost.care.posting import Fate, Posted
from waypost.care.records import mail_notices
from waypost.model.carriage import Waybill
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.errors import Conflict, NotFound
from waypost.store.protocols import Records

_CHUNK = 300
_MOST_WHY = 200
#: A milestone behind which nothing is told of a parcel any more.
_LAST = "delivered"


class NoticeState(StrEnum):
    """How far a notice is. The words are kept; they never change."""

    WAITING = "waiting"
    SENT = "sent"  #: our mail server took it
    DEAD = "dead"  #: refused for good, or tried for as long as it is; its merchant may have it tried again
    OVERTAKEN = "overtaken"  #: something newer of the parcel is told instead


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something that one consignee is to be told of one parcel.

    Attributes:
        id: the same for the same milestone of the same parcel; the `Message-ID` of its mail has it.
        at_ms: when the scan was taken, by a clock `offset_min` ahead of UTC, at the carrier's `facility`.
        next_ms: when it is tried at the earliest, if it waits. `begun_ms` from when on patience counts.
        answer: the SMTP code that the last try ended with, None without one.
        why: the last try was in vain.
    """

    id: str
    party: str
    order: str
    piece: int
    position: int
    waybill: Waybill
    milestone: str
    status: str
    at_ms: int
    offset_min: int
    facility: str
    made_ms: int
    next_ms: int
    begun_ms: int
    state: NoticeState = NoticeState.WAITING
    ended_ms: int | None = None
    tries: int = 0
    answer: int | None = None
    why: str = ""


class Notices:
    """The notices in `Records`."""

    def __init__(self, records: Records, patience: Patience) -> None:
        self._records = records
        self._patience = patience

    def list_due(self, now_ms: int, most: int) -> list[Notice]:
        """What is due, the longest first."""
        is_due = and_(mail_notices.c.state == NoticeState.WAITING.value, mail_notices.c.next_ms <= now_ms)
        asked = select(mail_notices).where(is_due).order_by(mail_notices.c.next_ms, mail_notices.c.id).limit(most)
        with self._records.read() as connection:
            return [_notice(row) for row in connection.execute(asked)]

    def note(self, notice: Notice, posted: Posted, now_ms: int) -> NoticeState:
        """Write down what came of a try. That of a notice which was overtaken meanwhile counts only if it was sent."""
        state, next_ms = self._judge(notice, posted, now_ms)
        values = {
            "state": state.value,
            "next_ms": next_ms,
            "ended_ms": None if state is NoticeState.WAITING else now_ms,
            "tries": notice.tries + 1,
            "answer": posted.status,
            "why": posted.why[:_MOST_WHY],
        }
        changing = update(mail_notices).where(mail_notices.c.id == notice.id)
        if state is not NoticeState.SENT:
            changing = changing.where(mail_notices.c.state == NoticeState.WAITING.value)
        with self._records.begin() as connection:
            connection.execute(changing.values(values))
        return state

    def give_up(self, now_ms: int) -> int:
        """Give up what waited too long, for the server was out of reach, say; how many."""
        is_waiting = mail_notices.c.state == NoticeState.WAITING.value
        is_meant = and_(is_waiting, mail_notices.c.begun_ms < now_ms - self._patience.patience_ms)
        with self._records.read() as connection:  # most often there is none, and nobody who writes need wait
            if connection.execute(select(mail_notices.c.id).where(is_meant).limit(1)).first() is None:
                return 0
        values = {"state": NoticeState.DEAD.value, "ended_ms": now_ms, "why": "no mail server took it in time"}
        with self._records.begin() as connection:
            return connection.execute(update(mail_notices).where(is_meant).values(values)).rowcount

    def list_page(
        self, party: str | None, state: NoticeState | None, after: str | None, limit: int
    ) -> tuple[list[Notice], str | None]:
        """Some of one merchant, or of all, newest first, and the cursor for more, None at the end.

        Raises:
            BadInput: the cursor is none of ours.
        """
        key = read_cursor(after, tuple[int, str])
        made, id_ = mail_notices.c.made_ms, mail_notices.c.id
        asked = select(mail_notices)
        if party is not None:
            asked = asked.where(mail_notices.c.party == party)
        if state is not None:
            asked = asked.where(mail_notices.c.state == state.value)
        if key is not None:
            asked = asked.where(or_(made < key[0], and_(made == key[0], id_ > key[1])))
        with self._records.read() as connection:
            rows = connection.execute(asked.order_by(made.desc(), id_).limit(limit + 1))
            found = [_notice(row) for row in rows]
        page = found[:limit]
        last = page[-1] if len(found) > limit else None
        return page, None if last is None else write_cursor((last.made_ms, last.id))

    def get(self, party: str, id_: str) -> Notice:
        """One of a merchant's.

        Raises:
            NotFound: it has none of that id.
        """
        with self._records.read() as connection:
            return _get(connection, party, id_)

    def retry(self, party: str, id_: str, now_ms: int) -> Notice:
        """Try one once more that was given up.

        Raises:
            NotFound: the merchant has none of that id.
            Conflict: it was not given up, or there is newer news of its parcel.
        """
        with self._records.begin() as connection:
            found = _get(connection, party, id_)
            if found.state is not NoticeState.DEAD:
                raise Conflict(f"notice {id_} is {found.state.value}", mend="Those that are dead are tried again.")
            table = mail_notices.c
            newer = and_(table.order_id == found.order, table.piece == found.piece, table.position > found.position)
            if connection.execute(select(table.id).where(newer).limit(1)).first() is not None:
                raise Conflict("there is newer news of its parcel", mend="That is what its consignee should read.")
            values = {"state": NoticeState.WAITING.value, "next_ms": now_ms, "begun_ms": now_ms}
            again = values | {"ended_ms": None, "tries": 0}
            connection.execute(update(mail_notices).where(mail_notices.c.id == id_).values(again))
            return _get(connection, party, id_)

    def forget(self, before_ms: int) -> int:
        """Remove those from before an instant, whatever became of them; how many."""
        with self._records.begin() as connection:
            return connection.execute(delete(mail_notices).where(mail_notices.c.made_ms < before_ms)).rowcount

    def count_waiting(self) -> int:
        """How many wait."""
        asked = select(func.count()).where(mail_notices.c.state == NoticeState.WAITING.value)
        with self._records.read() as connection:
            return connection.execute(asked).scalar_one()

    def _judge(self, notice: Notice, posted: Posted, now_ms: int) -> tuple[NoticeState, int]:
        if posted.fate is Fate.TAKEN:
            return NoticeState.SENT, notice.next_ms
        if posted.fate is Fate.LATER:
            next_ms = self._patience.find_next(notice.tries, notice.begun_ms, now_ms)
            if next_ms is not None:
                return NoticeState.WAITING, next_ms
        return NoticeState.DEAD, notice.next_ms


def keep_notices(connection: Connection, new: Sequence[Notice], now_ms: int) -> int:
    """Keep those that were never there, in the order in which things happened; how many.

    In the transaction of whoever reads on behind them. What waits of the same parcel is overtaken.
    """
    known: set[str] = set()
    for start in range(0, len(new), _CHUNK):
        some = [each.id for each in new[start : start + _CHUNK]]
        known |= set(connection.execute(select(mail_notices.c.id).where(mail_notices.c.id.in_(some))).scalars())
    newest: dict[tuple[str, int], Notice] = {}
    for each in new:  # of what happened at once, one is told, and what was before is not told later
        if each.id not in known:
            before = newest.get((each.order, each.piece))
            if before is None or before.milestone != _LAST:
                newest[each.order, each.piece] = each
    fresh = [each for each in newest.values() if not _is_over(connection, each)]
    for each in fresh:
        of_parcel = and_(mail_notices.c.order_id == each.order, mail_notices.c.piece == each.piece)
        waits = and_(of_parcel, mail_notices.c.state == NoticeState.WAITING.value)
        values = {"state": NoticeState.OVERTAKEN.value, "ended_ms": now_ms}
        connection.execute(update(mail_notices).where(waits).values(values))
    if fresh:
        connection.execute(insert(mail_notices), [_row(each) for each in fresh])
    return len(fresh)


def _is_over(connection: Connection, notice: Notice) -> bool:
    """Whether it was told already that the parcel is where it should be."""
    of_parcel = and_(mail_notices.c.order_id == notice.order, mail_notices.c.piece == notice.piece)
    asked = select(mail_notices.c.id).where(of_parcel, mail_notices.c.milestone == _LAST).limit(1)
    return connection.execute(asked).first() is not None


def _get(connection: Connection, party: str, id_: str) -> Notice:
    asked = select(mail_notices).where(mail_notices.c.id == id_, mail_notices.c.party == party)
    row = connection.execute(asked).one_or_none()
    if row is None:
        raise NotFound(f"no notice has the id {id_[:40]!r}", mend="They are kept for some days only.")
    return _notice(row)


def _row(notice: Notice) -> dict[str, Any]:
    row = msgspec.structs.asdict(notice)
    waybill = row.pop("waybill")
    row |= {"carrier": waybill.carrier, "number": waybill.number, "order_id": row.pop("order")}
    return row | {"state": notice.state.value}


def _notice(row: Row[Any]) -> Notice:
    told = dict(row._mapping)
    told["waybill"] = Waybill(told.pop("carrier"), told.pop("number"))
    told["order"] = told.pop("order_id")
    told["state"] = NoticeState(told["state"])
    return Notice(**told)
