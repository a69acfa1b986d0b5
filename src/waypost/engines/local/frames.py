"""What is in a frame: scans as columns, in few bytes that are quick to write and to read.

A frame holds one part or several, one behind the other. Each stands by itself, with just the words that its scans
speak: so a reader may begin with any, and one that is lost takes no other with it. All numbers are little-endian.

=======  =============================================================================================================
section  bytes
=======  =============================================================================================================
head     bytes of the part; scans; words of carrier, code, facility; bytes of words, numbers, notes, corrected ids:
         9 × u32; of each column of `SCAN_SCHEMA`, and of the lengths of the words, the least i64 and the kind u8
fine     facility, at, recorded at: planes
coarse   carrier, code, offset, its source, time flags, lengths of number, note and corrected id: planes
numbers  the texts
rest     lengths of the words: planes; then the texts of the words, of the notes and of the corrected ids
=======  =============================================================================================================

A word is told by its place among the words of its column, a text by its length, and null there is -1; elsewhere null is
any number below all others. A column is kept as what its numbers are above their least: first the lowest byte of each
row, then the next one of each, in as many planes as the greatest needs, which may be none.

====  ======================================
kind  meaning
====  ======================================
0-8   so many planes
+ 16  in thousands
+ 32  the least stands for null
====  ======================================

All behind the head is compressed: each section is a frame of zstd. Where that makes it no shorter, it is as it was.
"""

import itertools
import struct
import sys
from collections import deque
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.engines.local.arrays import I64, U8
from waypost.engines.local.planes import (
    THOUSAND,
    copy,
    find_spoken,
    is_ascii,
    measure,
    narrow_places,
    pack,
    sum_up,
    unpack,
)
from waypost.model.errors import BadInput, StoreDamaged, TooLarge
from waypost.model.scans import SCAN_SCHEMA

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: So many scans are in a part at most, which bounds the memory that reading it takes.
PART_ROWS = 65_536

_WORDS = ("carrier", "code", "facility")
_TEXTS = ("number", "note", "corrects")
_FINE = ("facility", "at", "recorded_at")
_COARSE = ("carrier", "code", "offset_min", "offset_source", "time_flags", *_TEXTS)
_COLUMNS = {field.name: place for place, field in enumerate(SCAN_SCHEMA)}
_NUMBERS: dict[str, type[Any]] = {
    "at": np.int64, "offset_min": np.int16, "offset_source": np.uint8, "time_flags": np.uint8, "recorded_at": np.int64
}  # fmt: skip

_HEAD = struct.Struct("<9I" + "qB" * (len(SCAN_SCHEMA) + 1))
_FIRST = struct.Struct("<2I")
_PLANES, _THOUSANDS, _NULLS = 15, 16, 32
_MOST_PLANES, _MOST_TEXT_PLANES = 8, 4

_MOST_BYTES = (1 << 31) - 1
_MOST_RATIO_LOG = 15  # of zstd, which tells 128 KiB in no less than four bytes
_LEAST_PACKED = 512  # below, unpacking costs more time than it saves room
_CODEC = pa.Codec("zstd", 1)
#: No shorter matches than of six bytes: in numbers they are chance, and cost more time than they save room.
_OPTIONS = {int(zstd.CompressionParameter.compression_level): 1, int(zstd.CompressionParameter.min_match): 6}
_COMPRESSORS: deque[zstd.ZstdCompressor] = deque()  # to make one anew costs more than to compress a section
_NO_BYTES = np.empty(0, np.uint8)
_NO_BYTES.flags.writeable = False


def encode_parts(scans: pa.RecordBatch) -> list[bytes]:
    """Any number of scans as parts; see `encode_scans`."""
    return [encode_scans(scans.slice(start, PART_ROWS)) for start in range(0, scans.num_rows, PART_ROWS)]


def encode_scans(scans: pa.RecordBatch) -> bytes:
    """At most `PART_ROWS` scans (`SCAN_SCHEMA`) as a part.

    Raises:
        BadInput: a null where none may be, or arrays that are at odds with themselves.
        TooLarge: more scans than that, or more than 2 GiB.
    """
    if scans.num_rows > PART_ROWS or (scans.get_total_buffer_size() > _MOST_BYTES and scans.nbytes > _MOST_BYTES):
        raise TooLarge(f"{scans.num_rows} scans of {scans.nbytes} bytes are too much.", mend="Send fewer at a time.")
    try:
        scans.validate()
        return _encode(dict(zip(_COLUMNS, scans.columns, strict=True)), scans.num_rows)
    except (pa.ArrowException, ValueError) as error:
        raise BadInput(f"These scans are at odds with themselves: {error}.") from error


