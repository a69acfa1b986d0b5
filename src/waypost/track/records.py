"""Parcels and the links between their numbers, in `Records`."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection, Row

from waypost.access.sealed import SealedColumn
from waypost.model.carriage import Parcel, Waybill
from waypost.model.errors import BadInput
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

#: What carriers pushed, as it came: `body` is sealed, for names and telephone numbers stand in it.
pushes = Table(
    "pushes",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("scans", Integer, nullable=False, server_default="0"),
    Column("refused", Integer, nullable=False, server_default="0"),
    Column("why", String(400)),
    Index(None, "account", "received_ms"),
    Index(None, "received_ms", "account", "outcome"),
)

#: Waybills to ask carriers after, by account: see `track/watches.py`. Those whose watch has ended have no `next_ms`.
watches = Table(
    "watches",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("number", String(64), nullable=False),
    Column("phone_tail", LargeBinary),  # sealed
    Column("since_ms", BigInteger, nullable=False),
    Column("asked_ms", BigInteger),
    Column("next_ms", BigInteger),
    Column("told", String(16), nullable=False),
    Column("chance", Integer),
    Column("pushing", String(16), nullable=False),
    Column("failures", Integer, nullable=False),
    Index(None, "account", "number", unique=True),
    Index(None, "account", "next_ms"),
)
Index(
    "ix_watches_unasked",
    watches.c.account,
    watches.c.since_ms,
    sqlite_where=(watches.c.pushing == "unasked") & watches.c.next_ms.is_not(None),
    postgresql_where=(watches.c.pushing == "unasked") & watches.c.next_ms.is_not(None),
)

#: Until when an account is left alone, and for how long the next time: see `track/rests.py`.
rests = Table(
    "rests",
    METADATA,
    Column("account", String(64), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Column("next_rest_ms", BigInteger, nullable=False),
    Column("why", String(400), nullable=False),
)

#: Files of scans that carriers handed in, and how they went: `report` is sealed, for lines of them stand in it.
files = Table(
    "files",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("carrier", String(32), nullable=False),
    Column("source", String(80), nullable=False),
    Column("name", String(200), nullable=False),
    Column("received_ms", BigInteger, nullable=False, index=True),
    Column("outcome", String(16), nullable=False),
    Column("scans", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("why", String(400), nullable=False),
    Column("report", LargeBinary, nullable=False),
)

SEALED = (SealedColumn(pushes), SealedColumn(watches, "phone_tail", is_all=False), SealedColumn(files, "report"))

#: The columns of `list_all_links`, and how many links it gives at most: some 20 MB.
LINK_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("link_carrier", "link_number", "first_carrier", "first_number")]
    + [(name, pa.int64()) for name in ("since_ms", "until_ms")]
)
MOST_LINKS = 200_000

#: The columns of `list_told`, and how many parcels it gives at most: some 50 MB.
TOLD_SCHEMA = pa.schema(
    [
        ("told_carrier", pa.string()),
        ("told_number", pa.string()),
        ("told_area", pa.string()),
        ("promised_ms", pa.int64()),
    ]
)
MOST_TOLD = 500_000

_CHUNK = 300  # three parameters a number; SQLite takes at least 999


def keep_parcels(connection: Connection, found: Sequence[Parcel]) -> list[tuple[Parcel, BadInput]]:
    """Add parcels, or bring known ones up to date.

    Returns:
        Those that were not kept, and why: a parcel of another id was accepted under that waybill.
    """
    borne = _in_chunks(connection, select(parcels), parcels.c.number, sorted({each.waybill.number for each in found}))
    bearers = {Waybill(row.carrier, row.number): row.id for row in borne}
    kept, refused = [], []
    for parcel in found:
        bearer = bearers.setdefault(parcel.waybill, parcel.id)
        if bearer == parcel.id:
            kept.append(_row(parcel))
        else:
            where = f"parcel {parcel.id}"
            refused.append(
                (
                    parcel,
                    BadInput(
                        f"{parcel.waybill.number!r:.80} of {parcel.waybill.carrier!r:.40} is the waybill of {bearer}",
                        where=where,
                        mend="Link further numbers to a parcel, or give it the id that it has.",
                    ),
                )
            )
    upsert(connection, parcels, kept)
    return refused


def keep_link(
    connection: Connection, parcel_id: str, waybill: Waybill, since_ms: int | None = None, until_ms: int | None = None
) -> None:
    """Say that a parcel also bears that number, for scans from an instant to before another."""
    key = {"parcel_id": parcel_id, "carrier": waybill.carrier, "number": waybill.number}
    upsert(connection, links, [key | {"since_ms": since_ms, "until_ms": until_ms}])


def forget_notes(connection: Connection, waybills: Sequence[Waybill]) -> None:
    """Forget what somebody noted of some parcels: a note may name people."""
    for waybill in waybills:
        is_meant = (parcels.c.number == waybill.number) & (parcels.c.carrier == waybill.carrier)
        connection.execute(update(parcels).where(is_meant).values(note=None))


class Link(msgspec.Struct, frozen=True):
    """One further number of a parcel, and from when to before when it holds; None where that is open."""

    parcel_id: str
    waybill: Waybill
    since_ms: int | None
    until_ms: int | None


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
    """The further numbers of some parcels, by parcel, then waybill. No two links of one waybill hold at once.

    A link ends where the next one of its waybill begins, whichever parcel bears it; of those that begin together the
    one of the last parcel by id stays.
    """
    asked = set(parcel_ids)
    numbers = _in_chunks(connection, select(links.c.number), links.c.parcel_id, sorted(asked))
    settled = _in_chunks(connection, _settled(), links.c.number, sorted({row.number for row in numbers}))
    own = [_link(row) for row in settled if row.parcel_id in asked]
    return sorted(own, key=lambda link: (link.parcel_id, link.waybill))


def list_all_links(connection: Connection, most: int = MOST_LINKS) -> pa.Table:
    """The further numbers of all parcels, with the waybill under which each parcel was first known, as columns.

    Text `link_carrier`, `link_number`, `first_carrier`, `first_number`; int64 `since_ms`, `until_ms`, null where open.
    They end as in `list_links`. Of more than `most` those that began last.
    """
    settled = _settled().subquery()
    columns = [settled.c.carrier, settled.c.number, parcels.c.carrier, parcels.c.number]
    columns += [settled.c.since_ms, settled.c.until_ms]
    order = (func.coalesce(settled.c.since_ms, 0).desc(), settled.c.number, settled.c.carrier, settled.c.parcel_id)
    query = select(*columns).join(parcels, parcels.c.id == settled.c.parcel_id).order_by(*order).limit(most)
    rows = [
        [pa.array(column, field.type) for field, column in zip(LINK_SCHEMA, zip(*chunk, strict=True), strict=True)]
        for chunk in connection.execute(query).partitions(10_000)
    ]
    return pa.Table.from_batches([pa.record_batch(columns, schema=LINK_SCHEMA) for columns in rows], LINK_SCHEMA)


def list_told(connection: Connection, most: int = MOST_TOLD) -> pa.Table:
    """Of parcels of which it was told where they go or by when, as columns of `TOLD_SCHEMA`; of more than `most` some.

    The area is `COUNTRY-region`, null where one of the two is not known.
    """
    country, region = parcels.c.destination_country, parcels.c.destination_region
    area = case((country.is_not(None) & region.is_not(None), country + "-" + region))
    known = or_(area.is_not(None), parcels.c.promised_ms.is_not(None))
    columns = (parcels.c.carrier, parcels.c.number, area, parcels.c.promised_ms)
    query = select(*columns).where(known).order_by(parcels.c.promised_ms.desc(), parcels.c.id).limit(most)
    batches = [
        [pa.array(column, field.type) for field, column in zip(TOLD_SCHEMA, zip(*chunk, strict=True), strict=True)]
        for chunk in connection.execute(query).partitions(10_000)
    ]
    return pa.Table.from_batches([pa.record_batch(each, schema=TOLD_SCHEMA) for each in batches], TOLD_SCHEMA)


def tell_parcels(found: Sequence[Parcel]) -> pa.Table:
    """The same of some parcels that were read; those of which nothing was told are left out."""
    rows = [
        (parcel.waybill.carrier, parcel.waybill.number, _area(parcel.destination), parcel.promised_ms)
        for parcel in found
    ]
    told = [row for row in rows if row[2] is not None or row[3] is not None]
    columns = zip(*told, strict=True) if told else [[]] * len(TOLD_SCHEMA)
    return pa.table(
        [pa.array(column, field.type) for field, column in zip(TOLD_SCHEMA, columns, strict=True)], TOLD_SCHEMA
    )


def _area(place: Place | None) -> str | None:
    known = place is not None and place.country is not None and place.region is not None
    return f"{place.country}-{place.region}" if place is not None and known else None


def _settled() -> Select[Any]:
    """Links, ended so that no two of one waybill hold at once. Filter whole waybills only."""
    since = func.coalesce(links.c.since_ms, 0)  # nothing is kept from before 1970
    ahead = func.lead(since).over(partition_by=(links.c.carrier, links.c.number), order_by=(since, links.c.parcel_id))
    until = case((links.c.until_ms < ahead, links.c.until_ms), else_=func.coalesce(ahead, links.c.until_ms))
    return select(links.c.parcel_id, links.c.carrier, links.c.number, links.c.since_ms, until.label("until_ms"))


def _in_chunks(
    connection: Connection, query: Select[Any], column: Column[Any], values: Sequence[str]
) -> Iterator[Row[Any]]:
    """The rows in which a column has one of some values."""
    for start in range(0, len(values), _CHUNK):
        yield from connection.execute(query.where(column.in_(values[start : start + _CHUNK])))


def _link(row: Row[Any]) -> Link:
    return Link(row.parcel_id, Waybill(row.carrier, row.number), row.since_ms, row.until_ms)


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
