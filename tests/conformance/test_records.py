"""What rooms may rely on of `Records`, on each database: turns of those who write, views of those who read."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.engine import URL
from tests.conformance.databases import PostgresServer, serve_postgres

from waypost.engines.sql.records import SqlRecords
from waypost.model.errors import SettingsError, StoreDamaged, StoreError, WrongFormat
from waypost.network.records import facilities

FACILITY = {"carrier": "sf", "code": "A", "name": "0", "kind": ""}
COUNT = select(func.count()).select_from(facilities)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with serve_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL | str:
    """Where an empty database is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.sqlite'}"
    made: URL = request.getfixturevalue("postgres").make()
    return made


@pytest.fixture
def records(url: URL | str) -> Iterator[SqlRecords]:
    kept = SqlRecords(url)
    yield kept
    kept.close()


def test_who_writes_has_the_records_for_itself(records: SqlRecords) -> None:
    """What was read before writing holds until the end: nothing that others added meanwhile is lost."""
    with records.begin() as connection:
        connection.execute(insert(facilities), [FACILITY])

    def add() -> None:
        for _ in range(20):
            with records.begin() as connection:
                name = int(connection.scalars(select(facilities.c.name)).one())
                connection.execute(update(facilities).values(name=str(name + 1)))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with records.read() as connection:
        assert connection.scalars(select(facilities.c.name)).one() == "160"


def test_who_reads_waits_for_nobody_and_sees_one_moment(records: SqlRecords) -> None:
    seen: list[int | None] = []

    def look() -> None:
        with records.read() as connection:
            seen.append(connection.scalar(COUNT))

    with records.read() as before:
        seen.append(before.scalar(COUNT))
        with records.begin() as connection:
            connection.execute(insert(facilities), [FACILITY])
            reader = threading.Thread(target=look)
            reader.start()
            reader.join(10)
        seen.append(before.scalar(COUNT))
    look()
    assert seen == [0, 0, 0, 1]


def test_nothing_is_kept_of_a_transaction_that_an_error_leaves(records: SqlRecords) -> None:
    with contextlib.suppress(ZeroDivisionError), records.begin() as connection:
        connection.execute(insert(facilities), [FACILITY])
        raise ZeroDivisionError
    with records.read() as connection:
        assert connection.scalar(COUNT) == 0


def test_for_reading_only_nothing_is_written_and_nothing_migrated(url: URL | str) -> None:
    if isinstance(url, str):
        Path(url.removeprefix("sqlite:///")).touch()
    with pytest.raises(WrongFormat, match=r"revision None.* Open this home once for writing"):
        SqlRecords(url, read_only=True)
    SqlRecords(url).close()
    looking = SqlRecords(url, read_only=True)
    with pytest.raises(StoreError, match=r"read.?only"), looking.begin() as connection:
        connection.execute(insert(facilities), [FACILITY])
    with looking.read() as connection:
        assert connection.scalar(COUNT) == 0
    looking.close()


def test_a_database_of_another_program_or_a_newer_version_is_left_alone(url: URL | str) -> None:
    records = SqlRecords(url)
    with records.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    records.close()
    with pytest.raises(WrongFormat, match="revision 9999, which a newer version of Waypost wrote"):
        SqlRecords(url)
    with records.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    records.close()
    with pytest.raises(StoreDamaged, match="are not what Waypost wrote"):
        SqlRecords(url)


def test_processes_that_begin_at_once_make_the_tables_once(url: URL | str) -> None:
    opened: list[SqlRecords] = []
    threads = [threading.Thread(target=lambda: opened.append(SqlRecords(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(opened) == 4
    for records in opened:
        records.close()


def test_connections_that_the_server_ended_are_made_anew(postgres: PostgresServer) -> None:
    url = postgres.make()
    records = SqlRecords(url)
    with records.read() as connection:
        assert connection.scalar(COUNT) == 0
    postgres.end_connections(url)
    with records.begin() as connection:
        connection.execute(insert(facilities), [FACILITY])

    def cut_off() -> None:
        with records.begin() as connection:
            postgres.end_connections(url)
            connection.execute(insert(facilities), [FACILITY | {"code": "B"}])

    with pytest.raises(StoreError, match=r"The records \(postgresql, .*\) failed"):
        cut_off()
    with records.read() as connection:
        assert connection.scalar(COUNT) == 1
    records.close()


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    nowhere = URL.create("postgresql", username="waypost", database="waypost", query={"host": str(tmp_path)})
    with pytest.raises(StoreError, match=r"\(postgresql, database waypost\) failed: .* the server that keeps"):
        SqlRecords(nowhere)


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"cannot be kept in mysql\. Give sqlite:.* or postgresql:"):
        SqlRecords("mysql://localhost/waypost")
