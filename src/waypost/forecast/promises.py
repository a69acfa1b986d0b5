"""Windows that hold: what is left over of promises made lately says where and how wide the next ones have to be.

Each promise is remembered with the middle and the spread that it was made with. How far its parcel was from the middle,
in spreads, is known when it arrives; while it is on its way, it is known to be further than so far. The quantiles of
that are those of the next promise. Where the middle of it lies changes within days, as when a strike begins: there the
newest count most. How wide it is around that changes slowly, and is hard to see: there weeks count. (Conformal
prediction under drift: Gibbs and Candes, 2021; of censored times: Candes, Lei and Ren, 2023.)
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.censored import quantiles_of_times
from waypost.forecast.trips import Floats, Ints, Trips

#: After so many days a promise counts half: for where the middle is, and for how wide it is around that.
MIDDLE_HALF_DAYS, WIDTH_HALF_DAYS = 5.0, 40.0
#: Promises older than this are no longer looked at.
MOST_DAYS = 120.0
#: For so long before the first promise that counts, promises are made to learn from.
WARM_UP_DAYS = 91
#: With fewer promises that came to their end, windows are not narrowed or widened by them.
LEAST_ENDED = 50

_LEAST_DAYS = 0.05


class Foreseen:
    """What was foreseen of trips when they were ordered: middle and spread of the logarithm of days; NaN if nothing."""

    def __init__(self, trips: Trips) -> None:
        self._trips = trips
        self.middle: Floats = np.full(len(trips), np.nan)
        self.spread: Floats = np.full(len(trips), np.nan)

    def put(self, rows: Ints, foreseen: tuple[Floats, Floats]) -> None:
        """Remember what was foreseen of some."""
        self.middle[rows], self.spread[rows] = foreseen

    def table(self, rows: Ints) -> pa.Table:
        """What was foreseen of some, by number."""
        numbers = self._trips.table.column("number").take(pa.array(rows))
        return pa.table({"number": numbers, "middle": self.middle[rows], "spread": self.spread[rows]})

    def recall(self, table: pa.Table) -> None:
        """Remember what was foreseen of some by number, as `table` gives it. Those that are not here are left out."""
        numbers = self._trips.table.column("number").combine_chunks()
        place = np.asarray(pc.index_in(numbers, table.column("number").combine_chunks()).fill_null(-1))
        rows = np.flatnonzero(place >= 0)
        for name, known in (("middle", self.middle), ("spread", self.spread)):
            known[rows] = np.asarray(table.column(name))[place[rows]]

    def shape(self, known: float, levels: Sequence[float] | Floats) -> Floats:
        """Quantiles of how far parcels are from their middle, in spreads, as known at an instant.

        Without enough promises that came to their end: NaN.
        """
        rows = self._trips.between(known - MOST_DAYS, known)
        rows = rows[np.isfinite(self.middle[rows])]
        days, ended = self._trips.days_taken(rows, known)
        if ended.sum() < LEAST_ENDED:
            return np.full(len(levels), np.nan)
        off = (np.log(np.maximum(days, _LEAST_DAYS)) - self.middle[rows]) / self.spread[rows]
        age = known - self._trips.ordered[rows]
        (middle,) = quantiles_of_times(off, ended, 0.5 ** (age / MIDDLE_HALF_DAYS), [0.5])
        around = quantiles_of_times(off, ended, 0.5 ** (age / WIDTH_HALF_DAYS), np.r_[0.5, levels])
        return np.asarray(middle + around[1:] - around[0])

    def windows(self, rows: Ints, shape: Floats) -> Floats:
        """Days after the order, a row a trip and a column a level of the shape."""
        return np.exp(self.middle[rows, None] + self.spread[rows, None] * shape[None, :])
