"""The engines under the one behaviour suite. A new engine is one more entry in `ENGINES`."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from waypost.engines.local.apart import INDEXER
from waypost.engines.local.home import open_home
from waypost.engines.reference import open_reference
from waypost.store.protocols import Memory
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

FOLD = StatusFold(bundled_tables())


class ForgetsError(Exception):
    """The engine keeps nothing when it is closed."""


class Engine(msgspec.Struct, frozen=True):
    """How to open a memory in a folder, and again after it was closed.

    Where that takes long, the plain run has only the tests that are marked `always`, and the heavy one has all.
    """

    name: str
    open: Callable[[Path], Memory]
    reopen: Callable[[Path], Memory]
    opens_slowly: bool = False


def _forget(folder: Path) -> Memory:
    raise ForgetsError("the reference lives in memory alone")


def _open_local(folder: Path) -> Memory:
    # Small files, so that the suite crosses their edges.
    return open_home(folder / "home", FOLD, segment_bytes=20_000).memory


def _open_apart(folder: Path) -> Memory:
    return open_home(folder / "home", FOLD, segment_bytes=20_000, indexer=INDEXER).memory


ENGINES = [
    Engine("reference", lambda folder: open_reference(FOLD), _forget),
    Engine("local", _open_local, _open_local),
    Engine("apart", _open_apart, _open_apart, opens_slowly=True),
]


class Opened:
    """A memory under test."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self.memory = engine.open(folder)

    def restart(self) -> None:
        """Close it and open it again."""
        self.memory.close()
        self.memory = self._engine.reopen(self._folder)

    def caught_up(self) -> Memory:
        """The memory, with everything indexed that was appended before."""
        assert self.memory.index.catch_up(self.memory.log.position(), timeout_s=60)
        return self.memory

    def close(self) -> None:
        self.memory.close()
