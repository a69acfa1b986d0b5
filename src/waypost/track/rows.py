"""Rows that come as they are met: each key gets the next number, and columns grow with them."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Kind = TypeVar("Kind", bound=np.generic)


class Rows:
    """Which row a key has. Beyond `most` no key gets one any more.

    Attributes:
        keys: by row.
    """

    def __init__(self, most: int, keys: Ints | None = None) -> None:
        self._most = most
        self.keys: Ints = np.zeros(0, np.int64) if keys is None else keys
        self._arrange()

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, keys: Ints) -> Ints:
        """The rows of some keys, of which those that are new get one; -1 where there is none left."""
        unique, place = np.unique(keys, return_inverse=True)
        rows = self._look_up(unique)
        fresh = np.flatnonzero(rows < 0)[: self._most - len(self.keys)]
        if len(fresh):
            rows[fresh] = len(self.keys) + np.arange(len(fresh))
            self.keys = np.concatenate([self.keys, unique[fresh]])
            self._arrange()
        return rows[place.reshape(-1)]

    def _look_up(self, unique: Ints) -> Ints:
        rows = np.full(len(unique), -1, np.int64)
        if len(self.keys):
            at = np.minimum(np.searchsorted(self._sorted, unique), len(self.keys) - 1)
            known = self._sorted[at] == unique
            rows[known] = self._order[at[known]]
        return rows

    def _arrange(self) -> None:
        self._order = np.argsort(self.keys, kind="stable")
        self._sorted = self.keys[self._order]


def grown(column: npt.NDArray[Kind], rows: int) -> npt.NDArray[Kind]:
    """The same column with room for so many rows; what is new is zero."""
    if rows <= len(column):
        return column
    wider = np.zeros((max(rows, 2 * len(column), 64), *column.shape[1:]), column.dtype)
    wider[: len(column)] = column
    return wider
