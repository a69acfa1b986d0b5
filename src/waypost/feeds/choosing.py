"""Which files a path means: the file itself, or those of a folder."""

from pathlib import Path

from waypost.model.errors import BadInput

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
        shown = ", ".join(endings)
        raise BadInput(f"holds no {kind}", where=str(path), mend=f"Files end in {shown}, and may be packed: .gz, .xz, .zst.")
    return named or fitting


def _ending(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix in _PACKINGS else path.suffix
