"""Deliveries: what webhooks are to be told, until they took it or a day went by. Those of a parcel keep their order."""

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from waypost.access.records import parties
from waypost.care.patience import Patience
from waypost.care.records import deliveries, webhooks
from waypost.care.sending import Answer
from waypost.model.carriage import Waybill
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.errors import NotFound
from waypost.model.guarded import Guarded
from waypost.store.protocols import Records

_CHUNK = 300
_MOST_WHY = 200


class DeliveryState(StrEnum):
    """How far a delivery is. The words are kept; they never change."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"  #: it was tried for as long as it is; its merchant may have it tried again


class Delivery(Guarded, frozen=True, kw_only=True):
    """Something that one webhook is to be told.

    Attributes:
        id: the same however often it is sent, and for the same news.
        position: of the change.
        next_ms: when it is tried at the earliest, if it waits.
        begun_ms: when it was tried first. `ended_ms` when it was delivered, or given up.
        answer: the HTTP status of the last try, None without an answer.
        why: the last try was in vain.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("id", "webhook", "position", "waybill", "status", "state", "tries", "answer")

    id: str
    webhook: str
    position: int
    waybill: Waybill
    status: str
    body: bytes
    made_ms: int
    next_ms: int
    state: DeliveryState = DeliveryState.WAITING
    begun_ms: int | None = None
    ended_ms: int | None = None
    tries: int = 0
    answer: int | None = None
    why: str = ""


class Deliveries:
    """The deliveries in `Records`.

    Args:
        patience_ms: so long one is tried.
        chance: a number from 0 to 1.
    """

    def __init__(self, records: Records, patience_ms: int, chance: Callable[[], float]) -> None:
        self._records = records
        self._patience = Patience(patience_ms, chance)

    def list_ready(self, now_ms: int) -> list[tuple[str, str, str]]:
        """The webhooks for which something is due: id, merchant, address. Those that are paused are left out."""
        is_due = exists().where(
            deliveries.c.webhook == webhooks.c.id,
            deliveries.c.state == DeliveryState.WAITING.value,
            deliveries.c.next_ms <= now_ms,
        )
        asked = select(webhooks.c.id, webhooks.c.party, webhooks.c.url)
        asked = asked.join(parties, parties.c.id == webhooks.c.party).order_by(webhooks.c.id)
        with self._records.read() as connection:
            rows = connection.execute(asked.where(webhooks.c.paused_ms.is_(None), parties.c.ended_ms.is_(None), is_due))
            return [(row.id, row.party, row.url) for row in rows]

    def list_due(self, webhook: str, now_ms: int, most: int, besides: Collection[str] = ()) -> list[Delivery]:
        """What is due at one webhook: of each parcel only the first that waits. `besides` are under way already."""
        before = deliveries.alias()
        is_behind = exists().where(
            before.c.webhook == webhook,
            before.c.number == deliveries.c.number,
            before.c.carrier == deliveries.c.carrier,
            before.c.state == DeliveryState.WAITING.value,
            before.c.position < deliveries.c.position,
        )
        is_due = and_(_waits(webhook), deliveries.c.next_ms <= now_ms, ~is_behind)
        asked = select(deliveries).where(is_due, deliveries.c.id.not_in(list(besides)))
        asked = asked.order_by(deliveries.c.next_ms, deliveries.c.position, deliveries.c.id).limit(most)
        with self._records.read() as connection:
            return [_delivery(row) for row in connection.execute(asked)]

    def note(self, came: Sequence[tuple[Delivery, Answer]], now_ms: int) -> list[Delivery]:
        """Write down what came of some tries; those that were given up for good."""
        dead = []
        with self._records.begin() as connection:
            for delivery, answer in came:
                state, next_ms = self._judge(delivery, answer, now_ms)
                values = {
                    "state": state.value,
                    "next_ms": next_ms,
                    "begun_ms": now_ms if delivery.begun_ms is None else delivery.begun_ms,
                    "ended_ms": None if state is DeliveryState.WAITING else now_ms,
                    "tries": delivery.tries + 1,
                    "answer": answer.status,
                    "why": answer.why[:_MOST_WHY],
                }
                connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(values))
                if state is DeliveryState.DEAD:
                    dead.append(delivery)
                if state is DeliveryState.WAITING:  # those behind it need not be looked at before
                    behind = and_(_of_parcel(delivery), deliveries.c.next_ms < next_ms)
                    connection.execute(update(deliveries).where(behind).values(next_ms=next_ms))
        return dead

    def list_page(
        self, webhook: str, state: DeliveryState | None, after: str | None, limit: int
    ) -> tuple[list[Delivery], str | None]:
        """Some of one webhook, newest first, and the cursor for more, None at the end.

        Raises:
            BadInput: the cursor is none of ours.
        """
        key = read_cursor(after, tuple[int, int, str])
        columns = deliveries.c.made_ms, deliveries.c.position, deliveries.c.id
        asked = select(deliveries).where(deliveries.c.webhook == webhook)
        if state is not None:
            asked = asked.where(deliveries.c.state == state.value)
        if key is not None:
            made, position, id_ = columns
            is_same = and_(made == key[0], or_(position < key[1], and_(position == key[1], id_ > key[2])))
            asked = asked.where(or_(made < key[0], is_same))
        asked = asked.order_by(columns[0].desc(), columns[1].desc(), columns[2]).limit(limit + 1)
        with self._records.read() as connection:
            found = [_delivery(row) for row in connection.execute(asked)]
        page = found[:limit]
        last = page[-1] if len(found) > limit else None
        return page, None if last is None else write_cursor((last.made_ms, last.position, last.id))

    def retry(self, webhook: str, id_: str, now_ms: int) -> Delivery:
        """Have one sent once more, whatever became of it; what waits before it of its parcel goes first, at once too.

        Raises:
            NotFound: the webhook has none of that id.
        """
        with self._records.begin() as connection:
            found = _get(connection, webhook, id_)
            connection.execute(update(deliveries).where(deliveries.c.id == id_).values(_anew(now_ms)))
            connection.execute(update(deliveries).where(_of_parcel(found)).values(next_ms=now_ms))
            return _get(connection, webhook, id_)

    def replay(self, webhook: str, now_ms: int, *, after: str | None = None, since_ms: int | None = None) -> int:
        """Send all once more that came behind one delivery, or from an instant on, in their order; how many.

        Raises:
            NotFound: the webhook has none of that id, or has it no more.
        """
        is_meant = [deliveries.c.webhook == webhook]
        with self._records.begin() as connection:
            if after is not None:
                is_meant.append(deliveries.c.position > _get(connection, webhook, after).position)
            if since_ms is not None:
                is_meant.append(deliveries.c.made_ms >= since_ms)
            return connection.execute(update(deliveries).where(*is_meant).values(_anew(now_ms))).rowcount

    def forget(self, before_ms: int) -> int:
        """Remove those from before an instant, whatever became of them; how many."""
        with self._records.begin() as connection:
            return connection.execute(delete(deliveries).where(deliveries.c.made_ms < before_ms)).rowcount

    def count_waiting(self) -> int:
        """How many wait, those of paused webhooks too."""
        is_meant = and_(deliveries.c.webhook == webhooks.c.id, deliveries.c.state == DeliveryState.WAITING.value)
        asked = select(func.count()).select_from(webhooks.join(deliveries, is_meant))  # by their index, not all of them
        with self._records.read() as connection:
            return connection.execute(asked).scalar_one()

    def _judge(self, delivery: Delivery, answer: Answer, now_ms: int) -> tuple[DeliveryState, int]:
        if answer.is_well:
            return DeliveryState.DELIVERED, delivery.next_ms
        begun_ms = now_ms if delivery.begun_ms is None else delivery.begun_ms
        next_ms = self._patience.find_next(delivery.tries, begun_ms, now_ms, answer.retry_s)
        if next_ms is None:
            return DeliveryState.DEAD, delivery.next_ms
        return DeliveryState.WAITING, next_ms


