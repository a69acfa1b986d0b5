"""The fast way in: rows of JSON in the plain shape, read by a compiled loop straight into columns.

Plain is a flat object of known fields, each once, whose values are texts without escapes, in printable ASCII or common
Chinese characters, that need no tidying and break no rule of `intake`; its instant has seconds and an offset. What is
not plain is left to the careful readers (`wire`, `intake`), which take it or say why not: this reader never refuses.
"""

from typing import NamedTuple, Self, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.instants import EARLIEST_MS, LATEST_MS, MAX_OFFSET_MIN, MIN_OFFSET_MIN, QUARTER_MIN
from waypost.model.scans import SCAN_SCHEMA, VOID
from waypost.store.compiled import Number, compiled, inlined, load_u64, trailing_zeros
from waypost.track.wire import UNREADABLE, PlainRows, Rows, read_each, read_json_array, too_many

U8: TypeAlias = npt.NDArray[np.uint8]
I32: TypeAlias = npt.NDArray[np.int32]
I64: TypeAlias = npt.NDArray[np.int64]

_PAD = 16
_CARRIER, _NUMBER, _CODE, _AT, _FACILITY, _NOTE = range(6)
_MOST = np.array([32, 64, 64, 35, 128, 1000], np.int64)
_PHONE_RUN = 7
_LINE_END = 10
_VOID = np.uint64(int.from_bytes(VOID.encode(), "little"))

_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_QUOTES, _SLASHES = _ONES * np.uint64(0x22), _ONES * np.uint64(0x5C)
_BLANKS, _DELETES = _ONES * np.uint64(0x20), _ONES * np.uint64(0x7F)


def read_lines(body: bytes | bytearray, limit: int) -> Rows:
    """NDJSON, as `wire.read_ndjson` reads it.

    Raises:
        TooLarge: more than `limit` rows.
    """
    data, size = _padded(body)
    most = int(np.count_nonzero(data == _LINE_END)) + 1
    if most > 2 * limit + 2:
        raise too_many(limit)
    found = _Found.of(most)
    plain, rest = _read_lines(data, size, *found)
    if plain + rest > limit:
        raise too_many(limit)
    return found.rows(data, plain, read_each([(row, bytes(body[a:b])) for row, a, b in found.others[:rest].tolist()]))


def read_array(body: bytes | bytearray, limit: int) -> Rows:
    """A JSON array, as `wire.read_json_array` reads it.

    Raises:
        BadInput: it is no JSON array, so no row can be told from another.
        TooLarge: more than `limit` rows.
    """
    data, size = _padded(body)
    found = _Found.of(limit + 1)
    plain, rest = _read_array(data, size, *found)
    if plain + rest > limit:
        raise too_many(limit)
    others = [(row, bytes(body[start:stop])) for row, start, stop in found.others[:rest].tolist()]
    if plain < 0 or not all(_is_json(text) for _, text in others):
        return read_json_array(bytes(body), limit)
    return found.rows(data, plain, read_each(others))


def make_ready() -> None:
    """Compile the loops, or load what was compiled before, so that the first sender need not wait for it."""
    read_lines(b"", 1)
    read_array(b"[]", 1)


class _Found(NamedTuple):
    """What the compiled loops fill in, for at most so many rows.

    Attributes:
        spans: of each plain row the place and length of its texts.
        instants: of each plain row UTC milliseconds and offset in minutes.
        numbers: of each plain row its number in what was sent.
        others: of each other row its number, and where it begins and ends.
    """

    spans: npt.NDArray[np.int32]
    instants: I64
    numbers: I64
    others: I64

    @classmethod
    def of(cls, most: int) -> Self:
        return cls(
            np.empty((most, 6, 2), np.int32), np.empty((most, 2), np.int64), np.empty(most, np.int64),
            np.empty((most, 3), np.int64),
        )  # fmt: skip

    def rows(self, data: U8, plain: int, others: Rows) -> Rows:
        scans = _batch(data, self.spans[:plain], self.instants[:plain])
        return Rows(others.table, others.rows, others.refusals, PlainRows(scans, self.numbers[:plain]))


