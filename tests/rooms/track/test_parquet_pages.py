"""What the page headers of a Parquet file say is what its pages come to."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from waypost.track.parquet_pages import unpacked_bytes

ROWS = 20_000
TABLE = pa.table(
    {
        "number": [f"YT{number:010}" for number in range(ROWS)],
        "code": ["picked up", "on its way", "delivered", None] * (ROWS // 4),
        "weight_g": pa.array(range(ROWS), pa.int64()),
        "note.en": pa.array([None] * ROWS, pa.string()),
        "parts": [{"note": "a part"}] * ROWS,
    }
)
FLAT = TABLE.column_names[:4]
WRITTEN: list[dict[str, Any]] = [
    {"compression": "none"},
    {"compression": "zstd", "data_page_version": "2.0"},
    {"compression": "gzip", "use_dictionary": False},
    {"compression": "snappy", "write_page_checksum": True, "data_page_size": 10_000},
]


def written(table: pa.Table, **options: Any) -> tuple[io.BytesIO, pq.FileMetaData]:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file, pq.read_metadata(file)


@pytest.mark.parametrize("options", WRITTEN)
def test_pages_come_to_what_an_honest_footer_says(options: dict[str, Any]) -> None:
    file, metadata = written(TABLE, row_group_size=ROWS // 2, **options)
    for number in range(2):
        group = metadata.row_group(number)
        for place, name in enumerate(FLAT):
            size = unpacked_bytes(file, group, [name], 1 << 40)
            told = group.column(place).total_uncompressed_size
            assert told * 0.95 - 100 < size < told + 2 * 1024  # the footer counts headers, we small pages as larger
        every = unpacked_bytes(file, group, FLAT, 1 << 40)
        assert every == sum(unpacked_bytes(file, group, [name], 1 << 40) for name in FLAT)
        assert 1000 < unpacked_bytes(file, group, FLAT, 1000) < every  # no further than has to be


def test_columns_are_those_that_a_reader_takes() -> None:
    file, metadata = written(TABLE)
    group = metadata.row_group(0)
    assert unpacked_bytes(file, group, [], 1 << 40) == unpacked_bytes(file, group, ["not", "num"], 1 << 40) == 0
    assert unpacked_bytes(file, group, ["parts"], 1 << 40) > 0
    assert unpacked_bytes(file, group, ["note.en"], 1 << 40) > 0


def test_long_statistics_in_page_headers_are_passed_over() -> None:
    texts = pa.table({"note": [letter * 3000 for letter in "abc"]})
    sizes = [
        unpacked_bytes(file, metadata.row_group(0), ["note"], 1 << 40)
        for file, metadata in (written(texts, write_statistics=there) for there in (True, False))
    ]
    assert sizes[0] == sizes[1] > 9000


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"", "cut off at the end"),
        (b"\x15\x00", "cut off at the end"),
        (b"\xff" * 40, "no page header"),
        (b"\x15\x00\x15\x00\x00", "does not say its sizes"),
        (b"\x15\x00\x15\x01\x15\x00\x2c\x15\x02\x00\x00", "does not say its sizes"),  # -1 byte
        (b"\x15\x00\x15\x00\x15\x00\x25\x02\x00", "does not say its sizes"),  # a number in place of a struct
        (b"\x15\x00\x15\x00\x15\x00\x2c\x15\x01\x00\x00", "does not say its sizes"),  # -1 values
        (b"\x15\x80\x80\x80\x80\x80\x02\x00", "no number of 32 bits"),
        (b"\x05\x00\x00", "no page header"),  # field 0
        (b"\x18\x80\x80\x80\x80\x80\x02", "no number of 31 bits"),
        (b"\x1c\x1c\x1c\x1c\x1c", "no page header"),
    ],
)
def test_what_is_no_page_header_is_refused(header: bytes, says: str) -> None:
    file, metadata = written(pa.table({"note": ["a"]}), use_dictionary=False)
    place = metadata.row_group(0).column(0).data_page_offset
    with pytest.raises(pa.ArrowInvalid, match=says):
        unpacked_bytes(io.BytesIO(file.getvalue()[:place] + header), metadata.row_group(0), ["note"], 1 << 40)


def test_the_largest_of_a_size_that_is_told_twice_by_different_types_is_not_believed() -> None:
    """Readers pass over a field of another type than they know: so does this."""
    file, metadata = written(pa.table({"note": ["a"]}), use_dictionary=False)
    place = metadata.row_group(0).column(0).data_page_offset
    # type 0; 2: i32 5000; 2 again: i64 0; 3: i32 0; 5: a struct of 1: i32 1
    header = b"\x15\x00\x15\x90\x4e\x06\x04\x00\x15\x00\x2c\x15\x02\x00\x00"
    data = io.BytesIO(file.getvalue()[:place] + header)
    assert unpacked_bytes(data, metadata.row_group(0), ["note"], 1 << 40) == 5000


def test_pages_of_nothing_are_not_walked_over_for_ever() -> None:
    file, metadata = written(pa.table({"note": ["a"]}), use_dictionary=False)
    place = metadata.row_group(0).column(0).data_page_offset
    header = b"\x15\x00\x15\x00\x15\x00\x2c\x15\x00\x00\x00"
    data = io.BytesIO(file.getvalue()[:place] + header * 1000)
    assert 50_000 < unpacked_bytes(data, metadata.row_group(0), ["note"], 50_000) < 52_000
    assert data.tell() < place + 60 * len(header)
