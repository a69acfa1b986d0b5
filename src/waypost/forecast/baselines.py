"""What a promise has to be held against: medians, and boosted trees as one would train them once and leave alone."""

from collections.abc import Callable, Sequence
from typing import Any

import lightgbm
import numpy as np

from waypost.forecast.circumstances import Circumstances, Kind
from waypost.forecast.scores import LEVELS
from waypost.forecast.trips import Floats, Ints, Trips

#: Raw columns and lane history, somebody else's promise too: what is in the files.
_KINDS = (Kind.CALENDAR, Kind.PLACES, Kind.PARCEL, Kind.LATELY, Kind.PROMISED)

#: How often trees that are recalibrated learn anew, and how old the promises are that they are scaled by.
_WEEK, _NEWEST_DAYS, _OLDEST_DAYS = 7.0, 30.0, 60.0

#: What is tried, on the last tenth of what is learnt from; the best number of trees each is found by stopping early.
_TRIED: Sequence[dict[str, Any]] = [
    {"num_leaves": leaves, "min_data_in_leaf": least, "feature_fraction": share}
    for leaves, least in ((7, 40), (15, 40), (31, 60), (63, 100))
    for share in (0.5, 0.9)
]
_TREES = {
    "learning_rate": 0.04,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}
_MOST_ROUNDS, _PATIENCE = 1000, 50


def global_median(trips: Trips, known: float, rows: Ints) -> Floats:
    """The median of all that were delivered by then."""
    seen = np.flatnonzero(trips.delivered < known)
    return np.full(len(rows), np.median((trips.delivered - trips.ordered)[seen]))


def lane_medians(trips: Trips, rows: Ints, days: float = 45) -> Floats:
    """Of each order the median of what was delivered on its lane in the days before it; of all, where nothing was."""
    taken = trips.delivered - trips.ordered
    origin, origins = trips.words("origin_region")
    destination, _ = trips.words("destination_region")
    lanes = destination * len(origins) + origin
    by_end = np.argsort(trips.delivered, kind="stable")
    by_end = by_end[np.isfinite(trips.delivered[by_end])]
    ends = trips.delivered[by_end]
    medians = np.empty(len(rows))
    for place, row in enumerate(rows.tolist()):
        begin, end = np.searchsorted(ends, [trips.ordered[row] - days, trips.ordered[row]])
        lately = by_end[begin:end]
        lane = lately[lanes[lately] == lanes[row]]
        chosen = lane if len(lane) else lately if len(lately) else by_end[:end]
        medians[place] = np.median(taken[chosen]) if len(chosen) else np.nan
    return medians


class PlainTrees:
    """LightGBM for each level, learnt from what was delivered so far: what one would train first.

    Args:
        facts: of the trips.
        trips: all.
        known: until when (in days since 1970) it may be tuned.
        seed: of the trees.
        threads: they grow on.
    """

    def __init__(self, facts: Circumstances, trips: Trips, known: float, seed: int = 0, threads: int = 1) -> None:
        self._facts, self._trips = facts, trips
        self._names = facts.names(_KINDS)
        self._words = sorted(set(facts.words) & set(self._names))
        self._taken = trips.delivered - trips.ordered
        self._settings: dict[str, Any] = {**_TREES, "seed": seed, "num_threads": threads}
        self._rounds = 0
        self._tune(self._seen(known))

    def promise_once(self, known: float, rows: Ints) -> dict[str, Floats]:
        """Promise by what was learnt at an instant and never again.

        Returns:
            `lightgbm`: days at each level of the rows. `lightgbm_conformal`: the same from trees that were trained on
            the first four fifths, moved so that they hold on the last fifth (conformalised quantile regression:
            Romano, Patterson and Candes, 2019).
        """
        seen = self._seen(known)
        early, late = seen[: len(seen) * 4 // 5], seen[len(seen) * 4 // 5 :]
        off = self._taken[late, None] - self._promise(early, late)
        shares = np.minimum(np.asarray(LEVELS) * (1 + 1 / len(late)), 1.0)
        by = [np.quantile(each, share, method="higher") for each, share in zip(off.T, shares, strict=True)]
        return {
            "lightgbm": np.sort(self._promise(seen, rows), axis=1),
            "lightgbm_conformal": np.sort(self._promise(early, rows) + by, axis=1),
        }

    def promise_weekly(self, start: float, end: float, tell: Callable[[float], None] = lambda share: None) -> Floats:
        """Learn anew each week, and scale by how promises of 30 to 60 days ago turned out so far.

        Returns:
            Days at each level of all trips ordered from `start` on and before `end`; NaN for all others.
        """
        plain = np.full((len(self._trips), len(LEVELS)), np.nan)
        scaled = plain.copy()
        first = start - _WEEK * np.ceil(_OLDEST_DAYS / _WEEK)
        for week in np.arange(first, end, _WEEK):
            rows = self._trips.between(week, min(week + _WEEK, end))
            if len(rows):
                plain[rows] = self._promise(self._seen(week), rows)
            if week >= start:
                scaled[rows] = plain[rows] * self._scale(plain, week)
            tell((week + _WEEK - first) / (end - first))
        return np.sort(scaled, axis=1)

    def _scale(self, promised: Floats, known: float) -> Floats:
        rows = self._trips.between(known - _OLDEST_DAYS, known - _NEWEST_DAYS)
        days, _ = self._trips.days_taken(rows, known)
        if not len(rows):
            return np.ones(len(LEVELS))
        return np.array([np.quantile(days / promised[rows, place], level) for place, level in enumerate(LEVELS)])

    def _seen(self, known: float) -> Ints:
        """What was delivered by then, in the order of being ordered."""
        return np.flatnonzero((self._trips.delivered < known) & ~self._trips.is_void)

    def _data(self, rows: Ints) -> lightgbm.Dataset:
        return lightgbm.Dataset(
            self._facts.table(self._names, rows), self._taken[rows], categorical_feature=self._words
        )

    def _promise(self, learnt: Ints, rows: Ints) -> Floats:
        data, asked = self._data(learnt), self._facts.table(self._names, rows)
        quantiles = ({**self._settings, "objective": "quantile", "alpha": level} for level in LEVELS)
        return np.column_stack([lightgbm.train(each, data, self._rounds).predict(asked) for each in quantiles])

    def _tune(self, rows: Ints) -> None:
        """Take the settings, and the number of trees, whose medians were nearest on the last tenth."""
        learnt, held = (self._data(part) for part in np.split(rows, [len(rows) * 9 // 10]))
        found: list[tuple[float, int, int]] = []
        median = {**self._settings, "objective": "quantile", "alpha": 0.5, "metric": "mae", "feature_pre_filter": False}
        for place, trees in enumerate(_TRIED):
            booster = lightgbm.train(
                {**median, **trees},
                learnt,
                _MOST_ROUNDS,
                valid_sets=[held],
                callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
            )
            found.append((float(booster.best_score["valid_0"]["l1"]), place, booster.best_iteration))
        _, place, rounds = min(found)
        self._settings |= _TRIED[place]
        self._rounds = max(rounds, 50)