def _padded(body: bytes | bytearray) -> tuple[U8, int]:
    """The body with zeros behind it, which end all loops."""
    data = np.zeros(len(body) + _PAD, np.uint8)
    data[: len(body)] = np.frombuffer(body, np.uint8)
    return data, len(body)


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except UNREADABLE:
        return False
    return True


def _batch(data: U8, spans: npt.NDArray[np.int32], instants: npt.NDArray[np.int64]) -> pa.RecordBatch:
    count = len(spans)
    offset_min = instants[:, 1].astype(np.int16)
    columns = {
        "carrier": _words(data, spans[:, _CARRIER]),
        "number": _texts(data, spans[:, _NUMBER]),
        "code": _words(data, spans[:, _CODE]),
        "at": pa.array(instants[:, 0]).cast(pa.timestamp("ms", "UTC")),
        "offset_min": pa.array(offset_min),
        "offset_source": pa.array(np.zeros(count, np.uint8)),
        "time_flags": pa.array(np.zeros(count, np.uint8)),
        "facility": _words(data, spans[:, _FACILITY]),
        "note": _texts(data, spans[:, _NOTE]),
        "corrects": pa.nulls(count, pa.string()),
        "recorded_at": pa.nulls(count, pa.timestamp("ms", "UTC")),
    }
    schema = pa.schema([field.with_nullable(True) if field.name == "carrier" else field for field in SCAN_SCHEMA])
    return pa.record_batch([columns[field.name] for field in schema], schema=schema)


def _texts(data: U8, spans: npt.NDArray[np.int32]) -> pa.StringArray:
    """Texts at some places of the body; null where a span is empty."""
    spans = np.ascontiguousarray(spans)
    ends = np.zeros(len(spans) + 1, np.int32)
    np.cumsum(spans[:, 1], out=ends[1:])
    out = np.empty(int(ends[-1]) + 8, np.uint8)
    _copy(data, spans, out, ends)
    missing = spans[:, 1] == 0
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    return pa.StringArray.from_buffers(len(spans), pa.py_buffer(ends), pa.py_buffer(out), valid)


def _words(data: U8, spans: npt.NDArray[np.int32]) -> pa.DictionaryArray:
    """Texts that recur, each once in the dictionary."""
    spans = np.ascontiguousarray(spans)
    size = 64
    while size < 2 * len(spans):
        size *= 2
    table, ids, firsts = np.full(size, -1, np.int32), np.empty(len(spans), np.int32), np.empty(len(spans), np.int32)
    count = _intern(data, spans, table, ids, firsts)
    words = _texts(data, spans[firsts[:count]])
    missing = ids < 0
    return pa.DictionaryArray.from_arrays(pa.array(ids, mask=missing) if missing.any() else pa.array(ids), words)


@compiled
def _copy(data: U8, spans: npt.NDArray[np.int32], out: U8, ends: I32) -> None:
    for row in range(len(spans)):
        place, target, stop = np.int64(spans[row, 0]), np.int64(ends[row]), np.int64(ends[row + 1])
        while target + 8 <= stop:
            word = load_u64(data, place)
            for byte in range(8):
                out[target + byte] = np.uint8(word >> np.uint64(8 * byte))
            place += 8
            target += 8
        while target < stop:
            out[target] = data[place]
            place += 1
            target += 1


@compiled
def _intern(data: U8, spans: npt.NDArray[np.int32], table: I32, ids: I32, firsts: I32) -> Number:
    """Number the distinct texts in the order of their coming. Bytes are compared, not only hashes."""
    count, mask = 0, np.uint64(len(table) - 1)
    for row in range(len(spans)):
        start, length = np.int64(spans[row, 0]), np.int64(spans[row, 1])
        if length == 0:
            ids[row] = -1
            continue
        hashed = np.uint64(length)
        place = 0
        while place < length:
            word = load_u64(data, start + place)
            if length - place < 8:
                word &= (np.uint64(1) << np.uint64(8 * (length - place))) - np.uint64(1)
            hashed = (hashed ^ word) * np.uint64(0x9E3779B97F4A7C15)
            hashed ^= hashed >> np.uint64(29)
            place += 8
        slot = hashed & mask
        while True:
            known = table[slot]
            if known < 0:
                table[slot] = count
                firsts[count] = row
                ids[row] = count
                count += 1
                break
            other = firsts[known]
            if spans[other, 1] == length and _is_equal(data, start, np.int64(spans[other, 0]), length):
                ids[row] = known
                break
            slot = (slot + np.uint64(1)) & mask
    return count


