"""The thread that brings index and history behind the log, and goes on after errors that pass."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from waypost.engines.local.disk import store_error
from waypost.engines.local.history import ParquetHistory
from waypost.engines.local.index import RocksIndex
from waypost.engines.local.log import SegmentLog
from waypost.model.errors import StoreError
from waypost.store.protocols import Frame

_FIRST_PATIENCE_S, _LAST_PATIENCE_S = 0.5, 30.0
_LOOK_S = 60.0


class Follower:
    """Takes each frame of the log into the index, then into history, then lets the index say so."""

    def __init__(self, log: SegmentLog, index: RocksIndex, history: ParquetHistory) -> None:
        self._log = log
        self._index = index
        self._history = history
        self._stopping = threading.Event()
        self._deadline_s = 0.0
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)
        self._thread.start()

    def stop(self, within_s: float) -> None:
        """Follow up to the end of the log, which must be closed, for at most so long, then end.

        What is not followed then is followed after the next start.
        """
        self._deadline_s = time.monotonic() + within_s
        self._stopping.set()
        self._thread.join()

    def _follow(self) -> None:
        patience_s = _FIRST_PATIENCE_S
        while True:
            try:
                self._catch_up()
                patience_s = _FIRST_PATIENCE_S
            except Exception as error:  # told to all who wait; a full disk may have room again later
                self._index.fail(_as_store_error(error))
                if self._stopping.wait(patience_s):
                    return
                patience_s = min(2 * patience_s, _LAST_PATIENCE_S)
                continue
            if self._stopping.is_set():
                return
            self._log.wait(self._index.position(), _LOOK_S)

    def _catch_up(self) -> None:
        self._index.recover()
        restage(self._log, self._index, self._history)
        self._index.publish()
        for frame in self._log.read(self._index.applied()):
            if self._stopping.is_set() and time.monotonic() > self._deadline_s:
                return
            self._history.stage(frame, self._index.apply(frame))
            self._index.publish()


def restage(log: SegmentLog, index: RocksIndex, history: ParquetHistory) -> None:
    """Bring history up to where the index is: what it had only in memory when the process ended."""
    for frame, fresh in _known_frames(log, index, history.reached()):
        history.stage(frame, fresh)


def _known_frames(log: SegmentLog, index: RocksIndex, start: int) -> Iterator[tuple[Frame, npt.NDArray[np.bool_]]]:
    end = index.applied()
    for frame in log.read(start) if start < end else ():
        if frame.position >= end:
            return
        whole = frame if frame.end <= end else Frame(frame.position, frame.scans.slice(0, end - frame.position))
        yield whole, index.fresh(whole)


def _as_store_error(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, OSError):
        return store_error(error, "indexing")
    return StoreError(f"Indexing failed: {error!r}.", mend="This is a fault of Waypost; look-ups stay as they are.")
