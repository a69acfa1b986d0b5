"""Scans by place and time, from `History`."""

from typing import Annotated, Any, NamedTuple

import ibis
import msgspec
import pyarrow as pa

from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.errors import BadInput
from waypost.model.instants import EARLIEST_MS, LATEST_MS
from waypost.model.scans import SCAN_SCHEMA
from waypost.network.facilities import Facilities
from waypost.store.protocols import Memory
from waypost.track.standing import in_milliseconds, instant, read_standing
from waypost.track.statuses import find_status_by_code
from waypost.track.tables import CodeTables
from waypost.track.timeline import read_timeline
from waypost.track.views import Freshness, ScanPage


class _Key(NamedTuple):
    """Where a scan stands in the list."""

    at_ms: Annotated[int, msgspec.Meta(ge=EARLIEST_MS, le=LATEST_MS)]
    number: str
    carrier: str
    code: str
    facility: str
    offset_min: Annotated[int, msgspec.Meta(ge=-1000, le=1000)]
    corrects: str


class ScanFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which scans a list shows. Instants are UTC milliseconds; `city` and `country` go by the facilities register."""

    carrier: str | None = None
    facility: str | None = None
    city: str | None = None
    country: str | None = None
    status: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class ScanSearch:
    """Answers questions about scans across parcels."""

    def __init__(self, memory: Memory, tables: CodeTables, facilities: Facilities) -> None:
        self._memory = memory
        self._tables = tables
        self._facilities = facilities

    def list_scans(self, filters: ScanFilters, after: str | None, limit: int) -> ScanPage:
        """The scans that fit, newest first; corrected ones are left out. `after` is the cursor of the page before.

        Raises:
            BadInput: the cursor or a filter is not understood.
        """
        cursor = read_cursor(after, _Key)
        if filters.status is not None and find_status_by_code(filters.status) is None:
            raise BadInput(f"no status is called {filters.status!r:.40}", where="filter")
        # before anything is read, so that it never claims more
        as_of = Freshness.between(self._memory.history.position(), self._memory.log.position())
        standing = read_standing(self._memory.history, self._tables)

        def ask(scans: Any) -> Any:
            found = standing(_within(scans, filters, cursor))
            for name in ("carrier", "facility", "status"):
                wanted = getattr(filters, name)
                if wanted is not None:
                    found = found.filter(found[name] == wanted)
            if filters.city is not None or filters.country is not None:
                found = found.semi_join(ibis.memtable(self._places(filters)), ["carrier", "facility"])
            found = found.mutate(at_ms=in_milliseconds(found.at))
            if cursor is not None:
                found = found.filter(_is_behind(found, cursor))
            newest = found.order_by(ibis.desc("at_ms"), *_further(found)).limit(limit + 1)
            return newest.select(*SCAN_SCHEMA.names)

        rows = self._memory.history.run(ask).cast(SCAN_SCHEMA)
        more = rows.num_rows > limit
        rows = rows.slice(0, limit)
        places = self._facilities.find_many(
            (carrier, code)
            for carrier, code in zip(
                rows.column("carrier").to_pylist(), rows.column("facility").to_pylist(), strict=True
            )
            if code
        )
        views = [
            view for row in range(rows.num_rows) for view in read_timeline(rows.slice(row, 1), self._tables, places)
        ]
        return ScanPage(views, write_cursor(_key(rows)) if more else None, as_of)

    def _places(self, filters: ScanFilters) -> pa.Table:
        fits = [
            {"carrier": each.carrier, "facility": each.code}
            for each in self._facilities.list_all()
            if filters.country in (None, each.place.country)
            and (filters.city is None or (each.place.city or "").casefold() == filters.city.casefold())
        ]
        return pa.Table.from_pylist(fits, pa.schema([("carrier", pa.string()), ("facility", pa.string())]))


def _within(scans: Any, filters: ScanFilters, cursor: _Key | None) -> Any:
    """The scans of the span that is asked for, by bare comparisons: only those let engines skip the files outside."""
    if filters.since_ms is not None:
        scans = scans.filter(scans.at >= instant(filters.since_ms))
    if filters.until_ms is not None:
        scans = scans.filter(scans.at < instant(filters.until_ms))
    if cursor is not None:
        scans = scans.filter(scans.at <= instant(cursor.at_ms))
    return scans


def _key(rows: pa.Table) -> _Key:
    """Of the last of some scans."""
    last = rows.slice(rows.num_rows - 1).to_pylist()[0]
    at_ms = rows.column("at").cast(pa.int64())[-1].as_py()
    return _Key._make([at_ms, *(last[name] if last[name] is not None else "" for name in _Key._fields[1:])])


def _further(found: Any) -> list[Any]:
    """The columns by which scans of one instant stand in the list."""
    nullable = ("facility", "corrects")
    return [found[name].fill_null("") if name in nullable else found[name] for name in _Key._fields[1:]]


def _is_behind(found: Any, cursor: _Key) -> Any:
    """Whether a scan stands behind a cursor, compared column by column."""
    behind: Any = False
    for column, value in reversed(list(zip(_further(found), cursor[1:], strict=True))):
        behind = (column > value) | ((column == value) & behind)
    return (found.at_ms < cursor.at_ms) | ((found.at_ms == cursor.at_ms) & behind)
