"""The teller reads what changed, finds whose it is, and has it written down who is to be told.

What is to be told and how far was read are written together. So a crash loses nothing, and what is read twice is
known by its id.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from waypost.booking.owners import Owned, find_owners
from waypost.care.news import Audience, Change
from waypost.care.records import reading
from waypost.model.carriage import Waybill
from waypost.model.errors import Gone
from waypost.model.places import Facility
from waypost.network.facilities import Facilities
from waypost.store.protocols import Changes, ParcelIndex, Records
from waypost.track.fold import NEW_PARCEL, NEW_STATUS
from waypost.track.statuses import bears_status, get_status

_ROW = "changes"
_IDENTITY = ("carrier", "number", "status", "before_status", "at", "code", "facility")
_COLUMNS = ("position", "carrier", "number", "code", "facility", "offset_min", "status", "before_status", "told")
#: Changes that are read at one time.
AT_ONCE = 2_000


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn of the teller did.

    Attributes:
        changes: that were read. `told` deliveries came of them.
        missed: some had gone before they were read.
        is_needed: there is anybody to tell.
    """

    changes: int = 0
    told: int = 0
    missed: bool = False
    is_needed: bool = True


class Teller:
    """Reads `Changes` on from where it was, one turn at a time; one thread.

    Args:
        audiences: those who may be told. What they are to be told is written in one transaction.
    """

    def __init__(
        self,
        changes: Changes,
        index: ParcelIndex,
        records: Records,
        facilities: Facilities,
        audiences: Sequence[Audience],
    ) -> None:
        self._changes = changes
        self._index = index
        self._records = records
        self._facilities = facilities
        self._audiences = audiences
        self._read_to: int | None = None

    def settle(self) -> None:
        """Before the first turn ever, begin at the present: what was before there was anybody to tell is not told."""
        with self._records.begin() as connection:
            if _cursor(connection) is None:
                _move(connection, self._index.position() - 1)

    def turn(self, now_ms: int, most: int = AT_ONCE) -> Read:
        """Read some changes, and write down who is to be told of them. `settle` has to be called before."""
        end = self._index.position()
        with self._records.read() as connection:
            after, is_needed = _cursor(connection), self._is_anybody_there(connection)
        assert after is not None
        if not is_needed:
            self._pass_over(end - 1, after)
            self._read_to = end
            return Read(is_needed=False)
        try:
            table = self._changes.read(after, most)
        except Gone as gone:
            self._skip(gone.start - 1, now_ms)
            return Read(missed=True)
        if table.num_rows < most:
            self._read_to = end
        if not table.num_rows:
            return Read()
        news = self._news_of(table)
        with self._records.read() as connection:
            owners = find_owners(connection, [Waybill(row["carrier"], row["number"]) for row in news])
        news = [row for row in news if Waybill(row["carrier"], row["number"]) in owners]
        places = self._facilities.find_many((row["carrier"], row["facility"]) for row in news if row["facility"])
        changes = _join(news, owners, places)
        with self._records.begin() as connection:
            told = sum(each.keep(connection, changes, now_ms) for each in self._audiences)
            _move(connection, table.column("position")[-1].as_py())
        return Read(changes=table.num_rows, told=told)

    def find_lag(self) -> int:
        """How many scans were indexed since it last had read everything."""
        read_to = self._read_to
        if read_to is None:
            with self._records.read() as connection:
                read_to = (_cursor(connection) or 0) + 1
        return max(self._index.position() - read_to, 0)

    def count_gaps(self) -> int:
        """How often changes had gone before they were read."""
        with self._records.read() as connection:
            return connection.execute(select(reading.c.gaps)).scalar_one_or_none() or 0

    def _is_anybody_there(self, connection: Connection) -> bool:
        return any(each.is_there(connection) for each in self._audiences)

    def _pass_over(self, position: int, after: int) -> None:
        """Nobody is to be told: who comes later is told of what changes later."""
        if position > after:
            with self._records.begin() as connection:
                if not self._is_anybody_there(connection):
                    _move(connection, position)

    def _skip(self, position: int, now_ms: int) -> None:
        """Go on behind what has gone, and say so to everybody whom it may have concerned."""
        with self._records.begin() as connection:
            connection.execute(update(reading).values(position=position, gaps=reading.c.gaps + 1))
            for each in self._audiences:
                each.note_gap(connection, now_ms)

    def _news_of(self, table: pa.Table) -> list[dict[str, Any]]:
        """The changes by which a parcel has another status than before."""
        status = np.asarray(table.column("status"))
        told = np.asarray(table.column("told"))
        is_news = bears_status(status) & ((told & (NEW_PARCEL | NEW_STATUS)) != 0)
        rows: list[dict[str, Any]] = table.select(_COLUMNS).filter(pa.array(is_news)).to_pylist()
        at = table.column("at").cast(pa.int64()).filter(pa.array(is_news)).to_pylist()
        return [row | {"at": at_ms} for row, at_ms in zip(rows, at, strict=True)]


def _join(
    news: Sequence[Mapping[str, Any]],
    owners: Mapping[Waybill, Owned],
    places: Mapping[tuple[str, str], Facility],
) -> list[Change]:
    changes = []
    for row in news:
        waybill, before = Waybill(row["carrier"], row["number"]), get_status(row["before_status"])
        is_first = bool(row["told"] & NEW_PARCEL) or before.phase < 0
        changes.append(
            Change(
                position=row["position"],
                key=tuple(str(row[name]) for name in _IDENTITY),
                waybill=waybill,
                owned=owners[waybill],
                status=get_status(row["status"]),
                before=None if is_first else before,
                at_ms=row["at"],
                offset_min=row["offset_min"],
                facility=row["facility"] or "",
                place=places.get((row["carrier"], row["facility"])),
            )
        )
    return changes


def _cursor(connection: Connection) -> int | None:
    found: int | None = connection.execute(select(reading.c.position)).scalar_one_or_none()
    return found


def _move(connection: Connection, position: int) -> None:
    if not connection.execute(update(reading).values(position=position)).rowcount:
        connection.execute(insert(reading).values(id=_ROW, position=position, gaps=0))
