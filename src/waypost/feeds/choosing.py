"""Which files a path means: the file itself, or those of a folder."""

from collections.abc import Collection
from pathlib import Path

from waypost.feeds.parquet import MAGIC, read_columns
from waypost.feeds.stream import ByteStream, Meter
from waypost.feeds.tables import list_columns
from waypost.model.errors import BadInput

_TABLES = (".csv", ".parquet")
_PACKINGS = (".gz", ".xz", ".zst")


def choose_files(path: Path, kind: str, endings: tuple[str, ...]) -> list[Path]:
    """The file, or the files of a folder in the order of their names.

    Of a folder those whose name begins with the kind (`scans-2026-11-22.ndjson.gz`) are taken, or, when there is none,
    all that end as such files do.

    Raises:
        BadInput: nothing there.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadInput("no such file or folder", where=str(path))
    fitting = sorted(each for each in path.iterdir() if each.is_file() and _ending(each) in endings)
    named = [each for each in fitting if each.name.startswith(kind)]
    if not fitting:
        mend = f"Files end in {', '.join(endings)}, and may be packed: {', '.join(_PACKINGS)}."
        raise BadInput(f"holds no {kind or 'table'}.", where=str(path), mend=mend)
    return named or fitting


def choose_tables(path: Path, needed: Collection[str]) -> list[Path]:
    """The file, or the CSV and Parquet files of a folder that have some columns, in the order of their names.

    Raises:
        BadInput: nothing there, or no file with these columns.
    """
    found = choose_files(path, "", _TABLES)
    if path.is_file():
        return found
    fitting = [each for each in found if set(needed) <= set(_list_columns(each))]
    if not fitting:
        shown = ", ".join(each.name for each in found[:20])
        mend = f"Looked into: {shown}. Expected columns: {', '.join(needed)}."
        raise BadInput("holds no file with the columns of this kind.", where=str(path), mend=mend)
    return fitting


def _list_columns(path: Path) -> list[str]:
    """The columns of a table, as far as they can be read."""
    with ByteStream(path, Meter([path])) as stream:
        if not stream.start.startswith(MAGIC):
            return list_columns(stream)
    return read_columns(path)


def _ending(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix in _PACKINGS else path.suffix
