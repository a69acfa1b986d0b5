"""Forecasts of volumes as they are kept: working one out takes too long for who asks a server."""

import zlib
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Row

from waypost.forecast.calendars import Mark
from waypost.forecast.counts import By
from waypost.forecast.error_card import ErrorCard
from waypost.forecast.overload import Overload
from waypost.forecast.parcels import ParcelForecast
from waypost.forecast.records import volume_forecasts
from waypost.model.decoding import decode
from waypost.model.errors import NotFound, StoreDamaged
from waypost.store.protocols import Records

#: Of each kind so many are kept, the newest.
MOST_KEPT = 5


class KeptForecast(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast, and what it was made of.

    Attributes:
        made_ms: when.
        scans_end_ms: when the newest scan was made that was known then.
        marks: holidays and sales days among its days.
        card: how far the same way of forecasting was off on the newest days; None where there was too little to tell.
        overloads: hours in which hubs get too full, where their capacity was told.
    """

    id: str
    made_ms: int
    scans_end_ms: int
    forecast: ParcelForecast
    marks: list[Mark]
    card: ErrorCard | None
    overloads: list[Overload]


class VolumeShelf:
    """Forecasts in `Records`."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def keep(self, kept: KeptForecast) -> None:
        """Keep one, and of its kind no more than the newest few."""
        table = volume_forecasts.c
        basis = kept.forecast.by
        content = zlib.compress(msgspec.json.encode(kept))
        with self._records.begin() as connection:
            row = {"id": kept.id, "basis": basis, "made_ms": kept.made_ms, "content": content}
            connection.execute(insert(volume_forecasts).values(row))
            newest = select(table.id).where(table.basis == basis).order_by(table.made_ms.desc(), table.id)
            stays = list(connection.scalars(newest.limit(MOST_KEPT)))
            connection.execute(delete(volume_forecasts).where(table.basis == basis, table.id.not_in(stays)))

    def get(self, by: By, id_: str | None = None) -> KeptForecast:
        """The newest of a kind, or the one of an id.

        Raises:
            NotFound: there is none.
        """
        table = volume_forecasts.c
        query = select(volume_forecasts).where(table.basis == by).order_by(table.made_ms.desc(), table.id).limit(1)
        if id_ is not None:
            query = query.where(table.id == id_)
        with self._records.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            of = "" if id_ is None else f" under {id_[:40]!r}"
            mend = f"`waypost forecast volume --by {by} --keep` makes one."
            raise NotFound(f"no forecast by {by} is kept{of}", mend=mend)
        return _kept(row)

    def list_all(self) -> list[KeptForecast]:
        """All that are kept, newest first."""
        table = volume_forecasts.c
        query = select(volume_forecasts).order_by(table.made_ms.desc(), table.id)
        with self._records.read() as connection:
            return [_kept(row) for row in connection.execute(query)]


def _kept(row: Row[Any]) -> KeptForecast:
    try:
        return decode(zlib.decompress(row.content), KeptForecast)
    except (msgspec.MsgspecError, zlib.error) as error:
        raise StoreDamaged(f"a forecast in the records cannot be read: {error}") from None
