"""Homes whose log has many segments, and how to let some go."""

import errno
import os
from pathlib import Path

from tests.rooms.engines.homes import caught_up, count
from tests.rooms.engines.test_full_disk import TornDisk

from waypost.engines.local import ledger
from waypost.engines.local.catalogue import read_catalogue
from waypost.engines.local.disk import Disk
from waypost.engines.local.home import LocalHome
from waypost.engines.local.retention import Retention, trim
from waypost.engines.local.segments import first_position, list_segments

SCANS = 1_100
SEGMENT_BYTES = 300
ALL = Retention(bytes=1)


def let_go(home: LocalHome, retention: Retention, disk: Disk | None = None) -> LocalHome:
    trim(home._log, home._ledger, retention, disk or Disk())
    return home


def starts(folder: Path) -> list[int]:
    return [first_position(path) for path in list_segments(folder)]


def places(home: LocalHome, position: int = 0) -> list[int]:
    """The scans that the log gives, as the numbers in their notes."""
    notes = [note for frame in home.memory.log.read(position) for note in frame.scans.column("note").to_pylist()]
    return [int(note.removeprefix("note ")) for note in notes]


def check_rest(home: LocalHome) -> None:
    """The log is whole from its start on; look-ups and history have everything."""
    caught_up(home)
    start = home.memory.log.start()
    assert places(home, start) == list(range(start, SCANS))
    assert count(home) == SCANS
    assert sum(home.memory.index.page(None, 1_000).column("scans").to_pylist()) == SCANS
    assert (home.health().failures, home.health().trimming) == ((), None)


def first_raw(path: Path) -> int:
    listed = read_catalogue(path / "index")
    assert listed is not None
    return next(run.start for run in listed.runs if run.raw)


def runs_of(path: Path) -> tuple[ledger.Listed, ...]:
    listed = read_catalogue(path / "index")
    assert listed is not None
    return listed.runs


class StoppingDisk(TornDisk):
    """Fails at one step and at all that follow, as if the process had ended there."""

    left = 1 << 30

    def step(self) -> bool:
        self.left -= 1
        return self.left <= 0

    def fail(self) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
