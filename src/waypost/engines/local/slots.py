"""Slots: the state of every parcel under way, and prints of its scans, for the one that takes scans in.

A table with open addressing: a parcel's slot, or one soon behind it, is as far into the table as its hash into all
hashes. Entries come in the order of their hashes, so a batch goes through it from front to back, however many parcels
there are. It lies in memory; one that is larger than allowed lies in a mapped file, of which the kernel keeps in memory
what there is room for.

Per scan a print of 10 bits is kept, up to `PRINTS` of them. A scan whose print is not there is new, beyond doubt; one
whose print is there, or whose slot has no room for prints, has to be looked up in the runs.

=========  ===================================================================================================
word       of a slot, eight bytes each
=========  ===================================================================================================
0          64 bits of the hash of the number
1          as the second word of an entry its upper 40 bits: further hash and carrier; below, how many scans. 0: free
2 and 3    prints, six a word
4 ...      the state
=========  ===================================================================================================

Between two runs of the program it is kept in a file, as of a position of the log, without the free slots.

=========  ===================================================================================================
part       bytes
=========  ===================================================================================================
head       magic 8s, digest of what the table was made for 16s, position u64, parcels u64, CRC-32 of these u32
parts      parcels u32, packed u32, CRC-32 of these and what follows u32; then their slots in byte planes, compressed
           by zstd
=========  ===================================================================================================
"""

import hashlib
import mmap
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from isal.isal_zlib import crc32

from waypost.engines.local.arrays import I32, I64, U8, U64, Flags, States
from waypost.engines.local.disk import Disk
from waypost.engines.local.entries import CORRECTS, Entries
from waypost.store.compiled import Number, compiled, inlined, load_u64, prefetch

SLOTS_FORMAT = 3
PRINTS = 12
#: So many bytes may a table have in memory unless it is told otherwise.
MEMORY_BYTES = 1 << 30

_LEAST = 1 << 12
_SLACK = 1 << 10
_FULLEST = 0.8
#: So many times as large a table becomes: less in a file, of which every page that is touched has to be written back.
_GROWTH, _GROWTH_IN_FILE = 1.5, 1.25
_PRINT_BITS = 10
_A_WORD = 64 // _PRINT_BITS
_PRINT_MASK = np.uint64((1 << _PRINT_BITS) - 1)
_STATE = 2 + PRINTS // _A_WORD
_HEAD = struct.Struct("<8s16sQQ")
_CHECK = struct.Struct("<I")
_PART = struct.Struct("<II")
_MAGIC = b"wayslot\n"
_PART_SLOTS = 1 << 17
#: So many parcels ahead a loop asks for the memory of their slots.
_AHEAD = 12
#: So many slots at a time are moved into a larger table, after which their memory is given back.
_MOVED_SLOTS = 1 << 16
_CODEC = pa.Codec("zstd", 1)
#: In the second word of a slot: its lower 24 bits count scans.
_COUNT = np.uint64(0xFFFFFF)


