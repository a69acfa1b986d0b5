"""What was lately so, as it was known at an instant: means of what ended, and Little's law.

Whoever only looks at what arrived lately sees too many fast parcels while things get slower: the slow ones are still on
their way. Little's law (mean stay = number inside / departures a day; J. D. C. Little, 1961) counts those too.
"""

import msgspec
import numpy as np

from waypost.forecast.trips import Flags, Floats, Ints


class Asked(msgspec.Struct, frozen=True):
    """What is asked: with which key, and as it was known when, in days since 1970."""

    keys: Ints
    at: Floats


def recent_means(
    keys: Ints,
    values: Floats,
    known_at: Floats,
    asked: Asked,
    *,
    days: float,
    prior: Floats | float,
    weight: float,
) -> tuple[Floats, Floats]:
    """The mean of the values with the key that is asked for which became known within the days before.

    Args:
        keys: of all trips, numbers from 0.
        values: NaN where there is none.
        known_at: when a value became known; may be never.
        asked: with which key, and when.
        days: how far back.
        prior: what a mean is drawn to, as if so many values (`weight`) had been it.
        weight: see `prior`; with 0 a mean of nothing is NaN.

    Returns:
        Means; and of how many.
    """
    rows = _in_order(keys, known_at, np.isfinite(known_at) & np.isfinite(values))
    end = count_before(keys[rows], known_at[rows], asked.keys, asked.at)
    begin = count_before(keys[rows], known_at[rows], asked.keys, asked.at - days)
    sums = np.r_[0.0, np.cumsum(values[rows])]
    count = (end - begin).astype(np.float64)
    total = sums[end] - sums[begin] + (weight * np.asarray(prior) if weight else 0.0)
    seen = count + weight
    return np.divide(total, seen, out=np.full(len(asked.keys), np.nan), where=seen > 0), count


def stays(
    keys: Ints,
    entered: Floats,
    left: Floats,
    asked: Asked,
    *,
    days: float,
    most: float,
    prior: Floats | float,
    weight: float,
) -> tuple[Floats, Floats]:
    """How long parcels with the key that is asked for stay between two points just then, in days, by Little's law.

    Args:
        keys: of all trips, numbers from 0.
        entered: when each came to the first point; may be never.
        left: when it came to the second; may be never.
        asked: with which key, and when.
        days: over how many days departures are counted.
        most: who has stayed for more days is lost, and no longer counted as inside.
        prior: the stay that is drawn to, as if so many parcels (`weight`) had left after it.
        weight: see `prior`.

    Returns:
        Stays, and how many are inside.
    """
    came = np.isfinite(entered)
    until = np.where(came, np.minimum(left, entered + most), np.inf)
    inside = _counts(keys, entered, came, asked) - _counts(keys, until, came, asked)
    gone = np.isfinite(left) & came
    departed = _counts(keys, left, gone, asked) - _counts(keys, left, gone, Asked(asked.keys, asked.at - days))
    return (inside + weight * np.asarray(prior) / days) / ((departed + weight) / days), inside


def _counts(keys: Ints, at: Floats, seen: Flags, asked: Asked) -> Floats:
    """How many of those seen, with the key that is asked for, had their instant before."""
    rows = _in_order(keys, at, seen)
    firsts = np.searchsorted(keys[rows], asked.keys, "left")
    return (count_before(keys[rows], at[rows], asked.keys, asked.at) - firsts).astype(np.float64)


def _in_order(keys: Ints, at: Floats, seen: Flags) -> Ints:
    rows = np.flatnonzero(seen)
    return rows[np.lexsort((at[rows], keys[rows]))].astype(np.int64)


def count_before(keys: Ints, at: Floats, asked_keys: Ints, asked_at: Floats) -> Ints:
    """How many of the pairs (key, instant) stand before each of those asked for."""
    is_asked = np.r_[np.zeros(len(keys), np.bool_), np.ones(len(asked_keys), np.bool_)]
    # What came at the very instant is not before it: of equals, those that are asked for stand first.
    order = np.lexsort((~is_asked, np.r_[at, asked_at], np.r_[keys, asked_keys]))
    places: Ints = np.empty(len(asked_keys), np.int64)
    asked_rows = is_asked[order]
    places[order[asked_rows] - len(keys)] = np.cumsum(~asked_rows)[asked_rows]
    return places
