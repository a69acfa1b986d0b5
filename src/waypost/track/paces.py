"""How long moves take, by row: shares of hours that are forgotten by and by, lately and as usual."""

import numpy as np
import numpy.typing as npt

from waypost.track.rows import Ints, grown

Floats = npt.NDArray[np.float64]

HOUR_MS = 3_600_000
#: Hours lie in classes, eight to a tenfold, from a tenth of an hour to a thousand hours; the outer ones are open.
CLASSES, _PER_TENFOLD, _LEAST_H = 32, 8, 0.1
#: The weights are made small again, before they leave what a float can hold.
_MOST_DOUBLINGS = 200


class Paces:
    """Hours by row; what is older by `half_ms` counts half. The order in which they come does not matter."""

    def __init__(self, half_ms: int, now_ms: int) -> None:
        self._half_ms = half_ms
        self.weights: Floats = np.zeros((0, CLASSES))
        self.since_ms = now_ms

    def advance(self, now_ms: int) -> None:
        """Keep the weights within bounds."""
        doublings = (now_ms - self.since_ms) / self._half_ms
        if doublings > _MOST_DOUBLINGS:
            self.weights *= np.exp2(-doublings)
            self.since_ms = now_ms

    def add(self, rows: Ints, at_ms: Ints, hours: Floats, size: int) -> None:
        """Count what some rows, of which there are `size`, took, and when that was."""
        self.weights = grown(self.weights, size)
        np.add.at(self.weights, (rows, _class_of(hours)), np.exp2((at_ms - self.since_ms) / self._half_ms))

    def count(self, now_ms: int, size: int) -> Floats:
        """By row, how many there are, each as much as it counts now."""
        total: Floats = grown(self.weights, size)[:size].sum(axis=1)
        now: Floats = total * np.exp2((self.since_ms - now_ms) / self._half_ms)
        return now

    def median(self, size: int) -> Floats:
        """By row, the hours that half of them took at the most; of no meaning where there are none."""
        weights = grown(self.weights, size)[:size]
        below = np.cumsum(weights, axis=1)
        half = below[:, -1:] / 2
        found = np.argmax(below >= half, axis=1)
        rows = np.arange(size)
        own = weights[rows, found]
        within = np.where(own > 0, (half[:, 0] - (below[rows, found] - own)) / np.where(own > 0, own, 1), 0.0)
        hours: Floats = _LEAST_H * 10 ** ((found + within) / _PER_TENFOLD)
        return hours

    def share_above(self, hours: Floats, size: int) -> Floats:
        """By row, the share that took longer than that; of no meaning where there are none."""
        weights = grown(self.weights, size)[:size]
        total = weights.sum(axis=1)
        place = np.clip(np.log10(np.maximum(hours, 1e-9) / _LEAST_H) * _PER_TENFOLD, 0, CLASSES)
        part = np.clip(np.arange(1, CLASSES + 1) - place[:, None], 0, 1)  # of each class what lies above
        above: Floats = (weights * part).sum(axis=1) / np.where(total > 0, total, 1)
        return above


def _class_of(hours: Floats) -> Ints:
    place = np.log10(np.maximum(hours, 1e-9) / _LEAST_H) * _PER_TENFOLD
    found: Ints = np.clip(np.floor(place), 0, CLASSES - 1).astype(np.int64)
    return found
