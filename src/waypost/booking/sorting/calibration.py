"""How often an answer of a given odds was right, so that a confidence means what it says.

Before deliveries are learnt they are asked for: what would have been said, and was it so? Those sums can be added up in
any order, like the counts.
"""

import numpy as np
import numpy.typing as npt

from waypost.booking.sorting.places import Stretch

I64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Hub, outlet, courier.
DEPTHS = 3
#: Finer towards 1, where thresholds are.
_EDGES = np.array(
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999]
)
_BINS = len(_EDGES) + 1
_CENTRES = (np.append(0.0, _EDGES) + np.append(_EDGES, 1.0)) / 2
#: Depth, closest stretch that told something, bin, and how many were wrong or right.
SHAPE = (DEPTHS, len(Stretch) + 1, _BINS, 2)
#: So many answers of all stretches are laid beside those of one stretch, which may be few.
_BORROWED = 20.0


def tally(depth: int, closest: I64, odds: Floats, right: npt.NDArray[np.bool_]) -> I64:
    """The sums for one lot of answers."""
    sums = np.zeros(SHAPE, np.int64)
    bins = np.searchsorted(_EDGES, odds, side="right")
    place = np.ravel_multi_index((closest, bins, right.astype(np.int64)), SHAPE[1:])
    sums[depth] = np.bincount(place, minlength=sums[depth].size).reshape(SHAPE[1:])
    return sums


def calibrate(sums: I64, depth: int, closest: I64, odds: Floats) -> Floats:
    """How often such an answer was right; the odds themselves where nothing was tallied yet."""
    if not sums[depth].any():
        return odds
    overall = _climb(sums[depth].sum(axis=0), _CENTRES, 2.0)
    confidence = np.empty(len(odds))
    for stretch in np.unique(closest):
        rows = closest == stretch
        rates = _climb(sums[depth, stretch], overall, _BORROWED)
        confidence[rows] = np.interp(odds[rows], _CENTRES, rates)
    return confidence


def _climb(wrong_right: I64, prior: Floats, borrowed: float) -> Floats:
    """The share of right answers in each bin, never less than in the bin below (pool adjacent violators)."""
    total = wrong_right.sum(axis=1) + borrowed
    rate = (wrong_right[:, 1] + borrowed * prior) / total
    blocks: list[list[float]] = []
    for value, weight in zip(rate, total, strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            upper, lower = blocks.pop(), blocks.pop()
            both = lower[1] + upper[1]
            blocks.append([(lower[0] * lower[1] + upper[0] * upper[1]) / both, both, lower[2] + upper[2]])
    return np.repeat([block[0] for block in blocks], [int(block[2]) for block in blocks])
