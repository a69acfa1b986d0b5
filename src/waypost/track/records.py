"""Parcels and the links between their numbers, in `Records`."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, or_, select
from sqlalchemy.engine import Connection, Row

from waypost.model.carriage import Parcel, Waybill
from waypost.model.places import Place
from waypost.store.tables import METADATA
from waypost.store.upsert import upsert

_ENDS = ("origin", "destination")
_PLACE = ("city", "region", "country")

parcels = Table(
    "parcels",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("carrier", String(32), nullable=False),
    Column("number", String(64), nullable=False),
    Column("order_number", String(64), index=True),
    *(Column(f"{end}_{part}", String(120)) for end in _ENDS for part in _PLACE),
    Column("promised_ms", BigInteger),
    Column("weight_g", Integer),
    Column("note", String(400)),
    Index(None, "number", "carrier", unique=True),
)

#: Further numbers of a parcel, valid for scans from `since_ms` to before `until_ms`; a number may be used again later.
links = Table(
    "links",
    METADATA,
    Column("parcel_id", String(32), ForeignKey("parcels.id"), primary_key=True),
    Column("carrier", String(32), primary_key=True),
    Column("number", String(64), primary_key=True),
    Column("since_ms", BigInteger),
    Column("until_ms", BigInteger),
    Index(None, "number"),
)

_CHUNK = 300  # three parameters a number; SQLite takes at least 999


def keep_parcels(connection: Connection, found: Iterable[Parcel]) -> None:
    """Add parcels, or bring known ones up to date."""
    upsert(connection, parcels, [_row(parcel) for parcel in found])


def keep_link(
    connection: Connection, parcel_id: str, waybill: Waybill, since_ms: int | None = None, until_ms: int | None = None
) -> None:
    """Say that a parcel also bears that number, for scans from an instant to before another."""
    key = {"parcel_id": parcel_id, "carrier": waybill.carrier, "number": waybill.number}
    upsert(connection, links, [key | {"since_ms": since_ms, "until_ms": until_ms}])


class Link(msgspec.Struct, frozen=True):
    """One further number of a parcel, and from when to before when it holds."""

    parcel_id: str
    waybill: Waybill
    since_ms: int | None
    until_ms: int | None

    def holds(self, at_ms: int) -> bool:
        """Whether a scan of that instant belongs to the parcel."""
        return (self.since_ms is None or at_ms >= self.since_ms) and (self.until_ms is None or at_ms < self.until_ms)


def settle_links(found: Iterable[Link]) -> list[Link]:
    """The same links, ended so that no two of one waybill hold at once: each scan belongs to one parcel.

    A link ends where the next one of its waybill begins, whichever parcel bears it; of those that begin together the
    one of the last parcel by id stays.

    Args:
        found: all links of the waybills that they name.
    """

    def since_ms(link: Link) -> int:
        return link.since_ms or 0  # nothing is kept from before 1970

    ordered = sorted(
        found, key=lambda link: (link.waybill.carrier, link.waybill.number, since_ms(link), link.parcel_id)
    )
    settled = []
    for link, following in itertools.pairwise([*ordered, None]):
        assert link is not None
        if following is not None and following.waybill == link.waybill:
            end_ms = since_ms(following)
            if link.until_ms is None or link.until_ms > end_ms:
                link = msgspec.structs.replace(link, until_ms=end_ms)
        settled.append(link)
    return settled


def find_parcels(connection: Connection, texts: Sequence[str]) -> list[Parcel]:
    """The parcels that bear one of some numbers, be it the waybill, the order or a linked number."""
    found: dict[str, Parcel] = {}
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        linked = select(links.c.parcel_id).where(links.c.number.in_(chunk))
        where = or_(parcels.c.number.in_(chunk), parcels.c.order_number.in_(chunk), parcels.c.id.in_(linked))
        for row in connection.execute(select(parcels).where(where).order_by(parcels.c.number, parcels.c.carrier)):
            found[row.id] = _parcel(row)
    return list(found.values())


def list_links(connection: Connection, parcel_ids: Sequence[str]) -> list[Link]:
    """The further numbers of some parcels, as `settle_links` ends them; by parcel, then waybill."""
    own = _select_links(connection, links.c.parcel_id, parcel_ids)
    rivals = _select_links(connection, links.c.number, list({link.waybill.number for link in own}))
    asked = set(parcel_ids)
    return sorted((link for link in settle_links(rivals) if link.parcel_id in asked), key=_link_key)


def list_all_links(connection: Connection) -> list[tuple[Waybill, Link]]:
    """Every further number of every parcel, with the waybill under which the parcel was first known.

    Ended as by `settle_links`.
    """
    first_of: dict[str, Waybill] = {}
    found = []
    first = [parcels.c.carrier.label("first_carrier"), parcels.c.number.label("first_number")]
    for row in connection.execute(select(links, *first).join(parcels, parcels.c.id == links.c.parcel_id)):
        first_of[row.parcel_id] = Waybill(row.first_carrier, row.first_number)
        found.append(_link(row))
    return [(first_of[link.parcel_id], link) for link in settle_links(found)]


def _select_links(connection: Connection, column: Column[Any], values: Sequence[str]) -> list[Link]:
    found = []
    for start in range(0, len(values), _CHUNK):
        where = column.in_(values[start : start + _CHUNK])
        found += [_link(row) for row in connection.execute(select(links).where(where))]
    return found


def _link(row: Row[Any]) -> Link:
    return Link(row.parcel_id, Waybill(row.carrier, row.number), row.since_ms, row.until_ms)


def _link_key(link: Link) -> tuple[str, str, str]:
    return link.parcel_id, link.waybill.carrier, link.waybill.number


def _row(parcel: Parcel) -> dict[str, object]:
    row: dict[str, object] = {
        "id": parcel.id,
        "carrier": parcel.waybill.carrier,
        "number": parcel.waybill.number,
        "order_number": parcel.order_number,
        "promised_ms": parcel.promised_ms,
        "weight_g": parcel.weight_g,
        "note": parcel.note,
    }
    for end in _ENDS:
        place: Place | None = getattr(parcel, end)
        row |= {f"{end}_{part}": place and getattr(place, part) for part in _PLACE}
    return row


def _parcel(row: Row[Any]) -> Parcel:
    ends = {}
    for end in _ENDS:
        parts = {part: getattr(row, f"{end}_{part}") for part in _PLACE}
        ends[end] = Place(**parts) if any(parts.values()) else None
    return Parcel(
        id=row.id,
        waybill=Waybill(row.carrier, row.number),
        order_number=row.order_number,
        promised_ms=row.promised_ms,
        weight_g=row.weight_g,
        note=row.note,
        **ends,
    )
