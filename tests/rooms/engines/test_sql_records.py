"""The tables: migrated as the rooms draw them, on a database that keeps its promises."""

import hashlib
import importlib
import pkgutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, select, text
from sqlalchemy.engine import Connection

import waypost
from waypost.access.keys import Key, Keys, Role
from waypost.access.sealing import Seal
from waypost.engines.sql import migrate
from waypost.engines.sql.records import SqlRecords
from waypost.model.errors import StoreDamaged, StoreError, WrongFormat
from waypost.network.records import facilities
from waypost.store.tables import METADATA
from waypost.track.pushes import RawPushes

FACILITY = {"carrier": "sf", "code": "A", "name": "", "kind": "hub"}


def url(path: Path) -> str:
    return f"sqlite:///{path / 'records.sqlite'}"


@pytest.fixture(params=["memory", "file"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRecords]:
    records = SqlRecords("sqlite://" if request.param == "memory" else url(tmp_path))
    yield records
    records.close()


def test_migrations_make_the_tables_that_the_rooms_draw(records: SqlRecords) -> None:
    rooms = [module.name for module in pkgutil.iter_modules(waypost.__path__, "waypost.") if module.ispkg]
    found = 0
    for room in rooms:
        if any(module.name == "records" for module in pkgutil.iter_modules(importlib.import_module(room).__path__)):
            importlib.import_module(f"{room}.records")
            found += 1
    assert found >= 3
    with records.read() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []
        assert {"facilities", "parcels", "links"} <= METADATA.tables.keys()


def test_a_new_database_is_made_as_the_migrations_make_it(tmp_path: Path, records: SqlRecords) -> None:
    """They run once in a process; after that what they made is written down again."""
    (tmp_path / "step by step").mkdir()
    other = SqlRecords(url(tmp_path / "step by step"))
    config = Config()
    config.set_main_option("script_location", str(migrate._FOLDER))
    with other.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        command.upgrade(config, "head")
        expected = drawn(connection)
    other.close()
    with records.read() as connection:
        assert drawn(connection) == expected


def drawn(connection: Connection) -> list[tuple[str, str]]:
    """Each thing of a database with the statement that made it, and its revision."""
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master ORDER BY name")).all()
    return [("revision", str(connection.scalar(text("SELECT version_num FROM alembic_version")))), *map(tuple, rows)]


def test_migrations_lead_back_as_well(tmp_path: Path) -> None:
    records = SqlRecords(url(tmp_path))
    config = Config()
    config.set_main_option("script_location", str(migrate._FOLDER))
    with records.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert tables(connection) == {"alembic_version"}
        migrate.migrate(connection, "The records")
        assert "parcels" in tables(connection)
    records.close()


def test_a_push_that_was_kept_before_is_still_there(tmp_path: Path) -> None:
    """Of it nobody knows how many scans there were, and nothing else is lost."""
    records = SqlRecords(url(tmp_path))
    config = Config()
    config.set_main_option("script_location", str(migrate._FOLDER))
    seal = Seal({1: bytes(32)}, bytes)
    row = {"id": "p", "account": "yto", "received_ms": 7, "outcome": "taken", "body": seal.seal(b"body", "p")}
    with records.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")
        connection.execute(
            text("INSERT INTO pushes VALUES (:id, :account, :received_ms, :outcome, :body)").bindparams(**row)
        )
        migrate.migrate(connection, "The records")
    raw = RawPushes(records, lambda: seal).open("p")
    assert (raw.body, raw.kept.outcome, raw.kept.scans, raw.kept.refused, raw.kept.why) == (b"body", "taken", 0, 0, "")
    records.close()


def test_a_browser_that_was_let_in_before_is_still_in(tmp_path: Path) -> None:
    """Keys got columns; sessions are theirs, and go with a key that goes."""
    records = SqlRecords(url(tmp_path))
    config = Config()
    config.set_main_option("script_location", str(migrate._FOLDER))
    digest = hashlib.sha256(b"token").hexdigest()
    with records.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0007")
        connection.execute(text("INSERT INTO access_keys VALUES ('k', 'digest', 'operator', 'first start', 1, NULL)"))
        session = text("INSERT INTO access_sessions VALUES (:digest, 'k', 9)")
        connection.execute(session.bindparams(digest=digest))
        migrate.migrate(connection, "The records")
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    keys = Keys(records, bytes)
    assert keys.find_session("token", 8) == Key("k", Role.OPERATOR, "first start")
    keys.withdraw("k", 8)
    assert keys.find_session("token", 8) is None
    records.close()


def tables(connection: Connection) -> set[str]:
    return set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))


