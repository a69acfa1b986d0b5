"""A clock that follows a world of its own: it runs so many times as fast as ours, and never ahead of that world."""

import threading
import time
from collections.abc import Callable


class Pace:
    """The present of a world, in UTC milliseconds. It stands still until the world has moved for the first time.

    Args:
        at_ms: where it begins.
        speed: how many times as fast as ours.
        step_ms: how far the world goes at a time; so much the clock may be ahead of what was reached.
        ticks: nanoseconds of a clock that nobody sets.
    """

    def __init__(self, at_ms: int, speed: float, step_ms: int, ticks: Callable[[], int] = time.monotonic_ns) -> None:
        self._lock = threading.Lock()
        self._reached_ms = at_ms
        self._speed = speed
        self._step_ms = step_ms
        self._ticks = ticks
        self._since_ns: int | None = None

    def __call__(self) -> int:
        """The present."""
        with self._lock:
            return self._present_ms()

    def reach(self, at_ms: int) -> None:
        """The world has come so far; from then on time passes."""
        with self._lock:
            self._reached_ms = max(at_ms, self._present_ms())
            self._since_ns = self._ticks()

    def _present_ms(self) -> int:
        if self._since_ns is None:
            return self._reached_ms
        passed_ms = (self._ticks() - self._since_ns) / 1e6 * self._speed
        return self._reached_ms + int(min(passed_ms, self._step_ms))
