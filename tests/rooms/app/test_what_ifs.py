"""What-ifs are answered by the twin, in a process of its own."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from waypost.app import what_ifs
from waypost.app.what_ifs import TwinWhatIfs
from waypost.model.errors import BadInput, NotFound, TooMany
from waypost.twin.world import make_world
from waypost.web.what_ifs import AddFront, Change, ChangeRoom, CloseHub, MoreDemand, MoveCutOff, Question, Stage, WhatIf

FROM_MS = 1_795_305_600_000  # 2026-11-22
LONG_S = 240.0
WORLD = make_world(1, 3_000)
HUB = "yto/" + next(code for _, code, _ in WORLD.capacities())


@pytest.fixture
def twin() -> Iterator[TwinWhatIfs]:
    made = TwinWhatIfs(WORLD)
    yield made
    made.stop()


def question(*changes: Change, from_ms: int = FROM_MS) -> Question:
    return Question(changes=changes, from_ms=from_ms, days=0.25)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def answered(twin: TwinWhatIfs, asked: WhatIf) -> WhatIf:
    wait_for(lambda: twin.get(asked.id).stage in (Stage.DONE, Stage.FAILED))
    return twin.get(asked.id)


def processes() -> list[int]:
    """The processes of this one that answer."""
    return [int(each) for each in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()] + [
        int(child)
        for task in Path("/proc/self/task").iterdir()
        if task.name != str(os.getpid())
        for child in (task / "children").read_text().split()
    ]


@pytest.mark.timeout(300)
def test_it_says_what_changes_do(twin: TwinWhatIfs) -> None:
    twin.start()
    closed = twin.ask(question(CloseHub(hub=HUB, until_hour=24)), "key:1", FROM_MS)
    more = twin.ask(question(MoreDemand(percent=100)), "key:2", FROM_MS)
    first = answered(twin, closed)
    assert (first.stage, first.why, first.share) == (Stage.DONE, None, 1.0)
    assert first.answer is not None
    assert first.answer.base.parcels > 50
    assert first.answer.later > first.answer.earlier
    assert first.answer.base.cost.all == first.answer.base.cost.linehaul + first.answer.base.cost.sorting + (
        first.answer.base.cost.delivery
    )
    assert first.answer.first_hour_ms == FROM_MS + 3_600_000  # what waits when an hour is over
    second = answered(twin, more).answer
    assert second is not None
    assert second.base == first.answer.base
    assert second.added > 0.7 * second.base.parcels
    assert [each.id for each in twin.list_all()] == [more.id, closed.id]


def test_what_cannot_be_is_refused_before_it_waits(twin: TwinWhatIfs) -> None:
    for changes, word in (
        ((CloseHub(hub="yto/nowhere", until_hour=1),), "nowhere"),
        ((CloseHub(hub=HUB, from_hour=5, until_hour=5),), "closed until before"),
        ((ChangeRoom(hub=HUB, towards=HUB, times=2),), "nothing goes from"),
        ((MoveCutOff(hub="nobody", minutes=5),), "nobody"),
    ):
        with pytest.raises(BadInput, match=word):
            twin.ask(question(*changes), "key:1", FROM_MS)
    with pytest.raises(BadInput, match="2020"):
        twin.ask(question(MoreDemand(percent=1), from_ms=0), "key:1", FROM_MS)
    assert twin.list_all() == []


def test_only_so_many_wait(twin: TwinWhatIfs) -> None:
    front = AddFront(latitude=30, longitude=120, radius_km=100, slower=2, hours=3)
    asked = [twin.ask(question(front), "key:1", FROM_MS) for _ in range(6)]
    with pytest.raises(TooMany):
        twin.ask(question(front), "key:1", FROM_MS)
    twin.drop(asked[0].id)
    twin.ask(question(front), "key:1", FROM_MS)
    with pytest.raises(NotFound, match="newest"):
        twin.get(asked[0].id)


def test_only_so_many_are_kept(twin: TwinWhatIfs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(what_ifs, "_MOST_KEPT", 2)
    asked = []
    for _ in range(4):
        asked.append(twin.ask(question(MoreDemand(percent=1)), "key:1", FROM_MS))
        twin._note(asked[-1].id, stage=Stage.FAILED)
    assert [each.id for each in twin.list_all()] == [asked[3].id, asked[2].id]


@pytest.mark.timeout(300)
def test_a_process_that_dies_is_told_and_the_next_is_answered(twin: TwinWhatIfs) -> None:
    before = set(processes())
    dies = twin.ask(question(MoreDemand(percent=1)), "key:1", FROM_MS)
    twin.start()
    wait_for(lambda: twin.get(dies.id).share > 0)
    for each in set(processes()) - before:
        if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes():
            os.kill(each, signal.SIGKILL)
    failed = answered(twin, dies)
    assert failed.stage is Stage.FAILED
    assert failed.why is not None
    assert "ended by itself (-9)" in failed.why
    assert answered(twin, twin.ask(question(MoreDemand(percent=1)), "key:1", FROM_MS)).stage is Stage.DONE


@pytest.mark.timeout(300)
def test_one_that_is_let_be_or_stopped_leaves_no_process(twin: TwinWhatIfs) -> None:
    before = set(processes())

    def running() -> set[int]:
        return {
            each for each in set(processes()) - before if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()
        }

    twin.start()
    for end in (twin.drop, lambda _: twin.stop()):
        asked = twin.ask(question(MoreDemand(percent=1)), "key:1", FROM_MS)
        wait_for(lambda asked=asked: twin.get(asked.id).stage is Stage.RUNNING and running() != set())
        end(asked.id)
        wait_for(lambda: running() == set())
    assert running() == set()
