"""What takes long to make is made once, by whichever of the processes that run tests comes first."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that all processes of a run of tests share; it is for copying.

    Args:
        folders: of this process.
        name: of what is made.
        make: makes it at a path that is not there yet.
    """
    base = folders.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    place, unfinished = shared / f"{name}-made", shared / f"{name}-begun"
    with (shared / f"{name}-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            shutil.rmtree(unfinished, ignore_errors=True)  # of one that failed
            make(unfinished)
            unfinished.rename(place)
    return place
