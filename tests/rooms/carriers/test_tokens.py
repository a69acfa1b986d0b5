"""Tokens: kept, renewed before they end, and once when a call is refused for one."""

import itertools
import threading

import pytest
from tests.rooms.carriers.scripted import Clock

from waypost.carriers.calling import Answer, Call
from waypost.carriers.tokens import Token, Tokens, put_bearer
from waypost.track.carriers import CarrierUnreachable, InDoubt

CALL = Call(operation="any")


class Carrier:
    """Lends tokens of an hour, and takes those that are not `ended`."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.count = itertools.count(1)
        self.lent = 0
        self.ended: set[str] = set()
        self.asked: list[str] = []
        self.tokens = Tokens(self.clock.hours, self.fetch, put=put_bearer, send=self.send)

    def fetch(self) -> Token:
        self.lent = next(self.count)
        return Token(text=f"t{self.lent}", lasts_s=3600)

    def send(self, call: Call) -> Answer:
        token = call.headers["authorization"].removeprefix("Bearer ")
        self.asked.append(token)
        return Answer(status=401 if token in self.ended or "all" in self.ended else 200, body=b"", content_type="")


def test_one_token_serves_many_calls() -> None:
    carrier = Carrier()
    for _ in range(3):
        assert carrier.tokens.call(CALL).status == 200
    assert carrier.asked == ["t1"] * 3


@pytest.mark.parametrize(("after_s", "lent"), [(3299, 1), (3300, 2), (90_000, 2)])
def test_it_is_renewed_before_it_ends(after_s: float, lent: int) -> None:
    carrier = Carrier()
    carrier.tokens.get()
    carrier.clock.now_s += after_s
    carrier.tokens.get()
    assert carrier.lent == lent


def test_a_refused_one_is_renewed_once() -> None:
    carrier = Carrier()
    carrier.tokens.call(CALL)
    carrier.ended.add("t1")
    assert carrier.tokens.call(CALL).status == 200
    assert carrier.asked == ["t1", "t1", "t2"]


def test_tokens_are_not_wasted_on_what_they_cannot_mend() -> None:
    carrier = Carrier()
    carrier.ended.add("all")
    for _ in range(5):
        assert carrier.tokens.call(CALL).status == 401
    assert carrier.lent == 2
    carrier.clock.now_s += 61
    carrier.ended.clear()
    carrier.ended.add("t2")
    assert carrier.tokens.call(CALL).status == 200


def test_threads_get_one_new_token_together() -> None:
    """The carrier lends the second one when all of them were refused the first."""
    carrier, threads = Carrier(), 8
    carrier.tokens.get()
    carrier.ended.add("t1")
    send, refused = carrier.send, threading.Barrier(threads)

    def send_together(call: Call) -> Answer:
        answer = send(call)
        if answer.status == 401:
            refused.wait(10)
        return answer

    carrier.tokens._send = send_together
    asking = [threading.Thread(target=carrier.tokens.call, args=(CALL,)) for _ in range(threads)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert carrier.lent == 2
    assert sorted(carrier.asked) == ["t1"] * threads + ["t2"] * threads


def test_a_token_in_doubt_is_no_order_in_doubt() -> None:
    carrier = Carrier()

    def fetch() -> Token:
        raise InDoubt("no answer (ReadTimeout), 3 times", channel="any oauth2 (main)", retry_s=5)

    carrier.tokens._fetch = fetch
    with pytest.raises(CarrierUnreachable, match="no answer") as caught:
        carrier.tokens.call(CALL)
    assert not isinstance(caught.value, InDoubt)
    assert caught.value.retry_s == 5
