"""The timeline of one parcel as people read it: instants in local time, statuses, and what is odd about each scan.

Checks that need the whole order run here, on read; a scan that looks wrong is flagged, never dropped.
"""

import itertools
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from waypost.model.instants import (
    DAY_MS,
    Instant,
    OffsetSource,
    TimeFlag,
    format_instant,
    offset_in_zone,
)
from waypost.model.places import Facility
from waypost.model.scans import ScanEvent, events_of, surviving
from waypost.track.statuses import UNKNOWN, get_status, impossible_pairs, status_arrays
from waypost.track.tables import CodeTables
from waypost.track.views import PlaceView, ScanView

#: A scan that reached the network so long after it happened is late.
LATE_MS = DAY_MS

Places = Mapping[tuple[str, str], Facility]


def read_timeline(timeline: pa.Table, tables: CodeTables, places: Places) -> list[ScanView]:
    """The scans of one parcel, newest first.

    Args:
        timeline: `TIMELINE_SCHEMA`, of one parcel (one or several numbers).
        tables: what codes mean.
        places: the facilities by (carrier, code), as far as known.
    """
    ordered = timeline.take(_order(timeline, tables))
    scans = events_of(ordered)
    stands = surviving(ordered)
    flags = [_flags_of(scan, tables, bool(stand)) for scan, stand in zip(scans, stands, strict=True)]
    _flag_out_of_order(scans, flags)
    _flag_impossible(scans, flags, tables)
    views = [_view(scan, tables, places, sorted(odd)) for scan, odd in zip(scans, flags, strict=True)]
    return views[::-1]


def local_text(at_ms: int, offset_min: int, place: Facility | None) -> str:
    """An instant in the local time of its place: by the facility's zone where that is known, else as kept."""
    if place is not None and place.place.zone is not None:
        offset_min = offset_in_zone(at_ms, place.place.zone)
    return format_instant(at_ms, offset_min)


def place_view(carrier_facility: str | None, place: Facility | None) -> PlaceView | None:
    """Where a scan was taken, as far as it is known."""
    if place is None:
        return None if carrier_facility is None else PlaceView(facility=carrier_facility)
    return PlaceView(
        facility=place.code,
        name=place.name,
        city=place.place.city,
        region=place.place.region,
        country=place.place.country,
    )


def _order(timeline: pa.Table, tables: CodeTables) -> pa.Array:
    """By instant; within one instant in the order of a parcel's life, then of arrival."""
    carriers, codes = timeline.column("carrier").to_pylist(), timeline.column("code").to_pylist()
    precedence = status_arrays().precedence[tables.classify(carriers, codes)]
    at_ms = np.asarray(timeline.column("at").cast(pa.int64()))
    return pa.array(np.lexsort((np.asarray(timeline.column("position")), precedence, at_ms)))


def _flags_of(scan: ScanEvent, tables: CodeTables, stands: bool) -> set[str]:
    flags = set()
    if not stands:
        flags.add("corrected")
    if tables.find_status(scan.carrier, scan.code) == UNKNOWN:
        flags.add("unknown_code")
    if scan.recorded_at_ms is not None and scan.recorded_at_ms - scan.at.at_ms > LATE_MS:
        flags.add("late")
    flags |= {flag.name.lower() for flag in TimeFlag if flag in scan.time_flags and flag.name}
    return flags


def _flag_out_of_order(scans: list[ScanEvent], flags: list[set[str]]) -> None:
    """A scan came out of order if one that happened after it had been recorded before it.

    Carriers send whole minutes, so nobody knows the order within one instant.
    """
    recorded_by: int | None = None  # when the network got the first of all that happened later
    newest_first = list(zip(scans, flags, strict=True))[::-1]
    for _, same in itertools.groupby(newest_first, key=lambda pair: pair[0].at.at_ms):
        recorded = [(scan.recorded_at_ms, odd) for scan, odd in same if scan.recorded_at_ms is not None]
        for at_ms, odd in recorded:
            if recorded_by is not None and recorded_by < at_ms:
                odd.add("out_of_order")
        recorded_by = min(
            (at_ms for at_ms, _ in recorded if recorded_by is None or at_ms < recorded_by), default=recorded_by
        )


def _flag_impossible(scans: list[ScanEvent], flags: list[set[str]], tables: CodeTables) -> None:
    """A scan is impossible if no way through the statuses leads from what stood before it to what it says.

    Not judged is the first scan of another carrier, which begins its own count, and what follows an exception, for
    after a mishap everything can happen.
    """
    impossible, phase = impossible_pairs(), status_arrays().phase
    before: tuple[str, int] | None = None
    for scan, odd in zip(scans, flags, strict=True):
        now = tables.find_status(scan.carrier, scan.code)
        if phase[now] < 0 or "corrected" in odd:
            continue
        if before is not None and _is_judged(before, scan) and impossible[before[1], now]:
            odd.add("impossible")
            continue  # what it says is doubtful: the next scan is held against the one before
        before = (scan.carrier, now)


def _is_judged(before: tuple[str, int], scan: ScanEvent) -> bool:
    carrier, status = before
    return carrier == scan.carrier and get_status(status).group != "exception"


def _view(scan: ScanEvent, tables: CodeTables, places: Places, flags: list[str]) -> ScanView:
    place = places.get((scan.carrier, scan.facility)) if scan.facility else None
    at: Instant = scan.at
    return ScanView(
        id=scan.id,
        at=local_text(at.at_ms, at.offset_min, place),
        utc=format_instant(at.at_ms, 0).replace("+00:00", "Z"),
        offset_source=OffsetSource(at.source).name.lower(),
        zone=place.place.zone if place else None,
        carrier=scan.carrier,
        number=scan.number,
        code=scan.code,
        status=get_status(tables.find_status(scan.carrier, scan.code)).code,
        place=place_view(scan.facility, place),
        note=scan.note,
        corrects=scan.corrects,
        recorded_at=None
        if scan.recorded_at_ms is None
        else format_instant(scan.recorded_at_ms, 0).replace("+00:00", "Z"),
        flags=flags,
    )
