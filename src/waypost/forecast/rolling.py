"""A back-test that lives through a time: each day it promises with what was known that morning, and learns."""

from collections.abc import Callable, Collection

import numpy as np

from waypost.forecast.circumstances import LEARNT, Circumstances, Kind
from waypost.forecast.promises import WARM_UP_DAYS, Foreseen
from waypost.forecast.transit import learn_transit
from waypost.forecast.trips import Floats, Trips

#: Each so many days all is learnt anew.
LEARN_EVERY_DAYS = 7

#: The levels at which windows are kept.
LEVELS: Floats = np.asarray(np.round(np.r_[0.05:0.7:0.05, 0.7:0.999:0.005], 3), np.float64)


def roll(
    facts: Circumstances,
    trips: Trips,
    start: float,
    end: float,
    *,
    kinds: Collection[Kind] = LEARNT,
    seed: int = 0,
    threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> Floats:
    """Promise all trips ordered from `start` on and before `end` (midnights, in days since 1970), in their order.

    Returns:
        Days after the order, a row a trip and a column a level of `LEVELS`; NaN for all others.
    """
    foreseen = Foreseen(trips)
    windows = np.full((len(trips), len(LEVELS)), np.nan)
    first = start - WARM_UP_DAYS
    for week in np.arange(first, end, LEARN_EVERY_DAYS):
        model = learn_transit(facts, trips, week, kinds=kinds, seed=seed, threads=threads)
        rows = trips.between(week, min(week + LEARN_EVERY_DAYS, end))
        if len(rows):
            foreseen.put(rows, model.foresee(facts, rows))
        for day in np.arange(max(week, start), min(week + LEARN_EVERY_DAYS, end)):
            rows = trips.between(day, min(day + 1, end))
            windows[rows] = foreseen.windows(rows, foreseen.shape(day, LEVELS))
        tell((week + LEARN_EVERY_DAYS - first) / (end - first))
    return windows


def at_level(windows: Floats, level: float) -> Floats:
    """The days of each window at a level, between those that are kept."""
    place = float(np.interp(level, LEVELS, np.arange(len(LEVELS))))
    below = int(place)
    above = min(below + 1, len(LEVELS) - 1)
    return windows[:, below] + (place - below) * (windows[:, above] - windows[:, below])
