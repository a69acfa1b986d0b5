"""A carrier that answers what it is told to, and hours that a test moves by hand: nothing here waits."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from waypost.carriers.accounts import Account, Secret
from waypost.carriers.adapters import Contract, list_adapters, open_contract
from waypost.carriers.calling import Caller, Hours
from waypost.testing.carriers.faking import Asked, Fake, Told

NOW_MS = 1_767_323_045_000


class Canned(Fake):
    """Answers what stands in `answers`, one each, and keeps what it was asked."""

    name: ClassVar[str] = "canned"

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW_MS)
        self.answers: deque[Told] = deque()
        self.asked: list[Asked] = []

    def will_answer(self, *answers: object) -> None:
        for answer in answers:
            body = answer if isinstance(answer, bytes) else json.dumps(answer, ensure_ascii=False).encode()
            self.answers.append(Told(body=body))

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        self.asked.append(asked)
        return self.answers.popleft()

    def bodies(self) -> list[Any]:
        """The bodies that came, as JSON."""
        return [json.loads(asked.body) for asked in self.asked]


class HandClock:
    """Moves when somebody pauses, or by hand. What calls by it is closed with the test."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.pauses: list[float] = []
        self.callers: list[Caller] = []

    def pause(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        self.now_s += pause_s

    def hours(self, chance: float = 1.0) -> Hours:
        return Hours(now_ms=lambda: NOW_MS, ticks=lambda: self.now_s, pause=self.pause, chance=lambda: chance)

    def caller(self, account: Account, chance: float = 1.0) -> Caller:
        self.callers.append(Caller(account, self.hours(chance)))
        return self.callers[-1]


@pytest.fixture
def carrier() -> Iterator[Canned]:
    canned = Canned()
    with canned:
        yield canned


@pytest.fixture
def clock() -> Iterator[HandClock]:
    clock = HandClock()
    yield clock
    for caller in clock.callers:
        caller.close()


def contract_with(
    canned: Canned,
    clock: HandClock,
    carrier: str,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    adapter: str = "",
) -> Contract:
    """An account at the canned carrier, served by the adapter of another."""
    served_by = adapter or carrier
    account = Account(
        name="test",
        carrier=carrier,
        adapter=adapter,
        url=canned.url,
        settings=settings,
        secrets={name: Secret(text) for name, text in secrets.items()},
    )
    contract = open_contract(account, clock.hours(), {served_by: list_adapters()[served_by]})
    clock.callers.append(contract.caller)
    return contract
