"""Another process looks on while one writes: it sees what is published, without locks and without opening anew."""

import errno
import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from tests.rooms.engines.homes import SMALL_RUNS, count, home_in
from tests.rooms.engines.logs import events, frame, read, write
from tests.rooms.engines.scan_batches import batch

from waypost.engines.local.disk import Disk
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.segments import list_segments, segment_path
from waypost.model.errors import StorageFull, StoreDamaged

REPO = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from tests.rooms.engines.homes import SMALL_RUNS, caught_up, home_in, settled
from tests.rooms.engines.scan_batches import batch
for module, name, value in SMALL_RUNS:
    setattr(module, name, value)
home = home_in(Path(sys.argv[1]), segment_bytes=20_000)
print("open", flush=True)
for start, rows in iter(lambda: tuple(map(int, sys.stdin.readline().split())), ()):
    for place in range(start, start + rows, 50):
        home.memory.log.append(batch(place, min(50, start + rows - place)))
        caught_up(home)
    settled(home)
    print(home.memory.log.position(), flush=True)
home.close()
"""


def test_one_who_looks_on_sees_what_the_other_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        home = home_in(tmp_path, read_only=True)
        memory, end, cursor, told = home.memory, 0, -1, 0
        for rows in (1, 120, 700, 30, 2_000):
            print(end, rows, file=writer.stdin, flush=True)
            end += rows
            assert writer.stdout.readline() == f"{end}\n"
            assert memory.index.catch_up(end, 30)
            assert (memory.log.position(), memory.index.position(), memory.history.position()) == (end, end, end)
            assert sum(memory.index.page(None, 1000).column("scans").to_pylist()) == end
            assert memory.index.timelines(["P0"]).num_rows == -(-end // 97)
            assert count(home) == end
            while (news := memory.changes.read(cursor, 300)).num_rows:
                cursor = news.column("position")[-1].as_py()
                told += news.num_rows
            assert cursor == end - 1
            assert sum(frame.scans.num_rows for frame in memory.log.read(0)) == end
        assert told >= 97
        assert not memory.index.catch_up(end + 1, 0.2)
        writer.stdin.close()
        assert writer.wait(60) == 0
        assert memory.index.timelines(["P1"]).num_rows > 0
        home.close()


@pytest.mark.heavy
def test_looking_on_while_much_is_written_and_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs come and go under the reader; each answer is whole and none goes back."""
    for module, name, value in SMALL_RUNS:
        monkeypatch.setattr(module, name, value)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        home = home_in(tmp_path, read_only=True)
        print(0, 6_000, file=writer.stdin, flush=True)
        before = looks = 0
        while before < 6_000:
            at_least = home.memory.index.position()
            scans = sum(home.memory.index.page(None, 1000).column("scans").to_pylist())
            assert scans >= max(at_least, before)
            before, looks = scans, looks + 1
        assert looks > 5
        writer.stdin.close()
        home.close()
        assert writer.wait(60) == 0


# Up to where it is acknowledged


def test_nothing_is_read_that_is_not_acknowledged_yet(tmp_path: Path) -> None:
    write(tmp_path, 3, 2, 4)
    with closing(SegmentLog(tmp_path, read_only=True, until=3)) as log:
        for until, end in ((None, 3), (3, 3), (5, 5), (5, 5), (9, 9)):
            if until is not None:
                log.reach(until)
            assert (log.position(), read(log)) == (end, events(0, end))
            assert read(log, 2) == events(2, end - 2)
    with closing(SegmentLog(tmp_path, read_only=True, until=0)) as log:
        assert (log.position(), read(log)) == (0, [])
        log.reach(5)
        assert read(log) == events(0, 5)


def test_what_was_acknowledged_stays_so(tmp_path: Path) -> None:
    """Several tell how far it has come, and one may be late."""
    write(tmp_path, 3, 2)
    with closing(SegmentLog(tmp_path, read_only=True, until=0)) as log:
        log.reach(5)
        log.reach(3)
        assert (log.position(), read(log)) == (5, events(0, 5))


