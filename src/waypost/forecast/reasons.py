"""Why a parcel is later than usual: where its time was lost, in hours. The words are written by the doors.

Each gap between two scans is held against what is usual after such a scan. What is far beyond the usual is told by
what the scan said: a customs office, a failed attempt, a wait at a facility. Where a timetable knows the departures, a
parcel that came too late for the one that it would have made is told to have missed it, with the hours to the one that
it took.
"""

from collections.abc import Callable
from enum import StrEnum

import msgspec
import numpy as np

from waypost.forecast.neighbours import Lately
from waypost.forecast.silence import SilenceModel
from waypost.forecast.steps import Steps
from waypost.forecast.trips import NEVER, Flags, Floats, Ints
from waypost.model.instants import DAY_MS
from waypost.network.timetable import Timetable
from waypost.track.statuses import MILESTONES, list_statuses

#: What the weather was at a facility between two instants, in milliseconds: a code such as `STORM`, None for nothing.
Weather = Callable[[str, int, int], "ReasonCode | None"]


class ReasonCode(StrEnum):
    """What time was lost by."""

    LATE_HANDOVER = "late_handover"  #: the shipper handed it over late
    WAITED = "waited"  #: it lay at a facility
    SLOW_LEG = "slow_leg"  #: it was long on its way from a facility
    MISSED_CUTOFF = "missed_cutoff"  #: it came too late for a departure
    LEFT_BEHIND = "left_behind"  #: it was there in time and was not loaded
    CUSTOMS = "customs"  #: customs had it
    FAILED_ATTEMPT = "failed_attempt"  #: nobody took it, or the address was wrong
    STORM = "storm"  #: bad weather at the facility
    SNOW = "snow"
    FLOOD = "flood"
    HEAT = "heat"
    SILENT = "silent"  #: nobody has scanned it since, and it should have been


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a parcel lost time.

    Attributes:
        code: what by.
        hours: how much; of `SILENT` how long it has been.
        facility: where, as carrier/code; None if nobody says.
        at_ms: when it began; of a departure its cut-off, or when it left.
    """

    code: ReasonCode
    hours: float
    facility: str | None
    at_ms: int


#: A gap that so few are longer than is told, if it is longer than usual by so much.
_UNUSUAL, _LEAST_HOURS = 0.05, 1.0
#: Scans of a departure come so long before or after it at most.
_EARLY_SCAN_MS, _LATE_SCAN_MS = 30 * 60_000, 120 * 60_000

_BY_MILESTONE = {
    "created": ReasonCode.LATE_HANDOVER,
    "departed": ReasonCode.SLOW_LEG,
    "customs": ReasonCode.CUSTOMS,
    "exception": ReasonCode.FAILED_ATTEMPT,
}
#: Weather holds up neither customs nor those who are not at home.
_MAY_BE_WEATHER = (ReasonCode.WAITED, ReasonCode.SLOW_LEG)
_DEPARTED, _READY = MILESTONES.index("departed"), MILESTONES.index("ready_to_collect")


def find_reasons(
    silence: SilenceModel,
    steps: Steps,
    now: float,
    *,
    lately: Lately | None = None,
    timetable: Timetable | None = None,
    weather: Weather | None = None,
) -> list[list[Reason]]:
    """Why each of some parcels lost time, by the steps that are known at an instant (in days since 1970), oldest first.

    Args:
        silence: what is usual.
        steps: of the parcels, whole timelines.
        now: the instant.
        lately: how things go now, if these are not the steps of all parcels.
        timetable: departures of the network, if the home has one.
        weather: what it was; see `Weather`.

    Returns:
        By number of the parcel, see `Steps.parcel`.
    """
    found: list[list[Reason]] = [[] for _ in range(int(steps.parcel.max(initial=-1)) + 1)]
    awaited = silence.await_scans(steps, silence.lately(steps, now) if lately is None else lately)
    usual = silence.due(awaited, 0.5)
    ends = np.minimum(steps.following, now)
    unusual = (silence.quiet(awaited, ends) < _UNUSUAL) & ((ends - usual) * 24 >= _LEAST_HOURS)
    unusual &= (steps.at < steps.ended) & (steps.milestone != _READY)  # who may collect it takes their time
    missed = {} if timetable is None else _find_missed(timetable, steps, usual, unusual)
    facilities = steps.table.column("facility").to_pylist()
    for row in sorted({*np.flatnonzero(unusual).tolist(), *missed}):
        if row in missed:
            reason = missed[row]
        else:
            hours = round(float(ends[row] - usual[row]) * 24, 1)
            reason = _tell(steps, row, facilities[row], hours, float(ends[row]), weather)
        found[steps.parcel[row]].append(reason)
    return found


def _tell(steps: Steps, row: int, facility: str | None, hours: float, end: float, weather: Weather | None) -> Reason:
    at_ms, end_ms = round(float(steps.at[row]) * DAY_MS), round(end * DAY_MS)
    milestone = list_statuses()[steps.status[row]].milestone
    code = _BY_MILESTONE.get(milestone or "", ReasonCode.WAITED)
    blamed = None
    if code in _MAY_BE_WEATHER and weather is not None and facility is not None:
        blamed = weather(facility, at_ms, end_ms)
    if blamed is None and steps.following[row] == NEVER:
        hours = round((end_ms - at_ms) / 3_600_000, 1)
        return Reason(code=ReasonCode.SILENT, hours=hours, facility=facility, at_ms=at_ms)
    return Reason(code=blamed or code, hours=hours, facility=facility, at_ms=at_ms)


def _find_missed(timetable: Timetable, steps: Steps, usual: Floats, unusual: Flags) -> dict[int, Reason]:
    """By row of a departure: that it came too late for an earlier one, or was left behind by it.

    What it waited there is told by that, and no longer unusual.
    """
    names = steps.table.column("facility").to_pylist()
    left = (steps.milestone[:-1] == _DEPARTED) & (steps.parcel[1:] == steps.parcel[:-1])
    found = {}
    for row in np.flatnonzero(left).tolist():
        first = row  # of its scans at the facility that it left
        while first > 0 and steps.parcel[first - 1] == steps.parcel[row] and names[first - 1] == names[row]:
            first -= 1
        origin, towards = timetable.places.get(names[row] or ""), timetable.places.get(names[row + 1] or "")
        if first == row or origin is None or towards is None:
            continue
        due = came = steps.at[first]
        if first > 0 and steps.parcel[first - 1] == steps.parcel[row]:
            due = min(came, usual[first - 1])
        due_ms, came_ms, departed_ms = (round(float(each) * DAY_MS) for each in (due, came, steps.at[row]))
        dwell_ms = int(timetable.dwell_ms[origin])
        ways = _list_departures(timetable, origin, towards, due_ms + dwell_ms, departed_ms + _EARLY_SCAN_MS)
        reason = _compare(timetable, ways, came_ms + dwell_ms, departed_ms, names[row])
        if reason is not None and (reason.code is ReasonCode.MISSED_CUTOFF or unusual[first:row].any()):
            found[row] = reason
            unusual[first:row] = False
    return found


def _list_departures(timetable: Timetable, origin: int, towards: int, ready_ms: int, until_ms: int) -> Ints:
    """The connections that leave a facility for another, maybe with stops between, and that can be made."""
    of = timetable.connections
    begin, end = np.searchsorted(of.departs_ms, [ready_ms, until_ms + 1])
    rows = np.arange(begin, end)[(of.origin[begin:end] == origin) & (of.closes_ms[begin:end] >= ready_ms)]
    reaches, here = np.zeros(len(rows), np.bool_), rows.copy()
    while (here >= 0).any():
        reaches |= (here >= 0) & (of.destination[here] == towards)
        here = np.where(here >= 0, of.following[here], -1)
    return np.asarray(rows[reaches], np.int64)


def _compare(timetable: Timetable, ways: Ints, ready_ms: int, departed_ms: int, facility: str) -> Reason | None:
    """The departure that it would have made had it come as usual, beside the one that it made."""
    of = timetable.connections
    if not len(ways) or of.departs_ms[ways[-1]] < departed_ms - _LATE_SCAN_MS:
        return None  # it left by something that the timetable does not know
    first, made = int(ways[0]), int(ways[-1])
    lost = round(int(of.departs_ms[made] - of.departs_ms[first]) / 3_600_000, 1)
    if lost < _LEAST_HOURS:
        return None
    if ready_ms > of.closes_ms[first]:
        at_ms = int(of.closes_ms[first])
        return Reason(code=ReasonCode.MISSED_CUTOFF, hours=lost, facility=facility, at_ms=at_ms)
    return Reason(code=ReasonCode.LEFT_BEHIND, hours=lost, facility=facility, at_ms=int(of.departs_ms[first]))
