"""The power goes at any moment: what was acknowledged is there, and all that follows from it."""

import random
import shutil
import threading
from pathlib import Path

import pytest
from tests.rooms.engines.homes import FOLD, caught_up, home_in, merge_soon
from tests.rooms.engines.power import CutDisk
from tests.rooms.engines.scan_batches import batch
from tests.rooms.engines.test_kill import Ack, check_changes, check_index, check_log, check_scans

from waypost.engines.local import follow
from waypost.engines.local.retention import Retention
from waypost.engines.local.start import read_start
from waypost.engines.local.verify import verify_home

THREADS = 3
ROW = 20_000
SEGMENT_BYTES = 10_000


@pytest.mark.parametrize("is_trimmed", [False, True])
@pytest.mark.parametrize("cuts", [4, pytest.param(40, marks=[pytest.mark.heavy, pytest.mark.timeout(1800)])])
def test_nothing_acknowledged_is_lost_when_the_power_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuts: int, is_trimmed: bool
) -> None:
    merge_soon(monkeypatch)
    monkeypatch.setattr(follow, "_TRIM_S", 0.001)
    path, acknowledged = tmp_path / "home-0", list[Ack]()
    for turn in range(cuts):
        after = tmp_path / f"home-{turn + 1}"
        acknowledged += write_until_the_power_goes(path, after, turn, is_trimmed)
        shutil.rmtree(path)
        path = after
    assert (path / "archive").is_dir() == is_trimmed
    home = caught_up(home_in(path, segment_bytes=SEGMENT_BYTES, retention=_retention(path, is_trimmed)))
    assert (read_start(path / "log") > 0) == is_trimmed
    first_at = check_log(home, acknowledged)
    check_index(home, first_at)
    check_changes(home, first_at)
    check_scans(home.memory.history.run(lambda scans: scans), first_at)
    home.close()
    archive = path / "archive" if is_trimmed else None
    assert verify_home(path, FOLD, archive=archive).findings == []


def _retention(path: Path, is_trimmed: bool) -> Retention | None:
    """All but the last segment goes into an archive as soon as it may; the power is cut there too."""
    return Retention(bytes=1, archive=path / "archive") if is_trimmed else None


def write_until_the_power_goes(path: Path, after: Path, turn: int, is_trimmed: bool) -> list[Ack]:
    """Several append at once; then `after` is what the disk has. Returns what was acknowledged before."""
    if is_trimmed:
        (path / "archive").mkdir(parents=True, exist_ok=True)
    disk, rng = CutDisk(path), random.Random(turn)
    home = home_in(path, segment_bytes=SEGMENT_BYTES, disk=disk, retention=_retention(path, is_trimmed))
    told: list[Ack] = []
    enough, most = threading.Event(), rng.randint(1, 60)

    def append(thread: int) -> None:
        draw = random.Random(turn * THREADS + thread)
        place = (turn * THREADS + thread) * ROW
        while not enough.is_set():
            count = draw.randint(5, 60)
            told.append((home.memory.log.append(batch(place, count)), place, count))
            home.memory.index.catch_up(told[-1][0] - 200, 60)
            if len(told) >= most:
                enough.set()
            place += count - draw.randint(0, 4)

    threads = [threading.Thread(target=append, args=(thread,)) for thread in range(THREADS)]
    for each in threads:
        each.start()
    enough.wait()
    safe = list(told)
    disk.cut_power(after, rng)
    for each in threads:
        each.join()
    home.close()
    disk.close()
    return safe
