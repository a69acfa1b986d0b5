"""How long a parcel takes from the order to the door, as a distribution, learnt from those before it.

The logarithm of the time is a middle plus a spread times what is left over. Boosted trees learn the middle from all
trips, also from those that are still on their way (see `censored.py`), then two spreads from how far off they were: by
how much parcels come sooner, and by how much later. Late ones have reasons of their own. What is left over is given no
shape here: `promises.py` takes it from promises that were made lately.
"""

from collections.abc import Collection
from typing import Any

import lightgbm
import msgspec
import numpy as np

from waypost.forecast.censored import logistic_objective
from waypost.forecast.circumstances import LEARNT, Circumstances, Kind
from waypost.forecast.forest import Forest
from waypost.forecast.promises import Foresight
from waypost.forecast.trips import Flags, Floats, Ints, Trips
from waypost.model.errors import BadInput

#: Of how many days before now is learnt.
LEARNT_DAYS = 420.0

#: From fewer that came to their end nothing is learnt.
LEAST_TRIPS = 200

#: What has been on its way for so short a time says nothing yet.
_LEAST_DAYS = 0.2
#: A quarter of an hour, for logarithms.
_SHORTEST_DAYS = 0.01
#: Trips that were ordered so long ago and have not ended count as ended now, where the spread is learnt.
_MATURE_DAYS = 45.0
_SCALE = 0.25
_OFF = 0.05

_TREES = {
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "max_delta_step": 2.0,  # far from its middle a trip hardly curves the loss, and a step would know no bounds
    "max_bin": 127,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}
_ROUNDS = 500
_QUICK = {**_TREES, "learning_rate": 0.06}
_QUICK_ROUNDS = 250
_SPREAD_TREES = {
    **_TREES,
    "objective": "l2",
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 200,
    "max_delta_step": 0.0,
}
_SPREAD_ROUNDS = 150


class TransitModel(msgspec.Struct, frozen=True):
    """What was learnt.

    Attributes:
        names: the circumstances that it asks for.
        start: the logarithm of days that the trees of the middle begin at.
        middle_trees: learnt first.
        sooner_trees: learnt from how far off the middle was of those that came before it.
        later_trees: of those that came after it.
    """

    names: list[str]
    start: float
    middle_trees: Forest
    sooner_trees: Forest
    later_trees: Forest

    def foresee(self, facts: Circumstances, rows: Ints) -> Foresight:
        """What is foreseen of the logarithm of the days of each row."""
        table = facts.table(self.names, rows)
        sooner, later = (np.exp(trees.foretell(table)) for trees in (self.sooner_trees, self.later_trees))
        return Foresight(self.middle_trees.foretell(table) + self.start, sooner, later)

    def weigh(self) -> dict[str, float]:
        """Of each circumstance its share in what the trees of the middle gain."""
        gains = self.middle_trees.gains
        return dict(zip(self.names, (gains / max(gains.sum(), 1e-12)).tolist(), strict=True))


def learn_transit(
    facts: Circumstances,
    trips: Trips,
    known: float,
    *,
    kinds: Collection[Kind] = LEARNT,
    seed: int = 0,
    threads: int = 1,
) -> TransitModel:
    """Learn from the trips that were ordered before an instant (in days since 1970), with what was known then.

    Raises:
        BadInput: too few of them came to their end.
    """
    names = facts.names(kinds)
    rows = trips.between(known - LEARNT_DAYS, known)
    days, ended = trips.days_taken(rows, known)
    told = ended | (days > _LEAST_DAYS)
    rows, days, ended = rows[told], np.maximum(days[told], _SHORTEST_DAYS), ended[told]
    mature = ended | (days > _MATURE_DAYS)
    if mature.sum() < LEAST_TRIPS:
        raise BadInput(f"{int(mature.sum())} trips came to their end in time; it takes {LEAST_TRIPS} to learn from.")
    learner = _Learner(facts, names, {"seed": seed, "num_threads": threads})
    start, middle = learner.middle(rows, np.log(days), ended, _TREES, _ROUNDS)
    rows, logs = rows[mature], np.log(days[mature])
    off = logs - learner.middle_unseen(rows, logs)
    return TransitModel(names, start, middle, learner.spread(rows, off, off <= 0), learner.spread(rows, off, off > 0))


class _Learner:
    def __init__(self, facts: Circumstances, names: list[str], more: dict[str, Any]) -> None:
        self._facts = facts
        self._names = names
        self._more = more
        self._words = sorted(set(facts.words) & set(names))

    def middle(
        self, rows: Ints, logs: Floats, ended: Flags, trees: dict[str, Any], rounds: int
    ) -> tuple[float, Forest]:
        start = float(np.median(logs[ended])) if ended.any() else 0.0
        settings = {**trees, **self._more, "objective": logistic_objective(ended, _SCALE)}
        return start, Forest.of(lightgbm.train(settings, self._data(rows, logs - start), rounds))

    def middle_unseen(self, rows: Ints, logs: Floats) -> Floats:
        """The middles of trips as learnt without them: of every other one from the rest."""
        middles = np.empty(len(rows))
        for one in (0, 1):
            asked, learnt = slice(one, None, 2), slice(1 - one, None, 2)
            every = np.ones(len(rows[learnt]), np.bool_)
            start, trees = self.middle(rows[learnt], logs[learnt], every, _QUICK, _QUICK_ROUNDS)
            middles[asked] = trees.foretell(self._facts.table(self._names, rows[asked])) + start
        return middles

    def spread(self, rows: Ints, off: Floats, side: Flags) -> Forest:
        """How far off trips are that end on one side of their middle; from all where none does."""
        side = side if side.any() else ~side
        logs = np.log(np.abs(off[side]) + _OFF)
        return Forest.of(lightgbm.train({**_SPREAD_TREES, **self._more}, self._data(rows[side], logs), _SPREAD_ROUNDS))

    def _data(self, rows: Ints, labels: Floats) -> lightgbm.Dataset:
        table = self._facts.table(self._names, rows)
        return lightgbm.Dataset(table, labels, categorical_feature=self._words)
