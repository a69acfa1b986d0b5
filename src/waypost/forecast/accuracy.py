"""How far forecasts are off, as the M4 competition measured it.

Spiliotis, Makridakis and Assimakopoulos, "The M4 Competition: 100,000 time series and 61 forecasting methods",
International Journal of Forecasting 36 (2020), and the code of its organisers: sMAPE of 0 to 200 %, MASE by the mean
move over a season of the past, and OWA, the mean of both in parts of those of Naive2.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from waypost.forecast.voices import Floats
from waypost.model.errors import BadInput

#: The test of a season: 90 %, on both sides.
_CERTAIN = 1.645


class Accuracy(msgspec.Struct, frozen=True):
    """Means over all series. `owa` below 1 is better than Naive2."""

    smape: float
    mase: float
    owa: float


def measure(pasts: Sequence[Floats], truths: Floats, told: Floats, season: int) -> Accuracy:
    """Hold forecasts against what came.

    Args:
        pasts: what was known.
        truths, told: by series and step ahead.
        season: the season of the measure: 24 of hours, 1 of weeks.

    Raises:
        BadInput: a past never moves.
    """
    naive = np.stack([naive2(past, truths.shape[1], season) for past in pasts])
    smape, mase = _smape(truths, told), _mase(pasts, truths, told, season)
    owa = 0.5 * (smape / _smape(truths, naive) + mase / _mase(pasts, truths, naive, season))
    return Accuracy(smape, mase, owa)


def _smape(truths: Floats, told: Floats) -> float:
    both = np.abs(truths) + np.abs(told)
    missed = np.abs(truths - told)
    return float(200.0 * np.divide(missed, both, out=np.zeros_like(missed), where=both > 0).mean())


def _mase(pasts: Sequence[Floats], truths: Floats, told: Floats, season: int) -> float:
    moves = np.array([np.abs(past[season:] - past[:-season]).sum() / max(len(past) - season, 1) for past in pasts])
    if not moves.all():
        place = int(np.flatnonzero(moves == 0)[0])
        raise BadInput(
            f"The past of series {place + 1} never moves over {season} steps: no miss can be held against it.",
            mend="Leave it out.",
        )
    return float((np.abs(truths - told).mean(axis=1) / moves).mean())


def naive2(past: Floats, horizon: int, season: int) -> Floats:
    """The last value; where the past has a season by the test of the competition, freed from it and given it again."""
    if season == 1 or not _is_seasonal(past, season):
        return np.repeat(past[-1], horizon)
    indices = _seasonal_indices(past, season)
    ahead = (len(past) + np.arange(horizon)) % season
    return np.asarray(past[-1] / indices[(len(past) - 1) % season] * indices[ahead])


def _is_seasonal(past: Floats, season: int) -> bool:
    if len(past) < 3 * season:
        return False
    around = past - past.mean()
    whole = float(around @ around)
    if whole == 0.0:
        return False
    alike = np.array([around[lag:] @ around[:-lag] for lag in range(1, season + 1)]) / whole
    limit = _CERTAIN / np.sqrt(len(past)) * np.sqrt(1.0 + 2.0 * (alike[:-1] ** 2).sum())
    return bool(abs(alike[-1]) > limit)


def _seasonal_indices(past: Floats, season: int) -> Floats:
    """By classical multiplicative decomposition: the mean ratio to a moving average, with mean 1."""
    window = np.full(season + 1 - season % 2, 1.0 / season)
    if season % 2 == 0:
        window[[0, -1]] /= 2.0
    trend = np.convolve(past, window, "valid")
    first = len(window) // 2
    ratios = past[first : first + len(trend)] / trend
    phase = np.arange(first, first + len(trend)) % season
    indices = np.bincount(phase, ratios, season) / np.bincount(phase, minlength=season)
    return np.asarray(indices / indices.mean())
