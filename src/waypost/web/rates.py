"""Rate limits by client address: token buckets in a table of bounded size."""

import math
from collections import OrderedDict
from collections.abc import Callable

from waypost.model.errors import TooMany


class Rates:
    """One bucket for each address, all of one size.

    A bucket that was not touched for longest is forgotten when the table is full: that forgives its address, so the
    table has to be larger than what an attacker has of addresses in a minute.

    Args:
        of: what is counted, in the plural.
        ticks: milliseconds of a clock that nobody sets.
    """

    def __init__(self, of: str, per_min: int, burst: int, addresses: int, ticks: Callable[[], int]) -> None:
        self._of = of
        self._per_ms = per_min / 60_000
        self._burst = float(burst)
        self._addresses = addresses
        self._ticks = ticks
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str, cost: int = 1) -> None:
        """Take some tokens.

        Raises:
            TooMany: there are not as many in the bucket; it then stays as it is.
        """
        if cost == 0:
            return
        left = self.left(address) - cost
        if left < 0:
            retry_after_s = math.ceil(-left / self._per_ms / 1000)
            raise TooMany(f"too many {self._of} from your network address", retry_after_s=retry_after_s)
        self._buckets[address] = (left, self._ticks())
        self._buckets.move_to_end(address)
        if len(self._buckets) > self._addresses:
            self._buckets.popitem(last=False)

    def left(self, address: str) -> float:
        """How many tokens the bucket of an address holds."""
        now_ms = self._ticks()
        held, then_ms = self._buckets.get(address, (self._burst, now_ms))
        return min(self._burst, held + (now_ms - then_ms) * self._per_ms)

    def __len__(self) -> int:
        return len(self._buckets)
