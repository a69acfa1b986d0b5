"""How good promises were: how far off, how often they held, how long they were."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from waypost.forecast.trips import Floats
from waypost.model.errors import BadInput

#: A promise is a window from the middle to these levels.
LEVELS = (0.5, 0.8, 0.9)


def score(taken: Floats, promised: Floats) -> dict[str, Any]:
    """Hold promises against the days that parcels took.

    Args:
        taken: days from order to door.
        promised: the same by each level of `LEVELS`, a column a level.

    Returns:
        `orders`; `mae_days` of the middle; `pinball`, the mean of the three; `coverage_p50`, `coverage_p80` and
        `coverage_p90`; `mean_p90_days`; and `late_rate`, the share that came later than P90.
    """
    if not len(taken):
        raise BadInput("there is nothing to score: none of them was delivered")
    off = taken[:, None] - promised
    levels = np.asarray(LEVELS)
    held = (off <= 0).mean(0)
    return {
        "orders": len(taken),
        "mae_days": _round(np.abs(off[:, 0]).mean()),
        "pinball": _round(np.maximum(levels * off, (levels - 1) * off).mean()),
        **{f"coverage_p{round(level * 100)}": _round(share) for level, share in zip(LEVELS, held, strict=True)},
        "mean_p90_days": _round(promised[:, -1].mean()),
        "late_rate": _round(1 - held[-1]),
    }


def hold_levels(taken: Floats, promised: Floats, levels: Iterable[float]) -> list[dict[str, float]]:
    """Of promises at each of some levels, a column each: the `level`, the share `held`, and their `mean_days`."""
    figures = zip(levels, (taken[:, None] <= promised).mean(0), promised.mean(0), strict=True)
    return [{"level": _round(level), "held": _round(held), "mean_days": _round(days)} for level, held, days in figures]


def _round(number: float) -> float:
    return round(float(number), 4)
