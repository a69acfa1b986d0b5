"""The threads that bring the ledger behind the log, and that merge its runs, and go on after errors that pass.

Nobody waits for them as one waits for an answer or an acknowledgement, so they give way to the threads that give these;
that they do not fall behind for ever is for those to see to who let scans in.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from waypost.engines.local.arrays import I64
from waypost.engines.local.disk import store_error
from waypost.engines.local.entries import Entries
from waypost.engines.local.history import ParquetHistory
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.log import SegmentLog
from waypost.model.errors import StoreError, WaypostError
from waypost.store.protocols import Frame

#: So many scans are taken in together if so many wait: the more, the less each costs.
BATCH_ROWS = 400_000

#: How far they give way, as `nice` counts: they still get a third of what another thread gets.
_NICENESS = 5

_FIRST_PATIENCE_S, _LAST_PATIENCE_S = 0.5, 30.0
_MOST_REST_S = 0.1
_LOOK_S = 60.0
_TRIM_S = 60.0


class Told(Protocol):
    """Who is told how the work goes; `LedgerIndex` tells those who wait for it."""

    def tell_well(self, work: str) -> None:
        """Some work (`indexing`, `merging`, `trimming`) got on."""

    def tell_failed(self, work: str, error: StoreError) -> None:
        """It did not, and is tried again."""


class Follower:
    """Takes what comes in the log into the ledger in one thread, merges runs in another, and trims the log in a third.

    Another one arranges what is taken in next. The one that trims is there only if it is asked for.
    """

    def __init__(
        self,
        log: SegmentLog,
        ledger: Ledger,
        history: ParquetHistory,
        told: Told,
        trim: Callable[[Callable[[], bool]], None] | None = None,
    ) -> None:
        """`trim` lets old segments of the log go; it asks the function that it is given whether to leave off."""
        self._log = log
        self._ledger = ledger
        self._history = history
        self._told = told
        self._stopping = threading.Event()
        self._has_runs = threading.Event()
        self._has_runs.set()
        self._deadline_s = 0.0
        works: list[tuple[str, Callable[[], None], Callable[[], object]]] = [
            ("indexing", self._catch_up, lambda: self._log.wait(self._ledger.catalogue.position, _LOOK_S)),
            ("merging", self._merge, self._wait_for_runs),
        ]
        if trim is not None:
            works.append(("trimming", lambda: self._trim(trim), lambda: self._stopping.wait(_TRIM_S)))
        self._ahead = ThreadPoolExecutor(1, "arranging")  # its thread is as nice as the indexing one, which begins it
        self._threads = [
            threading.Thread(target=self._go_on, args=(name, work, wait), name=name, daemon=True)
            for name, work, wait in works
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, within_s: float, *, also_merging: bool = True) -> None:
        """Follow up to the end of the log, which must be closed, for at most so long, then end.

        What is not followed then is followed after the next start. A merge that is under way is brought to its end,
        unless who stops it is about to end this process.
        """
        self._deadline_s = time.monotonic() + within_s
        self._stopping.set()
        self._has_runs.set()
        for thread in self._threads:
            if also_merging or thread.name == "indexing":
                thread.join()
        self._ahead.shutdown()

    def _go_on(self, name: str, work: Callable[[], None], wait: Callable[[], object]) -> None:
        _give_way()
        patience_s, is_well = _FIRST_PATIENCE_S, False
        while True:
            is_last = self._stopping.is_set()  # what came while it worked, before it was to stop, is worked on too
            try:
                work()
                if not is_well:
                    self._told.tell_well(name)
                patience_s, is_well = _FIRST_PATIENCE_S, True
            except Exception as error:  # told to all who wait; a full disk may have room again later
                self._told.tell_failed(name, as_store_error(error, name))
                if self._stopping.wait(patience_s):
                    return
                patience_s, is_well = min(2 * patience_s, _LAST_PATIENCE_S), False
                continue
            if is_last:
                return
            wait()

    def _catch_up(self) -> None:
        """Take in what waits; then rest as long as that took, unless a whole batch waits already.

        So scans that come all the while are taken in more at a time, which costs less, and one that comes alone is
        shown at once.
        """
        begun_s = time.monotonic()
        self._take_in_all()
        if self._log.position() - self._ledger.catalogue.position < BATCH_ROWS:
            self._stopping.wait(min(time.monotonic() - begun_s, _MOST_REST_S))

    def _take_in_all(self) -> None:
        batches = self._batches()
        coming = self._ahead.submit(self._arrange_next, batches)
        while (batch := coming.result()) is not None:
            if self._stopping.is_set() and time.monotonic() > self._deadline_s:
                return
            coming = self._ahead.submit(self._arrange_next, batches)
            self._ledger.apply(*batch)
            self._told.tell_well("indexing")
            self._has_runs.set()

    def _arrange_next(self, batches: Iterator[list[Frame]]) -> tuple[list[Frame], tuple[Entries, I64]] | None:
        """The next batch, brought into order while the one before is taken in; None behind the last."""
        frames = next(batches, None)
        return None if frames is None else (frames, self._ledger.arrange(frames))

    def _batches(self) -> Iterator[list[Frame]]:
        batch: list[Frame] = []
        rows = 0
        for frame in self._log.read(self._ledger.catalogue.position):
            batch.append(frame)
            rows += frame.scans.num_rows
            if rows >= BATCH_ROWS:
                yield batch
                batch, rows = [], 0
        if batch:
            yield batch

    def _merge(self) -> None:
        while not self._stopping.is_set() and self._ledger.merge(self._history.write_piece):
            self._told.tell_well("merging")

    def _trim(self, trim: Callable[[Callable[[], bool]], None]) -> None:
        trim(self._stopping.is_set)
        self._told.tell_well("trimming")

    def _wait_for_runs(self) -> None:
        self._has_runs.wait()
        if not self._stopping.is_set():
            self._has_runs.clear()


def _give_way() -> None:
    """Let other threads of this process, and other processes, come first."""
    if sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        mine = threading.get_native_id()
        with suppress(OSError):  # a courtesy: where it is forbidden, all goes on without
            os.setpriority(os.PRIO_PROCESS, mine, os.getpriority(os.PRIO_PROCESS, mine) + _NICENESS)


def as_store_error(error: Exception, doing: str) -> StoreError:
    """The error to tell for whatever went wrong."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, WaypostError):
        return StoreError(error.message, mend=error.mend)
    if isinstance(error, OSError):
        return store_error(error, doing)
    return StoreError(
        f"{doing.capitalize()} failed: {error!r}.", mend="This is a fault of Waypost; look-ups stay as they are."
    )
