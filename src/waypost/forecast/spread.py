"""How sure a forecast is: from how far the same way of forecasting missed before."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from waypost.forecast.voices import Floats, Ints
from waypost.forecast.windows import Windows

#: The forest that tells when misses are large. It stays small: it learns from the end of the series alone.
_GROWING = {
    "objective": "l2",
    "learning_rate": 0.1,
    "num_leaves": 8,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.5,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
_ROUNDS = 60

#: Each miss is held against a spread that was learnt from other series: these are dealt into so many hands.
_HANDS = 4

#: Misses of steps so near to one another, in parts of the horizon, are looked at together.
_NEAR = 0.1

#: A spread is never less than so much of a usual move.
_LEAST = 0.01


class Spread(msgspec.Struct, frozen=True):
    """What was learnt.

    Attributes:
        forests: tell the logarithm of a miss, in usual moves; their mean is taken.
        misses: by step ahead and level, in parts of the spread; ascending.
        threads: how many processors they may use.
    """

    forests: tuple[Any, ...]
    misses: Floats
    threads: int

    def around(self, means: Floats, windows: Windows) -> Floats:
        """By window and level the quantiles around what is told."""
        logs = np.mean([each.predict(windows.rows, num_threads=self.threads) for each in self.forests], axis=0)
        spread = np.exp(logs) * windows.scale
        return np.asarray(means[:, None] + spread[:, None] * self.misses[windows.ahead - 1])


def learn_spread(
    windows: Windows, told: Floats, horizon: int, levels: Sequence[float], *, seed: int, threads: int
) -> Spread:
    """Learn from forecasts that can be held against the truth.

    Args:
        windows: what was asked; its truth was not known to whoever told.
        told: the forecasts.
        horizon: the most steps ahead.
        levels: which quantiles, ascending.
        seed: of what the forests look at.
        threads: how many processors to use.
    """
    import lightgbm

    miss = (windows.truth - told) / windows.scale
    size = np.log(np.maximum(np.abs(miss), _LEAST))
    hand = windows.owner % _HANDS
    held, forests = np.empty(len(miss)), []
    for which in range(_HANDS):
        others, own = hand != which, hand == which
        if not own.any() or not others.any():
            others = own = np.ones(len(miss), np.bool_)
        growing = _GROWING | {"seed": seed, "num_threads": threads}
        forest = lightgbm.train(growing, lightgbm.Dataset(windows.rows[others], size[others]), _ROUNDS)
        held[own] = forest.predict(windows.rows[own], num_threads=threads)
        forests.append(forest)
    return Spread(tuple(forests), _quantiles(miss / np.exp(held), windows.ahead, horizon, levels), threads)


def sum_up_misses(windows: Windows, told: Floats, recent: Sequence[Floats]) -> tuple[Floats, Floats]:
    """By series the mean and the variance of its misses.

    A variance is no less than that of parcels that come by chance alone, at the rate of late with one more: a place
    where none came for weeks is quiet, not certain.

    Args:
        windows: what was asked; its truth was not known to whoever told.
        told: the forecasts.
        recent: by series its last values. One without windows goes by them: its median is its mean.
    """
    series = len(recent)
    miss = windows.truth - told
    many = np.maximum(np.bincount(windows.owner, minlength=series), 1)
    means = np.bincount(windows.owner, miss, series) / many
    variances = np.bincount(windows.owner, (miss - means[windows.owner]) ** 2, series) / many
    asked = np.isin(np.arange(series), windows.owner)
    variances = np.where(asked, variances, [float(each.var()) for each in recent])
    chance = np.array([(each.sum() + 1.0) / len(each) for each in recent])
    return means, np.maximum(variances, chance)


def _quantiles(parts: Floats, ahead: Ints, horizon: int, levels: Sequence[float]) -> Floats:
    """By step ahead the quantiles of the misses of that step and those near it.

    They lie around their median: what is told is a median already, learnt from more than these few weeks, and what
    all series missed together in them will hardly come again.
    """
    near = max(round(_NEAR * horizon), 1)
    found = np.stack(
        [np.quantile(parts[np.abs(ahead - step) <= near], (0.5, *levels)) for step in range(1, horizon + 1)]
    )
    return np.asarray(found[:, 1:] - found[:, :1])
