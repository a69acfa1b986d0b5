"""What the pages of a Parquet file unpack to, told without unpacking them.

A footer may say what it likes: readers go by the header that stands before each page, and a few bytes there could ask
for any amount of memory. Names and numbers of fields are those of parquet.thrift.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from waypost.track.thrift import BINARY, I32, I64, LIST, PLAIN, STRUCT, Fields, Shape, UnreadableError, parse_struct

_SIZES = Shape(lists={2: (I64, PLAIN), 3: (I64, PLAIN)})
_PLACES = Shape(lists={2: (I32, PLAIN)})
_CHUNK_META = Shape(
    structs={16: _SIZES, 17: _PLACES},
    lists={2: (I32, PLAIN), 3: (BINARY, PLAIN), 8: (STRUCT, PLAIN), 13: (STRUCT, PLAIN)},
)
_CHUNK = Shape(structs={3: _CHUNK_META})
_GROUP = Shape(lists={1: (STRUCT, _CHUNK), 4: (STRUCT, PLAIN)})
_FILE = Shape(lists={2: (STRUCT, PLAIN), 4: (STRUCT, _GROUP), 5: (STRUCT, PLAIN), 7: (STRUCT, PLAIN)})

_GROUPS, _COLUMNS, _ROWS, _META = (4, LIST), (1, LIST), (3, I64), (3, STRUCT)
_LENGTH, _DATA_PLACE, _WORDS_PLACE = (7, I64), (9, I64), (11, I64)
_UNPACKED, _PACKED, _DICTIONARY, _WORDS = (2, I32), (3, I32), (7, STRUCT), (1, I32)

_LEAST_WORD_BYTES = 4
#: Most headers have some tens of bytes; but the least and the greatest value of a page may stand in it.
_HEADER_BYTES = (1 << 9, 1 << 14, 1 << 20)


class Chunk(NamedTuple):
    """Where the pages of one column of a row group begin and end."""

    start: int
    end: int


class Group(NamedTuple):
    """A row group: how many rows it claims, and its columns in the order of the schema."""

    rows: int
    chunks: list[Chunk]


class Page(NamedTuple):
    """One page: its bytes once unpacked, and where in the file the next one begins."""

    unpacked: int
    end: int


def parse_footer(footer: bytes) -> list[Group]:
    """The row groups of a file.

    Raises:
        UnreadableError: it is none that a writer would write.
    """
    try:
        fields, _ = parse_struct(footer, 0, _FILE)
    except IndexError:
        raise UnreadableError("its index breaks off") from None
    return [_group_of(group) for group in fields.get(_GROUPS, [])]


def list_pages(source: BinaryIO, chunk: Chunk) -> Iterator[Page]:
    """The pages of one column of a row group, by their own headers.

    Raises:
        UnreadableError: they do not follow one another inside the file, or a header is none that a writer would write.
    """
    size = source.seek(0, 2)
    if not 0 <= chunk.start <= chunk.end <= size:
        raise UnreadableError("pages lie outside of the file")
    place = chunk.start
    while place < chunk.end:
        page = _read_page(source, place)
        if page.end > size:
            raise UnreadableError("a page lies outside of the file")
        yield page
        place = page.end


def _group_of(group: Fields) -> Group:
    return Group(_number(group, _ROWS), [_chunk_of(chunk.get(_META, {})) for chunk in group.get(_COLUMNS, [])])


def _chunk_of(meta: Fields) -> Chunk:
    start, words = _number(meta, _DATA_PLACE), meta.get(_WORDS_PLACE, 0)
    if 0 < words < start:
        start = words
    return Chunk(start, start + _number(meta, _LENGTH))


def _read_page(source: BinaryIO, place: int) -> Page:
    header, length = _read_header(source, place)
    unpacked, packed = _number(header, _UNPACKED), _number(header, _PACKED)
    words = header.get(_DICTIONARY)
    if words is not None and _number(words, _WORDS) * _LEAST_WORD_BYTES > unpacked:
        raise UnreadableError("a dictionary claims more words than it has bytes for")
    return Page(unpacked, place + length + packed)


def _read_header(source: BinaryIO, place: int) -> tuple[Fields, int]:
    for most in _HEADER_BYTES:
        source.seek(place)
        data = bytes(source.read(most))
        try:
            return parse_struct(data, 0)
        except IndexError:  # it goes on behind what was read
            if len(data) < most:
                break
    raise UnreadableError("the header of a page has no end")


def _number(fields: Fields, field: tuple[int, int]) -> int:
    number = fields.get(field)
    if not isinstance(number, int) or number < 0:
        raise UnreadableError("a number is missing or negative")
    return number
