"""What changes while a timetable is in use: facilities and lanes that are closed, departures that are late.

The columns of the timetable are taken over, shifted or left out, and sorted anew; nothing is expanded again, and
whoever still asks the timetable as it was is not disturbed.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import MINUTE_MS
from waypost.network.services import DAY_MIN, MOST_CALLS, MOST_MIN
from waypost.network.timetable import EPOCH, Connections, Timetable, list_days, sort_connections

Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]

#: Departures by one number: service, then day, then call.
_DAYS, _CALLS = 1 << 20, 1 << 10
assert MOST_CALLS < _CALLS


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """A facility at which nothing departs or arrives for a while; with a destination, a lane that nothing takes.

    What runs into it ends there: the rest of that departure falls out as well.

    Attributes:
        facility: `carrier/code`.
        destination: only what goes from there to that one without a stop between; None for all.
        since_ms, until_ms: from the first up to but without the second. A lane is closed to what is on it then.
    """

    facility: str
    since_ms: int
    until_ms: int
    destination: str | None = None


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """A departure that is late.

    Attributes:
        carrier, service: whose it is, and its code.
        day: on which the service began, by the calendar there.
        minutes: how much later it leaves and arrives, its cut-offs with it; below zero for earlier.
        call: from which of its calls on, 0 for the first; a later one overrules an earlier.
    """

    carrier: str
    service: str
    day: dt.date
    minutes: int
    call: int = 0


def amend(timetable: Timetable, closures: Sequence[Closure] = (), delays: Sequence[Delay] = ()) -> Timetable:
    """The timetable with changes; delays first, as what is late may come into a closure or out of it.

    Args:
        timetable: as planned: what was amended once knows its delays no more.
        closures: in any order.
        delays: those of days outside the timetable change nothing.

    Raises:
        NotFound: there is no such facility or departure.
        BadInput: a delay lets something leave before it arrived there, or a closure ends before it begins.
    """
    late = _shift(timetable, _delay_ms(timetable, delays))
    open_ = ~_find_closed(timetable, late, closures)
    rows = np.cumsum(open_) - 1
    before = late.previous
    previous = np.where((before >= 0) & open_[before], rows[before], -1).astype(np.int32)
    columns = {name: getattr(late, name)[open_] for name in Connections.__struct_fields__}
    connections = sort_connections(Connections(**columns | {"previous": previous[open_]}))
    return msgspec.structs.replace(timetable, connections=connections)


def _delay_ms(timetable: Timetable, delays: Sequence[Delay]) -> Ints:
    """How much later each connection is."""
    each, sections = timetable.connections, timetable.sections
    places = {(service.carrier, service.code): place for place, service in enumerate(timetable.services)}
    departures = (sections.service[each.section].astype(np.int64) * _DAYS + each.day) * _CALLS
    known: dict[int, int] = {}
    for delay in delays:
        name = f"{delay.carrier}/{delay.service}"[:80]
        place = places.get((delay.carrier, delay.service))
        if place is None:
            raise NotFound(f"no service {name!r} in the timetable", mend="`waypost timetable show` lists them.")
        most = len(timetable.services[place].stretches) - 1
        if not 0 <= delay.call <= most:
            mend = f"It departs from calls 0 to {most}."
            raise BadInput(f"service {name!r} departs from no call {delay.call}", where="call", mend=mend)
        if abs(delay.minutes) > MOST_MIN:
            mend = f"At most {MOST_MIN} are, {MOST_MIN // DAY_MIN} days: close the lane instead."
            raise BadInput(f"a delay of {delay.minutes} minutes cannot be", where="minutes", mend=mend)
        if timetable.first <= delay.day <= timetable.last:
            on = (delay.day - EPOCH).days
            if not len(list_days(timetable.services[place].days, on, on)):
                raise NotFound(f"service {name!r} does not run on {delay.day}")
            known[(place * _DAYS + on) * _CALLS + delay.call] = delay.minutes * MINUTE_MS
    if not known:
        return np.zeros(len(each), np.int64)
    keys = np.array(sorted(known), np.int64)
    shifts = np.array([known[key] for key in keys.tolist()], np.int64)
    last = np.searchsorted(keys, departures + sections.stretch[each.section], side="right") - 1
    return np.where((last >= 0) & (keys[last] >= departures), shifts[last], 0)


def _shift(timetable: Timetable, by_ms: Ints) -> Connections:
    each = timetable.connections
    instants = ("departs_ms", "arrives_ms", "ready_ms", "closes_ms")
    late = msgspec.structs.replace(each, **{name: getattr(each, name) + by_ms for name in instants})
    wrong = np.flatnonzero((late.previous >= 0) & (late.departs_ms < late.arrives_ms[late.previous]))
    if len(wrong):
        service = timetable.services[timetable.sections.service[late.section[wrong[0]]]]
        facility = timetable.facilities[late.origin[wrong[0]]]
        raise BadInput(f"by its delays it leaves {facility} before it arrived there", where=f"service {service.name}")
    return late


def _find_closed(timetable: Timetable, each: Connections, closures: Sequence[Closure]) -> Marks:
    """Which connections cannot be."""
    closed = np.zeros(len(each), np.bool_)
    for closure in closures:
        if closure.until_ms < closure.since_ms:
            raise BadInput("the closure ends before it begins", where=closure.facility[:80])
        place = timetable.place(closure.facility)
        leaves, comes = each.origin == place, each.destination == place
        if closure.destination is None:
            closed |= leaves & (each.departs_ms >= closure.since_ms) & (each.departs_ms < closure.until_ms)
            closed |= comes & (each.arrives_ms >= closure.since_ms) & (each.arrives_ms < closure.until_ms)
        else:
            leaves &= each.destination == timetable.place(closure.destination)
            closed |= leaves & (each.arrives_ms > closure.since_ms) & (each.departs_ms < closure.until_ms)
    fresh = closed
    while fresh.any():  # once for each call at the most
        fresh = (each.previous >= 0) & fresh[each.previous] & ~closed
        closed = closed | fresh
    return closed
