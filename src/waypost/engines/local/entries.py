"""Entries: scans as four numbers each, in the order in which runs keep them, with their texts beside them.

====  ==========================================================================================================
word  bits, from the highest
====  ==========================================================================================================
0     64 of the hash of the number
1     24 further bits of that hash, carrier 16, upper 24 of the instant
2     lower 16 of the instant, offset 8, code 16, facility 23, corrects another 1
3     recorded at 40, source of the offset 4, time flags 8, has a note 1, spare 11
====  ==========================================================================================================

Instants are milliseconds since 2015, offsets quarters of an hour plus 128, words as `Words` numbers them. The first
three words and what a scan corrects say whether two scans are the same one, so bringing entries into order also finds
duplicates. Parcels stand in the order of their numbers' hashes, the scans of one parcel in the order of time.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from waypost.engines.local.arrays import I16, I32, I64, U8, U64, Flags
from waypost.engines.local.keys import hash_numbers
from waypost.model.instants import EARLIEST_MS, QUARTER_MIN
from waypost.store.compiled import Number, compiled, inlined, load_u64, store_u64
from waypost.store.words import Vocabulary

#: Compiled loops read eight bytes at a time, so behind the last text there are as many more.
PAD = 8

_AT_LOW = 16
#: In the third word.
CORRECTS = np.uint64(1)


class Texts(msgspec.Struct, frozen=True):
    """Byte strings one behind the other, and `PAD` bytes more; the i-th lies from `ends[i]` to `ends[i + 1]`."""

    data: U8
    ends: I64

    def __len__(self) -> int:
        return len(self.ends) - 1


class Entries(msgspec.Struct, frozen=True):
    """Some entries.

    Attributes:
        words: uint64, a row of four for each.
        number_of: which of `numbers` an entry is about. int32.
        numbers: each number once, or several times.
        extras: what an entry corrects (eight bytes, if anything) and then its note, in UTF-8.
    """

    words: U64
    number_of: I32
    numbers: Texts
    extras: Texts

    def __len__(self) -> int:
        return len(self.words)


def entries_of(batches: Sequence[pa.RecordBatch], words: Vocabulary, seed: bytes) -> Entries:
    """Scans as entries, in their order."""
    numbers = texts_of([batch.column("number") for batch in batches])
    first, second = hash_numbers(numbers.data, numbers.ends, seed)
    out = np.empty((len(numbers), 4), np.uint64)
    carriers, codes, facilities = (
        words.of(name).ids_of([batch.column(name) for batch in batches]) for name in ("carrier", "code", "facility")
    )
    start = 0
    for place, batch in enumerate(batches):
        stop = start + batch.num_rows
        recorded = batch.column("recorded_at").cast(pa.int64())
        _pack(
            out[start:stop],
            first[start:stop],
            second[start:stop],
            carriers[place],
            np.asarray(batch.column("at").cast(pa.int64())),
            np.asarray(batch.column("offset_min")),
            codes[place],
            facilities[place],
            np.asarray(recorded.fill_null(0)),
            np.asarray(batch.column("offset_source")),
            np.asarray(batch.column("time_flags")),
            np.asarray(batch.column("note").is_valid()),
            np.asarray(batch.column("corrects").is_valid()),
        )
        start = stop
    extras = _extras_of([batch.column("note") for batch in batches], [batch.column("corrects") for batch in batches])
    return Entries(out, np.arange(len(out), dtype=np.int32), numbers, extras)


def texts_of(columns: Sequence[pa.Array]) -> Texts:
    """Columns of text as bytes, one behind the other; nulls are empty."""
    ends = np.zeros(sum(map(len, columns)) + 1, np.int64)
    parts, row = [], 0
    for column in columns:
        own, data = _bytes_of(column)
        ends[row + 1 : row + 1 + len(column)] = own[1:] + (ends[row] - own[0])
        parts.append(data[own[0] : own[-1]])
        row += len(column)
    return Texts(np.concatenate([*parts, np.zeros(PAD, np.uint8)]), ends)


def _bytes_of(column: pa.Array) -> tuple[I64, U8]:
    """The ends of a column of text, less by one than there are, and its bytes; those of nulls are empty."""
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    if column.null_count and (np.diff(ends)[np.asarray(column.is_null())] != 0).any():  # what nulls hide
        return _bytes_of(column.fill_null(""))
    return ends, np.frombuffer(data or b"", np.uint8)


def _extras_of(notes: Sequence[pa.Array], corrects: Sequence[pa.Array]) -> Texts:
    texts = texts_of(notes)
    if all(column.null_count == len(column) for column in corrects):
        return texts
    ids = texts_of(corrects)
    ends = np.empty(len(texts) + 1, np.int64)
    data = np.zeros(int(ids.ends[-1]) // 2 + int(texts.ends[-1]) + PAD, np.uint8)
    _put_extras(ids.data, ids.ends, texts.data, texts.ends, data, ends)
    return Texts(data, ends)


@inlined
def _digit(sign: Number) -> Number:
    """The value of a hexadecimal digit."""
    return sign - 48 if sign < 58 else sign - 87


@compiled
def _put_extras(ids: U8, id_ends: I64, notes: U8, note_ends: I64, out: U8, ends: I64) -> None:
    """What each corrects, from hexadecimal digits, and behind it its note."""
    at = 0
    ends[0] = 0
    for row in range(len(ends) - 1):
        for place in range(id_ends[row], id_ends[row + 1], 2):
            out[at] = _digit(ids[place]) << 4 | _digit(ids[place + 1])
            at += 1
        for place in range(note_ends[row], note_ends[row + 1]):
            out[at] = notes[place]
            at += 1
        ends[row + 1] = at


def join(parts: Sequence[Entries]) -> Entries:
    """Several as one, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part.numbers) for part in parts[:-1])])
    return Entries(
        np.concatenate([part.words for part in parts]),
        np.concatenate([part.number_of + np.int32(start) for part, start in zip(parts, starts, strict=True)]),
        _join_texts([part.numbers for part in parts]),
        _join_texts([part.extras for part in parts]),
    )


