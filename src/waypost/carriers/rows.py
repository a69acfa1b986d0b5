"""Scans of carriers as rows of the neutral format, which `track` checks like everybody's."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from waypost.model.instants import get_zone
from waypost.track.carriers import Asked, Seen
from waypost.track.wire import FIELDS, ROW_SCHEMA, Refusal, Rows

#: One scan: number, code, stamp as the carrier wrote it, place by the carrier's code or name.
Scan = tuple[str | None, str | None, str | None, str | None]


def rows_of(carrier: str, scans: Sequence[Scan], refusals: Iterable[Refusal] = ()) -> Rows:
    """Rows of one carrier. Their stamps bear an offset, or are of the carrier's zone."""
    numbers, codes, stamps, places = zip(*scans, strict=True) if scans else ((), (), (), ())
    told = {"carrier": [carrier] * len(scans), "number": numbers, "code": codes, "at": stamps, "facility": places}
    nothing = pa.nulls(len(scans), pa.string())
    columns = [pa.array(told[name], pa.string()) if name in told else nothing for name in FIELDS]
    return Rows(pa.table(columns, schema=ROW_SCHEMA), range(len(scans)), list(refusals))


def local_stamp(at_ms: int, zone: str) -> str | None:
    """What clocks showed at an instant: carriers that send milliseconds have a zone like the others.

    None for one that no calendar has.
    """
    try:
        moment = dt.datetime.fromtimestamp(at_ms // 1000, get_zone(zone)) + dt.timedelta(milliseconds=at_ms % 1000)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.replace(tzinfo=None).isoformat(" ", "milliseconds" if at_ms % 1000 else "seconds")


def seen_of(
    carrier: str, asked: Sequence[Asked], scans: Sequence[Scan], channel: str, why: Mapping[str, str] | None = None
) -> Seen:
    """What a carrier said of the waybills that were asked after: those without scans are unknown, if it said `why`."""
    found = {scan[0] for scan in scans}
    why = why or {}
    unknown = {each.number: why.get(each.number, "no scans") for each in asked if each.number not in found}
    return Seen(rows=rows_of(carrier, scans), unknown=unknown, channel=channel)
