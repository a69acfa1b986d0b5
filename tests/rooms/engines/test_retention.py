"""Old segments go as the settings ask: nothing that is needed goes, and wherever it is broken off, all goes on."""

import errno
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.rooms.engines.homes import FOLD, caught_up, fill_runs, home_in, settled
from tests.rooms.engines.power import CutDisk
from tests.rooms.engines.scan_batches import batch
from tests.rooms.engines.trimming import (
    ALL,
    SCANS,
    SEGMENT_BYTES,
    StoppingDisk,
    check_rest,
    first_raw,
    let_go,
    places,
    starts,
)

from waypost.engines.local import follow, ledger
from waypost.engines.local import log as log_file
from waypost.engines.local import start as start_file
from waypost.engines.local.backup import back_up
from waypost.engines.local.disk import Disk
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.retention import Retention, trim
from waypost.engines.local.segments import HEADER_SIZE, Flaw, Mark, first_position, list_segments
from waypost.engines.local.start import read_start, write_start
from waypost.engines.local.verify import verify_home
from waypost.model.errors import Conflict, Gone, StorageFull, StoreDamaged, StoreError

# What goes


def test_nothing_goes_if_nothing_is_asked(path: Path, archive: Path) -> None:
    before = starts(path / "log")
    home = let_go(home_in(path, retention=Retention(archive=archive)), Retention(archive=archive))
    assert home._follower is not None
    assert [thread.name for thread in home._follower._threads] == ["indexing", "merging"]
    check_rest(home)
    home.close()
    assert (starts(path / "log"), starts(archive)) == (before, [])
    assert not (path / "log" / "start").exists()


def test_only_what_is_packed_and_in_history_goes(path: Path) -> None:
    before, raw = starts(path / "log"), first_raw(path)
    home = let_go(home_in(path), ALL)
    left = [start for start, end in zip(before, [*before[1:], SCANS], strict=True) if end > raw]
    assert starts(path / "log") == left
    assert 0 < home.memory.log.start() == left[0] <= raw < before[-1]
    check_rest(home)
    home.close()
    check_rest(reopened := home_in(path))
    reopened.close()


def test_the_last_segment_stays_even_if_all_of_it_is_packed(trims_soon: None, tmp_path: Path) -> None:
    home = home_in(tmp_path / "home", segment_bytes=SEGMENT_BYTES)
    fill_runs(home, 480)
    assert not any(run.raw for run in home._ledger.catalogue.runs)
    last = starts(home.path / "log")[-1]
    let_go(home, ALL)
    assert starts(home.path / "log") == [last]
    assert home.memory.log.append(batch(480, 3)) == 480
    assert places(home, last) == list(range(last, 483))
    home.close()


def test_a_segment_goes_when_it_is_old(path: Path) -> None:
    segments = list_segments(path / "log")
    for age, segment in enumerate(reversed(segments)):
        os.utime(segment, (10_000 - age * 100, 10_000 - age * 100))
    old = 10_000 - (len(segments) - 3) * 100  # of the third one
    home = home_in(path)
    let_go(home, Retention(seconds=50, now=lambda: old + 50.0))
    assert list_segments(path / "log") == segments[2:]
    let_go(home, Retention(seconds=50, now=lambda: old + 51.0))
    assert list_segments(path / "log") == segments[3:]
    check_rest(home)
    home.close()


def test_the_oldest_go_while_all_together_are_too_large(path: Path) -> None:
    segments = list_segments(path / "log")
    sizes = [segment.stat().st_size for segment in segments]
    home = home_in(path)
    let_go(home, Retention(bytes=sum(sizes)))
    assert list_segments(path / "log") == segments
    let_go(home, Retention(bytes=sum(sizes[2:])))
    assert list_segments(path / "log") == segments[2:]
    let_go(home, Retention(bytes=sum(sizes[2:]) - 1))
    assert list_segments(path / "log") == segments[3:]
    home.close()


def test_it_leaves_off_between_segments_when_it_is_to_end(path: Path) -> None:
    segments = list_segments(path / "log")
    home, asked = home_in(path), iter([False, True])
    trim(home._log, home._ledger, ALL, Disk(), is_over=lambda: next(asked))
    assert list_segments(path / "log") == segments[1:]
    home.close()


class FullDisk(Disk):
    """Has no room for the first frame of a segment."""

    is_full = False

    def write(self, fd: int, data: bytes | memoryview) -> None:
        if self.is_full and len(data) > HEADER_SIZE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(fd, data)


