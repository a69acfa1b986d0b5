"""The compiled loops of `plain`: they find plain rows in a body, check them, and tell their texts, words and instants.

What these loops are compiled with stands in this file, limits too: their machine code is kept until it changes.
"""

import numpy as np

from waypost.model.instants import EARLIEST_MS, LATEST_MS, MAX_OFFSET_MIN, MIN_OFFSET_MIN, QUARTER_MIN
from waypost.model.scans import VOID
from waypost.store.compiled import Number, load_u64, store_u64, trailing_zeros
from waypost.track.found import FIELDS, HEAD, I32, TEXTS, U8, U64, WORDS, Found
from waypost.track.windows import WINDOW, between, lean, lean_inlined

#: The fields of a plain row, words first, then other texts. What each is called, and how many bytes it may have.
CARRIER, CODE, FACILITY, NUMBER, NOTE, AT = range(FIELDS)
NAMES = ("carrier", "code", "facility", "number", "note", "at")
MOST = np.array([32, 64, 128, 64, 1000, 35], np.int64)

#: What has to stand behind a body: zeros, which end all loops, and more of them than a loop reads at once; and how many
#: bytes behind copied texts.
PADDING, COPY_PADDING = bytes(128), 32

_END = FIELDS
_MOST_TRIES = 256
_PHONE_RUN = 7
_LINE_END = 10
_DAYS_TO_2000 = 10_957

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_HIGHS = np.uint64(0x8080808080808080)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
#: All bits of so many bytes.
_BYTES = np.array([(1 << 8 * many) - 1 for many in range(9)], np.uint64)
_VOID = np.uint64(int.from_bytes(VOID.encode(), "little"))
#: Names as `_head` gives them, each with the quote behind it.
_NAME_LENGTHS = np.array([len(name) + 1 for name in NAMES], np.int64)
_NAME_HEADS = np.array([list(f'{name}"'.encode().ljust(HEAD, b"\0")) for name in NAMES], np.uint8).view("<u8")
#: By month: how many days it has, and how many of the year are before it, where February has 28.
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_DAYS_BEFORE = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)


@lean
def read_lines(data: U8, size: Number, limit: Number, found: Found) -> tuple[Number, Number, Number]:
    """Read NDJSON: how many rows are plain, how many are not, and how many lines there are; stops beyond the limit."""
    plain = rest = row = np.int64(0)
    place = _skip_mark(data)
    while place < size and plain + rest <= limit:
        end = _read_row(data, place, size, found, plain)
        if end >= 0:
            while data[end] == 32 or data[end] == 9 or data[end] == 13:
                end += 1
            if end < size and data[end] != _LINE_END:
                end = -1
        if end >= 0:
            _keep_row(data, found, plain, row)
            plain += 1
        else:
            begin = place
            while data[begin] == 32 or (9 <= data[begin] <= 13 and data[begin] != _LINE_END):
                begin += 1
            end = _line_end(data, begin, size)
            if end > begin:
                found.others[rest, 0], found.others[rest, 1], found.others[rest, 2] = row, place, end
                rest += 1
        place = end + 1
        row += 1
    return plain, rest, row


@lean
def read_array(data: U8, size: Number, limit: Number, found: Found) -> tuple[Number, Number]:
    """Read a JSON array, as `read_lines` reads lines; -1 plain rows if it is better read as a whole."""
    plain = rest = row = np.int64(0)
    place = _skip_all(data, _skip_mark(data))
    if data[place] != 0x5B:
        return -1, 0
    place = _skip_all(data, place + 1)
    while row <= limit:
        end = _read_row(data, place, size, found, plain)
        if end >= 0:
            _keep_row(data, found, plain, row)
            plain += 1
        else:
            end = _behind_value(data, place, size)
            if end <= place:
                return -1, 0
            found.others[rest, 0], found.others[rest, 1], found.others[rest, 2] = row, place, end
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


@lean
def copy_texts(data: U8, starts: I32, ends: I32, out: U8) -> None:
    """Put texts one behind the other. More is copied than they are long, so `out` needs `COPY_PADDING` behind them."""
    for row in range(len(starts)):
        place, target, stop = np.int64(starts[row]), np.int64(ends[row]), np.int64(ends[row + 1])
        while target < stop:
            for _ in range(4):
                store_u64(out, target, load_u64(data, place))
                place += 8
                target += 8


@lean
def _line_end(data: U8, place: Number, size: Number) -> Number:
    while place < size:
        ends = between(data, place, _LINE_END, _LINE_END)
        if ends != _ZERO:
            return min(place + trailing_zeros(ends), size)
        place += WINDOW
    return size


@lean
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


@lean_inlined
def _skip_mark(data: U8) -> Number:
    """The place behind a byte order mark."""
    return 3 if data[0] == 0xEF and data[1] == 0xBB and data[2] == 0xBF else 0


