"""Neutral scans: NDJSON, CSV, XLSX, Parquet or Arrow with the fields of `track.wire.FIELDS`.

The content tells the format, but a text whose name ends in `.ndjson` or `.jsonl` is NDJSON. NDJSON and CSV may be
packed with gzip, xz or zstd; Parquet and Arrow files have a packing of their own, and no lines: their rows are counted
from 1. XLSX has the numbers of its rows.
"""

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.feeds import arrow, parquet
from waypost.feeds.arrow import FILE, STREAM
from waypost.feeds.choosing import choose_files, holds_objects
from waypost.feeds.headings import name_columns
from waypost.feeds.lines import read_blocks
from waypost.feeds.stream import MEND_CUT, ByteStream, Meter, size_of
from waypost.feeds.tables import Part, check_columns, read_stream
from waypost.feeds.xlsx import MARK, OLD_MARK, read_sheet
from waypost.model.errors import BadInput
from waypost.track.feed import FileRefusal, Portion
from waypost.track.parquet import MAGIC
from waypost.track.plain import read_lines
from waypost.track.wire import FIELDS, MOST_TEXT_BYTES, Rows, check_schema, rows_of_table

ENDINGS = (".ndjson", ".jsonl", ".json", ".csv", ".xlsx", ".parquet", ".arrow", ".arrows", ".feather")

#: Rows of columns that are taken at a time: as long as they may be, their texts are some tens of megabytes.
ROWS = 8192

_NEEDED = ("carrier", "number", "code", "at")

#: What a spreadsheet makes of a long number when it writes CSV: digits are lost.
_ROUNDED = r"^[0-9](\.[0-9]+)?[eE]\+[0-9]+$|^[0-9]+\.0$"
_AS_TEXT = "was rounded by a spreadsheet, so digits are lost: format the column as text, and write it anew"


class ScansFeed:
    """A `ScanFeed` of one file or a folder of files.

    Args:
        path: of it.
        carrier: whose scans they are where they name none; without one they have to.

    Raises:
        BadInput: nothing there.
    """

    def __init__(self, path: Path, carrier: str | None = None) -> None:
        self._paths = choose_files(path, "scans", ENDINGS)
        self._needed = _NEEDED if carrier is None else tuple(name for name in _NEEDED if name != "carrier")

    def portions(self) -> Iterator[Portion]:
        """See `ScanFeed.portions`."""
        meter = Meter(self._paths)
        for path in self._paths:
            yield from _read_file(path, meter, self._needed)


def _read_file(path: Path, meter: Meter, needed: Sequence[str]) -> Iterator[Portion]:
    before = meter.read
    if (mark := _mark_of(path)) == MARK:
        yield from map(partial(_portion, path.name), read_sheet(path, meter, needed, FIELDS, name_columns))
        return
    if mark == OLD_MARK:
        message = "is an old Excel file, or has a password."
        raise BadInput(message, where=path.name, mend="Save it as .xlsx without a password, or as CSV.")
    with ByteStream(path, meter) as stream:
        columnar = stream.start.startswith((MAGIC, FILE, STREAM))
        if not columnar:
            yield from _read_ndjson(stream) if holds_objects(stream) else _read_csv(stream, needed)
            return
    if stream.packing:
        message = f"holds Parquet or Arrow columns inside {stream.packing}."
        raise BadInput(message, where=path.name, mend="Unpack it; such files have a packing of their own.")
    meter.read = before
    read = parquet.read_batches if stream.start.startswith(MAGIC) else arrow.read_batches
    yield from _read_columns(path, meter, read(path, meter, lambda schema: _choose(path.name, schema, needed), ROWS))


def _mark_of(path: Path) -> bytes:
    """How a file begins; what it is if it cannot be read, the reader of streams says."""
    size_of(path)
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError:
        return b""


def _read_csv(stream: ByteStream, needed: Sequence[str]) -> Iterator[Portion]:
    yield from map(partial(_portion, stream.name), read_stream(stream, needed, FIELDS, name_columns=name_columns))


def _portion(source: str, part: Part) -> Portion:
    table = pa.table({name: pa.array(texts, pa.string()) for name, texts in part.columns.items()})
    lines, refusals = part.lines, part.refusals
    if "number" in table.column_names:
        is_rounded = pc.match_substring_regex(table.column("number"), _ROUNDED)
        if pc.any(is_rounded).as_py():
            rounded = np.asarray(is_rounded)
            numbers = table.column("number").filter(is_rounded).to_pylist()
            odd = [line for line, is_odd in zip(lines, rounded, strict=True) if is_odd]
            refusals = [
                *refusals,
                *(
                    FileRefusal(source, line, "number", _AS_TEXT, number[:60])
                    for line, number in zip(odd, numbers, strict=True)
                ),
            ]
            lines = [line for line, is_odd in zip(lines, rounded, strict=True) if not is_odd]
            table = table.filter(pc.invert(is_rounded))
    rows = msgspec.structs.replace(rows_of_table(table), rows=lines)
    return Portion(source=source, rows=rows, refusals=refusals, share=part.share)


def _read_ndjson(stream: ByteStream) -> Iterator[Portion]:
    for block in read_blocks(stream):
        read = read_lines(block.data, block.data.count(b"\n") + 1)
        assert read.plain is not None
        rows = Rows(
            read.table,
            [row + block.line for row in read.rows],
            [msgspec.structs.replace(refused, row=refused.row + block.line) for refused in read.refusals],
            msgspec.structs.replace(read.plain, rows=read.plain.rows + block.line),
        )
        yield Portion(source=stream.name, rows=rows, refusals=block.refusals, share=stream.meter.share)


def _choose(source: str, schema: pa.Schema, needed: Sequence[str]) -> Sequence[str]:
    """All columns, if they are those of scans."""
    with _located(source):
        check_schema(schema)
    check_columns(source, schema.names, needed)
    for name in needed:
        if pa.types.is_null(schema.field(name).type):  # nulls take no room: any number of rows may be claimed
            raise BadInput(f"column {name!r} is empty.", where=source)
    return list(schema.names)


def _read_columns(path: Path, meter: Meter, batches: Iterator[tuple[int, pa.RecordBatch]]) -> Iterator[Portion]:
    """Batches as portions. Damage behind the first of them costs only what lies behind it."""
    last = 0
    try:
        for first, batch in batches:
            with _located(path.name):
                rows = rows_of_table(pa.Table.from_batches([batch]), MOST_TEXT_BYTES)
            last = first + batch.num_rows - 1
            rows = msgspec.structs.replace(rows, rows=range(first, last + 1))
            yield Portion(source=path.name, rows=rows, share=meter.share)
    except BadInput as error:
        if last == 0:
            raise
        found = error.message.removeprefix(f"{path.name}: ").removesuffix(".")
        reason = f"{found}; all {last} rows before were read. {error.mend or MEND_CUT}"
        yield Portion(source=path.name, refusals=[FileRefusal(path.name, last + 1, "", reason)], share=meter.share)


@contextlib.contextmanager
def _located(source: str) -> Iterator[None]:
    """Refusals of columns name the file; the reader of a request has none."""
    try:
        yield
    except BadInput as error:
        raise type(error)(error.message, where=source, mend=error.mend) from None
    except pa.ArrowInvalid as error:
        raise BadInput(f"is damaged ({str(error)[:200]})", where=source) from None
