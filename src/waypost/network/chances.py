"""How likely a path holds: the chance of each connection, and when things arrive if some are missed.

Times are whole minutes, so that sums of what is not known (a departure's delay, a way that takes longer, handling at a
hub) are worked out exactly, by convolution: nothing is sampled, the same question has the same answer, and a chance of
one in a thousand is as sharp as one of a half. What misses its departure takes the next one that goes to the same
facility, and so on to the end of the timetable.

A departure that is late waits for what is late as well, and arrives late: what was caught because the departure was
delayed is counted with that delay. Delays of different departures are taken to be independent of each other.
"""

import itertools
from collections.abc import Iterator
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.model.errors import BadInput
from waypost.model.instants import MINUTE_MS
from waypost.network.paths import ANY, Leg, Path, Terms, list_allowed, tell_path
from waypost.network.scanning import Marks, find_next
from waypost.network.timetable import Timetable

Floats = npt.NDArray[np.float64]

#: Chances below this are let go; what is let go is counted as if nothing was left to depart.
_LEAST = 1e-9


class Spread(msgspec.Struct, frozen=True):
    """What a number of minutes may be.

    Attributes:
        first_min: the smallest.
        chances: of it and of each minute behind it; they need not sum to one where something may never come.
    """

    first_min: int
    chances: Floats

    @property
    def total(self) -> float:
        """The sum of the chances."""
        return float(self.chances.sum())

    def upto(self, minutes: npt.NDArray[np.int64]) -> Floats:
        """How likely it is no more than each of some numbers of minutes."""
        summed = np.concatenate([[0.0], np.cumsum(self.chances)])
        return summed[np.clip(minutes - self.first_min + 1, 0, len(self.chances))]

    def quantile(self, share: float) -> int | None:
        """The fewest minutes that it does not exceed with that chance; None if it may never come."""
        summed = np.cumsum(self.chances)
        place = int(np.searchsorted(summed, share - _LEAST))
        return self.first_min + place if place < len(summed) else None


class Lateness(Protocol):
    """What is known of how late things are. Who forecasts answers it from history."""

    def departing(self, leg: Leg) -> Spread:
        """How many minutes later than planned it departs."""

    def travelling(self, leg: Leg) -> Spread:
        """How many minutes longer than planned it takes."""

    def handling(self, facility: str, at_ms: int) -> Spread:
        """Minutes from an arrival there, at about that instant, until something can go on."""


