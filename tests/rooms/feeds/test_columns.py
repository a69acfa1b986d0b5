"""Parquet and Arrow files that are made to cost more than they weigh, and such that are damaged."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from waypost.model.errors import BadInput, TooLarge

MOST_MB = 600
READ = """
import re, sys
from pathlib import Path
from waypost.feeds.kinds import open_feed
from waypost.track.intake import take_in
refused = kept = 0
try:
    for portion in open_feed("scans", Path(sys.argv[1])).portions():
        taken = take_in(portion.rows, lambda pairs: [None] * len(pairs), now_ms=1 << 41, recorded_at_ms=None)
        kept, refused = kept + taken.scans.num_rows, refused + len(taken.refusals) + len(portion.refusals)
    print(kept, refused)
except Exception as error:
    print(f"{type(error).__name__}: {error}")
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) >> 10)
"""


def table_of(rows: int, **columns: pa.Array) -> pa.Table:
    texts = {"carrier": "yto", "number": "YT1", "code": "GOT", "at": "2026-11-20T10:00:00Z"}
    return pa.table({name: pa.array([text] * rows) for name, text in texts.items()} | columns)


def words(text: str, rows: int) -> pa.Array:
    """That text in each row, held once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def views(text: str, rows: int) -> pa.Array:
    one = pa.array([text], pa.string_view()).buffers()
    return pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(one[1].to_pybytes()[:16] * rows), one[2]])


def write_parquet(path: Path, table: pa.Table, **options: Any) -> None:
    pq.write_table(table, path, compression="zstd", **options)


def write_arrow(path: Path, table: pa.Table, compression: str | None = None) -> None:
    with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as sink:
        sink.write_table(table)


LONG = table_of(50_000, note=words("x" * 125_000, 50_000))  # 6.25 GB of text


def wide() -> pa.Table:
    return table_of(30, note=pa.array(["y" * 10_000_000] * 30))


def varint(number: int, size: int = 1) -> bytes:
    """A number as Thrift has it in a footer, in at least so many bytes."""
    number <<= 1
    data = bytearray()
    while number or len(data) < size:
        data.append(number & 127 | 128)
        number >>= 7
    data[-1] &= 127
    return bytes(data)


def write_liar(path: Path) -> None:
    """Four texts of 80 MB each, in a file whose footer says that all of it comes to a thousand bytes."""
    notes = pa.array([str(number) + "y" * (80 << 20) for number in range(4)])
    write_parquet(path, table_of(4, note=notes), write_statistics=False)
    group, data = pq.read_metadata(path).row_group(0), path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    tail = data[footer:]
    for size in (group.total_byte_size, group.column(4).total_uncompressed_size):
        assert varint(size) in tail
        tail = tail.replace(varint(size), varint(1000, len(varint(size))))
    path.write_bytes(data[:footer] + tail)
    assert pq.read_metadata(path).row_group(0).total_byte_size == 1000