def _encode(columns: dict[str, pa.Array], rows: int) -> bytes:
    numbers, texts = {}, {}
    for name, kind in _NUMBERS.items():
        numbers[name] = _read_numbers(columns[name], kind)
    for name in _WORDS:
        numbers[name], texts[name] = _read_words(columns[name])
    for name in _TEXTS:
        texts[name] = _read_texts(columns[name])
        numbers[name] = texts[name].lengths
    lengths = np.concatenate([texts[name].lengths for name in _WORDS])
    sizes = [len(texts[name].data) for name in (*_WORDS, *_TEXTS)]
    body = _Body(_MOST_PLANES * (len(columns) * rows + len(lengths)) + sum(sizes))
    for section in (_FINE, _COARSE):
        for name in section:
            body.put_column(name, numbers[name], columns[name])
        body.end_section()
    body.put_texts(texts["number"])
    body.end_section()
    body.put_numbers("words", lengths)
    for name in (*_WORDS, "note", "corrects"):
        body.put_texts(texts[name])
    body.end_section()
    packed = body.compress()
    counts = [len(texts[name].lengths) for name in _WORDS]
    kinds = (part for name in (*_COLUMNS, "words") for part in body.kinds[name])
    return _HEAD.pack(_HEAD.size + len(packed), rows, *counts, sum(sizes[:3]), *sizes[3:], *kinds) + packed


class _Texts(NamedTuple):
    """A column of texts: of each the length, -1 for null, and all one behind the other."""

    column: pa.StringArray
    lengths: I64
    data: U8


class _Body:
    """Puts the sections one behind the other."""

    def __init__(self, most: int) -> None:
        self.kinds: dict[str, tuple[int, int]] = {}
        self._out = np.empty(most, np.uint8)
        self._place = 0
        self._cuts = [0]

    def put_column(self, name: str, numbers: I64, column: pa.Array) -> None:
        self.put_numbers(name, numbers)
        least, kind = self.kinds[name]
        if column.null_count if name in _NUMBERS else least < 0:
            if not SCAN_SCHEMA.field(name).nullable:
                raise BadInput("A scan batch may hold no null here.", where=name)
            self.kinds[name] = least, kind | _NULLS

    def put_numbers(self, name: str, numbers: I64) -> None:
        self._place, least, planes, in_thousands = pack(numbers, self._out, self._place)
        self.kinds[name] = least, planes | _THOUSANDS if in_thousands else planes

    def put_texts(self, texts: _Texts) -> None:
        if not copy(texts.data, self._out, self._place):
            texts.column.validate(full=True)  # not ASCII: then it is seen to that it is UTF-8
        self._place += len(texts.data)

    def end_section(self) -> None:
        self._cuts.append(self._place)

    def compress(self) -> bytes:
        whole = self._out[: self._place]
        if len(whole) < _LEAST_PACKED:
            return whole.tobytes()
        try:
            compressor = _COMPRESSORS.pop()
        except IndexError:
            compressor = zstd.ZstdCompressor(options=_OPTIONS)
        packed = b"".join(
            compressor.compress(whole[start:stop].data, zstd.ZstdCompressor.FLUSH_FRAME)
            for start, stop in itertools.pairwise(self._cuts)
        )
        _COMPRESSORS.append(compressor)
        return packed if len(packed) < len(whole) else whole.tobytes()


# Reading columns


def _read_numbers(column: pa.Array, kind: type[Any]) -> I64:
    """The numbers of a column; null is less than all others."""
    numbers = _view(column.buffers()[1], kind, len(column), column.offset).astype(np.int64)
    if column.null_count:
        bits, first = _bits(column)
        valid = np.unpackbits(bits, bitorder="little")[first : first + len(column)].view(np.bool_)
        least = (int(numbers[valid].min()) if valid.any() else 0) - THOUSAND
        if least < np.iinfo(np.int64).min:
            raise ValueError("an instant is out of range")
        numbers[~valid] = least
    return numbers


def _read_words(column: pa.DictionaryArray) -> tuple[I64, _Texts]:
    """For each row the place of its word among those that are spoken, -1 for null; and these."""
    dictionary = column.dictionary
    new = np.zeros(len(dictionary), np.int32)
    if dictionary.null_count:
        new[np.asarray(dictionary.is_null())] = -1
    spoken, places = np.empty(len(dictionary), np.int64), np.empty(len(column), np.int64)
    told = _view(column.buffers()[1], np.int32, len(column), column.offset)
    count = find_spoken(told, *_bits(column), new, spoken, places)
    if count < 0:
        raise ValueError("a row names a word that is not there")
    if count < len(dictionary):
        dictionary = dictionary.take(pa.array(spoken[:count]))
    return places, _read_texts(dictionary)


