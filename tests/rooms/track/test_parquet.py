"""Parquet bodies: what is read of them, and such as are made to cost more than they weigh."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from waypost.model.errors import BadInput, TooLarge
from waypost.track import parquet
from waypost.track.parquet import ParquetRows, read_parquet
from waypost.track.unpacking import Damaged
from waypost.track.wire import FIELDS, read_arrow_stream

ROW = {"carrier": "yto", "number": "YT1", "code": "GOT", "at": "2026-11-20T10:00:00Z"}


def table_of(rows: int, **columns: pa.Array) -> pa.Table:
    return pa.table({name: pa.array([text] * rows) for name, text in ROW.items()} | columns)


def written(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def varint(number: int, length: int = 0) -> bytes:
    """A whole number as Thrift has it, at least so long."""
    number, out = number << 1, b""
    while number > 0x7F or len(out) + 1 < length:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def lie(data: bytes, true: int, false: int, times: int = -1) -> bytes:
    """A number in the footer told otherwise, the first times that it stands there."""
    size = int.from_bytes(data[-8:-4], "little")
    start, was = len(data) - 8 - size, varint(true)
    footer = data[start:-8]
    assert was in footer
    return data[:start] + footer.replace(was, varint(false, len(was)), times) + data[-8:]


@pytest.mark.parametrize("options", [{}, {"compression": "none"}, {"use_dictionary": False}, {"row_group_size": 7}])
def test_a_file_says_the_same_as_a_stream(options: dict[str, Any]) -> None:
    texts = pa.array([None if row % 3 else f"note {row}" for row in range(20_000)])
    moments = pa.array(range(1_700_000_000_000, 1_700_000_020_000), pa.timestamp("ms", "UTC"))
    table = table_of(20_000, note=texts, zone=texts.dictionary_encode()).set_column(3, "at", moments)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    expected = read_arrow_stream(sink.getvalue().to_pybytes(), 50_000)
    table = table.slice(0, 2_000) if options.get("row_group_size") else table
    found = read_parquet(written(table, **options), 50_000)
    assert found.table.column_names == list(FIELDS)
    assert found.table.combine_chunks().equals(expected.table.slice(0, len(table)).combine_chunks())
    assert list(found.rows) == list(range(len(table)))
    assert found.refusals == []


def test_no_rows_and_no_columns() -> None:
    assert read_parquet(written(table_of(0)), 10).sent == 0
    empty = read_parquet(written(pa.table({"number": pa.array([], pa.string())})), 10)
    assert (empty.sent, empty.table.column_names) == (0, list(FIELDS))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (table_of(2, speed=pa.array([1, 2])), "unknown or repeated column 'speed'"),
        (table_of(2, note=pa.array([1, 2])), "column 'note' is int64; it has to be text"),
        (table_of(2, note=pa.array([b"1", b"2"])), "column 'note' is binary"),
        (table_of(2, note=pa.array([["a"], ["b"]])), "column 'note' is list"),
        (table_of(2, note=pa.array([{"a": 1}] * 2)), "column 'note' is struct"),
        (table_of(2).set_column(3, "at", pa.array([1, 2], pa.timestamp("ms"))), "timestamp without a time zone"),
    ],
)
def test_other_columns_are_refused(table: pa.Table, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        read_parquet(written(table), 10)


def test_more_rows_than_may_come_at_once() -> None:
    assert read_parquet(written(table_of(10), row_group_size=4), 10).sent == 10
    with pytest.raises(TooLarge, match="more than 9 scans at once"):
        read_parquet(written(table_of(10), row_group_size=4), 9)


def test_a_footer_that_claims_fewer_rows_than_there_are() -> None:
    data = lie(written(table_of(5_000)), 5_000, 3, times=1)
    assert pq.read_metadata(io.BytesIO(data)).num_rows == 3
    with pytest.raises(TooLarge, match="more than 100 scans at once"):
        read_parquet(data, 100)


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"no Parquet", b"{}\n" * 9])
def test_what_is_no_parquet(body: bytes) -> None:
    with pytest.raises(Damaged, match="body: is no whole Parquet file"):
        read_parquet(body, 10)


def test_a_file_that_was_cut_anywhere_is_refused_as_a_whole() -> None:
    data = written(table_of(50))
    for size in range(1, len(data), 31):
        for cut in (data[:size], data[size:]):
            with pytest.raises(BadInput):
                read_parquet(cut, 100)


def test_text_that_is_not_utf8_is_refused() -> None:
    data = written(table_of(3, note=pa.array(["before", "a mark here", "behind"])), compression="none")
    assert b"a mark here" in data
    with pytest.raises(Damaged, match="is no whole Parquet file"):
        read_parquet(data.replace(b"a mark here", b"a mark \xff\xff\xff\xff"), 10)


def test_more_text_than_a_body_should_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = pa.array([f"{row:06}" + "x" * 900 for row in range(20_000)])
    data = written(table_of(20_000, note=notes))
    assert len(data) < 1 << 20
    assert read_parquet(data, 50_000).sent == 20_000
    monkeypatch.setattr(parquet, "MOST_TEXT_BYTES", 16 << 20)
    with pytest.raises(TooLarge, match="unpack"):
        read_parquet(data, 50_000)
    with pytest.raises(TooLarge, match="the columns unpack to more than 16 MiB of text"):
        read_parquet(written(table_of(20_000, note=notes), row_group_size=5_000), 50_000)


def test_tiny_pages_and_row_groups_have_a_limit() -> None:
    data = written(table_of(4_000), row_group_size=1)
    with pytest.raises(TooLarge, match=r"body: has (an index of \d+ bytes|too many pages for its size)\. Write it in"):
        read_parquet(data, 50_000)
    notes = pa.array([f"{row:05}" for row in range(12_000)])
    tiny = {"use_dictionary": False, "data_page_size": 1, "write_batch_size": 1, "compression": "none"}
    data = written(table_of(12_000, note=notes), **tiny)
    with pytest.raises(TooLarge, match="body: has too many pages for its size"):
        read_parquet(data, 50_000)


def test_columns_that_are_not_chosen_may_be_as_they_are() -> None:
    table = table_of(3, wide=pa.array(["y" * 3_000_000] * 3))
    source = pa.BufferReader(written(table, use_dictionary=False))
    rows = ParquetRows(source, "scans", lambda schema: ["number"], most_bytes=1 << 20)
    assert [batch.column(0).to_pylist() for batch in rows.batches(2)] == [["YT1", "YT1"], ["YT1"]]
    with pytest.raises(TooLarge, match="scans: row group 0 unpacks to more than 1 MiB"):
        list(ParquetRows(source, "scans", lambda schema: ["wide"], most_bytes=1 << 20).batches(2))


def test_what_pages_unpack_to_is_not_believed_of_the_footer() -> None:
    table = table_of(30, note=pa.array(["y" * 10_000_000] * 30))
    data = written(table, use_dictionary=False, compression="zstd", store_schema=False)
    assert len(data) < 1 << 20
    footer = pq.read_metadata(io.BytesIO(data)).row_group(0)
    note = footer.column(4).total_uncompressed_size
    data = lie(lie(data, note, 100), footer.total_byte_size, 500)
    assert pq.read_metadata(io.BytesIO(data)).row_group(0).total_byte_size == 500
    with pytest.raises(TooLarge, match="body: row group 0 unpacks to more than 64 MiB"):
        read_parquet(data, 50_000)


READ = """
import re, sys
from pathlib import Path
from waypost.track.parquet import read_parquet
try:
    print(read_parquet(Path(sys.argv[1]).read_bytes(), 50_000).sent)
