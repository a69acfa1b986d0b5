"""Pushes: what is the carrier's is on disk before it is thanked for; what is not leaves no trace in the log."""

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from waypost.access.sealing import Seal
from waypost.app.carriers import contract_at
from waypost.carriers.adapters import list_adapters
from waypost.engines.local.home import LocalHome, open_home
from waypost.model.errors import BadInput, NotFound, StorageFull
from waypost.model.instants import OffsetSource
from waypost.testing import Clock
from waypost.testing.carriers.faking import FakeScan
from waypost.testing.carriers.yto import FakeYto
from waypost.track.carriers import Push
from waypost.track.fold import StatusFold
from waypost.track.pushes import Arrived, Outcome, OutcomeCount, Pushes, RawPush, RawPushes, Taken
from waypost.track.reception import Reception
from waypost.track.tables import bundled_tables

NONCES = iter(range(1 << 60))
SEAL = Seal({1: b"k" * 32}, lambda size: next(NONCES).to_bytes(size))


class Door:
    """YTO's pushes into a home, without HTTP."""

    def __init__(self, home: LocalHome, fake: FakeYto, clock: Clock) -> None:
        self.home, self.fake, self.clock = home, fake, clock
        self.told: list[Taken] = []
        self.reception = Reception(
            home.memory, lambda pairs: [("Asia/Shanghai", OffsetSource.CARRIER)] * len(pairs), clock
        )
        self.raw = RawPushes(home.memory.records, lambda: SEAL)
        self.contract = contract_at(fake, list_adapters()["yto"])
        assert self.contract.reader is not None
        self.pushes = Pushes({"yto": self.contract.reader}, self.reception, self.raw)
        self.number = fake.make("REFERENCE1").number

    def kept(self) -> list[RawPush]:
        """All that is kept, opened."""
        return [self.raw.open(each.id) for each in self.raw.list_page(None, None, None, 100)[0]]

    def write(self, *scans: FakeScan) -> Push:
        asked = self.fake.write_push(self.fake.parcels[self.number], list(scans))
        return Push(headers=asked.headers, query="", body=asked.body, received_ms=self.clock())

    def is_thanked(self, push: Push) -> bool:
        [taken] = self.pushes.take([Arrived("yto", push)])
        self.told.append(taken)
        reply = taken.reply
        return self.fake.is_thanked(reply.status, reply.body)

    def scan(self, code: str = "GOT", hours: int = 2) -> FakeScan:
        return FakeScan(code=code, at_ms=self.clock.now_ms // 1000 * 1000 - hours * 3_600_000)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    clock = Clock()
    home = open_home(tmp_path / "home", StatusFold(bundled_tables()))
    with FakeYto(clock=clock) as fake:
        door = Door(home, fake, clock)
        yield door
        door.contract.caller.close()
    home.close()


def test_a_push_is_in_the_log_when_it_is_thanked_for(door: Door) -> None:
    push = door.write(door.scan())
    assert door.is_thanked(push)
    assert door.home.memory.log.position() == 1
    assert [(taken.outcome, taken.scans, taken.refused) for taken in door.told] == [(Outcome.TAKEN, 1, 0)]
    [raw] = door.kept()
    kept = raw.kept
    assert (kept.account, kept.outcome, raw.body, kept.received_ms) == ("yto", Outcome.TAKEN, push.body, door.clock())
    assert (kept.scans, kept.refused, kept.why) == (1, 0, "")


def test_the_same_body_is_thanked_for_again_and_not_read_again(door: Door) -> None:
    push = door.write(door.scan())
    assert door.is_thanked(push)
    door.clock.move(hours=1)
    assert door.is_thanked(msgspec.structs.replace(push, received_ms=door.clock()))
    assert [taken.outcome for taken in door.told] == [Outcome.TAKEN, Outcome.REPEATED]
    assert door.home.memory.log.position() == 1
    assert door.raw.count() == 1


def test_a_forged_push_leaves_nothing(door: Door) -> None:
    push = door.write(door.scan())
    place = push.body.index(door.number.encode())
    forged = msgspec.structs.replace(push, body=push.body[:place] + b"X" + push.body[place + 1 :])
    assert not door.is_thanked(forged)
    assert [taken.outcome for taken in door.told] == [Outcome.FORGED]
    assert (door.home.memory.log.position(), door.raw.count()) == (0, 0)
    assert door.is_thanked(push)  # and it stands in nobody's way


def test_a_signed_push_that_says_nothing_readable_is_kept_as_it_came(door: Door) -> None:
    late = FakeScan(code="GOT", at_ms=door.clock.now_ms + 40 * 86_400_000)  # from a clock that runs ahead
    push = door.write(late)
    door.is_thanked(push)
    assert door.home.memory.log.position() == 0
    assert door.told[0].outcome in (Outcome.PARTLY, Outcome.UNREADABLE)
    assert [raw.body for raw in door.kept()] == [push.body]


def test_what_is_kept_cannot_be_read_in_the_database(door: Door, tmp_path: Path) -> None:
    push = door.write(door.scan())
    assert door.is_thanked(push)
    door.home.close()
    for file in (tmp_path / "home").rglob("*.sqlite*"):
        assert push.body[:40] not in file.read_bytes()


def test_what_was_refused_in_part_is_read_again(door: Door) -> None:
    push = door.write(FakeScan(code="GOT", at_ms=door.clock.now_ms + 3 * 86_400_000))  # of a clock that runs ahead
    door.is_thanked(push)
    assert door.told[0].outcome is Outcome.PARTLY
    assert door.told[0].why
    door.clock.move(days=2)
    assert door.is_thanked(msgspec.structs.replace(push, received_ms=door.clock()))
    assert door.told[1].outcome is Outcome.TAKEN
    assert door.home.memory.log.position() == 1
    assert [raw.kept.outcome for raw in door.kept()] == [Outcome.TAKEN]


def test_without_room_a_carrier_is_told_to_come_again(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise StorageFull("No room left.")

    push = door.write(door.scan())
    with monkeypatch.context() as patch:
        patch.setattr(door.home.memory.log, "append", refuse)
        assert not door.is_thanked(push)
    assert [taken.outcome for taken in door.told] == [Outcome.FAILED]
    assert door.raw.count() == 0
    assert door.is_thanked(push)
    assert door.home.memory.log.position() == 1


def test_what_was_in_the_log_but_not_kept_is_taken_again_and_counts_once(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server leaves it that dies in between."""

    def refuse(*_: object, **__: object) -> None:
        raise StorageFull("No room left.")

    push = door.write(door.scan())
    with monkeypatch.context() as patch:
        patch.setattr(door.raw, "keep", refuse)
        assert not door.is_thanked(push)
    assert door.is_thanked(push)
    assert door.home.memory.log.position() == 2
    assert door.home.memory.index.catch_up(2, 60)
    assert door.home.memory.index.timelines([door.number]).num_rows == 1


def test_pushes_that_come_together_are_all_kept(door: Door) -> None:
    pushes = [door.write(door.scan(hours=hours)) for hours in range(1, 25)]
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda push=push: answers.append(door.is_thanked(push))) for push in pushes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 24
    assert door.home.memory.log.position() == 24
    assert {raw.body for raw in door.kept()} == {push.body for push in pushes}


def test_of_pushes_that_come_together_each_is_told_its_own(door: Door) -> None:
    """One refused, one that was taken before, one forged, and good ones, in one batch."""
    before = door.write(door.scan(hours=30))
    assert door.is_thanked(before)
    ahead = door.write(FakeScan(code="GOT", at_ms=door.clock.now_ms + 3 * 86_400_000))
    good = [door.write(door.scan(hours=hours)) for hours in (1, 2)]
    forged = msgspec.structs.replace(good[0], body=good[0].body.replace(b"GOT", b"BAD"))
    all_ = [Arrived("yto", push) for push in (good[0], before, ahead, forged, good[1])]
    taken = door.pushes.take(all_)
    assert [one.outcome for one in taken] == [
        *(Outcome.TAKEN, Outcome.REPEATED, Outcome.PARTLY, Outcome.FORGED, Outcome.TAKEN)
    ]
    assert [(one.scans, one.refused) for one in taken] == [(1, 0), (0, 0), (0, 1), (0, 0), (1, 0)]
    assert [bool(one.why) for one in taken] == [False, False, True, True, False]
    assert door.home.memory.log.position() == 3
    assert {raw.body: raw.kept.outcome for raw in door.kept()} == {
        before.body: Outcome.TAKEN,
        good[0].body: Outcome.TAKEN,
        ahead.body: Outcome.PARTLY,
        good[1].body: Outcome.TAKEN,
    }


def test_old_ones_are_forgotten(door: Door) -> None:
    assert door.is_thanked(door.write(door.scan(hours=3)))
    door.clock.move(days=2)
    assert door.is_thanked(door.write(door.scan(hours=1)))
    assert door.raw.forget(door.clock() - 86_400_000) == 1
    assert door.raw.count() == 1


def test_a_body_that_was_forgotten_is_taken_again_and_changes_nothing(door: Door) -> None:
    push = door.write(door.scan())
    assert door.is_thanked(push)
    assert door.raw.forget(door.clock() + 1) == 1
    assert door.is_thanked(push)
    assert [taken.outcome for taken in door.told] == [Outcome.TAKEN, Outcome.TAKEN]
    assert door.raw.count() == 1
    assert door.home.memory.index.catch_up(door.home.memory.log.position(), 60)
    assert door.home.memory.index.timelines([door.number]).num_rows == 1
    assert door.home.memory.history.run(lambda scans: scans).num_rows == 1


def test_many_are_forgotten_some_at_a_time(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.track.pushes._AT_ONCE", 2)
    for hours in range(5):
        door.raw.keep([Arrived("other", door.write(door.scan(hours=hours)), Outcome.UNREADABLE)])
    assert door.raw.forget(None) == 5
    assert door.raw.count() == 0


def test_one_account_is_forgotten_and_the_others_stay(door: Door) -> None:
    assert door.is_thanked(door.write(door.scan()))
    door.raw.keep([Arrived("other", door.write(door.scan()), Outcome.UNREADABLE, why="x" * 900)])
    assert (door.raw.count(account="other"), door.raw.count(door.clock()), door.raw.count()) == (1, 0, 2)
    assert door.raw.forget(None, "other") == 1
    assert [raw.kept.account for raw in door.kept()] == ["yto"]


def test_pushes_are_listed_page_by_page_newest_first(door: Door) -> None:
    bodies = [door.write(door.scan(hours=hours)) for hours in range(3, 8)]
    for place, push in enumerate(bodies):
        door.clock.move(minutes=place % 2)  # some come at the same instant
        assert door.is_thanked(msgspec.structs.replace(push, received_ms=door.clock()))
    door.raw.keep([Arrived("other", bodies[0], Outcome.UNREADABLE)])
    seen, after = [], None
    while True:
        page, after = door.raw.list_page(["yto"], None, after, 2)
        seen += page
        if after is None:
            break
    assert len({each.id for each in seen}) == len(seen) == 5
    assert [each.received_ms for each in seen] == sorted((each.received_ms for each in seen), reverse=True)
    assert [each.account for each in door.raw.list_page(None, Outcome.UNREADABLE, None, 9)[0]] == ["other"]
    with pytest.raises(BadInput, match="none of ours"):
        door.raw.list_page(None, None, "guess", 2)
    with pytest.raises(NotFound, match="no push"):
        door.raw.open("0" * 32)


def test_pushes_are_counted_by_account_and_outcome(door: Door) -> None:
    push = door.write(door.scan())
    forged = msgspec.structs.replace(push, body=push.body.replace(b"GOT", b"BAD"))
    for each in (push, push, forged):
        door.is_thanked(each)
    assert door.raw.count_since(door.clock()) == [OutcomeCount("yto", Outcome.TAKEN, 1)]
    assert door.raw.count_since(door.clock() + 1) == []
    assert door.pushes.count_unkept() == [
        OutcomeCount("yto", Outcome.FORGED, 1),
        OutcomeCount("yto", Outcome.REPEATED, 1),
    ]
    assert door.pushes.list_accounts() == ["yto"]


def test_an_account_that_nobody_has_is_not_found(door: Door) -> None:
    with pytest.raises(NotFound, match="'sto'"):
        door.pushes.take([Arrived("sto", door.write(door.scan()))])
