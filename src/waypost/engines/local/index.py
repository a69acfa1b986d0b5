"""Timelines, states and changes behind the log, in RocksDB.

The index is a function of the log and the fold: the same frames always give the same bytes. Each frame goes in as one
batch that also says how far the index has come, so after a crash it goes on exactly where it was, and if it is lost or
the fold has changed it is made anew from the log.
"""

import itertools
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.engines.local.rocks import Rocks
from waypost.engines.local.rows import (
    bytes_of,
    parcel_key,
    parcels_of,
    position_key,
    records_of,
    scan_keys,
    scan_values,
    split_key,
    timeline_of,
)
from waypost.model.errors import StoreDamaged, StoreError, WrongFormat
from waypost.model.scans import surviving
from waypost.store.fold import Fold, change_table, key_scans, state_table
from waypost.store.protocols import Frame
from waypost.store.words import Words

INDEX_FORMAT = 1

_SCAN, _PARCEL, _CHANGE, _DUPLICATES, _WORD, _META = b"s", b"p", b"c", b"d", b"w", b"m"
_ORDER = [("number", "ascending"), ("carrier", "ascending"), ("at", "ascending"), ("position", "ascending")]

States = npt.NDArray[np.void]
Pairs = list[tuple[bytes, bytes]]


class _Fresh(msgspec.Struct, frozen=True):
    """The scans of a frame that had not come before, and the parcels that they belong to.

    Attributes:
        mask: which rows of the frame they are.
        pairs: their keys and values.
        group: for each of them, its place in `keys`.
        keys: number NUL carrier of each parcel.
        kept: what is known of each parcel, None if nothing.
    """

    mask: npt.NDArray[np.bool_]
    pairs: Pairs
    group: npt.NDArray[np.int64]
    keys: list[bytes]
    kept: list[bytes | None]


