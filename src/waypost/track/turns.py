"""Whose turn it is to be asked after: the calls of an account go to the parcels for which one is worth most."""

import numpy as np
import numpy.typing as npt

from waypost.model.instants import MINUTE_MS
from waypost.track.rhythm import HOUR_MS, Floats

#: For less than this (`Rhythm.worth`) nobody is asked, however many calls are left.
LEAST_WORTH = 0.02

#: So much of a change of the price is taken over at each turn.
_SHARE = 0.2


class Turns:
    """The budget of one account, and what a call has to be worth so that it lasts.

    Args:
        per_hour: calls that may be made.
        at_once: parcels in a call.
        pause_ms: what was not used piles up for so long.
    """

    def __init__(self, per_hour: float, at_once: int, now_ms: int, pause_ms: int = MINUTE_MS) -> None:
        self.per_hour = per_hour
        self.at_once = at_once
        self.price = LEAST_WORTH
        self._most = max(per_hour * pause_ms / HOUR_MS, 1.0)
        self._left = min(self._most, per_hour)  # nothing at all without a budget
        self._then_ms = now_ms

    def calls(self, now_ms: int) -> int:
        """How many may be made now."""
        grown = max(now_ms - self._then_ms, 0) / HOUR_MS * self.per_hour
        self._left, self._then_ms = min(self._left + grown, self._most), now_ms
        return max(int(self._left), 0)

    def spend(self, calls: int) -> None:
        """So many were made."""
        self._left -= calls

    def choose(self, worth: Floats, calls: int) -> npt.NDArray[np.intp]:
        """Of some parcels those that fill so many calls, the most worth first.

        The last of them tells what a call costs with this budget. `price` follows it; the instant of the next check is
        worked out with that.
        """
        seats = calls * self.at_once
        order = np.argsort(-worth, kind="stable")[:seats]
        chosen = order[worth[order] >= LEAST_WORTH]
        if calls:
            marginal = float(worth[chosen[-1]]) if len(chosen) == seats else LEAST_WORTH
            self.price += _SHARE * (marginal - self.price)
        return chosen
