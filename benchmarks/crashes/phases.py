"""What a writer and its indexer are at: a few bytes in a file that all map, so that they tell it when one is dead."""

import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: What they do. Several threads are at it, so they may be at several of them, but no phase is of both processes.
PHASES = ("opening", "appending", "indexing", "publishing", "noting states", "merging", "closing")
#: Those of the indexer.
INDEXING = PHASES[2:6]


_PID = struct.Struct("<I")


class Phases:
    """For each phase a byte: how many threads are in it. Behind them the pid of the indexer."""

    def __init__(self, path: Path) -> None:
        """Maps the file, which is made if there is none."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(fd, len(PHASES) + _PID.size)
            self._map = mmap.mmap(fd, len(PHASES) + _PID.size)
        finally:
            os.close(fd)
        self._moving = threading.Lock()
        self._thread = threading.local()

    @property
    def indexer(self) -> int:
        """Its pid; 0 before there is one."""
        return int(_PID.unpack_from(self._map, len(PHASES))[0])

    @indexer.setter
    def indexer(self, pid: int) -> None:
        _PID.pack_into(self._map, len(PHASES), pid)

    def clear(self, name: str | None = None) -> None:
        """Nobody is at a phase; without a name, at any, and there is no indexer yet."""
        if name is None:
            self._map[:] = bytes(len(self._map))
        else:
            self._map[PHASES.index(name)] = 0

    def under_way(self) -> list[str]:
        """Those that a thread is in."""
        return [name for name, threads in zip(PHASES, self._map[: len(PHASES)], strict=True) if threads]

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """This thread is in a phase; if it was in another, that one rests meanwhile."""
        before: str | None = getattr(self._thread, "phase", None)
        self._move(before, name)
        try:
            yield
        finally:
            self._move(name, before)

    def watch(self, owner: type, method: str, name: str) -> None:
        """From now on a method of a class is a phase."""
        plain: Callable[..., Any] = getattr(owner, method)

        def watched(*arguments: Any, **named: Any) -> Any:
            with self.within(name):
                return plain(*arguments, **named)

        setattr(owner, method, watched)

    def _move(self, before: str | None, after: str | None) -> None:
        with self._moving:
            if before is not None:
                self._map[PHASES.index(before)] -= 1
            if after is not None:
                self._map[PHASES.index(after)] += 1
        self._thread.phase = after
