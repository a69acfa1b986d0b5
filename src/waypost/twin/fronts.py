"""Weather of the twin: fronts that move and slow what drives or flies through them."""

import datetime as dt

import msgspec
import numpy as np
import numpy.typing as npt


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """Foul weather that moves.

    Attributes:
        since_ms: when it begins, UTC.
        hours: how long it lasts.
        latitude, longitude: of its centre when it begins.
        north, east: how its centre moves, degrees an hour.
        radius_km: how far it reaches.
        slower: a leg in it takes so many times as long.
    """

    since_ms: int
    hours: float
    latitude: float
    longitude: float
    radius_km: float
    slower: float
    north: float = 0.0
    east: float = 0.0


#: How many fronts a day there are on the mean, by month, January first: snow in winter, typhoons in late summer.
_A_DAY = (0.5, 0.4, 0.25, 0.2, 0.3, 0.4, 0.6, 0.6, 0.5, 0.2, 0.25, 0.45)


def draw_fronts(seed: int, day: dt.date) -> list[Front]:
    """The fronts that begin on a day (UTC): the same for the same seed and day."""
    rng = np.random.default_rng([seed, 4, day.toordinal()])
    midnight = int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp() * 1000)
    return [
        Front(
            since_ms=midnight + int(rng.integers(0, 1440)) * 60_000,
            hours=float(rng.uniform(8, 40)),
            latitude=float(rng.uniform(21, 44)),
            longitude=float(rng.uniform(103, 122)),
            radius_km=float(rng.uniform(100, 320)),
            slower=float(rng.uniform(1.2, 2.2)),
            north=float(rng.normal(0, 0.08)),
            east=float(rng.normal(0.06, 0.1)),
        )
        for _ in range(rng.poisson(_A_DAY[day.month - 1]))
    ]


def front_rows(fronts: list[Front], start_min: int, end_min: int) -> npt.NDArray[np.float64]:
    """Those that touch some minutes, as `Fixed.fronts` has them."""
    rows = [
        (
            front.since_ms / 60_000,
            front.since_ms / 60_000 + front.hours * 60,
            front.latitude,
            front.longitude,
            front.north,
            front.east,
            front.radius_km,
            front.slower,
        )
        for front in fronts
    ]
    touching = [row for row in rows if row[0] < end_min and row[1] >= start_min]
    return np.array(touching, np.float64).reshape(len(touching), 8)
