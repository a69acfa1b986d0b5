"""Calls to one account over HTTP: within its rate, tried again after what passes, left alone while it is down.

What is sent is sent as it was signed, byte by byte. A call that may not be repeated is tried again only if the carrier
cannot have got it. Nothing of a call is written down but its operation, for bodies and addresses hold people and keys.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping

import httpx
import msgspec

from waypost.carriers.accounts import Account
from waypost.track.carriers import CarrierUnreachable

_TRIES = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_MOST_BYTES = 16 << 20
#: A token waits for no longer than this: who asks has a time-out too.
_LONGEST_QUEUE_S = 30.0
#: After so many calls in a row without an answer nobody calls for a while; then one tries.
_FAILURES, _PAUSE_S = 5, 30.0
_PASSING = {408, 429, 500, 502, 503, 504}


class InDoubt(CarrierUnreachable):
    """No answer came, and what was asked may have been done."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a carrier.

    Attributes:
        operation: by the carrier's name.
        path: behind the account's address.
        is_repeatable: asking twice is as good as once.
    """

    operation: str
    path: str = ""
    method: str = "POST"
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    body: bytes = b""
    is_repeatable: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What it answered, whatever the status."""

    status: int
    body: bytes
    content_type: str


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """Time and chance, for tests to hold still.

    Attributes:
        now_ms: the present, UTC milliseconds.
        ticks: seconds of a clock that nobody sets.
        pause: wait so many seconds.
        chance: a number from 0 to 1.
    """

    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ticks: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


class Caller:
    """Calls one account; safe to use from many threads."""

    def __init__(self, account: Account, hours: Hours | None = None) -> None:
        self.account = account
        self.hours = hours or Hours()
        self._client = httpx.Client(timeout=account.timeout_s, follow_redirects=False, trust_env=False)
        self._rate = _Rate(account.per_minute, self.hours)
        self._breaker = _Breaker(self.hours.ticks)

    def channel(self, operation: str) -> str:
        """How an operation is named to people: whom it was asked of, and through which account."""
        return f"{self.account.carrier} {operation} ({self.account.name})"

    def call(self, call: Call) -> Answer:
        """The carrier's answer.

        Raises:
            CarrierUnreachable: there was none, or only that it cannot now.
        """
        channel, why = self.channel(call.operation), ""
        for attempt in range(_TRIES):
            if attempt:
                self.hours.pause(self._patience_s(attempt))
            self._breaker.enter(channel)
            self._rate.take(channel)
            try:
                answer = self._send(call)
            except httpx.HTTPError as error:
                why = f"no answer ({type(error).__name__})"
                was_got = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            else:
                if answer.status not in _PASSING:
                    self._breaker.note(True)
                    return answer
                why, was_got = f"answers {answer.status}", answer.status != 429
            self._breaker.note(False)
            if was_got and not call.is_repeatable:
                raise InDoubt(why, channel=channel, mend="It may have been done all the same: ask before again.")
        raise CarrierUnreachable(f"{why}, {_TRIES} times", channel=channel, mend="Try again later.")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _send(self, call: Call) -> Answer:
        url = self.account.url.rstrip("/") + call.path
        with self._client.stream(
            call.method, url, params=call.query or None, headers=dict(call.headers), content=call.body
        ) as response:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise httpx.ReadError("the answer has no end")
            return Answer(
                status=response.status_code, body=bytes(body), content_type=response.headers.get("content-type", "")
            )

    def _patience_s(self, attempt: int) -> float:
        return self.hours.chance() * min(_FIRST_PAUSE_S * (1 << attempt), _LONGEST_PAUSE_S)


class _Rate:
    """A bucket of one second's tokens, so that a burst at the turn of a minute is not twice what is allowed."""

    def __init__(self, per_minute: int, hours: Hours) -> None:
        self._per_s = per_minute / 60
        self._most = max(1.0, self._per_s)
        self._hours = hours
        self._left, self._then_s = self._most, hours.ticks()
        self._lock = threading.Lock()

    def take(self, channel: str) -> None:
        """Wait for one's turn."""
        with self._lock:
            now_s = self._hours.ticks()
            left = min(self._most, self._left + (now_s - self._then_s) * self._per_s) - 1
            wait_s = max(-left / self._per_s, 0.0)
            if wait_s > _LONGEST_QUEUE_S:
                raise CarrierUnreachable(
                    f"{-left:.0f} calls wait for their turn already",
                    channel=channel,
                    mend="Raise per_minute if the carrier allows more.",
                )
            self._left, self._then_s = left, now_s
        if wait_s:
            self._hours.pause(wait_s)


class _Breaker:
    """Counts failures in a row. While it is open one call at a time may try."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._failures = 0
        self._next_s = 0.0
        self._lock = threading.Lock()

    def enter(self, channel: str) -> None:
        with self._lock:
            if self._failures < _FAILURES:
                return
            now_s = self._ticks()
            if now_s < self._next_s:
                raise CarrierUnreachable(
                    f"did not answer {self._failures} times in a row",
                    channel=channel,
                    mend="It is tried again by and by.",
                )
            self._next_s = now_s + _PAUSE_S

    def note(self, is_well: bool) -> None:
        with self._lock:
            self._failures = 0 if is_well else self._failures + 1
            if self._failures >= _FAILURES:
                self._next_s = self._ticks() + _PAUSE_S