@lean_inlined
def _skip_all(data: U8, place: Number) -> Number:
    """The next place that is not blank."""
    while data[place] == 32 or data[place] == 9 or data[place] == 10 or data[place] == 13:
        place += 1
    return place


@lean_inlined
def _skip(data: U8, place: Number) -> Number:
    """The next place of the line that is not blank: an object that goes on in the next line is not plain."""
    while data[place] == 32 or data[place] == 9:
        place += 1
    return place


@lean_inlined
def _head(data: U8, place: Number, length: Number) -> tuple[Number, Number]:
    """The first sixteen bytes of a text, zeros behind it."""
    first = load_u64(data, place) & _BYTES[np.uint64(min(length, 8))]
    return first, load_u64(data, place + 8) & _BYTES[np.uint64(min(max(length - 8, 0), 8))]


@lean
def _read_row(data: U8, place: Number, size: Number, found: Found, plain: Number) -> Number:
    """Read one object; the place behind it, or -1 if it is not plain."""
    parts, ways = found.parts, found.ways
    parts[:, 1] = 0
    step = 0
    while True:
        # Most rows are written like the row before: then what stands between two texts is the same.
        field, length = np.int64(ways[step, 2]), np.int64(ways[step, 3])
        first, second = _head(data, place, length)
        if first == ways[step, 0] and second == ways[step, 1]:
            start = place + length
        else:
            field, start = _find_way(data, place, step)
            if field < 0:
                return -1
            if field == _END:
                break
            if start - place <= HEAD:
                ways[step, 0], ways[step, 1] = _head(data, place, start - place)
                ways[step, 2], ways[step, 3] = field, start - place
        place, beyond, blank = _find_quote(data, start)
        length = place - start
        if length < 1 or length > MOST[field] or parts[field, 1] != 0:
            return -1
        parts[field, 0], parts[field, 1] = start, length
        if field == AT:
            if not _read_instant(data, start, length, found, plain):
                return -1
        elif field == NUMBER:
            if beyond | blank != _ZERO:
                return -1
        elif field == NOTE:
            if not _is_text(data, start, place, beyond) or _has_phone(data, start, place):
                return -1
        else:
            parts[field, 2], is_known = _find_word(data, found, field, start, length)
            if not is_known and (parts[field, 2] < 0 or not _is_word(data, field, start, place, beyond)):
                return -1
        step += 1
    if parts[NUMBER, 1] == 0 or parts[CODE, 1] == 0 or parts[AT, 1] == 0 or start > size:
        return -1
    return start


@lean
def _find_way(data: U8, place: Number, step: Number) -> tuple[Number, Number]:
    """From the beginning of a row, or the quote behind a text, to the next text: its field, and where it begins.

    `_END` and the place behind the row if there is none; -1 if it is not plain.
    """
    place = _skip(data, place if step == 0 else place + 1)
    if step > 0 and data[place] == 0x7D:
        return _END, place + 1
    if data[place] != (0x7B if step == 0 else 0x2C):
        return -1, place
    place = _skip(data, place + 1)
    if data[place] != 0x22:
        return -1, place
    field, place = _read_name(data, place + 1)
    place = _skip(data, place)
    if field < 0 or data[place] != 0x3A:
        return -1, place
    place = _skip(data, place + 1)
    return (field, place + 1) if data[place] == 0x22 else (-1, place)


@lean_inlined
def _read_name(data: U8, place: Number) -> tuple[Number, Number]:
    """Which field a name is, -1 for none that is plain, and the place behind its quote."""
    for field in range(FIELDS):
        first, second = _head(data, place, _NAME_LENGTHS[field])
        if first == _NAME_HEADS[field, 0] and second == _NAME_HEADS[field, 1]:
            return field, place + _NAME_LENGTHS[field]
    return -1, place


@lean_inlined
def _find_quote(data: U8, place: Number) -> tuple[Number, Number, Number]:
    """The next quote, -1 if a backslash or a control character comes first; bits of non-ASCII, and of blanks."""
    beyond = blank = _ZERO
    while True:
        quotes = between(data, place, 0x22, 0x22)
        odd = between(data, place, 0, 0x1F) | between(data, place, 0x5C, 0x5C) | between(data, place, 0x7F, 0x7F)
        before = (quotes & (~quotes + _ONE)) - _ONE  # the bits below the first quote; all if there is none
        beyond |= between(data, place, 0x80, 0xFF) & before
        blank |= between(data, place, 0x20, 0x20) & before
        if odd & before != _ZERO:
            return -1, beyond, blank
        if quotes != _ZERO:
            return place + trailing_zeros(quotes), beyond, blank
        place += WINDOW


