"""How long anything that is to be told is tried again, and after which pauses."""

from collections.abc import Callable

#: The first pause after a try in vain, by how much each is longer than the one before, and the longest.
FIRST_MS, LONGER, LAST_MS = 5_000, 3, 2 * 3_600_000
#: Pauses are so much shorter or longer by chance, so that not all come back together.
JITTER = 0.2


class Patience:
    """Says when to try again.

    Args:
        patience_ms: so long anything is tried.
        chance: a number from 0 to 1.
    """

    def __init__(self, patience_ms: int, chance: Callable[[], float]) -> None:
        self.patience_ms = patience_ms
        self._chance = chance

    def find_next(self, tries: int, begun_ms: int, now_ms: int, retry_s: float | None = None) -> int | None:
        """When to try again what was tried in vain just now; None if it was tried for long enough.

        Args:
            tries: that were made before this one.
            begun_ms: when the first was.
            retry_s: for how long the other side wants to be left alone, if it says so.
        """
        wait_ms = min(FIRST_MS * LONGER ** min(tries, 12), LAST_MS)
        wait_ms = round(wait_ms * (1 + JITTER * (2 * self._chance() - 1)))
        if retry_s is not None:
            wait_ms = max(wait_ms, round(retry_s * 1000))
        next_ms = now_ms + wait_ms
        return None if next_ms - begun_ms > self.patience_ms else next_ms
