"""Bring the tables of a database to the newest revision."""

import functools
import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import Connection

from waypost.model.errors import StoreDamaged, WrongFormat
from waypost.store.tables import METADATA

BRING_BACK = "Bring them back from a copy of the home, with the files -wal and -shm that belong to it and no others."

_FOLDER = Path(__file__).parent / "migrations"
_OWN_TABLE = "alembic_version"
_OURS = re.compile("[0-9]{4}")  # how our revisions are named; other programs that use Alembic name theirs otherwise


def migrate(connection: Connection, name: str) -> None:
    """Run the migrations that a database has not seen, all in the transaction of the connection.

    Args:
        name: what people call the database.

    Raises:
        StoreDamaged: it is the database of another program, or tables are gone.
        WrongFormat: it has seen a migration that this version does not know.
    """
    found, newest = _revisions(connection, name)
    if found is None and connection.dialect.name == "sqlite" and not _tables(connection):
        for statement in _statements_of_new():
            connection.exec_driver_sql(statement)
    elif found != newest:
        _upgrade(connection)
    _refuse_lost_tables(connection, name)


def check_revision(connection: Connection, name: str) -> None:
    """Refuse a database that is not at the newest revision.

    Raises:
        StoreDamaged: it is the database of another program, or tables are gone.
        WrongFormat: it is not.
    """
    found, newest = _revisions(connection, name)
    if found != newest:
        raise WrongFormat(
            f"{name} are at revision {found}, this version reads {newest}.",
            mend="Open this home once for writing; that brings them up to date.",
        )
    _refuse_lost_tables(connection, name)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@functools.cache
def _statements_of_new() -> tuple[str, ...]:
    """What makes a new SQLite database as the migrations leave it.

    They take a fifth of a second, these ten milliseconds: a process that opens many databases migrates one.
    """
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        _upgrade(connection)
        connection.commit()
        lines = tuple(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    engine.dispose()
    return tuple(line for line in lines if line not in ("BEGIN TRANSACTION;", "COMMIT;"))


@functools.cache
def _scripts() -> ScriptDirectory:
    """The migrations: files of this version, which do not change while it runs."""
    return ScriptDirectory(str(_FOLDER))


def _revisions(connection: Connection, name: str) -> tuple[str | None, str | None]:
    scripts = _scripts()
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if found in known:
        return found, scripts.get_current_head()
    tables = sorted(_tables(connection) - {_OWN_TABLE})
    if tables and not (found and _OURS.fullmatch(found)):
        raise StoreDamaged(
            f"{name} are not what Waypost wrote: tables ({', '.join(tables)[:200]}), but no revision of ours.",
            mend=f"If another program made this file, move it away. {BRING_BACK}",
        )
    if found is not None:
        raise WrongFormat(
            f"{name} are at revision {found}, which a newer version of Waypost wrote.",
            mend="Open this home with that version or a later one.",
        )
    return found, scripts.get_current_head()


def _refuse_lost_tables(connection: Connection, name: str) -> None:
    lost = sorted(METADATA.tables.keys() - _tables(connection))
    if lost:
        raise StoreDamaged(f"{name} are damaged: they lack the tables {', '.join(lost)}.", mend=BRING_BACK)


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())
