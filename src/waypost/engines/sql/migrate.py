"""Bring the tables of a database to the newest revision."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from waypost.model.errors import WrongFormat

_FOLDER = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """Run the migrations that a database has not seen, all in the transaction of the connection.

    Raises:
        WrongFormat: it has seen one that this version does not know.
    """
    found, newest = _revisions(connection)
    if found == newest:
        return
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def check_revision(connection: Connection) -> None:
    """Refuse a database that is not at the newest revision.

    Raises:
        WrongFormat: it is not.
    """
    found, newest = _revisions(connection)
    if found != newest:
        raise WrongFormat(
            f"The records are at revision {found}, this version reads {newest}.",
            mend="Open this home once for writing; that brings them up to date.",
        )


def _revisions(connection: Connection) -> tuple[str | None, str | None]:
    scripts = ScriptDirectory(str(_FOLDER))
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise WrongFormat(
            f"The records are at revision {found}, which a newer version of Waypost wrote.",
            mend="Open this home with that version or a later one.",
        )
    return found, scripts.get_current_head()
