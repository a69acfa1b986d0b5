"""What a promise has to be held against: medians, and boosted trees as one would train them once and leave alone."""

from collections.abc import Callable, Sequence
from typing import Any

import lightgbm
import numpy as np

from waypost.forecast.circumstances import Circumstances, Kind
from waypost.forecast.scores import LEVELS
from waypost.forecast.transit import foretell
from waypost.forecast.trips import Floats, Ints, Trips

#: Raw columns and lane history, somebody else's promise too: what is in the files.
_KINDS = tuple(kind for kind in Kind if kind is not Kind.TRENDS)

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


def frozen_trees(
    facts: Circumstances,
    trips: Trips,
    known: float,
    rows: Ints,
    *,
    seed: int = 0,
    threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> dict[str, Floats]:
    """LightGBM for each level, tuned and trained on what was delivered by then, and never again.

    Returns:
        `lightgbm`: days at each level of the rows. `lightgbm_conformal`: the same from trees that were trained on the
        first four fifths, moved so that they hold on the last fifth (conformalised quantile regression: Romano,
        Patterson and Candes, 2019).
    """
    names = facts.names(_KINDS)
    settings = {**_TREES, "seed": seed, "num_threads": threads}
    words = sorted(set(facts.words) & set(names))
    seen = np.flatnonzero((trips.delivered < known) & ~trips.is_void)
    seen = seen[np.argsort(trips.ordered[seen], kind="stable")]
    taken = trips.delivered[seen] - trips.ordered[seen]

    def data(places: slice) -> lightgbm.Dataset:
        return lightgbm.Dataset(facts.table(names, seen[places]), taken[places], categorical_feature=words)

    best = _tune(data, len(seen), settings)
    tell(0.4)
    asked = facts.table(names, rows)
    cut = len(seen) * 4 // 5
    plain, moved = np.empty((len(rows), len(LEVELS))), np.empty((len(rows), len(LEVELS)))
    for place, level in enumerate(LEVELS):
        trees, rounds = best
        quantile = {**settings, **trees, "objective": "quantile", "alpha": level}
        plain[:, place] = foretell(lightgbm.train(quantile, data(slice(None)), rounds), asked)
        early = lightgbm.train(quantile, data(slice(cut)), rounds)
        off = taken[cut:] - foretell(early, facts.table(names, seen[cut:]))
        share = min(level * (1 + 1 / len(off)), 1.0)
        moved[:, place] = foretell(early, asked) + np.quantile(off, share, method="higher")
        tell(0.4 + 0.2 * (place + 1))
    return {name: np.sort(days, axis=1) for name, days in (("lightgbm", plain), ("lightgbm_conformal", moved))}


def _tune(data: Callable[[slice], lightgbm.Dataset], rows: int, settings: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The settings, and the number of trees, whose medians were nearest on the last tenth."""
    cut = rows * 9 // 10
    learnt, held = data(slice(cut)), data(slice(cut, None))
    found: list[tuple[float, int, int]] = []
    for place, trees in enumerate(_TRIED):
        booster = lightgbm.train(
            {**settings, **trees, "objective": "quantile", "alpha": 0.5, "metric": "mae", "feature_pre_filter": False},
            learnt,
            _MOST_ROUNDS,
            valid_sets=[held],
            callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
        )
        found.append((float(booster.best_score["valid_0"]["l1"]), place, booster.best_iteration))
    _, place, rounds = min(found)
    return dict(_TRIED[place]), max(rounds, 50)
