"""Scans, states and changes as keys and values of bytes, and back.

============  ====================================================================================================
scan          ``s`` number NUL carrier NUL at, offset, code, facility (big-endian, sortable), then what it corrects
              → position, recorded at, offset source, time flags, which of the next are there, note
parcel        ``p`` number NUL carrier → count of scans, record of the fold
change        ``c`` position → whether the parcel is new, record before, record after, number NUL carrier
duplicates    ``d`` first position of a frame → the positions in it of scans that had come before
word          ``w`` its number → text
meta          ``m`` name → text
============  ====================================================================================================

Numbers and words hold no NUL (`check_batch` sees to it), so keys of different parcels cannot be confused and are
ordered as (number, carrier) are.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.store.protocols import TIMELINE_SCHEMA
from waypost.store.words import Words

_TAIL = np.dtype([("at", ">u8"), ("offset", ">u2"), ("code", ">u4"), ("facility", ">u4")])
_HEAD = np.dtype([("position", "<i8"), ("recorded", "<i8"), ("source", "u1"), ("flags", "u1"), ("has", "u1")])
_HAS_NOTE, _HAS_RECORDED = 1, 2
_AT_BIAS, _OFFSET_BIAS = np.uint64(1 << 63), 1 << 15


def parcel_key(kind: bytes, number: str, carrier: str | None = None) -> bytes:
    """The key of a parcel, or what the keys of all parcels with that number begin with."""
    return b"".join((kind, _utf8(number), b"\0", b"" if carrier is None else _utf8(carrier)))


def position_key(kind: bytes, position: int) -> bytes:
    """A key that sorts by position."""
    return kind + position.to_bytes(8, "big")


def parcels_of(scans: pa.RecordBatch) -> pa.DictionaryArray:
    """Number NUL carrier for each scan; the dictionary holds each parcel of the batch once."""
    carrier = scans.column("carrier").cast(pa.string())
    return pc.binary_join_element_wise(scans.column("number"), carrier, "\0").dictionary_encode()


def scan_keys(scans: pa.RecordBatch, parcels: pa.DictionaryArray, words: Words) -> pa.BinaryArray:
    """The keys of some scans."""
    tail = np.empty(scans.num_rows, _TAIL)
    tail["at"] = np.asarray(scans.column("at").cast(pa.int64())).view(np.uint64) + _AT_BIAS
    tail["offset"] = np.asarray(scans.column("offset_min")).astype(np.int32) + _OFFSET_BIAS
    tail["code"] = words.ids(scans.column("code"))
    tail["facility"] = words.ids(scans.column("facility"))
    parcel = parcels.cast(pa.string()).cast(pa.binary())
    keys = pc.binary_join_element_wise(pa.scalar(b"s"), parcel, b"")
    keys = pc.binary_join_element_wise(keys, _binary(tail), b"\0")
    corrects = scans.column("corrects")
    if corrects.null_count < len(corrects):
        mark = pc.binary_join_element_wise(pa.scalar(b"\1"), corrects.cast(pa.binary()), b"")
        keys = pc.binary_join_element_wise(keys, pc.fill_null(mark, b""), b"")
    return keys


def scan_values(scans: pa.RecordBatch, position: int) -> pa.BinaryArray:
    """The values of some scans, of which the first has that position."""
    note, recorded = scans.column("note"), scans.column("recorded_at")
    head = np.empty(scans.num_rows, _HEAD)
    head["position"] = np.arange(position, position + scans.num_rows)
    head["recorded"] = np.asarray(pc.fill_null(recorded.cast(pa.int64()), 0))
    head["source"] = np.asarray(scans.column("offset_source"))
    head["flags"] = np.asarray(scans.column("time_flags"))
    head["has"] = np.asarray(note.is_valid()) * _HAS_NOTE + np.asarray(recorded.is_valid()) * _HAS_RECORDED
    return pc.binary_join_element_wise(_binary(head), pc.fill_null(note, "").cast(pa.binary()), b"")


def timeline_of(pairs: Sequence[tuple[bytes, bytes]], words: Words) -> pa.Table:
    """Scans from their keys and values, in the order given."""
    if not pairs:
        return TIMELINE_SCHEMA.empty_table()
    numbers, carriers, tails, corrects = [], [], [], []
    for key, _ in pairs:
        number, carrier, rest = key[1:].split(b"\0", 2)
        numbers.append(number)
        carriers.append(carrier)
        tails.append(rest[: _TAIL.itemsize])
        mark = rest[_TAIL.itemsize :]
        corrects.append(mark[1:] if mark else None)
    tail = np.frombuffer(b"".join(tails), _TAIL)
    head = np.frombuffer(b"".join(value[: _HEAD.itemsize] for _, value in pairs), _HEAD)
    notes = pa.array([value[_HEAD.itemsize :] for _, value in pairs], pa.binary()).cast(pa.string())
    at = (tail["at"].astype(np.uint64) - _AT_BIAS).view(np.int64)
    has_note, has_recorded = (head["has"] & _HAS_NOTE) != 0, (head["has"] & _HAS_RECORDED) != 0
    recorded = pa.array(head["recorded"].astype(np.int64), mask=~has_recorded)
    columns = {
        "carrier": pa.array(carriers, pa.binary()).cast(pa.string()).dictionary_encode(),
        "number": pa.array(numbers, pa.binary()).cast(pa.string()),
        "code": words.texts(tail["code"].astype(np.int32)),
        "at": pa.array(at).cast(pa.timestamp("ms", "UTC")),
        "offset_min": pa.array((tail["offset"].astype(np.int32) - _OFFSET_BIAS).astype(np.int16)),
        "offset_source": pa.array(np.ascontiguousarray(head["source"])),
        "time_flags": pa.array(np.ascontiguousarray(head["flags"])),
        "facility": words.texts(tail["facility"].astype(np.int32)),
        "note": pc.if_else(pa.array(has_note), notes, pa.scalar(None, pa.string())),
        "corrects": pa.array(corrects, pa.binary()).cast(pa.string()),
        "recorded_at": recorded.cast(pa.timestamp("ms", "UTC")),
        "position": pa.array(head["position"].astype(np.int64)),
    }
    return pa.table([columns[name] for name in TIMELINE_SCHEMA.names], schema=TIMELINE_SCHEMA)


def split_key(key: bytes) -> tuple[str, str]:
    """Number and carrier from the key of a parcel, the kind left off."""
    number, carrier = key.split(b"\0", 1)
    return number.decode(), carrier.decode()


def records_of(values: Sequence[bytes], dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    """The records with which some values begin."""
    return np.frombuffer(b"".join(value[: dtype.itemsize] for value in values), dtype)


def bytes_of(records: npt.NDArray[np.void]) -> list[bytes]:
    """Each record as bytes."""
    size, data = records.dtype.itemsize, records.tobytes()
    return [data[start : start + size] for start in range(0, len(data), size)]


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # who asks may ask for anything


def _binary(records: npt.NDArray[np.void]) -> pa.BinaryArray:
    kind = pa.binary(records.dtype.itemsize)
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(records), [None, pa.py_buffer(records)]).cast(pa.binary())