class RocksIndex:
    """`ParcelIndex` and `Changes` in a folder. One thread applies frames; any may read.

    Attributes:
        rebuilding: why the index was begun anew at opening; None if it was not.
        failure: why it does not get on just now; None while it does.

    Raises:
        WrongFormat: reading only, and the index is of another format or fold.
    """

    def __init__(self, folder: Path, fold: Fold, *, read_only: bool = False, cache_bytes: int = 64 << 20) -> None:
        self.rebuilding: str | None = None
        self.failure: StoreError | None = None
        self._folder = folder
        self._fold = fold
        self._state = np.dtype([("scans", "<i8"), ("record", fold.dtype)])
        self._change = np.dtype([("new", "u1"), ("before", fold.dtype), ("after", fold.dtype)])
        self._rocks = self._open(read_only, cache_bytes)
        self._words = Words()
        self._words_kept = self._applied = 0
        try:
            self._see_what_is_kept()
        except BaseException:
            self._rocks.close()
            raise
        self._position = self._applied
        self._moved = threading.Condition()

    # ParcelIndex

    def states(self, numbers: Sequence[str], carrier: str | None = None, most: int | None = None) -> pa.Table:
        """See `ParcelIndex.states`."""
        return self._state_table(self._parcels(numbers, carrier, most))

    def timelines(self, numbers: Sequence[str], carrier: str | None = None, most: int | None = None) -> pa.Table:
        """See `ParcelIndex.timelines`."""
        pairs: Pairs = []
        for key, _ in self._parcels(numbers, carrier, None):
            start = _SCAN + key[1:] + b"\0"
            pairs += _take(self._rocks.items_back(start, _next(start)), most)
        table = timeline_of(pairs, self._words)
        plain = table.set_column(0, "carrier", table.column("carrier").cast(pa.string()))
        return table.take(pa.compute.sort_indices(plain, _ORDER))

    def page(self, after: tuple[str, str] | None, limit: int) -> pa.Table:
        """See `ParcelIndex.page`."""
        start = _PARCEL if after is None else parcel_key(_PARCEL, *after) + b"\0"
        return self._state_table(_take(self._rocks.items(start, _next(_PARCEL)), limit))

    def position(self) -> int:
        """See `ParcelIndex.position`."""
        return self._position

    def catch_up(self, position: int, timeout_s: float) -> bool:
        """See `ParcelIndex.catch_up`."""
        with self._moved:
            self._moved.wait_for(lambda: self._position >= position or self.failure is not None, timeout_s)
            if self._position < position and self.failure is not None:
                raise self.failure
            return self._position >= position

    # Changes

    def read(self, after: int, limit: int) -> pa.Table:
        """See `Changes.read`."""
        pairs = _take(self._rocks.items(position_key(_CHANGE, max(after + 1, 0)), _next(_CHANGE)), limit)
        size = self._change.itemsize
        changes = records_of([value for _, value in pairs], self._change)
        return change_table(
            [split_key(value[size:]) for _, value in pairs],
            [int.from_bytes(key[1:], "big") for key, _ in pairs],
            changes["new"] != 0,
            np.ascontiguousarray(changes["before"]),
            np.ascontiguousarray(changes["after"]),
            self._fold,
            self._words,
        )

    # Following the log

    def applied(self) -> int:
        """Everything below was applied; `position` follows when it is in everywhere."""
        return self._applied

    def apply(self, frame: Frame) -> npt.NDArray[np.bool_]:
        """Take in the next frame, and say which of its scans had not come before. Not seen by `position` yet."""
        if frame.position != self._applied:
            raise StoreError(f"The index is at {self._applied} and cannot take in scans from {frame.position} on.")
        fresh = self._sift(frame)
        self._rocks.write(self._batch(frame, fresh))
        self._words_kept, self._applied = len(self._words), frame.end
        return fresh.mask

    def publish(self) -> None:
        """Tell those who wait that everything applied is in, here and in what follows the index."""
        with self._moved:
            self._position, self.failure = self._applied, None
            self._moved.notify_all()

    def fail(self, error: StoreError) -> None:
        """Tell those who wait that they wait in vain."""
        with self._moved:
            self.failure = error
            self._moved.notify_all()

    def recover(self) -> None:
        """Make it possible to apply again after that failed."""
        if self._rocks.reopen():
            self._see_what_is_kept()

    def fresh(self, frame: Frame) -> npt.NDArray[np.bool_]:
        """Which scans of a frame that was applied before, or of a part of one, had not come before it."""
        mask = np.ones(frame.scans.num_rows, np.bool_)
        before = self._rocks.before(position_key(_DUPLICATES, frame.position), _DUPLICATES)
        within = self._rocks.items(position_key(_DUPLICATES, frame.position), position_key(_DUPLICATES, frame.end))
        for _, value in ([before] if before else []) + list(within):
            rows = np.frombuffer(value, "<i8") - frame.position
            mask[rows[(rows >= 0) & (rows < len(mask))]] = False
        return mask

    def close(self) -> None:
        """Let go of the folder."""
        self.fail(StoreError("The index is closed."))
        self._rocks.close()

    # Opening

    def _open(self, read_only: bool, cache_bytes: int) -> Rocks:
        aside = self._folder.with_name(self._folder.name + ".old")
        if not read_only:
            shutil.rmtree(aside, ignore_errors=True)
        self._rocks = Rocks(self._folder, read_only=read_only, cache_bytes=cache_bytes)
        wanted = {"format": str(INDEX_FORMAT), "fold": self._fold.version, "record": str(self._fold.dtype.descr)}
        kept = {name: self._meta(name) for name in wanted}
        if kept == wanted:
            return self._rocks
        if read_only:
            self._rocks.close()
            raise WrongFormat(
                f"{self._folder} was made with another fold or format ({kept['format']}, {kept['fold']})."
                if kept["format"]
                else f"{self._folder} is not made yet.",
                mend="Open this home once for writing: the index is then made anew from the log.",
            )
        if kept["format"] is not None:
            changed = ", ".join(
                f"{name} {kept[name]} → {wanted[name]}" for name in wanted if kept[name] != wanted[name]
            )
            self.rebuilding = f"the index is made anew from the log: {changed}"
            self._rocks.close()
            self._folder.rename(aside)
            shutil.rmtree(aside)
            self._rocks = Rocks(self._folder, cache_bytes=cache_bytes)
        self._rocks.write((_META + name.encode(), text.encode()) for name, text in wanted.items())
        return self._rocks

    def _see_what_is_kept(self) -> None:
        texts = [value.decode() for _, value in self._rocks.items(_WORD, _next(_WORD))]
        for text in texts:
            self._words.id_of(text)
        self._words_kept = len(texts)
        applied = self._meta("position") or "0"
        if not applied.isdecimal():
            mend = "Remove this folder; it is made anew from the log."
            raise StoreDamaged(f"{self._folder} is damaged: it says that it is at position {applied!r}.", mend=mend)
        self._applied = int(applied)

    def _meta(self, name: str) -> str | None:
        value = self._rocks.get([_META + name.encode()])[0]
        return None if value is None else value.decode(errors="replace")

    # Applying

    def _sift(self, frame: Frame) -> _Fresh:
        scans = frame.scans
        parcels = parcels_of(scans)
        keys = parcels.dictionary.cast(pa.binary()).to_pylist()
        group = np.asarray(parcels.indices)
        kept = self._rocks.get([_PARCEL + key for key in keys])
        identities = scan_keys(scans, parcels, self._words)
        mask = np.zeros(scans.num_rows, np.bool_)
        mask[np.unique(np.asarray(identities.dictionary_encode().indices), return_index=True)[1]] = True
        is_known = np.array([state is not None for state in kept], np.bool_)
        doubtful = np.flatnonzero(mask & is_known[group])
        found = self._rocks.get(identities.take(pa.array(doubtful)).to_pylist())
        mask[doubtful[np.array([value is not None for value in found], np.bool_)]] = False
        rows = pa.array(mask)
        values = scan_values(scans, frame.position)
        pairs = list(zip(identities.filter(rows).to_pylist(), values.filter(rows).to_pylist(), strict=True))
        present, places = np.unique(group[mask], return_inverse=True)
        return _Fresh(mask, pairs, places, [keys[place] for place in present], [kept[place] for place in present])

    def _batch(self, frame: Frame, fresh: _Fresh) -> Iterator[tuple[bytes, bytes]]:
        """Everything that a frame brings."""
        if fresh.keys:
            yield from fresh.pairs
            yield from self._fold_in(frame, fresh)
        if not fresh.mask.all():
            duplicates = frame.position + np.flatnonzero(~fresh.mask)
            yield position_key(_DUPLICATES, frame.position), duplicates.astype("<i8").tobytes()
        for place, text in enumerate(self._words.since(self._words_kept), self._words_kept + 1):
            yield _WORD + place.to_bytes(4, "big"), text.encode()
        yield _META + b"position", str(frame.end).encode()

    def _fold_in(self, frame: Frame, fresh: _Fresh) -> Pairs:
        """States and changes."""
        after = self._fold.fold(key_scans(frame.scans.filter(pa.array(fresh.mask)), fresh.group, self._words))
        before = np.zeros(len(after), self._state)
        known = np.flatnonzero([state is not None for state in fresh.kept])
        before[known] = records_of([state for state in fresh.kept if state is not None], self._state)
        after[known] = self._fold.merge(np.ascontiguousarray(before["record"][known]), after[known])
        corrected = np.flatnonzero(self._fold.needs_timeline(after))
        if len(corrected):
            after[corrected] = self._fold_timelines(corrected, fresh)

        states = before.copy()
        states["record"] = after
        states["scans"] += np.bincount(fresh.group, minlength=len(after))
        pairs = list(zip((_PARCEL + key for key in fresh.keys), bytes_of(states), strict=True))

        changes = np.zeros(len(after), self._change)
        changes["new"] = True
        changes["new"][known] = False
        changes["before"], changes["after"] = before["record"], after
        is_news = changes["new"].astype(np.bool_)
        is_news[known] = self._fold.is_news(np.ascontiguousarray(before["record"][known]), after[known])
        last = np.zeros(len(after), np.int64)
        np.maximum.at(last, fresh.group, frame.position + np.flatnonzero(fresh.mask))
        values = bytes_of(changes)
        for place in np.flatnonzero(is_news).tolist():
            pairs.append((position_key(_CHANGE, int(last[place])), values[place] + fresh.keys[place]))
        return pairs

    def _fold_timelines(self, places: npt.NDArray[np.intp], fresh: _Fresh) -> States:
        """States of parcels with corrected scans, from all scans that still stand."""
        rank = np.full(len(fresh.keys), -1, np.int64)
        rank[places] = np.arange(len(places))
        pairs = [fresh.pairs[row] for row in np.flatnonzero(rank[fresh.group] >= 0)]
        group = rank[fresh.group][rank[fresh.group] >= 0].tolist()
        for place in places.tolist():
            start = _SCAN + fresh.keys[place] + b"\0"
            kept = list(self._rocks.items(start, _next(start)))
            pairs += kept
            group += [int(rank[place])] * len(kept)
        timeline = timeline_of(pairs, self._words)
        groups = np.array(group, np.int64)
        stands = surviving(timeline)
        # Where every scan was withdrawn, only what the corrections themselves say is left.
        bare = np.bincount(groups[stands], minlength=len(places)) == 0
        stands |= bare[groups] & np.asarray(timeline.column("corrects").is_valid())
        return self._fold.fold(key_scans(timeline.filter(pa.array(stands)), groups[stands], self._words))

    # Reading

    def _parcels(self, numbers: Sequence[str], carrier: str | None, most: int | None) -> Pairs:
        """What is kept of the parcels that bear some numbers, at most so many of each number."""
        wanted = sorted({number for number in numbers if "\0" not in number})
        if carrier is not None:
            keys = [parcel_key(_PARCEL, number, carrier) for number in wanted]
            return [(key, kept) for key, kept in zip(keys, self._rocks.get(keys), strict=True) if kept is not None]
        pairs: Pairs = []
        for number in wanted:
            start = parcel_key(_PARCEL, number)
            pairs += _take(self._rocks.items(start, _next(start)), most)
        return pairs

    def _state_table(self, pairs: Pairs) -> pa.Table:
        states = records_of([value for _, value in pairs], self._state)
        keys = [split_key(key[1:]) for key, _ in pairs]
        record = np.ascontiguousarray(states["record"])
        return state_table(keys, states["scans"].tolist(), record, self._fold, self._words)


def _next(prefix: bytes) -> bytes:
    """The first key behind all that begin with a prefix (none of ours ends in 0xff)."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def _take(pairs: Iterator[tuple[bytes, bytes]], limit: int | None) -> Pairs:
    return list(itertools.islice(pairs, limit))
