"""Ways through the timetable as it is now: planned departures with the closures and delays that hold."""

import datetime as dt
from collections.abc import Callable, Collection, Sequence

import msgspec
import numpy as np

from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import DAY_MS, format_instant, offset_in_zone
from waypost.network.chances import Outlook, Spread, judge_path, spread_at, spread_of
from waypost.network.change_book import ChangeBook, apply_changes
from waypost.network.choices import find_choices
from waypost.network.paths import ANY, Leg, Path, Terms, find_earliest, find_latest
from waypost.network.services import Call, Days, Mode, Service, Stretch
from waypost.network.timetable import EPOCH, Timetable, expand

_HOUR_MS = 3_600_000

#: So many numbers of minutes are taken, and so large ones.
MOST_SEEN = 10_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question for ways.

    Attributes:
        origin, destination: facilities, as `carrier/code`.
        ready_ms: handed over then; now without it.
        due_ms: the last way that arrives by then, instead of the first one.
        choices_within_h: all ways that are best in arrival, cost and CO2, up to so many hours after the first.
        days: how many days of departures are looked at.
        terms: what may be used.
    """

    origin: str
    destination: str
    ready_ms: int | None = None
    due_ms: int | None = None
    choices_within_h: int | None = None
    days: int = 14
    terms: Terms = ANY


class Found(msgspec.Struct, frozen=True):
    """Ways, in the timetable in which they were found.

    Attributes:
        begin_ms: from when on it was looked.
        misfits: ids of changes that fit the timetable no more.
    """

    timetable: Timetable
    paths: list[Path]
    begin_ms: int
    misfits: list[str]


class LegView(msgspec.Struct, frozen=True, kw_only=True):
    """A leg as people read it: instants by the clocks of the facilities."""

    carrier: str
    service: str
    mode: str
    origin: str
    closes_at: str
    departs_at: str
    destination: str
    arrives_at: str
    cost_minor: int
    currency: str
    co2_g: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes that were seen: how late departures were, how much longer ways took, and how long handling at a hub.

    Without handling, things go on after the dwell of the facility; without the others all is as planned.
    """

    departing: Sequence[float] = (0,)
    travelling: Sequence[float] = (0,)
    handling: Sequence[float] = ()


class Ways:
    """Answers questions for ways.

    Args:
        open_: the planned departures of some days; may be remembered.
        changes: what holds now.
    """

    def __init__(self, open_: Callable[[dt.date, dt.date], Timetable], changes: ChangeBook) -> None:
        self._open = open_
        self._changes = changes

    def open_around(
        self, begin_ms: int, days: int, now_ms: int, told: Collection[str] | None = None
    ) -> tuple[Timetable, list[str]]:
        """The departures of some days as they are now, and the ids of changes that fit them no more.

        Args:
            told: ids are told of changes of these carriers alone; None for all.
        """
        begin = dt.datetime.fromtimestamp(begin_ms / 1000, tz=dt.UTC).date()
        planned = self._open(begin, begin + dt.timedelta(days=days))
        changes = self._changes.list_live(now_ms)
        if not changes:
            return planned, []
        timetable, bad = apply_changes(planned, changes)
        whose = {each.id: each.carrier for each in changes}
        return timetable, [id_ for id_ in bad if told is None or whose[id_] in told]

    def find(self, asked: Asked, now_ms: int, told: Collection[str] | None = None) -> Found:
        """The way that arrives first and, if asked for, those that cost less; or the one that begins last.

        Args:
            told: as `open_around`.

        Raises:
            NotFound: there is none within these days, or no service calls at a facility.
            BadInput: what is asked contradicts itself.
        """
        if asked.ready_ms is not None and asked.due_ms is not None:
            raise BadInput("give when it is ready or when it is due, not both", where="due")
        if asked.due_ms is not None and asked.choices_within_h is not None:
            raise BadInput("choices are found forward: give when it is due alone", where="choices_within_h")
        begin_ms = now_ms if asked.due_ms is None else asked.due_ms - asked.days * DAY_MS
        begin_ms = begin_ms if asked.ready_ms is None else asked.ready_ms
        end_ms = begin_ms + asked.days * DAY_MS
        timetable, misfits = self.open_around(begin_ms, asked.days, now_ms, told)
        ends = (asked.origin, asked.destination)
        if asked.due_ms is not None:
            found = [find_latest(timetable, *ends, end_ms, asked.terms, begin_ms)]
        elif asked.choices_within_h is not None:
            found = [*find_choices(timetable, *ends, begin_ms, asked.choices_within_h * _HOUR_MS, asked.terms)]
        else:
            found = [find_earliest(timetable, *ends, begin_ms, asked.terms, end_ms)]
        paths = [path for path in found if path is not None]
        if not paths:
            way = f"from {asked.origin[:80]} to {asked.destination[:80]}"
            mend = "More days may help; so may lifting a closure. `waypost timetable show FACILITY` lists what departs."
            raise NotFound(f"no way {way} by departures of {asked.days} days", mend=mend)
        return Found(timetable, paths, begin_ms, misfits)


