"""What is left of a time when some of it has passed: the ETA moves on although nobody scanned the parcel.

The logarithm of a time is a middle plus a spread times what is left over, whose shape is known by its quantiles. Of a
time of which so much has passed that a share `u` of all would have ended, the quantile at a level `q` is that of the
whole at `u + (1 - u) q`. Behind the last known quantile the shape goes on as an exponential tail.
"""

import numpy as np

from waypost.forecast.trips import Floats, Ints
from waypost.store.compiled import Number, compiled, inlined

#: The levels at which shapes are kept.
LEVELS: Floats = np.asarray(np.r_[0.002, 0.01:0.1:0.01, 0.1:0.9:0.02, 0.9:0.9951:0.005]).round(4)

#: Nothing ends within half a minute of now.
_LEAST_DAYS = 0.5 / 1440


def remaining(
    middle: Floats, spread: Floats, shape: Ints, shapes: Floats, passed: Floats, asked: tuple[float, ...]
) -> Floats:
    """Quantiles of how much longer times go on, in days, a row a time and a column a level.

    Args:
        middle, spread: of the logarithm of each time in days.
        shape: which row of `shapes` is that of each.
        shapes: quantiles of what is left over, at `LEVELS`.
        passed: how much of each has passed, in days.
        asked: levels between 0 and 1.
    """
    found = np.empty((len(middle), len(asked)))
    _find_remaining(middle, spread, shape, shapes, _tails(shapes), LEVELS, passed, np.asarray(asked), found)
    return found


def chance_of_longer(
    middle: Floats, spread: Floats, shape: Ints, shapes: Floats, passed: Floats, than: Floats
) -> Floats:
    """How likely each time is longer than some days in all, with so much of it passed; 1 where that has passed too."""
    found = np.empty(len(middle))
    _find_chance(middle, spread, shape, shapes, _tails(shapes), LEVELS, passed, than, found)
    return found


def _tails(shapes: Floats) -> Floats:
    """How fast each shape ends: what it grows by while the share that has not ended falls by a factor of e."""
    near = int(np.searchsorted(LEVELS, 0.95))
    falls = np.log((1 - LEVELS[near]) / (1 - LEVELS[-1]))
    return np.asarray(np.maximum((shapes[:, -1] - shapes[:, near]) / falls, 0.05))


@inlined
def _staying(shape: Floats, tail: Number, levels: Floats, off: Number) -> Number:
    """The share that goes beyond."""
    if off <= shape[0]:
        return 1.0
    if off >= shape[-1]:
        return (1.0 - levels[-1]) * np.exp(-(off - shape[-1]) / tail)
    place = np.searchsorted(shape, off, "right") - 1
    part = (off - shape[place]) / (shape[place + 1] - shape[place])
    return 1.0 - levels[place] - (levels[place + 1] - levels[place]) * part


@inlined
def _quantile_of(shape: Floats, tail: Number, levels: Floats, staying: Number) -> Number:
    """What a share `staying` goes beyond."""
    level = 1.0 - staying
    if level <= levels[0]:
        return shape[0]
    if staying <= 1.0 - levels[-1]:
        return shape[-1] + tail * np.log((1.0 - levels[-1]) / max(staying, 1e-300))
    place = np.searchsorted(levels, level, "right") - 1
    part = (level - levels[place]) / (levels[place + 1] - levels[place])
    return shape[place] + part * (shape[place + 1] - shape[place])


@compiled
def _find_remaining(
    middle: Floats,
    spread: Floats,
    shape: Ints,
    shapes: Floats,
    tails: Floats,
    levels: Floats,
    passed: Floats,
    asked: Floats,
    found: Floats,
) -> None:
    for row in range(len(middle)):
        own, tail = shapes[shape[row]], tails[shape[row]]
        staying = 1.0
        if passed[row] > 0:
            staying = _staying(own, tail, levels, (np.log(passed[row]) - middle[row]) / spread[row])
        for column in range(len(asked)):
            at = _quantile_of(own, tail, levels, staying * (1.0 - asked[column]))
            whole = np.exp(min(middle[row] + spread[row] * at, 12.0))
            found[row, column] = max(whole - max(passed[row], 0.0), _LEAST_DAYS)


@compiled
def _find_chance(
    middle: Floats,
    spread: Floats,
    shape: Ints,
    shapes: Floats,
    tails: Floats,
    levels: Floats,
    passed: Floats,
    than: Floats,
    found: Floats,
) -> None:
    for row in range(len(middle)):
        own, tail = shapes[shape[row]], tails[shape[row]]
        found[row] = 1.0
        if than[row] > max(passed[row], 0.0):
            found[row] = _staying(own, tail, levels, (np.log(than[row]) - middle[row]) / spread[row])
            if passed[row] > 0:
                staying = _staying(own, tail, levels, (np.log(passed[row]) - middle[row]) / spread[row])
                found[row] = min(found[row] / staying, 1.0) if staying > 0 else 1.0