@inlined
def _is_equal(data: U8, a: Number, b: Number, length: Number) -> Number:
    place = 0
    while place < length:
        difference = load_u64(data, a + place) ^ load_u64(data, b + place)
        if length - place < 8:
            difference &= (np.uint64(1) << np.uint64(8 * (length - place))) - np.uint64(1)
        if difference != 0:
            return False
        place += 8
    return True


@compiled
def _read_lines(
    data: U8, size: Number, spans: npt.NDArray[np.int32], instants: I64, rows: I64, others: I64
) -> tuple[Number, Number]:
    plain = rest = row = 0
    place = _skip_mark(data)
    while place < size:
        end = _read_object(data, place, size, spans[plain], instants[plain])
        if end >= 0:
            while end < size and (data[end] == 32 or data[end] == 9 or data[end] == 13):
                end += 1
            if end < size and data[end] != 10:
                end = -1
        if end >= 0:
            rows[plain] = row
            plain += 1
        else:
            end = place
            blank = True
            while end < size and data[end] != 10:
                blank = blank and (data[end] == 32 or data[end] == 9 or data[end] == 13)
                end += 1
            if not blank:
                others[rest, 0], others[rest, 1], others[rest, 2] = row, place, end
                rest += 1
        place = end + 1
        row += 1
    return plain, rest


@compiled
def _read_array(
    data: U8, size: Number, spans: npt.NDArray[np.int32], instants: I64, rows: I64, others: I64
) -> tuple[Number, Number]:
    """As `_read_lines`; -1 plain rows if it is better read as a whole. Stops where there is no room for more."""
    plain = rest = row = 0
    place = _skip_all(data, _skip_mark(data))
    if data[place] != 0x5B:
        return -1, 0
    place = _skip_all(data, place + 1)
    while row < len(rows):
        end = _read_object(data, place, size, spans[plain], instants[plain])
        if end >= 0:
            rows[plain] = row
            plain += 1
        else:
            end = _behind_value(data, place, size)
            if end <= place:
                return -1, 0
            others[rest, 0], others[rest, 1], others[rest, 2] = row, place, end
            rest += 1
        row += 1
        place = _skip_all(data, end)
        if data[place] == 0x5D:
            place = _skip_all(data, place + 1)
            return (plain, rest) if place == size else (-1, 0)
        if data[place] != 0x2C:
            return -1, 0
        place = _skip_all(data, place + 1)
    return plain, rest


@compiled
def _behind_value(data: U8, place: Number, size: Number) -> Number:
    """The place behind a JSON value, judged by its brackets, texts and commas alone."""
    depth = 0
    while place < size:
        byte = data[place]
        if byte == 0x22:
            place += 1
            while place < size and data[place] != 0x22:
                place += 2 if data[place] == 0x5C else 1
        elif byte == 0x7B or byte == 0x5B:
            depth += 1
        elif byte == 0x7D or byte == 0x5D:
            if depth == 0:
                return place
            depth -= 1
            if depth == 0:
                return place + 1
        elif byte == 0x2C and depth == 0:
            return place
        place += 1
    return -1


@inlined
def _skip_mark(data: U8) -> Number:
    """The place behind a byte order mark."""
    return 3 if data[0] == 0xEF and data[1] == 0xBB and data[2] == 0xBF else 0


@inlined
def _skip_all(data: U8, place: Number) -> Number:
    """The next place that is not blank."""
    while data[place] == 32 or data[place] == 9 or data[place] == 10 or data[place] == 13:
        place += 1
    return place


@inlined
def _skip(data: U8, place: Number) -> Number:
    """The next place of the line that is not blank: an object that goes on in the next line is not plain."""
    while data[place] == 32 or data[place] == 9:
        place += 1
    return place


