"""How things go lately where a parcel is: how long parcels wait for the next scan there, and for the door from there.

While learning, of each step what was known when it was made; while watching, what is known now (`Lately`), looked up.
"""

import msgspec
import numpy as np

from waypost.forecast.recent import Asked, recent_means
from waypost.forecast.steps import Steps
from waypost.forecast.trips import Floats, Ints

#: So many days count, and what wider groups say weighs as so many parcels.
_GAP_DAYS, _LEFT_DAYS, _WIDE_DAYS, _WEIGHT = 2.0, 14.0, 28.0, 5.0

#: A gap and what is left are at least so many days: two minutes, half an hour.
_LEAST_GAP, _LEAST_LEFT = 1 / 720, 1 / 48


class Where(msgspec.Struct, frozen=True):
    """Of some steps where they are: numbers, each with how many there are of it.

    Attributes:
        status, facility, area: of the scan; `area` is where its parcel goes.
        sizes: how many of each.
    """

    status: Ints
    facility: Ints
    area: Ints
    sizes: tuple[int, int, int]

    @property
    def here(self) -> Ints:
        """A number for each status at each facility."""
        return self.facility * self.sizes[0] + self.status

    @property
    def way(self) -> Ints:
        """A number for each of these with each area to go to."""
        return self.here * self.sizes[2] + self.area


class Lately(msgspec.Struct, frozen=True):
    """What is known at one instant: the logarithms of days that gaps and ways to the door took.

    Attributes:
        gaps: by status and facility, see `Where.here`.
        left: by those and area, see `Where.way`.
    """

    gaps: Floats
    left: Floats

    def of(self, where: Where) -> tuple[Floats, Floats]:
        """Of some steps."""
        return self.gaps[where.here], self.left[where.way]


def lately_then(steps: Steps, where: Where) -> tuple[Floats, Floats]:
    """Of each step what was known when it was made: gaps, and what was left to the door."""
    gap, left = _logs(steps)
    delivered = steps.delivered
    at = steps.at
    by_status = _mean(where.status, where.status, at, gap, steps.following, _WIDE_DAYS)
    gaps = _mean(where.here, where.here, at, gap, steps.following, _GAP_DAYS, by_status)
    by_status = _mean(where.status, where.status, at, left, delivered, _WIDE_DAYS)
    here = _mean(where.here, where.here, at, left, delivered, _LEFT_DAYS, by_status)
    return gaps, _mean(where.way, where.way, at, left, delivered, _LEFT_DAYS, here)


def lately_now(steps: Steps, where: Where, now: float) -> Lately:
    """The same at an instant for every status, facility and area, by the steps that are known."""
    gap, left = _logs(steps)
    statuses, facilities, areas = where.sizes
    every = np.arange(statuses * facilities * areas)
    here = np.arange(statuses * facilities)

    by_status = _mean(where.status, np.arange(statuses), now, gap, steps.following, _WIDE_DAYS)
    gaps = _mean(where.here, here, now, gap, steps.following, _GAP_DAYS, by_status[here % statuses])
    by_status = _mean(where.status, np.arange(statuses), now, left, steps.delivered, _WIDE_DAYS)
    by_here = _mean(where.here, here, now, left, steps.delivered, _LEFT_DAYS, by_status[here % statuses])
    ways = _mean(where.way, every, now, left, steps.delivered, _LEFT_DAYS, by_here[every // areas])
    return Lately(gaps, ways)


def _mean(
    keys: Ints, asked: Ints, at: Floats | float, values: Floats, known: Floats, days: float, prior: Floats | None = None
) -> Floats:
    """Means by key as they were known at instants, drawn to what is wider if that is given."""
    told = Asked(asked, np.broadcast_to(at, asked.shape))
    weight = 0.0 if prior is None else _WEIGHT
    return recent_means(keys, values, known, told, days=days, prior=0.0 if prior is None else prior, weight=weight)[0]


def _logs(steps: Steps) -> tuple[Floats, Floats]:
    """Logarithms of the days to the next scan, and to the door; NaN where it has not come."""
    with np.errstate(invalid="ignore"):
        gap, left = steps.following - steps.at, steps.delivered - steps.at
    return (
        np.where(np.isfinite(gap), np.log(np.maximum(np.nan_to_num(gap, posinf=1), _LEAST_GAP)), np.nan),
        np.where(
            np.isfinite(left) & (left > 0), np.log(np.maximum(np.nan_to_num(left, posinf=1), _LEAST_LEFT)), np.nan
        ),
    )