def keep_new(connection: Connection, new: Sequence[Delivery]) -> int:
    """Keep those that are not there yet, in the transaction of whoever reads on behind them; how many."""
    known: set[str] = set()
    for start in range(0, len(new), _CHUNK):
        some = [each.id for each in new[start : start + _CHUNK]]
        known |= set(connection.execute(select(deliveries.c.id).where(deliveries.c.id.in_(some))).scalars())
    rows = {
        each.id: {
            "id": each.id,
            "webhook": each.webhook,
            "position": each.position,
            "carrier": each.waybill.carrier,
            "number": each.waybill.number,
            "status": each.status,
            "body": each.body,
            "state": each.state.value,
            "made_ms": each.made_ms,
            "next_ms": each.next_ms,
            "tries": 0,
            "why": "",
        }
        for each in new
        if each.id not in known
    }
    if rows:
        connection.execute(insert(deliveries), list(rows.values()))
    return len(rows)


def _waits(webhook: str) -> ColumnElement[bool]:
    return and_(deliveries.c.webhook == webhook, deliveries.c.state == DeliveryState.WAITING.value)


def _of_parcel(delivery: Delivery) -> ColumnElement[bool]:
    """What waits of the same parcel."""
    waybill = delivery.waybill
    is_same = and_(deliveries.c.number == waybill.number, deliveries.c.carrier == waybill.carrier)
    return and_(_waits(delivery.webhook), is_same)


def _anew(now_ms: int) -> dict[str, Any]:
    state = DeliveryState.WAITING.value
    return {"state": state, "next_ms": now_ms, "begun_ms": None, "ended_ms": None, "tries": 0}


def _get(connection: Connection, webhook: str, id_: str) -> Delivery:
    asked = select(deliveries).where(deliveries.c.id == id_, deliveries.c.webhook == webhook)
    row = connection.execute(asked).one_or_none()
    if row is None:
        raise NotFound(f"no delivery has the id {id_[:40]!r}", mend="They are kept for some days only.")
    return _delivery(row)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        webhook=row.webhook,
        position=row.position,
        waybill=Waybill(row.carrier, row.number),
        status=row.status,
        body=row.body,
        state=DeliveryState(row.state),
        made_ms=row.made_ms,
        next_ms=row.next_ms,
        begun_ms=row.begun_ms,
        ended_ms=row.ended_ms,
        tries=row.tries,
        answer=row.answer,
        why=row.why,
    )
