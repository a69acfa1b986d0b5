"""How many come: forecasts of many series at once, with how sure they are.

1. `voices.py` gives a dozen or two simple forecasts of every series at every moment of its past: smoothed levels,
   damped trends, profiles of the day, the week or the year.
2. `boosting.py` begins from the one of them that errs least and lets trees learn, over all series together, how far
   to move from it, and when.
3. The same, learnt without the end of the series and then asked for it, shows how far it misses. A second forest
   learns when misses are large; the quantiles of what is left, by how far ahead it was, are the bands.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from waypost.forecast.boosting import Trees, grow_trees
from waypost.forecast.spread import Spread, learn_spread
from waypost.forecast.voices import Floats, Ints
from waypost.forecast.windows import DAILY, HOURLY, WEEKLY, Pace, Panel, Windows, cut_windows
from waypost.model.errors import BadInput

__all__ = ["DAILY", "HOURLY", "LEVELS", "WEEKLY", "Pace", "Panel", "Volumes", "forecast_volumes"]

#: Which quantiles are told.
LEVELS = (0.1, 0.5, 0.9)

#: About so many windows are learnt from at most.
_WINDOWS = 400_000

#: A tree is grown for so many windows, but so many trees at least and at most: few series teach little, and more trees
#: would learn their chances by heart.
_PER_TREE, _FEWEST_TREES, _MOST_TREES = 700, 25, 400

#: Of an origin about so many steps ahead are learnt from; more origins teach more than more steps of one.
_STEPS = 6

#: Misses are looked at over so many horizons, or a third of a shorter series, from so many origins.
_HELD, _CHECKS = 4, 6

#: At least so many windows have to show how far forecasts miss.
_FEWEST_MISSES = 20


class Volumes(msgspec.Struct, frozen=True):
    """What is to come.

    Attributes:
        means: by series and step ahead, not below zero.
        levels: which quantiles.
        quantiles: by series, step ahead and level, not below zero, ascending.
    """

    means: Floats
    levels: tuple[float, ...]
    quantiles: Floats


def forecast_volumes(
    panel: Panel,
    horizon: int,
    *,
    levels: Sequence[float] = LEVELS,
    seed: int = 0,
    threads: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> Volumes:
    """Forecast all series of a panel, each from its own end on.

    Args:
        panel: series of volumes, zero or more, with what is known of the days ahead.
        horizon: so many steps.
        levels: which quantiles, ascending.
        seed: of what the trees look at.
        threads: how many processors to use.
        tell: is told what is done now.

    Raises:
        BadInput: the series are too short to learn from.
    """
    if not len(panel.series):
        return Volumes(np.empty((0, horizon)), tuple(levels), np.empty((0, horizon, len(levels))))
    tell("reading the past")
    origins, share = _origins_to_learn(panel.series, horizon)
    if not any(map(len, origins)):
        raise _too_short(panel, horizon)
    windows = cut_windows(panel, horizon, origins, share)
    tell("looking how far it misses")
    spread = _look_back(panel, horizon, windows, levels, seed, threads)
    tell("learning")
    trees = _grow(panel, windows, seed, threads)
    now = cut_windows(panel, horizon, [np.array([len(each) - 1]) for each in panel.series], 1)
    means = trees.tell(now)
    quantiles = np.maximum(spread.around(means, now), 0.0)
    order = np.lexsort((now.ahead, now.owner))
    shape = (len(panel.series), horizon)
    return Volumes(np.maximum(means, 0.0)[order].reshape(shape), tuple(levels), quantiles[order].reshape(*shape, -1))


def _look_back(
    panel: Panel, horizon: int, windows: Windows, levels: Sequence[float], seed: int, threads: int
) -> Spread:
    """Learn without the end of each series, and see how far that misses there."""
    lengths = np.array([len(each) for each in panel.series])
    starts = lengths - np.minimum(_HELD * horizon, lengths // 3)
    known = windows.of(windows.ends < starts[windows.owner])
    behind = [
        np.unique(np.linspace(start - 1, max(length - 1 - horizon, start - 1), _CHECKS, dtype=np.int64))
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]
    behind = [each if each[-1] + horizon < length else each[:0] for each, length in zip(behind, lengths, strict=True)]
    if not len(known.truth) or sum(map(len, behind)) * horizon < _FEWEST_MISSES:
        raise _too_short(panel, horizon)
    trees = _grow(panel, known, seed, threads)
    checked = cut_windows(panel, horizon, behind, 1)
    return learn_spread(checked, trees.tell(checked), horizon, levels, seed=seed, threads=threads)


def _origins_to_learn(series: Sequence[Floats], horizon: int) -> tuple[list[Ints], int]:
    """By series the origins, and one in how many of the steps of each is learnt from, so that there are enough."""
    share = max(horizon // _STEPS, 1)
    many = sum(max(len(each) - 2 * horizon, 0) for each in series) * (horizon // share)
    stride = max(-(-many // _WINDOWS), 1)
    return [np.arange(len(each) - 1 - horizon, horizon - 1, -stride)[::-1].copy() for each in series], share


def _too_short(panel: Panel, horizon: int) -> BadInput:
    longest = max(map(len, panel.series))
    return BadInput(
        f"The longest series has {longest} values, which is too little to forecast {horizon} more.",
        mend=f"Forecast less at once, or come back with {5 * horizon}.",
    )


def _grow(panel: Panel, windows: Windows, seed: int, threads: int) -> Trees:
    rounds = min(max(len(windows.truth) // _PER_TREE, _FEWEST_TREES), _MOST_TREES)
    return grow_trees(windows, np.array(panel.pace.periods, np.int64), rounds=rounds, seed=seed, threads=threads)
