"""The databases that what rooms write into `Records` must run on: SQLite as shipped, and a real PostgreSQL."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from benchmarks.peers.peer import LeftOut
from benchmarks.peers.postgres import start
from sqlalchemy.engine import URL


class PostgresServer:
    """A PostgreSQL server of our own, which gives each test a database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def make(self) -> URL:
        """Where a new, empty database is."""
        self._made += 1
        name = f"waypost_{self._made}"
        self._run(f"CREATE DATABASE {name}")
        return self._url(name)

    def end_connections(self, url: URL) -> None:
        """End all connections to a database, as a server that is started again does."""
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'")

    def _run(self, statement: str) -> None:
        engine = sqlalchemy.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

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
