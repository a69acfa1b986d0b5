"""Blocks: some entries in order, as few bytes as their order allows.

What entries of one parcel share is kept once; every column is kept byte plane by byte plane, the instants of a parcel
as steps; then all is compressed as one.

========  ===================================================================================================
section   bytes
========  ===================================================================================================
head      rows, parcels, numbers, bytes of numbers, bytes of extras, unit of time: 6 × u32; least recorded u64
parcels   first hash word 8, carrier and second hash word 5, rows 2: planes
numbers   length 1; then the texts
rows      step of time 5, offset code facility 6, recorded at 5, rest 3, bytes of extra 2: planes
extras    the texts
========  ===================================================================================================
"""

import struct

import numpy as np

from waypost.engines.local.arrays import I32, I64, U8, U64, Flags
from waypost.engines.local.entries import CORRECTS, PAD, Entries, Texts
from waypost.store.compiled import Number, compiled, inlined, load_u64

#: Rows of a block: as many as one look-up unpacks for one parcel.
BLOCK_ROWS = 512

_HEAD = struct.Struct("<6IQ")
_PARCEL_BYTES = 15
_ROW_BYTES = 21
_SECOND = 1000


def encode_block(entries: Entries, start: int, stop: int) -> U8:
    """Those entries, from `start` to before `stop`, as bytes (not compressed yet)."""
    words, extras = entries.words, entries.extras.ends
    parcels, numbers, number_bytes = _count(words, entries.number_of, entries.numbers.ends, start, stop)
    extra_bytes = int(extras[stop] - extras[start])
    rows = stop - start
    unit, recorded = _units(words, start, stop)
    size = _HEAD.size + parcels * _PARCEL_BYTES + numbers + number_bytes + rows * _ROW_BYTES + extra_bytes
    out = np.empty(size, np.uint8)
    out[: _HEAD.size] = np.frombuffer(
        _HEAD.pack(rows, parcels, numbers, number_bytes, extra_bytes, unit, recorded), np.uint8
    )
    _encode(
        words, entries.number_of, entries.numbers.data, entries.numbers.ends, entries.extras.data, extras, start, stop,
        parcels, numbers, number_bytes, np.uint64(unit), np.uint64(recorded), out[_HEAD.size :],
    )  # fmt: skip
    return out


def decode_block(data: U8) -> Entries:
    """The entries of a block."""
    rows, parcels, numbers, number_bytes, extra_bytes, unit, recorded = _HEAD.unpack(data[: _HEAD.size].tobytes())
    words, number_of = np.empty((rows, 4), np.uint64), np.empty(rows, np.int32)
    number_data, number_ends = np.zeros(number_bytes + PAD, np.uint8), np.zeros(numbers + 1, np.int64)
    extra_data, extra_ends = np.zeros(extra_bytes + PAD, np.uint8), np.zeros(rows + 1, np.int64)
    _decode(
        data[_HEAD.size :], parcels, numbers, number_bytes, np.uint64(unit), np.uint64(recorded),
        words, number_of, number_data, number_ends, extra_data, extra_ends,
    )  # fmt: skip
    return Entries(words, number_of, Texts(number_data, number_ends), Texts(extra_data, extra_ends))


def find_in_block(data: U8, wanted: Entries, start: int, stop: int, found: Flags) -> None:
    """Note which of some entries in order, from `start` to before `stop`, are in a block, without unpacking it all."""
    rows, parcels, numbers, number_bytes, _, unit, _ = _HEAD.unpack(data[: _HEAD.size].tobytes())
    extras = wanted.extras
    _find_in_block(
        data[_HEAD.size :], rows, parcels, numbers, number_bytes, np.uint64(unit), wanted.words, extras.data,
        extras.ends, start, stop, found,
    )  # fmt: skip


@inlined
def _instant(words: U64, row: Number) -> Number:
    return (words[row, 1] & np.uint64(0xFFFFFF)) << np.uint64(16) | words[row, 2] >> np.uint64(48)


@inlined
def _is_new_parcel(words: U64, row: Number) -> Number:
    return words[row, 0] != words[row - 1, 0] or words[row, 1] >> np.uint64(24) != words[row - 1, 1] >> np.uint64(24)


