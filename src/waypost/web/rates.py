"""Rate limits by client address: token buckets in a table of bounded size."""

import math
from collections import OrderedDict

from waypost.model.errors import TooMany


class Rates:
    """One bucket for each address, all of one size.

    A bucket that was not touched for longest is forgotten when the table is full: that forgives its address, so the
    table has to be larger than what an attacker has of addresses in a minute.
    """

    def __init__(self, per_min: int, burst: int, addresses: int) -> None:
        self._per_ms = per_min / 60_000
        self._burst = burst
        self._addresses = addresses
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str, cost: int, now_ms: int) -> None:
        """Take some tokens.

        Raises:
            TooMany: there are not as many in the bucket; it then stays as it is.
        """
        if cost == 0:
            return
        left = self.left(address, now_ms) - cost
        if left < 0:
            retry_after_s = math.ceil(-left / self._per_ms / 1000)
            raise TooMany("too many requests from your address", retry_after_s=retry_after_s)
        self._buckets[address] = (left, now_ms)
        self._buckets.move_to_end(address)
        if len(self._buckets) > self._addresses:
            self._buckets.popitem(last=False)

    def give_back(self, address: str, tokens: int) -> None:
        """Put back what was taken for something that turned out to be in order."""
        held, then_ms = self._buckets.get(address, (float(self._burst), 0))
        self._buckets[address] = (min(float(self._burst), held + tokens), then_ms)

    def left(self, address: str, now_ms: int) -> float:
        """How many tokens the bucket of an address holds."""
        held, then_ms = self._buckets.get(address, (float(self._burst), now_ms))
        return min(float(self._burst), held + max(now_ms - then_ms, 0) * self._per_ms)

    def __len__(self) -> int:
        return len(self._buckets)