@lean_inlined
def _is_text(data: U8, start: Number, stop: Number, beyond: Number) -> Number:
    """Whether a text needs no tidying, and has plain characters only."""
    return data[start] != 0x20 and data[stop - 1] != 0x20 and (beyond == _ZERO or _is_common(data, start, stop))


@lean
def _is_word(data: U8, field: Number, start: Number, stop: Number, beyond: Number) -> Number:
    """Whether a word may be one. Asked of each once: only those that may be are known."""
    if field == CARRIER:
        for place in range(start, stop):
            byte = data[place]
            is_mark = place > start and (byte == 0x2D or byte == 0x5F)
            if not (0x61 <= byte <= 0x7A or 0x30 <= byte <= 0x39 or is_mark):
                return False
        return True
    if field == CODE and stop - start == len(VOID) and load_u64(data, start) & _BYTES[len(VOID)] == _VOID:
        return False  # it has to name a scan
    return _is_text(data, start, stop, beyond)


@lean
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


@lean_inlined
def _has_phone(data: U8, start: Number, stop: Number) -> Number:
    """Whether digits, with blanks and such between them, may be a telephone number: then it is no plain note."""
    for place in range(start, stop, WINDOW - _PHONE_RUN + 1):
        runs = between(data, place, 0x30, 0x39) | between(data, place, 0x28, 0x2F) | between(data, place, 0x20, 0x20)
        if stop - place < WINDOW:
            runs &= (_ONE << np.uint64(stop - place)) - _ONE
        runs &= runs >> _ONE
        runs &= runs >> np.uint64(2)
        runs &= runs >> np.uint64(3)  # left are those with six more behind them
        if runs != _ZERO:
            return _has_digits(data, start, stop)
    return False


@lean
def _has_digits(data: U8, start: Number, stop: Number) -> Number:
    """As `_has_phone`, and sure of it: the run begins and ends with a digit."""
    begun = -1
    for place in range(start, stop):
        byte = data[place]
        if 0x30 <= byte <= 0x39:
            if begun < 0:
                begun = place
            if place - begun + 1 >= _PHONE_RUN:
                return True
        elif not (byte == 0x20 or 0x28 <= byte <= 0x2F):
            begun = -1
    return False


@lean_inlined
def _hash(data: U8, start: Number, length: Number) -> Number:
    hashed = np.uint64(length)
    for done in range(0, length, HEAD):
        first, second = _head(data, start + done, length - done)
        hashed = ((hashed + first) * _SPREAD ^ second) * _SPREAD
        hashed ^= hashed >> np.uint64(32)
    return hashed


@lean_inlined
def _is_equal(data: U8, a: Number, b: Number, length: Number) -> Number:
    for done in range(0, length, HEAD):
        if _head(data, a + done, length - done) != _head(data, b + done, length - done):
            return False
    return True


@lean_inlined
def _find_word(data: U8, found: Found, field: Number, start: Number, length: Number) -> tuple[Number, Number]:
    """The slot of a word, and whether it is known, which its bytes decide, not only its hash; else it is a free slot.

    -1 after too many tries: then someone makes up words that all want the same slot.
    """
    mask = np.uint64(found.words[field, 1] - 1)
    slot = _hash(data, start, length) & mask
    first, second = _head(data, start, length)
    for _ in range(_MOST_TRIES):
        known = np.int64(found.slots[field, slot])
        if known < 0:
            return np.int64(slot), False
        if found.heads[field, known, 0] == first and found.heads[field, known, 1] == second:
            if length < HEAD:  # no text has zeros, so this is all of it
                return np.int64(slot), True
            other = found.ends[field, known + 1] - found.ends[field, known]
            if other == length and _is_equal(data, start, np.int64(found.starts[field, known]), length):
                return np.int64(slot), True
        slot = (slot + _ONE) & mask
    return np.int64(-1), False


@lean_inlined
def _keep_row(data: U8, found: Found, plain: Number, row: Number) -> None:
    """Keep the row that was read. Only now its new words become known: nothing stays of rows that are not plain."""
    parts = found.parts
    found.rows[plain] = row
    for field in range(WORDS, TEXTS):
        found.starts[field, plain] = parts[field, 0]
        found.ends[field, plain + 1] = found.ends[field, plain] + parts[field, 1]
    for field in range(WORDS):
        word = np.int64(-1)
        if parts[field, 1] != 0:
            word = np.int64(found.slots[field, parts[field, 2]])
            if word < 0:
                word = _add_word(data, found, field, parts[field, 0], parts[field, 1], parts[field, 2])
        found.ids[field, plain] = word


