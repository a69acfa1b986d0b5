"""The follower: it takes in what comes, goes on after errors that pass, tells of them meanwhile, and ends in time."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.engines.homes import FOLD, merge_soon
from tests.rooms.engines.scan_batches import batch
from tests.rooms.engines.test_runs import FailingDisk

from waypost.engines.local import follow
from waypost.engines.local.catalogue import find_mergeable
from waypost.engines.local.follow import Follower
from waypost.engines.local.history import ParquetHistory
from waypost.engines.local.index import LedgerIndex
from waypost.engines.local.ledger import Ledger, PieceWriter
from waypost.engines.local.log import SegmentLog
from waypost.model.errors import Conflict, StorageFull, StoreDamaged, StoreError
from waypost.store.protocols import Frame

#: No test waits so long unless it fails.
LONG_S = 60.0


class SickDisk(FailingDisk):
    """Fails in every step while it is sick."""

    is_sick = False

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if self.is_sick:
            raise OSError(28, "No space left on device")


class House:
    """The parts of a home that a follower knows."""

    def __init__(self, path: Path) -> None:
        for part in ("log", "index", "history"):
            (path / part).mkdir()
        self.disk = SickDisk()
        self.log = SegmentLog(path / "log")
        self.ledger = Ledger(path / "index", FOLD, disk=self.disk)
        self.index = LedgerIndex(self.ledger, FOLD, self.log)
        self.history = ParquetHistory(path / "history", self.ledger)
        self.follower: Follower | None = None

    def follow(self) -> Follower:
        self.follower = Follower(self.log, self.ledger, self.history, self.index)
        return self.follower

    def append(self, count: int, each: int = 0) -> None:
        begin = self.log.position()
        for start in range(begin, begin + count, each or count):
            self.log.append(batch(start, each or count))

    def caught_up(self) -> bool:
        return self.index.catch_up(self.log.position(), LONG_S)

    def scans(self) -> int:
        return sum(run.rows for run in self.ledger.catalogue.runs)


def wait_for(condition: Callable[[], bool]) -> None:
    """Until a condition holds, looked at now and then."""
    until = time.monotonic() + LONG_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < until
        pause.wait(0.005)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Runs of it are merged soon, and it is not patient."""
    merge_soon(monkeypatch)
    monkeypatch.setattr(follow, "_FIRST_PATIENCE_S", 0.01)
    monkeypatch.setattr(follow, "_LAST_PATIENCE_S", 0.05)
    house = House(tmp_path)
    yield house
    house.disk.is_sick = False
    house.log.close()
    if house.follower:
        house.follower.stop(LONG_S)
    house.ledger.close()
    house.history.close()


@contextmanager
def failing(house: House, monkeypatch: pytest.MonkeyPatch, method: str, error: Exception) -> Iterator[list[int]]:
    """A part of the ledger that fails; gives how often it was asked."""
    asked = [0]

    def fail(*args: object) -> None:
        asked[0] += 1
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(house.ledger, method, fail)
        yield asked


# What comes


def test_what_is_there_and_what_comes_is_taken_in(house: House) -> None:
    house.append(250, each=50)
    house.follow()
    assert house.caught_up()
    for _ in range(3):
        house.append(70)
        assert house.caught_up()
        assert house.index.position() == house.log.position()
    assert house.scans() == 460
    assert house.index.failure is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
def test_its_threads_give_way_to_those_that_somebody_waits_for(house: House) -> None:
    house.append(10)
    house.follow()
    assert house.caught_up()
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    for name in ("indexing", "merging", "arranging_0"):
        thread = next(thread for thread in threading.enumerate() if thread.name == name)
        assert thread.native_id is not None
        assert os.getpriority(os.PRIO_PROCESS, thread.native_id) == min(mine + follow._NICENESS, 19)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine


def test_runs_are_merged_into_history_beside_it(house: House) -> None:
    house.follow()
    for _ in range(12):
        house.append(60)
        assert house.caught_up()
    wait_for(lambda: find_mergeable(house.ledger.catalogue.runs) is None)
    catalogue = house.ledger.catalogue
    assert catalogue.pieces
    assert sum(piece.rows for piece in catalogue.pieces) == sum(run.rows for run in catalogue.runs if not run.raw) > 0
    assert house.scans() == 720
    assert house.history.run(lambda scans: scans.count()).column(0)[0].as_py() == 720