@pytest.mark.parametrize("until", [0, 100, 250, 600])
def test_it_is_followed_across_segments(tmp_path: Path, until: int) -> None:
    """Those behind it are sealed: what is in them was acknowledged."""
    write(tmp_path, *[50] * 12, segment_bytes=1_500)
    assert len(list_segments(tmp_path)) > 3
    with closing(SegmentLog(tmp_path, read_only=True, until=until)) as log:
        assert log.position() >= until
        assert read(log) == events(0, log.position())
        log.reach(600)
        assert read(log) == events(0, 600)
        with closing(SegmentLog(tmp_path, segment_bytes=1_500)) as writer:
            for start in range(600, 1_200, 50):
                writer.append(batch(start, 50))
                assert log.position() == start
                log.reach(start + 50)
                assert read(log, start - 50) == events(start - 50, 100)


class LateDisk(Disk):
    """Is found to be full when what was written is to be synced, and calls someone before."""

    is_full = False

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.log: SegmentLog | None = None

    def sync(self, fd: int) -> None:
        if self.is_full:
            assert self.log is not None
            self.seen.append(self.log.position())
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().sync(fd)


def test_a_frame_that_was_taken_back_is_never_seen(tmp_path: Path) -> None:
    """Another of other scans comes in its place."""
    disk = LateDisk()
    with closing(SegmentLog(tmp_path, disk=disk)) as writer:
        writer.append(batch(0, 3))
        with closing(SegmentLog(tmp_path, read_only=True, until=3)) as log:
            disk.log, disk.is_full = log, True
            with pytest.raises(StorageFull):
                writer.append(batch(1_000, 2))
            assert disk.seen == [3]  # the whole frame was in the file then
            disk.is_full = False
            writer.append(batch(3, 2))
            assert log.position() == 3
            log.reach(writer.position())
            assert read(log) == events(0, 5)


@pytest.mark.parametrize("is_open", [True, False], ids=["met on the way", "there at opening"])
@pytest.mark.parametrize("harm", ["a byte", "the end", "no frame"])
def test_damage_to_what_was_acknowledged_is_told(tmp_path: Path, is_open: bool, harm: str) -> None:
    """For one who is not told how far that reaches it is the middle of an append."""
    sizes = write(tmp_path, 3, 2)
    path = segment_path(tmp_path, 0)
    data = path.read_bytes()
    before = SegmentLog(tmp_path, read_only=True, until=3)
    if harm == "a byte":
        path.write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
    else:
        path.write_bytes(data[:-5] if harm == "the end" else data[: sizes[0]])
    with closing(before if is_open else SegmentLog(tmp_path, read_only=True, until=3)) as log:
        assert read(log) == events(0, 3)
        log.reach(5)
        for _ in range(2):
            with pytest.raises(StoreDamaged, match=f"{path}, byte {sizes[0]}|{tmp_path} ends at scan 3, but 5 scans"):
                read(log)
            with pytest.raises(StoreDamaged):
                log.position()
        path.write_bytes(data)
        assert read(log) == events(0, 5)
    before.close()


def test_damage_beyond_is_none_of_its_business_yet(tmp_path: Path) -> None:
    write(tmp_path, 3)
    path = segment_path(tmp_path, 0)
    with closing(SegmentLog(tmp_path, read_only=True, until=3)) as log, path.open("ab") as file:
        file.write(frame(3, 2, b"none")[:-1])
        file.flush()
        assert read(log) == events(0, 3)
    with closing(SegmentLog(tmp_path, read_only=True, until=3)) as log:
        assert read(log) == events(0, 3)


def test_who_waits_is_told_that_more_is_acknowledged(tmp_path: Path) -> None:
    write(tmp_path, 3, 2)
    log = SegmentLog(tmp_path, read_only=True, until=3)
    assert not log.wait(3, 0.01)
    assert log.wait(2, 0)
    woken: list[bool | int] = []
    waiter = threading.Thread(target=lambda: woken.extend((log.wait(3, 30), log.position(), log.wait(5, 30))))
    waiter.start()
    log.reach(5)
    log.close()
    waiter.join(30)
    assert woken == [True, 5, True]
