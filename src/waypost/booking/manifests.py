"""Manifests: what a merchant hands over to a carrier at the end of a day, closed once and for all."""

import csv
import io
from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import and_, func, insert, select, update

from waypost.booking.orders import ParcelState
from waypost.booking.records import manifests, order_parcels, orders
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.errors import Conflict, NotFound
from waypost.store.protocols import Records
from waypost.store.repeats import is_made

#: The columns of a manifest as CSV.
COLUMNS = ("carrier", "number", "order", "piece", "weight_g", "sort_code")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed over at one time through one account."""

    id: str
    account: str
    closed_ms: int
    parcels: int
    weight_g: int


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a manifest: a parcel, by its waybill, the merchant's number of the order, and which it is, from 1."""

    carrier: str
    number: str
    order: str
    piece: int
    weight_g: int
    sort_code: str


class Manifests:
    """The manifests in `Records`. What a merchant does not own is not found."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def close(self, merchant: str, account: str, id_: str, now_ms: int, asked: str = "") -> Manifest:
        """Close the manifest of an account: every parcel that is booked through it and stands on none is on this one.

        The same id again gives the same manifest.

        Args:
            asked: by what a repeat is known; see `repeats.is_made`.

        Raises:
            KeyReused: the id is that of another one.
            Conflict: there is nothing to hand over.
        """
        own = select(orders.c.id).where(orders.c.merchant == merchant, orders.c.account == account)
        is_open = and_(
            order_parcels.c.order_id.in_(own),
            order_parcels.c.state == ParcelState.BOOKED.value,
            order_parcels.c.manifest_id.is_(None),
        )
        with self._records.begin() as connection:
            if not is_made(connection, manifests, id_, asked):
                row = {"id": id_, "merchant": merchant, "account": account, "closed_ms": now_ms, "asked": asked}
                connection.execute(insert(manifests).values(row))
                if not connection.execute(update(order_parcels).where(is_open).values(manifest_id=id_)).rowcount:
                    raise Conflict(f"no parcel is booked through {account[:64]!r} that stands on no manifest yet")
        return self.get(merchant, id_)

    def get(self, merchant: str, id_: str) -> Manifest:
        """One of them.

        Raises:
            NotFound: the merchant has none of that id.
        """
        for found in self._read(merchant, id_, None, 1):
            return found
        raise NotFound(f"no manifest has the id {id_[:40]!r}")

    def list_page(self, merchant: str, after: str | None, limit: int) -> tuple[list[Manifest], str | None]:
        """Some of them, newest first, and the cursor for more, None at the end.

        Raises:
            BadInput: the cursor is none of ours.
        """
        found = self._read(merchant, None, read_cursor(after, tuple[int, str]), limit + 1)
        page = found[:limit]
        return page, write_cursor((page[-1].closed_ms, page[-1].id)) if len(found) > limit else None

    def list_parcels(self, merchant: str, id_: str) -> list[HandedOver]:
        """The lines of one, by order and piece.

        Raises:
            NotFound: the merchant has none of that id.
        """
        self.get(merchant, id_)
        parcel = order_parcels.c
        own = (orders.c.reference, parcel.piece + 1)
        columns = (parcel.carrier, parcel.number, *own, parcel.weight_g, parcel.sort_code)
        asked = select(*columns).join(orders, orders.c.id == parcel.order_id).where(parcel.manifest_id == id_)
        with self._records.read() as connection:
            rows = connection.execute(asked.order_by(orders.c.reference, parcel.piece)).all()
        names = HandedOver.__struct_fields__
        return [HandedOver(**dict(zip(names, row, strict=True))) for row in rows]

    def _read(self, merchant: str, id_: str | None, before: tuple[int, str] | None, limit: int) -> list[Manifest]:
        count, weight = func.count(order_parcels.c.id), func.coalesce(func.sum(order_parcels.c.weight_g), 0)
        closed, id_column = manifests.c.closed_ms, manifests.c.id
        asked = (
            select(id_column, manifests.c.account, closed, count, weight)
            .join(order_parcels, order_parcels.c.manifest_id == id_column, isouter=True)
            .where(manifests.c.merchant == merchant)
            .group_by(id_column, manifests.c.account, closed)
            .order_by(closed.desc(), id_column)
            .limit(limit)
        )
        if id_ is not None:
            asked = asked.where(id_column == id_)
        if before is not None:
            asked = asked.where((closed < before[0]) | ((closed == before[0]) & (id_column > before[1])))
        with self._records.read() as connection:
            return [
                Manifest(id=row[0], account=row[1], closed_ms=row[2], parcels=row[3], weight_g=int(row[4]))
                for row in connection.execute(asked)
            ]


def write_csv(parcels: Sequence[HandedOver]) -> str:
    """A manifest as people hand it over: CSV with a line of headings."""
    return "".join(_lines(parcels))


def _lines(parcels: Sequence[HandedOver]) -> Iterator[str]:
    for values in (COLUMNS, *(msgspec.structs.astuple(parcel) for parcel in parcels)):
        line = io.StringIO()
        csv.writer(line).writerow(_plain(value) for value in values)
        yield line.getvalue()


def _plain(value: object) -> object:
    """Programs for sheets take what begins so for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else value
