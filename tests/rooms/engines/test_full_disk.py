"""A disk that is really full: a small one of its own, in memory."""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert
from tests.rooms.engines.homes import FOLD, caught_up, count, home_in, merge_soon, settled
from tests.rooms.engines.scan_batches import NOON, batch
from tests.rooms.engines.test_parquet_history import Kept

from waypost.engines.local.disk import Disk
from waypost.engines.local.home import LocalHome
from waypost.engines.local.verify import verify_home
from waypost.engines.local.views import instants_of
from waypost.model.errors import StorageFull
from waypost.network.records import facilities

SIZE = 8 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB. Mounting one takes the rights of root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill_up(disk: Path, left: int) -> Path:
    """Leave only so many bytes free."""
    ballast = disk / "ballast"
    state = os.statvfs(disk)
    ballast.write_bytes(bytes(state.f_bavail * state.f_frsize - left))
    return ballast


def append_until_full(home: LocalHome) -> int:
    """Append until there is no room; returns how many scans were acknowledged."""
    kept = home.memory.log.position()
    with pytest.raises(StorageFull, match="No room left"):  # noqa: PT012
        for _ in range(2_000):
            home.memory.log.append(batch(kept, 50))
            kept += 50
    assert home.memory.log.position() == kept
    return kept


def numbers_in(home: LocalHome) -> list[str]:
    return [number for frame in home.memory.log.read(0) for number in frame.scans.column("number").to_pylist()]


def check_whole(home: LocalHome, scans: int) -> None:
    """Nothing is missing in any part, and nothing is there twice."""
    assert home.health().error is None
    assert count(home) == scans
    assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == scans
    news = home.memory.changes.read(-1, 100_000)
    positions, numbers = news.column("position").to_pylist(), news.column("number").to_pylist()
    assert positions == sorted(set(positions))
    assert numbers == [f"P{position % 97}" for position in positions]
    assert dict(zip(numbers, positions, strict=True)) == {f"P{place % 97}": place for place in range(scans)}
    home.close()
    report = verify_home(home.path, FOLD)
    assert (report.findings, report.scans) == ([], scans)


def test_a_full_disk_loses_nothing_acknowledged_and_all_goes_on_when_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge_soon(monkeypatch)
    home = home_in(small_disk / "home")
    home.memory.log.append(batch(0, 100))
    caught_up(home)
    ballast = fill_up(small_disk, left=150_000)
    kept = append_until_full(home)
    assert kept > 100
    assert numbers_in(home) == [f"P{place % 97}" for place in range(kept)]
    assert home.memory.index.states(["P3"]).column("scans").to_pylist()[0] >= 1  # look-ups go on

    with pytest.raises(StorageFull, match="No room left for the records"), home.memory.records.begin() as connection:
        connection.execute(insert(facilities), [{"carrier": "sf", "code": "A", "name": "x" * 400_000, "kind": "hub"}])

    ballast.unlink()
    assert home.memory.log.append(batch(kept, 50)) == kept
    while home.health().lag or home.health().error:  # index and merger try again by and by
        home._log.wait(kept + 50, 0.01)
    check_whole(settled(home), kept + 50)


def test_a_home_that_was_killed_by_a_full_disk_opens_again(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merge_soon(monkeypatch)
    home = home_in(small_disk / "home")
    ballast = fill_up(small_disk, left=150_000)
    kept = append_until_full(home)
    with contextlib.suppress(StorageFull):  # what makes the next opening quick may or may not find room
        home.close()
    assert not (small_disk / "home" / "index" / "slots.tmp").exists()
    ballast.unlink()
    home = caught_up(home_in(small_disk / "home"))
    assert home.memory.log.position() == kept
    assert numbers_in(home) == [f"P{place % 97}" for place in range(kept)]
    check_whole(settled(home), kept)


class TornDisk(Disk):
    """Has no room at one step, of which half may be done."""

    left = 0

    def step(self) -> bool:
        self.left -= 1
        return self.left == 0

    def fail(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write(self, fd: int, data: bytes | memoryview) -> None:
        if self.step():
            super().write(fd, memoryview(data).cast("B")[: memoryview(data).nbytes // 2])
            self.fail()
        super().write(fd, data)

    def sync(self, fd: int) -> None:  # not really: it is done thousands of times
        if self.step():
            self.fail()

    def cut(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)
        os.lseek(fd, size, os.SEEK_SET)

    def sync_folder(self, folder: Path) -> None:
        if self.step():
            self.fail()


def told(kept: Kept) -> tuple[int, list[int], list[int], list[tuple[int, ...]]]:
    """What is shown: up to where, the scans in history and in the index, and the changes."""
    positions, news = kept.ledger.changes.read(-1, 10_000)
    indexed = kept.ledger.runs.slice(0, None)
    places = sorted(((instants_of(indexed.words) - NOON) // 60_000).tolist())
    return kept.ledger.catalogue.position, kept.places(), places, list(zip(positions, news.tolist(), strict=True))


def fill(path: Path, disk: TornDisk, fails_at: int) -> list[object]:
    """Fill a ledger, each step again if it failed; returns all that was shown, step by step."""
    seen: list[object] = []
    path.mkdir()
    kept = Kept(path, disk=disk)
    disk.left = fails_at
    for start in range(0, 2 * 490, 490):
        for place, scans in ((0, 110), (110, 130), (240, 140), (380, 110)):
            before = told(kept)
            try:
                kept.take(start + place, scans)
            except OSError:
                if told(kept) == before:  # else only what came after it was published has failed
                    kept.take(start + place, scans)
            seen.append(told(kept))
        try:
            kept.merge()
        except OSError:
            assert told(kept) == seen[-1]
            kept.merge()
        assert told(kept) == seen[-1]
    disk.left, fails_at = 0, disk.left
    kept.close()
    disk.left = fails_at
    for read_only in (True, False):
        kept = Kept(path, read_only=read_only)
        assert told(kept) == seen[-1]
        kept.close()
    return seen


def test_wherever_the_index_finds_no_room_it_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heavy: bool
) -> None:
    """A batch that was not published shows nothing of itself, and shows once when it is tried again."""
    merge_soon(monkeypatch)
    due = fill(tmp_path / "whole", TornDisk(), 0)
    for turn in range(1, 1_000, 1 if heavy else 40):
        disk = TornDisk()
        assert fill(tmp_path / f"{turn}", disk, turn) == due, turn
        if disk.left > 0:
            break
        shutil.rmtree(tmp_path / f"{turn}")
    assert 100 < turn < 999
