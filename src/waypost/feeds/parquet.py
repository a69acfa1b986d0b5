"""Parquet files as parts of a table. Rows have no lines; they are counted from 1."""

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from waypost.feeds.lines import LINES
from waypost.feeds.stream import Meter
from waypost.feeds.tables import Part, check_columns
from waypost.model.errors import BadInput

#: How a Parquet file begins and ends.
MAGIC = b"PAR1"


def read_columns(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        BadInput: not a whole Parquet file.
    """
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error) from None


def read_batches(path: Path, meter: Meter, rows: int = LINES) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of a Parquet file, batch by batch, each with the number of its first row.

    Raises:
        BadInput: not a whole Parquet file; one that was cut cannot be read at all, for its index stands at its end.
    """
    first = 1
    try:
        with pq.ParquetFile(path) as file:
            size = path.stat().st_size
            for batch in file.iter_batches(rows):
                batch.validate(full=True)
                meter.read += size * batch.num_rows // file.metadata.num_rows
                yield first, batch
                first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> BadInput:
    message = f"is no whole Parquet file ({str(error)[:200]})."
    return BadInput(message, where=path.name, mend="Fetch the file again.")


def read_parts(path: Path, meter: Meter, needed: Collection[str], rows: int = LINES) -> Iterator[Part]:
    """The same as texts, as a CSV file would have them; nested columns are left out.

    Raises:
        BadInput: as `read_batches`, and where a column is missing or cannot be read as text.
    """
    for first, batch in read_batches(path, meter, rows):
        check_columns(path.name, batch.schema.names, needed)
        names = [field.name for field in batch.schema if not pa.types.is_nested(field.type)]
        columns = {name: _texts(path.name, name, batch.column(name)) for name in names}
        yield Part(columns, range(first, first + batch.num_rows), [], meter.share)


def _texts(source: str, name: str, column: pa.Array) -> list[str]:
    try:
        return ["" if text is None else text for text in column.cast(pa.string()).to_pylist()]
    except pa.ArrowException as error:
        raise BadInput(f"column {name!r} cannot be read as text: {str(error)[:200]}", where=source) from None
