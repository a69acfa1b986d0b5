"""Tokens that carriers lend for some hours: got once, put on every call, got anew before they end.

A token may end before its time, so a call that is refused for it is made once more with a new one. Some carriers end
the old token when they give a new one: many threads get one new token, not one each.
"""

import threading
from collections.abc import Callable
from typing import ClassVar

import msgspec

from waypost.carriers.calling import Answer, Call, Hours
from waypost.model.guarded import Guarded
from waypost.track.carriers import CarrierUnreachable, InDoubt

#: Renewed so long before it ends, or a tenth of its time if that is less.
_EARLY_S = 300.0
#: A new token that is refused as well was not the trouble; for so long nobody tries that again.
_VAIN_S = 60.0


class Token(Guarded, frozen=True, kw_only=True):
    """A token, and for how long it is lent."""

    SHOWN: ClassVar[tuple[str, ...]] = ("lasts_s",)

    text: str
    lasts_s: float


class Tokens:
    """The token of one account.

    Args:
        fetch: asks the carrier for a new one.
        put: a call with the token on it.
        send: makes the call.
        is_stale: whether an answer says that the token is no good.
    """

    def __init__(
        self,
        hours: Hours,
        fetch: Callable[[], Token],
        *,
        put: Callable[[Call, str], Call],
        send: Callable[[Call], Answer],
        is_stale: Callable[[Answer], bool] = lambda answer: answer.status == 401,
    ) -> None:
        self._hours = hours
        self._fetch = fetch
        self._put = put
        self._send = send
        self._is_stale = is_stale
        self._token: Token | None = None
        self._ends_s = self._patient_until_s = float("-inf")
        self._lock = threading.Lock()

    def get(self) -> str:
        """One that is good by the clock."""
        with self._lock:
            if self._token is None or self._hours.ticks() >= self._ends_s:
                self._take_new()
            assert self._token is not None
            return self._token.text

    def call(self, call: Call) -> Answer:
        """The answer to a call with the token on it.

        Raises:
            CarrierError: no token was given, or what `send` raises.
        """
        text = self.get()
        answer = self._send(self._put(call, text))
        if not self._is_stale(answer) or self._hours.ticks() < self._patient_until_s:
            return answer
        answer = self._send(self._put(call, self._get_other(text)))
        if self._is_stale(answer):
            self._patient_until_s = self._hours.ticks() + _VAIN_S
        return answer

    def _get_other(self, refused: str) -> str:
        with self._lock:
            if self._token is None or self._token.text == refused:
                self._take_new()
            assert self._token is not None
            return self._token.text

    def _take_new(self) -> None:
        begun_s = self._hours.ticks()
        try:
            self._token = token = self._fetch()
        except InDoubt as error:  # only a token is in doubt, and not what it was wanted for
            raise CarrierUnreachable(
                error.why, channel=error.channel, mend="Try again later.", retry_s=error.retry_s
            ) from error
        self._ends_s = begun_s + token.lasts_s - min(_EARLY_S, token.lasts_s / 10)


def put_bearer(call: Call, token: str) -> Call:
    """A call with a bearer token on it."""
    return msgspec.structs.replace(call, headers={**call.headers, "authorization": f"Bearer {token}"})
