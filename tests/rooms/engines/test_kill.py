"""kill -9 at any moment: nothing acknowledged is missing, nothing is there twice, and the home opens by itself."""

import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.rooms.engines.homes import FOLD, caught_up, home_in, merge_soon
from tests.rooms.engines.killed_writer import OPTIONS
from tests.rooms.engines.scan_batches import NOON

from waypost.engines.local.home import LocalHome
from waypost.engines.local.verify import verify_home
from waypost.model.scans import join_batches
from waypost.store.fold import key_scans, state_table
from waypost.store.words import Vocabulary
from waypost.track.fold import NEW_PARCEL
from waypost.track.statuses import UNKNOWN

REPO = Path(__file__).parents[3]
PARCELS = 97
Ack = tuple[int, int, int]


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=[pytest.mark.heavy, pytest.mark.timeout(1800)])])
def test_a_writer_killed_at_random_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int) -> None:
    merge_soon(monkeypatch)
    acknowledged: list[Ack] = []
    for turn in range(kills):
        acknowledged += run_and_kill(tmp_path / "home", turn, random.Random(turn))
    home = caught_up(home_in(tmp_path / "home", **OPTIONS))
    assert home.health().error is None
    first_at = check_log(home, acknowledged)
    check_index(home, first_at)
    check_changes(home, first_at)
    check_scans(home.memory.history.run(lambda scans: scans), first_at)
    assert list((tmp_path / "home" / "history").iterdir())
    home.close()
    report = verify_home(tmp_path / "home", FOLD)
    assert (report.findings, report.notes, report.history_scans) == ([], [], len(first_at))


def run_and_kill(home: Path, turn: int, rng: random.Random) -> list[Ack]:
    """Let a writer run for some appends and a little longer; returns what it was told to be safe."""
    command = [sys.executable, "-m", "tests.rooms.engines.killed_writer", str(home), str(turn)]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(rng.randint(1, 150))]
        with suppress(subprocess.TimeoutExpired):
            writer.wait(rng.random() * 0.05)
        writer.kill()
        lines += writer.stdout.readlines()
    assert writer.returncode == -9, "it ended by itself"
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [(int(position), int(place), int(count)) for position, place, count in whole]


def places_of(scans: pa.Table | pa.RecordBatch) -> np.ndarray:
    return (np.asarray(scans.column("at").cast(pa.int64())) - NOON) // 60_000


def check_log(home: LocalHome, acknowledged: list[Ack]) -> dict[int, int]:
    """Every acknowledged scan lies where it was said to; returns for each place where it came first."""
    scans = join_batches([frame.scans for frame in home.memory.log.read(0)])
    places = places_of(scans)
    assert len(places) == home.memory.log.position()
    assert scans.column("number").to_pylist() == [f"P{place % PARCELS}" for place in places]
    for position, place, count in acknowledged:
        assert places[position : position + count].tolist() == list(range(place, place + count))
    assert len(acknowledged) > 5
    found, firsts = np.unique(places, return_index=True)
    return dict(zip(found.tolist(), firsts.tolist(), strict=True))


def check_scans(scans: pa.Table, first_at: dict[int, int]) -> None:
    """Each scan is there once, with all that it said."""
    places = places_of(scans).tolist()
    assert sorted(places) == sorted(first_at)
    said = list(zip(*(scans.column(name).to_pylist() for name in ("number", "facility", "note")), strict=True))
    assert said == [(f"P{place % PARCELS}", f"F{place % 7}", f"note {place}") for place in places]


def check_index(home: LocalHome, first_at: dict[int, int]) -> None:
    """Each scan is in its timeline once; states are the fold of the timelines."""
    timelines = home.memory.index.timelines([f"P{n}" for n in range(PARCELS)])
    check_scans(timelines, first_at)
    words = Vocabulary()
    numbers, group, counts = np.unique(timelines.column("number").to_pylist(), return_inverse=True, return_counts=True)
    states = FOLD.fold(key_scans(timelines, group, words))
    carriers = pa.array(["sf"] * len(numbers))
    expected = state_table(carriers, pa.array(numbers.tolist()), counts, states, FOLD, words)
    found = home.memory.index.page(None, 1000).sort_by("number")
    assert found.to_pylist() == expected.to_pylist()


def check_changes(home: LocalHome, first_at: dict[int, int]) -> None:
    """News come in the order of the cursor, each goes on where the one before ended, and the last is the state."""
    place_at = {position: place for place, position in first_at.items()}
    last: dict[str, dict[str, Any]] = {}
    cursor = -1
    while rows := home.memory.changes.read(cursor, 1000).to_pylist():
        for row in rows:
            assert row["position"] > cursor
            cursor, place = row["position"], place_at[row["position"]]
            assert (row["number"], row["note"]) == (f"P{place % PARCELS}", f"note {place}")
            before = last.get(row["number"])
            assert row["before_status"] == (before["status"] if before else UNKNOWN)
            assert (row["told"] == NEW_PARCEL) == (before is None)
            last[row["number"]] = row
    states = {row["number"]: row for row in home.memory.index.page(None, 1000).to_pylist()}
    newest = {number: max(place for place in first_at if f"P{place % PARCELS}" == number) for number in states}
    assert last.keys() == states.keys()
    assert [last[number]["status"] for number in states] == [state["status"] for state in states.values()]
    assert [n for n, place in newest.items() if last[n]["position"] < first_at[place]] == []
