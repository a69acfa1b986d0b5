"""Which files a path means: the file itself, or those of a folder; and what text a file holds."""

from collections.abc import Collection
from pathlib import Path

from waypost.feeds.lines import BOM
from waypost.feeds.parquet import read_columns
from waypost.feeds.stream import ByteStream, Meter, is_folder, list_folder, size_of
from waypost.feeds.tables import list_columns
from waypost.model.errors import BadInput
from waypost.track.parquet import MAGIC

_TABLES = (".csv", ".parquet")
#: How packed files may end behind the ending of what they hold.
PACKINGS = (".gz", ".xz", ".zst")
#: Files of that name have one object a line, whatever their first line is.
_NDJSON = (".ndjson", ".jsonl")


def choose_files(path: Path, kind: str, endings: tuple[str, ...]) -> list[Path]:
    """The file, or the files of a folder in the order of their names.

    Of a folder those whose name begins with the kind (`scans-2026-11-22.ndjson.gz`) are taken, or, when there is none,
    all that end as such files do.

    Raises:
        BadInput: nothing there, or something that is no file bears such a name.
    """
    if not is_folder(path):
        return [path]
    fitting = [each for each in list_folder(path) if _ending(each) in endings]
    chosen = [each for each in fitting if each.name.startswith(kind)] or fitting
    if not chosen:
        mend = f"Files end in {', '.join(endings)}, and may be packed: {', '.join(PACKINGS)}."
        raise BadInput(f"holds no {kind or 'table'}.", where=str(path), mend=mend)
    for each in chosen:
        size_of(each)
    return chosen


def choose_tables(path: Path, needed: Collection[str]) -> list[Path]:
    """The file, or the CSV and Parquet files of a folder that have some columns, in the order of their names.

    Raises:
        BadInput: nothing there, or no file with these columns.
    """
    found = choose_files(path, "", _TABLES)
    if not is_folder(path):
        return found
    fitting = [each for each in found if set(needed) <= set(_list_columns(each))]
    if not fitting:
        shown = ", ".join(each.name for each in found[:20])
        mend = f"Looked into: {shown}. Expected columns: {', '.join(needed)}."
        raise BadInput("holds no file with the columns of this kind.", where=str(path), mend=mend)
    return fitting


def holds_objects(stream: ByteStream) -> bool:
    """Whether a text file holds JSON objects, one a line; if not, it is a table. The name tells it first.

    Raises:
        BadInput: it is one JSON array.
    """
    ending = _ending(stream.path)
    first = stream.start.removeprefix(BOM).lstrip()[:1]
    if ending in _NDJSON:
        return True
    if first == b"[":
        raise BadInput("is one JSON array.", where=stream.name, mend="Write one JSON object a line (NDJSON).")
    return first == b"{" or ending == ".json"


def _list_columns(path: Path) -> list[str]:
    """The columns of a table, as far as they can be read."""
    with ByteStream(path, Meter([path])) as stream:
        if not stream.start.startswith(MAGIC):
            return list_columns(stream)
    return read_columns(path)


def _ending(path: Path) -> str:
    name = Path(path.name.lower())
    return Path(name.stem).suffix if name.suffix in PACKINGS else name.suffix
