"""What was lately so at one instant, by key, so that a promise looks it up instead of looking back itself."""

import numpy as np

from waypost.forecast.lately import Per, Recent, look_back, read_keys
from waypost.forecast.trips import Floats, Ints, Trips

#: Trips that ended in so many days count as seen lately.
LATELY_DAYS = 45.0


class Moment:
    """What `look_back` would say of trips that are ordered at an instant, in days since 1970.

    Args:
        known: at least one.
    """

    def __init__(self, known: Trips, at: float) -> None:
        self.at = at
        keys = {per: read_keys(known, per).dictionary_encode() for per in Per}
        # of each key some trip that has it, as if it were ordered now
        having = {per: _some_of_each(np.asarray(found.indices).astype(np.int64)) for per, found in keys.items()}
        rows = np.unique(np.concatenate(list(having.values())))
        of_late = np.flatnonzero((known.delivered < at) & (known.delivered >= at - LATELY_DAYS) & ~known.is_void)
        self._counts = {
            per: np.append(np.bincount(np.asarray(found.indices)[of_late], minlength=len(found.dictionary)), 0)
            for per, found in keys.items()
        }
        self._numbers = {
            per: {word: row for row, word in enumerate(found.dictionary.to_pylist())} for per, found in keys.items()
        }
        self._recents = look_back(known, known.at(rows, at))
        self._places = {per: np.append(np.searchsorted(rows, having[per]), -1) for per in Per}

    def look_up(self, asked: Trips) -> dict[str, Recent]:
        """What was lately so on the way of trips that nobody has seen yet. All count as ordered at the instant."""
        places = {per: self._places[per][self.find(asked, per)] for per in Per}
        found: dict[str, Recent] = {}
        for name, recent in self._recents.items():
            place = places[recent.per]
            parent: Floats | float = 0.0 if recent.parent is None else found[recent.parent].values
            values = np.where(place >= 0, np.append(recent.values, np.nan)[place], parent)
            found[name] = Recent(recent.per, recent.topic, recent.parent, values)
        return found

    def count(self, asked: Trips, per: Per) -> Ints:
        """How many trips with the same key ended in the last `LATELY_DAYS`."""
        return np.asarray(self._counts[per][self.find(asked, per)])

    def find(self, asked: Trips, per: Per) -> Ints:
        """The number of the key of each; -1 if it was never seen."""
        encoded = read_keys(asked, per).dictionary_encode()
        numbers = self._numbers[per]
        of_each = np.array([numbers.get(word, -1) for word in encoded.dictionary.to_pylist()], np.int64)
        return np.asarray(of_each[np.asarray(encoded.indices)])


def _some_of_each(codes: Ints) -> Ints:
    """For each number from 0 a row that has it."""
    _, rows = np.unique(codes, return_index=True)
    return rows.astype(np.int64)
