"""How long a leg between two facilities takes, from what a road router says and from legs before it.

What is learnt is a pace: minutes that it took over minutes of the router. A corridor (from one facility to another) has
the median pace of its own legs; of few legs it is drawn to what trees say of a corridor, of which they know the minutes
of the router, the kind of vehicle, and how fast other corridors from and to the same facilities are. How strongly
follows from how far legs lie apart within a corridor and how far off the trees are (empirical Bayes).
"""

from typing import Any

import lightgbm
import msgspec
import numpy as np
import numpy.typing as npt

from waypost.forecast.trips import Flags, Floats, Ints
from waypost.model.errors import BadInput

Words = npt.NDArray[np.str_]

#: From fewer corridors nothing is learnt.
LEAST_CORRIDORS = 50

#: Corridors with so many legs have medians that are near to what they stand for.
_MANY_LEGS = 8
#: Other corridors of a facility are drawn to all, as if so many legs had been like those.
_DRAWN_LEGS = 3.0
_PARTS = 5
#: The variance of a median, of so many times that of a mean.
_MEDIAN = np.pi / 2
#: From the median distance to the median to the standard deviation of a bell curve.
_BELL = 1.4826

_TREES = {
    "objective": "l2",
    "learning_rate": 0.04,
    "num_leaves": 8,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}
_ROUNDS = 250


class Legs(msgspec.Struct, frozen=True):
    """Legs, or corridors with the medians of theirs, as columns of one length.

    Attributes:
        source, destination: the facilities.
        is_direct: a full vehicle from end to end, not one that is shared.
        road_min: minutes of the road router.
        minutes: how long it took; NaN where that is not known.
    """

    source: Words
    destination: Words
    is_direct: Flags
    road_min: Floats
    minutes: Floats

    def __len__(self) -> int:
        return len(self.source)


class LegModel:
    """What was learnt of corridors.

    Args:
        corridors: each once; `minutes` are the road router's by the median pace.
        counts: how many legs each had.
        legs: some of those legs, to see how far they lie apart within a corridor.
        seed: of what is left to chance.
        threads: how many processors to use.

    Attributes:
        drawn_legs: the pace of a corridor is drawn to the trees' as if so many legs had been like that.

    Raises:
        BadInput: there are too few of them.
    """

    def __init__(self, corridors: Legs, counts: Floats, legs: Legs, *, seed: int = 0, threads: int = 1) -> None:
        if len(corridors) < LEAST_CORRIDORS:
            raise BadInput(f"there are {len(corridors)} corridors; it takes {LEAST_CORRIDORS} to learn from.")
        self._corridors, self._counts = corridors, counts
        self._paces = np.log(corridors.minutes / corridors.road_min)
        self._usual = float(np.average(self._paces, weights=counts))
        self._settings = {**_TREES, "seed": seed, "num_threads": threads}
        facts = self._describe(corridors, np.arange(len(corridors)))
        self.drawn_legs = self._find_drawn_legs(facts, legs)
        self._trees = self._learn(facts, np.ones(len(corridors), np.bool_))

    def foresee(self, legs: Legs) -> Floats:
        """How many minutes each takes; those of a corridor that nobody has driven by the trees alone."""
        own = self.find(legs)
        told = np.asarray(self._trees.predict(self._describe(legs)), np.float64)
        seen = np.where(own >= 0, self._counts[own], 0.0)
        paces = np.where(own >= 0, self._paces[own], 0.0)
        return np.exp((seen * paces + self.drawn_legs * told) / (seen + self.drawn_legs)) * legs.road_min

    def find(self, legs: Legs) -> Ints:
        """Of each leg its corridor, a number; -1 if nobody has driven it."""
        keys, asked = _key(self._corridors.source, self._corridors.destination), _key(legs.source, legs.destination)
        order = np.argsort(keys)
        places = np.minimum(np.searchsorted(keys[order], asked), len(keys) - 1)
        return np.where(keys[order][places] == asked, order[places], -1).astype(np.int64)

    def _learn(self, facts: Floats, taken: Flags) -> lightgbm.Booster:
        weights = np.sqrt(self._counts[taken])  # a median of many legs says more, but no corridor says all
        data = lightgbm.Dataset(facts[taken], self._paces[taken], weight=weights)
        return lightgbm.train(self._settings, data, _ROUNDS)

    def _find_drawn_legs(self, facts: Floats, legs: Legs) -> float:
        part = np.arange(len(self._corridors)) % _PARTS
        missed = np.empty(len(self._corridors))
        for each in range(_PARTS):
            trees = self._learn(facts, part != each)
            missed[part == each] = self._paces[part == each] - np.asarray(trees.predict(facts[part == each]))
        well_known = self._counts >= _MANY_LEGS
        own = self.find(legs)
        own_known = (own >= 0) & well_known[own]
        within = np.log(legs.minutes / legs.road_min) - self._paces[own]
        if not own_known.any():
            raise BadInput(f"no corridor has {_MANY_LEGS} legs or more, with some of them given one by one.")
        # Over all corridors: those of few legs, which are drawn, are harder to tell than the busy ones.
        return float(_MEDIAN * (_spread(within[own_known]) / max(_spread(missed), 1e-6)) ** 2)

    def _describe(self, legs: Legs, own: Ints | None = None) -> Floats:
        """What trees know of legs; of corridors themselves (`own`) without what was seen on them."""
        columns: list[Any] = [np.log(legs.road_min), legs.is_direct]
        for end in ("source", "destination"):
            names, place = np.unique(getattr(self._corridors, end), return_inverse=True)
            counts = np.bincount(place, self._counts, len(names))
            sums = np.bincount(place, self._counts * self._paces, len(names))
            asked = np.minimum(np.searchsorted(names, getattr(legs, end)), len(names) - 1)
            known = names[asked] == getattr(legs, end)
            count, total = np.where(known, counts[asked], 0.0), np.where(known, sums[asked], 0.0)
            if own is not None:
                count, total = count - self._counts[own], total - (self._counts * self._paces)[own]
            columns += [(total + _DRAWN_LEGS * self._usual) / (count + _DRAWN_LEGS), count]
        return np.column_stack(columns).astype(np.float64)


def _key(source: Words, destination: Words) -> Words:
    return np.char.add(np.char.add(source, "\x1f"), destination)


def _spread(values: Floats) -> float:
    """The standard deviation, as if what lies far out were not there."""
    return float(_BELL * np.median(np.abs(values - np.median(values))))
