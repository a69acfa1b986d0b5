"""Parquet, read so that no file takes much more memory than its bytes are worth.

A file of some kilobytes may name one long text in any number of rows. So texts are read as words of a dictionary, which
are kept once, and what the words come to in all rows is known before any row has its own.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from waypost.model.errors import BadInput, TooLarge
from waypost.track.pages import Group, list_pages, parse_footer
from waypost.track.thrift import UnreadableError
from waypost.track.unpacking import Damaged
from waypost.track.wire import MOST_TEXT_BYTES, ROW_SCHEMA, Rows, check_schema, rows_of_table, too_many, too_much_text

#: How a Parquet file begins and ends.
MAGIC = b"PAR1"

#: The most that the pages of a row group of a file may unpack to.
MOST_GROUP_BYTES = 256 << 20

#: What a footer names takes a hundred times its bytes; some kilobytes are usual.
_FOOTER_BYTES, _BYTES_A_FOOTER_BYTE = 1 << 18, 64
#: Each page and each row group takes time, however little is in it; tens of kilobytes are usual.
_PAGES, _BYTES_A_PAGE = 10_000, 4096
#: The most rows that a byte of a file can stand for: a footer that claims more makes them up.
_ROWS_A_BYTE = 1000

#: Rows of a body that are taken at a time: as long as they may be, their texts are some tens of megabytes.
_ROWS = 8192
_READ_AHEAD = 1 << 20
_MEND_GROUPS = "Write it in row groups of fewer rows, such as 100,000."
_MEND_PAGES = "Write it in larger row groups and pages."
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)


class ParquetRows:
    """The rows of a Parquet file, batch by batch; texts are dictionaries.

    Args:
        source: the file, or what can be read like one.
        name: how messages name it.
        choose: which columns to read, none of them nested; refuses others before any is read.
        most_rows: how many rows it may have; None for any number.
        most_bytes: what the pages of one row group may unpack to.

    Attributes:
        num_rows: how many rows its footer claims.

    Raises:
        BadInput: not a whole Parquet file; one that was cut cannot be read at all, for its index stands at its end.
        TooLarge: more rows, or a larger footer, than it may have.
    """

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        choose: Callable[[pa.Schema], Sequence[str]],
        *,
        most_rows: int | None = None,
        most_bytes: int = MOST_GROUP_BYTES,
    ) -> None:
        self._source, self._name, self._most_bytes = source, name, most_bytes
        footer = read_footer(source, name)
        self._metadata, self._groups, schema = footer.metadata, footer.groups, footer.schema
        self._names = choose(schema)
        self._texts = [column for column in self._names if _is_text(schema.field(column).type)]
        self._columns = [number for number, path in enumerate(footer.paths) if self._is_chosen(path)]
        self.num_rows: int = self._metadata.num_rows
        size = source.seek(0, 2)
        self._pages_left = _PAGES + size // _BYTES_A_PAGE
        self._most_rows = size * _ROWS_A_BYTE if most_rows is None else most_rows
        if most_rows is not None and self.num_rows > most_rows:
            raise too_many(most_rows)
        if not 0 <= self.num_rows <= size * _ROWS_A_BYTE:
            raise Damaged(f"claims {self.num_rows} rows in {size} bytes.", where=name)

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """All rows, at most so many at a time.

        Raises:
            BadInput: the file is damaged.
            TooLarge: a row group would take more memory, or all of them more time, than any should.
        """
        seen = 0
        try:
            with pq.ParquetFile(
                self._source,
                metadata=self._metadata,
                read_dictionary=self._texts,
                pre_buffer=False,
                buffer_size=_READ_AHEAD,
            ) as file:
                for number, group in enumerate(self._groups):
                    if group.rows == 0:
                        continue
                    self._check_group(number, group)
                    for batch in file.iter_batches(rows, row_groups=[number], columns=self._names):
                        seen += batch.num_rows
                        if seen > self._most_rows:
                            raise too_many(self._most_rows)
                        batch.validate(full=True)
                        yield batch
        except _DAMAGE as error:
            raise _broken(self._name, error) from None

    def _check_group(self, number: int, group: Group) -> None:
        """Look at the pages of a row group before any of them is unpacked."""
        unpacked = 0
        try:
            for column in self._columns:
                for page in list_pages(self._source, group.chunks[column]):
                    unpacked += page.unpacked
                    self._pages_left -= 1
                    if self._pages_left < 0:
                        raise TooLarge("has too many pages for its size.", where=self._name, mend=_MEND_PAGES)
                    if unpacked > self._most_bytes:
                        message = f"row group {number} unpacks to more than {self._most_bytes >> 20} MiB."
                        raise TooLarge(message, where=self._name, mend=_MEND_GROUPS)
        except UnreadableError as error:
            raise _broken(self._name, error) from None

    def _is_chosen(self, path: str) -> bool:
        return any(path == name or path.startswith(f"{name}.") for name in self._names)


class Footer(NamedTuple):
    """What a Parquet file says of itself at its end.

    Attributes:
        metadata, schema: as Arrow reads it.
        groups: as we read it; Arrow does not survive everything that may stand there.
        paths: the name of each column of a row group, with dots where it is nested.
    """

    metadata: pq.FileMetaData
    schema: pa.Schema
    groups: list[Group]
    paths: list[str]


def read_footer(source: BinaryIO, name: str) -> Footer:
    """Read the end of a Parquet file.

    Raises:
        BadInput: it is none, or not a whole one.
        TooLarge: it says more than a file of its size should.
    """
    size = source.seek(0, 2)
    source.seek(max(size - 8, 0))
    length = int.from_bytes(bytes(source.read(4)), "little")
    if _FOOTER_BYTES + size // _BYTES_A_FOOTER_BYTE < length < size:
        raise TooLarge(f"has an index of {length} bytes.", where=name, mend=_MEND_PAGES)
    try:
        source.seek(max(size - 8 - length, 0))
        groups = parse_footer(bytes(source.read(length if length < size else 0)))
        with pq.ParquetFile(source, pre_buffer=False) as file:
            metadata, schema = file.metadata, file.schema_arrow
        paths = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
        if any(len(group.chunks) != len(paths) for group in groups) or len(groups) != metadata.num_row_groups:
            raise UnreadableError("a row group has not all columns")
        return Footer(metadata, schema, groups, paths)
    except (*_DAMAGE, UnreadableError) as error:
        raise _broken(name, error) from None


def read_parquet(body: bytes, limit: int) -> Rows:
    """A Parquet file with the columns of `FIELDS`; text or timestamps with a time zone for `at`.

    Raises:
        BadInput: no Parquet file, or a column that is unknown or of another type.
        TooLarge: more than `limit` rows, or more text than `MOST_TEXT_BYTES` once it is unpacked.
    """
    most = max(MOST_TEXT_BYTES, len(body))
    file = ParquetRows(pa.BufferReader(body), "body", _choose_all, most_rows=limit, most_bytes=most)
    tables, held = [ROW_SCHEMA.empty_table()], 0
    for batch in file.batches(_ROWS):
        tables.append(rows_of_table(pa.Table.from_batches([batch]), most).table)
        held += tables[-1].nbytes
        if held > most:
            raise too_much_text(most)
    table = pa.concat_tables(tables)
    return Rows(table, range(table.num_rows), [])


def _choose_all(schema: pa.Schema) -> Sequence[str]:
    check_schema(schema)
    return list(schema.names)


def _is_text(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    of_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    of_bytes = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_kind(plain) for is_kind in (*of_text, *of_bytes))


def _broken(name: str, error: Exception) -> BadInput:
    if "Not yet implemented" in str(error):  # Arrow's words, of the delta encodings of text
        message = f"has an encoding that cannot be read as a dictionary ({str(error)[:200]})."
        return BadInput(message, where=name, mend="Write texts with the encoding PLAIN, or with dictionaries.")
    return Damaged(f"is no whole Parquet file ({str(error)[:200]}).", where=name)
