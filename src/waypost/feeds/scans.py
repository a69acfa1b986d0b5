"""Neutral scans: NDJSON, CSV, Parquet or Arrow with the fields of `track.wire.FIELDS`.

The content tells the format, never the name. NDJSON and CSV may be packed with gzip, xz or zstd; Parquet and Arrow
files have a packing of their own, and no lines: their rows are counted from 1.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from waypost.feeds.choosing import choose_files
from waypost.feeds.lines import LINES, read_blocks
from waypost.feeds.parquet import MAGIC, read_batches
from waypost.feeds.stream import MEND_CUT, ByteStream, Meter
from waypost.feeds.tables import read_stream
from waypost.model.errors import BadInput
from waypost.track.feed import FileRefusal, Portion
from waypost.track.wire import FIELDS, Rows, read_ndjson, rows_of_table

ENDINGS = (".ndjson", ".jsonl", ".json", ".csv", ".parquet", ".arrow", ".arrows", ".feather")

_NEEDED = ("carrier", "number", "code", "at")
_ARROW_FILE, _ARROW_STREAM = b"ARROW1\0\0", b"\xff\xff\xff\xff"


class ScansFeed:
    """A `ScanFeed` of one file or a folder of files.

    Raises:
        BadInput: nothing there.
    """

    def __init__(self, path: Path) -> None:
        self._paths = choose_files(path, "scans", ENDINGS)

    def portions(self) -> Iterator[Portion]:
        """See `ScanFeed.portions`."""
        meter = Meter(self._paths)
        for path in self._paths:
            yield from _read_file(path, meter)


def _read_file(path: Path, meter: Meter) -> Iterator[Portion]:
    before = meter.read
    with ByteStream(path, meter) as stream:
        columnar = stream.start.startswith((MAGIC, _ARROW_FILE, _ARROW_STREAM))
        if not columnar:
            yield from _read_csv(stream) if _is_table(stream) else _read_ndjson(stream)
            return
    if stream.packing:
        message = f"holds Parquet or Arrow columns inside {stream.packing}."
        raise BadInput(message, where=path.name, mend="Unpack it; such files have a packing of their own.")
    meter.read = before
    if stream.start.startswith(MAGIC):
        for first, batch in read_batches(path, meter):
            yield _of_batch(path.name, first, batch, meter.share)
    else:
        yield from _read_arrow(path, meter, is_stream=not stream.start.startswith(_ARROW_FILE))


def _is_table(stream: ByteStream) -> bool:
    first = stream.start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if first == b"[":
        raise BadInput("is one JSON array.", where=stream.name, mend="Write one JSON object a line (NDJSON).")
    return first != b"{"


def _read_csv(stream: ByteStream) -> Iterator[Portion]:
    for part in read_stream(stream, _NEEDED, FIELDS):
        table = pa.table({name: pa.array(texts, pa.string()) for name, texts in part.columns.items()})
        rows = msgspec.structs.replace(rows_of_table(table), rows=part.lines)
        yield Portion(source=stream.name, rows=rows, refusals=part.refusals, share=part.share)


def _read_ndjson(stream: ByteStream) -> Iterator[Portion]:
    for block in read_blocks(stream):
        read = read_ndjson(block.data, block.data.count(b"\n") + 1)
        rows = Rows(
            read.table,
            [row + block.line for row in read.rows],
            [msgspec.structs.replace(refused, row=refused.row + block.line) for refused in read.refusals],
        )
        yield Portion(source=stream.name, rows=rows, refusals=block.refusals, share=stream.meter.share)


def _of_batch(source: str, first: int, batch: pa.RecordBatch, share: float) -> Portion:
    try:
        rows = rows_of_table(pa.Table.from_batches([batch]))
    except BadInput as error:
        raise BadInput(error.message, where=source, mend=error.mend) from None
    numbers = range(first, first + batch.num_rows)
    return Portion(source=source, rows=msgspec.structs.replace(rows, rows=numbers), share=share)


def _read_arrow(path: Path, meter: Meter, *, is_stream: bool) -> Iterator[Portion]:
    """An Arrow file or stream. A stream that breaks off gives the batches before that."""
    before, first = meter.read, 1
    try:
        with pa.OSFile(str(path)) as file:
            for batch, read in _batches(file, is_stream=is_stream):
                batch.validate(full=True)
                meter.read = before + read
                for start in range(0, batch.num_rows, LINES):
                    piece = batch.slice(start, LINES)
                    yield _of_batch(path.name, first, piece, meter.share)
                    first += piece.num_rows
    except (pa.ArrowException, OSError) as error:
        if first == 1:
            raise BadInput(f"is no Arrow file that can be read: {str(error)[:200]}", where=path.name) from None
        reason = f"the Arrow stream ends early or is damaged; all {first - 1} rows before were read. {MEND_CUT}"
        yield Portion(source=path.name, refusals=[FileRefusal(path.name, first, "", reason)], share=meter.share)


def _batches(file: pa.NativeFile, *, is_stream: bool) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The batches, each with the bytes that have been read with it."""
    if is_stream:
        with pa.ipc.open_stream(file) as stream:
            for batch in stream:
                yield batch, file.tell()
        return
    with pa.ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number), file.size() * (number + 1) // reader.num_record_batches
