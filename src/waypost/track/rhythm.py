"""When the parcels of a carrier are scanned next, and what it is worth to ask after one now.

A chance of a scan in the next hour (a hazard) depends on what the last scan said, on how long ago that was, and on the
hour of the week: what arrived in the night is out for delivery in the morning. The hour counts by a clock of its own
that runs slowly when little happens and fast when much does; ages are measured by it, and the chance depends on the
age alone then (a piecewise exponential model with a time scale that is worked in).

What a call is worth is an inspection problem (Barlow and Proschan, Mathematical Theory of Reliability, 1965): each look
costs, and so does each hour for which a scan was made and nobody looked. For a constant hazard the best interval is
the one over which the odds that there is a scan, summed over time, come to the price of a look. Here those odds are
summed over whatever the chances are: slowly while no scan is likely, fast once there must be one, up to ten to one. The
price follows the budget, so it is the same for all parcels of an account.
"""

import numpy as np
import numpy.typing as npt

from waypost.model.instants import MINUTE_MS
from waypost.store.compiled import Number, compiled, inlined

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HOUR_MS = 60 * MINUTE_MS
#: A week begins on Thursday at 00:00 UTC, as that of 1 January 1970 did.
WEEK_HOURS = 168

#: Ages from which on the chance may be another, hours by the parcel's own clock: the first, and one factor from the
#: second on. Behind the last it stays as it is.
_FIRST_AGE, _AGE_FACTOR, AGES = 0.1, 1.2, 50
AGE_EDGES = np.concatenate([[0.0], _FIRST_AGE * _AGE_FACTOR ** np.arange(AGES - 1)])
AGE_WIDTHS = np.diff(AGE_EDGES)
_LOG_FIRST, _LOG_FACTOR = float(np.log(_FIRST_AGE)), float(np.log(_AGE_FACTOR))

#: Sums over time are made in steps of this, or in so many if that is more.
_STEP_H, _MOST_STEPS = 1 / 6, 150

#: Logarithm of the most that odds count, plus one: beyond, who has waited longest is first.
_MOST_ODDS = float(np.log(11.0))


class Rhythm:
    """Of one carrier. Arrays have a row for each number of a status.

    Args:
        paces: how fast each clock runs in each hour of the week; 1 on average.
        hazards: chance of a scan in an hour by that clock, for each stretch of ages.
    """

    def __init__(self, paces: Floats, hazards: Floats) -> None:
        start = np.zeros((len(paces), 1))
        self._turned = np.concatenate([start, np.cumsum(paces, axis=1)], axis=1)
        self._hazards = hazards
        self._summed = np.concatenate([start, np.cumsum(hazards[:, :-1] * AGE_WIDTHS, axis=1)], axis=1)

    def worth(self, status: Ints, last_ms: Ints, asked_ms: Ints, now_ms: int) -> Floats:
        """What asking after each parcel now is worth, in hours.

        Args:
            status: numbers of what the last scans said; `gaps.NO_SCAN` for parcels without one.
            last_ms: when these were, or since when a parcel without one is waited for.
            asked_ms: up to when it is known that there was no other.
        """
        worth = np.empty(len(status))
        _find_worth(self._turned, self._hazards, self._summed, status, last_ms, asked_ms, now_ms, worth)
        return worth

    def when(self, status: Ints, last_ms: Ints, asked_ms: Ints, worth: Floats, longest_ms: int) -> Ints:
        """From when on asking after each parcel is worth so much; `longest_ms` after it was asked at the latest."""
        when = np.empty(len(status), np.int64)
        longest_h = longest_ms / HOUR_MS
        _find_when(self._turned, self._hazards, self._summed, status, last_ms, asked_ms, worth, longest_h, when)
        return when

    def chance(self, status: Ints, last_ms: Ints, asked_ms: Ints, at_ms: Ints) -> Floats:
        """How likely each parcel is scanned between when it was asked after and an instant."""
        chance = np.empty(len(status))
        _find_chance(self._turned, self._hazards, self._summed, status, last_ms, asked_ms, at_ms, chance)
        return chance


