"""The reference: the same protocols in plain memory, for tests, examples and as the definition of right.

It keeps everything and folds each parcel from its whole timeline every time, so it shares no cleverness with the
engines that are held against it. Nothing survives the process. `Records` and `History` have their reference in
`engines`, on SQLite and DuckDB in memory.
"""

import itertools
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.scans import IDENTITY, SCAN_SCHEMA, check_batch, in_order, surviving
from waypost.store.fold import Fold, change_table, key_scans, state_table
from waypost.store.protocols import Frame
from waypost.store.words import Vocabulary


class MemoryLog:
    """`ScanLog` in a list."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._lock = threading.Lock()

    def append(self, scans: pa.RecordBatch) -> int:
        """See `ScanLog.append`."""
        check_batch(scans)
        with self._lock:
            position = self.position()
            if scans.num_rows:
                self._frames.append(Frame(position, scans))
            return position

    def read(self, position: int) -> Iterator[Frame]:
        """See `ScanLog.read`."""
        for frame in list(self._frames):
            if frame.end > position:
                skip = max(position - frame.position, 0)
                yield Frame(frame.position + skip, frame.scans.slice(skip))

    def start(self) -> int:
        """See `ScanLog.start`."""
        return 0

    def position(self) -> int:
        """See `ScanLog.position`."""
        return self._frames[-1].end if self._frames else 0


Key = tuple[str, str]  # number, carrier


class MemoryIndex:
    """`ParcelIndex` and `Changes` in dictionaries."""

    def __init__(self, log: MemoryLog, fold: Fold) -> None:
        self._log = log
        self._fold = fold
        self._words = Vocabulary()
        self._lock = threading.Lock()
        self._position = 0
        self._timelines: dict[Key, dict[tuple[object, ...], pa.RecordBatch]] = {}
        self._changes: list[tuple[int, pa.RecordBatch, npt.NDArray[np.void]]] = []

    def position(self) -> int:
        """See `ParcelIndex.position`."""
        return self._position

    def catch_up(self, position: int, timeout_s: float) -> bool:
        """See `ParcelIndex.catch_up`; here it does the work itself."""
        with self._lock:
            for frame in self._log.read(self._position):
                self._apply(frame)
        return self._position >= position

    def states(self, numbers: Sequence[str], carrier: str | None = None, most: int | None = None) -> pa.Table:
        """See `ParcelIndex.states`."""
        with self._lock:
            of_numbers = itertools.groupby(self._keys(numbers, carrier), key=lambda key: key[0])
            return self._state_table([key for _, keys in of_numbers for key in list(keys)[:most]])

    def timelines(self, numbers: Sequence[str], carrier: str | None = None, most: int | None = None) -> pa.Table:
        """See `ParcelIndex.timelines`."""
        with self._lock:
            timelines = [self._timeline([key]) for key in self._keys(numbers, carrier)]
        newest = [each.slice(0 if most is None else max(each.num_rows - most, 0)) for each in timelines]
        return pa.concat_tables([SCAN_SCHEMA.empty_table(), *newest]).unify_dictionaries().combine_chunks()

    def _keys(self, numbers: Sequence[str], carrier: str | None) -> list[Key]:
        wanted = set(numbers)
        return sorted(key for key in self._timelines if key[0] in wanted and carrier in (None, key[1]))

    def page(self, after: tuple[str, str] | None, limit: int) -> pa.Table:
        """See `ParcelIndex.page`."""
        with self._lock:
            keys = sorted(key for key in self._timelines if after is None or key > after)
            return self._state_table(keys[:limit])

    def read(self, after: int, limit: int) -> pa.Table:
        """See `Changes.read`."""
        with self._lock:
            rows = [row for row in self._changes if row[0] > after][:limit]
        tables = [SCAN_SCHEMA.empty_table(), *(pa.Table.from_batches([scan]) for _, scan, _ in rows)]
        news = np.concatenate([np.zeros(0, self._fold.news), *(told for _, _, told in rows)])
        positions = np.array([position for position, _, _ in rows], np.int64)
        return change_table(positions, pa.concat_tables(tables).unify_dictionaries(), news, self._fold, self._words)

    def edition(self) -> str:
        """See `Changes.edition`."""
        return "memory"

    def _apply(self, frame: Frame) -> None:
        last: dict[Key, int] = {}
        before: dict[Key, npt.NDArray[np.void] | None] = {}
        identities = zip(*(frame.scans.column(name).to_pylist() for name in IDENTITY), strict=True)
        for row, identity in enumerate(identities):
            key = (str(identity[1]), str(identity[0]))
            if key not in before:
                before[key] = self._state(key)
            scans = self._timelines.setdefault(key, {})
            if identity not in scans:
                scans[identity] = frame.scans.slice(row, 1)
                last[key] = row
        blank = np.zeros(1, self._fold.dtype)
        for key, row in sorted(last.items(), key=lambda item: item[1]):
            was, now = before[key], self._state(key)
            assert now is not None
            news = self._fold.tell(blank if was is None else was, now, np.array([was is None]))
            if news["told"][0]:
                self._changes.append((frame.position + row, frame.scans.slice(row, 1), news))
        self._position = frame.end

    def _state(self, key: Key) -> npt.NDArray[np.void] | None:
        if key not in self._timelines:
            return None
        timeline = self._timeline([key])
        standing = timeline.filter(pa.array(surviving(timeline)))
        if not standing.num_rows:  # every scan was withdrawn: only what the corrections themselves say is left
            standing = timeline.filter(timeline.column("corrects").is_valid())
        return self._fold.fold(key_scans(standing, np.zeros(standing.num_rows, np.int64), self._words))

    def _state_table(self, keys: list[Key]) -> pa.Table:
        states = [self._state(key) for key in keys]
        records = np.concatenate([np.zeros(0, self._fold.dtype), *(state for state in states if state is not None)])
        counts = [len(self._timelines[key]) for key in keys]
        numbers, carriers = ([key[place] for key in keys] for place in (0, 1))
        return state_table(
            pa.array(carriers, pa.string()), pa.array(numbers, pa.string()), np.array(counts, np.int64), records,
            self._fold, self._words,
        )  # fmt: skip

    def _timeline(self, keys: list[Key]) -> pa.Table:
        rows = [scan for key in keys for scan in self._timelines[key].values()]
        return in_order(pa.Table.from_batches(rows, SCAN_SCHEMA).unify_dictionaries())