@compiled
def _count(words: U64, number_of: I32, number_ends: I64, start: Number, stop: Number) -> tuple[Number, Number, Number]:
    parcels = numbers = number_bytes = 0
    for row in range(start, stop):
        if row == start or _is_new_parcel(words, row):
            parcels += 1
        if row == start or number_of[row] != number_of[row - 1]:
            numbers += 1
            number_bytes += number_ends[number_of[row] + 1] - number_ends[number_of[row]]
    return parcels, numbers, number_bytes


@compiled
def _units(words: U64, start: Number, stop: Number) -> tuple[Number, Number]:
    """Whether all instants are whole seconds, and the least instant of recording."""
    unit, least = _SECOND, np.uint64(1) << np.uint64(63)
    for row in range(start, stop):
        if _instant(words, row) % np.uint64(_SECOND) != 0:
            unit = 1
        recorded = words[row, 3] >> np.uint64(24)
        if recorded != 0:
            least = min(least, recorded)
    return unit, np.int64(0) if least >> np.uint64(63) else np.int64(least)


@inlined
def _put(out: U8, base: Number, count: Number, planes: Number, at: Number, value: Number) -> None:
    for plane in range(planes):
        out[base + plane * count + at] = np.uint8(value >> np.uint64(8 * plane) & np.uint64(0xFF))


@inlined
def _get(data: U8, base: Number, count: Number, planes: Number, at: Number) -> Number:
    value = np.uint64(0)
    for plane in range(planes):
        value |= np.uint64(data[base + plane * count + at]) << np.uint64(8 * plane)
    return value


@inlined
def _put_planes(out: U8, base: Number, planes: Number, values: U64, count: Number) -> None:
    for plane in range(planes):
        section = out[base + plane * count : base + (plane + 1) * count]
        for at in range(count):
            section[at] = values[at] >> np.uint64(8 * plane)


@compiled
def _encode(
    words: U64, number_of: I32, number_data: U8, number_ends: I64, extra_data: U8, extra_ends: I64, start: Number,
    stop: Number, parcels: Number, numbers: Number, number_bytes: Number, unit: Number, recorded: Number, out: U8,
) -> None:  # fmt: skip
    rows = stop - start
    lengths = 15 * parcels
    texts = lengths + numbers
    rows_at = texts + number_bytes
    firsts, seconds, sizes = np.empty(parcels, np.uint64), np.empty(parcels, np.uint64), np.zeros(parcels, np.uint64)
    steps, kinds, times = np.empty(rows, np.uint64), np.empty(rows, np.uint64), np.empty(rows, np.uint64)
    rest, extras = np.empty(rows, np.uint64), np.empty(rows, np.uint64)
    parcel, number, text = -1, -1, texts
    before = np.uint64(0)
    for row in range(start, stop):
        at = row - start
        if row == start or number_of[row] != number_of[row - 1]:
            number += 1
            first, last = number_ends[number_of[row]], number_ends[number_of[row] + 1]
            out[lengths + number] = np.uint8(last - first)
            for place in range(first, last):
                out[text] = number_data[place]
                text += 1
        if row == start or _is_new_parcel(words, row):
            parcel += 1
            before = np.uint64(0)
            firsts[parcel], seconds[parcel] = words[row, 0], words[row, 1] >> np.uint64(24)
        sizes[parcel] += np.uint64(1)
        instant = _instant(words, row)
        if unit != 1:
            instant //= np.uint64(_SECOND)
        steps[at] = instant - before
        before = instant
        kinds[at] = words[row, 2]
        kept = words[row, 3] >> np.uint64(24)
        times[at] = kept - recorded + np.uint64(1) if kept != 0 else np.uint64(0)
        rest[at] = words[row, 3]
        extras[at] = extra_ends[row + 1] - extra_ends[row]
    _put_planes(out, 0, 8, firsts, parcels)
    _put_planes(out, 8 * parcels, 5, seconds, parcels)
    _put_planes(out, 13 * parcels, 2, sizes, parcels)
    _put_planes(out, rows_at, 5, steps, rows)
    _put_planes(out, rows_at + 5 * rows, 6, kinds, rows)
    _put_planes(out, rows_at + 11 * rows, 5, times, rows)
    _put_planes(out, rows_at + 16 * rows, 3, rest, rows)
    _put_planes(out, rows_at + 19 * rows, 2, extras, rows)
    first, last = extra_ends[start], extra_ends[stop]
    out[rows_at + 21 * rows : rows_at + 21 * rows + last - first] = extra_data[first:last]