BOMBS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a word in every row": (lambda path: write_parquet(path, LONG, store_schema=False), "0 50000"),
    "a word in every row of a dictionary": (lambda path: write_parquet(path, LONG), "0 50000"),
    "long words": (lambda path: write_parquet(path, wide()), "0 30"),
    "long texts": (
        lambda path: write_parquet(path, wide(), use_dictionary=False),
        "TooLarge: bomb: row group 0 unpacks to more than 256 MiB. Write it in row groups of fewer rows",
    ),
    "long texts under a footer that lies": (
        write_liar,
        "TooLarge: bomb: row group 0 unpacks to more than 256 MiB. Write it in row groups of fewer rows",
    ),
    "texts that share their beginning": (
        lambda path: write_parquet(
            path, wide(), use_dictionary=False, column_encoding={"note": "DELTA_BYTE_ARRAY"}, store_schema=False
        ),
        "BadInput: bomb: has an encoding that cannot be read as a dictionary",
    ),
    "arrow: a word in every row": (lambda path: write_arrow(path, LONG), "0 50000"),
    "arrow: a packed word in every row": (lambda path: write_arrow(path, LONG, "zstd"), "0 50000"),
    "arrow: long texts, packed": (
        lambda path: write_arrow(path, wide(), "zstd"),
        "TooLarge: bomb: a batch unpacks to more than 256 MiB. Write it in batches of fewer rows",
    ),
    "arrow: one text seen from every row": (
        lambda path: write_arrow(path, table_of(50_000, note=views("x" * 1_000_000, 50_000))),
        "TooLarge: bomb: the columns unpack to more than 64 MiB of text",
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for the most memory that was used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_does_not_take_much_memory(tmp_path: Path, name: str) -> None:
    write, told = BOMBS[name]
    write(tmp_path / "bomb")
    assert (tmp_path / "bomb").stat().st_size < 5_000_000
    reader = [sys.executable, "-c", READ, str(tmp_path / "bomb")]
    done = subprocess.run(reader, capture_output=True, text=True, timeout=120, check=True)
    outcome, peak_mb = done.stdout.splitlines()
    assert outcome.startswith(told)
    assert 50 < int(peak_mb) < MOST_MB


def test_a_row_with_a_long_text_is_refused_alone(tmp_path: Path, read: Callable) -> None:
    write_parquet(tmp_path / "scans", table_of(3, note=pa.array(["a", "x" * 5_000_000, None])))
    found = read("scans", tmp_path / "scans")
    assert found.told() == [(2, "note", "is longer than 1000 characters")]
    assert [scan["note"] for scan in found.scans] == ["a", None]


def test_rows_that_take_no_room_are_not_counted_for_ever(tmp_path: Path, read: Callable) -> None:
    names, rows = ["carrier", "number", "code", "at"], 2**31 - 1
    batch = pa.record_batch([pa.Array.from_buffers(pa.null(), rows, [None])] * 4, names=names)
    with pa.ipc.new_file(tmp_path / "scans", batch.schema) as sink:
        sink.write_batch(batch)
    with pytest.raises(BadInput, match="scans: column 'carrier' is empty"):
        read("scans", tmp_path / "scans")


def test_a_footer_that_claims_more_rows_than_a_file_can_hold(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans"
    write_parquet(path, table_of(12_345))
    whole, rows, more = (
        path.read_bytes(),
        b"\x16\xf2\xc0\x01\x19",
        b"\x16\xfe\xff\xff\xff\xff\x3f\x19",
    )  # as Thrift has them
    assert whole.count(rows) == 1
    footer = int.from_bytes(whole[-8:-4], "little") + len(more) - len(rows)
    path.write_bytes(whole[:-8].replace(rows, more) + footer.to_bytes(4, "little") + b"PAR1")
    with pytest.raises(BadInput, match=r"scans: claims \d{10,} rows in \d+ bytes\. Fetch the file again"):
        read("scans", path)


@pytest.mark.parametrize("write", [write_parquet, write_arrow])
def test_a_column_that_is_needed_has_to_be_there(tmp_path: Path, read: Callable, write: Callable) -> None:
    write(tmp_path / "scans", table_of(2).drop_columns(["code"]))
    with pytest.raises(BadInput, match=r"scans: has other columns: it lacks 'code'; found: 'carrier', 'number', 'at'"):
        read("scans", tmp_path / "scans")
    write(tmp_path / "scans", table_of(2, note=pa.array([["a"], ["b"]])))
    with pytest.raises(BadInput, match="scans: column 'note' is list"):
        read("scans", tmp_path / "scans")


def test_damage_behind_the_first_rows_costs_only_what_lies_behind_it(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans"
    table = table_of(40_000, note=pa.array([f"note {number}" for number in range(40_000)]))
    pq.write_table(table, path, row_group_size=10_000)
    data = bytearray(path.read_bytes())
    place = pq.read_metadata(path).row_group(2).column(0).dictionary_page_offset
    data[place : place + 40] = b"\xff" * 40
    path.write_bytes(bytes(data))
    found = read("scans", path)
    assert len(found.scans) == 20_000
    ((line, field, reason),) = found.told()
    assert (line, field) == (20_001, "")
    assert reason.startswith("is no whole Parquet file (")
    assert reason.endswith("; all 20000 rows before were read. Fetch the file again.")


def test_a_later_batch_that_is_too_large_costs_only_what_lies_behind_it(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans"
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(path, table_of(1, note=pa.array([None], pa.string())).schema, options=options) as sink:
        for note in ("a", "y" * 300_000_000, "b"):
            sink.write_table(table_of(1, note=pa.array([note])))
    found = read("scans", path)
    assert [scan["note"] for scan in found.scans] == ["a"]
    assert found.told() == [
        (
            2,
            "",
            "a batch unpacks to more than 256 MiB; all 1 rows before were read. "
            "Write it in batches of fewer rows, such as 100,000.",
        )
    ]


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_large_batches_come_in_parts(
    tmp_path: Path, read: Callable, kind: pa.DataType, compression: str | None
) -> None:
    notes = [f"note number {number} of many" for number in range(20_000)]
    write_arrow(tmp_path / "scans", table_of(20_000, note=pa.array(notes, kind)), compression)
    found = read("scans", tmp_path / "scans")
    assert [scan["note"] for scan in found.scans] == notes
    assert len(found.shares) == 3


def test_offsets_that_lead_outside_are_refused(tmp_path: Path, read: Callable) -> None:
    good = pa.array(["a", "b"])
    offsets = pa.py_buffer(np.array([0, 2**30, 2], np.int32))
    bad = pa.Array.from_buffers(pa.string(), 2, [None, offsets, good.buffers()[2]])
    for column in (bad, pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), bad, safe=False)):
        write_arrow(tmp_path / "scans", table_of(2, note=column))
        with pytest.raises(BadInput, match="scans: is no Arrow file that can be read") as caught:
            read("scans", tmp_path / "scans")
        assert not isinstance(caught.value, TooLarge)
