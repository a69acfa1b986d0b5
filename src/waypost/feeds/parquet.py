"""Parquet files as parts of a table. Rows have no lines; they are counted from 1.

A file of some kilobytes may name one long text in any number of rows. So texts are read as words of a dictionary, which
are kept once, and what the words come to in all rows is known before any row has its own.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from waypost.feeds.stream import Meter
from waypost.feeds.tables import Part, check_columns
from waypost.model.errors import BadInput, TooLarge
from waypost.track.parquet_pages import unpacked_bytes

#: How a Parquet file begins and ends.
MAGIC = b"PAR1"

#: The most that the pages of a row group may unpack to, and that the texts of a part may come to.
MOST_GROUP_BYTES, MOST_PART_BYTES = 256 << 20, 64 << 20
#: The most rows that a byte of a file can stand for: a footer that claims more makes them up.
_MOST_ROWS_A_BYTE = 1000
_MEND_GROUPS = "Write it in row groups of fewer rows, such as 100,000."
_READ_AHEAD = 1 << 20


def read_columns(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        BadInput: not a whole Parquet file.
    """
    try:
        with path.open("rb") as file:
            return list(pq.read_schema(file).names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _broken(path, error) from None


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
        BadInput: not a whole Parquet file; one that was cut cannot be read at all, for its index stands at its end.
        TooLarge: a row group would take more memory than any should.
    """
    first, size = 1, path.stat().st_size
    try:
        with path.open("rb") as source:
            with pq.ParquetFile(source, pre_buffer=False) as file:
                metadata, schema = file.metadata, file.schema_arrow
                names = choose(schema)
            if not 0 <= metadata.num_rows <= size * _MOST_ROWS_A_BYTE:
                message = f"claims {metadata.num_rows} rows in {size} bytes."
                raise BadInput(message, where=path.name, mend="Fetch the file again.")
            texts = [name for name in names if _is_text(schema.field(name).type)]
            with pq.ParquetFile(
                source, metadata=metadata, read_dictionary=texts, pre_buffer=False, buffer_size=_READ_AHEAD
            ) as file:
                for group in range(metadata.num_row_groups):
                    if unpacked_bytes(source, metadata.row_group(group), names, MOST_GROUP_BYTES) > MOST_GROUP_BYTES:
                        message = f"row group {group} unpacks to more than {MOST_GROUP_BYTES >> 20} MiB."
                        raise TooLarge(message, where=path.name, mend=_MEND_GROUPS)
                    for batch in file.iter_batches(rows, row_groups=[group], columns=names):
                        batch.validate(full=True)
                        meter.read += size * batch.num_rows // max(metadata.num_rows, 1)
                        yield first, batch
                        first += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _broken(path, error) from None


def _is_text(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    of_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    of_bytes = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_kind(plain) for is_kind in (*of_text, *of_bytes))


def _broken(path: Path, error: Exception) -> BadInput:
    if "Not yet implemented" in str(error):  # Arrow's words, of the delta encodings of text
        message = f"has an encoding that cannot be read as a dictionary ({str(error)[:200]})."
        return BadInput(message, where=path.name, mend="Write texts with the encoding PLAIN, or with dictionaries.")
    message = f"is no whole Parquet file ({str(error)[:200]})."
    return BadInput(message, where=path.name, mend="Fetch the file again.")


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
