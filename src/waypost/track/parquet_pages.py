"""What the pages of a Parquet file unpack to, told by their headers, without unpacking any.

The footer tells it as well, but nothing holds it to the truth. A page cannot lie: its header is what Arrow takes the
memory by, and a page that comes to more than its header says is an error.

Source: Apache Parquet, `parquet.thrift` (PageHeader), in Thrift's compact protocol; Arrow C++,
`SerializedPageReader`.
"""

from collections.abc import Collection
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

# Types of the compact protocol; lists, sets and maps are in no page header
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _STRUCT = 0, 1, 2, 3, 4, 5, 6, 7, 8, 12
# Fields of PageHeader by type and number, and by the type of the page that one which tells how many values it has
_TYPE, _UNPACKED, _PACKED, _VALUES = (_I32, 1), (_I32, 2), (_I32, 3), (_I32, 1)
_DATA_HEADERS = {0: (_STRUCT, 5), 3: (_STRUCT, 8)}
_DEEPEST = 3
#: What a page counts for at least, so that nobody walks over any number of pages of nothing.
_LEAST_BYTES = 1 << 10


def unpacked_bytes(file: BinaryIO, group: pq.RowGroupMetaData, names: Collection[str], most: int) -> int:
    """How many bytes the pages of some columns of a row group take once unpacked; above `most` it stops counting.

    Args:
        file: the whole file; the place in it is moved.
        group: the row group, from the footer.
        names: the columns; of a nested one, all parts.
        most: in bytes.

    Raises:
        pa.ArrowInvalid: no page stands where one has to.
    """
    size = 0
    for number in range(group.num_columns):
        chunk = group.column(number)
        path = chunk.path_in_schema
        if any(path == name or path.startswith(f"{name}.") for name in names):  # pyarrow takes the parts as well
            size += _chunk_bytes(file, chunk, most - size)
        if size > most:
            break
    return size


def _chunk_bytes(file: BinaryIO, chunk: pq.ColumnChunkMetaData, most: int) -> int:
    """The same for one column: Arrow reads page after page too, until all values were seen."""
    place, size, left = chunk.data_page_offset, 0, chunk.num_values
    if chunk.has_dictionary_page and chunk.dictionary_page_offset > 0:
        place = min(place, chunk.dictionary_page_offset)
    while left > 0 and size <= most:
        if place < 0:
            raise pa.ArrowInvalid(f"a page at byte {place}")
        file.seek(place)
        header = _read_struct(file)
        kind, unpacked, packed = (header.get(field, -1) for field in (_TYPE, _UNPACKED, _PACKED))
        values = header.get(_DATA_HEADERS[kind], {}).get(_VALUES, -1) if kind in _DATA_HEADERS else 0
        if min(kind, unpacked, packed, values) < 0:
            raise pa.ArrowInvalid(f"the page at byte {place} does not say its sizes")
        size += max(unpacked, packed, _LEAST_BYTES)
        left -= values
        place = file.tell() + packed
    return size


def _read_struct(file: BinaryIO, depth: int = 0) -> dict[tuple[int, int], Any]:
    """The 32-bit integers and the structs of a struct, by type and number: of the same twice, the last stands."""
    fields: dict[tuple[int, int], Any] = {}
    number = 0
    while (head := _read(file, 1)[0]) & 15 != _STOP:
        number = number + (head >> 4) if head >> 4 else _read_signed(file, 16)
        kind = head & 15
        if kind == _I32:
            fields[kind, number] = _read_signed(file, 32)
        elif kind in (_I16, _I64):
            _read_varint(file, 64)
        elif kind in (_BYTE, _DOUBLE):
            _read(file, 1 if kind == _BYTE else 8)
        elif kind == _BINARY:
            file.seek(_read_varint(file, 31), 1)
        elif kind == _STRUCT and depth < _DEEPEST:
            fields[kind, number] = _read_struct(file, depth + 1)
        elif kind not in (_TRUE, _FALSE):
            raise pa.ArrowInvalid(f"no page header at byte {file.tell()}")
        if not 0 < number < 1 << 15:  # else numbers could come round to those that are known
            raise pa.ArrowInvalid(f"no page header at byte {file.tell()}")
    return fields


def _read_signed(file: BinaryIO, bits: int) -> int:
    """An integer in zigzag."""
    value = _read_varint(file, bits)
    return value >> 1 ^ -(value & 1)


def _read_varint(file: BinaryIO, bits: int) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = _read(file, 1)[0]
        value |= (byte & 127) << shift
        if byte < 128 and value < 1 << bits:
            return value
        if byte < 128:
            break
    raise pa.ArrowInvalid(f"no number of {bits} bits at byte {file.tell()}")


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise pa.ArrowInvalid("a page header is cut off at the end")
    return data
