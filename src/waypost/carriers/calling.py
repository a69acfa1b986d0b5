"""Calls to one account over HTTP: within its rate, tried again after what passes, left alone while it is down.

What is sent is sent as it was signed, byte by byte. A call that may not be repeated is tried again only if the carrier
cannot have got it. Nothing of a call is written down but its operation, for bodies and addresses hold people and keys.
"""

import datetime as dt
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import ClassVar

import httpx
import msgspec

from waypost.carriers.accounts import Account
from waypost.carriers.deadline import LINE_ERRORS, UNSENT, Deadline, Transport
from waypost.model.guarded import Guarded
from waypost.track.carriers import CarrierUnreachable, InDoubt

_TRIES = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_MOST_BYTES = 16 << 20
_MOST_LINES = 100
#: After so many calls in a row without an answer nobody calls for a while; then one tries.
_FAILURES, _PAUSE_S = 5, 30.0
_HEADERS = {"accept": "*/*", "accept-encoding": "gzip, deflate", "user-agent": "waypost"}
_PASSING = {408, 429, 500, 502, 503, 504}
_QUOTA = 429
#: A carrier that says to come back later than that is asked whether it still means it.
_LONGEST_HOLD_S = 3600.0
#: Shorter ones stand in texts by chance.
_SHORTEST_SECRET = 4
_LENT = 8
#: Turns are counted in floating point.
_SLACK_S = 1e-6


class Call(Guarded, frozen=True, kw_only=True):
    """What is asked of a carrier.

    Attributes:
        operation: by the carrier's name.
        path: behind the account's address.
        is_repeatable: asking twice is as good as once.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("operation", "method", "is_repeatable")

    operation: str
    path: str = ""
    method: str = "POST"
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    body: bytes = b""
    is_repeatable: bool = False


class Answer(Guarded, frozen=True, kw_only=True):
    """What it answered, whatever the status.

    Attributes:
        retry_s: after how long it wants to be asked again, if it says so.
        etag: by which it knows this state of what was asked for, or "".
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("status", "content_type", "retry_s")

    status: int
    body: bytes
    content_type: str
    retry_s: float | None = None
    etag: str = ""

    @property
    def is_well(self) -> bool:
        """Whether the status says that it is."""
        return 200 <= self.status < 300


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
    """Calls one account; safe to use from many threads.

    A call waits for its turn, for pauses, and for what the carrier says to wait, as long as the account's `patience_s`
    goes, and for one turn at the least; after that no new try is begun. One try takes `timeout_s` at the most.
    """

    def __init__(self, account: Account, hours: Hours | None = None) -> None:
        self.account = account
        self.hours = hours or Hours()
        self._deadline = Deadline()
        # no httpx.Client: it logs the address of every call, and in some stand keys and numbers
        self._transport = Transport(self._deadline, _MOST_LINES)
        self._rate = _Rate(account.per_minute, self.hours)
        self._breaker = _Breaker(self.hours.ticks)
        self._hold = _Hold(self.hours)
        self._hidden: set[str] = set()
        self._lent: deque[str] = deque(maxlen=_LENT)

    def channel(self, operation: str) -> str:
        """How an operation is named to people: whom it was asked of, and through which account."""
        return f"{self.account.carrier} {operation} ({self.account.name})"

    def lend(self, token: str) -> None:
        """Keep a token that the carrier lent out of what is told, like the account's own secrets."""
        if token not in self._lent:
            self._lent.append(token)

    def hide(self, texts: Iterable[str]) -> None:
        """Keep texts out of what is told for good: the parts of a secret that holds several."""
        self._hidden.update(texts)

    def mask(self, text: str) -> str:
        """What a carrier wrote, without the account's secrets: several write down what they were sent."""
        secrets = {secret.text for secret in self.account.secrets.values()}
        for secret in sorted({*secrets, *self._hidden, *self._lent}, key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "…")
        return text

    def call(self, call: Call) -> Answer:
        """The carrier's answer.

        Raises:
            InDoubt: there was none, and it may have done what it was asked.
            CarrierUnreachable: there was none, or only that it cannot now, and it did nothing.
        """
        channel = self.channel(call.operation)
        left = _Patience(self.hours, max(self.account.patience_s, self._rate.turn_s))
        self._breaker.enter(channel)
        why, was_got, is_alive, retry_s, tries = "", False, False, None, 0
        for attempt in range(_TRIES):
            try:
                if attempt:
                    left.pause(max(self._pause_s(attempt), retry_s or 0.0))
                self._hold.wait(left)
                self._rate.take(left)
            except _Impatient as late:
                if tries:  # there is no time for another, and what came of these counts
                    self._breaker.note(is_alive)
                else:
                    self._breaker.leave()
                why = f"{why}, and {late.why}" if why else late.why
                retry_s = late.wait_s
                break
            tries += 1
            try:
                answer = self._send(call)
            except LINE_ERRORS as error:
                why, retry_s = f"no answer ({type(error).__name__})", None
                was_got = was_got or not isinstance(error, UNSENT)
                is_alive = False
            else:
                if answer.status not in _PASSING:
                    self._breaker.note(True)
                    return answer
                why, retry_s = f"answers {answer.status}", answer.retry_s
                is_alive = answer.status == _QUOTA
                was_got = was_got or not is_alive
                self._hold.begin(retry_s)
            if (was_got and not call.is_repeatable) or attempt == _TRIES - 1:
                self._breaker.note(is_alive)
                break
        why = f"{why}, {tries} times" if tries > 1 else why
        if was_got:
            mend = "Try again later." if call.is_repeatable else "It may have been done all the same: ask before again."
            raise InDoubt(why, channel=channel, mend=mend, retry_s=retry_s)
        raise CarrierUnreachable(why, channel=channel, mend="Try again later.", retry_s=retry_s)

    def pause(self, attempt: int) -> None:
        """Wait before another try, longer each time."""
        self.hours.pause(self._pause_s(attempt))

    def close(self) -> None:
        """Let go of the connections."""
        self._transport.close()

    def _send(self, call: Call) -> Answer:
        url = self.account.url.rstrip("/") + call.path
        request = httpx.Request(
            call.method, url, params=call.query or None, headers={**_HEADERS, **call.headers}, content=call.body
        )
        with (
            self._deadline.within(self.account.timeout_s),
            closing(self._transport.handle_request(request)) as response,
        ):
            response.request = request
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise httpx.ReadError("the answer has no end")
            return Answer(
                status=response.status_code,
                body=bytes(body),
                content_type=response.headers.get("content-type", ""),
                retry_s=_retry_s(response.headers.get("retry-after", ""), self.hours.now_ms()),
                etag=response.headers.get("etag", ""),
            )

    def _pause_s(self, attempt: int) -> float:
        return self.hours.chance() * min(_FIRST_PAUSE_S * (1 << attempt), _LONGEST_PAUSE_S)