@lean
def _add_word(data: U8, found: Found, field: Number, start: Number, length: Number, slot: Number) -> Number:
    """Put a word into its slot; the number of the word."""
    word = found.words[field, 0]
    found.slots[field, slot] = word
    found.heads[field, word, 0], found.heads[field, word, 1] = _head(data, start, length)
    found.starts[field, word], found.ends[field, word + 1] = start, found.ends[field, word] + length
    found.words[field, 0] += 1
    slots = 2 * found.words[field, 1]
    if 4 * found.words[field, 0] > slots:  # half of them are taken
        found.words[field, 1] = slots
        found.slots[field, :slots] = -1
        mask = np.uint64(slots - 1)
        for each in range(word + 1):
            length = np.int64(found.ends[field, each + 1] - found.ends[field, each])
            place = _hash(data, np.int64(found.starts[field, each]), length) & mask
            while found.slots[field, place] >= 0:
                place = (place + _ONE) & mask
            found.slots[field, place] = each
    return word


def _pattern(text: bytes) -> U64:
    """Eight bytes for `_digits`, where zeros stand for digits and blanks for anything.

    Gives the bytes, which of them count, and what lifts those to 128 and above that are not like the pattern.
    """
    counts = bytes(0x00 if byte == 0x20 else 0xFF for byte in text)
    lifts = bytes(0x80 - 10 if byte == 0x30 else 0x7F for byte in text)
    return np.frombuffer(text.replace(b" ", b"\0") + counts + lifts, "<u8")


_DATE, _TIME, _SECOND, _OFFSET = map(_pattern, (b"0000-00-", b"00T00:00", b":00     ", b" 00:00  "))


@lean_inlined
def _digits(word: Number, pattern: U64) -> tuple[Number, Number]:
    """Any two digits as a number, in the byte of the first of them; not zero: the bytes are not like the pattern."""
    digits = (word ^ pattern[0]) & pattern[1]
    return digits * np.uint64(10) + (digits >> np.uint64(8)), ((digits + pattern[2]) | digits) & _HIGHS


@lean_inlined
def _byte(word: Number, place: Number) -> Number:
    return np.int64(word >> np.uint64(8 * place) & np.uint64(0xFF))


@lean_inlined
def _read_instant(data: U8, start: Number, length: Number, found: Found, plain: Number) -> Number:
    """Read `2026-11-22T10:00:00+08:00`, with or without a fraction, or with Z: UTC milliseconds and minutes."""
    if length < 20:
        return False
    date, wrong = _digits(load_u64(data, start), _DATE)
    time, wrong_time = _digits(load_u64(data, start + 8), _TIME)
    seconds, wrong_second = _digits(load_u64(data, start + 16), _SECOND)
    wrong |= wrong_time | wrong_second
    stop = start + length - 1
    hours = minutes = offset = np.int64(0)
    if data[stop] != 0x5A:
        stop -= 5
        zone, wrong_zone = _digits(load_u64(data, stop), _OFFSET)
        wrong |= wrong_zone
        hours, minutes = _byte(zone, 1), _byte(zone, 4)
        offset = hours * 60 + minutes
        if data[stop] == 0x2D:
            offset = -offset
        elif data[stop] != 0x2B:
            return False
    fraction = np.int64(0)
    if stop != start + 19:
        fraction = _read_fraction(data, start + 19, stop)
    year, month, day = _byte(date, 2), _byte(date, 5), _byte(time, 0)
    hour, minute, second = _byte(time, 3), _byte(time, 6), _byte(seconds, 1)
    if wrong != _ZERO or fraction < 0 or _byte(date, 0) != 20 or month < 1 or month > 12:
        return False
    is_leap = year % 4 == 0  # in this century
    if day < 1 or day > _DAYS[month] + (is_leap and month == 2) or hour > 23 or minute > 59 or second > 59:
        return False
    if minutes > 59 or offset % QUARTER_MIN != 0 or offset < MIN_OFFSET_MIN or offset > MAX_OFFSET_MIN:
        return False
    days = _DAYS_TO_2000 + 365 * year + (year + 3) // 4 + _DAYS_BEFORE[month] + (is_leap and month > 2) + day - 1
    at_ms = (((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + fraction
    found.at_ms[plain], found.offset_min[plain] = at_ms, offset
    return EARLIEST_MS <= at_ms <= LATEST_MS


@lean
def _read_fraction(data: U8, start: Number, stop: Number) -> Number:
    """The milliseconds of `.123456`, -1 if it is no fraction or has more than nine digits."""
    if data[start] != 0x2E or stop - start < 2 or stop - start > 10:
        return -1
    fraction: Number = 0
    for place in range(start + 1, max(stop, start + 4)):
        digit = data[place] - 48 if place < stop else 0
        if digit < 0 or digit > 9:
            return -1
        if place < start + 4:
            fraction = fraction * 10 + digit
    return fraction