except Exception as error:
    print(f"{type(error).__name__}: {error}")
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) >> 10)
"""


def words(text: str, rows: int) -> pa.Array:
    """That text in each row, held once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def nested(depth: int) -> bytes:
    """A footer and nothing else: groups that hold one another."""
    count = 2 * ((depth + 2) // 2)
    group = b"\x35\x00\x18\x01a\x15\x02\x00"
    root, leaf = b"\x48\x01r\x15\x02\x00", b"\x15\x02\x25\x00\x18\x01x\x00"
    meta = b"\x15\x02\x19\xfc" + varint(count // 2) + root + group * (count - 2) + leaf + b"\x16\x00\x19\x0c\x00"
    return b"PAR1" + meta + len(meta).to_bytes(4, "little") + b"PAR1"


BOMBS: dict[str, tuple[Any, str]] = {
    "a word in every row": (lambda: written(table_of(50_000, note=words("x" * 125_000, 50_000))), "50000"),
    "long words": (lambda: written(table_of(6, note=pa.array(["y" * 10_000_000] * 6)), compression="zstd"), "6"),
    "long texts": (
        lambda: written(table_of(30, note=pa.array(["y" * 10_000_000] * 30)), use_dictionary=False, compression="zstd"),
        "TooLarge: body: row group 0 unpacks to more than 64 MiB",
    ),
    "long texts, a group each": (
        lambda: written(
            table_of(30, note=pa.array(["y" * 10_000_000] * 30)),
            use_dictionary=False,
            compression="zstd",
            row_group_size=1,
        ),
        "30",
    ),
    "texts that share their beginning": (
        lambda: written(
            table_of(30, note=pa.array(["y" * 10_000_000] * 30)),
            use_dictionary=False,
            column_encoding={"note": "DELTA_BYTE_ARRAY"},
            compression="zstd",
            store_schema=False,
        ),
        "BadInput: body: has an encoding that cannot be read as a dictionary",
    ),
    "groups in one another": (
        lambda: nested(30_000),
        "Damaged: body: is no whole Parquet file (Parquet schema too deeply",
    ),
    "a wide table": (
        lambda: written(pa.table({f"c{number}": pa.array([], pa.string()) for number in range(20_000)})),
        "TooLarge: body: has an index of",
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for the most memory that was used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_small_body_does_not_take_much_memory(tmp_path: Path, name: str) -> None:
    make, told = BOMBS[name]
    path = tmp_path / "bomb"
    path.write_bytes(make())
    assert path.stat().st_size < 4_000_000
    reader = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(reader, capture_output=True, text=True, timeout=120, check=True)
    outcome, peak_mb = done.stdout.splitlines()
    assert outcome.startswith(told)
    assert 50 < int(peak_mb) < 500
