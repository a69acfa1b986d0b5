"""Runs: files of entries in order, written once and never changed.

A run from the log is raw: its arrays as they are, which costs nothing to write and is merged away soon. A merged run
is packed: compressed blocks. Both end in fences (the hash with which each block begins), a bloom of the numbers, and a
foot that tells where all is and checks it.

=========  ==========================================================================================
part       bytes
=========  ==========================================================================================
blocks     as `blocks` has them, compressed; of a raw run one: words, number of, texts and their ends
fences     for each block: first three words of its first entry, place u64, packed u32, unpacked u32, rows u32,
           CRC-32 u32
bloom      as `blooms` has it
foot       magic 8s, then a JSON document of `Foot`, its length u32, CRC-32 of fences, bloom and foot u32
=========  ==========================================================================================
"""

import mmap
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from isal.isal_zlib import crc32

from waypost.engines.local.arrays import I64, U8, U32, U64, Flags
from waypost.engines.local.blocks import BLOCK_ROWS, decode_block, encode_block, find_in_block
from waypost.engines.local.blooms import add_to_bloom, blank_bloom, may_hold
from waypost.engines.local.disk import Disk
from waypost.engines.local.entries import (
    PAD,
    Entries,
    Texts,
    arrange,
    cut,
    find_bound,
    find_present,
    gather_places,
    join,
    newest_of,
    places_of,
)
from waypost.engines.local.start import mend_made
from waypost.model.decoding import decode
from waypost.model.errors import StoreDamaged
from waypost.store.compiled import Number, compiled

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RUN_FORMAT = 1
_MAGIC = b"wayrun\r\n"
_TAIL = struct.Struct("<II")
_FENCE = np.dtype(
    [("opens", "<u8", 3), ("place", "<u8"), ("packed", "<u4"), ("size", "<u4"), ("rows", "<u4"), ("check", "<u4")]
)
_CODEC = pa.Codec("zstd", 1)
_LEAST_SLICE = 200_000
_PIECE_BLOCKS = 64
_AT_ONCE, _AT_ONCE_BYTES = 16, 4 << 20
#: A number is busy if its scans by one carrier fill so many blocks of a run.
BUSY_BLOCKS = 8


class Foot(msgspec.Struct, frozen=True):
    """What a run is.

    Attributes:
        start: it holds the new scans of the log from this position on.
        end: and before this one.
        rows: how many.
        numbers: how many distinct numbers they are about.
        bloom: words of eight in the bloom.
        fences: how many blocks.
        raw: the lengths of number and extra bytes, if it is raw.
    """

    start: int
    end: int
    rows: int
    numbers: int
    bloom: int
    fences: int
    raw: tuple[int, int] | None
    format: int = RUN_FORMAT


