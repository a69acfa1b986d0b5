"""How things go lately where a parcel is: how long parcels wait for the next scan there, and for the door from there.

While learning, of each step what was known when it was made; while watching, what is known now (`Lately`), looked up.
"""

import msgspec
import numpy as np

from waypost.forecast.recent import recent_means
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
    by_status, _ = recent_means(where.status, gap, steps.following, steps.at, _WIDE_DAYS, 0.0, 0)
    gaps, _ = recent_means(where.here, gap, steps.following, steps.at, _GAP_DAYS, by_status, _WEIGHT)
    by_status, _ = recent_means(where.status, left, delivered, steps.at, _WIDE_DAYS, 0.0, 0)
    here, _ = recent_means(where.here, left, delivered, steps.at, _LEFT_DAYS, by_status, _WEIGHT)
    return gaps, recent_means(where.way, left, delivered, steps.at, _LEFT_DAYS, here, _WEIGHT)[0]


def lately_now(steps: Steps, where: Where, now: float) -> Lately:
    """The same at an instant for every status, facility and area, by the steps that are known."""
    gap, left = _logs(steps)
    statuses, facilities, areas = where.sizes
    every = np.arange(statuses * facilities * areas)
    here = np.arange(statuses * facilities)

    def mean(keys: Ints, asked: Ints, values: Floats, known: Floats, days: float, prior: Floats | float) -> Floats:
        """The asked keys stand behind all others, as steps that are made now and of which nothing is known."""
        empty = np.full(len(asked), np.nan)
        weight = 0.0 if isinstance(prior, float) else _WEIGHT
        priors = prior if isinstance(prior, float) else np.r_[np.zeros(len(keys)), prior]
        means, _ = recent_means(
            np.r_[keys, asked],
            np.r_[values, empty],
            np.r_[known, np.full(len(asked), np.inf)],
            np.r_[steps.at, np.full(len(asked), now)],
            days,
            priors,
            weight,
        )
        return means[len(keys) :]

    by_status = mean(where.status, np.arange(statuses), gap, steps.following, _WIDE_DAYS, 0.0)
    gaps = mean(where.here, here, gap, steps.following, _GAP_DAYS, by_status[here % statuses])
    by_status = mean(where.status, np.arange(statuses), left, steps.delivered, _WIDE_DAYS, 0.0)
    by_here = mean(where.here, here, left, steps.delivered, _LEFT_DAYS, by_status[here % statuses])
    ways = mean(where.way, every, left, steps.delivered, _LEFT_DAYS, by_here[every // areas])
    return Lately(gaps, ways)


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
