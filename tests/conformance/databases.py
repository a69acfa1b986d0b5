"""The databases that what rooms write into `Records` must run on: SQLite as shipped, and a real PostgreSQL."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from benchmarks.peers.peer import LeftOut
from benchmarks.peers.postgres import start
from sqlalchemy.engine import URL, Connection

from waypost.engines.sql.migrate import migrate


class PostgresRecords:
    """`Records` in a PostgreSQL database, migrated as SQLite is. The house itself does not offer it yet."""

    def __init__(self, url: URL) -> None:
        self.engine = sqlalchemy.create_engine(url)
        with self.begin() as connection:
            migrate(connection, "The records")

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()


class PostgresServer:
    """A PostgreSQL server of our own, which gives each test a database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def make(self) -> PostgresRecords:
        """Records in a new, empty database."""
        self._made += 1
        name = f"waypost_{self._made}"
        engine = sqlalchemy.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return PostgresRecords(self._url(name))

    def _url(self, database: str) -> URL:
        query = {"host": str(self._folder)}
        return URL.create("postgresql+psycopg", username="postgres", database=database, query=query)


@contextlib.contextmanager
def serve_postgres() -> Iterator[PostgresServer]:
    """A server on a socket in a folder of its own; the test is skipped where there is no PostgreSQL or no driver."""
    pytest.importorskip("psycopg", reason="no driver for PostgreSQL (psycopg) is installed")
    with tempfile.TemporaryDirectory() as folder:
        try:
            server = start(Path(folder))
        except LeftOut as why:
            pytest.skip(str(why))
        try:
            yield PostgresServer(Path(folder))
        finally:
            server.close()
