"""Windows that hold: what is left over of promises made lately says where and how wide the next ones have to be.

Each promise is remembered with the middle and the spreads that it was made with. How far its parcel was from the
middle, in spreads to that side, is known when it arrives; while it is on its way, it is known to be further than so
far. The quantiles of that are those of the next promise. Where the middle of it lies changes within days, as when a
strike begins: there the newest count most, and as they are few, three quarters of what they say is believed. How wide
it is around that changes slowly, and is hard to see: there weeks count. (Conformal prediction under drift: Gibbs and
Candes, 2021; of censored times: Candes, Lei and Ren, 2023.)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.censored import quantiles_of_times
from waypost.forecast.trips import Floats, Ints, Trips

#: After so many days a promise counts half: for where the middle is, and for how wide it is around that.
MIDDLE_HALF_DAYS, WIDTH_HALF_DAYS = 5.0, 80.0
#: So much of what the newest say of the middle is believed.
BELIEVED = 0.75
#: Promises older than this are no longer looked at.
MOST_DAYS = 120.0
#: What has been on its way for longer is lost: a promise is about parcels that arrive.
LOST_DAYS = 60.0
#: For so long before the first promise that counts, promises are made to learn from.
WARM_UP_DAYS = 91
#: With fewer promises that came to their end, windows are not narrowed or widened by them.
LEAST_ENDED = 50

_LEAST_DAYS = 0.05


class Foresight(NamedTuple):
    """Of each trip the middle of the logarithm of its days, and how wide that is to both sides."""

    middle: Floats
    sooner: Floats
    later: Floats

    def windows(self, shape: Floats) -> Floats:
        """Days after the order, a row a trip and a column a level of the shape."""
        spread = np.where(shape > 0, self.later[:, None], self.sooner[:, None])
        return np.asarray(np.exp(self.middle[:, None] + spread * shape))


class Foreseen:
    """What was foreseen of trips when they were ordered; NaN if nothing."""

    def __init__(self, trips: Trips) -> None:
        self._trips = trips
        self.middle, self.sooner, self.later = (np.full(len(trips), np.nan) for _ in Foresight._fields)

    def put(self, rows: Ints, foreseen: Foresight) -> None:
        """Remember what was foreseen of some."""
        self.middle[rows], self.sooner[rows], self.later[rows] = foreseen

    def table(self, rows: Ints) -> pa.Table:
        """What was foreseen of some, by number."""
        numbers = self._trips.table.column("number").take(pa.array(rows))
        return pa.table({"number": numbers} | {name: getattr(self, name)[rows] for name in Foresight._fields})

    def recall(self, table: pa.Table) -> None:
        """Remember what was foreseen of some by number, as `table` gives it. Those that are not here are left out."""
        numbers = self._trips.table.column("number").combine_chunks()
        place = np.asarray(pc.index_in(numbers, table.column("number").combine_chunks()).fill_null(-1))
        rows = np.flatnonzero(place >= 0)
        for name in Foresight._fields:
            getattr(self, name)[rows] = np.asarray(table.column(name))[place[rows]]

    def shape(self, known: float, levels: Sequence[float] | Floats) -> Floats:
        """Quantiles of how far parcels are from their middle, in spreads, as known at an instant.

        Without enough promises that came to their end: NaN.
        """
        rows = self._trips.between(known - MOST_DAYS, known)
        rows = rows[np.isfinite(self.middle[rows])]
        days, ended = self._trips.days_taken(rows, known)
        if ended.sum() < LEAST_ENDED:
            return np.full(len(levels), np.nan)
        off = np.log(np.maximum(days, _LEAST_DAYS)) - self.middle[rows]
        off /= np.where(off > 0, self.later[rows], self.sooner[rows])
        age = known - self._trips.ordered[rows]
        # Some never arrive. A promise of 0.9 is one to nine of ten that do.
        old = age > LOST_DAYS
        arriving = float(ended[old].mean()) if old.any() else 1.0
        asked = np.r_[0.5, levels] * arriving
        middle = quantiles_of_times(off, ended, 0.5 ** (age / MIDDLE_HALF_DAYS), asked[:1])[0]
        around = quantiles_of_times(off, ended, 0.5 ** (age / WIDTH_HALF_DAYS), asked)
        return np.asarray(BELIEVED * middle + around[1:] - around[0])

    def windows(self, rows: Ints, shape: Floats) -> Floats:
        """Days after the order, a row a trip and a column a level of the shape."""
        return Foresight(self.middle[rows], self.sooner[rows], self.later[rows]).windows(shape)


def spend_evenly(windows: Floats, levels: Floats, late_costs_days: float) -> Floats:
    """Promises that together are the shortest, where one that is not kept costs so many days of promising.

    At one level for all, a far parcel is promised many days more to be late as seldom as a near one. Here each is
    promised for as long as another day saves as much lateness as elsewhere.

    Args:
        windows: days, a row a trip and a column a level.
        levels: those of the columns, rising.
        late_costs_days: with more, promises are longer and kept more often.

    Returns:
        Days, one a trip.
    """
    best = (windows + late_costs_days * (1 - levels)).argmin(1)
    return np.asarray(np.take_along_axis(windows, best[:, None], 1)[:, 0])
