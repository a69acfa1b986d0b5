"""Timetables: all departures of some days as columns, sorted by departure.

A *connection* is one move of one departure from a facility to the next, without a stop between. Searches read the
connections from the first to the last (see `scanning`), so each is a row of flat arrays, and what is alike for all days
of a service stands once, in its *section*.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import MINUTE_MS, offsets_in_zone, read_in_zone
from waypost.network.services import DAY_MIN, Clock, Days, Service, check_parts

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]
Marks = npt.NDArray[np.bool_]

EPOCH = dt.date(1970, 1, 1)
#: A timetable spans no more days: its columns are all in memory.
MOST_DAYS = 400


class Sections(msgspec.Struct, frozen=True):
    """What all days of one stretch of a service share: a row for each stretch of each service.

    Attributes:
        service: its place among the services.
        stretch: its place within the service.
        capacity_g: the largest number where nobody said.
        cost_minor, co2_g: of one parcel.
    """

    service: Numbers
    stretch: Numbers
    capacity_g: Ints
    cost_minor: Ints
    co2_g: Ints


class Connections(msgspec.Struct, frozen=True):
    """The connections, by departure: one row each.

    Attributes:
        departs_ms, arrives_ms: UTC.
        ready_ms: from when on what it brings can go on by another: its arrival and the dwell there.
        closes_ms: the cut-off: what comes to the facility later is not taken.
        origin, destination: places among the facilities.
        section: place among the sections.
        day: on which its service began, days since 1970-01-01 by the calendar there.
        previous, following: the rows of the connections before and behind it in the same departure; -1 for none.
    """

    departs_ms: Ints
    arrives_ms: Ints
    ready_ms: Ints
    closes_ms: Ints
    origin: Numbers
    destination: Numbers
    section: Numbers
    day: Numbers
    previous: Numbers
    following: Numbers

    def __len__(self) -> int:
        return len(self.departs_ms)


class LeftOut(msgspec.Struct, frozen=True):
    """A departure that cannot be: in the weeks in which one zone has changed its clocks and the other has not yet."""

    service: str
    day: dt.date
    facility: str

    def __str__(self) -> str:
        return f"{self.service} on {self.day}: arrives at {self.facility} before it leaves, as the zones are then"


class Timetable(msgspec.Struct, frozen=True):
    """All departures of some days.

    Attributes:
        services: that run in it or do not.
        facilities: at which they call, as `carrier/code`.
        places: where each facility stands in `facilities`.
        dwell_ms: for each facility, how long after it arrived something can go on by another departure.
        sections, connections: see there.
        first, last: the days it spans.
        left_out: what does not run though its days say so.
    """

    services: tuple[Service, ...]
    facilities: tuple[str, ...]
    places: dict[str, int]
    dwell_ms: Ints
    sections: Sections
    connections: Connections
    first: dt.date
    last: dt.date
    left_out: tuple[LeftOut, ...] = ()

    def place(self, facility: str) -> int:
        """Where a facility stands among all.

        Raises:
            NotFound: nothing calls there.
        """
        found = self.places.get(facility)
        if found is None:
            mend = "`waypost timetable show` lists those that something calls at, as carrier/code."
            raise NotFound(f"no service calls at {facility[:80]!r}", mend=mend)
        return found


def expand(
    services: Iterable[Service], first: dt.date, last: dt.date, dwell_min: Mapping[str, int], usual_dwell_min: int
) -> Timetable:
    """The departures of services on some days.

    Args:
        services: each under another carrier and code.
        first, last: the days on which services begin, by the calendars of where they do; both are in it.
        dwell_min: minimum dwell of facilities, in minutes.
        usual_dwell_min: of those that are not named there.

    Raises:
        BadInput: a service cannot be, or the days are none or too many.
    """
    if not 0 <= (last - first).days < MOST_DAYS:
        raise BadInput(f"a timetable spans 1 to {MOST_DAYS} days, not {first} to {last}", where="horizon")
    kept = tuple(check_parts(service) for service in services)
    facilities = tuple(sorted({call.facility for service in kept for call in service.calls}))
    places = {facility: place for place, facility in enumerate(facilities)}
    stretches = [stretch for service in kept for stretch in service.stretches]
    lengths = np.array([len(service.stretches) for service in kept], np.int64)
    sections = Sections(
        service=np.repeat(np.arange(len(kept), dtype=np.int32), lengths),
        stretch=_count_up(lengths).astype(np.int32),
        capacity_g=_column([np.iinfo(np.int64).max if s.capacity_g is None else s.capacity_g for s in stretches]),
        cost_minor=_column([stretch.cost_minor for stretch in stretches]),
        co2_g=_column([stretch.co2_g for stretch in stretches]),
    )
    minutes = [dwell_min.get(facility, usual_dwell_min) for facility in facilities]
    if minutes and min(minutes) < 0:
        raise BadInput("the minimum dwell is below zero", where=facilities[minutes.index(min(minutes))])
    dwell_ms = _column(minutes) * MINUTE_MS
    connections, left_out = _connect(kept, places, dwell_ms, lengths, (_day_number(first), _day_number(last)))
    return Timetable(kept, facilities, places, dwell_ms, sections, connections, first, last, left_out)


def sort_connections(unsorted: Connections) -> Connections:
    """Connections in any order made those of a timetable; their `following` is worked out from `previous`."""
    order = np.argsort(unsorted.departs_ms, kind="stable")
    rows = np.empty(len(order) + 1, np.int32)
    rows[order] = np.arange(len(order), dtype=np.int32)
    rows[-1] = -1  # what `previous` of a first connection leads to
    before = rows[unsorted.previous[order]]
    following = np.full(len(order), -1, np.int32)
    later = np.flatnonzero(before >= 0)
    following[before[later]] = later
    columns = {name: getattr(unsorted, name)[order] for name in Connections.__struct_fields__}
    return Connections(**columns | {"previous": before, "following": following})


def _connect(
    services: Sequence[Service], places: Mapping[str, int], dwell_ms: Ints, lengths: Ints, days: tuple[int, int]
) -> tuple[Connections, tuple[LeftOut, ...]]:
    """Each service on each of its days, stretch by stretch; and the days on which one cannot be."""
    which, day = _list_runs(services, *days)
    begins_ms = _begin(services, which, day)
    run = np.repeat(np.arange(len(which)), lengths[which])
    stretch = _count_up(lengths[which])
    section = (np.cumsum(lengths) - lengths)[which[run]] + stretch
    calls = [call for service in services for call in service.calls]
    call = section + which[run]  # a service has one call more than it has stretches
    wall_min = _column([c.departs_min if c.departs_min is not None else -1 for c in calls])
    came_min = _column([c.arrives_min if c.arrives_min is not None else -1 for c in calls])
    place = _column([places[c.facility] for c in calls]).astype(np.int32)
    zones, zone = _number([c.zone for c in calls])
    # Where the zones of a service's calls differ, so does how far apart their clocks are from season to season: what
    # counts is noon of the day on which it begins.
    noon_ms = (day[run] * DAY_MIN + DAY_MIN // 2) * MINUTE_MS
    start = call - stretch
    offset = _offsets(zones, zone, call, noon_ms), _offsets(zones, zone, call + 1, noon_ms)
    begun = _offsets(zones, zone, start, noon_ms)
    departs_ms = begins_ms[run] + (wall_min[call] - wall_min[start] - offset[0] + begun) * MINUTE_MS
    arrives_ms = begins_ms[run] + (came_min[call + 1] - wall_min[start] - offset[1] + begun) * MINUTE_MS
    cut_off = _column([each.cut_off_min for service in services for each in service.stretches])
    bad, first_bad = np.unique(run[arrives_ms <= departs_ms], return_index=True)
    rows = np.flatnonzero(arrives_ms <= departs_ms)[first_bad]
    left_out = tuple(
        LeftOut(services[which[at]].name, EPOCH + dt.timedelta(days=int(day[at])), calls[call[row] + 1].facility)
        for at, row in zip(bad.tolist(), rows.tolist(), strict=True)
    )
    good = ~np.isin(run, bad)  # whole departures, so that each good row still follows the one before it
    columns = {
        "departs_ms": departs_ms,
        "arrives_ms": arrives_ms,
        "ready_ms": arrives_ms + dwell_ms[place[call + 1]],
        "closes_ms": departs_ms - cut_off[section] * MINUTE_MS,
        "origin": place[call],
        "destination": place[call + 1],
        "section": section.astype(np.int32),
        "day": day[run].astype(np.int32),
    }
    numbers = np.arange(np.count_nonzero(good), dtype=np.int32)
    previous = np.where(stretch[good] > 0, numbers - 1, -1).astype(np.int32)
    kept = {name: column[good] for name, column in columns.items()} if left_out else columns
    return sort_connections(Connections(**kept, previous=previous, following=np.full_like(previous, -1))), left_out


def _list_runs(services: Sequence[Service], first: int, last: int) -> tuple[Ints, Ints]:
    """Which services begin on which days; calendars that many services share are read once."""
    calendars: dict[Days, list[int]] = {}
    for number, service in enumerate(services):
        calendars.setdefault(service.days, []).append(number)
    which, when = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for days, numbers in calendars.items():
        active = list_days(days, first, last)
        which.append(np.repeat(np.array(numbers, np.int64), len(active)))
        when.append(np.tile(active, len(numbers)))
    return np.concatenate(which), np.concatenate(when)


def list_days(days: Days, first: int, last: int) -> Ints:
    """The days between two, counted since 1970-01-01, that a calendar names."""
    span = np.arange(first, last + 1)
    weekday = (span + 3) % 7 + 1  # 1 January 1970 was a Thursday
    runs = np.isin(weekday, days.weekdays)
    runs &= (span >= _day_number(days.first)) & (span <= _day_number(days.last))
    runs |= np.isin(span, [_day_number(day) for day in days.added])
    runs &= ~np.isin(span, [_day_number(day) for day in days.left_out])
    return span[runs]


def _begin(services: Sequence[Service], which: Ints, day: Ints) -> Ints:
    """The first departure of each run, UTC milliseconds."""
    begin_min = _column([service.calls[0].departs_min or 0 for service in services])
    zones, zone = _number([service.calls[0].zone for service in services])
    by_noon = np.array([service.clock is Clock.NOON for service in services], np.bool_)[which]
    half_day = DAY_MIN // 2
    wall_min = day * DAY_MIN + np.where(by_noon, half_day, begin_min[which])
    begins_ms = np.empty(len(which), np.int64)
    for number, name in enumerate(zones):
        rows = np.flatnonzero(zone[which] == number)
        begins_ms[rows] = read_in_zone(wall_min[rows] * MINUTE_MS, name).at_ms
    return begins_ms + np.where(by_noon, (begin_min[which] - half_day) * MINUTE_MS, 0)


def _offsets(zones: Sequence[str], zone: Ints, call: Ints, noon_ms: Ints) -> Ints:
    """Minutes east of UTC where each call is, at noon there."""
    found = np.empty(len(call), np.int64)
    of_call = zone[call]
    for number, name in enumerate(zones):
        rows = np.flatnonzero(of_call == number)
        days, back = np.unique(noon_ms[rows], return_inverse=True)
        found[rows] = offsets_in_zone(read_in_zone(days, name).at_ms, name).astype(np.int64)[back]
    return found


def _number(names: Sequence[str]) -> tuple[list[str], Ints]:
    """The distinct ones among some names, and for each its place among them."""
    distinct = sorted(set(names))
    places = {name: place for place, name in enumerate(distinct)}
    return distinct, _column([places[name] for name in names])


def _count_up(lengths: Ints) -> Ints:
    """0, 1, 2 ... so many times for each length."""
    counted: Ints = np.arange(lengths.sum(), dtype=np.int64)
    counted -= np.repeat(np.cumsum(lengths) - lengths, lengths)
    return counted


def _column(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)


def _day_number(day: dt.date) -> int:
    return (day - EPOCH).days