@compiled
def _decode(
    data: U8, parcels: Number, numbers: Number, number_bytes: Number, unit: Number, recorded: Number, words: U64,
    number_of: I32, number_data: U8, number_ends: I64, extra_data: U8, extra_ends: I64,
) -> None:  # fmt: skip
    rows = len(words)
    carriers, sizes = 8 * parcels, 13 * parcels
    lengths = 15 * parcels
    texts = lengths + numbers
    steps = texts + number_bytes
    kinds, times, rest, extra_sizes, extras = steps + 5 * rows, steps + 11 * rows, steps + 16 * rows, steps + 19 * rows, steps + 21 * rows  # noqa: E501  # fmt: skip
    for number in range(numbers):
        number_ends[number + 1] = number_ends[number] + data[lengths + number]
    number_data[:number_bytes] = data[texts:steps]
    extra_data[: len(extra_data) - PAD] = data[extras : extras + len(extra_data) - PAD]
    row, number = 0, -1
    first_before, second_before = np.uint64(0), np.uint64(0)
    for parcel in range(parcels):
        first = _get(data, 0, parcels, 8, parcel)
        second = _get(data, carriers, parcels, 5, parcel)
        if parcel == 0 or first != first_before or second >> np.uint64(16) != second_before >> np.uint64(16):
            number += 1
        first_before, second_before = first, second
        instant = np.uint64(0)
        for _ in range(_get(data, sizes, parcels, 2, parcel)):
            instant += _get(data, steps, rows, 5, row)
            at = instant * unit
            words[row, 0] = first
            words[row, 1] = second << np.uint64(24) | at >> np.uint64(16)
            words[row, 2] = at << np.uint64(48) | _get(data, kinds, rows, 6, row)
            kept = _get(data, times, rows, 5, row)
            if kept != 0:
                kept += recorded - np.uint64(1)
            words[row, 3] = kept << np.uint64(24) | _get(data, rest, rows, 3, row)
            extra_ends[row + 1] = extra_ends[row] + np.int64(_get(data, extra_sizes, rows, 2, row))
            number_of[row] = number
            row += 1


@compiled
def _find_in_block(
    data: U8, rows: Number, parcels: Number, numbers: Number, number_bytes: Number, unit: Number, words: U64,
    extra: U8, ends: I64, start: Number, stop: Number, found: Flags,
) -> None:  # fmt: skip
    steps = 15 * parcels + numbers + number_bytes
    kinds, extra_sizes, extras = steps + 5 * rows, steps + 19 * rows, steps + 21 * rows
    row: Number = 0
    wanted = start
    for parcel in range(parcels):
        first = _get(data, 0, parcels, 8, parcel)
        second = _get(data, 8 * parcels, parcels, 5, parcel)
        size = np.int64(_get(data, 13 * parcels, parcels, 2, parcel))
        while wanted < stop and _is_before(words, wanted, first, second):
            wanted += 1
        last = wanted
        while last < stop and words[last, 0] == first and words[last, 1] >> np.uint64(24) == second:
            last += 1
        instant = np.uint64(0)
        for place in range(row, row + size if last > wanted else row):
            instant += _get(data, steps, rows, 5, place)
            at = instant * unit
            low, high = (
                second << np.uint64(24) | at >> np.uint64(16),
                at << np.uint64(48) | _get(data, kinds, rows, 6, place),
            )
            for mine in range(wanted, last):
                if words[mine, 1] != low or words[mine, 2] != high or found[mine]:
                    continue
                found[mine] = True
                if high & CORRECTS:
                    before = extras
                    for other in range(place):
                        before += np.int64(_get(data, extra_sizes, rows, 2, other))
                    found[mine] = load_u64(data, before) == load_u64(extra, ends[mine])
        row += size


@inlined
def _is_before(words: U64, row: Number, first: Number, second: Number) -> Number:
    """Whether an entry is of a parcel before another."""
    return words[row, 0] < first or (words[row, 0] == first and words[row, 1] >> np.uint64(24) < second)
