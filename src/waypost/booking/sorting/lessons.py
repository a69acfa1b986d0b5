"""What a sorter learns: where parcels of orders were delivered from, what people answered, and files of addresses.

The code of a delivery is the hub that scanned the parcel last, the outlet that did so after it, and nothing of the
courier, whom scans do not name. Each parcel is learnt once, and never what is not known to the end, nor one whose
order was erased: what is left of its address would teach wrong.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import ColumnElement, FromClause, Select, and_, insert, select
from sqlalchemy.engine import Connection

from waypost.booking.order_book import OrderBook
from waypost.booking.orders import KeptOrder, ParcelState
from waypost.booking.records import order_parcels, orders
from waypost.booking.sorting.addresses import place_of_address
from waypost.booking.sorting.codes import CodeState
from waypost.booking.sorting.places import DELIVERIES
from waypost.booking.sorting.records import sort_codes, sort_files, sort_lessons
from waypost.booking.sorting.shelf import KeptSorter, Known, Sorters
from waypost.model.instants import DAY_MS
from waypost.model.places import Facility, FacilityKind
from waypost.network.facilities import Facilities
from waypost.store.protocols import Memory
from waypost.track.statuses import get_status
from waypost.track.tables import CodeTables
from waypost.track.timeline import judge_timeline

#: A parcel that was not delivered within so long of being booked is not looked for any more.
LOOKED_FOR_MS = 120 * DAY_MS
#: So many parcels are learnt at one time, and looked up at one time.
_MOST, _AT_ONCE = 5_000, 250
_MOST_SCANS = 500
_OUTLETS = (FacilityKind.OUTLET, FacilityKind.STATION)


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel that went somewhere: under which code, and when, UTC milliseconds."""

    parcel: str
    order: str
    code: str
    delivered_ms: int


class Lessons:
    """Teaches the sorters of some carriers what is here.

    Args:
        carriers: those whose parcels get codes from here.
    """

    def __init__(
        self,
        sorters: Sorters,
        book: OrderBook,
        memory: Memory,
        tables: CodeTables,
        facilities: Facilities,
        carriers: Collection[str],
    ) -> None:
        self._sorters = sorters
        self._book = book
        self._memory = memory
        self._tables = tables
        self._facilities = facilities
        self._carriers = sorted(set(carriers))

    def learn(self, now_ms: int) -> int:
        """Learn what was answered and delivered since; how many parcels.

        Raises:
            WaypostError: of the first carrier whose sorter cannot be taught; see `Sorters.learn`.
        """
        return sum(self.learn_of(carrier, now_ms) for carrier in self._carriers)

    def learn_of(self, carrier: str, now_ms: int) -> int:
        """The same of one carrier."""
        found = self._answered(carrier) + self._delivered(carrier, now_ms)
        kept: dict[str, KeptOrder] = self._book.find_orders(list({each.order for each in found}))
        known = {id_ for id_, each in kept.items() if each.erased_ms is None}  # they may have been erased meanwhile
        lessons = [each for each in {each.parcel: each for each in found}.values() if each.order in known]
        if not lessons:
            return 0
        rows = [
            place_of_address(kept[each.order].order.consignee) | {"code": each.code, "delivered_ms": each.delivered_ms}
            for each in lessons
        ]

        def note(connection: Connection) -> None:
            parcels = [each.parcel for each in lessons]
            for start in range(0, len(parcels), _AT_ONCE):
                some = sort_lessons.c.parcel.in_(parcels[start : start + _AT_ONCE])
                if connection.execute(select(sort_lessons.c.parcel).where(some).limit(1)).first():
                    raise Known  # somebody else was quicker: what is left of them is learnt the next time
            learnt = [{"parcel": parcel, "carrier": carrier, "learnt_ms": now_ms} for parcel in parcels]
            connection.execute(insert(sort_lessons), learnt)

        table = pa.Table.from_pylist(rows, schema=DELIVERIES)
        return 0 if self._sorters.learn(carrier, table, now_ms, note) is None else len(lessons)

    def _answered(self, carrier: str) -> list[Lesson]:
        answered = and_(sort_codes.c.carrier == carrier, sort_codes.c.state == CodeState.ANSWERED.value)
        columns = (order_parcels.c.id, order_parcels.c.order_id, sort_codes.c.code, sort_codes.c.answered_ms)
        joined = order_parcels.join(sort_codes, sort_codes.c.parcel == order_parcels.c.id)
        asked = _unlearnt(joined, columns, answered)
        with self._memory.records.read() as connection:
            rows = connection.execute(asked.order_by(sort_codes.c.parcel).limit(_MOST)).all()
        return [Lesson(parcel=row[0], order=row[1], code=row[2], delivered_ms=row[3]) for row in rows]

    def _delivered(self, carrier: str, now_ms: int) -> list[Lesson]:
        """Those that were delivered, as far as their scans say where from."""
        is_booked = and_(
            order_parcels.c.carrier == carrier,
            order_parcels.c.state == ParcelState.BOOKED.value,
            order_parcels.c.booked_ms >= now_ms - LOOKED_FOR_MS,
        )
        columns = (order_parcels.c.id, order_parcels.c.order_id, order_parcels.c.number)
        found: list[Lesson] = []
        after = ""
        while len(found) < _MOST:
            asked = _unlearnt(order_parcels, columns, is_booked).where(order_parcels.c.id > after)
            with self._memory.records.read() as connection:
                rows = connection.execute(asked.order_by(order_parcels.c.id).limit(_AT_ONCE)).all()
            if not rows:
                break
            after = rows[-1].id
            told = self._find_codes(carrier, [row.number for row in rows])
            for row in rows:
                if row.number in told:
                    code, at_ms = told[row.number]
                    found.append(Lesson(parcel=row.id, order=row.order_id, code=code, delivered_ms=at_ms))
        return found

    def _find_codes(self, carrier: str, numbers: Sequence[str]) -> dict[str, tuple[str, int]]:
        """By number the code and the instant of the delivery."""
        index = self._memory.index
        states = index.states(numbers, carrier)
        is_over = [get_status(number).milestone == "delivered" for number in states.column("status").to_pylist()]
        over = [number for number, ended in zip(states.column("number").to_pylist(), is_over, strict=True) if ended]
        if not over:
            return {}
        scans = index.timelines(over, carrier, _MOST_SCANS)
        own = np.array(scans.column("number").to_pylist(), object)
        found: dict[str, tuple[str, int]] = {}
        for number in over:
            timeline = scans.take(pa.array(np.flatnonzero(own == number)))
            if (told := self._read_delivery(carrier, timeline)) is not None:
                found[number] = told
        return found

    def _read_delivery(self, carrier: str, timeline: pa.Table) -> tuple[str, int] | None:
        judged = judge_timeline(timeline, self._tables)
        rows = np.flatnonzero(judged.stands)
        delivered = [row for row in rows if get_status(int(judged.statuses[row])).milestone == "delivered"]
        if not delivered:
            return None
        codes = judged.scans.column("facility").cast(pa.string()).to_pylist()
        visited = [codes[row] for row in rows if row <= delivered[-1] and codes[row]]
        places = self._facilities.find_many({(carrier, code) for code in visited})
        code = code_of([places[carrier, each] for each in visited if (carrier, each) in places])
        at_ms = int(judged.scans.column("at").cast(pa.int64())[int(delivered[-1])].as_py())
        return None if code is None else (code, at_ms)


