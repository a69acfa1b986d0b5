"""Times of which some have not ended yet: the loss that trees learn them by, and the shape of what is left over.

A trip that is still on its way says that it takes longer than so far, and only that. Who leaves it out sees too many
fast ones, the more so the nearer the present is.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from waypost.forecast.trips import Flags, Floats

Objective = Callable[[Floats, Any], tuple[Floats, Floats]]


def logistic_objective(ended: Flags, scale: float) -> Objective:
    """The loss of an accelerated failure time model: the logarithm of a time is a middle plus logistic noise.

    Wei, L. J.: The accelerated failure time model, Statistics in Medicine 11 (1992). What has not ended counts by the
    chance that it takes longer. The labels are logarithms of times; `scale` is that of the noise.
    """

    def gradients(middle: Floats, labels: Any) -> tuple[Floats, Floats]:
        beyond = 1 / (1 + np.exp(-np.clip((labels.get_label() - middle) / scale, -30, 30)))
        slope = np.where(ended, 2 * beyond - 1, beyond)
        curve = np.where(ended, 2, 1) * beyond * (1 - beyond)
        return -slope / scale, np.maximum(curve / scale**2, 1e-3)

    return gradients


def quantiles_of_times(times: Floats, ended: Flags, weights: Floats, levels: Sequence[float] | Floats) -> Floats:
    """Quantiles of times of which some have not ended (Kaplan and Meier, 1958), each with a weight.

    What lies beyond the longest that ended cannot be known, and is told as that one. With none ended: NaN.
    """
    order = np.argsort(times, kind="stable")
    times, ended, weights = times[order], ended[order], weights[order]
    if not ended.any():
        return np.full(len(levels), np.nan)
    at_risk = np.cumsum(weights[::-1])[::-1]
    staying = np.cumprod(np.where(ended, 1 - weights / np.maximum(at_risk, 1e-300), 1.0))
    return np.interp(levels, 1 - staying[ended], times[ended])


def share_ended(times: Floats, ended: Flags) -> tuple[Floats, Floats]:
    """By when which share has ended (Kaplan and Meier), a row for each that did, by time.

    What has not ended counts as long as it was watched. The last share stays below one where the longest still goes on.
    """
    order = np.lexsort((~ended, times))  # of those of one time the ended first: they were at risk together
    times, ended = times[order], ended[order]
    at_risk = np.arange(len(times), 0, -1)
    staying = np.cumprod(np.where(ended, 1 - 1 / at_risk, 1.0))
    return times[ended], np.asarray(1 - staying[ended], np.float64)


def time_of_share(curve: tuple[Floats, Floats], share: float) -> float | None:
    """By when that share has ended, by a curve of `share_ended`; None if it cannot be known yet."""
    times, shares = curve
    place = int(np.searchsorted(shares, share - 1e-9))
    return float(times[place]) if place < len(times) else None
