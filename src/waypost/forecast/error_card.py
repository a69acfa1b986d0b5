"""How far a forecast of parcels was off: the same way of forecasting, held against the newest days, unknown to it."""

import msgspec
import numpy as np

from waypost.forecast.counts import By, Counts
from waypost.forecast.parcels import Countries, build_tree, forecast_parcels
from waypost.model.errors import BadInput

_WEEK = 7


class LevelErrors(msgspec.Struct, frozen=True, kw_only=True):
    """How far the forecasts of one level of the tree were off, over all of its lines and days.

    Attributes:
        lines: how many there are.
        mean: parcels a day that came.
        mae: parcels a day by which the median was off on average; `naive_mae` those of who says what the same day of
            the last known week had.
        within: the share of days between P10 and P90, which four of five should be.
    """

    level: str
    lines: int
    mean: float
    mae: float
    naive_mae: float
    within: float


class ErrorCard(msgspec.Struct, frozen=True):
    """The days that were not known, from the first to the last, and the errors on each level from the top."""

    first: str
    last: str
    levels: list[LevelErrors]


def draw_card(
    counts: Counts, by: By, days: int, *, countries: Countries, seed: int = 0, threads: int = 1
) -> ErrorCard | None:
    """Forecast the newest of the days that were counted from those before; None where these are too few."""
    known = counts.days - days
    if known < _WEEK:
        return None
    past = Counts(counts.first, counts.names, counts.parcels[:, :known], counts.position)
    try:
        told = forecast_parcels(past, by, days, countries=countries, seed=seed, threads=threads)
    except BadInput:
        return None
    nodes, _, sums = build_tree(counts, by)
    truths = sums[:, known:]
    naive = sums[:, known - _WEEK : known][:, np.arange(days) % _WEEK]
    low, median, high = (
        np.array([[getattr(day, name) for day in line.days] for line in told.lines]) for name in ("p10", "p50", "p90")
    )
    levels = []
    for level in dict.fromkeys(node[0] for node in nodes):
        rows = np.array([node[0] == level for node in nodes])
        is_within = (truths[rows] >= np.floor(low[rows])) & (truths[rows] <= np.ceil(high[rows]))
        levels.append(
            LevelErrors(
                level=level,
                lines=int(rows.sum()),
                mean=round(float(truths[rows].mean()), 2),
                mae=round(float(np.abs(truths[rows] - median[rows]).mean()), 2),
                naive_mae=round(float(np.abs(truths[rows] - naive[rows]).mean()), 2),
                within=round(float(is_within.mean()), 4),
            )
        )
    return ErrorCard(told.lines[0].days[0].day, told.lines[0].days[-1].day, levels)
