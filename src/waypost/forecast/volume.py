"""How many come: forecasts of many series at once, with how sure they are.

1. `voices.py` gives a dozen or two simple forecasts of every series at every moment of its past: smoothed levels,
   damped trends, profiles of the day, the week or the year.
2. `boosting.py` begins from the one of them that errs least and lets trees learn, over all series together, how far
   to move from it, and when.
3. The same, learnt without the end of the series and then asked for it, shows how far it misses. A second forest
   learns when misses are large; the quantiles of what is left, by how far ahead it was, are the bands.
4. Trees tell medians, and medians do not add up: three days in ten of 300 leave the median of 60 where it is. So each
   series is also told its mean, the median moved by what it missed on average, and how far it misses around that.
"""

import itertools
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from waypost.forecast.boosting import Trees, grow_trees
from waypost.forecast.spread import Spread, learn_spread, sum_up_misses
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

#: If that is less than so many misses of each series, more of its end is looked at, from more origins.
_MISSES = 28

#: At least so many misses of all series have to show how far forecasts miss.
_FEWEST_MISSES = 20


class Volumes(msgspec.Struct, frozen=True):
    """What is to come.

    Attributes:
        medians: by series and step ahead, not below zero.
        means: likewise; these may be added up.
        variances: by series, how far its means miss, over all steps.
        levels: which quantiles.
        quantiles: by series, step ahead and level, not below zero, ascending.
    """

    medians: Floats
    means: Floats
    variances: Floats
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
        none = np.empty((0, horizon))
        return Volumes(none, none, np.empty(0), tuple(levels), np.empty((0, horizon, len(levels))))
    lengths = np.array([len(each) for each in panel.series])
    if not _suffice(lengths, horizon):
        raise _too_short(lengths, horizon)
    tell("reading the past")
    origins, share = _origins_to_learn(panel.series, horizon)
    windows = cut_windows(panel, horizon, origins, share)
    tell("looking how far it misses")
    spread, moves, variances = _look_back(panel, horizon, windows, levels, seed, threads)
    tell("learning")
    trees = _grow(panel, windows, seed, threads)
    now = cut_windows(panel, horizon, [np.array([len(each) - 1]) for each in panel.series], 1)
    told = trees.tell(now)
    order = np.lexsort((now.ahead, now.owner))
    shape = (len(panel.series), horizon)
    medians = np.maximum(told, 0.0)[order].reshape(shape)
    quantiles = np.maximum(spread.around(told, now), 0.0)[order].reshape(*shape, -1)
    return Volumes(medians, np.maximum(medians + moves[:, None], 0.0), variances, tuple(levels), quantiles)


def _look_back(
    panel: Panel, horizon: int, windows: Windows, levels: Sequence[float], seed: int, threads: int
) -> tuple[Spread, Floats, Floats]:
    """Learn without the end of each series, and see how far that misses there.

    Returns:
        How sure forecasts are; and by series how far its mean lies from its median, and how far that mean misses.
    """
    starts = _starts_of_ends(np.array([len(each) for each in panel.series]), horizon)
    known = windows.of(windows.ends < starts[windows.owner])
    behind = [_origins_to_check(start, len(each), horizon) for start, each in zip(starts, panel.series, strict=True)]
    trees = _grow(panel, known, seed, threads)
    checked = cut_windows(panel, horizon, behind, 1)
    told = trees.tell(checked)
    recent = [each[start:] if start < len(each) else each for start, each in zip(starts, panel.series, strict=True)]
    moves, variances = sum_up_misses(checked, np.maximum(told, 0.0), recent)
    spread = learn_spread(checked, told, horizon, levels, seed=seed, threads=threads)
    return spread, moves, variances


def _starts_of_ends(lengths: Ints, horizon: int) -> Ints:
    """Where the end of each series begins that is left out, and then asked for."""
    return np.asarray(lengths - np.minimum(max(_HELD * horizon, _MISSES), lengths // 3))


def _origins_to_check(start: int, length: int, horizon: int) -> Ints:
    """From where the end of a series is asked for: none if it is shorter than the horizon."""
    if start - 1 + horizon >= length:
        return np.empty(0, np.int64)
    many = max(_CHECKS, -(-_MISSES // horizon))
    return np.unique(np.linspace(start - 1, length - 1 - horizon, many, dtype=np.int64))


def _suffice(lengths: Ints, horizon: int) -> bool:
    """Whether one series can be learnt from without its end, and the ends show enough misses."""
    starts = _starts_of_ends(lengths, horizon)
    checks = sum(len(_origins_to_check(*each, horizon)) for each in zip(starts.tolist(), lengths.tolist(), strict=True))
    return bool((starts > 2 * horizon).any()) and checks * horizon >= _FEWEST_MISSES


def _origins_to_learn(series: Sequence[Floats], horizon: int) -> tuple[list[Ints], int]:
    """By series the origins, and one in how many of the steps of each is learnt from, so that there are enough."""
    share = max(horizon // _STEPS, 1)
    many = sum(max(len(each) - 2 * horizon, 0) for each in series) * (horizon // share)
    stride = max(-(-many // _WINDOWS), 1)
    return [np.arange(len(each) - 1 - horizon, horizon - 1, -stride)[::-1].copy() for each in series], share


def _too_short(lengths: Ints, horizon: int) -> BadInput:
    more = next(each for each in itertools.count(1) if _suffice(lengths + each, horizon))
    waiting = f"when each series has {more} more"
    return BadInput(
        f"The longest series has {lengths.max()} values, which is too little to forecast {horizon} more.",
        mend=f"Forecast less at once, or come back {waiting}." if horizon > 1 else f"Come back {waiting}.",
    )


def _grow(panel: Panel, windows: Windows, seed: int, threads: int) -> Trees:
    rounds = min(max(len(windows.truth) // _PER_TREE, _FEWEST_TREES), _MOST_TREES)
    return grow_trees(windows, np.array(panel.pace.periods, np.int64), rounds=rounds, seed=seed, threads=threads)
