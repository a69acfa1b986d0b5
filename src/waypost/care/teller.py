"""The teller reads what changed, finds whose it is, and writes down who is to be told.

What is to be told and how far was read are written together. So a crash loses nothing, and what is read twice is
known by its id.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from waypost.booking.owners import Owned, find_owners
from waypost.care.deliveries import Delivery, keep_new
from waypost.care.records import reading, webhooks
from waypost.care.subscriptions import Webhook, list_subscribed
from waypost.model.carriage import Waybill
from waypost.model.errors import Gone
from waypost.model.instants import format_utc
from waypost.model.places import Facility
from waypost.network.facilities import Facilities
from waypost.store.protocols import Changes, ParcelIndex, Records
from waypost.track.fold import NEW_PARCEL, NEW_STATUS
from waypost.track.statuses import bears_status, get_status
from waypost.track.timeline import local_text

STATUS_TYPE = "parcel.status"
PING_TYPE = "ping"
_ROW = "changes"
_IDENTITY = ("carrier", "number", "status", "before_status", "at", "code", "facility")
_COLUMNS = ("position", "carrier", "number", "code", "facility", "offset_min", "status", "before_status", "told")
#: Changes that are read at one time.
AT_ONCE = 2_000


class OrderTold(msgspec.Struct, frozen=True):
    """The order that a parcel is of: our id of it, and the merchant's own number."""

    id: str
    reference: str


class WaybillTold(msgspec.Struct, frozen=True):
    """A number, and whose it is."""

    carrier: str
    number: str


class PlaceTold(msgspec.Struct, frozen=True):
    """Where, at city level."""

    city: str | None
    region: str | None
    country: str | None


class StatusTold(msgspec.Struct, frozen=True):
    """What a webhook is told of a parcel. Nothing of it says who anybody is.

    Attributes:
        piece: which parcel of the order, from 0.
        status: as it is now, by the unified code; `group` that it belongs to.
        before: as it was; None for the first.
        at: RFC 3339, when the scan was taken that led to it; `place` where, if that is known.
    """

    order: OrderTold
    piece: int
    waybill: WaybillTold
    status: str
    group: str
    before: str | None
    at: str
    place: PlaceTold | None


class News(msgspec.Struct, frozen=True):
    """The body of a message. `timestamp` is when it was made, however often it is sent."""

    type: str
    timestamp: str
    data: Any


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
    """Reads `Changes` on from where it was, one turn at a time; one thread."""

    def __init__(self, changes: Changes, index: ParcelIndex, records: Records, facilities: Facilities) -> None:
        self._changes = changes
        self._index = index
        self._records = records
        self._facilities = facilities
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
            after, is_needed = _cursor(connection), _is_anybody_there(connection)
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
        with self._records.begin() as connection:
            found = list_subscribed(connection, sorted({each.merchant for each in owners.values()})) if news else []
            told = keep_new(connection, list(_draft(news, owners, found, places, now_ms)))
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

    def _pass_over(self, position: int, after: int) -> None:
        """Nobody is to be told: who comes later is told of what changes later."""
        if position > after:
            with self._records.begin() as connection:
                if not _is_anybody_there(connection):
                    _move(connection, position)

    def _skip(self, position: int, now_ms: int) -> None:
        """Go on behind what has gone, and say so to everybody whom it may have concerned."""
        with self._records.begin() as connection:
            connection.execute(update(reading).values(position=position, gaps=reading.c.gaps + 1))
            connection.execute(update(webhooks).values(missed_ms=now_ms))

    def _news_of(self, table: pa.Table) -> list[dict[str, Any]]:
        """The changes by which a parcel has another status than before."""
        status = np.asarray(table.column("status"))
        told = np.asarray(table.column("told"))
        is_news = bears_status(status) & ((told & (NEW_PARCEL | NEW_STATUS)) != 0)
        rows: list[dict[str, Any]] = table.select(_COLUMNS).filter(pa.array(is_news)).to_pylist()
        at = table.column("at").cast(pa.int64()).filter(pa.array(is_news)).to_pylist()
        return [row | {"at": at_ms} for row, at_ms in zip(rows, at, strict=True)]


def _draft(
    news: Sequence[Mapping[str, Any]],
    owners: Mapping[Waybill, Owned],
    found: Sequence[Webhook],
    places: Mapping[tuple[str, str], Facility],
    now_ms: int,
) -> list[Delivery]:
    drafted = []
    for row in news:
        waybill = Waybill(row["carrier"], row["number"])
        owned, status = owners[waybill], get_status(row["status"])
        of_merchant = [each for each in found if each.party == owned.merchant]
        meant = [each for each in of_merchant if not each.statuses or status.code in each.statuses]
        if not meant:
            continue
        told = _tell(row, owned, waybill, places.get((row["carrier"], row["facility"])))
        body = msgspec.json.encode(News(STATUS_TYPE, format_utc(now_ms), told))
        drafted += [
            Delivery(
                id=_id_of(webhook.id, row),
                webhook=webhook.id,
                position=row["position"],
                waybill=waybill,
                status=status.code,
                body=body,
                made_ms=now_ms,
                next_ms=now_ms,
            )
            for webhook in meant
        ]
    return drafted


def _tell(row: Mapping[str, Any], owned: Owned, waybill: Waybill, facility: Facility | None) -> StatusTold:
    status, before = get_status(row["status"]), get_status(row["before_status"])
    place = facility.place if facility else None
    is_first = bool(row["told"] & NEW_PARCEL) or before.phase < 0
    return StatusTold(
        order=OrderTold(owned.order, owned.reference),
        piece=owned.piece,
        waybill=WaybillTold(waybill.carrier, waybill.number),
        status=status.code,
        group=status.group,
        before=None if is_first else before.code,
        at=local_text(row["at"], row["offset_min"], facility),
        place=PlaceTold(place.city, place.region, place.country) if place else None,
    )


def _id_of(webhook: str, row: Mapping[str, Any]) -> str:
    """The same for the same news, which after a crash may be read once more under another position."""
    text = "\x1f".join([webhook, *(str(row[name]) for name in _IDENTITY)])
    return f"msg_{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def _cursor(connection: Connection) -> int | None:
    found: int | None = connection.execute(select(reading.c.position)).scalar_one_or_none()
    return found


def _is_anybody_there(connection: Connection) -> bool:
    return connection.execute(select(webhooks.c.id).limit(1)).first() is not None


def _move(connection: Connection, position: int) -> None:
    if not connection.execute(update(reading).values(position=position)).rowcount:
        connection.execute(insert(reading).values(id=_ROW, position=position, gaps=0))
