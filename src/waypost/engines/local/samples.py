"""Parcels chosen by chance from the log, with all the scans that it has of them, for others to be held against."""

import random
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.errors import Gone, StoreDamaged
from waypost.model.scans import SCAN_SCHEMA
from waypost.store.fold import Fold
from waypost.store.memory import MemoryIndex, MemoryLog
from waypost.store.protocols import Frame, ScanLog

SCAN_COLUMNS = SCAN_SCHEMA.names
#: Rows of parcels, by carrier and number.
Timelines = dict[tuple[str, str], list[dict[str, Any]]]

#: A number with more scans than that (a bag, a container) is left out.
_MOST_SCANS = 2_000
_OFFSETS = 40
_TEXT = pa.string()


class Sample:
    """Numbers chosen by chance, and all their scans, gathered while the log is read."""

    def __init__(self, log: ScanLog, size: int) -> None:
        self.end = log.position()
        self._numbers = pa.array(sorted(self._choose(log, size)), pa.string())
        self._counts: Counter[str] = Counter()
        self._scans: list[pa.RecordBatch] = []
        self._positions: list[np.ndarray[Any, np.dtype[np.int64]]] = []

    def _choose(self, log: ScanLog, size: int) -> set[str]:
        if not self.end or not size:
            return set()
        chance = random.Random(self.end)  # others when the log has grown, the same when it has not
        numbers: set[str] = set()
        try:
            for _ in range(_OFFSETS):
                frame = next(log.read(chance.randrange(log.start(), self.end)))
                rows = [chance.randrange(frame.scans.num_rows) for _ in range(-(-size // _OFFSETS))]
                numbers.update(frame.scans.column("number").take(pa.array(rows)).to_pylist())
        except (StoreDamaged, Gone):  # found, with its byte, when the frames are read
            return set()
        return set(sorted(numbers)[:size])

    def take(self, frame: Frame) -> None:
        """Gather the scans of these numbers."""
        rows = np.flatnonzero(pc.is_in(frame.scans.column("number"), self._numbers))
        if not len(rows):
            return
        scans = frame.scans.take(pa.array(rows))
        self._counts.update(scans.column("number").to_pylist())
        self._scans.append(scans)
        self._positions.append(frame.position + rows)
        busy = {number for number, count in self._counts.items() if count > _MOST_SCANS}
        if busy:
            self._numbers = pc.filter(self._numbers, pc.invert(pc.is_in(self._numbers, pa.array(sorted(busy)))))
            for number in busy:
                del self._counts[number]

    def work_out(self, fold: Fold, end: int) -> tuple[Timelines, Timelines]:
        """Timelines and states of these numbers, from all scans below a position, as the reference has them."""
        positions = np.concatenate([np.zeros(0, np.int64), *self._positions])
        plain = [field.with_type(_TEXT) if pa.types.is_dictionary(field.type) else field for field in SCAN_SCHEMA]
        table = pa.Table.from_batches(self._scans, SCAN_SCHEMA).cast(pa.schema(plain))
        mask = (positions < end) & np.asarray(pc.is_in(table.column("number"), self._numbers))
        # Words anew: a frame's dictionary has those of all its scans.
        chosen = table.filter(pa.array(mask)).combine_chunks().cast(SCAN_SCHEMA)
        index = reference_of(chosen, fold)
        return by_parcel(index.timelines(self.numbers), SCAN_COLUMNS), by_parcel(index.states(self.numbers))

    @property
    def numbers(self) -> list[str]:
        """The numbers."""
        return list(self._numbers.to_pylist())


def reference_of(scans: pa.Table, fold: Fold) -> MemoryIndex:
    """What the reference makes of some scans."""
    log = MemoryLog()
    for batch in scans.unify_dictionaries().combine_chunks().to_batches():
        log.append(batch)
    index = MemoryIndex(log, fold)
    index.catch_up(log.position(), 0)
    return index


def by_parcel(table: pa.Table, columns: list[str] | None = None) -> Timelines:
    """The rows of each parcel, in whatever order they came."""
    parcels: Timelines = {}
    for row in (table.select(columns) if columns else table).to_pylist():
        parcels.setdefault((row["carrier"], row["number"]), []).append(row)
    return {key: sorted(rows, key=repr) for key, rows in parcels.items()}
