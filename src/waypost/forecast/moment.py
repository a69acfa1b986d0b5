"""What was lately so at one instant, by key, so that a promise looks it up instead of looking back itself."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from waypost.forecast.lately import Per, Recent, look_back, read_keys
from waypost.forecast.trips import Floats, Ints, Trips


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
        self._recents = look_back(known, known.at(rows, at))
        self._places: dict[Per, Mapping[str, int]] = {
            per: dict(zip(found.dictionary.to_pylist(), np.searchsorted(rows, having[per]).tolist(), strict=True))
            for per, found in keys.items()
        }

    def look_up(self, asked: Trips) -> dict[str, Recent]:
        """What was lately so on the way of trips that nobody has seen yet. All count as ordered at the instant."""
        places = {per: _find(self._places[per], read_keys(asked, per)) for per in Per}
        found: dict[str, Recent] = {}
        for name, recent in self._recents.items():
            place = places[recent.per]
            parent: Floats | float = 0.0 if recent.parent is None else found[recent.parent].values
            values = np.where(place >= 0, np.append(recent.values, np.nan)[place], parent)
            found[name] = Recent(recent.per, recent.is_trend, recent.parent, values)
        return found


def _some_of_each(codes: Ints) -> Ints:
    """For each number from 0 a row that has it."""
    _, rows = np.unique(codes, return_index=True)
    return rows.astype(np.int64)


def _find(places: Mapping[str, int], keys: pa.Array) -> Ints:
    """Where each key stands; -1 if it was never seen."""
    encoded = keys.dictionary_encode()
    of_each = np.array([places.get(word, -1) for word in encoded.dictionary.to_pylist()], np.int64)
    return np.asarray(of_each[np.asarray(encoded.indices)])
