"""The timeline of one parcel as people read it: instants in local time, statuses, and what is odd about each scan.

Checks that need the whole order run here, on read; a scan that looks wrong is flagged, never dropped.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.instants import (
    DAY_MS,
    Instant,
    OffsetSource,
    TimeFlag,
    format_instant,
    format_utc,
    offset_in_zone,
)
from waypost.model.places import Facility
from waypost.model.scans import ScanEvent, events_of, surviving
from waypost.track.statuses import UNKNOWN, bears_status, get_status, impossible_pairs, status_arrays
from waypost.track.tables import CodeTables
from waypost.track.views import PlaceView, ScanView

#: A scan that reached the network so long after it happened is late.
LATE_MS = DAY_MS

#: Stands for an instant that nobody recorded; later than all.
_NEVER_MS = 1 << 62

Places = Mapping[tuple[str, str], Facility]


class Judged(msgspec.Struct, frozen=True):
    """The timeline of one parcel in order, oldest first, and what its scans mean: columns of equal length.

    Attributes:
        scans: `SCAN_SCHEMA`, by instant; within one in the order of a parcel's life.
        statuses: their numbers.
        stands: false for scans that another one corrects.
        odd: the flags, each with the scans that bear it.
    """

    scans: pa.Table
    statuses: npt.NDArray[np.uint8]
    stands: npt.NDArray[np.bool_]
    odd: Mapping[str, npt.NDArray[np.bool_]]

    def flags(self, row: int) -> list[str]:
        """The flags of one scan."""
        return sorted(flag for flag, rows in self.odd.items() if rows[row])

    def all_flags(self) -> list[str]:
        """The flags that any of the scans bears."""
        return sorted(flag for flag, rows in self.odd.items() if rows.any())


def judge_timeline(timeline: pa.Table, tables: CodeTables) -> Judged:
    """Put the scans of one parcel (one or several numbers) in order and look at them; cheap also for very many.

    Args:
        timeline: `SCAN_SCHEMA`, as an engine gives it.
        tables: what codes mean.
    """
    statuses = _classify(timeline, tables)
    at_ms = np.asarray(timeline.column("at").cast(pa.int64()))
    order = np.lexsort((status_arrays().precedence[statuses], at_ms))  # stable: what ties stays as the engine has it
    scans, statuses, at_ms = timeline.take(pa.array(order)), statuses[order], at_ms[order]
    stands = surviving(scans)
    recorded_ms = np.asarray(scans.column("recorded_at").cast(pa.int64()).fill_null(_NEVER_MS))
    bits = np.asarray(scans.column("time_flags"))
    odd = {
        "corrected": ~stands,
        "unknown_code": statuses == UNKNOWN,
        "late": (recorded_ms != _NEVER_MS) & (recorded_ms - at_ms > LATE_MS),
        "out_of_order": _out_of_order(at_ms, recorded_ms),
        "impossible": _impossible(scans.column("carrier").to_pylist(), statuses, stands),
    }
    odd |= {flag.name.lower(): bits & flag.value != 0 for flag in TimeFlag if flag.name}
    return Judged(scans, statuses, stands, odd)


def view_scans(judged: Judged, rows: Sequence[int], places: Places) -> list[ScanView]:
    """Some scans of a timeline as people read them. `places` are the facilities by (carrier, code), as far as known."""
    events = events_of(judged.scans.take(pa.array(rows, pa.int64())))
    return [
        _view(scan, get_status(int(judged.statuses[row])).code, places, judged.flags(row))
        for row, scan in zip(rows, events, strict=True)
    ]


def read_timeline(timeline: pa.Table, tables: CodeTables, places: Places) -> list[ScanView]:
    """The scans of one parcel, newest first."""
    judged = judge_timeline(timeline, tables)
    return view_scans(judged, range(judged.scans.num_rows - 1, -1, -1), places)


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


def _classify(timeline: pa.Table, tables: CodeTables) -> npt.NDArray[np.uint8]:
    """The numbers of the statuses; each pair of carrier and code is looked up once."""
    carrier, code = (timeline.column(name).unify_dictionaries().combine_chunks() for name in ("carrier", "code"))
    pairs = np.asarray(carrier.indices).astype(np.int64) * len(code.dictionary) + np.asarray(code.indices)
    unique, places = np.unique(pairs, return_inverse=True)
    of_carrier, of_code = np.divmod(unique, max(len(code.dictionary), 1))
    carriers, codes = carrier.dictionary.take(pa.array(of_carrier)), code.dictionary.take(pa.array(of_code))
    return tables.classify(carriers.to_pylist(), codes.to_pylist())[places]


def _out_of_order(at_ms: npt.NDArray[np.int64], recorded_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """A scan came out of order if one that happened after it had been recorded before it.

    Carriers send whole minutes, so nobody knows the order within one instant.
    """
    # when the network got the first of all scans from a row on; behind the last there is none
    first_from = np.append(np.minimum.accumulate(recorded_ms[::-1])[::-1], _NEVER_MS)
    later = np.searchsorted(at_ms, at_ms, side="right")
    return np.asarray((recorded_ms != _NEVER_MS) & (first_from[later] < recorded_ms))


def _impossible(
    carriers: Sequence[str], statuses: npt.NDArray[np.uint8], stands: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """A scan is impossible if no way through the statuses leads from what stood before it to what it says.

    Not judged is the first scan of another carrier, which begins its own count, and what follows an exception, for
    after a mishap everything can happen.
    """
    pairs = impossible_pairs()
    bearing = np.flatnonzero(stands & (bears_status(statuses))).tolist()
    found = np.zeros(len(statuses), np.bool_)
    before: tuple[str, int] | None = None
    for row in bearing:
        carrier, now = carriers[row], int(statuses[row])
        if before is not None and _is_judged(before, carrier) and pairs[before[1], now]:
            found[row] = True
            continue  # what it says is doubtful: the next scan is held against the one before
        before = (carrier, now)
    return found


def _is_judged(before: tuple[str, int], carrier: str) -> bool:
    carrier_before, status = before
    return carrier_before == carrier and get_status(status).group != "exception"


def _view(scan: ScanEvent, status: str, places: Places, flags: list[str]) -> ScanView:
    place = places.get((scan.carrier, scan.facility)) if scan.facility else None
    at: Instant = scan.at
    return ScanView(
        id=scan.id,
        at=local_text(at.at_ms, at.offset_min, place),
        utc=format_utc(at.at_ms),
        offset_source=OffsetSource(at.source).name.lower(),
        zone=place.place.zone if place else None,
        carrier=scan.carrier,
        number=scan.number,
        code=scan.code,
        status=status,
        place=place_view(scan.facility, place),
        note=scan.note,
        corrects=scan.corrects,
        recorded_at=None if scan.recorded_at_ms is None else format_utc(scan.recorded_at_ms),
        flags=flags,
    )