def _join_texts(parts: Sequence[Texts]) -> Texts:
    sizes = [int(part.ends[-1]) for part in parts]
    data = [part.data[:size] for part, size in zip(parts, sizes, strict=True)]
    starts = np.cumsum([0, *sizes])
    ends = [part.ends[:-1] + start for part, start in zip(parts, starts, strict=False)]
    return Texts(np.concatenate([*data, np.zeros(PAD, np.uint8)]), np.concatenate([*ends, starts[-1:]]))


def arrange(entries: Entries) -> tuple[Entries, I64]:
    """Entries in order, and where each was before; of the same scan the first stays, and of each number one text."""
    order = np.argsort(np.ascontiguousarray(entries.words[:, 0]))
    words = entries.words.take(order, axis=0)
    extras = entries.extras
    _settle_ties(words, order, extras.data, extras.ends)
    stays = np.ones(len(order), np.bool_)
    _drop_same(words, order, extras.data, extras.ends, stays)
    if not stays.all():
        words, order = words[stays], order[stays]
    return _gather(entries, words, order), order


def _gather(entries: Entries, words: U64, order: I64) -> Entries:
    number_of, of_numbers = np.empty(len(order), np.int32), np.empty(len(order), np.int64)
    count = _distinct_numbers(words, order, entries.number_of, number_of, of_numbers)
    numbers = _take_texts(entries.numbers, of_numbers[:count])
    return Entries(words, number_of, numbers, _take_texts(entries.extras, order))


def _take_texts(texts: Texts, places: I64) -> Texts:
    ends = np.empty(len(places) + 1, np.int64)
    _measure(texts.ends, places, ends)
    data = np.empty(int(ends[-1]) + PAD, np.uint8)
    _copy_texts(texts.data, texts.ends, places, data, ends)
    data[ends[-1] :] = 0
    return Texts(data, ends)