@compiled
def _read_object(data: U8, place: Number, size: Number, span: npt.NDArray[np.int32], instant: I64) -> Number:
    """Read one object; the place behind it, or -1 if it is not plain."""
    for field in range(6):
        span[field, 1] = 0
    place = _skip(data, place)
    if data[place] != 0x7B:
        return -1
    place = _skip(data, place + 1)
    while True:
        if data[place] != 0x22:
            return -1
        field, place = _read_name(data, place + 1)
        if field < 0 or span[field, 1] != 0:
            return -1
        place = _skip(data, place)
        if data[place] != 0x3A:
            return -1
        place = _skip(data, place + 1)
        if data[place] != 0x22:
            return -1
        start = place + 1
        place, beyond, blank = _find_quote(data, start, size)
        length = place - start
        if place < 0 or length < 1 or length > _MOST[field]:
            return -1
        if field == _AT:
            if not _read_instant(data, start, length, instant):
                return -1
        elif not _is_plain_value(data, field, start, place, beyond, blank):
            return -1
        span[field, 0], span[field, 1] = start, length
        place = _skip(data, place + 1)
        if data[place] == 0x2C:
            place = _skip(data, place + 1)
        elif data[place] == 0x7D:
            break
        else:
            return -1
    if span[_CODE, 1] == 4 and load_u64(data, span[_CODE, 0]) & np.uint64(0xFFFFFFFF) == _VOID:
        return -1  # it has to name a scan
    if span[_NUMBER, 1] == 0 or span[_CODE, 1] == 0 or span[_AT, 1] == 0 or place >= size:
        return -1
    return place + 1


@inlined
def _read_name(data: U8, place: Number) -> tuple[Number, Number]:
    """Which field a name is, -1 for none that is plain, and the place behind its quote."""
    word = load_u64(data, place)
    if word & np.uint64(0xFFFFFF) == np.uint64(0x227461):  # at"
        return _AT, place + 3
    if word & np.uint64(0xFFFFFFFFFF) == np.uint64(0x2265646F63):  # code"
        return _CODE, place + 5
    if word & np.uint64(0xFFFFFFFFFF) == np.uint64(0x2265746F6E):  # note"
        return _NOTE, place + 5
    if word & np.uint64(0xFFFFFFFFFFFFFF) == np.uint64(0x227265626D756E):  # number"
        return _NUMBER, place + 7
    if word == np.uint64(0x2272656972726163):  # carrier"
        return _CARRIER, place + 8
    if word == np.uint64(0x7974696C69636166) and data[place + 8] == 0x22:  # facility"
        return _FACILITY, place + 9
    return -1, place


@inlined
def _has_zero(word: Number) -> Number:
    """Marks the zero bytes of a word by their highest bits; the lowest mark is right, those above it may not be."""
    return (word - _ONES) & ~word & _HIGHS


@inlined
def _find_quote(data: U8, place: Number, size: Number) -> tuple[Number, Number, Number]:
    """The next quote, -1 if a backslash or a control character comes first; marks of non-ASCII, and of blanks."""
    beyond = blank = np.uint64(0)
    while place < size:
        word = load_u64(data, place)
        quotes = _has_zero(word ^ _QUOTES)
        odd = _has_zero(word ^ _SLASHES) | _has_zero(word ^ _DELETES) | ((word - _BLANKS) & ~word & _HIGHS)
        if quotes == 0:
            if odd != 0:
                return -1, beyond, blank
            beyond |= word & _HIGHS
            blank |= _has_zero(word ^ _BLANKS)
            place += 8
            continue
        before = (quotes & (~quotes + np.uint64(1))) - np.uint64(1)  # the bits below the first quote
        if odd & before != 0:
            return -1, beyond, blank
        beyond |= word & _HIGHS & before
        blank |= _has_zero(word ^ _BLANKS) & before
        return place + (trailing_zeros(quotes) >> 3), beyond, blank
    return -1, beyond, blank


@inlined
def _is_plain_value(data: U8, field: Number, start: Number, stop: Number, beyond: Number, blank: Number) -> Number:
    if field == _NUMBER:
        return beyond == 0 and blank == 0
    if field == _CARRIER:
        for place in range(start, stop):
            byte = data[place]
            is_mark = place > start and (byte == 0x2D or byte == 0x5F)
            if not (0x61 <= byte <= 0x7A or 0x30 <= byte <= 0x39 or is_mark):
                return False
        return True
    if data[start] == 0x20 or data[stop - 1] == 0x20:
        return False
    if beyond != 0 and not _is_common(data, start, stop):
        return False
    return field != _NOTE or not _has_phone(data, start, stop)


