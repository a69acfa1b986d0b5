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

#: By this lock of the database those who write take turns: any number that no other program there uses.
_WRITERS = 0x57415950
_DISK_FULL, _LOCK_NOT_AVAILABLE, _READ_ONLY = "53100", "55P03", "25006"  # PostgreSQL, appendix A


class SqlRecords:
    """`Records` in an SQLite file (`sqlite:////path`), in memory (`sqlite://`), or in PostgreSQL (`postgresql://...`).

    Safe from many threads. Who writes has the database for itself until the end of the transaction, on each of them,
    so what a room reads before it writes still holds then. Opening brings the tables up to date, unless it is for
    reading only.

    Raises:
        SettingsError: the URL names another kind of database, or the driver of this one is missing.
        StoreDamaged: it is no database, or that of another program, or tables are gone.
        StoreError: it cannot be reached.
        WrongFormat: a newer version of Waypost wrote it, or, for reading only, an older one.
    """

    def __init__(self, url: str | URL, *, read_only: bool = False) -> None:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
        if kind not in ("sqlite", "postgresql"):
            mend = "Give sqlite:////path/to/records.sqlite or postgresql://user@host/database."
            raise SettingsError(f"Records cannot be kept in {kind}.", mend=mend)
        in_memory = kind == "sqlite" and parsed.database in (None, "", ":memory:")
        where = parsed.database if kind == "sqlite" else f"{kind}, database {parsed.database}"
        self._name = "The records" if in_memory else f"The records ({where})"
        # All of a database in memory is one connection, on which all take turns. In a file writers alone do, and they
        # would by themselves, but who waits for SQLite sleeps ever longer, and who waits for a lock until it is free.
        # PostgreSQL has such locks itself.
        self._turn = threading.Lock() if kind == "sqlite" else None
        self._read_in_turn = in_memory
        if kind == "sqlite":
            self._engine = _sqlite(parsed, read_only=read_only, in_memory=in_memory)
        else:
            self._engine = _postgres(parsed, read_only=read_only)
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
        turn = self._turn if write or self._read_in_turn else None
        if turn is not None and not turn.acquire(timeout=_PATIENCE_S):
            raise StoreError("The records were kept busy for too long by another transaction.")
        try:
            with self._engine.connect().execution_options(waypost_write=write) as connection, connection.begin():
                yield connection
        except DatabaseError as error:
            failed = _failure(error, self._name)
            if failed is None:
                raise
            raise failed from error
        finally:
            if turn is not None:
                turn.release()


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


def _postgres(url: URL, *, read_only: bool) -> Engine:
    try:
        engine = sqlalchemy.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=16,
            max_overflow=48,
            pool_pre_ping=True,  # a server that was started again costs nobody his transaction
            connect_args={"connect_timeout": round(_PATIENCE_S)},
        )
    except ModuleNotFoundError as error:
        mend = "Install Waypost with it: pip install 'waypost[postgres]'."
        raise SettingsError(f"PostgreSQL needs {error.name}, which is not installed.", mend=mend) from None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("waypost_write", True) and not read_only:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(_PATIENCE_S * 1000)}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    return engine


def _failure(error: DatabaseError, name: str) -> StoreError | None:
    """The error of ours if the machine failed; None if a statement asked for what may not be."""
    text = " ".join(str(error.orig).split())  # PostgreSQL writes several lines
    code, state = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF, getattr(error.orig, "sqlstate", None)
    if code == sqlite3.SQLITE_FULL or state == _DISK_FULL:
        return StorageFull(f"No room left for the records ({text}).", mend="Make room; then it goes on.")
    if code == sqlite3.SQLITE_BUSY or state == _LOCK_NOT_AVAILABLE:
        return StoreError("The records were kept busy for too long by another transaction.", mend="Try again.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "Could not decode to UTF-8" in text:
        return StoreDamaged(f"{name} are damaged: {text}.", mend=BRING_BACK)
    if isinstance(error, OperationalError) or state == _READ_ONLY:
        return StoreError(f"{name} failed: {text}.", mend="Look after the disk, or the server that keeps them.")
    return None
