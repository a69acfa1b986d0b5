"""How long a parcel takes from the order to the door, as a distribution, learnt from those before it.

The logarithm of the time is a middle plus a spread times what is left over. Boosted trees learn the middle from all
trips, also from those that are still on their way (see `censored.py`), then two spreads from how far off they were: by
how much parcels come sooner, and by how much later. Late ones have reasons of their own. What is left over is given no
shape here: `promises.py` takes it from promises that were made lately.
"""

from collections.abc import Collection

import msgspec
import numpy as np

from waypost.forecast.circumstances import LEARNT, Circumstances, Kind
from waypost.forecast.forest import Forest
from waypost.forecast.promises import Foresight
from waypost.forecast.survival import TREES, Growth, Learner
from waypost.forecast.trips import Flags, Ints, Trips
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

_TREES = {**TREES, "learning_rate": 0.03, "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1}
_MIDDLE = Growth(_TREES, 500)
_QUICK = Growth({**_TREES, "learning_rate": 0.06}, 250)
_SPREAD = Growth(
    {**_TREES, "learning_rate": 0.05, "num_leaves": 7, "min_data_in_leaf": 200, "max_delta_step": 0.0}, 150
)


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
    words = sorted(set(facts.words) & set(names))
    table = facts.table(names, rows)
    learner = Learner(table, words, middle=_MIDDLE, quick=_QUICK, spread=_SPREAD, seed=seed, threads=threads)
    logs = np.log(days)
    start, middle = learner.middle(np.arange(len(rows)), logs, ended)
    ripe, logs = np.flatnonzero(mature), logs[mature]
    every_other = np.arange(len(ripe)) % 2 == 0
    off = logs - learner.middle_unseen(ripe, logs, np.ones(len(ripe), np.bool_), every_other)

    def spread(side: Flags) -> Forest:
        side = side if side.any() else ~side
        return learner.spread(ripe[side], off[side])

    return TransitModel(names, start, middle, spread(off <= 0), spread(off > 0))