class Run:
    """A run, open for reading. Any number of threads may read; the file may be removed meanwhile.

    Attributes:
        busy: the hashes of numbers of which a carrier has very many scans, in order.
    """

    def __init__(self, path: Path) -> None:
        """Raises StoreDamaged if the foot, the fences, the bloom or a raw block are not what was written."""
        self.path = path
        fd = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(fd).st_size
            if size < len(_MAGIC) + _TAIL.size:
                raise damaged_run(path, "it is cut short")
            self._map = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        finally:
            os.close(fd)
        self.size = size
        self._data = np.frombuffer(self._map, np.uint8)
        self.foot, start = self._read_foot()
        stop = start + self.foot.fences * _FENCE.itemsize
        self._fences = self._data[start:stop].view(_FENCE)
        self._opens = np.ascontiguousarray(self._fences["opens"])
        self._firsts = np.ascontiguousarray(self._opens[:, 0])
        self._bloom = self._data[stop : stop + 32 * self.foot.bloom].view(np.uint32).reshape(-1, 8)
        self._raw = self._read_raw() if self.foot.raw else None
        self.busy = self._find_busy()

    def may_hold(self, hashes: U64, wanted: Flags) -> Flags:
        """Of the wanted hashes those that it may hold."""
        return may_hold(self._bloom, hashes, wanted)

    def of(self, hashes: U64, most: int | None = None) -> Entries:
        """The entries with one of some hashes, which stand in order; of each parcel at least the last `most` of them.

        Blocks that have none of those last are not unpacked.
        """
        if self._raw is not None:
            return _those_of(self._raw, hashes, most)
        chosen = self._blocks_of(hashes)
        if most is not None:
            needed = np.ones(len(chosen), np.bool_)
            _pass_over(self._opens, self._fences["rows"], chosen, most, needed)
            chosen = chosen[needed]
        if not len(chosen):
            return NOTHING
        return join([_those_of(entries, hashes, most) for entries in self._read(chosen.tolist())])

    def pieces(self, hashes: U64) -> Iterator[Entries]:
        """The same, all of them, piece by piece, none of which is large unless the run is raw."""
        if self._raw is not None:
            yield _those_of(self._raw, hashes, None)
            return
        chosen = self._blocks_of(hashes)
        for start in range(0, len(chosen), _PIECE_BLOCKS):
            blocks = chosen[start : start + _PIECE_BLOCKS].tolist()
            yield join([_those_of(entries, hashes, None) for entries in self._read(blocks)])

    def find_present(self, wanted: Entries, found: Flags) -> None:
        """Note which of some entries in order, of those not found yet, are in it."""
        hashes = wanted.words[:, 0]
        held = np.flatnonzero(may_hold(self._bloom, hashes, ~found))
        if not len(held):
            return
        asked, seen = gather_places(wanted, held), np.zeros(len(held), np.bool_)
        if self._raw is not None:
            find_present(asked, self._raw, seen)
        else:
            blocks = np.empty(len(asked), np.int64)
            _block_of(self._opens, asked.words, blocks)
            start = int(np.searchsorted(blocks, 0))  # what comes before them is in none
            bounds = start + np.flatnonzero(np.diff(blocks[start:], prepend=-1, append=len(self._fences) + 1))
            ends, asked_of = bounds[1:].tolist(), blocks[bounds[:-1]].tolist()
            for stop, block, data in zip(ends, asked_of, self._unpack(asked_of), strict=True):
                find_in_block(data, asked, start, stop, seen)
                # Scans that differ only in what they correct may reach over several blocks.
                while block > 0 and not seen[start:stop].all() and (asked.words[start, :3] == self._opens[block]).all():
                    block -= 1
                    find_in_block(next(self._unpack([block])), asked, start, stop, seen)
                start = stop
        found[held[seen]] = True

    def slice(self, low: int, high: int | None) -> Entries:
        """All entries with a hash from `low` to before `high` (None: to the end)."""
        if self._raw is not None:
            return _between(self._raw, low, high)
        first = max(int(np.searchsorted(self._firsts, np.uint64(low), "left")) - 1, 0)
        last = len(self._firsts) if high is None else int(np.searchsorted(self._firsts, np.uint64(high), "left"))
        if first >= last:
            return NOTHING
        return _between(join(list(self._read(range(first, last)))), low, high)

    def cuts(self, rows: int) -> list[int]:
        """Hashes that cut it into pieces of about so many rows."""
        if self._raw is not None:
            return [int(word) for word in self._raw.words[rows::rows, 0]]
        step = max(1, rows // BLOCK_ROWS)
        return [int(word) for word in self._firsts[step::step]]

    def verify(self) -> None:
        """Read all of it.

        Raises:
            StoreDamaged: a block is not what was written.
        """
        for block in range(len(self._fences)):
            self._bytes(block)

    def let_go(self) -> None:
        """Tell the kernel that its pages need not stay in memory."""
        self._map.madvise(mmap.MADV_DONTNEED)

    def _read_foot(self) -> tuple[Foot, int]:
        length, check = _TAIL.unpack(self._data[-_TAIL.size :].tobytes())
        stop = self.size - _TAIL.size
        start = stop - length - len(_MAGIC)
        if start < 0 or self._data[start : start + len(_MAGIC)].tobytes() != _MAGIC:
            raise damaged_run(self.path, "it has no foot")
        try:
            foot = decode(self._data[start + len(_MAGIC) : stop].tobytes(), Foot)
        except msgspec.DecodeError:
            raise damaged_run(self.path, "its foot cannot be read") from None
        begin = start - foot.fences * _FENCE.itemsize - foot.bloom * 32
        if begin < 0 or crc32(memoryview(self._map)[begin:stop]) != check:
            raise damaged_run(self.path, "its fences or its foot are not what was written")
        return foot, begin

    def _read_raw(self) -> Entries:
        assert self.foot.raw is not None
        return _raw_entries(self._bytes(0), self.foot)

    def _find_busy(self) -> U64:
        """The hashes of the parcels that fill so many blocks, or would if it had any."""
        opens = self._opens if self._raw is None else self._raw.words[::BLOCK_ROWS]
        parcels = opens[:, 1] >> np.uint64(24)
        is_same = opens[BUSY_BLOCKS:, 0] == opens[:-BUSY_BLOCKS, 0]
        is_same &= parcels[BUSY_BLOCKS:] == parcels[:-BUSY_BLOCKS]
        return np.unique(opens[BUSY_BLOCKS:, 0][is_same])

    def _blocks_of(self, hashes: U64) -> I64:
        # A parcel's scans may begin in the block before the one that its hash opens.
        first = np.maximum(np.searchsorted(self._firsts, hashes, "left") - 1, 0)
        last = np.searchsorted(self._firsts, hashes, "right") - 1
        reach = np.zeros(len(self._firsts) + 1, np.int64)
        found = last >= 0
        np.add.at(reach, first[found], 1)
        np.add.at(reach, last[found] + 1, -1)
        return np.flatnonzero(np.cumsum(reach)[:-1] > 0)

    def _bytes(self, block: int) -> U8:
        fence = self._fences[block]
        packed = self._data[int(fence["place"]) : int(fence["place"]) + int(fence["packed"])]
        if crc32(packed.data) != int(fence["check"]):
            raise damaged_run(self.path, f"block {block} at byte {int(fence['place'])} is not what was written")
        return packed

    def _read(self, blocks: Sequence[int]) -> Iterator[Entries]:
        return map(decode_block, self._unpack(blocks))

    def _unpack(self, blocks: Sequence[int]) -> Iterator[U8]:
        """Some blocks. To begin unpacking costs more than a block does, so that it is done for several at once."""
        rest = list(blocks)
        while rest:
            ends = np.cumsum(self._fences["size"][rest[:_AT_ONCE]], dtype=np.int64)
            many = max(int(np.searchsorted(ends, _AT_ONCE_BYTES, "right")), 1)
            packed = b"".join(self._bytes(block).data for block in rest[:many])
            unpacked = _CODEC.decompress(packed, int(ends[many - 1]))
            yield from np.split(np.frombuffer(unpacked, np.uint8), ends[: many - 1])
            rest = rest[many:]


class Runs:
    """The runs of an index, oldest first: a set of them that is replaced as a whole. Any thread may read.

    Attributes:
        all: these.
        busy: the hashes of numbers of which a carrier has very many scans in one of them, in order.
    """

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        self.all = tuple(runs)
        self.busy = np.unique(np.concatenate([np.empty(0, np.uint64), *(run.busy for run in self.all)]))

    def of(self, hashes: U64, most: int | None = None) -> Entries:
        """The entries of some numbers, in order: all, or of each parcel the last ones, at most so many."""
        hashes = np.unique(hashes)
        wanted = np.ones(len(hashes), np.bool_)
        found = []
        for run in self.all:
            held = run.may_hold(hashes, wanted)
            if held.any():
                found.append(run.of(hashes[held], most))
        if not found:
            return NOTHING
        entries, _ = arrange(join(found))
        if most is None:
            return entries
        return gather_places(entries, newest_of(entries.words, np.arange(len(entries)), most))

    def slice(self, low: int, high: int | None) -> Entries:
        """All entries with a hash from `low` to before `high` (None: to the end), in order."""
        return arrange(join([run.slice(low, high) for run in self.all]))[0] if self.all else NOTHING

    def present(self, entries: Entries, doubtful: Flags) -> Flags:
        """Which of the doubtful ones among some entries in order are in a run."""
        rows = np.flatnonzero(doubtful)
        asked, found = gather_places(entries, rows), np.zeros(len(rows), np.bool_)
        for run in reversed(self.all):  # what comes twice comes soon
            run.find_present(asked, found)
        present = np.zeros(len(doubtful), np.bool_)
        present[rows[found]] = True
        return present


class RunWriter:
    """Writes a packed run piece by piece, in order."""

    def __init__(self, path: Path, disk: Disk, numbers: int) -> None:
        """`numbers` is how many it may hold at most."""
        self._path = path
        self._disk = disk
        self._compressor = zstd.ZstdCompressor(1)  # to make one anew for each block costs half as much again
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._fences: list[tuple[list[int], int, int, int, int, int]] = []
        self._bloom = blank_bloom(numbers)
        self._place = self._rows = self._numbers = 0

    def add(self, entries: Entries) -> None:
        """Further entries, all behind those before."""
        packed = []
        for start in range(0, len(entries), BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, len(entries))
            raw = encode_block(entries, start, stop)
            block = self._compressor.compress(raw.data, zstd.ZstdCompressor.FLUSH_FRAME)
            opens = entries.words[start, :3].tolist()
            self._fences.append((opens, self._place, len(block), len(raw), stop - start, crc32(block)))
            self._place += len(block)
            packed.append(block)
        self._disk.write(self._fd, b"".join(packed))
        self._rows += len(entries)
        self._numbers += _add_numbers(self._bloom, entries)

    def end(self, start: int, end: int) -> Foot:
        """Write the rest, see that it is on disk, and let go."""
        foot = Foot(start, end, self._rows, self._numbers, len(self._bloom), len(self._fences), None)
        try:
            self._disk.write(self._fd, bytes(-self._place % 8))
            self._disk.write(self._fd, _foot_bytes(np.array(self._fences, _FENCE), self._bloom, foot))
            self._disk.sync(self._fd)
        finally:
            os.close(self._fd)
            self._fd = -1
        return foot

    def give_up(self) -> None:
        """Leave nothing behind."""
        if self._fd >= 0:
            os.close(self._fd)
        self._path.unlink(missing_ok=True)


def write_raw(path: Path, entries: Entries, start: int, end: int, disk: Disk) -> Foot:
    """Write a run straight from the log. Not synced: until it is merged, the log has all of it."""
    bloom = blank_bloom(len(entries.numbers))
    numbers = _add_numbers(bloom, entries)
    parts: list[npt.NDArray[Any]] = [
        entries.words,
        entries.numbers.ends,
        entries.extras.ends,
        entries.number_of,
        entries.numbers.data,
        entries.extras.data,
    ]
    check = size = 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for part in parts:
            data = np.ascontiguousarray(part).data.cast("B") if part.size else memoryview(b"")
            disk.write(fd, data)
            check, size = crc32(data, check), size + data.nbytes
        disk.write(fd, bytes(-size % 8))
        opens = entries.words[0, :3].tolist() if len(entries) else [0, 0, 0]
        fences = np.array([(opens, 0, size, size, len(entries), check)], _FENCE)
        raw = (len(entries.numbers.data), len(entries.extras.data))
        foot = Foot(start, end, len(entries), numbers, len(bloom), 1, raw)
        disk.write(fd, _foot_bytes(fences, bloom, foot))
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(fd)
    return foot


def _raw_entries(data: U8, foot: Foot) -> Entries:
    assert foot.raw is not None
    place = 0

    def take(kind: type[Any], count: int) -> npt.NDArray[Any]:
        nonlocal place
        start, place = place, place + count * np.dtype(kind).itemsize
        return data[start:place].view(kind)

    words = take(np.uint64, 4 * foot.rows).reshape(-1, 4)
    number_ends, extra_ends = take(np.int64, foot.numbers + 1), take(np.int64, foot.rows + 1)
    number_of = take(np.int32, foot.rows)
    numbers, extras = take(np.uint8, foot.raw[0]), take(np.uint8, foot.raw[1])
    return Entries(words, number_of, Texts(numbers, number_ends), Texts(extras, extra_ends))


def _foot_bytes(fences: npt.NDArray[np.void], bloom: U32, foot: Foot) -> bytes:
    told = msgspec.json.encode(foot)
    data = b"".join((fences.tobytes(), bloom.tobytes(), _MAGIC, told))
    return data + _TAIL.pack(len(told), crc32(data))


def _add_numbers(bloom: U32, entries: Entries) -> int:
    """Put the numbers of entries in order into a bloom; how many there are."""
    opens = np.flatnonzero(np.diff(entries.number_of, prepend=-1))
    add_to_bloom(bloom, np.ascontiguousarray(entries.words[opens, 0]))
    return len(opens)


@compiled
def _block_of(opens: U64, words: U64, blocks: I64) -> None:
    block = 0
    for row in range(len(words)):
        stop = len(opens)
        while block < stop:  # the first that opens behind it
            middle = (block + stop) // 2
            behind = opens[middle, 0] > words[row, 0]
            if opens[middle, 0] == words[row, 0]:
                behind = opens[middle, 1] > words[row, 1] or (
                    opens[middle, 1] == words[row, 1] and opens[middle, 2] > words[row, 2]
                )
            block, stop = (block, middle) if behind else (middle + 1, stop)
        blocks[row] = block - 1
        block = max(block - 1, 0)


@compiled
def _pass_over(opens: U64, rows: U32, chosen: I64, most: Number, needed: Flags) -> None:
    """Of some blocks, in order, those are not needed that only have scans of one parcel, with so many behind them."""
    behind: Number = 0  # at least so many scans of the parcel that opens a block stand in it and those behind
    for place in range(len(chosen) - 1, -1, -1):
        block = chosen[place]
        after = block + 1
        is_whole = (
            after < len(opens)
            and opens[block, 0] == opens[after, 0]
            and opens[block, 1] >> np.uint64(24) == opens[after, 1] >> np.uint64(24)
        )
        if not is_whole:
            behind = 1
            continue
        needed[place] = behind < most
        behind += np.int64(rows[block])


def _those_of(entries: Entries, hashes: U64, most: int | None) -> Entries:
    places = places_of(entries.words, hashes)
    return gather_places(entries, places if most is None else newest_of(entries.words, places, most))


def _between(entries: Entries, low: int, high: int | None) -> Entries:
    start = find_bound(entries.words, np.uint64(low))
    stop = len(entries) if high is None else find_bound(entries.words, np.uint64(high))
    return cut(entries, start, stop)


def cut_together(runs: Sequence[Run]) -> Iterator[tuple[int, int | None]]:
    """Ranges of hashes, in order and without gaps, in each of which all runs together have not too many rows."""
    total = sum(run.foot.rows for run in runs)
    if not runs:
        return
    largest = max(runs, key=lambda run: run.foot.rows)
    share = max(1, _LEAST_SLICE * largest.foot.rows // max(total, 1))
    cuts = largest.cuts(share)
    yield from zip([0, *cuts], [*cuts, None], strict=True)


def damaged_run(path: Path, why: str) -> StoreDamaged:
    """The error for a run that is not what was written."""
    mend = mend_made(path.parent.parent, "Remove the folder that it is in: the index is made anew from the log.")
    return StoreDamaged(f"{path}: {why}.", mend=mend)


NOTHING = Entries(
    np.empty((0, 4), np.uint64),
    np.empty(0, np.int32),
    Texts(np.zeros(PAD, np.uint8), np.zeros(1, np.int64)),
    Texts(np.zeros(PAD, np.uint8), np.zeros(1, np.int64)),
)
