"""Counts of what happened lately, by row and by stretch of time: what is older falls out as time goes on."""

import numpy as np
import numpy.typing as npt

from waypost.track.rows import Ints, grown


class Ring:
    """Counts over the last `past` stretches of `width_ms` and the `ahead` ones that come next.

    What happened belongs to its own stretch, whenever it becomes known, so the order in which it comes does not
    matter. What lies outside is not counted.
    """

    def __init__(self, width_ms: int, past: int, ahead: int, now_ms: int) -> None:
        self._width_ms = width_ms
        self._past = past
        self._size = past + ahead
        self.counts: npt.NDArray[np.int32] = np.zeros((0, self._size), np.int32)
        self.first = self._first_at(now_ms)

    def advance(self, now_ms: int) -> None:
        """Let what is too old fall out."""
        first = self._first_at(now_ms)
        if first > self.first:
            gone = np.arange(self.first, min(first, self.first + self._size)) % self._size
            self.counts[:, gone] = 0
            self.first = first

    def add(self, rows: Ints, at_ms: Ints, size: int) -> None:
        """Count what happened to some rows, of which there are `size`."""
        self.counts = grown(self.counts, size)
        stretch = at_ms // self._width_ms
        fits = (stretch >= self.first) & (stretch < self.first + self._size)
        np.add.at(self.counts, (rows[fits], stretch[fits] % self._size), 1)

    def total(self, now_ms: int, size: int) -> Ints:
        """By row, what happened in the stretch of `now_ms` and in those before."""
        last = now_ms // self._width_ms
        stretches = np.arange(max(self.first, last - self._past + 1), min(last + 1, self.first + self._size))
        counts = grown(self.counts, size)[:size]
        total: Ints = counts[:, stretches % self._size].sum(axis=1, dtype=np.int64)
        return total

    def _first_at(self, now_ms: int) -> int:
        return now_ms // self._width_ms - self._past + 1