@pytest.mark.parametrize("is_reopened", [False, True])
def test_the_last_segment_with_frames_stays_if_the_next_one_was_only_begun(
    trims_soon: None, tmp_path: Path, is_reopened: bool
) -> None:
    disk = FullDisk()
    path = tmp_path / "home"
    home = fill_runs(home_in(path, segment_bytes=SEGMENT_BYTES, disk=disk), 480)
    last = starts(path / "log")[-1]
    disk.is_full = True
    with pytest.raises(StorageFull):
        home.memory.log.append(batch(480, 120))
    disk.is_full = False
    if is_reopened:
        home.close()
        home = home_in(path, segment_bytes=SEGMENT_BYTES)
    assert starts(path / "log")[-2:] == [last, 480]
    let_go(home, ALL)
    assert starts(path / "log") == [last, 480]
    assert back_up(path, tmp_path / "backup", made="", waypost="test").position == 480
    assert verify_home(path, FOLD).findings == []
    assert home.memory.log.append(batch(480, 120)) == 480
    let_go(settled(home), ALL)
    assert starts(path / "log") == [480]
    assert places(home, 480) == list(range(480, 600))
    home.close()


def test_what_is_not_sealed_for_the_log_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that could not be begun is no reason to let the one go that is still written to."""
    home = home_in(path, segment_bytes=SEGMENT_BYTES)
    monkeypatch.setattr(ledger.Ledger, "kept_to", lambda self: 1 << 60)
    (path / "log" / f"{SCANS + 500:020d}.seg").touch()
    last = starts(path / "log")[-2]
    let_go(home, ALL)
    assert starts(path / "log") == [last, SCANS + 500]
    home.close()


def test_a_home_trims_by_itself_and_tells_when_it_cannot(
    path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "_FIRST_PATIENCE_S", 0.01)
    archive.rmdir()
    home = home_in(path, retention=Retention(bytes=1, archive=archive))
    while home.health().trimming is None:
        home._log.wait(SCANS, 0.01)
    assert f"The archive {archive} is not there" in str(home.health().trimming)
    assert home.health().failures == ()  # it answers as well as ever
    assert home._index.failure is None
    home._index.tell_failed("indexing", StoreError("The index has its own trouble."))
    home._index.tell_failed("merging", StoreError("So have its runs."))
    assert home.health().failures == ("The index has its own trouble.", "So have its runs.")
    for work in ("indexing", "merging"):
        home._index.tell_well(work)
    assert places(home) == list(range(SCANS))
    archive.mkdir()
    while home.health().trimming is not None:
        home._log.wait(SCANS, 0.01)
    assert starts(path / "log")[0] > 0
    check_rest(home)
    home.close()


# The archive


def test_what_went_to_the_archive_is_read_from_there(path: Path, archive: Path) -> None:
    before = {segment.name: segment.read_bytes() for segment in list_segments(path / "log")}
    keep = Retention(bytes=1, archive=archive)
    home = home_in(path, retention=Retention(archive=archive))
    reading = home.memory.log.read(0)
    first = next(reading)
    let_go(home, keep)
    assert first.end + sum(frame.scans.num_rows for frame in reading) == SCANS  # begun before it went
    assert starts(path / "log")[0] > 0
    after = {
        segment.name: segment.read_bytes() for folder in (archive, path / "log") for segment in list_segments(folder)
    }
    assert after == before
    assert home.memory.log.start() == 0
    for position in (0, 1, 333, SCANS - 1):
        assert places(home, position) == list(range(position, SCANS))
    check_rest(home)
    home.close()
    beside = home_in(path, read_only=True, retention=Retention(archive=archive))
    assert places(beside) == list(range(SCANS))
    beside.close()


def test_without_the_archive_there_is_what_the_home_has(path: Path, archive: Path) -> None:
    home = let_go(home_in(path), Retention(bytes=1, archive=archive))
    start = starts(path / "log")[0]
    assert home.memory.log.start() == start
    with pytest.raises(Gone, match=rf"Scan 5 is not in the log any more.*There are scans from {start} on") as told:
        next(home.memory.log.read(5))
    assert told.value.start == start
    with pytest.raises(Gone):
        next(home.memory.log.read(start - 1))
    assert places(home, start) == list(range(start, SCANS))
    home.close()
    archive.rename(archive.with_name("away"))
    home = home_in(path, retention=Retention(archive=archive))
    assert home.memory.log.start() == start
    with pytest.raises(Gone, match=f"{archive} does not have them"):
        next(home.memory.log.read(0))
    check_rest(home)
    home.close()


def test_an_archive_may_begin_later_but_has_no_gaps(path: Path, archive: Path) -> None:
    home = let_go(home_in(path, retention=Retention(archive=archive)), Retention(bytes=1, archive=archive))
    first, second, third, fourth = list_segments(archive)[:4]
    first.unlink()
    assert home.memory.log.start() == first_position(second)
    check_rest(home)
    third.unlink()
    frames = home.memory.log.read(first_position(second))
    assert next(frames).position == first_position(second)
    with pytest.raises(Gone, match=f"There are scans from {first_position(fourth)} on"):
        list(frames)
    assert places(home, first_position(fourth)) == list(range(first_position(fourth), SCANS))
    home.close()


def test_a_segment_in_both_places_counts_in_the_log(path: Path, archive: Path) -> None:
    segment = list_segments(path / "log")[0]
    shutil.copy(segment, archive)
    home = home_in(path, retention=Retention(archive=archive))
    let_go(home, Retention(bytes=1, archive=archive))
    shutil.copy(archive / segment.name, segment)
    (archive / segment.name).write_bytes(b"")
    assert home.memory.log.start() == 0
    assert places(home) == list(range(SCANS))
    home.close()


def test_an_archive_that_is_sick_holds_up_nothing_that_the_log_has(
    path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = let_go(home_in(path, retention=Retention(archive=archive)), Retention(bytes=1, archive=archive))
    home.memory.log.append(batch(SCANS, 110))  # begins another segment
    start = home.memory.log.start()
    caught_up(home).close()
    asked, list_whole = [], list_segments

    def fail(folder: Path) -> list[Path]:
        if folder == archive:
            asked.append(folder)
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(archive))
        return list_whole(folder)

    monkeypatch.setattr(start_file, "list_segments", fail)
    start = starts(path / "log")[0]
    home = home_in(path, retention=Retention(archive=archive), segment_bytes=SEGMENT_BYTES)
    for more in (SCANS + 110, SCANS + 220):
        home.memory.log.append(batch(more, 110))
        caught_up(home)
    assert places(home, start) == list(range(start, SCANS + 330))
    beside = SegmentLog(path / "log", read_only=True, archive=archive)
    assert next(beside.read(start)).position == start
    assert asked == []
    for log in (home.memory.log, beside):
        with pytest.raises(StoreError, match=f"reading {archive}"):
            next(log.read(start - 1))
    [finding] = verify_home(path, FOLD, archive=archive).findings
    assert (finding.part, f"reading {archive}" in finding.what) == ("log", True)
    beside.close()
    home.close()


@pytest.mark.parametrize("change", ["shorter", "other"])
def test_another_file_in_the_archive_is_never_taken_for_a_segment(path: Path, archive: Path, change: str) -> None:
    segment = list_segments(path / "log")[0]
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    (archive / segment.name).write_bytes(data[:-1] if change == "shorter" else data)
    home = home_in(path)
    before = starts(path / "log")
    with pytest.raises(Conflict, match="archive of its own"):
        let_go(home, Retention(bytes=1, archive=archive))
    assert starts(path / "log") == before
    home.close()


def test_the_log_is_no_archive_of_itself(path: Path) -> None:
    home, before = home_in(path), starts(path / "log")
    (link := path.with_name("link")).symlink_to(path / "log")
    with pytest.raises(Conflict, match="is the log itself"):
        let_go(home, Retention(bytes=1, archive=link))
    assert starts(path / "log") == before
    home.close()


def test_a_damaged_segment_is_not_archived(path: Path, archive: Path) -> None:
    segments = list_segments(path / "log")
    data = bytearray(segments[1].read_bytes())
    data[-5] ^= 1
    segments[1].write_bytes(data)
    home = home_in(path)
    with pytest.raises(StoreDamaged, match=f"{segments[1]}, byte "):
        let_go(home, Retention(bytes=1, archive=archive))
    assert list_segments(path / "log") == segments[1:]
    assert list_segments(archive) == [archive / segments[0].name]
    home.close()


def test_a_copy_that_is_wrong_is_told_of_the_archive(path: Path, archive: Path) -> None:
    """The segment is whole: nobody is to look for it in a backup."""

    class FlippingDisk(Disk):
        def write(self, fd: int, data: bytes | memoryview) -> None:
            wrong = bytearray(data)
            wrong[-1] ^= 1
            super().write(fd, wrong)

    home, before = home_in(path), starts(path / "log")
    copy = archive / f"{list_segments(path / 'log')[0].stem}.tmp"
    with pytest.raises(StoreDamaged, match=f"^{copy} was copied from .*Look after the disk of the archive"):
        let_go(home, Retention(bytes=1, archive=archive), FlippingDisk())
    assert list(archive.iterdir()) == []
    assert starts(path / "log") == before
    let_go(home, Retention(bytes=1, archive=archive))
    check_rest(home)
    home.close()


def test_segments_brought_back_do_not_bring_the_start_back(path: Path, archive: Path) -> None:
    let_go(home_in(path), Retention(bytes=1, archive=archive)).close()
    start = read_start(path / "log")
    for segment in list_segments(archive)[:2]:  # not all of them
        shutil.copy(segment, path / "log")
    home, asked = home_in(path), iter([False, True])
    trim(home._log, home._ledger, ALL, Disk(), is_over=lambda: next(asked))
    assert (starts(path / "log")[0], read_start(path / "log")) == (first_position(list_segments(archive)[1]), start)
    let_go(home, ALL)
    assert starts(path / "log")[0] == read_start(path / "log") == start
    check_rest(home)
    home.close()


def test_look_ups_do_not_wait_for_the_disk_when_the_log_is_trimmed(path: Path) -> None:
    seen: list[int] = []

    class AskingDisk(Disk):
        def sync_file(self, path: Path) -> None:
            assert home._ledger._lock.acquire(timeout=10)  # as whoever looks up does
            home._ledger._lock.release()
            seen.append(home.memory.index.position())
            super().sync_file(path)

    home = home_in(path, disk=AskingDisk())
    assert home._ledger.kept_to() == first_raw(path)
    assert seen == [SCANS]
    home.close()


# Opening


def test_a_lost_segment_is_told_from_one_that_went(path: Path) -> None:
    home = let_go(home_in(path), ALL)
    home.close()
    segments = list_segments(path / "log")
    segments[0].rename(path / "away")
    for read_only in (False, True):
        with pytest.raises(StoreDamaged, match=f"{segments[1]}: the segments before it are missing"):
            home_in(path, read_only=read_only)
    for segment in segments[1:]:
        segment.unlink()
    with pytest.raises(StoreDamaged, match=f"holds no scans, but {SCANS} had been taken"):
        home_in(path)


def test_a_start_that_is_lost_or_damaged_is_refused(path: Path) -> None:
    let_go(home_in(path), ALL).close()
    file = path / "log" / "start"
    data = file.read_bytes()
    file.unlink()
    with pytest.raises(StoreDamaged, match="the segments before it are missing"):
        home_in(path)
    for wrong in (data.replace(b'"start":', b'"start":1'), b"{}", b"\xff"):
        file.write_bytes(wrong)
        with pytest.raises(StoreDamaged, match=f"{file} cannot be read"):
            home_in(path)
    file.write_bytes(data)
    check_rest(home := home_in(path))
    home.close()


def test_one_who_looks_on_follows_a_log_that_is_trimmed(path: Path) -> None:
    home = home_in(path, segment_bytes=SEGMENT_BYTES)
    beside = SegmentLog(path / "log", read_only=True)
    empty = SegmentLog(path.with_name("archive"), read_only=True)
    assert (beside.position(), empty.position(), beside.start()) == (SCANS, 0, 0)
    fill_runs(home, 1_100, 110)
    let_go(home, ALL)
    assert starts(path / "log")[0] > SCANS
    assert beside.position() == 2 * SCANS
    assert beside.start() == starts(path / "log")[0]
    assert next(beside.read(beside.start())).position == beside.start()
    for file in (path / "log").iterdir():
        shutil.copy(file, path.with_name("archive"))
    assert empty.position() == 2 * SCANS
    for log in (beside, empty):
        log.close()
    home.close()


def test_one_who_looks_on_never_sees_the_log_fall_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened anew, because the last segment went, it is at the beginning of another one until that is read."""
    home = home_in(path, segment_bytes=SEGMENT_BYTES)
    beside = SegmentLog(path / "log", read_only=True)
    fill_runs(home, 1_100, 110)
    let_go(home, ALL)
    opening, may_go_on, verify = threading.Event(), threading.Event(), log_file.verify
    look_again = beside._look_again

    def wait(fd: int, position: int, **options: int) -> Iterator[Mark | Flaw]:
        opening.set()
        assert may_go_on.wait(60)
        yield from verify(fd, position, **options)

    monkeypatch.setattr(log_file, "verify", wait)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(beside.position)
        assert opening.wait(60)
        monkeypatch.setattr(beside, "_look_again", lambda: None)  # the other one has looked before that
        second = threads.submit(beside.position)
        with pytest.raises(TimeoutError):
            second.result(0.05)
        may_go_on.set()
        assert (first.result(60), second.result(60)) == (2 * SCANS, 2 * SCANS)
    monkeypatch.setattr(beside, "_look_again", look_again)
    beside.close()
    home.close()


