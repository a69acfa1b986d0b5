"""The order book: merchants' orders as they are kept, with how far each is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, bindparam, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from waypost.access.parties import ENDED
from waypost.access.sealing import Seal
from waypost.booking.issuing import Issued, Label
from waypost.booking.orders import (
    TO_BE_CHOSEN,
    KeptOrder,
    Order,
    OrderParcel,
    OrderState,
    ParcelState,
    PlannedParcel,
    check_order,
    digest_of,
    order_id,
    parcel_reference,
    plan_parcels,
    split_order,
)
from waypost.booking.people import nothing_of, refuse_erased
from waypost.booking.records import order_parcels, order_quotes, orders
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, Conflict, NotFound, StoreDamaged
from waypost.store.protocols import Records
from waypost.track.wire import Refusal

_CHUNK = 300
_MOST_WHY = 400
#: An order that does not open is looked at again after so long.
_DAMAGED_MS = 30 * 60_000
_TWICE = "stands here twice"
_ANOTHER = (
    "is the number of another order, which says something else: take another number, or change that one as a draft"
)
_NO_PART = "its merchant takes part no more"
_ERASED = "is the number of an order whose people were erased: take another number"
#: What is not known of a parcel before it is booked.
_UNTOLD = ("carrier", "number", "carrier_reference", "sort_code", "channel", "why", "label_type")

#: The states from which an order can be confirmed: what is booked of one that was refused stays booked.
CONFIRMABLE = (OrderState.DRAFT.value, OrderState.REFUSED.value, OrderState.DOUBTFUL.value)
SAYS_WHOM = and_(orders.c.erased_ms.is_(None), orders.c.body.is_not(None))

#: Orders of which it is still to be chosen by which service they go, and that nobody is booking.
_WAITS_FOR_A_CHOICE = (
    orders.c.state == OrderState.QUEUED.value,
    orders.c.account == TO_BE_CHOSEN,
    orders.c.until_ms.is_(None),
)


class Entered(StrEnum):
    """What became of an order that was handed in."""

    NEW = "new"
    KNOWN = "known"  #: it is there already, just so


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Of one order that was handed in, `row` as for refusals: what became of it, and its id."""

    row: int
    reference: str
    id: str
    outcome: Entered