@compiled
def _is_common(data: U8, start: Number, stop: Number) -> Number:
    """Whether all is ASCII or Chinese: U+4000 to U+9FFF, and the commonest of its marks."""
    place = start
    while place < stop:
        first = data[place]
        if first < 0x7F:
            place += 1
            continue
        if place + 2 >= stop or data[place + 1] & 0xC0 != 0x80 or data[place + 2] & 0xC0 != 0x80:
            return False
        second, third = data[place + 1], data[place + 2]
        is_mark = first == 0xE3 and second == 0x80 and (third == 0x81 or third == 0x82)  # 、。
        is_mark = is_mark or (first == 0xEF and second == 0xBC and (third == 0x8C or third == 0x9A))  # ，：
        if not (0xE4 <= first <= 0xE9 or is_mark):
            return False
        place += 3
    return True


@compiled
def _has_phone(data: U8, start: Number, stop: Number) -> Number:
    """Whether digits, with blanks and such between them, may be a telephone number: then it is no plain note."""
    begun = last = -1
    for place in range(start, stop):
        byte = data[place]
        if 0x30 <= byte <= 0x39:
            if begun < 0:
                begun = place
            last = place
            if last - begun + 1 >= _PHONE_RUN:
                return True
        elif not (byte == 0x20 or 0x28 <= byte <= 0x2F):
            begun = -1
    return False


@inlined
def _two(data: U8, place: Number) -> Number:
    high, low = np.int64(data[place]) - 48, np.int64(data[place + 1]) - 48
    if high < 0 or high > 9 or low < 0 or low > 9:
        return -1
    return high * 10 + low


@compiled
def _read_instant(data: U8, start: Number, length: Number, out: I64) -> Number:
    """Read `2026-11-22T10:00:00+08:00`, with or without a fraction, or with Z: UTC milliseconds and minutes."""
    if length < 20:
        return False
    century, years = _two(data, start), _two(data, start + 2)
    month, day = _two(data, start + 5), _two(data, start + 8)
    hour, minute, second = _two(data, start + 11), _two(data, start + 14), _two(data, start + 17)
    if min(century, years, month, day, hour, minute, second) < 0:
        return False
    if data[start + 4] != 0x2D or data[start + 7] != 0x2D or data[start + 10] != 0x54:
        return False
    if data[start + 13] != 0x3A or data[start + 16] != 0x3A or hour > 23 or minute > 59 or second > 59:
        return False
    year = century * 100 + years
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if month < 1 or month > 12 or day < 1:
        return False
    days = 29 if month == 2 and leap else 28 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if day > days:
        return False
    place, stop, fraction = start + 19, start + length, np.int64(0)
    if data[place] == 0x2E:
        place += 1
        first = place
        while place < stop and 0x30 <= data[place] <= 0x39:
            if place - first < 3:
                fraction = fraction * 10 + np.int64(data[place]) - 48
            place += 1
        if place == first or place - first > 9:
            return False
        for _ in range(place - first, 3):
            fraction *= 10
    offset = 0
    if place + 1 == stop and data[place] == 0x5A:
        offset = 0
    elif place + 6 == stop and (data[place] == 0x2B or data[place] == 0x2D) and data[place + 3] == 0x3A:
        hours, minutes = _two(data, place + 1), _two(data, place + 4)
        if hours < 0 or minutes < 0 or minutes > 59:
            return False
        offset = hours * 60 + minutes
        if data[place] == 0x2D:
            offset = -offset
    else:
        return False
    if offset % QUARTER_MIN != 0 or offset < MIN_OFFSET_MIN or offset > MAX_OFFSET_MIN:
        return False
    # Days since 1970 in the Gregorian calendar (H. Hinnant, chrono-compatible date algorithms).
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_number = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    at_ms = (((day_number * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + fraction
    out[0], out[1] = at_ms, offset
    return EARLIEST_MS <= at_ms <= LATEST_MS
