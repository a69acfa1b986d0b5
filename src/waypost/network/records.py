"""Facilities in `Records`."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Column, Float, String, Table, select, tuple_
from sqlalchemy.engine import Connection, Row

from waypost.model.places import Facility, FacilityKind, Place
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
