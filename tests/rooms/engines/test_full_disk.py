"""A disk that is really full: a small one of its own, in memory."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert
from tests.rooms.engines.homes import caught_up, count, home_in
from tests.rooms.engines.scan_batches import batch

from waypost.engines.local.home import LocalHome
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


def test_a_full_disk_loses_nothing_acknowledged_and_all_goes_on_when_there_is_room(small_disk: Path) -> None:
    home = home_in(small_disk / "home")
    home.memory.log.append(batch(0, 100))
    caught_up(home)
    ballast = fill_up(small_disk, left=150_000)
    kept = append_until_full(home)
    assert kept > 100
    assert numbers_in(home) == [f"P{place % 97}" for place in range(kept)]
    assert home.memory.index.states(["P3"]).column("scans").to_pylist()[0] >= 2  # look-ups go on

    with pytest.raises(StorageFull, match="No room left for the records"), home.memory.records.begin() as connection:
        connection.execute(insert(facilities), [{"carrier": "sf", "code": "A", "name": "x" * 400_000, "kind": "hub"}])

    ballast.unlink()
    assert home.memory.log.append(batch(kept, 50)) == kept
    while home.health().lag:  # the index tries again by and by
        home._log.wait(kept + 50, 0.01)
    home.seal()
    assert home.health().error is None
    assert count(home) == kept + 50
    assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == kept + 50
    home.close()


def test_a_home_that_was_killed_by_a_full_disk_opens_again(small_disk: Path) -> None:
    home = home_in(small_disk / "home")
    ballast = fill_up(small_disk, left=150_000)
    kept = append_until_full(home)
    with contextlib.suppress(StorageFull):  # history may or may not find room for what it holds
        home.close()
    ballast.unlink()
    home = caught_up(home_in(small_disk / "home"))
    assert home.memory.log.position() == kept
    assert numbers_in(home) == [f"P{place % 97}" for place in range(kept)]
    assert count(home) == kept
    assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == kept
    home.close()