def test_a_file_is_safe_from_power_cuts_and_kept_by_its_links(tmp_path: Path) -> None:
    records = SqlRecords(url(tmp_path))
    with records.begin() as connection:
        found = {name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}
        assert found == {"journal_mode": "wal", "synchronous": 2}
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    records.close()


def test_reading_only_migrates_nothing(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").touch()
    with pytest.raises(WrongFormat, match=r"revision None.* Open this home once for writing"):
        SqlRecords(url(tmp_path), read_only=True)
    assert (tmp_path / "records.sqlite").stat().st_size == 0
    SqlRecords(url(tmp_path)).close()
    records = SqlRecords(url(tmp_path), read_only=True)
    with records.read() as connection:
        assert connection.scalar(select(func.count()).select_from(facilities)) == 0
    with pytest.raises(StoreError, match="readonly"), records.begin() as connection:
        connection.execute(insert(facilities), [FACILITY])
    records.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(StoreDamaged, match=rf"\({tmp_path / 'records.sqlite'}\) are damaged: file is not a database"):
        SqlRecords(url(tmp_path))


def foreign(path: Path, *statements: str) -> None:
    with sqlite3.connect(path / "records.sqlite") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


ALEMBIC = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE invoices (id INTEGER)",),
        ("CREATE TABLE invoices (id INTEGER)", "CREATE TABLE parcels (id INTEGER)"),
        ("CREATE TABLE invoices (id INTEGER)", ALEMBIC),
        ("CREATE TABLE invoices (id INTEGER)", ALEMBIC, "INSERT INTO alembic_version VALUES ('ae1027a6acf1')"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_the_database_of_another_program_is_left_alone(
    tmp_path: Path, statements: tuple[str, ...], read_only: bool
) -> None:
    foreign(tmp_path, *statements)
    file = tmp_path / "records.sqlite"
    with sqlite3.connect(file) as connection:
        before = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    told = rf"records \({file}\) are not what Waypost wrote: tables \(invoices.*\), but no revision of ours"
    with pytest.raises(StoreDamaged, match=f"{told}.* move it away. Bring them back from a copy"):
        SqlRecords(url(tmp_path), read_only=read_only)
    assert connection.execute("SELECT sql FROM sqlite_master").fetchall() == before
    connection.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_tables_that_are_gone_are_told(tmp_path: Path, read_only: bool) -> None:
    SqlRecords(url(tmp_path)).close()
    foreign(tmp_path, "DROP TABLE facilities", "DROP TABLE links")
    with pytest.raises(StoreDamaged, match=r"are damaged: they lack the tables facilities, links\. Bring them back"):
        SqlRecords(url(tmp_path), read_only=read_only)


def test_a_text_that_is_none_is_damage(tmp_path: Path) -> None:
    records = SqlRecords(url(tmp_path))
    foreign(tmp_path, "INSERT INTO facilities (carrier, code, name, kind) VALUES ('sf', 'A', CAST(x'ff' AS TEXT), '')")
    with (
        pytest.raises(StoreDamaged, match=rf"\({tmp_path}.*\) are damaged: Could not decode"),
        records.read() as connection,
    ):
        connection.execute(select(facilities.c.name)).all()
    records.close()