class Slots:
    """The table. One thread uses it.

    Attributes:
        parcels: how many are in it.
        was_kept: it was taken up as it was kept; else it is blank.
    """

    def __init__(
        self, path: Path, blank: States, made: str, position: int, *, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        """What was kept at a position of the log, or else a table without parcels.

        Args:
            path: where it is kept between runs of the program.
            blank: the state of no scans; a multiple of eight bytes.
            made: what the states depend on: a table that was made for something else is not taken up.
            position: of the runs.
            memory_bytes: a larger table lies in a file beside that, which no name leads to.
        """
        self._path = path
        self._blank = blank
        self._made = hashlib.blake2b(f"{SLOTS_FORMAT} {blank.dtype.descr} {made}".encode(), digest_size=16).digest()
        self._memory_bytes = memory_bytes
        self._width = _STATE + blank.dtype.itemsize // 8
        self.parcels = 0
        self._make(_LEAST)
        self.was_kept = self._take_up(position)

    def keep(self, position: int, disk: Disk) -> None:
        """See that it is on disk, as of this position of the log."""
        new = self._path.with_name(self._path.name + ".tmp")
        head = _HEAD.pack(_MAGIC, self._made, position, self.parcels)
        try:
            with new.open("wb", buffering=0) as file:
                disk.write(file.fileno(), head + _CHECK.pack(crc32(head)))
                for start in range(0, len(self._table), _PART_SLOTS):
                    slots = self._table[start : start + _PART_SLOTS]
                    taken = slots[slots[:, 1] != 0]
                    planes = np.ascontiguousarray(taken.view(np.uint8).T)
                    packed = _CODEC.compress(planes, asbytes=True)
                    head = _PART.pack(len(taken), len(packed))
                    disk.write(file.fileno(), head + _CHECK.pack(crc32(packed, crc32(head))) + packed)
                disk.sync(file.fileno())
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        new.replace(self._path)
        disk.sync_folder(self._path.parent)

    def find(self, keys: U64) -> I64:
        """For each of some parcels, in order, its slot; -1 for those not in it.

        Args:
            keys: the first two words of an entry of each.
        """
        places = np.empty(len(keys), np.int64)
        _find(self._table, self._size, keys, places)
        return places

    def doubtful(self, entries: Entries, parcel_of: I32, places: I64) -> Flags:
        """Which entries, whose parcels are in these slots, may be there already."""
        extras = entries.extras
        return _doubtful(self._table, entries.words, extras.data, extras.ends, parcel_of, places)

    def states(self, places: I64) -> States:
        """The states in some slots; the blank one for -1."""
        states = np.empty(len(places), self._blank.dtype)
        _take(self._table, places, self._blank.view(np.uint64), _as_words(states))
        return states

    def put(self, keys: U64, places: I64, states: States, entries: Entries, parcel_of: I32) -> None:
        """Set the states of some parcels, in order; those whose place is -1 get one. And remember their entries."""
        fresh = int(np.count_nonzero(places < 0))
        if self.parcels + fresh > self._size * _FULLEST:
            self._grow(self.parcels + fresh)
            places = self.find(keys)
        else:
            places = places.copy()
        if not _put(self._table, self._size, keys, places, _as_words(np.ascontiguousarray(states))):
            raise _crowded()
        self.parcels += fresh
        extras = entries.extras
        _add_prints(self._table, entries.words, extras.data, extras.ends, parcel_of, places)

    def close(self) -> None:
        """Let go of it."""
        del self._table
        self._map.close()

    def _take_up(self, position: int) -> bool:
        """Whether a table of that position was kept. One that is not what was written can be made from the runs."""
        if not self._path.exists():
            return False
        with self._path.open("rb") as file:
            head, check = file.read(_HEAD.size), file.read(_CHECK.size)
            if len(check) < _CHECK.size or _CHECK.unpack(check)[0] != crc32(head):
                return False
            magic, made, kept_at, parcels = _HEAD.unpack(head)
            if (magic, made, kept_at) != (_MAGIC, self._made, position):
                return False
            self._grow(parcels)
            for slots in self._parts(file):
                if not _move(slots, self._table, self._size):
                    raise _crowded()
                self.parcels += len(slots)
        if self.parcels == parcels:
            return True
        self._make(_LEAST)
        self.parcels = 0
        return False

    def _parts(self, file: BinaryIO) -> Iterator[U64]:
        """The slots in a file, up to the first part that is not what was written."""
        while len(head := file.read(_PART.size + _CHECK.size)) == _PART.size + _CHECK.size:
            count, size = _PART.unpack_from(head)
            packed = file.read(size)
            if crc32(packed, crc32(head[: _PART.size])) != _CHECK.unpack_from(head, _PART.size)[0]:
                return
            planes = np.frombuffer(_CODEC.decompress(packed, 8 * self._width * count), np.uint8)
            yield np.ascontiguousarray(planes.reshape(8 * self._width, count).T).view(np.uint64)

    def _make(self, size: int) -> None:
        """A blank table."""
        bytes_ = self._bytes_of(size)
        if bytes_ <= self._memory_bytes:
            self._map = mmap.mmap(-1, bytes_)
            self._map.madvise(mmap.MADV_HUGEPAGE)
        else:
            with tempfile.TemporaryFile(dir=self._path.parent) as file:
                os.posix_fallocate(file.fileno(), 0, bytes_)  # a full disk is told here, not by a signal later
                self._map = mmap.mmap(file.fileno(), bytes_)
        self._size = size
        self._table = np.frombuffer(self._map, np.uint64).reshape(-1, self._width)

    def _grow(self, parcels: int) -> None:
        """Make room for so many. The memory of what was moved is given back meanwhile: there are never two tables."""
        before, before_map = self._table, self._map
        self._make(self._size_for(parcels))
        given_back = 0
        for start in range(0, len(before), _MOVED_SLOTS):
            if not _move(before[start : start + _MOVED_SLOTS], self._table, self._size):
                raise _crowded()
            moved = min(start + _MOVED_SLOTS, len(before)) * self._width * 8 // mmap.PAGESIZE * mmap.PAGESIZE
            if moved > given_back:
                before_map.madvise(mmap.MADV_DONTNEED, given_back, moved - given_back)
                given_back = moved

    def _size_for(self, parcels: int) -> int:
        size, most_in_memory = self._size, self._memory_bytes // (self._width * 8) - _SLACK
        while size * _FULLEST < parcels:
            size = min(int(size * _GROWTH), most_in_memory) if size < most_in_memory else int(size * _GROWTH_IN_FILE)
        return size

    def _bytes_of(self, size: int) -> int:
        return (size + _SLACK) * self._width * 8  # the last hashes spill over behind the end, not round to the front


def _as_words(states: States) -> U64:
    return states.view(np.uint64).reshape(len(states), states.dtype.itemsize // 8)


def _crowded() -> AssertionError:
    return AssertionError("the slots of many hashes lie side by side: the seed of the keys is known outside")


def parcels_of(words: U64) -> tuple[U64, I32]:
    """The keys of the parcels that entries in order are about, and for each entry which of them."""
    keys, parcel_of = np.empty((len(words), 2), np.uint64), np.empty(len(words), np.int32)
    count = _parcels_of(words, keys, parcel_of)
    return keys[:count], parcel_of


@compiled
def _parcels_of(words: U64, keys: U64, parcel_of: I32) -> Number:
    count = 0
    for row in range(len(words)):
        second = words[row, 1] & ~_COUNT
        if count == 0 or keys[count - 1, 0] != words[row, 0] or keys[count - 1, 1] != second:
            keys[count, 0], keys[count, 1] = words[row, 0], second
            count += 1
        parcel_of[row] = count - 1
    return count


@inlined
def _slot_of(hashed: Number, size: Number) -> Number:
    """The slot that a parcel has if no other one has it."""
    return np.int64((hashed >> np.uint64(32)) * np.uint64(size) >> np.uint64(32))


@inlined
def _print_of(words: U64, extra: U8, ends: I64, row: Number) -> Number:
    mixed = words[row, 1] * np.uint64(0x9E3779B97F4A7C15) ^ words[row, 2]
    if words[row, 2] & CORRECTS:
        mixed ^= load_u64(extra, ends[row])
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    return mixed >> np.uint64(64 - _PRINT_BITS)


@inlined
def _ask_for(table: U64, slot: Number) -> None:
    """Have the memory of a slot fetched, which may lie in two lines of the cache."""
    width = table.shape[1]
    prefetch(table, slot * width)
    prefetch(table, slot * width + width - 1)


@compiled
def _find(table: U64, size: Number, wanted: U64, places: I64) -> None:
    for row in range(len(wanted)):
        if row + _AHEAD < len(wanted):
            _ask_for(table, _slot_of(wanted[row + _AHEAD, 0], size))
        first, second = wanted[row, 0], wanted[row, 1] & ~_COUNT
        slot = _slot_of(first, size)
        places[row] = -1
        while table[slot, 1] != 0:
            if table[slot, 0] == first and table[slot, 1] & ~_COUNT == second:
                places[row] = slot
                break
            slot += 1


@compiled
def _take(table: U64, places: I64, blank: U64, states: U64) -> None:
    for row in range(len(places)):
        if row + _AHEAD < len(places):
            _ask_for(table, max(places[row + _AHEAD], 0))
        for word in range(len(blank)):
            states[row, word] = table[places[row], _STATE + word] if places[row] >= 0 else blank[word]


@compiled
def _put(table: U64, size: Number, keys: U64, places: I64, states: U64) -> Number:
    """False if there is no room at the end."""
    for row in range(len(keys)):
        if row + _AHEAD < len(keys):
            _ask_for(table, _slot_of(keys[row + _AHEAD, 0], size))
        if places[row] < 0:
            slot = _slot_of(keys[row, 0], size)
            while table[slot, 1] != 0:
                slot += 1
                if slot + 1 >= len(table):
                    return False
            table[slot, 0], table[slot, 1] = keys[row, 0], keys[row, 1] & ~_COUNT
            places[row] = slot
        for word in range(states.shape[1]):
            table[places[row], _STATE + word] = states[row, word]
    return True


@compiled
def _move(table: U64, into: U64, size: Number) -> Number:
    """All parcels into a larger table, front to back; False if there is no room at the end."""
    for row in range(len(table)):
        if table[row, 1] == 0:
            continue
        slot = _slot_of(table[row, 0], size)
        while into[slot, 1] != 0:
            slot += 1
            if slot + 1 >= len(into):
                return False
        for word in range(table.shape[1]):
            into[slot, word] = table[row, word]
    return True


@compiled
def _doubtful(table: U64, words: U64, extra: U8, ends: I64, parcel_of: I32, places: I64) -> Flags:
    found = np.zeros(len(words), np.bool_)
    for row in range(len(words)):
        if row + _AHEAD < len(words):
            _ask_for(table, max(places[parcel_of[row + _AHEAD]], 0))
        slot = places[parcel_of[row]]
        if slot < 0:
            continue
        count = np.int64(table[slot, 1] & _COUNT)
        if count > PRINTS:
            found[row] = True
            continue
        mine = _print_of(words, extra, ends, row)
        for place in range(count):
            if (table[slot, 2 + place // _A_WORD] >> np.uint64(place % _A_WORD * _PRINT_BITS)) & _PRINT_MASK == mine:
                found[row] = True
                break
    return found


@compiled
def _add_prints(table: U64, words: U64, extra: U8, ends: I64, parcel_of: I32, places: I64) -> None:
    for row in range(len(words)):
        if row + _AHEAD < len(words):
            _ask_for(table, places[parcel_of[row + _AHEAD]])
        slot = places[parcel_of[row]]
        count = np.int64(table[slot, 1] & _COUNT)
        if count < PRINTS:
            mine = _print_of(words, extra, ends, row)
            table[slot, 2 + count // _A_WORD] |= mine << np.uint64(count % _A_WORD * _PRINT_BITS)
        if np.uint64(count) < _COUNT:
            table[slot, 1] += np.uint64(1)
