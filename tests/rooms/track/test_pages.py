"""Headers of pages: what they claim, and such as no writer writes."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from waypost.track.pages import Chunk, list_pages, parse_footer
from waypost.track.thrift import UnreadableError


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def whole(field_step: int, number: int) -> bytes:
    return bytes([field_step << 4 | 5]) + varint(number << 1 if number >= 0 else (-number << 1) - 1)


def header(unpacked: int, packed: int, rest: bytes = b"") -> bytes:
    return whole(1, 0) + whole(1, unpacked) + whole(1, packed) + rest + b"\0"


def words(count: int) -> bytes:
    """A DictionaryPageHeader, four fields behind the last one."""
    return b"\x4c" + whole(1, count) + whole(1, 0) + b"\0"


def list_of(data: bytes, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    return [tuple(page) for page in list_pages(io.BytesIO(data), Chunk(start, len(data) if end is None else end))]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("source", [io.BytesIO, pa.BufferReader])
def test_pages_of_a_true_file_come_to_what_its_footer_says(version: str, compression: str, source: Any) -> None:
    texts = [f"note {number % 700} and what else there is to say" for number in range(30_000)]
    table = pa.table({"number": range(30_000), "note": texts, "none": pa.nulls(30_000, pa.string())})
    sink = io.BytesIO()
    pq.write_table(
        table, sink, data_page_version=version, compression=compression, data_page_size=10_000, row_group_size=20_000
    )
    data, metadata = sink.getvalue(), pq.read_metadata(sink)
    groups = parse_footer(data[-8 - metadata.serialized_size : -8])
    assert [group.rows for group in groups] == [20_000, 10_000]
    for number, group in enumerate(groups):
        for column, chunk in enumerate(group.chunks):
            told = metadata.row_group(number).column(column)
            start = told.dictionary_page_offset or told.data_page_offset
            assert chunk == (start, start + told.total_compressed_size)
            pages = list(list_pages(source(data), chunk))
            assert pages[-1].end == chunk.end
            headers = told.total_uncompressed_size - sum(page.unpacked for page in pages)
            assert 0 < headers < 100 * len(pages)
            assert len(pages) > (3 if column == 0 and number == 0 else 0)


def test_pages_follow_one_another() -> None:
    long_value = b"\x2c" + b"\x18" + varint(600) + b"x" * 600 + b"\0"  # statistics, longer than the first look
    data = header(500, 3) + b"abc" + header(7, 0, long_value) + header(9, 2) + b"de"
    assert [unpacked for unpacked, _ in list_of(data)] == [500, 7, 9]
    assert list_of(data)[-1][1] == len(data)


def test_a_page_says_itself_what_it_unpacks_to() -> None:
    assert list_of(header(2**31 - 1, 1) + b"x")[0][0] == 2**31 - 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (header(-1, 3) + b"abc", "a number is missing or negative"),
        (header(3, -3) + b"abc", "a number is missing or negative"),
        (header(2**31, 3) + b"abc", "a number is too large"),
        (b"\x15\x00\x00abc", "a number is missing or negative"),
        (header(3, 4) + b"abc", "a page lies outside of the file"),
        (header(100, 3)[:-1], "has no end"),
        (b"\x18" + varint(2**30), "has no end"),
        (b"\x15" + b"\x80" * 20, "a number is too large"),
        (whole(1, 0) + b"\x05\x04\x10" + header(3, 3)[3:], "not in their order"),  # a field with its number in full
        (b"\x1c" * 50, "not in their order"),
        (b"\x1a\x05\x00", "a kind that Parquet does not use"),  # a set
        (header(40, 3, words(11)) + b"abc", "claims more words than it has bytes for"),
        (header(40, 3, words(-1)) + b"abc", "a number is missing or negative"),
    ],
)
def test_what_no_writer_writes_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        list_of(data)


@pytest.mark.parametrize("place", [(-1, 5), (5, 4), (9, 10_000), (10_000, 10_001), (0, 2**62)])
def test_pages_outside_of_the_file(place: tuple[int, int]) -> None:
    with pytest.raises(UnreadableError, match="pages lie outside of the file"):
        list_of(header(5, 3) + b"abc", *place)


def struct(*fields: tuple[int, int, bytes]) -> bytes:
    """Fields by number, kind and content."""
    out, last = b"", 0
    for number, kind, content in fields:
        out, last = out + bytes([number - last << 4 | kind]) + content, number
    return out + b"\0"


def i64(number: int) -> bytes:
    return whole(1, number)[1:]


def footer_of(meta: bytes, *, columns: bytes = b"\x1c", rows: bytes = i64(7)) -> bytes:
    """One row group with one column."""
    group = struct((1, 9, columns + struct((2, 6, i64(4)), (3, 12, meta))), (2, 6, i64(0)), (3, 6, rows))
    return struct((1, 5, i64(1)), (3, 6, i64(7)), (4, 9, b"\x1c" + group))


def test_words_stand_before_the_data() -> None:
    for words_place, start in ((4, 4), (0, 60), (-5, 60), (61, 60)):  # readers take the others for none
        meta = struct((7, 6, i64(100)), (9, 6, i64(60)), (11, 6, i64(words_place)))
        assert parse_footer(footer_of(meta)) == [(7, [(start, start + 100)])]


@pytest.mark.parametrize(
    ("footer", "reason"),
    [
        (footer_of(struct((7, 6, i64(100)))), "missing"),
        (footer_of(struct((7, 6, i64(-100)), (9, 6, i64(60)))), "negative"),
        (footer_of(struct((7, 5, i64(100)), (9, 6, i64(60)))), "missing"),  # another kind of number is another field
        (footer_of(struct((2, 9, b"\x1c\0"), (7, 6, i64(1)), (9, 6, i64(1)))), "a list has other elements"),
        (footer_of(struct(), columns=b"\x15"), "a list has other elements"),
        (footer_of(struct((7, 6, i64(1)), (9, 6, i64(1))), rows=b"\xff" * 9 + b"\x7f"), "too large"),
        (footer_of(struct())[:-9], "breaks off"),
        (b"", "breaks off"),
    ],
)
def test_footers_that_two_readers_could_read_differently(footer: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        parse_footer(footer)
