"""Timelines, states and changes behind the log."""

import threading
import time
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from waypost.engines.local.arrays import I32, I64, U64
from waypost.engines.local.entries import Entries, gather_places, texts_of
from waypost.engines.local.keys import hash_numbers
from waypost.engines.local.ledger import Ledger, fold_timelines
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.runs import NOTHING, Runs
from waypost.engines.local.slots import parcels_of
from waypost.engines.local.views import numbers_of, scans_of
from waypost.model.errors import Gone, StoreDamaged, StoreError
from waypost.model.scans import SCAN_SCHEMA, in_order
from waypost.store.fold import Fold, change_table, state_table

_ALL = 1 << 64
_LOOK_S = 0.05
_INDEXING = "indexing"  # what it waits for; that merging fails keeps nobody from an answer
_TRIMMING = "trimming"


class LedgerIndex:
    """`ParcelIndex` and `Changes` over a ledger, whose owner says when it has got on. Any thread may ask."""

    def __init__(self, ledger: Ledger, fold: Fold, log: SegmentLog) -> None:
        self._failures: dict[str, StoreError] = {}
        self._ledger = ledger
        self._fold = fold
        self._log = log
        self._moved = threading.Condition()

    @property
    def failure(self) -> StoreError | None:
        """Why it does not get on just now; None while it does."""
        return next(iter(self.failures), None)

    @property
    def failures(self) -> list[StoreError]:
        """As `failure`, all there are."""
        return [error for work, error in list(self._failures.items()) if work != _TRIMMING]

    @property
    def trimming(self) -> StoreError | None:
        """Why old segments of the log do not go; None while they do. It holds nobody up."""
        return self._failures.get(_TRIMMING)

    # ParcelIndex

    def states(self, numbers: Sequence[str], carrier: str | None = None, most: int | None = None) -> pa.Table:
        """See `ParcelIndex.states`."""
        _, runs = self._ledger.snapshot()
        hashes = self._hashes([number for number in numbers if _is_sayable(number)])
        is_busy = np.isin(hashes, runs.busy)
        table = self._state_table(self._only(runs.of(hashes[~is_busy]), carrier))
        if is_busy.any():
            table = pa.concat_tables([table, self._busy_table(runs, np.unique(hashes[is_busy]), carrier)])
            table = table.unify_dictionaries()
        if table.num_rows > 1:
            table = table.sort_by([("number", "ascending"), ("carrier", "ascending")])
        if most is None or table.num_rows <= most:
            return table
        _, counts = np.unique(
            np.asarray(table.column("number").combine_chunks().dictionary_encode().indices), return_counts=True
        )
        place = np.concatenate([np.arange(count) for count in counts])
        return table.filter(pa.array(place < most))

    def timelines(self, numbers: Sequence[str], carrier: str | None = None, most: int | None = None) -> pa.Table:
        """See `ParcelIndex.timelines`."""
        _, runs = self._ledger.snapshot()
        hashes = self._hashes([number for number in numbers if _is_sayable(number)])
        return in_order(scans_of(self._only(runs.of(hashes, most), carrier), self._ledger.words))

    def page(self, after: tuple[str, str] | None, limit: int) -> pa.Table:
        """See `ParcelIndex.page`; the order is that of the hashes of numbers."""
        _, runs = self._ledger.snapshot()
        low = 0
        if after is not None:
            low = int(self._hashes([after[0]])[0]) if _is_sayable(after[0]) else _ALL
        numbers = sum(run.foot.numbers for run in runs.all)
        width = _ALL * (limit + 1) // max(numbers, 1) + 1
        table = self._state_table(NOTHING)
        while low < _ALL and table.num_rows < limit:
            high = low + width
            more = self._states_between(runs, low, high)
            if after is not None:
                more, after = more.slice(_place_behind(more, after)), None
            table = pa.concat_tables([table, more])
            low, width = high, 2 * width
        return table.slice(0, limit)

    def position(self) -> int:
        """See `ParcelIndex.position`."""
        return self._ledger.snapshot()[0].position

    def catch_up(self, position: int, timeout_s: float) -> bool:
        """See `ParcelIndex.catch_up`."""
        until_s = time.monotonic() + timeout_s
        with self._moved:
            while self.position() < position and _INDEXING not in self._failures:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    return False
                self._moved.wait(min(left_s, _LOOK_S))  # another process may be the one that gets on
            failure = self._failures.get(_INDEXING)
            if self.position() < position and failure is not None:
                raise failure
            return self.position() >= position

    # Changes

    def read(self, after: int, limit: int) -> pa.Table:
        """See `Changes.read`."""
        self._refuse_gone(after)
        try:
            positions, news = self._ledger.changes.read(after, limit)
        except StoreDamaged:
            self._ledger.refresh()  # they may have gone while they were read, of which nobody is told
            self._refuse_gone(after)
            raise
        return change_table(positions, self._scans_at(positions), news, self._fold, self._ledger.words)

    def edition(self) -> str:
        """See `Changes.edition`; an index that was made anew has another seed."""
        catalogue, _ = self._ledger.snapshot()
        return f"{catalogue.seed.hex()}-{catalogue.turn}"

    def _refuse_gone(self, after: int) -> None:
        start = self._ledger.snapshot()[0].changes_start
        if after + 1 < start:
            raise Gone(
                f"Changes before scan {start} went with the log, as the settings ask.",
                start=start,
                mend=f"Go on behind {start - 1}; what parcels are like now, `states` and `page` say.",
            )

    # For its owner

    def tell_well(self, work: str) -> None:
        """Tell those who wait that some work on it got on."""
        with self._moved:
            self._failures.pop(work, None)
            self._moved.notify_all()

    def tell_failed(self, work: str, error: StoreError) -> None:
        """Tell those who wait that they wait in vain."""
        with self._moved:
            self._failures[work] = error
            self._moved.notify_all()

    def _only(self, entries: Entries, carrier: str | None) -> Entries:
        """Those of a carrier, if one is named."""
        if carrier is None or not len(entries):
            return entries
        wanted = self._ledger.words.carrier.find(carrier)
        return gather_places(entries, np.flatnonzero(carriers_of(entries) == wanted))

    def _hashes(self, numbers: Sequence[str]) -> U64:
        texts = texts_of([pa.array(numbers, pa.string())])
        return hash_numbers(texts.data, texts.ends, self._ledger.catalogue.seed)[0]

    def _state_table(self, entries: Entries) -> pa.Table:
        """The states of parcels of whole timelines, in their order."""
        words = self._ledger.words
        keys, parcel_of = parcels_of(entries.words)
        opens = np.flatnonzero(np.diff(parcel_of, prepend=-1))
        return state_table(
            words.carrier.texts(carriers_of(entries)[opens]),
            numbers_of(entries).take(pa.array(opens)),
            np.bincount(parcel_of, minlength=len(keys)),
            fold_timelines(entries, parcel_of, self._fold, words),
            self._fold,
            words,
        )

    def _states_between(self, runs: Runs, low: int, high: int) -> pa.Table:
        """The states of all parcels whose numbers have a hash from `low` to before `high`, in order."""
        tables = []
        for hashed in runs.busy.tolist():
            if low <= hashed < high:
                tables.append(self._state_table(runs.slice(low, hashed)))
                tables.append(self._busy_table(runs, np.array([hashed], np.uint64), None))
                low = hashed + 1
        tables.append(self._state_table(runs.slice(low, high if high < _ALL else None)))
        return pa.concat_tables(tables)

    def _busy_table(self, runs: Runs, hashes: U64, carrier: str | None) -> pa.Table:
        """The states of the parcels of some busy numbers, in order."""
        words = self._ledger.words
        found = [each for hashed in hashes.tolist() for each in self._ledger.shares.standing(hashed, runs, words)]
        if carrier is not None:
            wanted = words.carrier.find(carrier)
            found = [each for each in found if each.carrier == wanted]
        return state_table(
            words.carrier.texts(np.array([each.carrier for each in found], np.int32)),
            pa.array([each.number for each in found], pa.string()),
            np.array([each.scans for each in found], np.int64),
            np.concatenate([self._fold.blank(0), *(each.state for each in found)]),
            self._fold,
            words,
        )

    def _scans_at(self, positions: I64) -> pa.Table:
        """The scans at some positions of the log, which ascend."""
        tables = [SCAN_SCHEMA.empty_table()]
        place = 0
        for frame in self._log.read(int(positions[0])) if len(positions) else ():
            stop = int(np.searchsorted(positions, frame.end))
            if stop > place:
                rows = pa.array(positions[place:stop] - frame.position)
                tables.append(pa.Table.from_batches([frame.scans.take(rows)]))
            place = stop
            if place == len(positions):
                break
        return pa.concat_tables(tables).unify_dictionaries()


def carriers_of(entries: Entries) -> I32:
    """The carrier of each entry."""
    return (entries.words[:, 1] >> np.uint64(24) & np.uint64(0xFFFF)).astype(np.int32)


def _is_sayable(number: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in number)


def _place_behind(table: pa.Table, parcel: tuple[str, str]) -> int:
    """The row behind a parcel. Where it is gone, carriers of its number that were shown before may be shown again."""
    keys = zip(table.column("number").to_pylist(), table.column("carrier").to_pylist(), strict=True)
    return next((row + 1 for row, key in enumerate(keys) if key == parcel), 0)
