"""What senders send: NDJSON of so many scans each, from files that were made before, or made as it is taken."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.worlds import World

_FILE_ROWS = 1_000_000


class Bodies:
    """Bodies in their order, for many threads to take from.

    Attributes:
        made_s: seconds of CPU that making them took while they were taken.
    """

    def __init__(self, bodies: Iterator[bytes]) -> None:
        self._bodies = bodies
        self._lock = threading.Lock()
        self.made_s = 0.0

    def take(self) -> bytes | None:
        """The next body; None behind the last."""
        with self._lock:
            mark = time.thread_time()
            body = next(self._bodies, None)
            self.made_s += time.thread_time() - mark
            return body


def make_bodies(world: World, rows: int) -> Iterator[bytes]:
    """Bodies of so many scans."""
    return (world.body(ids) for ids in world.blocks(rows))


def write_bodies(world: World, rows: int, folder: Path, tell: Callable[[int], None]) -> list[tuple[Path, list[int]]]:
    """Write all bodies into files of a million scans or so.

    Args:
        world: what is sent.
        rows: scans in a body.
        folder: where the files go.
        tell: is told of each body how many scans it has.

    Returns:
        The files, and of each the sizes of its bodies.
    """
    files: list[tuple[Path, list[int]]] = []
    room = 0
    for ids in world.blocks(rows):
        if room < len(ids):
            files.append((folder / f"{len(files):05d}.ndjson", []))
            room = max(_FILE_ROWS, rows)
        room -= len(ids)
        body = world.body(ids)
        with files[-1][0].open("ab") as file:
            file.write(body)
        files[-1][1].append(len(body))
        tell(len(ids))
    return files


def read_bodies(files: list[tuple[Path, list[int]]]) -> Iterator[bytes]:
    """The bodies of such files; the next files are not read ahead by us, but by the system."""
    for path, sizes in files:
        fd = os.open(path, os.O_RDONLY)
        try:
            for size in sizes:
                yield os.read(fd, size)
        finally:
            os.close(fd)
