"""Homes of the local engine, with the fold that the house uses."""

from pathlib import Path
from typing import Any

from waypost.engines.local.home import LocalHome, open_home
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

FOLD = StatusFold(bundled_tables())


def home_in(path: Path, **options: Any) -> LocalHome:
    return open_home(path, FOLD, **options)


def caught_up(home: LocalHome) -> LocalHome:
    assert home.memory.index.catch_up(home.memory.log.position(), timeout_s=600)
    return home


def count(home: LocalHome) -> int:
    """How many scans history has."""
    return int(home.memory.history.run(lambda scans: scans.count()).column(0)[0].as_py())
