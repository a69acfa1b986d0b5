"""Erasure: what orders say of people goes, when its time is over or somebody asks. What accounts need stays.

Erased are the two ends of the order and what was in it, the carriers' papers, links for consignees, and the digits of
telephone numbers by which carriers are asked. Everything of one order goes in one transaction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.engine import Connection, Row

from waypost.access.sealed import SealedColumn, search_sealed
from waypost.access.sealing import Seal
from waypost.access.trail import COMMAND, WAYPOST, Trail
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import KeptOrder, OrderState, ParcelState
from waypost.booking.people import Sought, erase_people
from waypost.booking.records import labels, links, order_parcels, orders, pickups, proofs
from waypost.booking.sorting.records import sort_codes
from waypost.model.carriage import Waybill
from waypost.model.errors import Conflict, NotFound, StoreDamaged
from waypost.model.instants import DAY_MS
from waypost.store.protocols import Records
from waypost.track.endings import Ending
from waypost.track.records import forget_notes
from waypost.track.watches import forget_tails

#: Of a parcel that nobody ever saw arrive it is thought that it ended when nothing was heard of it for so long.
SILENT_MS = 60 * DAY_MS
_AT_ONCE = 100

#: Of some waybills, how far they are; see `Endings.find`.
FindEndings = Callable[[Sequence[Waybill]], Mapping[Waybill, Ending]]


class Erased(msgspec.Struct, frozen=True):
    """That an order was erased, and when: UTC milliseconds. Nothing of it says who anybody is."""

    id: str
    erased_ms: int


class Erasure:
    """Erases people from orders, and finds them.

    Args:
        find_endings: how far parcels are.
    """

    def __init__(self, records: Records, book: OrderBook, seal: Callable[[], Seal], find_endings: FindEndings) -> None:
        self._records = records
        self._book = book
        self._seal = seal
        self._find_endings = find_endings

    def erase(
        self, merchant: str | None, id_: str, now_ms: int, *, on_the_way: bool = False, by: str = COMMAND
    ) -> KeptOrder:
        """Erase the people of one order; `merchant` None: whosever it is. Repeating it changes nothing.

        Args:
            on_the_way: even while its parcels are: nobody can then print their labels or draft the way back.
            by: who erases it, as in the audit trail.

        Raises:
            NotFound: the merchant has no such order.
            Conflict: it waits for its carrier, or its parcels are on their way.
            StoreDamaged: it does not open.
        """
        if self._is_erased(merchant, id_):
            return self._book.get(merchant, id_)
        self.check(id_, now_ms, on_the_way=on_the_way)
        with self._records.begin() as connection:
            if not self._erase(connection, id_, now_ms, by):
                raise _about_to_be_booked()
        return self._book.get(merchant, id_)

    def check(self, id_: str, now_ms: int, *, on_the_way: bool) -> None:
        """See whether the people of an order can be erased now.

        Raises:
            Conflict: as `erase`.
        """
        waybills = self._list_waybills([id_]).get(id_, [])
        if not on_the_way and (moving := self._find_moving(waybills)):
            mend = "Erase it when they arrived; or say that it is to be erased even so."
            raise Conflict(f"{moving[0].number} of {moving[0].carrier} is on its way: its people are needed", mend=mend)
        with self._records.read() as connection:
            if connection.execute(select(orders.c.id).where(orders.c.id == id_, _is_idle(now_ms))).first() is None:
                raise _about_to_be_booked()

    def erase_old(self, now_ms: int, keep_ms: int) -> int:
        """Erase the people of orders that ended so long ago; how many there were.

        An order ended when its last parcel did, or when it was last changed if that was later; one whose parcels nobody
        saw arrive, when nothing was heard of them for `SILENT_MS`.

        Raises:
            StoreDamaged: some do not open; the others are erased.
        """
        self._forget_pickups(now_ms - keep_ms)
        done, damaged = 0, 0
        after = (0, "")
        while rows := self._list_old(after, now_ms - keep_ms):
            after = rows[-1].changed_ms, rows[-1].id
            waybills = self._list_waybills([row.id for row in rows])
            endings = self._find_endings([each for some in waybills.values() for each in some])
            over = [row.id for row in rows if _over_ms(row, waybills, endings, keep_ms) <= now_ms]
            try:
                with self._records.begin() as connection:
                    done += sum(self._erase(connection, id_, now_ms, WAYPOST) for id_ in over)
            except StoreDamaged:  # of one: the others by themselves
                more, worse = self._erase_each(over, now_ms, WAYPOST)
                done, damaged = done + more, damaged + worse
        _refuse_damaged(damaged)
        return done

    def _forget_pickups(self, before_ms: int) -> None:
        """Who handed parcels over; that a carrier was asked to come is kept."""
        is_old = and_(pickups.c.made_ms <= before_ms, pickups.c.body.is_not(None))
        with self._records.begin() as connection:
            connection.execute(update(pickups).where(is_old).values(body=None))

    def erase_again(self, ids: Sequence[str], now_ms: int) -> int:
        """Erase orders that were erased before, and came back with a backup; of how many they came back.

        What is not here, or waits for its carrier, is passed over.

        Raises:
            StoreDamaged: some do not open; the others are erased.
        """
        done, damaged = self._erase_each(ids, now_ms, COMMAND)
        _refuse_damaged(damaged)
        return done

    def _erase_each(self, ids: Sequence[str], now_ms: int, by: str) -> tuple[int, int]:
        """How many of some orders were erased, and how many do not open; their key may be brought back."""
        done, damaged = 0, 0
        for id_ in ids:
            try:
                with self._records.begin() as connection:
                    done += self._erase(connection, id_, now_ms, by)
            except StoreDamaged:
                damaged += 1
        return done, damaged

    def list_erased(self, since_ms: int) -> Iterator[Erased]:
        """Those that were erased from an instant on, in that order."""
        after = (since_ms, "")
        at, id_ = orders.c.erased_ms, orders.c.id
        while True:
            is_behind = tuple_(at, id_) > after
            with self._records.read() as connection:
                rows = connection.execute(select(id_, at).where(is_behind).order_by(at, id_).limit(_AT_ONCE)).all()
            yield from (Erased(*row) for row in rows)
            if not rows:
                return
            after = rows[-1].erased_ms, rows[-1].id

    def count(self) -> int:
        """How many orders say anything of people: so many are opened by a search."""
        with self._records.read() as connection:
            return connection.execute(select(func.count()).where(orders.c.erased_ms.is_(None))).scalar_one()

    def find(
        self, sought: Sought, damaged: list[str], tell: Callable[[], object] = lambda: None
    ) -> Iterator[KeptOrder]:
        """The orders to or from a person, by id. Each that still says anything of people is opened.

        Args:
            damaged: gets the ids of those that do not open.
            tell: called for each that was looked at.

        Raises:
            BadInput: nobody is sought.
        """
        sought.check()

        def is_meant(body: bytes) -> bool:
            tell()
            return sought.is_in(body)

        # not by the index on `erased_ms`, for they are wanted by id
        where: list[ColumnElement[bool]] = [func.coalesce(orders.c.erased_ms, 0) == 0]
        if sought.reference.strip():  # which stands in the clear
            where.append(orders.c.reference == sought.reference.strip())
        column = SealedColumn(orders, is_all=False)
        for id_ in search_sealed(self._records, column, self._seal(), is_meant, damaged, *where):
            yield self._book.get(None, id_)

    def _is_erased(self, merchant: str | None, id_: str) -> bool:
        asked = select(orders.c.id, orders.c.erased_ms).where(orders.c.id == id_)
        if merchant is not None:
            asked = asked.where(orders.c.merchant == merchant)
        with self._records.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            raise NotFound(f"no order has the id {id_[:40]!r}", mend="`GET /v1/orders` lists them.")
        return row.erased_ms is not None

    def _find_moving(self, waybills: Sequence[Waybill]) -> list[Waybill]:
        endings = self._find_endings(waybills) if waybills else {}
        return [each for each in waybills if each not in endings or not endings[each].is_over]

    def _list_old(self, after: tuple[int, str], before_ms: int) -> Sequence[Row[Any]]:
        """Orders that were last changed before an instant, behind another in that order."""
        at, id_ = orders.c.changed_ms, orders.c.id
        is_meant = and_(orders.c.erased_ms.is_(None), at <= before_ms, tuple_(at, id_) > after)
        with self._records.read() as connection:
            asked = select(id_, at).where(is_meant).order_by(at, id_).limit(_AT_ONCE)
            return list(connection.execute(asked))

    def _list_waybills(self, ids: Sequence[str]) -> dict[str, list[Waybill]]:
        """Of some orders the waybills that hold."""
        parcel = order_parcels.c
        asked = select(parcel.order_id, parcel.carrier, parcel.number).where(
            parcel.order_id.in_(ids), parcel.state == ParcelState.BOOKED.value
        )
        found: dict[str, list[Waybill]] = {}
        with self._records.read() as connection:
            for row in connection.execute(asked):
                found.setdefault(row.order_id, []).append(Waybill(row.carrier, row.number))
        return found

    def _erase(self, connection: Connection, id_: str, now_ms: int, by: str) -> bool:
        """Erase one; False if it is erased already, not here, or somebody is about to book it."""
        is_meant = and_(orders.c.erased_ms.is_(None), _is_idle(now_ms))
        row = connection.execute(select(orders).where(orders.c.id == id_, is_meant).with_for_update()).one_or_none()
        if row is None:
            return False
        values: dict[str, Any] = {"erased_ms": now_ms, "why": "", "digest": ""}
        if row.body is not None:
            values["body"] = self._book.seal(id_, erase_people(self._book.open(id_, row.body)))
        connection.execute(update(orders).where(orders.c.id == id_).values(values))
        parcel = order_parcels.c
        numbered = select(parcel.carrier, parcel.number).where(parcel.order_id == id_, parcel.number != "")
        waybills = [Waybill(*each) for each in connection.execute(numbered)]
        references = select(parcel.id).where(parcel.order_id == id_)
        connection.execute(delete(links).where(links.c.id.in_(references)))
        connection.execute(delete(proofs).where(proofs.c.parcel_id.in_(references)))
        connection.execute(
            delete(sort_codes).where(sort_codes.c.parcel.in_(references))
        )  # they say where somebody lives
        gone = {"label": None, "label_type": "", "sort_code": "", "why": ""}
        connection.execute(update(order_parcels).where(parcel.order_id == id_).values(gone))
        for waybill in waybills:
            is_its = and_(labels.c.number == waybill.number, labels.c.carrier == waybill.carrier)
            connection.execute(delete(labels).where(is_its))
        forget_tails(connection, row.account, [each.number for each in waybills])
        forget_notes(connection, waybills)
        Trail.write(connection, by, "order.erased", id_, now_ms)
        return True


def _is_idle(now_ms: int) -> ColumnElement[bool]:
    """Nobody books it, nor is about to."""
    is_free = or_(orders.c.until_ms.is_(None), orders.c.until_ms <= now_ms)
    return and_(orders.c.state != OrderState.QUEUED.value, is_free)


def _about_to_be_booked() -> Conflict:
    return Conflict("the order is about to be booked", mend="Cancel it first, or wait until it is booked.")


def _refuse_damaged(count: int) -> None:
    if count:
        mend = "`waypost admin seal list` says which key is gone; `seal drop --with-rows` removes what lies under it."
        raise StoreDamaged(
            f"{count} orders that are to be erased do not open, and were not; all others were", mend=mend
        )


def _over_ms(
    row: Row[Any], waybills: Mapping[str, Sequence[Waybill]], endings: Mapping[Waybill, Ending], keep_ms: int
) -> int:
    """From when on an order is to be erased."""
    known = [endings.get(each) for each in waybills.get(row.id, ())]
    heard: list[int] = [each.at_ms for each in known if each is not None and each.at_ms is not None]
    is_over = all(each is not None and each.is_over for each in known)
    changed_ms: int = row.changed_ms
    return max([changed_ms, *heard]) + (keep_ms if is_over else max(keep_ms, SILENT_MS))