class Receipt(msgspec.Struct, frozen=True):
    """What became of orders that were handed in: each is in one of the first two.

    Attributes:
        advice: what looks wrong in addresses of orders that were taken, by the rules of their countries.
    """

    entries: list[Entry]
    refusals: list[Refusal]
    advice: list[Refusal]


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders a list shows: `id` one alone. Instants are when an order was made, UTC milliseconds."""

    state: OrderState | None = None
    job: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    id: str | None = None


class OrderBook:
    """Reads and writes orders. What a merchant does not own is not found.

    Args:
        seal: for what merchants send, which names people.
    """

    def __init__(self, records: Records, seal: Callable[[], Seal]) -> None:
        self._records = records
        self._seal = seal

    def enter(
        self, merchant: str, handed_in: Sequence[tuple[int, Order]], now_ms: int, *, dry_run: bool = False
    ) -> Receipt:
        """Keep orders, each with its row in what was sent, as drafts. One that is wrong hinders no other.

        An order that is there already, just so, is known; under the same number with other contents it is refused.

        Args:
            dry_run: say what would become of them, and keep nothing.
        """
        receipt = Receipt([], [], [])
        good: dict[str, tuple[int, Order, str]] = {}
        for row, order in handed_in:
            id_, digest = order_id(merchant, order.reference), digest_of(order)
            try:
                check_order(order)
            except BadInput as error:
                receipt.refusals.append(Refusal(row, error.where or "", error.message.removeprefix(f"{error.where}: ")))
                continue
            if id_ in good:
                receipt.refusals.append(Refusal(row, "reference", _TWICE, order.reference))
            else:
                good[id_] = (row, order, digest)
        known: dict[str, str] = {}
        for some in chunks(list(good)):  # a sheet may have a hundred thousand, and others want to write meanwhile
            with self._records.read() if dry_run else self._records.begin() as connection:
                there = self._digests(connection, some)
                if not dry_run:
                    new = {id_: good[id_][1] for id_ in some if id_ not in there}
                    self._insert(connection, merchant, new, now_ms)
            known |= there
        for id_, (row, order, digest) in good.items():
            if known.get(id_, digest) != digest:
                why = _ANOTHER if known[id_] else _ERASED
                receipt.refusals.append(Refusal(row, "reference", why, order.reference))
            else:
                outcome = Entered.KNOWN if id_ in known else Entered.NEW
                receipt.entries.append(Entry(row=row, reference=order.reference, id=id_, outcome=outcome))
        receipt.refusals.sort(key=lambda refusal: refusal.row)
        return receipt

    def change(self, merchant: str, id_: str, order: Order, now_ms: int) -> KeptOrder:
        """Put another order in the place of a draft, or of one that was refused whole; then it is a draft.

        Raises:
            NotFound: the merchant has no such order.
            Conflict: it is confirmed, or some of it is booked.
            BadInput: it cannot be shipped as it stands, or has another number.
        """
        check_order(order)
        with self._records.begin() as connection:
            row = self._row(connection, merchant, id_, to_change=True)
            if row.reference != order.reference:
                raise BadInput("is another number: it is how the order is known", where="reference")
            if row.state not in (OrderState.DRAFT.value, OrderState.REFUSED.value):
                raise Conflict(f"the order is {row.state}, and only drafts and those that were refused can be changed")
            refuse_erased(_erased_ms(row))
            begun = (order_parcels.c.order_id == id_) & (order_parcels.c.state != ParcelState.PLANNED.value)
            if connection.execute(select(order_parcels.c.id).where(begun)).first() is not None:
                raise Conflict("some of the order is booked, or may be", mend="Cancel it, and hand it in anew.")
            connection.execute(order_parcels.delete().where(order_parcels.c.order_id == id_))
            values = {"body": self.seal(id_, order), "digest": digest_of(order), "changed_ms": now_ms}
            values |= {"account": _account_of(order), "state": OrderState.DRAFT.value, "why": "", "service": None}
            connection.execute(delete(order_quotes).where(order_quotes.c.order_id == id_))  # of what it was before
            connection.execute(update(orders).where(orders.c.id == id_).values(values))
            connection.execute(insert(order_parcels), _plan(id_, order))
        return self.get(merchant, id_)

    def split(self, merchant: str, id_: str, parcels: Sequence[PlannedParcel], now_ms: int) -> KeptOrder:
        """Pack an order otherwise, as long as no carrier may know of it. Handed in again as it was, it is known still.

        Raises:
            NotFound: the merchant has no such order.
            Conflict: it is booked, waits to be, or there may be a waybill of it.
            BadInput: it cannot be packed so; see `split_order`.
        """
        with self._records.begin() as connection:
            row = self._row(connection, merchant, id_, to_change=True)
            refuse_erased(_erased_ms(row))
            [kept] = self._kept(connection, [row])
            packed = split_order(kept.order, parcels)
            is_refused = kept.state is OrderState.REFUSED
            if not is_refused and kept.state is not OrderState.DRAFT:
                raise Conflict(f"the order is {kept.state.value}, and only what is not booked can be packed otherwise")
            if any(parcel.state is not ParcelState.PLANNED for parcel in kept.parcels):
                raise Conflict("a parcel of it has a waybill, or may have one")
            connection.execute(order_parcels.delete().where(order_parcels.c.order_id == id_))
            values = {"body": self.seal(id_, packed), "changed_ms": now_ms}
            connection.execute(update(orders).where(orders.c.id == id_).values(values))
            connection.execute(insert(order_parcels), _plan(id_, packed))
        return self.get(merchant, id_)

    def get(self, merchant: str | None, id_: str) -> KeptOrder:
        """One order; `merchant` None: whosever it is.

        Raises:
            NotFound: the merchant has none.
        """
        with self._records.read() as connection:
            row = self._row(connection, merchant, id_)
            [kept] = self._kept(connection, [row])
        return kept

    def find_orders(self, ids: Sequence[str]) -> dict[str, KeptOrder]:
        """Those of some orders that are there and whose contents were not erased, whosever they are, by id."""
        found: dict[str, KeptOrder] = {}
        with self._records.read() as connection:
            for some in chunks(ids):
                asked = select(orders).where(orders.c.id.in_(some), orders.c.body.is_not(None))
                found |= {kept.id: kept for kept in self._kept(connection, connection.execute(asked).all())}
        return found

    def list_by_numbers(self, account: str, numbers: Sequence[str]) -> list[KeptOrder]:
        """The orders booked with an account to which waybills of these numbers belong, each once."""
        numbered = select(orders.c.id).distinct().join(order_parcels, order_parcels.c.order_id == orders.c.id)
        found: dict[str, KeptOrder] = {}
        with self._records.read() as connection:
            for some in chunks(numbers):
                asked = numbered.where(orders.c.account == account, order_parcels.c.number.in_(some))
                ids = connection.execute(asked).scalars().all()
                rows = connection.execute(select(orders).where(orders.c.id.in_(ids), orders.c.body.is_not(None))).all()
                found |= {kept.id: kept for kept in self._kept(connection, rows)}
        return list(found.values())

    def list_page(
        self, merchant: str | None, filters: Filters, after: str | None, limit: int
    ) -> tuple[list[KeptOrder], str | None]:
        """Some orders, newest first, and the cursor for more, None at the end.

        Raises:
            BadInput: the cursor is none of ours.
        """
        key = read_cursor(after, tuple[int, str])
        asked = select(orders).where(*_meant(merchant, filters))
        if key is not None:
            made, id_ = orders.c.made_ms, orders.c.id
            asked = asked.where(or_(made < key[0], and_(made == key[0], id_ > key[1])))
        asked = asked.order_by(orders.c.made_ms.desc(), orders.c.id).limit(limit + 1)
        with self._records.read() as connection:
            rows = connection.execute(asked).all()
            page = self._kept(connection, rows[:limit])
        return page, write_cursor((page[-1].made_ms, page[-1].id)) if len(rows) > limit else None

    def confirm(self, merchant: str, id_: str, account: str, now_ms: int, *, is_not_there: bool = False) -> KeptOrder:
        """Let an order wait for its carrier. One that waits or is booked already stays as it is.

        Args:
            account: for an order that names none.
            is_not_there: of one that is in doubt: somebody looked, and the carrier has no waybill of it.

        Raises:
            NotFound: the merchant has no such order.
            Conflict: it was cancelled.
        """
        with self._records.begin() as connection:
            row = self._row(connection, merchant, id_, to_change=True)
            if row.state == OrderState.CANCELLED.value:
                raise Conflict("the order was cancelled", mend="Hand it in under another number.")
            refuse_erased(_erased_ms(row))
            if is_not_there and row.state == OrderState.DOUBTFUL.value:
                in_doubt = and_(order_parcels.c.order_id == id_, order_parcels.c.state == ParcelState.ASKED.value)
                connection.execute(update(order_parcels).where(in_doubt).values(state=ParcelState.PLANNED.value))
            self.confirm_in(connection, [id_], account, now_ms)
        return self.get(merchant, id_)

    def confirm_in(self, connection: Connection, ids: Sequence[str], account: str, now_ms: int) -> None:
        """Let those of some orders that can be confirmed wait, in the transaction of whoever has looked at them."""
        chosen = func.coalesce(func.nullif(orders.c.account, ""), account)
        values = {"state": OrderState.QUEUED.value, "account": chosen, "changed_ms": now_ms, "next_ms": now_ms}
        for some in chunks(ids):
            is_meant = and_(orders.c.id.in_(some), orders.c.state.in_(CONFIRMABLE), SAYS_WHOM)
            connection.execute(update(orders).where(is_meant).values(values | {"tries": 0, "why": ""}))

    def leave(self, ids: Sequence[str], now_ms: int) -> None:
        """Let those of some orders wait no more whose merchant takes part no more, and that nobody is booking.

        Where there may be a waybill, it stays in doubt.
        """
        is_waiting = and_(orders.c.state == OrderState.QUEUED.value, is_free(now_ms), orders.c.merchant.in_(ENDED))
        is_asked = and_(order_parcels.c.order_id == orders.c.id, order_parcels.c.state == ParcelState.ASKED.value)
        state = case((exists().where(is_asked), OrderState.DOUBTFUL.value), else_=OrderState.REFUSED.value)
        values = {"state": state, "changed_ms": now_ms, "next_ms": None, "why": _NO_PART}
        with self._records.begin() as connection:
            connection.execute(update(orders).where(orders.c.id.in_(ids), is_waiting).values(values))

    def claim(self, ids: Sequence[str], now_ms: int, until_ms: int) -> list[KeptOrder]:
        """Have those of some orders that wait, and that nobody has, for oneself; they are as they were before.

        From here on their carriers may have been asked for each parcel that has no waybill, and that is written down.
        """
        is_waiting = and_(orders.c.id.in_(ids), orders.c.state == OrderState.QUEUED.value, is_free(now_ms))
        with self._records.begin() as connection:
            rows = connection.execute(select(orders).where(is_waiting).with_for_update()).all()
            kept = self._open_each(connection, rows, now_ms)
            claimed = [each.id for each in kept]
            planned = and_(order_parcels.c.order_id.in_(claimed), order_parcels.c.state == ParcelState.PLANNED.value)
            connection.execute(update(orders).where(orders.c.id.in_(claimed)).values(until_ms=until_ms))
            connection.execute(update(order_parcels).where(planned).values(state=ParcelState.ASKED.value))
        return kept

    def list_to_choose(self, ids: Sequence[str], now_ms: int) -> list[KeptOrder]:
        """Those of some orders that wait and whose service is not chosen yet. One that does not open waits longer."""
        with self._records.begin() as connection:
            rows = connection.execute(select(orders).where(orders.c.id.in_(ids), *_WAITS_FOR_A_CHOICE)).all()
            return self._open_each(connection, rows, now_ms)

    def note_choice(self, connection: Connection, id_: str, account: str, service: str) -> bool:
        """Write down by which service an order goes, before its carrier is asked; False if that is known already."""
        choosing = update(orders).where(orders.c.id == id_, *_WAITS_FOR_A_CHOICE)
        return bool(connection.execute(choosing.values(account=account, service=service)).rowcount)

    def note_no_choice(self, connection: Connection, id_: str, why: str, now_ms: int) -> bool:
        """Refuse an order that no service takes; False if one was chosen meanwhile, or it does not wait any more."""
        refusing = update(orders).where(orders.c.id == id_, *_WAITS_FOR_A_CHOICE)
        values = {"state": OrderState.REFUSED.value, "changed_ms": now_ms, "why": why[:_MOST_WHY], "next_ms": None}
        return bool(connection.execute(refusing.values(values)).rowcount)

    @contextmanager
    def holding(self, id_: str, now_ms: int, until_ms: int) -> Iterator[bool]:
        """Have an order for oneself, however far it is; False if another has it."""
        with self._records.begin() as connection:
            taking = update(orders).where(orders.c.id == id_, is_free(now_ms))
            is_held = bool(connection.execute(taking.values(until_ms=until_ms)).rowcount)
        try:
            yield is_held
        finally:
            if is_held:
                with self._records.begin() as connection:
                    connection.execute(update(orders).where(orders.c.id == id_).values(until_ms=None))

    def list_due(self, account: str, now_ms: int, most: int) -> list[str]:
        """Orders that wait for a carrier whose turn has come and that nobody has claimed, the longest waiting first."""
        return self._list_due(orders.c.account == account, now_ms, most)

    def list_stray(self, accounts: Sequence[str], now_ms: int, most: int) -> list[str]:
        """The same of orders whose account is none of these."""
        return self._list_due(orders.c.account.not_in(accounts), now_ms, most)

    def _list_due(self, is_meant: ColumnElement[bool], now_ms: int, most: int) -> list[str]:
        is_due = and_(orders.c.next_ms <= now_ms, orders.c.state == OrderState.QUEUED.value)
        asked = select(orders.c.id).where(is_due, is_free(now_ms), is_meant)
        with self._records.read() as connection:
            return list(connection.execute(asked.order_by(orders.c.next_ms, orders.c.id).limit(most)).scalars())

    def release_all(self) -> int:
        """Nobody has any order any more: for the start of the only process that books; how many were claimed."""
        with self._records.begin() as connection:
            freeing = update(orders).where(orders.c.until_ms.is_not(None)).values(until_ms=None)
            return connection.execute(freeing).rowcount

    def note_booked(self, connection: Connection, issued: Issued, now_ms: int) -> None:
        """Write a waybill down, in the transaction of whoever tells others of it."""
        label = issued.label
        connection.execute(
            update(order_parcels)
            .where(order_parcels.c.id == issued.reference)
            .values(
                state=ParcelState.BOOKED.value,
                carrier=issued.waybill.carrier,
                number=issued.waybill.number,
                carrier_reference=issued.carrier_reference,
                sort_code=issued.sort_code[:64],
                channel=issued.channel[:120],
                booked_ms=now_ms,
                why="",
                label_type="" if label is None else label.content_type,
                label=None if label is None else self._seal().seal(label.content, issued.reference),
            )
        )

    def note_parcel(self, connection: Connection, reference: str, state: ParcelState, why: str = "") -> None:
        """Write down how far a parcel is that has no waybill, or none any more."""
        noting = update(order_parcels).where(order_parcels.c.id == reference)
        connection.execute(noting.values(state=state.value, why=why[:_MOST_WHY]))

    def settle(
        self,
        connection: Connection,
        id_: str,
        state: OrderState,
        now_ms: int,
        *,
        why: str = "",
        next_ms: int | None = None,
        tries: int = 0,
    ) -> None:
        """Say how far an order is now, and let it go."""
        values = {"state": state.value, "changed_ms": now_ms, "why": why[:_MOST_WHY], "next_ms": next_ms}
        connection.execute(update(orders).where(orders.c.id == id_).values(values | {"tries": tries, "until_ms": None}))

    def find_labels(self, parcels: Sequence[OrderParcel]) -> dict[str, Label | StoreDamaged]:
        """The papers that are here, by the references of their parcels; or that one does not open."""
        found: dict[str, Label | StoreDamaged] = {}
        asked = select(order_parcels.c.id, order_parcels.c.label, order_parcels.c.label_type)
        with self._records.read() as connection:
            for some in chunks([parcel.reference for parcel in parcels]):
                here = and_(order_parcels.c.id.in_(some), order_parcels.c.label.is_not(None))
                for row in connection.execute(asked.where(here)):
                    try:
                        content = self._seal().open(row.label, row.id)
                        found[row.id] = Label(content=content, content_type=row.label_type)
                    except StoreDamaged as error:
                        found[row.id] = error
        return found

    def keep_labels(self, labels: Mapping[str, Label]) -> None:
        """Keep papers of waybills, by the references of their parcels. Of people who were erased none is kept."""
        if not labels:
            return
        rows = [
            {"reference": id_, "sealed": self._seal().seal(label.content, id_), "kind": label.content_type}
            for id_, label in labels.items()
        ]
        of_people = exists().where(orders.c.id == order_parcels.c.order_id, orders.c.erased_ms.is_(None))
        keep = update(order_parcels).where(order_parcels.c.id == bindparam("reference"), of_people)
        with self._records.begin() as connection:
            connection.execute(keep.values(label=bindparam("sealed"), label_type=bindparam("kind")), rows)

    def list_these(self, ids: Sequence[str]) -> list[KeptOrder]:
        """Orders by their ids, in that order."""
        with self._records.read() as connection:
            kept = {each.id: each for each in self._kept(connection, list(in_chunks(connection, select(orders), ids)))}
        return [kept[id_] for id_ in ids]

    def _insert(self, connection: Connection, merchant: str, new: Mapping[str, Order], now_ms: int) -> None:
        rows = [
            {
                "id": id_,
                "merchant": merchant,
                "reference": order.reference,
                "state": OrderState.DRAFT.value,
                "account": _account_of(order),
                "made_ms": now_ms,
                "changed_ms": now_ms,
                "tries": 0,
                "why": "",
                "digest": digest_of(order),
                "body": self.seal(id_, order),
            }
            for id_, order in new.items()
        ]
        if rows:
            connection.execute(insert(orders), rows)
            connection.execute(insert(order_parcels), [row for id_, order in new.items() for row in _plan(id_, order)])

    def seal(self, id_: str, order: Order) -> bytes:
        """An order as it is kept."""
        return self._seal().seal(msgspec.json.encode(order), id_)

    def open(self, id_: str, body: bytes) -> Order:
        """The order again.

        Raises:
            StoreDamaged: it does not open.
        """
        return decode(self._seal().open(body, id_), Order)

    def _digests(self, connection: Connection, ids: Sequence[str]) -> dict[str, str]:
        return {row.id: row.digest for row in in_chunks(connection, select(orders.c.id, orders.c.digest), ids)}

    def _row(self, connection: Connection, merchant: str | None, id_: str, *, to_change: bool = False) -> Row[Any]:
        asked = select(orders).where(orders.c.id == id_, *([] if merchant is None else [orders.c.merchant == merchant]))
        if to_change:  # nobody else may meanwhile
            asked = asked.with_for_update()
        row = connection.execute(asked).one_or_none()
        if row is None:
            raise NotFound(f"no order has the id {id_[:40]!r}", mend="`GET /v1/orders` lists them.")
        return row

    def _open_each(self, connection: Connection, rows: Sequence[Row[Any]], now_ms: int) -> list[KeptOrder]:
        """Those that open; the others may be brought back, so they wait longer, and hold up nobody else's."""
        kept: list[KeptOrder] = []
        for row in rows:
            try:
                kept += self._kept(connection, [row])
            except StoreDamaged as error:
                later = {"next_ms": now_ms + _DAMAGED_MS, "why": str(error)[:_MOST_WHY]}
                connection.execute(update(orders).where(orders.c.id == row.id).values(later))
        return kept

    def _kept(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[KeptOrder]:
        ids = [row.id for row in rows]
        shown = [column for column in order_parcels.c if column.name != "label"]
        pieces: dict[str, list[OrderParcel]] = {id_: [] for id_ in ids}
        for some in chunks(ids):
            asked = select(*shown).where(order_parcels.c.order_id.in_(some)).order_by(order_parcels.c.piece)
            for row in connection.execute(asked):
                pieces[row.order_id].append(_parcel(row))
        return [self._order(row, pieces[row.id]) for row in rows]

    def _order(self, row: Row[Any], parcels: Sequence[OrderParcel]) -> KeptOrder:
        return KeptOrder(
            id=row.id,
            merchant=row.merchant,
            state=OrderState(row.state),
            order=nothing_of(row.reference) if row.body is None else self.open(row.id, row.body),
            account=row.account,
            parcels=tuple(parcels),
            made_ms=row.made_ms,
            changed_ms=row.changed_ms,
            job=row.job_id,
            next_ms=row.next_ms,
            tries=row.tries,
            why=row.why,
            service=row.service or "",
            erased_ms=_erased_ms(row),
        )


def is_free(now_ms: int) -> ColumnElement[bool]:
    """Whether nobody has an order for itself."""
    return or_(orders.c.until_ms.is_(None), orders.c.until_ms <= now_ms)


def _account_of(order: Order) -> str:
    return TO_BE_CHOSEN if order.choose else order.account


def _erased_ms(row: Row[Any]) -> int | None:
    """When an order was erased; of one whose key was let go of nobody knows, and it was later than its last change."""
    found: int | None = row.changed_ms if row.body is None else row.erased_ms
    return found


def _plan(id_: str, order: Order) -> list[dict[str, Any]]:
    return [
        {
            "id": parcel_reference(id_, piece),
            "order_id": id_,
            "piece": piece,
            "state": ParcelState.PLANNED.value,
            "weight_g": parcel.weight_g,
            **dict.fromkeys(_UNTOLD, ""),
        }
        for piece, parcel in enumerate(plan_parcels(order))
    ]


def _parcel(row: Row[Any]) -> OrderParcel:
    return OrderParcel(
        piece=row.piece,
        reference=row.id,
        state=ParcelState(row.state),
        weight_g=row.weight_g,
        carrier=row.carrier,
        number=row.number,
        carrier_reference=row.carrier_reference,
        sort_code=row.sort_code,
        channel=row.channel,
        booked_ms=row.booked_ms,
        why=row.why,
    )


def _meant(merchant: str | None, filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if merchant is not None:
        found.append(orders.c.merchant == merchant)
    if filters.state is not None:
        found.append(orders.c.state == filters.state.value)
    if filters.job is not None:
        found.append(orders.c.job_id == filters.job)
    if filters.since_ms is not None:
        found.append(orders.c.made_ms >= filters.since_ms)
    if filters.until_ms is not None:
        found.append(orders.c.made_ms < filters.until_ms)
    if filters.id is not None:
        found.append(orders.c.id == filters.id)
    return found


def in_chunks(connection: Connection, asked: Select[Any], ids: Sequence[str]) -> Iterable[Row[Any]]:
    """Rows of `orders` with some ids, however many these are."""
    for some in chunks(ids):
        yield from connection.execute(asked.where(orders.c.id.in_(some)))


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """So many as one statement may name."""
    for start in range(0, len(texts), _CHUNK):
        yield texts[start : start + _CHUNK]
