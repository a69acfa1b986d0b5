"""Jobs: orders that are confirmed together, and what became of each that was asked for."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.engine import Connection

from waypost.booking.order_book import CONFIRMABLE, SAYS_WHOM, OrderBook, chunks, in_chunks
from waypost.booking.orders import OrderState
from waypost.booking.records import jobs, orders
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, NotFound
from waypost.store.protocols import Records
from waypost.store.repeats import is_made

#: So many of the orders that a job leaves are told.
MOST_LEFT = 1_000
#: Why one is passed over that says whom it is for.
_WHYS = {
    OrderState.BOOKED: "it is booked already",
    OrderState.QUEUED: "it waits for its carrier already",
    OrderState.CANCELLED: "it was cancelled: hand it in under another number",
}
_ERASED = "what it said of people was erased: hand it in anew, under another number"
#: What a job ends with that is not booked.
_IN_VAIN = [state.value for state in (OrderState.REFUSED, OrderState.DOUBTFUL, OrderState.CANCELLED)]


class LeftOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that a job was asked for and does not book.

    Attributes:
        reference: its merchant's number of it.
        state: how far it is now.
        why: it was passed over, or is not booked.
    """

    order: str
    reference: str
    state: OrderState
    why: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is: its orders by state.

    Attributes:
        left: those that it does not book; the first `MOST_LEFT`.
    """

    id: str
    made_ms: int
    orders: int
    states: Mapping[OrderState, int]
    left: Sequence[LeftOrder]

    @property
    def is_done(self) -> bool:
        """Whether no order of it waits any more."""
        return not self.states.get(OrderState.QUEUED)


class Jobs:
    """The jobs in `Records`. What a merchant does not own is not found."""

    def __init__(self, records: Records, book: OrderBook) -> None:
        self._records = records
        self._book = book

    def begin(
        self, merchant: str, ids: Sequence[str] | None, account: str, id_: str, now_ms: int, asked: str = ""
    ) -> Progress:
        """Confirm many at once, or (None) all drafts of a merchant, and have a look at how far they are by one id.

        What is booked, or under way, stays with the job that it is of: it is passed over, and so is what cannot be
        confirmed.

        Args:
            account: for orders that name none.
            asked: by what a repeat is known; see `repeats.is_made`.

        Raises:
            NotFound: one of them is none of the merchant's; none was confirmed.
            BadInput: one names no account, and none is given.
            KeyReused: the id is that of another job.
        """
        with self._records.begin() as connection:
            if not is_made(connection, jobs, id_, asked):
                named = self._list_drafts(connection, merchant) if ids is None else list(dict.fromkeys(ids))
                self._check(connection, merchant, named, account)
                chosen, passed_over = _choose(connection, named)
                row = {"id": id_, "merchant": merchant, "made_ms": now_ms, "orders": len(chosen), "asked": asked}
                connection.execute(insert(jobs).values(row | {"passed_over": msgspec.json.encode(passed_over)}))
                for some in chunks(chosen):
                    connection.execute(update(orders).where(orders.c.id.in_(some)).values(job_id=id_))
                self._book.confirm_in(connection, chosen, account, now_ms)
        return self.get(merchant, id_)

    def get(self, merchant: str | None, id_: str) -> Progress:
        """How far a job is; `merchant` None: whosever it is.

        Raises:
            NotFound: the merchant has none.
        """
        asked = select(jobs).where(jobs.c.id == id_, *([] if merchant is None else [jobs.c.merchant == merchant]))
        counts = select(orders.c.state, func.count()).where(orders.c.job_id == id_).group_by(orders.c.state)
        with self._records.read() as connection:
            row = connection.execute(asked).one_or_none()
            if row is None:
                raise NotFound(f"no job has the id {id_[:40]!r}")
            states = {OrderState(state): count for state, count in connection.execute(counts)}
            left = _list_left(connection, id_, row.passed_over)
        return Progress(id=id_, made_ms=row.made_ms, orders=row.orders, states=states, left=left)

    def list_orders(self, merchant: str, id_: str) -> Sequence[str]:
        """The orders of a job, as the merchant handed them in."""
        asked = select(orders.c.id).where(orders.c.merchant == merchant, orders.c.job_id == id_)
        with self._records.read() as connection:
            return connection.execute(asked.order_by(orders.c.made_ms, orders.c.reference)).scalars().all()

    def _list_drafts(self, connection: Connection, merchant: str) -> Sequence[str]:
        is_draft = and_(orders.c.merchant == merchant, SAYS_WHOM, orders.c.state == OrderState.DRAFT.value)
        return connection.execute(select(orders.c.id).where(is_draft)).scalars().all()

    def _check(self, connection: Connection, merchant: str, ids: Sequence[str], account: str) -> None:
        asked = select(orders.c.id, orders.c.merchant, orders.c.account)
        own = {row.id: row.account for row in in_chunks(connection, asked, ids) if row.merchant == merchant}
        if strange := [each for each in ids if each not in own]:
            raise NotFound(f"no order has the id {strange[0][:40]!r}", mend="`GET /v1/orders` lists them.")
        if not account and (vague := [each for each in ids if not own[each]]):
            mend = "Name an account for those orders that have none."
            raise BadInput(f"order {vague[0]} names none, and there are several", where="account", mend=mend)


def _choose(connection: Connection, ids: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Which of some orders can be confirmed; and the others, each with why not."""
    says_whom = SAYS_WHOM.label("says_whom")
    rows = {row.id: row for row in in_chunks(connection, select(orders.c.id, orders.c.state, says_whom), ids)}
    chosen: list[str] = []
    passed_over: list[tuple[str, str]] = []
    for id_ in ids:
        if not rows[id_].says_whom:
            passed_over.append((id_, _ERASED))
        elif rows[id_].state not in CONFIRMABLE:
            passed_over.append((id_, _WHYS[OrderState(rows[id_].state)]))
        else:
            chosen.append(id_)
    return chosen, passed_over


def _list_left(connection: Connection, id_: str, passed_over: bytes | None) -> list[LeftOrder]:
    whys = dict(decode(passed_over or b"[]", list[tuple[str, str]])[:MOST_LEFT])
    told = select(orders.c.id, orders.c.reference, orders.c.state, orders.c.why)
    over = {row.id: row for row in in_chunks(connection, told, list(whys))}
    in_vain = and_(orders.c.job_id == id_, orders.c.state.in_(_IN_VAIN))
    others = connection.execute(told.where(in_vain).order_by(orders.c.made_ms, orders.c.reference).limit(MOST_LEFT))
    left = [(over[each], why) for each, why in whys.items()] + [(row, row.why) for row in others]
    return [
        LeftOrder(order=row.id, reference=row.reference, state=OrderState(row.state), why=why) for row, why in left
    ][:MOST_LEFT]