class Outlook(msgspec.Struct, frozen=True):
    """How a path may go.

    Attributes:
        legs: for each leg, how likely its departure is caught if those before it were.
        holds: how likely all of them are.
        arrives: minutes since 1970-01-01 UTC; what is missing to one has no departure left in the timetable.
    """

    legs: tuple[float, ...]
    holds: float
    arrives: Spread

    @property
    def stranded(self) -> float:
        """How likely the timetable ends before it arrives."""
        return max(1.0 - self.arrives.total, 0.0)

    def chance_by(self, at_ms: int) -> float:
        """How likely it has arrived by then."""
        return float(self.arrives.upto(np.array([at_ms // MINUTE_MS]))[0])

    def quantile_ms(self, share: float) -> int | None:
        """By when it has arrived with that chance; None if the timetable ends before."""
        minute = self.arrives.quantile(share)
        return None if minute is None else minute * MINUTE_MS

    def expected_ms(self) -> int | None:
        """When it arrives on average, if it does; None if it cannot."""
        if self.arrives.total < _LEAST:
            return None
        minutes = self.arrives.first_min + np.arange(len(self.arrives.chances))
        return round(float(minutes @ self.arrives.chances) / self.arrives.total * MINUTE_MS)


def spread_at(minutes: int) -> Spread:
    """So many, and nothing else."""
    return Spread(minutes, np.ones(1))


def spread_of(minutes: npt.ArrayLike) -> Spread:
    """As often as each number comes among some that were seen; they are rounded to whole minutes.

    Raises:
        BadInput: none were seen, or they are no numbers.
    """
    seen = np.rint(np.asarray(minutes, np.float64))
    if not len(seen) or not np.isfinite(seen).all():
        raise BadInput("a spread is made of at least one number of minutes, all of them finite")
    whole = seen.astype(np.int64)
    first = int(whole.min())
    return Spread(first, np.bincount(whole - first) / len(whole))


def judge_path(timetable: Timetable, path: Path, ready_ms: int, lateness: Lateness, terms: Terms = ANY) -> Outlook:
    """How a path may go.

    Args:
        timetable: in which it was found.
        path: with at least one leg.
        ready_ms: when it is handed over where the path begins.
        lateness: what is known of delays and handling.
        terms: what may be used when a departure was missed.

    Raises:
        BadInput: the path has no legs.
    """
    if not path.legs:
        raise BadInput("a path without legs has nothing that could be missed")
    allowed = list_allowed(timetable, terms)
    ready = planned = spread_at(-(-ready_ms // MINUTE_MS))  # a minute that has begun is over
    held = [1.0]
    arrives = ready
    for number, leg in enumerate(path.legs):
        if number:
            handling = lateness.handling(leg.origin, path.legs[number - 1].arrives_ms)
            ready, planned = _add(arrives, handling), _add(planned, handling)
        planned, _ = _depart(planned, leg, lateness)
        held.append(planned.total)
        arrives = _arrive(timetable, ready, leg, lateness, allowed)
    chances = tuple(after / before if before else 0.0 for before, after in itertools.pairwise(held))
    return Outlook(chances, held[-1], arrives)


def _arrive(timetable: Timetable, ready: Spread, planned: Leg, lateness: Lateness, allowed: Marks) -> Spread:
    """When it arrives by the planned departure or, missing that, by one behind it."""
    found: list[Spread] = []
    for leg in _list_departures(timetable, planned, allowed):
        arrives, ready = _depart(ready, leg, lateness)
        found.append(arrives)
        if ready.total < _LEAST:
            break
    return _gather(found)


def _list_departures(timetable: Timetable, planned: Leg, allowed: Marks) -> Iterator[Leg]:
    """The planned departure, then those behind it that go to the same facility without a change."""
    yield planned
    each, row = timetable.connections, planned.boarded
    start, target = timetable.place(planned.origin), timetable.place(planned.destination)
    while True:
        columns = (each.origin, each.destination, each.section, each.following)
        row, left = find_next(*columns, allowed, start, target, row + 1)
        if row < 0:
            return
        [leg] = tell_path(timetable, np.array([row, left], np.int32)).legs
        yield leg


def _depart(ready: Spread, leg: Leg, lateness: Lateness) -> tuple[Spread, Spread]:
    """When what catches a departure arrives, and when what misses it was ready."""
    late = lateness.departing(leg)
    minutes = leg.closes_ms // MINUTE_MS + late.first_min + np.arange(len(late.chances))
    departs = Spread(leg.departs_ms // MINUTE_MS + late.first_min, late.chances * ready.upto(minutes))
    takes = lateness.travelling(leg)
    planned_min = (leg.arrives_ms - leg.departs_ms) // MINUTE_MS
    # Missed is a departure whose cut-off, late as the departure is, came before something was ready.
    closed = Spread(int(minutes[0]), late.chances)
    gone = closed.upto(ready.first_min + np.arange(len(ready.chances)) - 1)
    missed = Spread(ready.first_min, ready.chances * gone)
    return _add(departs, Spread(takes.first_min + planned_min, takes.chances)), _trim(missed)


def _add(one: Spread, other: Spread) -> Spread:
    """The sum of two that do not depend on one another."""
    return _trim(Spread(one.first_min + other.first_min, np.convolve(one.chances, other.chances)))


def _gather(spreads: list[Spread]) -> Spread:
    """One or another of several, whose chances sum to one at most."""
    first = min(spread.first_min for spread in spreads)
    chances = np.zeros(max(spread.first_min + len(spread.chances) for spread in spreads) - first)
    for spread in spreads:
        begin = spread.first_min - first
        chances[begin : begin + len(spread.chances)] += spread.chances
    return _trim(Spread(first, chances))


def _trim(spread: Spread) -> Spread:
    """Without minutes at either end that all but never come."""
    some = np.flatnonzero(spread.chances > _LEAST / 1000)
    if not len(some):
        return Spread(spread.first_min, np.zeros(1))
    return Spread(spread.first_min + int(some[0]), spread.chances[some[0] : some[-1] + 1])
