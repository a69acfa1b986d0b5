"""`Records` over SQLAlchemy."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool

from waypost.engines.sql.migrate import BRING_BACK, check_revision, migrate
from waypost.model.errors import SettingsError, StorageFull, StoreDamaged, StoreError

_PATIENCE_S = 15.0


class SqlRecords:
    """`Records` in an SQLite file (`sqlite:////path`) or in memory (`sqlite://`). Safe from many threads.

    Opening brings the tables up to date, unless it is for reading only.

    Raises:
        SettingsError: the URL names another kind of database.
        StoreDamaged: it is no database, or that of another program, or tables are gone.
        WrongFormat: a newer version of Waypost wrote it, or, for reading only, an older one.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            mend = "Give sqlite:////path/to/records.sqlite; other databases are not supported yet."
            raise SettingsError(f"Records cannot be kept in {parsed.get_backend_name()}.", mend=mend)
        in_memory = parsed.database in (None, "", ":memory:")
        self._name = "The records" if in_memory else f"The records ({parsed.database})"
        self._engine = _sqlite(parsed, read_only=read_only, in_memory=in_memory)
        # All of a database in memory is one connection, on which all take turns. In a file writers alone do, and they
        # would by themselves, but who waits for SQLite sleeps ever longer, and who waits for a lock until it is free.
        self._turn = threading.Lock()
        self._read_in_turn = in_memory
        try:
            if read_only:
                with self._transaction(write=False) as connection:
                    check_revision(connection, self._name)
            else:
                with self._transaction(write=True) as connection:
                    migrate(connection, self._name)
        except BaseException:
            self._engine.dispose()
            raise

    def begin(self) -> contextlib.AbstractContextManager[Connection]:
        """See `Records.begin`.

        Raises:
            StorageFull: no room left; nothing of the transaction was kept.
            StoreError: the database failed, or other writers kept it busy for too long.
        """
        return self._transaction(write=True)

    def read(self) -> contextlib.AbstractContextManager[Connection]:
        """See `Records.read`."""
        return self._transaction(write=False)

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        in_turn = write or self._read_in_turn
        if in_turn and not self._turn.acquire(timeout=_PATIENCE_S):
            raise StoreError("The records were kept busy for too long by another transaction.")
        try:
            with self._engine.connect().execution_options(waypost_write=write) as connection, connection.begin():
                yield connection
        except DatabaseError as error:
            failed = _store_error(error, self._name)
            if failed is None:
                raise
            raise failed from error
        finally:
            if in_turn:
                self._turn.release()


def _sqlite(url: URL, *, read_only: bool, in_memory: bool) -> Engine:
    options: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_size": 4, "max_overflow": 60}
    connect = {"check_same_thread": False, "timeout": _PATIENCE_S, "isolation_level": None}
    engine = sqlalchemy.create_engine(url, connect_args=connect, **options)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        elif not in_memory:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that begins by reading and then writes can fail however long it waits; so writers say it first.
        write = connection.get_execution_options().get("waypost_write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write and not read_only else "BEGIN")

    return engine


def _store_error(error: DatabaseError, name: str) -> StoreError | None:
    """The error of ours if the machine failed; None if a statement asked for what may not be."""
    text = str(error.orig)
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StorageFull(f"No room left for the records ({text}).", mend="Make room; then it goes on.")
    if code == sqlite3.SQLITE_BUSY:
        return StoreError("The records were kept busy for too long by another transaction.", mend="Try again.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "Could not decode to UTF-8" in text:
        return StoreDamaged(f"{name} are damaged: {text}.", mend=BRING_BACK)
    if isinstance(error, OperationalError):
        return StoreError(f"{name} failed: {text}.", mend="Look after the disk.")
    return None
