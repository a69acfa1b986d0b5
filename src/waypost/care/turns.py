"""Whose turn it is: how many messages go to each webhook at one time, and which of them are left alone for a while."""

from collections import Counter
from collections.abc import Callable, Sequence

#: Messages under way at one time: to one webhook, and to all of one merchant.
OF_WEBHOOK, OF_MERCHANT = 4, 16
#: After so many tries in vain in a row a webhook is left alone for so long, and then ever longer.
FAILURES, PAUSE_S, LONGEST_PAUSE_S = 5, 30.0, 600.0


class Turns:
    """Counts what is under way, and failures in a row; one thread.

    Args:
        ticks: seconds of a clock that nobody sets.
        at_once: messages under way to all together.
    """

    def __init__(self, ticks: Callable[[], float], at_once: int) -> None:
        self._ticks = ticks
        self._at_once = at_once
        self._of_webhook: Counter[str] = Counter()
        self._of_merchant: Counter[str] = Counter()
        self._breakers: dict[str, _Breaker] = {}
        self._last = ""

    @property
    def free(self) -> int:
        """How many more may go out to all together."""
        return self._at_once - self._of_webhook.total()

    def find_free(self, webhook: str, merchant: str) -> int:
        """How many more may go to a webhook now. One that is left alone gets one to try, once its pause is over."""
        breaker = self._breakers.get(webhook)
        most = OF_WEBHOOK
        if breaker is not None and breaker.failures >= FAILURES:
            most = 1 if self._ticks() >= breaker.until_s else 0
        left = min(most - self._of_webhook[webhook], OF_MERCHANT - self._of_merchant[merchant], self.free)
        return max(left, 0)

    def in_turn(self, webhooks: Sequence[str]) -> list[str]:
        """Webhooks in the order in which they get theirs, going on behind the one that had the last."""
        return sorted(webhooks, key=lambda webhook: (webhook <= self._last, webhook))

    def begin(self, webhook: str, merchant: str) -> None:
        """One more is under way."""
        self._last = webhook
        self._of_webhook[webhook] += 1
        self._of_merchant[merchant] += 1

    def end(self, webhook: str, merchant: str, *, is_well: bool) -> None:
        """One is not any more."""
        for counter, key in ((self._of_webhook, webhook), (self._of_merchant, merchant)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
        if is_well:
            self._breakers.pop(webhook, None)
            return
        breaker = self._breakers.setdefault(webhook, _Breaker())
        breaker.failures += 1
        if breaker.failures >= FAILURES:
            pause_s = min(PAUSE_S * 2 ** min(breaker.failures - FAILURES, 10), LONGEST_PAUSE_S)
            breaker.until_s = self._ticks() + pause_s

    def forgive(self, webhook: str) -> None:
        """Try it again at once: its merchant asked for that."""
        self._breakers.pop(webhook, None)

    def count_alone(self) -> int:
        """How many webhooks are left alone."""
        return sum(each.failures >= FAILURES for each in list(self._breakers.values()))


class _Breaker:
    def __init__(self) -> None:
        self.failures = 0
        self.until_s = 0.0
