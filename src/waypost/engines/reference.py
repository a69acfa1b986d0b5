"""The reference engine: everything in memory, nothing clever. For tests, examples and throw-away runs."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from waypost.engines.local.duck import PLAIN_SCHEMA, Duck
from waypost.engines.sql.records import SqlRecords
from waypost.model.scans import IDENTITY
from waypost.store.fold import Fold
from waypost.store.memory import MemoryIndex, MemoryLog
from waypost.store.protocols import Memory


def open_reference(fold: Fold) -> Memory:
    """A memory that ends with the process."""
    log = MemoryLog()
    index = MemoryIndex(log, fold)
    records, history = SqlRecords("sqlite://"), _FollowingHistory(log)

    def close() -> None:
        history.close()
        records.close()

    return Memory(records=records, log=log, index=index, changes=index, history=history, close=close)


class _FollowingHistory:
    """`History` that reads the log whenever it is asked, and finds duplicates by looking at every scan."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._duck = Duck("1GB", None)
        self._position = 0
        self._scans = PLAIN_SCHEMA.empty_table()
        self._seen: set[tuple[object, ...]] = set()
        self._lock = threading.Lock()

    def run(self, ask: Callable[[Any], Any]) -> pa.Table:
        """See `History.run`."""
        self._catch_up()
        return self._duck.ask(ask, [], self._scans)

    def position(self) -> int:
        """See `History.position`."""
        self._catch_up()
        return self._position

    def close(self) -> None:
        """Let go of memory."""
        self._duck.close()

    def _catch_up(self) -> None:
        with self._lock:
            for frame in self._log.read(self._position):
                fresh = np.zeros(frame.scans.num_rows, np.bool_)
                identities = zip(*(frame.scans.column(name).to_pylist() for name in IDENTITY), strict=True)
                for row, identity in enumerate(identities):
                    fresh[row] = identity not in self._seen
                    self._seen.add(identity)
                scans = pa.Table.from_batches([frame.scans.filter(pa.array(fresh))])
                self._scans = pa.concat_tables([self._scans, scans.cast(PLAIN_SCHEMA)])
                self._position = frame.end
