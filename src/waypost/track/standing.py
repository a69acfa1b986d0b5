"""Scans of `History` with what they mean: the common ground of all questions over many parcels.

Codes become statuses by a small table that is joined on, and scans that were corrected are left out. The expressions
are Ibis, so that any engine can run them.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.instants import EARLIEST_MS, LATEST_MS
from waypost.model.scans import IDENTITY, surviving
from waypost.store.protocols import History
from waypost.track.statuses import get_status, standing_rank, status_arrays
from waypost.track.tables import CodeTables

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

#: A clock that runs ahead by more tells no time. Doors let in two days (`intake.MAX_AHEAD_MS`), lest a scan be lost.
AHEAD_MS = 3 * 3_600_000

#: An Ibis table in, an Ibis table or scalar out.
Ask = Callable[[Any], Any]


def in_milliseconds(at: Any) -> Any:
    """The instants of a column as UTC milliseconds. Seconds are cut off first, for engines round them otherwise."""
    return at.truncate("s").epoch_seconds().cast("int64") * 1000 + at.millisecond()


def instant(at_ms: int) -> Any:
    """An instant to hold a column of instants against, so that engines may pass over what lies outside.

    Beyond all that is kept, it is the next instant before or after it.
    """
    return ibis.timestamp(_EPOCH + dt.timedelta(milliseconds=_within(at_ms)), timezone="UTC")


def _within(at_ms: int) -> int:
    return min(max(at_ms, EARLIEST_MS - 1), LATEST_MS + 1)


def timed(scans: Any, now_ms: int) -> Any:
    """The scans whose time can be believed: they were not made hours after the network got them, or after now.

    One from a clock that runs ahead would begin or end what has not begun or ended, and be the newest for days.
    """
    known = scans.filter(scans.at <= instant(now_ms + AHEAD_MS))
    heard = known.recorded_at
    return known.filter(heard.isnull() | (known.at <= heard + ibis.interval(milliseconds=AHEAD_MS)))


def read_standing(history: History, tables: CodeTables, links: pa.Table | None = None) -> Ask:
    """How to turn the table of all scans into those that stand, with what they mean and whose they are.

    The columns `parcel_carrier` and `parcel_number` are the first waybill of the parcel, which `links` (those of
    `list_all_links`) tell for scans under its further numbers. `status` and `milestone` are text; `rank` is that of
    `standing_rank`: of one parcel the scan of the greatest says the status.
    """
    meanings = ibis.memtable(_read_meanings(history, tables))
    corrected = _read_corrected(history)
    gone = None if corrected is None else ibis.memtable(corrected)
    linked = None if links is None or not links.num_rows else ibis.memtable(_holding(links))

    def standing(scans: Any) -> Any:
        if gone is not None:
            scans = scans.anti_join(gone, [scans[name].identical_to(gone[name]) for name in IDENTITY])
        joined = scans.inner_join(meanings, ["carrier", "code"])
        joined = _of_parcels(joined, linked)
        return joined.mutate(
            rank=standing_rank(joined.phase.cast("int64"), in_milliseconds(joined.at), joined.precedence)
        )

    return standing


def _of_parcels(scans: Any, linked: Any) -> Any:
    """Say for each scan which parcel it belongs to."""
    if linked is None:
        return scans.mutate(parcel_carrier=scans.carrier, parcel_number=scans.number)
    holds = [
        scans.carrier == linked.link_carrier,
        scans.number == linked.link_number,
        scans.at >= linked.since,
        scans.at < linked.until,
    ]
    both = scans.left_join(linked, holds)
    return both.mutate(
        parcel_carrier=ibis.coalesce(both.first_carrier, both.carrier),
        parcel_number=ibis.coalesce(both.first_number, both.number),
    )


def _holding(links: pa.Table) -> pa.Table:
    """Links with the instants `since` and `until` that no side lacks."""
    ends = {"since": ("since_ms", EARLIEST_MS - 1), "until": ("until_ms", LATEST_MS + 1)}
    for name, (column, beyond) in ends.items():
        capped = pc.min_element_wise(links.column(column).fill_null(beyond), LATEST_MS + 1)
        at_ms = pc.max_element_wise(capped, EARLIEST_MS - 1)
        links = links.append_column(name, at_ms.cast(pa.timestamp("ms", "UTC")))
    return links.drop_columns([column for column, _ in ends.values()])


def _read_meanings(history: History, tables: CodeTables) -> pa.Table:
    """For every code that came: carrier, code, status, milestone, phase, precedence."""
    pairs = history.run(lambda scans: scans.select("carrier", "code").distinct())
    carriers, codes = pairs.column("carrier").to_pylist(), pairs.column("code").to_pylist()
    numbers = tables.classify(carriers, codes)
    statuses = [get_status(number) for number in numbers.tolist()]
    arrays = status_arrays()
    return pa.table(
        {
            "carrier": pa.array(carriers, pa.string()),
            "code": pa.array(codes, pa.string()),
            "status": pa.array([status.code for status in statuses], pa.string()),
            "milestone": pa.array([status.milestone for status in statuses], pa.string()),
            "phase": pa.array(arrays.phase[numbers], pa.int8()),
            "precedence": pa.array(arrays.precedence[numbers], pa.uint8()),
        }
    )


def _read_corrected(history: History) -> pa.Table | None:
    """What makes the scans the same ones that another one corrects; None if there are none. Corrections are rare."""

    def of_corrected_parcels(scans: Any) -> Any:
        named = scans.filter(scans.corrects.notnull()).select("carrier", "number").distinct()
        return scans.semi_join(named, ["carrier", "number"])

    timelines = history.run(of_corrected_parcels)
    if not timelines.num_rows:
        return None
    return timelines.filter(pc.invert(pa.array(surviving(timelines)))).select(list(IDENTITY))
