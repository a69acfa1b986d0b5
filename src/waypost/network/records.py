"""Facilities and services in `Records`."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, String, Table, delete, select, tuple_
from sqlalchemy.engine import Connection, Row

from waypost.model.decoding import decode
from waypost.model.errors import StoreDamaged
from waypost.model.places import Facility, FacilityKind, Place
from waypost.network.services import MOST_CODE, MOST_FACILITY, Days, Service
from waypost.store.tables import METADATA
from waypost.store.upsert import upsert

facilities = Table(
    "facilities",
    METADATA,
    Column("carrier", String(32), primary_key=True),
    Column("code", String(128), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("city", String(120)),
    Column("region", String(120)),
    Column("country", String(2)),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("zone", String(64)),
)

services = Table(
    "services",
    METADATA,
    Column("carrier", String(32), primary_key=True),
    Column("code", String(MOST_CODE), primary_key=True),
    Column("first_day", String(10), nullable=False),
    Column("last_day", String(10), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("ix_services_last_day", "last_day"),
)

dwells = Table(
    "dwells",
    METADATA,
    Column("facility", String(MOST_FACILITY), primary_key=True),
    Column("minutes", Integer, nullable=False),
)

#: Closures and delays that are kept: see `network/change_book.py`.
timetable_changes = Table(
    "timetable_changes",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("carrier", String(32), nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),
    Column("asked", String(32)),  # by what the request that made it is known again; none: nobody knows
)

_PLACE = ("city", "region", "country", "latitude", "longitude", "zone")
_CHUNK = 400  # two parameters a key; SQLite takes at least 999


def keep_facilities(connection: Connection, found: Iterable[Facility]) -> None:
    """Add facilities, or bring known ones up to date."""
    upsert(
        connection,
        facilities,
        [
            {"carrier": f.carrier, "code": f.code, "name": f.name, "kind": f.kind.value}
            | {name: getattr(f.place, name) for name in _PLACE}
            for f in found
        ],
    )


def find_facilities(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Facility]:
    """The known ones among some (carrier, code)."""
    found = {}
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        where = tuple_(facilities.c.carrier, facilities.c.code).in_(chunk)
        for row in connection.execute(select(facilities).where(where)):
            found[row.carrier, row.code] = _facility(row)
    return found


def list_facilities(
    connection: Connection,
    carrier: str | None = None,
    after: tuple[str, str] | None = None,
    limit: int | None = None,
) -> list[Facility]:
    """Facilities by carrier and code.

    Args:
        carrier: only its own.
        after: only those behind that (carrier, code).
        limit: so many at most.
    """
    statement = select(facilities).order_by(facilities.c.carrier, facilities.c.code).limit(limit)
    if carrier is not None:
        statement = statement.where(facilities.c.carrier == carrier)
    if after is not None:
        statement = statement.where(tuple_(facilities.c.carrier, facilities.c.code) > after)
    return [_facility(row) for row in connection.execute(statement)]


def _facility(row: Row[tuple[object, ...]]) -> Facility:
    return Facility(
        carrier=row.carrier,
        code=row.code,
        name=row.name,
        kind=FacilityKind(row.kind),
        place=Place(**{name: getattr(row, name) for name in _PLACE}),
    )


def keep_services(connection: Connection, found: Iterable[Service]) -> None:
    """Add services, or bring known ones up to date."""
    rows = []
    for service in found:
        first, last = span_days(service.days)
        rows.append(
            {
                "carrier": service.carrier,
                "code": service.code,
                "first_day": first.isoformat(),
                "last_day": last.isoformat(),
                "content": msgspec.json.encode(service),
            }
        )
    upsert(connection, services, rows)


def drop_services(connection: Connection, carriers: Iterable[str]) -> None:
    """Remove all services of some carriers."""
    connection.execute(delete(services).where(services.c.carrier.in_(sorted(carriers))))


def list_services(
    connection: Connection, first: dt.date | None = None, last: dt.date | None = None, carrier: str | None = None
) -> list[Service]:
    """Services by carrier and code.

    Args:
        first, last: only those that may run on a day between.
        carrier: only its own.

    Raises:
        StoreDamaged: one cannot be read.
    """
    statement = select(services.c.content).order_by(services.c.carrier, services.c.code)
    if first is not None:
        statement = statement.where(services.c.last_day >= first.isoformat())
    if last is not None:
        statement = statement.where(services.c.first_day <= last.isoformat())
    if carrier is not None:
        statement = statement.where(services.c.carrier == carrier)
    try:
        return [decode(content, Service) for content in connection.scalars(statement)]
    except msgspec.MsgspecError as error:
        raise StoreDamaged(f"a service in the records cannot be read: {error}") from None


def has_services(connection: Connection) -> bool:
    """Whether there is any."""
    return connection.execute(select(services.c.code).limit(1)).first() is not None


def span_days(days: Days) -> tuple[dt.date, dt.date]:
    """From the first day on which a service may run to the last."""
    return min((days.first, *days.added)), max((days.last, *days.added))


def keep_dwells(connection: Connection, minutes: Mapping[str, int]) -> None:
    """Keep the minimum dwell of facilities, in minutes; those that are not named stay as they are."""
    rows = [{"facility": facility, "minutes": least} for facility, least in minutes.items()]
    upsert(connection, dwells, rows)


def list_dwells(connection: Connection) -> dict[str, int]:
    """The minimum dwell of each facility that has one of its own, in minutes."""
    return {row.facility: row.minutes for row in connection.execute(select(dwells))}