def test_many_frames_that_wait_are_taken_in_together(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "BATCH_ROWS", 100)
    house.append(400, each=40)
    taken: list[list[int]] = []
    apply = house.ledger.apply

    def noting(frames: Sequence[Frame], arranged: Any) -> None:
        taken.append([frame.scans.num_rows for frame in frames])
        apply(frames, arranged)

    monkeypatch.setattr(house.ledger, "apply", noting)
    house.follow()
    assert house.caught_up()
    assert taken == [[40, 40, 40]] * 3 + [[40]]


class Clock:
    """Goes on only when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


def slow(house: House, monkeypatch: pytest.MonkeyPatch, takes_s: float) -> list[int]:
    """Let each batch take so long, by a clock that stands still else; the list gets how many scans it had.

    A rest may be as long as no test waits.
    """
    clock, taken = Clock(), list[int]()
    apply = house.ledger.apply

    def noting(frames: Sequence[Frame], arranged: Any) -> None:
        apply(frames, arranged)
        taken.append(sum(frame.scans.num_rows for frame in frames))
        clock.now_s += takes_s

    monkeypatch.setattr(follow, "time", clock)
    monkeypatch.setattr(follow, "_MOST_REST_S", 10 * LONG_S)
    monkeypatch.setattr(house.ledger, "apply", noting)
    return taken


def test_what_comes_while_it_rests_is_taken_in_together(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes alone is shown at once."""
    taken = slow(house, monkeypatch, 10 * LONG_S)
    house.follow()
    house.append(10)
    assert house.caught_up()
    for _ in range(6):
        house.append(15)
    assert taken == [10]
    stopping(house, LONG_S).join(LONG_S)
    assert (taken, house.index.position()) == ([10, 90], 100)


def test_it_rests_no_longer_than_it_worked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = slow(house, monkeypatch, 0.01)
    house.follow()
    for _ in range(4):
        house.append(15)
        assert house.caught_up()
    wait_for(lambda: len(taken) == 4)  # written down a moment after look-ups see it
    assert taken == [15] * 4


def test_it_rests_no_longer_than_anyone_minds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    most_s = follow._MOST_REST_S
    assert most_s <= 0.1
    taken = slow(house, monkeypatch, 10 * LONG_S)
    monkeypatch.setattr(follow, "_MOST_REST_S", most_s)
    house.follow()
    for _ in range(3):
        house.append(15)
        assert house.caught_up()
    wait_for(lambda: len(taken) == 3)  # written down a moment after look-ups see it
    assert taken == [15] * 3