# Broken off


@pytest.mark.parametrize("has_archive", [True, False])
def test_wherever_it_is_broken_off_it_goes_on_the_next_time(
    trims_soon: None, long_home: Path, tmp_path: Path, has_archive: bool
) -> None:
    archive = tmp_path / "archive"
    keep = Retention(bytes=1, archive=archive if has_archive else None)
    keep_two = _stop_after(2)
    turn = 0
    while True:
        turn += 1
        path = Path(shutil.copytree(long_home, tmp_path / "home"))
        archive.mkdir()
        before = {segment.name: segment.read_bytes() for segment in list_segments(path / "log")}
        disk = StoppingDisk()
        home = home_in(path, disk=disk)
        disk.left = turn
        try:
            trim(home._log, home._ledger, keep, disk, is_over=keep_two())
            is_done = True
        except StoreError:
            is_done = False
        disk.left = 1 << 30
        home.close()
        home = home_in(path, retention=Retention(archive=keep.archive))
        assert read_start(path / "log") >= starts(path / "log")[0]
        if has_archive:
            assert home.memory.log.start() == 0, turn
            assert places(home) == list(range(SCANS)), turn
        check_rest(home)
        start = home.memory.log.start()
        assert home.memory.changes.read(max(start, home._ledger.catalogue.changes_start) - 1, 10_000).num_rows > 0
        let_go(home, keep)
        assert read_start(path / "log") == starts(path / "log")[0] > 0
        check_rest(home)
        home.close()
        if has_archive:
            both = [*list_segments(archive), *list_segments(path / "log")]
            assert {segment.name: segment.read_bytes() for segment in both} == before
            assert not list(archive.glob("*.tmp"))
        shutil.rmtree(path)
        shutil.rmtree(archive)
        if is_done:
            break
    assert turn > (12 if has_archive else 8)