class _Impatient(Exception):
    """It would have to wait longer than it may. `wait_s`: how long."""

    def __init__(self, why: str, wait_s: float) -> None:
        super().__init__(why)
        self.why = why
        self.wait_s = wait_s


class _Patience:
    """How long one call may still wait."""

    def __init__(self, hours: Hours, patience_s: float) -> None:
        self._hours = hours
        self._ends_s = hours.ticks() + patience_s

    @property
    def left_s(self) -> float:
        return self._ends_s - self._hours.ticks()

    def pause(self, wait_s: float, why: str = "there is no time for another try") -> None:
        """Wait.

        Raises:
            _Impatient: that is too long.
        """
        if wait_s > self.left_s:
            raise _Impatient(why, wait_s)
        if wait_s > 0:
            self._hours.pause(wait_s)


class _Hold:
    """Until when the carrier said to leave it alone."""

    def __init__(self, hours: Hours) -> None:
        self._hours = hours
        self._ends_s = float("-inf")
        self._lock = threading.Lock()

    def begin(self, wait_s: float | None) -> None:
        if wait_s is not None:
            with self._lock:
                self._ends_s = max(self._ends_s, self._hours.ticks() + wait_s)

    def wait(self, left: _Patience) -> None:
        """Wait for its end."""
        wait_s = self._ends_s - self._hours.ticks()
        if wait_s > 0:
            left.pause(wait_s, f"it wants to be left alone for {wait_s:.0f} s")


class _Rate:
    """A bucket of one second's tokens, so that a burst at the turn of a minute is not twice what is allowed."""

    def __init__(self, per_minute: int, hours: Hours) -> None:
        self._per_s = per_minute / 60
        self.turn_s = 1 / self._per_s
        self._most = max(1.0, self._per_s)
        self._hours = hours
        self._left, self._then_s = self._most, hours.ticks()
        self._lock = threading.Lock()

    def take(self, left: _Patience) -> None:
        """Wait for one's turn. Who cannot wait takes none."""
        with self._lock:
            now_s = self._hours.ticks()
            tokens = min(self._most, self._left + (now_s - self._then_s) * self._per_s) - 1
            wait_s = max(-tokens / self._per_s, 0.0)
            if wait_s and wait_s > left.left_s + _SLACK_S:
                raise _Impatient(f"{-tokens:.0f} calls wait for their turn already (per_minute)", wait_s)
            self._left, self._then_s = tokens, now_s
        if wait_s:
            self._hours.pause(wait_s)


class _Breaker:
    """Counts calls that failed, in a row. While it is open one call at a time may try."""

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
                    retry_s=self._next_s - now_s,
                )
            self._next_s = now_s + _PAUSE_S

    def leave(self) -> None:
        """Who was to try did not: another may."""
        with self._lock:
            self._next_s = self._ticks()

    def note(self, is_well: bool) -> None:
        with self._lock:
            self._failures = 0 if is_well else self._failures + 1
            if self._failures >= _FAILURES:
                self._next_s = self._ticks() + _PAUSE_S


def _retry_s(told: str, now_ms: int) -> float | None:
    """What `Retry-After` says, seconds or a date; nothing that nobody can read, and an hour at the most."""
    told = told.strip()
    if told.isascii() and told.isdigit():
        wait_s = float(told[:9])
    else:
        try:
            at = parsedate_to_datetime(told)
        except ValueError:
            return None
        wait_s = at.replace(tzinfo=at.tzinfo or dt.UTC).timestamp() - now_ms / 1000
    return min(max(wait_s, 0.0), _LONGEST_HOLD_S)
