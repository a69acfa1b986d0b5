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

from waypost.engines.local.verify import verify_home

THREADS = 3
ROW = 20_000
SEGMENT_BYTES = 10_000


@pytest.mark.parametrize("cuts", [12, pytest.param(40, marks=[pytest.mark.heavy, pytest.mark.timeout(1800)])])
def test_nothing_acknowledged_is_lost_when_the_power_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuts: int
) -> None:
    merge_soon(monkeypatch)
    path, acknowledged = tmp_path / "home-0", list[Ack]()
    for turn in range(cuts):
        after = tmp_path / f"home-{turn + 1}"
        acknowledged += write_until_the_power_goes(path, after, turn)
        shutil.rmtree(path)
        path = after
    home = caught_up(home_in(path, segment_bytes=SEGMENT_BYTES))
    first_at = check_log(home, acknowledged)
    check_index(home, first_at)
    check_changes(home, first_at)
    check_scans(home.memory.history.run(lambda scans: scans), first_at)
    home.close()
    assert verify_home(path, FOLD).findings == []


def write_until_the_power_goes(path: Path, after: Path, turn: int) -> list[Ack]:
    """Several append at once; then `after` is what the disk has. Returns what was acknowledged before."""
    disk, rng = CutDisk(path), random.Random(turn)
    home = home_in(path, segment_bytes=SEGMENT_BYTES, disk=disk)
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
