"""Homes of the local engine, with the fold that the house uses."""

import time
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.engines.scan_batches import batch

from waypost.engines.local import catalogue, ledger
from waypost.engines.local.home import LocalHome, open_home
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

FOLD = StatusFold(bundled_tables())

#: Four runs become one, and 400 scans are enough for a packed run and a piece of history.
SMALL_RUNS = ((catalogue, "FAN", 4), (catalogue, "RAW_ROWS", 400), (ledger, "RAW_ROWS", 400))


def merge_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few scans go through all that many go through."""
    for module, name, value in SMALL_RUNS:
        monkeypatch.setattr(module, name, value)


def home_in(path: Path, **options: Any) -> LocalHome:
    return open_home(path, FOLD, **options)


def caught_up(home: LocalHome) -> LocalHome:
    assert home.memory.index.catch_up(home.memory.log.position(), timeout_s=600)
    return home


def settled(home: LocalHome) -> LocalHome:
    """Caught up, and nothing left to merge."""
    until = time.monotonic() + 60
    while catalogue.find_mergeable(caught_up(home)._ledger.catalogue.runs) is not None:
        assert time.monotonic() < until
        home._log.wait(home.memory.log.position(), 0.01)
    return home


def fill_runs(home: LocalHome, scans: int, each: int = 120) -> LocalHome:
    """Append further scans, so many to a run. With `merge_soon`, every four such runs are merged into history.

    Each merge is awaited, so that there are always the same runs.
    """
    begin = home.memory.log.position()
    for start in range(begin, begin + scans, each):
        home.memory.log.append(batch(start, min(each, begin + scans - start)))
        settled(home)
    return home


def pieces(path: Path) -> list[str]:
    """The files of history that the index names."""
    listed = catalogue.read_catalogue(path / "index")
    return [piece.name for piece in listed.pieces] if listed else []


def count(home: LocalHome) -> int:
    """How many scans history has."""
    return int(home.memory.history.run(lambda scans: scans.count()).column(0)[0].as_py())