def make_ready() -> None:
    """Compile what finds ways, or load what was compiled before, so that the first question need not wait for it."""
    once = Days(weekdays=(1, 2, 3, 4, 5, 6, 7), first=EPOCH, last=EPOCH)
    legs = [
        Service(
            carrier="a",
            code=str(leg),
            mode=Mode.TRUCK,
            days=once,
            calls=(
                Call(facility=f"a/{leg}", zone="UTC", departs_min=leg * 60),
                Call(facility=f"a/{leg + 1}", zone="UTC", arrives_min=leg * 60 + 30),
            ),
            stretches=(Stretch(),),
        )
        for leg in range(2)
    ]
    timetable = expand(legs, EPOCH, EPOCH, {}, 0)
    asked = (timetable, "a/0", "a/2")
    path = find_earliest(*asked, 0)
    find_latest(*asked, DAY_MS)
    find_choices(*asked, 0, _HOUR_MS)
    assert path is not None
    judge(Found(timetable, [path], 0, []), path, Seen(travelling=(0, 60)), ANY)  # one connection in two is missed


def judge(found: Found, path: Path, seen: Seen, terms: Terms) -> Outlook:
    """How likely each connection of a way is made, if things are as late as they were.

    Raises:
        BadInput: the way has no legs, or what was seen is no list of minutes.
    """
    ready_ms = found.begin_ms
    if path.legs and ready_ms > path.legs[0].closes_ms:
        ready_ms = path.legs[0].closes_ms
    return judge_path(found.timetable, path, ready_ms, _Lateness(found.timetable, seen), terms)


def view_leg(timetable: Timetable, leg: Leg) -> LegView:
    """A leg in local times."""
    section = timetable.connections.section[leg.boarded]
    service = timetable.services[timetable.sections.service[section]]

    def clock(facility: str, at_ms: int) -> str:
        zone = next(call.zone for call in service.calls if call.facility == facility)
        return format_instant(at_ms, offset_in_zone(at_ms, zone))

    return LegView(
        carrier=leg.carrier,
        service=leg.service,
        mode=leg.mode.value,
        origin=leg.origin,
        closes_at=clock(leg.origin, leg.closes_ms),
        departs_at=clock(leg.origin, leg.departs_ms),
        destination=leg.destination,
        arrives_at=clock(leg.destination, leg.arrives_ms),
        cost_minor=leg.cost.minor,
        currency=leg.cost.currency,
        co2_g=leg.co2_g,
    )


class _Lateness:
    """Everything is as late as what was seen."""

    def __init__(self, timetable: Timetable, seen: Seen) -> None:
        self._timetable = timetable
        self._departing, self._travelling = _spread(seen.departing), _spread(seen.travelling)
        self._handling = _spread(seen.handling) if seen.handling else None

    def departing(self, leg: Leg) -> Spread:
        return self._departing

    def travelling(self, leg: Leg) -> Spread:
        return self._travelling

    def handling(self, facility: str, at_ms: int) -> Spread:
        if self._handling is not None:
            return self._handling
        return spread_at(int(self._timetable.dwell_ms[self._timetable.place(facility)]) // 60_000)


def _spread(minutes: Sequence[float]) -> Spread:
    if len(minutes) > MOST_SEEN or np.abs(np.asarray(minutes, np.float64)).max(initial=0) > MOST_SEEN:
        raise BadInput(f"at most {MOST_SEEN} numbers of minutes, none beyond {MOST_SEEN}", where="seen")
    return spread_of(list(minutes))
