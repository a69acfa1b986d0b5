"""Arrow files and streams, batch by batch. Rows have no lines; they are counted from 1."""

import mmap
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from waypost.feeds.stream import Meter
from waypost.model.errors import BadInput, TooLarge
from waypost.track.packing import unpacked_bytes
from waypost.track.wire import MOST_TEXT_BYTES, view_bytes

#: How the two begin. A file is a stream behind a mark, with an index behind it.
FILE, STREAM = b"ARROW1\0\0", b"\xff\xff\xff\xff"

#: The most that a packed batch may unpack to, and that dictionaries may take.
MOST_BATCH_BYTES = 256 << 20

_MEND = "Write it in batches of fewer rows, such as 100,000."


def read_batches(
    path: Path, meter: Meter, check: Callable[[pa.Schema], object], rows: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of an Arrow file or stream, some at a time, each with the number of its first row.

    Args:
        path: the file.
        meter: counts what has been read.
        check: refuses columns before any of them is read.
        rows: at most so many at a time.

    Raises:
        BadInput: it is no Arrow file, ends early or is damaged; all before that has been given.
        TooLarge: a batch would take more memory than any should.
    """
    before, first = meter.read, 1
    try:
        with path.open("rb") as file:  # mapped, so that a batch of any size is read a part at a time
            data = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        body = data[len(FILE) :] if bytes(data[: len(FILE)]) == FILE else data
        reader = pa.BufferReader(body)
        with pa.ipc.open_stream(reader) as stream:
            check(stream.schema)
            messages = pa.ipc.MessageReader.open_stream(body)
            while _next_fits(messages):
                batch = stream.read_next_batch()
                _validate(batch)
                meter.read = before + reader.tell()
                for start in range(0, batch.num_rows, rows):
                    yield first, batch.slice(start, rows)
                    first += min(rows, batch.num_rows - start)
    except TooLarge as error:
        raise TooLarge(error.message, where=path.name, mend=_MEND) from None
    except (pa.ArrowException, OSError, struct.error, StopIteration) as error:
        message = "is no Arrow file that can be read" if first == 1 else "the Arrow stream ends early or is damaged"
        raise BadInput(f"{message} ({str(error)[:200]})", where=path.name) from None


def _next_fits(messages: pa.ipc.MessageReader) -> bool:
    """Look at the messages up to the next batch; False if there is none."""
    size = 0
    for message in messages:
        size += unpacked_bytes(message) or 0
        if size > MOST_BATCH_BYTES:
            raise TooLarge(f"a batch unpacks to more than {MOST_BATCH_BYTES >> 20} MiB.")
        if message.type == "record batch":
            return True
    return False


def _validate(batch: pa.RecordBatch) -> None:
    """Check what the reader took as it stood. Views are checked some rows at a time, once their texts are counted."""
    dictionaries = [column for column in batch.columns if pa.types.is_dictionary(column.type)]
    size = sum(column.dictionary.get_total_buffer_size() for column in dictionaries)
    if size > MOST_BATCH_BYTES or sum(map(view_bytes, dictionaries)) > MOST_TEXT_BYTES:
        raise TooLarge("its dictionaries hold more text than a batch should.")
    for column in batch.columns:
        if not pa.types.is_string_view(column.type):
            column.validate(full=True)
