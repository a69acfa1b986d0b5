"""Copy an SQLite file that others write to, and look whether one is whole."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from waypost.engines.sql.migrate import BRING_BACK
from waypost.model.errors import StorageFull, StoreDamaged, StoreError

_PATIENCE_S = 15.0
_PAGES = 2048
_MOST_TOLD = 20


def copy_database(source: Path, target: Path, tell: Callable[[int, int], None]) -> None:
    """Copy a database as it is at one moment into a new file, by SQLite's backup interface. It holds no writer up.

    The copy is one file without `-wal`, so that it can be read where nothing may be written.

    Args:
        source: the file, which is left as it is.
        target: the new file.
        tell: is told how much is done, and of how much.

    Raises:
        StorageFull: no room for the copy.
        StoreDamaged: the source is no database, or bytes in it are wrong.
        StoreError: it cannot be read or written.
    """
    with _errors(f"copying {source}", source), _open(source) as kept, closing(sqlite3.connect(target)) as copy:
        # While a reader holds its view, the copy is of that view: it need not begin again when somebody writes.
        kept.execute("BEGIN")
        kept.execute("SELECT count(*) FROM sqlite_master").fetchone()
        copy.execute("PRAGMA locking_mode = EXCLUSIVE")  # alone with it, SQLite needs no shared memory beside it
        kept.backup(copy, pages=_PAGES, progress=lambda _, rest, pages: tell(pages - rest, pages))
        copy.execute("PRAGMA journal_mode = DELETE")


def find_flaws(path: Path, *, is_kept: bool = False) -> list[str]:
    """What SQLite finds wrong in a database when it reads all of it: at most twenty lines, none if it is whole.

    Args:
        path: the file.
        is_kept: nobody writes to it, and nothing may be written beside it, as to a file of a backup.

    Raises:
        StoreDamaged: it cannot be read at all.
        StoreError: the disk failed.
    """
    with _errors(f"reading {path}", path), _open(path, is_kept=is_kept) as database:
        found = [str(row[0]) for row in database.execute(f"PRAGMA integrity_check({_MOST_TOLD})")]
        flaws = [] if found == ["ok"] else found
        for table, row, other, _ in database.execute("PRAGMA foreign_key_check"):
            flaws.append(f"row {row} of {table} names a row of {other} that is not there")
        return flaws[:_MOST_TOLD]


def count_rows(path: Path, *, is_kept: bool = False) -> dict[str, int]:
    """How many rows each table has, the one that says the revision left out. Arguments and errors as `find_flaws`."""
    with _errors(f"reading {path}", path), _open(path, is_kept=is_kept) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return {
            name: int(database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
            for (name,) in tables
            if name != "alembic_version" and not name.startswith("sqlite_")
        }


@contextmanager
def _open(path: Path, *, is_kept: bool = False) -> Iterator[sqlite3.Connection]:
    mode = "mode=ro&immutable=1" if is_kept else "mode=rw"
    uri = f"file:{quote(str(path.absolute()))}?{mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None)) as database:
        database.execute("PRAGMA query_only = ON")
        yield database


@contextmanager
def _errors(doing: str, path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise StorageFull(f"No room left: {doing} failed ({error}).", mend="Make room; then try again.") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise StoreDamaged(f"{path} is damaged: {error}.", mend=BRING_BACK) from error
        raise StoreError(f"{doing[:1].upper()}{doing[1:]} failed: {error}.", mend="Look after the disk.") from error
