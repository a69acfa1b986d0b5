"""Answers and pushes as the strict fakes of carriers write them, heard once and then given again and again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any
from urllib.parse import urlencode

import msgspec

from waypost.app.carriers import contract_at
from waypost.carriers.accounts import Account
from waypost.carriers.adapter import Operation
from waypost.carriers.adapters import list_adapters
from waypost.carriers.calling import Answer, Call, Caller, Hours
from waypost.testing.carriers import FakeScan
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Asked as Sent
from waypost.track.carriers import Asked, Push, PushReader, TrackSource

NOW_MS = 1_767_323_045_000
SCANS = 12
_HOUR_MS = 3_600_000
_HOURS = Hours(now_ms=lambda: NOW_MS)


class Heard(msgspec.Struct, frozen=True):
    """What a carrier says.

    Attributes:
        asked: after which waybills, in one question; none if it cannot be asked.
        source: gives the same answers each time.
        pushes: about the same scans; none if it does not push.
        reader: of them.
        answers: bodies by operation, as they came.
    """

    asked: Sequence[Asked]
    source: TrackSource
    pushes: Sequence[Push]
    reader: PushReader
    answers: Mapping[str, Sequence[bytes]]


class _Listening(Caller):
    """Keeps the answers."""

    def __init__(self, account: Account) -> None:
        super().__init__(account, _HOURS)
        self.heard: defaultdict[str, list[Answer]] = defaultdict(list)

    def call(self, call: Call) -> Answer:
        answer = super().call(call)
        self.heard[call.operation].append(answer)
        return answer


class _Repeating(Caller):
    """Gives the answers of each operation in their order, and from the beginning again."""

    def __init__(self, account: Account, heard: Mapping[str, Sequence[Answer]]) -> None:
        super().__init__(account, _HOURS)
        self._answers = {operation: cycle(answers) for operation, answers in heard.items()}

    def call(self, call: Call) -> Answer:
        return next(self._answers[call.operation])


def list_names() -> list[str]:
    """The carriers that can be asked for scans, or push them, by adapters of ours."""
    adapters = list_adapters()
    wanted = {Operation.TRACK, Operation.PUSH}
    return [name for name in FAKES if wanted & adapters[name].operations.keys()]


def hear(name: str, **settings: str) -> Heard:
    """Have a fake tell of as many parcels as one question takes, `SCANS` scans of each.

    Args:
        settings: of the account, in place of those that the fake gives.
    """
    adapter = list_adapters()[name]
    can_be_asked, pushes = Operation.TRACK in adapter.operations, Operation.PUSH in adapter.operations
    with FAKES[name].kind(clock=lambda: NOW_MS) as fake:
        contract = contract_at(fake, adapter)
        account = msgspec.structs.replace(contract.account, settings={**contract.account.settings, **settings})
        most = contract.source.most_at_once if contract.source else 1
        numbers = [fake.make(f"BENCH{count:08d}").number for count in range(most)]
        for count, number in enumerate(numbers):
            fake.move(number, *list_scans(name, count))
        asked = [Asked(number=number, phone_tail=fake.parcels[number].phone[-4:] or None) for number in numbers]
        contract.caller.close()
        if Operation.SUBSCRIBE in adapter.operations:  # some answer nobody else
            adapter.make(caller := Caller(account, _HOURS)).subscribe(asked)
            caller.close()
        listening = _Listening(account)
        if can_be_asked:
            adapter.make(listening).track(asked)
        listening.close()
        told = [push_of(each) for number in numbers for each in fake.write_pushes(number)] if pushes else []
    speaks: Any = adapter.make(_Repeating(account, listening.heard))
    answers = {what: [answer.body for answer in each] for what, each in listening.heard.items()}
    return Heard(asked if can_be_asked else [], speaks, told, speaks, answers)


def push_of(sent: Sent) -> Push:
    """What a fake would send, as it comes in."""
    return Push(headers=sent.headers, query=urlencode(sent.query), body=sent.body, received_ms=NOW_MS)


def list_scans(name: str, parcel: int) -> list[FakeScan]:
    """What happened to a parcel: picked up, under way, delivered; all within two days."""
    first, way, last = FAKES[name].codes
    codes = [first, *[way] * (SCANS - 2), last]
    begun_ms = NOW_MS // 1000 * 1000 - 40 * _HOUR_MS + parcel % 3600 * 1000
    return [FakeScan(code=code, at_ms=begun_ms + step * 3 * _HOUR_MS) for step, code in enumerate(codes)]