def _read_texts(column: pa.StringArray) -> _Texts:
    lengths = np.empty(len(column), np.int64)
    if not len(column):
        return _Texts(column, lengths, _NO_BYTES)
    _, offsets, data = column.buffers()
    ends = _view(offsets, np.int32, len(column) + 1, column.offset)
    verdict = measure(ends, *_bits(column), lengths)
    if verdict < 0:
        raise ValueError("a text ends before it begins")
    if verdict > 0:  # there is something behind a null
        return _read_texts(column.fill_null(""))._replace(lengths=lengths)
    size = int(ends[-1] - ends[0])
    return _Texts(column, lengths, _view(data, np.uint8, size, int(ends[0])))


def _bits(column: pa.Array) -> tuple[U8, int]:
    """The bits that tell which rows are not null, and which of them is that of the first; no bits if all are."""
    if not column.null_count:
        return _NO_BYTES, 0
    byte, first = divmod(column.offset, 8)
    return _view(column.buffers()[0], np.uint8, (first + len(column) + 7) // 8, byte), first


def _view(buffer: pa.Buffer, kind: type[Any], count: int, offset: int) -> npt.NDArray[Any]:
    view = np.frombuffer(buffer, kind, count, offset * np.dtype(kind).itemsize) if count else np.empty(0, kind)
    view.flags.writeable = False  # so that what is compiled for one fits all
    return view


# Back into columns


def list_parts(payload: bytes | memoryview) -> list[tuple[int, memoryview]]:
    """The parts in a frame, and how many scans each says that it has.

    Raises:
        StoreDamaged: they do not end where the frame does.
    """
    rest, parts = memoryview(payload), []
    while rest.nbytes:
        size, rows = _FIRST.unpack_from(rest) if rest.nbytes >= _FIRST.size else (0, 0)
        if not _HEAD.size <= size <= rest.nbytes:
            raise _damaged("a part does not end where it should")
        parts.append((rows, rest[:size]))
        rest = rest[size:]
    return parts


def decode_scans(part: bytes | memoryview) -> pa.RecordBatch:
    """The scans (`SCAN_SCHEMA`) of a part. Whatever its bytes say, nothing beyond them is read.

    Raises:
        StoreDamaged: they are not what `encode_scans` wrote.
    """
    return _Part(part).scans()


class _Part:
    """Reads the sections one behind the other."""

    def __init__(self, data: bytes | memoryview) -> None:
        if len(data) < _HEAD.size:
            raise _damaged("their head is cut short")
        stop, self._rows, *told = _HEAD.unpack_from(data)
        if stop != len(data):
            raise _damaged(f"they should be {stop} bytes, and are {len(data)}")
        self._counts, self._sizes = told[:3], told[3:7]
        self._leasts, self._kinds = told[7::2], told[8::2]
        if self._rows > PART_ROWS or max(self._counts) > self._rows:
            raise _damaged("there are too many of them, or of their words")
        if any(kind & _PLANES > _MOST_PLANES or kind > _PLANES + _THOUSANDS + _NULLS for kind in self._kinds):
            raise _damaged("a column is of no known kind")
        *planes, of_words = (kind & _PLANES for kind in self._kinds)
        size = sum(planes) * self._rows + of_words * sum(self._counts) + sum(self._sizes)
        self._raw = _decompress(memoryview(data)[_HEAD.size :], size)
        self._data = _view(self._raw, np.uint8, size, 0)
        self._place = 0

    def scans(self) -> pa.RecordBatch:
        numbers = {name: self._numbers(name) for name in (*_FINE, *_COARSE)}
        columns = {name: self._number_column(name, numbers[name]) for name in _NUMBERS}
        of_words, *of_texts = self._sizes
        columns["number"] = self._text_column("number", numbers["number"], of_texts[0])
        words = self._words(of_words)
        for name, texts in zip(_WORDS, words, strict=True):
            columns[name] = self._word_column(name, numbers[name], texts)
        for name, size in zip(_TEXTS[1:], of_texts[1:], strict=True):
            columns[name] = self._text_column(name, numbers[name], size)
        return pa.RecordBatch.from_arrays([columns[name] for name in _COLUMNS], schema=SCAN_SCHEMA)

    def _numbers(self, name: str) -> I64:
        place, nullable = _COLUMNS[name], SCAN_SCHEMA.field(name).nullable
        if self._kinds[place] & _NULLS and not nullable:
            raise _damaged(f"{name} has nulls")
        if name not in _NUMBERS:
            self._check_places(name, place)
        return self._unpack(place, self._rows)

    def _check_places(self, name: str, place: int) -> None:
        """Refuse what can be no place and no length, so that none is less than -1, nor their sum beyond 64 bits."""
        least, kind = self._leasts[place], self._kinds[place]
        if not -bool(kind & _NULLS) <= least <= _MOST_BYTES or kind & _PLANES > _MOST_TEXT_PLANES:
            raise _damaged(f"{name} has places or lengths that cannot be")

    def _words(self, size: int) -> list[pa.StringArray]:
        self._check_places("its words", len(_COLUMNS))
        lengths = self._unpack(len(_COLUMNS), sum(self._counts))
        stops = np.cumsum(self._counts)
        each = [lengths[stop - count : stop] for stop, count in zip(stops, self._counts, strict=True)]
        sizes = [int(own.sum()) for own in each]
        if sum(sizes) != size:
            raise _damaged("its words do not end where they should")
        return [self._texts("its words", own, None, size) for own, size in zip(each, sizes, strict=True)]

    def _unpack(self, place: int, rows: int) -> I64:
        kind, least = self._kinds[place], self._leasts[place]
        planes = kind & _PLANES
        numbers = np.empty(rows, np.int64)
        unpack(self._data[self._place :], planes, bool(kind & _THOUSANDS), least, numbers)
        self._place += planes * rows
        return numbers

    def _valid(self, name: str, numbers: I64) -> pa.Buffer | None:
        place = _COLUMNS[name]
        if not self._kinds[place] & _NULLS:
            return None
        return pa.py_buffer(np.packbits(numbers != self._leasts[place], bitorder="little"))

    def _number_column(self, name: str, numbers: I64) -> pa.Array:
        valid, narrow = self._valid(name, numbers), _NUMBERS[name]
        if narrow is not np.int64:
            wide, numbers = numbers, numbers.astype(narrow)
            if not np.array_equal(wide, numbers):
                raise _damaged(f"{name} is out of range")
        return pa.Array.from_buffers(SCAN_SCHEMA.field(name).type, self._rows, [valid, pa.py_buffer(numbers)])

    def _word_column(self, name: str, places: I64, words: pa.StringArray) -> pa.DictionaryArray:
        valid = self._valid(name, places)
        narrow = np.empty(self._rows, np.int32)
        if not narrow_places(places, len(words), narrow):
            raise _damaged(f"{name} has places beyond its words")
        buffers = [valid, pa.py_buffer(narrow)]
        return pa.DictionaryArray.from_buffers(SCAN_SCHEMA.field(name).type, self._rows, buffers, words)

    def _text_column(self, name: str, lengths: I64, size: int) -> pa.StringArray:
        if self._leasts[_COLUMNS[name]] == -1 and not self._kinds[_COLUMNS[name]] & _PLANES:
            if size:
                raise _damaged(f"{name} does not end where it should")
            return pa.nulls(self._rows, pa.string())
        return self._texts(name, lengths, self._valid(name, lengths), size)

    def _texts(self, name: str, lengths: I64, valid: pa.Buffer | None, size: int) -> pa.StringArray:
        """Texts of some lengths, of so many bytes together."""
        start, self._place = self._place, self._place + size
        ends = np.empty(len(lengths) + 1, np.int32)
        if size > _MOST_BYTES or sum_up(lengths, ends) != size:
            raise _damaged(f"{name} does not end where it should")
        texts = pa.StringArray.from_buffers(len(lengths), pa.py_buffer(ends), self._raw.slice(start, size), valid)
        if not is_ascii(self._data[start : start + size]):
            try:
                texts.validate(full=True)
            except pa.ArrowInvalid as error:
                raise _damaged(f"{name} is no text: {error}") from error
        return texts


def _decompress(packed: memoryview, size: int) -> pa.Buffer:
    if len(packed) == size:
        return pa.py_buffer(packed)
    if not len(packed) < size <= min(len(packed) << _MOST_RATIO_LOG, _MOST_BYTES):
        raise _damaged(f"{len(packed)} bytes cannot be the {size} that they should be")
    try:
        return _CODEC.decompress(packed, size)
    except OSError as error:
        raise _damaged(f"they cannot be unpacked: {error}") from error


def _damaged(why: str) -> StoreDamaged:
    """The error for bytes that are no scans; where they are is for the caller to say."""
    return StoreDamaged(f"These bytes are no scans: {why}.")
