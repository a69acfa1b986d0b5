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
