"""Parquet files as parts of a table. Rows have no lines; they are counted from 1."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from waypost.feeds.stream import Meter
from waypost.feeds.tables import Part, check_columns
from waypost.model.errors import BadInput, TooLarge
from waypost.track.parquet import ParquetRows, read_footer
from waypost.track.unpacking import Damaged

#: The most that the texts of a part may come to.
MOST_PART_BYTES = 64 << 20
_MEND = "Fetch the file again."


def read_columns(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        BadInput: not a whole Parquet file.
    """
    with _opened(path) as file:
        return list(read_footer(file, path.name).schema.names)


def read_batches(
    path: Path, meter: Meter, choose: Callable[[pa.Schema], Sequence[str]], rows: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of a Parquet file, batch by batch, each with the number of its first row; texts are dictionaries.

    Args:
        path: the file.
        meter: counts what has been read.
        choose: which columns to read, none of them nested; refuses others before any is read.
        rows: at most so many at a time.

    Raises:
        BadInput, TooLarge: see `ParquetRows`.
    """
    first, size = 1, path.stat().st_size
    with _opened(path) as source:
        file = ParquetRows(source, path.name, choose)
        for batch in file.batches(rows):
            meter.read += size * batch.num_rows // max(file.num_rows, 1)
            yield first, batch
            first += batch.num_rows


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror or error}", where=path.name) from None
    except Damaged as error:
        error.mend = error.mend or _MEND
        raise


def read_parts(path: Path, meter: Meter, needed: Collection[str], known: Collection[str], rows: int) -> Iterator[Part]:
    """The same as texts, as a CSV file would have them.

    Args:
        path: the file.
        meter: counts what has been read.
        needed: columns that have to be there.
        known: columns that are read if they are there; others are not looked at.
        rows: at most so many at a time.

    Raises:
        BadInput: as `read_batches`, and where a column is missing or cannot be read as text.
        TooLarge: as `read_batches`, and where texts come to more than `MOST_PART_BYTES`.
    """

    def choose(schema: pa.Schema) -> list[str]:
        check_columns(path.name, schema.names, needed)
        names = [name for name in schema.names if name in needed or name in known]
        for name in names:
            kind = schema.field(name).type
            if pa.types.is_nested(kind) or pa.types.is_fixed_size_binary(kind):
                raise BadInput(f"column {name!r} is {str(kind)[:80]}; it has to be text.", where=path.name)
        return names

    for first, batch in read_batches(path, meter, choose, rows):
        if sum(map(_text_bytes, batch.columns)) > MOST_PART_BYTES:
            message = f"{batch.num_rows} rows from row {first} on hold more than {MOST_PART_BYTES >> 20} MiB of text."
            raise TooLarge(message, where=path.name)
        columns = {name: _texts(path.name, name, batch.column(name)) for name in batch.schema.names}
        yield Part(columns, range(first, first + batch.num_rows), [], meter.share)


def _text_bytes(column: pa.Array) -> int:
    """How many bytes of text the rows of a column name; numbers are short."""
    if not pa.types.is_dictionary(column.type):
        return 0
    return pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0


def _texts(source: str, name: str, column: pa.Array) -> list[str]:
    try:
        return ["" if text is None else text for text in column.cast(pa.string()).to_pylist()]
    except pa.ArrowException as error:
        raise BadInput(f"column {name!r} cannot be read as text: {str(error)[:200]}", where=source) from None