@pytest.mark.parametrize("waiting", [99, 100])
def test_it_does_not_rest_while_a_whole_batch_waits(
    house: House, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    monkeypatch.setattr(follow, "BATCH_ROWS", 100)
    taken = slow(house, monkeypatch, 10 * LONG_S)
    came, gate = gated(house, monkeypatch)
    house.append(10)
    house.follow()
    assert came.wait(LONG_S)
    house.append(waiting)
    gate.set()
    wait_for(lambda: len(taken) == (2 if waiting == 100 else 1))
    assert house.index.position() == (110 if waiting == 100 else 10)
    stopping(house, LONG_S).join(LONG_S)
    assert taken == [10, waiting]


def noting_well(house: House, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of which works it is told that they got on."""
    well: list[str] = []
    tell_well = house.index.tell_well

    def noting(work: str) -> None:
        tell_well(work)
        well.append(work)

    monkeypatch.setattr(house.index, "tell_well", noting)
    return well


def test_each_batch_and_each_merge_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And once at first that all is well, though there is nothing to do: else an error of a run before would stay."""
    well = noting_well(house, monkeypatch)
    merged, merge = list[int](), house.ledger.merge

    def noting(write_piece: PieceWriter) -> bool:
        assert well.count("merging") == len(merged)  # the one before is told before the next one
        is_merged = merge(write_piece)
        merged.extend([house.ledger.catalogue.position] if is_merged else ())
        return is_merged

    house.follow()
    wait_for(lambda: sorted(well) == ["indexing", "merging"])
    well.clear()
    monkeypatch.setattr(house.ledger, "merge", noting)
    for turn in range(1, 11):
        house.append(60)
        wait_for(lambda turn=turn: well.count("indexing") == turn)  # type: ignore[misc]
        wait_for(lambda: find_mergeable(house.ledger.catalogue.runs) is None)
    wait_for(lambda: well.count("merging") == len(merged))
    assert len(merged) > 1
    assert well.count("indexing") == 10


def test_the_first_success_after_an_error_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing was left to do."""
    with failing(house, monkeypatch, "merge", OSError(5, "Input/output error")) as asked:
        house.follow()
        wait_for(lambda: asked[0] > 1 and house.index.failures != [])
        well = noting_well(house, monkeypatch)
    wait_for(lambda: house.index.failures == [] and "merging" in well)
    tried = asked[0]
    house.append(10)
    assert house.caught_up()
    assert (well.count("merging"), house.index.failures, asked[0]) == (1, [], tried)


# Errors


def test_it_goes_on_when_there_is_room_again(house: House) -> None:
    """Who waits meanwhile is told, and look-ups stay as they are."""
    house.append(50)
    house.follow()
    assert house.caught_up()
    house.disk.is_sick = True
    house.append(50)
    with pytest.raises(StorageFull, match="No room left: indexing failed") as full:
        house.caught_up()
    assert "Make room; then it goes on" in str(full.value)
    steps = len(house.disk.steps)
    wait_for(lambda: len(house.disk.steps) > steps + 3)  # it tries again and again
    assert house.index.position() == 50
    assert house.index.states(["P3"]).column("scans").to_pylist() == [1]
    house.disk.is_sick = False
    wait_for(lambda: house.index.position() == 100)
    wait_for(lambda: house.index.failure is None)
    assert house.caught_up()
    assert house.scans() == 100


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (StoreDamaged("a.run: is not what was written."), StoreDamaged, "a.run: is not what was written."),
        (OSError(5, "Input/output error"), StoreError, "The disk failed: indexing"),
        (ValueError("seven"), StoreError, r"Indexing failed: ValueError\('seven'\)"),
        (AssertionError("the seed is known"), StoreError, "Indexing failed: AssertionError"),
    ],
    ids=["ours", "the disk's", "a fault", "an assertion"],
)
def test_an_error_is_told_as_ours_and_passes(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[StoreError], told: str
) -> None:
    with failing(house, monkeypatch, "apply", error) as asked:
        house.append(20)
        house.follow()
        with pytest.raises(kind, match=told):
            house.caught_up()
        wait_for(lambda: asked[0] > 3)
        assert house.index.position() == 0
    wait_for(lambda: house.index.position() == 20)
    wait_for(lambda: house.index.failure is None)
    assert house.scans() == 20


def fail_to_merge(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs wait to be merged, which fails some times; then it does not any more."""
    with failing(house, monkeypatch, "merge", OSError(5, "Input/output error")) as asked:
        house.follow()
        for turn in range(6):
            house.append(90)
            wait_for(lambda turn=turn: house.index.position() == 90 * (turn + 1))  # type: ignore[misc]
        before = asked[0]
        wait_for(lambda: asked[0] > before + 3)
        wait_for(lambda: house.index.failure is not None)
        assert "The disk failed: merging: " in str(house.index.failure)
    wait_for(lambda: bool(house.ledger.catalogue.pieces))
    wait_for(lambda: find_mergeable(house.ledger.catalogue.runs) is None)


def test_runs_that_could_not_be_merged_are_merged_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And scans are taken in all the while."""
    fail_to_merge(house, monkeypatch)
    house.append(10)
    wait_for(lambda: house.index.position() == 550)
    wait_for(lambda: house.index.failure is None)
    assert house.scans() == 550


def test_when_merging_goes_on_all_is_well_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_to_merge(house, monkeypatch)
    monkeypatch.setitem(globals(), "LONG_S", 2.0)
    wait_for(lambda: house.index.failure is None)
    merged = sum(piece.rows for piece in house.ledger.catalogue.pieces)
    assert (house.index.failures, house.index.position()) == ([], 540)
    assert 0 < merged <= house.scans() == 540


def test_that_merging_fails_is_told_while_scans_come(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_FIRST_PATIENCE_S", 30.0)
    monkeypatch.setattr(follow, "_LAST_PATIENCE_S", 30.0)
    with failing(house, monkeypatch, "merge", OSError(5, "Input/output error")) as asked:
        house.follow()
        wait_for(lambda: asked[0] == 1 and house.index.failure is not None)
        house.append(10)
        assert house.caught_up()
        assert house.index.failure is not None


# The end


def stopping(house: House, within_s: float) -> threading.Thread:
    """Stop it in a thread of its own."""
    assert house.follower is not None
    house.log.close()
    thread = threading.Thread(target=house.follower.stop, args=(within_s,))
    thread.start()
    wait_for(house.follower._stopping.is_set)
    return thread


def gated(house: House, monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Each batch waits at a gate; the other event says that one has come there."""
    came, gate = threading.Event(), threading.Event()
    apply = house.ledger.apply

    def wait_and_apply(frames: Sequence[Frame], arranged: Any) -> None:
        came.set()
        assert gate.wait(LONG_S)
        apply(frames, arranged)

    monkeypatch.setattr(house.ledger, "apply", wait_and_apply)
    return came, gate


@pytest.mark.parametrize(("within_s", "followed"), [(0.0, 20), (LONG_S, 400)], ids=["at once", "in a minute"])
def test_it_ends_in_its_time(house: House, monkeypatch: pytest.MonkeyPatch, within_s: float, followed: int) -> None:
    """What was begun is finished; what is not followed then is followed after the next start."""
    monkeypatch.setattr(follow, "BATCH_ROWS", 20)
    came, gate = gated(house, monkeypatch)
    house.append(400, each=20)
    follower = house.follow()
    assert came.wait(LONG_S)
    thread = stopping(house, within_s)
    gate.set()
    thread.join(LONG_S)
    assert not thread.is_alive()
    assert not any(each.is_alive() for each in follower._threads)
    assert house.index.position() == followed
    assert house.scans() == followed


def test_it_ends_at_once_when_there_is_nothing_to_do(house: House) -> None:
    house.append(30)
    house.follow()
    assert house.caught_up()
    before = time.monotonic()
    stopping(house, LONG_S).join(LONG_S)
    assert time.monotonic() - before < LONG_S / 2


def test_it_ends_at_once_when_the_disk_is_full(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it would wait before it tries again."""
    monkeypatch.setattr(follow, "_FIRST_PATIENCE_S", 10 * LONG_S)
    house.disk.is_sick = True
    house.append(30)
    follower = house.follow()
    with pytest.raises(StorageFull):
        house.caught_up()
    thread = stopping(house, LONG_S)
    thread.join(LONG_S)
    assert not thread.is_alive()
    assert not any(each.is_alive() for each in follower._threads)
    assert house.index.position() == 0


def test_a_merge_that_was_begun_is_finished(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(8):
        house.append(60)
        house.ledger.apply(list(house.log.read(house.index.position())))
    came, gate = threading.Event(), threading.Event()
    merge = house.ledger.merge

    def wait_and_merge(write_piece: PieceWriter) -> bool:
        came.set()
        assert gate.wait(LONG_S)
        return merge(write_piece)

    monkeypatch.setattr(house.ledger, "merge", wait_and_merge)
    house.follow()
    assert came.wait(LONG_S)
    thread = stopping(house, 0.0)
    gate.set()
    thread.join(LONG_S)
    assert not thread.is_alive()
    catalogue = house.ledger.catalogue
    assert len(catalogue.runs) < 8
    assert house.scans() == 480


def test_who_ends_its_process_next_does_not_wait_for_a_merge(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came is taken in all the same."""
    came, gate = threading.Event(), threading.Event()

    def wait(write_piece: PieceWriter) -> bool:
        came.set()
        assert gate.wait(LONG_S)
        return False

    monkeypatch.setattr(house.ledger, "merge", wait)
    follower = house.follow()
    assert came.wait(LONG_S)
    house.append(60)
    house.log.close()
    follower.stop(LONG_S, also_merging=False)
    assert house.index.position() == 60
    assert {thread.name: thread.is_alive() for thread in follower._threads} == {"indexing": False, "merging": True}
    gate.set()


def test_each_trimming_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads elsewhere does not see by itself what went."""
    monkeypatch.setattr(follow, "_TRIM_S", 0.01)
    asked, well = list[bool](), noting_well(house, monkeypatch)
    house.follower = Follower(
        house.log, house.ledger, house.history, house.index, lambda is_over: asked.append(is_over())
    )
    wait_for(lambda: well.count("trimming") > 3)
    assert asked[:3] == [False] * 3


def test_what_an_error_says_to_do_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that is none of the store: else it would pass for a fault of Waypost."""
    house.append(10)
    error = Conflict("The archive has another file of that name.", mend="Give each home an archive of its own.")
    with failing(house, monkeypatch, "apply", error):
        house.follow()
        wait_for(lambda: house.index.failures != [])
        told = house.index.failures[0]
    assert (told.message, told.mend) == (error.message, error.mend)
