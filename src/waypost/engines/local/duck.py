"""DuckDB over Parquet files and Arrow tables. It never touches the network, and keeps to the memory it is given."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.operations as ops
import pyarrow as pa

from waypost.engines.local.disk import is_full
from waypost.model.errors import Closed, StorageFull, StoreError
from waypost.model.scans import SCAN_SCHEMA


def _may_be_null(schema: pa.Schema) -> pa.Schema:
    """The same columns: what is never null in a scan may be so in an answer, such as the newest of no scans."""
    return pa.schema([field.with_nullable(True) for field in schema])


#: `SCAN_SCHEMA` with words as plain text.
PLAIN_SCHEMA = _may_be_null(
    pa.schema([field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in SCAN_SCHEMA])
)
_SCANS = ibis.table(ibis.Schema.from_pyarrow(PLAIN_SCHEMA), name="scans")

#: How often a question is broken off until it heeds it, and how long its end is waited for. One that is between two
#: statements does not notice it.
_AGAIN_S = 0.02
_PATIENCE_S = 10.0

_COLUMNS = ", ".join(f'"{name}"' for name in PLAIN_SCHEMA.names)


class Duck:
    """One DuckDB of its own, made when first asked. Safe to ask from many threads.

    Attributes:
        memory_limit: as DuckDB writes it, such as `1GB`.
        spill: where it may put what does not fit; None: nowhere.
    """

    def __init__(self, memory_limit: str, spill: Path | None, threads: int = 2) -> None:
        self.memory_limit = memory_limit
        self._spill = spill
        self._threads = threads
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._cursors: set[duckdb.DuckDBPyConnection] = set()
        self._is_closed = False
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)

    def ask(self, ask: Callable[[Any], Any], files: Sequence[Path], more: pa.Table) -> pa.Table:
        """The answer to an Ibis expression over the scans in some files and in a table (`PLAIN_SCHEMA`).

        Raises:
            Closed: it was closed, before or meanwhile.
            StoreError: the question needs too much memory.
        """
        answer = ask(_SCANS).as_table()
        sql = ibis.to_sql(answer, dialect="duckdb")
        with self._cursor() as cursor:
            cursor.register("staged", more)
            sealed = f"SELECT {_COLUMNS} FROM {_read(files)} UNION ALL " if files else ""
            cursor.execute(f"CREATE TEMP VIEW scans AS {sealed}SELECT {_COLUMNS} FROM staged")
            for table in answer.op().find(ops.InMemoryTable):
                cursor.register(table.name, table.data.to_pyarrow(table.schema))
            try:
                found = cursor.sql(sql).to_arrow_table()
            except duckdb.OutOfMemoryException as error:
                raise StoreError(
                    f"The question needs more than {self.memory_limit} of memory.",
                    mend="Ask for a shorter span, or give history more memory.",
                ) from error
        return found.cast(_may_be_null(answer.schema().to_pyarrow()))

    def close(self) -> None:
        """Break off the questions that run, and let go of memory and files; the last question does, if it lasts."""
        until_s = time.monotonic() + _PATIENCE_S
        with self._left:
            self._is_closed = True
            while self._cursors and time.monotonic() < until_s:
                for cursor in self._cursors:
                    cursor.interrupt()
                self._left.wait(_AGAIN_S)
            self._let_go()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._lock:
            if self._is_closed:
                raise Closed("History is closed.")
            if self._connection is None:
                self._connection = self._connect()
            cursor = self._connection.cursor()
            self._cursors.add(cursor)
        try:
            yield cursor
        except duckdb.Error as error:
            if self._is_closed:
                raise Closed("History was closed before it answered.") from error
            raise
        finally:
            with self._left:
                self._cursors.remove(cursor)
                cursor.close()
                self._let_go()
                self._left.notify_all()

    def _let_go(self) -> None:
        """Close the connection if nobody asks any more. Under a question that still runs it may not be closed."""
        if self._is_closed and not self._cursors and self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": self.memory_limit,
                "threads": self._threads,
                "temp_directory": str(self._spill or ""),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
            },
        )
        connection.execute("SET GLOBAL timezone = 'UTC'")  # not known before the connection is made
        connection.execute("SET lock_configuration = true")
        return connection


def _read(files: Sequence[Path]) -> str:
    """The table of some files; none of their names is a pattern, and no folder above them a column."""
    names = ("".join(f"[{sign}]" if sign in "[*?" else sign for sign in str(file)) for file in files)
    return f"read_parquet([{', '.join(map(_literal, names))}], hive_partitioning = false)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def disk_error(error: Exception, doing: str) -> StoreError:
    """The error of ours for one that came while files were written: of the disk, or any other, such as no memory."""
    if (isinstance(error, OSError) and is_full(error)) or "No space left" in str(error):
        return StorageFull(f"No room left: {doing} failed.", mend="Make room; then it goes on.")
    told = f"{doing[:1].upper()}{doing[1:]} failed"
    if isinstance(error, OSError | duckdb.Error):
        return StoreError(f"{told}: {error}.", mend="Look after the disk, then start again.")
    return StoreError(f"{told}: {error!r}.", mend="No scan is lost: all are in the log. It is tried again by and by.")
