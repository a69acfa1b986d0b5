"""A process that opens a home and appends to it under load until it is killed or told to end; another indexes for it.

Run as: python -m benchmarks.crashes.writer ORDERS. Each line that it prints is one of

==============================  ================================================================
``opened SECONDS CUT``          the home is open; CUT is 1 if the end of the log was cut off
``shown SECONDS``               look-ups show all that the log held at opening
``sends BLOCK``                 written ahead: these scans are about to be handed in
``safe BLOCK POSITION``         they are acknowledged
``closed SECONDS``              SIGTERM came, and all was brought to an end
``failed WHY``                  something that should not go wrong did
==============================  ================================================================
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.crashes.disk import PiecewiseDisk
from benchmarks.crashes.indexer import PHASES_AT
from benchmarks.crashes.phases import Phases
from benchmarks.crashes.sizes import make_small
from benchmarks.worlds import World
from waypost.engines.local.home import LocalHome, open_home
from waypost.engines.local.log import SegmentLog
from waypost.store.protocols import Memory
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

INDEXER = "benchmarks.crashes.indexer"
#: What a home says of an indexer that was killed, until another one is at work.
_KILLED = "was ended by signal 9"

_SEGMENT_BYTES = 200_000
_AGAIN = 0.05
_MOST_LAG = 15_000
_LAG_S, _WATCH_S = 0.002, 0.02


class Orders(msgspec.Struct, frozen=True):
    """What a writer is to do.

    Attributes:
        home: the folder.
        phases: the file in which it tells what it is at.
        scans: a file with the numbers of all scans of the blocks, one after the other.
        blocks: what the blocks are called.
        rows: scans in a block; the last one may have fewer.
        world: parcels, seed and window.
        threads: that append.
        per_s: scans that all threads together append a second.
        states_bytes: memory for states.
        seed: of what it draws.
    """

    home: str
    phases: str
    scans: str
    blocks: list[int]
    rows: int
    world: tuple[int, int, int]
    threads: int
    per_s: int
    states_bytes: int
    seed: int


class _Sender:
    """Blocks, for threads to append from; when all are sent, some are sent again and again."""

    def __init__(self, orders: Orders, stopping: threading.Event) -> None:
        ids, rows = np.load(orders.scans), orders.rows
        self._blocks = {name: ids[at * rows : (at + 1) * rows] for at, name in enumerate(orders.blocks)}
        self._fresh = iter(orders.blocks)
        self._safe: list[int] = []
        self._world = World(*orders.world)
        self._world.batch(np.arange(1))  # makes the tables of words
        self._stopping = stopping
        self._every_s = orders.rows * orders.threads / orders.per_s
        self._drawing = random.Random(orders.seed)
        self._lock = threading.Lock()

    def send(self, memory: Memory) -> None:
        """Append one block after the other, until it is enough."""
        log, index = memory.log, memory.index
        due_s = time.monotonic()
        while not self._stopping.is_set():
            due_s = max(due_s + self._every_s, time.monotonic() - self._every_s)
            self._stopping.wait(due_s - time.monotonic())
            if log.position() - index.position() > _MOST_LAG:
                self._stopping.wait(_LAG_S)
                continue
            block = self._next()
            if block is None:
                continue
            scans = self._world.batch(self._blocks[block])
            tell("sends", block)
            position = log.append(scans)
            tell("safe", block, position)
            with self._lock:
                self._safe.append(block)

    def _next(self) -> int | None:
        with self._lock:
            if self._safe and self._drawing.random() < _AGAIN:
                return self._drawing.choice(self._safe)
            block = next(self._fresh, None)
            return self._drawing.choice(self._safe) if block is None and self._safe else block


def main() -> None:
    """Write until the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who gave the orders decides
    orders = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Orders)
    make_small()
    phases = Phases(Path(orders.phases))
    phases.watch(SegmentLog, "_write", "appending")
    os.environ[PHASES_AT] = orders.phases
    stopping, failures = threading.Event(), list[BaseException]()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())

    def start(act: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                act()
            except BaseException as error:
                failures.append(error)
                stopping.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    sender = _Sender(orders, stopping)
    fold = StatusFold(bundled_tables())
    begun_s = time.perf_counter()
    with phases.within("opening"):
        home = open_home(
            Path(orders.home),
            fold,
            states_bytes=orders.states_bytes,
            segment_bytes=_SEGMENT_BYTES,
            indexer=INDEXER,
            disk=PiecewiseDisk(),
        )
    held = home.memory.log.position()
    tell("opened", time.perf_counter() - begun_s, int(home.health().cut is not None))
    threads = [start(lambda: sender.send(home.memory)) for _ in range(orders.threads)]
    threads += [start(lambda: _await_shown(home, held, begun_s, stopping)), start(lambda: _look_after(home, stopping))]
    stopping.wait()
    begun_s = time.perf_counter()
    for thread in threads:
        thread.join()
    with phases.within("closing"):
        home.close()
    if failures:
        tell("failed", repr(failures[0]))
        sys.exit(3)
    tell("closed", time.perf_counter() - begun_s)


def tell(*words: object) -> None:
    """One line, at once and whole."""
    os.write(1, (" ".join(map(str, words)).replace("\n", " ") + "\n").encode())


def _await_shown(home: LocalHome, position: int, begun_s: float, stopping: threading.Event) -> None:
    while not home.memory.index.catch_up(position, _WATCH_S):
        if stopping.is_set():
            return
    tell("shown", time.perf_counter() - begun_s)


def _look_after(home: LocalHome, stopping: threading.Event) -> None:
    while not stopping.wait(_WATCH_S):
        error = home.health().error
        if error is not None and _KILLED not in error:
            raise RuntimeError(error)


if __name__ == "__main__":
    main()
