"""Entries as scans again, and as numbers for a fold."""

import numpy as np
import pyarrow as pa

from waypost.engines.local.arrays import I16, I32, I64, U8, U64, Flags
from waypost.engines.local.entries import CORRECTS, Entries, Texts
from waypost.model.instants import EARLIEST_MS, QUARTER_MIN
from waypost.model.scans import SCAN_SCHEMA
from waypost.store.compiled import Number, compiled, inlined
from waypost.store.fold import KeyedScans
from waypost.store.words import Vocabulary

#: Of the bytes that an entry has for what it corrects.
_ID_BYTES = 8
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


def instants_of(words: U64) -> I64:
    """UTC milliseconds since 1970."""
    at = (words[:, 1] & np.uint64(0xFFFFFF)) << np.uint64(16) | words[:, 2] >> np.uint64(48)
    return at.astype(np.int64) + EARLIEST_MS


def keyed(entries: Entries, group: I32, words: Vocabulary) -> KeyedScans:
    """Entries in order as a fold takes them."""
    rows = len(entries)
    at_ms, offset_min, time_flags = np.empty(rows, np.int64), np.empty(rows, np.int16), np.empty(rows, np.uint8)
    carrier, code, facility = np.empty(rows, np.int32), np.empty(rows, np.int32), np.empty(rows, np.int32)
    corrects = np.empty(rows, np.bool_)
    _unpack(entries.words, at_ms, offset_min, time_flags, carrier, code, facility, corrects)
    return KeyedScans(
        group=group.astype(np.int64),
        at_ms=at_ms,
        offset_min=offset_min,
        time_flags=time_flags,
        carrier=carrier,
        code=code,
        facility=facility,
        corrects=corrects,
        digest=digests_of(code, facility, offset_min, words),
        words=words,
    )


def digests_of(code: I32, facility: I32, offset_min: I16, words: Vocabulary) -> U64:
    """See `KeyedScans.digest`."""
    digest = words.code.digests(code)
    _mix(digest, words.facility.digests(facility), offset_min)
    return digest


def scans_of(entries: Entries, words: Vocabulary, schema: pa.Schema = SCAN_SCHEMA) -> pa.Table:
    """Entries as columns of `SCAN_SCHEMA`; with another one, the numbers are a dictionary."""
    rows = len(entries)
    at, offset_min, time_flags = np.empty(rows, np.int64), np.empty(rows, np.int16), np.empty(rows, np.uint8)
    carrier, code, facility = np.empty(rows, np.int32), np.empty(rows, np.int32), np.empty(rows, np.int32)
    recorded, source = np.empty(rows, np.int64), np.empty(rows, np.uint8)
    corrects, unrecorded, noted = np.empty(rows, np.bool_), np.empty(rows, np.bool_), np.empty(rows, np.bool_)
    _unpack(entries.words, at, offset_min, time_flags, carrier, code, facility, corrects)
    _unpack_rest(entries.words, recorded, source, unrecorded, noted)
    ids, notes = _extras(entries, corrects, noted)
    is_plain = schema.field("number").type == pa.string()
    columns = {
        "carrier": words.carrier.texts(carrier),
        "number": numbers_of(entries) if is_plain else _numbers(entries),
        "code": words.code.texts(code),
        "at": pa.array(at).view(pa.timestamp("ms", "UTC")),
        "offset_min": pa.array(offset_min),
        "offset_source": pa.array(source),
        "time_flags": pa.array(time_flags),
        "facility": words.facility.texts(facility),
        "note": notes,
        "corrects": ids,
        "recorded_at": pa.array(recorded, mask=unrecorded).view(pa.timestamp("ms", "UTC")),
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)


def numbers_of(entries: Entries) -> pa.StringArray:
    """The number of each entry."""
    return _text_array(entries.numbers).take(pa.array(entries.number_of))


def _numbers(entries: Entries) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(entries.number_of), _text_array(entries.numbers))


def _extras(entries: Entries, corrects: Flags, noted: Flags) -> tuple[pa.Array, pa.Array]:
    """What entries correct, and their notes."""
    extras = entries.extras
    correcting = int(np.count_nonzero(corrects))
    if not correcting:
        return pa.nulls(len(entries), pa.string()), _text_array(extras, noted)
    ids = Texts(np.empty(2 * _ID_BYTES * correcting, np.uint8), np.zeros(len(entries) + 1, np.int64))
    notes = Texts(np.empty(int(extras.ends[-1]), np.uint8), np.zeros_like(extras.ends))
    _split(corrects, extras.data, extras.ends, ids.data, ids.ends, notes.data, notes.ends)
    return _text_array(ids, corrects), _text_array(notes, noted)


def _text_array(texts: Texts, valid: Flags | None = None) -> pa.Array:
    ends = texts.ends.astype(np.int32)  # a gigabyte of notes never comes together
    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(texts.data), bits)


@inlined
def _bits(word: Number, shift: int, count: int) -> Number:
    return word >> np.uint64(shift) & np.uint64((1 << count) - 1)


@compiled
def _unpack(
    words: U64, at: I64, offset_min: I16, time_flags: U8, carrier: I32, code: I32, facility: I32, corrects: Flags
) -> None:
    for row in range(len(words)):
        second, third = words[row, 1], words[row, 2]
        at[row] = np.int64(_bits(second, 0, 24) << np.uint64(16) | third >> np.uint64(48)) + EARLIEST_MS
        offset_min[row] = (np.int64(_bits(third, 40, 8)) - 128) * QUARTER_MIN
        time_flags[row] = _bits(words[row, 3], 12, 8)
        carrier[row] = _bits(second, 24, 16)
        code[row] = _bits(third, 24, 16)
        facility[row] = _bits(third, 1, 23)
        corrects[row] = third & CORRECTS != 0


@compiled
def _unpack_rest(words: U64, recorded: I64, source: U8, unrecorded: Flags, noted: Flags) -> None:
    for row in range(len(words)):
        fourth = words[row, 3]
        kept = fourth >> np.uint64(24)
        recorded[row] = np.int64(kept) + EARLIEST_MS
        unrecorded[row] = kept == 0
        source[row] = _bits(fourth, 20, 4)
        noted[row] = _bits(fourth, 11, 1)


@compiled
def _mix(digest: U64, facility: U64, offset_min: I16) -> None:
    for row in range(len(digest)):
        digest[row] = digest[row] * np.uint64(0x9E3779B97F4A7C15) ^ facility[row] + np.uint64(np.int64(offset_min[row]))


@compiled
def _split(corrects: Flags, data: U8, ends: I64, ids: U8, id_ends: I64, notes: U8, note_ends: I64) -> None:
    digit = sign = 0
    for row in range(len(corrects)):
        start = ends[row]
        if corrects[row]:
            for place in range(start, start + _ID_BYTES):
                ids[digit], ids[digit + 1] = _DIGITS[data[place] >> 4], _DIGITS[data[place] & 15]
                digit += 2
            start += _ID_BYTES
        for place in range(start, ends[row + 1]):
            notes[sign] = data[place]
            sign += 1
        id_ends[row + 1], note_ends[row + 1] = digit, sign