def _stop_after(segments: int) -> Callable[[], Callable[[], bool]]:
    def make() -> Callable[[], bool]:
        asked = iter([False] * segments)
        return lambda: next(asked, True)

    return make


def test_a_start_is_written_whole(tmp_path: Path) -> None:
    rng = random.Random(7)
    assert read_start(tmp_path) == 0
    for _ in range(5):
        start = rng.randrange(1 << 50)
        write_start(tmp_path, start, Disk())
        assert read_start(tmp_path) == start


class CuttingDisk(CutDisk):
    """Has the power cut before each step, from a moment on, and keeps what the disk could have then."""

    is_cut = False

    def __init__(self, home: Path, cuts: Path) -> None:
        super().__init__(home)
        self.cuts: list[Path] = []
        self._folder = cuts

    def write(self, fd: int, data: bytes | memoryview) -> None:
        self._cut()
        super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._cut()
        super().sync(fd)

    def sync_folder(self, folder: Path) -> None:
        self._cut()
        super().sync_folder(folder)

    def _cut(self) -> None:
        if self.is_cut:
            self.cuts.append(self._folder / f"{len(self.cuts)}")
            self.cut_power(self.cuts[-1], random.Random(len(self.cuts)))


@pytest.mark.parametrize("has_archive", [True, False])
def test_wherever_the_power_goes_nothing_is_lost(path: Path, tmp_path: Path, has_archive: bool) -> None:
    def keep(home: Path) -> Retention:
        return Retention(bytes=1, archive=home / "archive" if has_archive else None)

    (path / "archive").mkdir()
    (tmp_path / "cuts").mkdir()
    disk = CuttingDisk(path, tmp_path / "cuts")
    home = home_in(path, disk=disk)
    disk.is_cut = True
    trim(home._log, home._ledger, keep(path), disk, is_over=_stop_after(2)())
    disk.is_cut = False
    home.close()
    disk.close()
    assert len(disk.cuts) >= (16 if has_archive else 10)
    seen = set()
    for each in disk.cuts:
        home = home_in(each, retention=Retention(archive=keep(each).archive))
        seen.add(starts(each / "log")[0])
        if has_archive:
            assert places(home) == list(range(SCANS)), each
        check_rest(home)
        let_go(home, keep(each))
        assert read_start(each / "log") == starts(each / "log")[0] > 0
        home.close()
    assert len(seen) > 1
    assert verify_home(disk.cuts[-1], FOLD, archive=keep(disk.cuts[-1]).archive).findings == []