def code_of(visited: Sequence[Facility]) -> str | None:
    """The sort code of a way: its last hub, and the last outlet behind that; None if no hub is known on it.

    A hyphen in a code would begin the next part: it is written as an underscore.
    """
    hubs = [place for place, each in enumerate(visited) if each.kind is FacilityKind.HUB]
    if not hubs:
        return None
    outlets = [each for each in visited[hubs[-1] + 1 :] if each.kind in _OUTLETS]
    parts = [visited[hubs[-1]].code, *(each.code for each in outlets[-1:])]
    code = "-".join("_".join(part.replace("-", "_").split()) for part in parts)
    return code if len(code) <= 64 else None


def learn_file(
    sorters: Sorters, carrier: str, name: str, digest: str, deliveries: pa.Table, now_ms: int
) -> KeptSorter | None:
    """Learn the deliveries of a file; None if it was learnt before.

    Raises:
        BadInput, WrongFormat, Conflict: see `Sorters.learn`.
    """

    def note(connection: Connection) -> None:
        id_ = f"{carrier}/{digest}"[:64]
        if connection.execute(select(sort_files.c.id).where(sort_files.c.id == id_)).first():
            raise Known
        values: Mapping[str, Any] = {"carrier": carrier, "name": name[:200], "learnt_ms": now_ms}
        connection.execute(insert(sort_files).values(id=id_, deliveries=len(deliveries), **values))

    return sorters.learn(carrier, deliveries, now_ms, note)


def _unlearnt(parcels: FromClause, columns: Sequence[Any], is_meant: ColumnElement[bool]) -> Select[Any]:
    """Of parcels that no sorter has learnt, and whose orders say where they went."""
    lesson = parcels.outerjoin(sort_lessons, sort_lessons.c.parcel == order_parcels.c.id)
    lesson = lesson.join(orders, orders.c.id == order_parcels.c.order_id)
    is_left = and_(sort_lessons.c.parcel.is_(None), orders.c.erased_ms.is_(None), orders.c.body.is_not(None))
    return select(*columns).select_from(lesson).where(is_meant, is_left)