@compiled
def _pack(
    out: U64, first: U64, second: U64, carrier: I32, at: I64, offset_min: I16, code: I32,
    facility: I32, recorded: I64, source: U8, flags: U8, has_note: Flags,
    corrects: Flags,
) -> None:  # fmt: skip
    for row in range(len(out)):
        instant = np.uint64(at[row] - EARLIEST_MS)
        offset = np.uint64(offset_min[row] // QUARTER_MIN + 128)
        kept = np.uint64(0)
        if recorded[row] != 0:
            kept = np.uint64(recorded[row] - EARLIEST_MS)
        out[row, 0] = first[row]
        out[row, 1] = second[row] << np.uint64(40) | np.uint64(carrier[row]) << np.uint64(24) | instant >> np.uint64(16)
        out[row, 2] = (
            (instant & np.uint64(0xFFFF)) << np.uint64(48)
            | offset << np.uint64(40)
            | np.uint64(code[row]) << np.uint64(24)
            | np.uint64(facility[row]) << np.uint64(1)
            | np.uint64(corrects[row])
        )
        out[row, 3] = (
            kept << np.uint64(24)
            | np.uint64(source[row]) << np.uint64(20)
            | np.uint64(flags[row]) << np.uint64(12)
            | np.uint64(has_note[row]) << np.uint64(11)
        )


@inlined
def _corrected(words: U64, order: I64, extra: U8, ends: I64, row: Number) -> Number:
    """What an entry corrects, 0 for nothing."""
    return load_u64(extra, ends[order[row]]) if words[row, 2] & CORRECTS else np.uint64(0)


@compiled
def _settle_ties(words: U64, order: I64, extra: U8, ends: I64) -> None:
    """Bring entries with one hash into order; the same ones into the order of their coming."""
    start, rows = 0, len(order)
    while start < rows:
        stop = start + 1
        while stop < rows and words[stop, 0] == words[start, 0]:
            stop += 1
        if stop - start > 1:
            _shell_sort(words, order, extra, ends, start, stop)
        start = stop


@compiled
def _shell_sort(words: U64, order: I64, extra: U8, ends: I64, start: Number, stop: Number) -> None:
    """Insertion sort for a parcel's few scans; by growing strides (Ciura 2001) for the many of a bag or a ULD."""
    gap = 1
    while stop - start > 32 and gap * 9 < (stop - start) * 4:
        gap = gap * 9 // 4 + 1
    while gap > 0:
        for row in range(start + gap, stop):
            w1, w2, w3, came = words[row, 1], words[row, 2], words[row, 3], order[row]
            place = row
            while place >= start + gap:
                before = place - gap
                b1, b2 = words[before, 1], words[before, 2]
                if b1 < w1 or (b1 == w1 and b2 < w2):
                    break
                if b1 == w1 and b2 == w2:
                    left = load_u64(extra, ends[order[before]]) if words[before, 2] & CORRECTS else np.uint64(0)
                    right = load_u64(extra, ends[came]) if w2 & CORRECTS else np.uint64(0)
                    if left < right or (left == right and order[before] < came):
                        break
                words[place, 1], words[place, 2], words[place, 3] = b1, b2, words[before, 3]
                order[place] = order[before]
                place = before
            words[place, 1], words[place, 2], words[place, 3], order[place] = w1, w2, w3, came
        gap = gap * 4 // 9


@compiled
def _drop_same(words: U64, order: I64, extra: U8, ends: I64, stays: Flags) -> None:
    last = -1
    for row in range(len(order)):
        if not stays[row]:
            continue
        if (
            last >= 0
            and words[row, 0] == words[last, 0]
            and words[row, 1] == words[last, 1]
            and words[row, 2] == words[last, 2]
            and _corrected(words, order, extra, ends, row) == _corrected(words, order, extra, ends, last)
        ):
            stays[row] = False
        else:
            last = row


@compiled
def _distinct_numbers(words: U64, order: I64, number_of: I32, out: I32, of_numbers: I64) -> Number:
    """Count the numbers of entries in order, and say for each where its text was."""
    count = 0
    for row in range(len(order)):
        if (
            row == 0
            or words[row, 0] != words[row - 1, 0]
            or words[row, 1] >> np.uint64(40) != words[row - 1, 1] >> np.uint64(40)
        ):
            of_numbers[count] = number_of[order[row]]
            count += 1
        out[row] = count - 1
    return count


@compiled
def _measure(ends: I64, places: I64, out: I64) -> None:
    out[0] = 0
    for row in range(len(places)):
        out[row + 1] = out[row] + ends[places[row] + 1] - ends[places[row]]


@compiled
def _copy_texts(data: U8, ends: I64, places: I64, out: U8, out_ends: I64) -> None:
    # Eight bytes at a time: what is too much is overwritten by the next text, or is padding.
    for row in range(len(places)):
        place, target, stop = ends[places[row]], out_ends[row], out_ends[row + 1]
        while target < stop:
            store_u64(out, target, load_u64(data, place))
            place += 8
            target += 8


def gather_places(entries: Entries, places: I64) -> Entries:
    """Entries in order at some places, which ascend."""
    return _gather(entries, entries.words.take(places, axis=0), places)


def cut(entries: Entries, start: int, stop: int) -> Entries:
    """Those of entries in order from `start` to before `stop`. Their words are not copied."""
    number_of = entries.number_of[start:stop]
    first, last = (int(number_of[0]), int(number_of[-1]) + 1) if stop > start else (0, 0)
    numbers, extras = _cut_texts(entries.numbers, first, last), _cut_texts(entries.extras, start, stop)
    return Entries(entries.words[start:stop], number_of - np.int32(first), numbers, extras)


def _cut_texts(texts: Texts, start: int, stop: int) -> Texts:
    ends = texts.ends[start : stop + 1]
    data = np.zeros(int(ends[-1] - ends[0]) + PAD, np.uint8)
    data[:-PAD] = texts.data[ends[0] : ends[-1]]
    return Texts(data, ends - ends[0])


@compiled
def find_bound(words: U64, hashed: Number) -> Number:
    """The first of entries in order whose hash is no less."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high) // 2
        if words[middle, 0] < hashed:
            low = middle + 1
        else:
            high = middle
    return low


def places_of(words: U64, hashes: U64) -> I64:
    """Where in entries in order those with one of some hashes are; the hashes ascend."""
    bounds = np.empty((len(hashes), 2), np.int64)
    count = _find_ranges(words, hashes, bounds)
    return _spread(bounds, np.empty(count, np.int64))


@compiled
def _find_ranges(words: U64, hashes: U64, bounds: I64) -> Number:
    count, low, rows = 0, 0, len(words)
    for place in range(len(hashes)):
        hashed = hashes[place]
        # From where the last was found in doubling steps, then by halves.
        step, high = 1, low
        while high < rows and words[high, 0] < hashed:
            low = high + 1
            high += step
            step *= 2
        high = min(high, rows)
        while low < high:
            middle = (low + high) // 2
            if words[middle, 0] < hashed:
                low = middle + 1
            else:
                high = middle
        stop = low
        while stop < rows and words[stop, 0] == hashed:
            stop += 1
        bounds[place, 0], bounds[place, 1] = low, stop
        count += stop - low
        low = stop
    return count


def newest_of(words: U64, places: I64, most: int) -> I64:
    """Of some places in entries in order, which ascend, those of the last entries of each parcel, at most so many."""
    stays = np.empty(len(places), np.bool_)
    _mark_newest(words, places, most, stays)
    return places[stays]


@compiled
def _mark_newest(words: U64, places: I64, most: Number, stays: Flags) -> None:
    count = 0
    for place in range(len(places) - 1, -1, -1):
        row, behind = places[place], places[min(place + 1, len(places) - 1)]
        if words[row, 0] != words[behind, 0] or words[row, 1] >> np.uint64(24) != words[behind, 1] >> np.uint64(24):
            count = 0
        count += 1
        stays[place] = count <= most


def find_present(wanted: Entries, among: Entries, found: Flags) -> None:
    """Note which of some entries in order, of those not found yet, are among others in order."""
    _find_present(
        wanted.words, wanted.extras.data, wanted.extras.ends, among.words, among.extras.data, among.extras.ends, found
    )


@compiled
def _find_present(words: U64, extra: U8, ends: I64, among: U64, among_extra: U8, among_ends: I64, found: Flags) -> None:
    start = 0
    for row in range(len(words)):
        stop = len(among)
        while start < stop:  # the first that is not before it
            middle = (start + stop) // 2
            before = among[middle, 0] < words[row, 0]
            if among[middle, 0] == words[row, 0]:
                before = among[middle, 1] < words[row, 1] or (
                    among[middle, 1] == words[row, 1] and among[middle, 2] < words[row, 2]
                )
            start, stop = (middle + 1, stop) if before else (start, middle)
        place = start
        while place < len(among) and not found[row]:
            if among[place, 0] != words[row, 0] or among[place, 1] != words[row, 1] or among[place, 2] != words[row, 2]:
                break
            found[row] = _is_same_correction(words, extra, ends, row, among, among_extra, among_ends, place)
            place += 1


@inlined
def _is_same_correction(
    words: U64, extra: U8, ends: I64, row: Number, others: U64, other_extra: U8, other_ends: I64, place: Number
) -> Number:
    """Whether two entries that are the same but for what they correct are so in that too."""
    if words[row, 2] & CORRECTS == 0:
        return True
    return load_u64(extra, ends[row]) == load_u64(other_extra, other_ends[place])


@compiled
def _spread(bounds: I64, out: I64) -> I64:
    at = 0
    for place in range(len(bounds)):
        for row in range(bounds[place, 0], bounds[place, 1]):
            out[at] = row
            at += 1
    return out
