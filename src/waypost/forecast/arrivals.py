"""Parcels on their way at an instant: when each arrives, what may go wrong and why, and who fell silent together."""

from collections.abc import Collection, Iterator

import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.groups import Group, find_groups
from waypost.forecast.reasons import Reason, Weather, find_reasons
from waypost.forecast.risks import find_risks
from waypost.forecast.steps import Steps
from waypost.forecast.trips import Flags, Floats, Ints
from waypost.forecast.watch import Watch
from waypost.model.instants import DAY_MS, format_utc
from waypost.network.timetable import Timetable
from waypost.track.statuses import list_statuses


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What is thought now of one parcel on its way; instants RFC 3339.

    Attributes:
        carrier, number: its first waybill.
        status, facility, scanned_at: of its last scan; the facility as carrier/code, None if it says none.
        p50_at, p80_at, p90_at: by when it is there with such a chance, if it arrives.
        next_scan_by: by when nine of ten such parcels are scanned again.
        wrong: how likely it is lost or stuck.
        late: how likely it breaks its promise; None where none is known.
        promised_by: that promise.
        reasons: where it lost time, oldest first.
    """

    carrier: str
    number: str
    status: str
    facility: str | None
    scanned_at: str
    p50_at: str
    p80_at: str
    p90_at: str
    next_scan_by: str
    wrong: float
    late: float | None
    promised_by: str | None
    reasons: list[Reason]

    @property
    def risk(self) -> float:
        """How likely it gets lost or breaks its promise."""
        return self.wrong if self.late is None else max(self.late, self.wrong)


class SilentGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels that fell silent together: see `groups.Group`. Instants RFC 3339, first waybills as carrier/number."""

    kind: str
    facility: str
    towards: str | None
    vehicle: str | None
    departed_at: str | None
    since: str
    silent: int
    expected: float
    parcels: list[str]


class Arrivals(msgspec.Struct, frozen=True, kw_only=True):
    """All of it at an instant. `parcels` are the most endangered first; `on_their_way` is how many there are in all."""

    as_of: str
    on_their_way: int
    parcels: list[Arrival]
    groups: list[SilentGroup]


def look_ahead(
    watch: Watch,
    steps: Steps,
    now: float,
    *,
    numbers: Collection[str] = (),
    most: int = 100,
    timetable: Timetable | None = None,
    weather: Weather | None = None,
) -> Arrivals:
    """What is thought at an instant, in days since 1970, of parcels by their steps until then.

    Args:
        numbers: only these; otherwise the `most` that are the most endangered.
        timetable: departures of the network, if it has one.
        weather: what it was; see `reasons.Weather`.
    """
    rows = steps.on_their_way()
    rows = rows[~steps.is_given_up(now)[rows]] if not numbers else rows
    risks = find_risks(watch, steps, now)
    chosen = _choose(steps, np.isin(risks.rows, rows), risks.rows, risks.wrong, risks.late, numbers, most)
    told = risks.rows[chosen]
    watched = watch.watch(steps, watch.lately(steps, now), told)
    arrivals = watch.arrivals_ms(watched, round(now * DAY_MS))
    reasons = _find_reasons(watch, steps, now, told, timetable, weather)
    table = steps.table
    carriers, marks, facilities = (table.column(name) for name in ("parcel_carrier", "number", "facility"))
    statuses = list_statuses()
    found = [
        Arrival(
            carrier=carriers[row].as_py(),
            number=marks[row].as_py(),
            status=statuses[steps.status[row]].code,
            facility=facilities[row].as_py(),
            scanned_at=_instant(steps.at[row]),
            p50_at=format_utc(ends[0]),
            p80_at=format_utc(ends[1]),
            p90_at=format_utc(ends[2]),
            next_scan_by=_instant(risks.due[place]),
            wrong=round(float(risks.wrong[place]), 4),
            late=None if np.isnan(risks.late[place]) else round(float(risks.late[place]), 4),
            promised_by=None if np.isnan(steps.promised[row]) else _instant(steps.promised[row]),
            reasons=why,
        )
        for row, place, ends, why in zip(told.tolist(), chosen.tolist(), arrivals.tolist(), reasons, strict=True)
    ]
    groups = [] if numbers else [_tell(steps, group) for group in find_groups(watch.silence, steps, now)]
    return Arrivals(as_of=_instant(now), on_their_way=len(rows), parcels=found, groups=groups)


def _choose(
    steps: Steps,
    is_watched: Flags,
    rows: Ints,
    wrong: Floats,
    late: Floats,
    numbers: Collection[str],
    most: int,
) -> Ints:
    """Places among the risks: of the numbers, or of the most endangered."""
    if numbers:
        marks = np.asarray(steps.table.column("number").take(pa.array(rows)).to_pylist(), object)
        return np.flatnonzero(is_watched & np.isin(marks, list(numbers))).astype(np.int64)
    danger = np.where(is_watched, np.fmax(wrong, late), -1.0)
    order = np.argsort(-danger, kind="stable")[:most]
    return np.asarray(order[danger[order] >= 0], np.int64)


def _find_reasons(
    watch: Watch, steps: Steps, now: float, rows: Ints, timetable: Timetable | None, weather: Weather | None
) -> list[list[Reason]]:
    """Why each of some parcels lost time; only their timelines are looked at."""
    if not len(rows):
        return []
    own = Steps(steps.take(np.isin(steps.parcel, steps.parcel[rows])))
    lately = watch.silence.lately(steps, now)
    reasons = find_reasons(watch.silence, own, now, lately=lately, timetable=timetable, weather=weather)
    found = dict(zip(_waybills(own.table), own.parcel.tolist(), strict=True))
    return [reasons[found[waybill]] for waybill in _waybills(steps.table.take(pa.array(rows)))]


def _waybills(table: pa.Table) -> Iterator[tuple[str, str]]:
    return zip(table.column("parcel_carrier").to_pylist(), table.column("number").to_pylist(), strict=True)


def _tell(steps: Steps, group: Group) -> SilentGroup:
    return SilentGroup(
        kind=group.kind.value,
        facility=group.facility,
        towards=group.towards,
        vehicle=group.vehicle,
        departed_at=None if group.departed is None else _instant(group.departed),
        since=_instant(group.since),
        silent=group.silent,
        expected=round(group.expected, 2),
        parcels=["/".join(waybill) for waybill in _waybills(steps.table.take(pa.array(group.rows)))],
    )


def _instant(days: float) -> str:
    return format_utc(round(float(days) * DAY_MS))