@inlined
def _turned_at(turned: Floats, status: Number, hours: Number) -> Number:
    """What a clock shows at some hours since 1970."""
    week = np.floor(hours / WEEK_HOURS)
    within = hours - week * WEEK_HOURS
    hour = min(int(within), WEEK_HOURS - 1)
    begun = turned[status, hour]
    return week * turned[status, WEEK_HOURS] + begun + (turned[status, hour + 1] - begun) * (within - hour)


@inlined
def _summed_at(hazards: Floats, summed: Floats, status: Number, age: Number) -> Number:
    """The chances up to an age, summed."""
    place = 0
    if age >= _FIRST_AGE:
        place = min(1 + int((np.log(age) - _LOG_FIRST) / _LOG_FACTOR), AGES - 1)
    return summed[status, place] + hazards[status, place] * (age - AGE_EDGES[place])


@compiled
def _find_worth(
    turned: Floats,
    hazards: Floats,
    summed: Floats,
    status: Ints,
    last_ms: Ints,
    asked_ms: Ints,
    now_ms: int,
    worth: Floats,
) -> None:
    for row in range(len(status)):
        which = status[row]
        from_h = max(asked_ms[row], last_ms[row]) / HOUR_MS
        span_h = now_ms / HOUR_MS - from_h
        worth[row] = 0.0
        if span_h <= 0:
            continue
        start = _turned_at(turned, which, last_ms[row] / HOUR_MS)
        known = _summed_at(hazards, summed, which, max(_turned_at(turned, which, from_h) - start, 0.0))
        steps = min(int(span_h / _STEP_H) + 1, _MOST_STEPS)
        step_h = span_h / steps
        before = 1.0
        for step in range(1, steps + 1):
            age = max(_turned_at(turned, which, from_h + step * step_h) - start, 0.0)
            after = np.exp(min(_summed_at(hazards, summed, which, age) - known, _MOST_ODDS))
            worth[row] += ((before + after) / 2 - 1.0) * step_h
            before = after


@compiled
def _find_when(
    turned: Floats,
    hazards: Floats,
    summed: Floats,
    status: Ints,
    last_ms: Ints,
    asked_ms: Ints,
    worth: Floats,
    longest_h: float,
    when: Ints,
) -> None:
    for row in range(len(status)):
        which = status[row]
        from_h = max(asked_ms[row], last_ms[row]) / HOUR_MS
        start = _turned_at(turned, which, last_ms[row] / HOUR_MS)
        known = _summed_at(hazards, summed, which, max(_turned_at(turned, which, from_h) - start, 0.0))
        reached = passed_h = 0.0
        before = 1.0
        while reached < worth[row] and passed_h < longest_h:
            age = max(_turned_at(turned, which, from_h + passed_h + _STEP_H) - start, 0.0)
            after = np.exp(min(_summed_at(hazards, summed, which, age) - known, _MOST_ODDS))
            reached += ((before + after) / 2 - 1.0) * _STEP_H
            before = after
            passed_h += _STEP_H
        when[row] = int((from_h + min(passed_h, longest_h)) * HOUR_MS)


@compiled
def _find_chance(
    turned: Floats,
    hazards: Floats,
    summed: Floats,
    status: Ints,
    last_ms: Ints,
    asked_ms: Ints,
    at_ms: Ints,
    chance: Floats,
) -> None:
    for row in range(len(status)):
        which = status[row]
        start = _turned_at(turned, which, last_ms[row] / HOUR_MS)
        known = _turned_at(turned, which, max(asked_ms[row], last_ms[row]) / HOUR_MS) - start
        now = max(_turned_at(turned, which, at_ms[row] / HOUR_MS) - start, known)
        chance[row] = 1.0 - np.exp(_summed_at(hazards, summed, which, known) - _summed_at(hazards, summed, which, now))
