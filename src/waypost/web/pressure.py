"""Back-pressure: while look-ups are too far behind the log, bulk waits outside. What is taken is never dropped."""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Mapping

from waypost.track.views import Freshness
from waypost.web.bodies import Receive, media_type_of

#: The bounds of `Retry-After`.
_LEAST_S, _MOST_S = 1, 60

#: The pace of the index is what it did in the last ten seconds, seen at least so long, and looked at no more often.
_WINDOW_MS = 10_000
_SEEN_MS = 1_000
_STEP_MS = 100

#: Scans a second, until the index has been seen at work.
_ASSUMED_PACE = 100_000.0

#: JSON and columns of scans are packed to an eighth and less.
_PACKED = 8
_PACKED_KINDS = ("application/vnd.apache.parquet",)


class Pressure:
    """Knows how far the index is behind the log, and estimates when it will have got on.

    It is asked at every batch, and so it watches the index at work. What the index does while it has little to do says
    nothing of how fast it is, so only the time counts in which it was behind by half the bound or more.

    Args:
        freshness: how far the index has come; cheap to ask.
        bulk_lag: so many scans behind the log bulk has to wait.
        ticks: milliseconds of a clock that nobody sets.
    """

    def __init__(self, freshness: Callable[[], Freshness], bulk_lag: int, ticks: Callable[[], int]) -> None:
        self._freshness = freshness
        self._bulk_lag = bulk_lag
        self._ticks = ticks
        self._seen: deque[tuple[int, int]] = deque()

    def find_wait(self) -> int | None:
        """Seconds until bulk may have a chance; None if it has one now."""
        as_of = self._freshness()
        position, lag = as_of.position or 0, as_of.lag or 0
        self._watch(position, busy=2 * lag >= self._bulk_lag)
        return None if lag <= self._bulk_lag else self._seconds(lag - self._bulk_lag)

    def find_wait_until(self, position: int) -> int | None:
        """Seconds until look-ups may see everything below a position; None if they do now."""
        missing = position - (self._freshness().position or 0)
        return None if missing <= 0 else self._seconds(missing)

    def _watch(self, position: int, *, busy: bool) -> None:
        if not busy:
            self._seen.clear()
            return
        now_ms = self._ticks()
        if self._seen and now_ms - self._seen[-1][0] < _STEP_MS:
            return
        self._seen.append((now_ms, position))
        while len(self._seen) > 2 and now_ms - self._seen[1][0] >= _WINDOW_MS:
            self._seen.popleft()

    def _seconds(self, scans: int) -> int:
        """How long the index may take for so many scans."""
        pace = _ASSUMED_PACE
        if self._seen:
            (since_ms, since), (until_ms, until) = self._seen[0], self._seen[-1]
            if until_ms - since_ms >= _SEEN_MS:
                pace = (until - since) * 1000 / (until_ms - since_ms)
        return _MOST_S if pace * _MOST_S <= scans else max(_LEAST_S, math.ceil(scans / pace))


def is_bulk(headers: Mapping[str, str], bulk_bytes: int) -> bool:
    """Whether a body is larger than so many bytes, as far as its headers tell; a length that is not told is large."""
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        return True
    kind = media_type_of(headers)
    plain = headers.get("content-encoding", "identity").strip().lower() in ("identity", "")
    return int(length[:18]) * (1 if plain and kind not in _PACKED_KINDS else _PACKED) > bulk_bytes


async def let_pass(receive: Receive, headers: Mapping[str, str], *, most: int, seconds: float) -> None:
    """Let the body of a refused request go by, keeping nothing of it.

    A sender that is still sending when its connection is closed mostly never sees the answer, nor when to come again.
    One that waits for `100 Continue` has not begun.

    Args:
        most: bytes after which it is cut off nonetheless.
        seconds: likewise.
    """
    if headers.get("expect", "").strip().lower() == "100-continue":
        return
    passed, more = 0, True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while more and passed <= most:
                message = await receive()
                passed += len(message.get("body", b""))
                more = message["type"] != "http.disconnect" and message.get("more_body", False)
