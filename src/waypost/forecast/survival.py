"""Times of which some have not ended, learnt by boosted trees: the middle of their logarithm, and how far off that is.

What is promised at the order (`transit.py`) and what is expected at each scan (`ahead.py`) are learnt by it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import lightgbm
import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.censored import logistic_objective
from waypost.forecast.forest import Forest
from waypost.forecast.trips import Flags, Floats, Ints

#: What all trees here have in common.
TREES: Mapping[str, Any] = MappingProxyType(
    {
        "num_leaves": 15,
        "min_data_in_leaf": 40,
        "lambda_l2": 1.0,
        # Far from its middle a time hardly curves the loss, and a leaf of those that have not ended says "longer" and
        # not how much: a step would know no bounds.
        "max_delta_step": 2.0,
        "max_bin": 127,
        "verbose": -1,
        "deterministic": True,
        "force_row_wise": True,
    }
)

_SCALE = 0.25
_OFF = 0.05


class Growth(msgspec.Struct, frozen=True):
    """Settings of trees, and how many of them."""

    trees: Mapping[str, Any]
    rounds: int


class Learner:
    """Learns from some rows of a table; `logs` are the logarithms of their times, those not `ended` as far as they are.

    Args:
        table: what is known of each time.
        words: those of its columns that are numbers of words.
        middle, quick, spread: how middles are learnt, how to see how far off they are, and how spreads are.
        seed, threads: of the trees.
    """

    def __init__(
        self,
        table: pa.Table,
        words: list[str],
        *,
        middle: Growth,
        quick: Growth,
        spread: Growth,
        seed: int,
        threads: int,
    ) -> None:
        self._table, self._words = table, words
        self._middle, self._quick, self._spread = middle, quick, spread
        self._more = {"seed": seed, "num_threads": threads}

    def middle(self, rows: Ints, logs: Floats, ended: Flags) -> tuple[float, Forest]:
        """Where the trees of the middle begin, and they."""
        return self._learn_middle(self._middle, rows, logs, ended)

    def middle_unseen(self, rows: Ints, logs: Floats, ended: Flags, apart: Flags) -> Floats:
        """The middles of times as learnt without them: of those set apart from the rest, and of the rest from those."""
        middles = np.empty(len(rows))
        for asked in (apart, ~apart):
            start, trees = self._learn_middle(self._quick, rows[~asked], logs[~asked], ended[~asked])
            middles[asked] = trees.foretell(self._table.take(pa.array(rows[asked]))) + start
        return middles

    def spread(self, rows: Ints, off: Floats) -> Forest:
        """How far off, as the trees of its logarithm."""
        return self._learn(self._spread, {"objective": "l2"}, rows, np.log(np.abs(off) + _OFF))

    def _learn_middle(self, growth: Growth, rows: Ints, logs: Floats, ended: Flags) -> tuple[float, Forest]:
        start = float(np.median(logs[ended])) if ended.any() else 0.0
        return start, self._learn(growth, {"objective": logistic_objective(ended, _SCALE)}, rows, logs - start)

    def _learn(self, growth: Growth, objective: dict[str, Any], rows: Ints, labels: Floats) -> Forest:
        table = self._table.take(pa.array(rows))
        data = lightgbm.Dataset(table, labels, categorical_feature=self._words)
        return Forest.of(lightgbm.train({**growth.trees, **self._more, **objective}, data, growth.rounds))
