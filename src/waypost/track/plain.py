"""The fast way in: rows of JSON in the plain shape, read by a compiled loop straight into columns.

Plain is a flat object of known fields, each once, whose values are texts without escapes, in printable ASCII or common
Chinese characters, that need no tidying and break no rule of `intake`; its instant has seconds and an offset. What is
not plain is left to the careful readers (`wire`, `intake`), which take it or say why not: this reader never refuses.
"""

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.decoding import decode
from waypost.model.scans import SCAN_SCHEMA
from waypost.track import reading
from waypost.track.found import U8, Found
from waypost.track.reading import CARRIER, CODE, COPY_PADDING, FACILITY, NOTE, NUMBER, PADDING, copy_texts
from waypost.track.wire import ROW_SCHEMA, UNREADABLE, PlainRows, Rows, read_each, read_json_array, too_many

_SCHEMA = pa.schema([field.with_nullable(True) if field.name == "carrier" else field for field in SCAN_SCHEMA])
_NO_TABLE = ROW_SCHEMA.empty_table()
_INSTANT = SCAN_SCHEMA.field("at").type


def read_lines(body: bytes | bytearray, limit: int) -> Rows:
    """NDJSON, as `wire.read_ndjson` reads it.

    Raises:
        TooLarge: more than `limit` rows.
    """
    data, found = _padded(body), Found.room(len(body), limit)
    plain, rest, lines = reading.read_lines(data, len(body), limit, found)
    line_ends = lines if body.endswith(b"\n") else lines - 1
    if plain + rest > limit or line_ends > 2 * limit + 2:
        raise too_many(limit)
    return _rows(data, found, plain, _cut(body, found, rest))


def read_array(body: bytes | bytearray, limit: int) -> Rows:
    """A JSON array, as `wire.read_json_array` reads it.

    Raises:
        BadInput: it is no JSON array, so no row can be told from another.
        TooLarge: more than `limit` rows.
    """
    data, found = _padded(body), Found.room(len(body), limit)
    plain, rest = reading.read_array(data, len(body), limit, found)
    if plain + rest > limit:
        raise too_many(limit)
    others = _cut(body, found, rest)
    if plain < 0 or not all(_is_json(text) for _, text in others):
        return read_json_array(bytes(body), limit)
    return _rows(data, found, plain, others)


def make_ready() -> None:
    """Compile the loops, or load what was compiled before, so that the first sender need not wait for it."""
    read_lines(b"", 1)
    read_array(b"[]", 1)


def _padded(body: bytes | bytearray) -> U8:
    return np.frombuffer(b"".join((body, PADDING)), np.uint8)


def _cut(body: bytes | bytearray, found: Found, rest: int) -> list[tuple[int, bytes]]:
    """The rows that are not plain, each with its number."""
    return [(row, bytes(body[start:stop])) for row, start, stop in found.others[:rest].tolist()]


def _is_json(text: bytes) -> bool:
    try:
        decode(text, msgspec.Raw)
    except UNREADABLE:
        return False
    return True


def _rows(data: U8, found: Found, plain: int, others: list[tuple[int, bytes]]) -> Rows:
    rest = read_each(others) if others else Rows(_NO_TABLE, [], [])
    return Rows(rest.table, rest.rows, rest.refusals, PlainRows(_scans(data, found, plain), found.rows[:plain]))


def _scans(data: U8, found: Found, plain: int) -> pa.RecordBatch:
    columns = {
        "carrier": _words(data, found, CARRIER, plain),
        "number": _texts(data, found, NUMBER, plain),
        "code": _words(data, found, CODE, plain),
        "at": pa.array(found.at_ms[:plain]).view(_INSTANT),
        "offset_min": pa.array(found.offset_min[:plain]),
        "offset_source": pa.array(np.zeros(plain, np.uint8)),
        "time_flags": pa.array(np.zeros(plain, np.uint8)),
        "facility": _words(data, found, FACILITY, plain),
        "note": _texts(data, found, NOTE, plain),
        "corrects": pa.nulls(plain, pa.string()),
        "recorded_at": pa.nulls(plain, _INSTANT),
    }
    return pa.record_batch([columns[field.name] for field in _SCHEMA], schema=_SCHEMA)


def _texts(data: U8, found: Found, field: int, many: int) -> pa.StringArray:
    """The first texts of a field; null where one is empty."""
    ends = found.ends[field, : many + 1]
    out = np.empty(int(ends[-1]) + COPY_PADDING, np.uint8)
    copy_texts(data, found.starts[field, :many], ends, out)
    valid = _bitmap(ends[1:] != ends[:-1])
    return pa.StringArray.from_buffers(many, pa.py_buffer(ends), pa.py_buffer(out), valid)


def _words(data: U8, found: Found, field: int, many: int) -> pa.DictionaryArray:
    """Texts that recur, each once in the dictionary."""
    ids = found.ids[field, :many]
    places = pa.Array.from_buffers(pa.int32(), many, [_bitmap(ids >= 0), pa.py_buffer(ids)])
    return pa.DictionaryArray.from_arrays(places, _texts(data, found, field, int(found.words[field, 0])))


def _bitmap(there: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    """Which values are there, as Arrow keeps it; None if all are."""
    return None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
