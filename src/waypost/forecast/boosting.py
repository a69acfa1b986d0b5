"""Trees that learn over all series together which simple forecast to believe when."""

from typing import Any

import msgspec
import numpy as np

from waypost.forecast.voices import Floats, Ints, count_voices
from waypost.forecast.windows import Windows

#: How the trees grow. Each leaf rests on so many windows, so that with few series they say little by themselves.
_GROWING = {
    "objective": "l1",
    "learning_rate": 0.05,
    "num_leaves": 63,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "max_bin": 127,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}

#: A miss is weighed as measures weigh it: by what a usual move is, and so much by what a usual value is.
_BY_VALUE = 20.0


class Trees(msgspec.Struct, frozen=True):
    """What was learnt: how far a value lies from the one voice that errs least over all.

    Attributes:
        voice: its place among the voices.
        model: the trees.
        threads: how many processors they may use.
    """

    voice: int
    model: Any
    threads: int

    def tell(self, windows: Windows) -> Floats:
        """The value of each window."""
        moved = _voice(windows, self.voice) + self.model.predict(windows.rows, num_threads=self.threads)
        return np.asarray(windows.last + windows.scale * moved, np.float64)


def grow_trees(windows: Windows, periods: Ints, *, rounds: int, seed: int, threads: int) -> Trees:
    """Learn from windows whose truth is known.

    Every series weighs the same, however long it is.

    Args:
        windows: at least one.
        periods: the lengths of the seasons.
        rounds: how many trees.
        seed: which windows and columns each tree looks at.
        threads: how many processors to use; the same windows, seed and number give the same trees.
    """
    import lightgbm

    weight = 1.0 / np.bincount(windows.owner)[windows.owner]
    weight *= 1.0 + _BY_VALUE * windows.scale / np.maximum(windows.level, windows.scale)
    target = (windows.truth - windows.last) / windows.scale
    voice = _best_voice(windows, target, weight, count_voices(periods))
    growing = _GROWING | {"seed": seed, "num_threads": threads}
    learning = lightgbm.Dataset(windows.rows, target - _voice(windows, voice), weight=weight / weight.mean())
    return Trees(voice, lightgbm.train(growing, learning, rounds), threads)


def _voice(windows: Windows, voice: int) -> Floats:
    """What one voice says; where it is silent, that all stays as it is."""
    return np.nan_to_num(windows.rows[:, voice].astype(np.float64), nan=0.0)


def _best_voice(windows: Windows, target: Floats, weight: Floats, voices: int) -> int:
    misses = [float(weight @ np.abs(target - _voice(windows, voice))) for voice in range(voices)]
    return int(np.argmin(misses))
