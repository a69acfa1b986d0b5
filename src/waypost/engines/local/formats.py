"""``FORMAT``: in which format each part of a home is, and so which parts it once had."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec

from waypost.engines.local.disk import Disk, read_json
from waypost.engines.local.history import HISTORY_FORMAT
from waypost.engines.local.ledger import INDEX_FORMAT
from waypost.engines.local.segments import LOG_FORMAT, list_segments
from waypost.engines.local.start import mend_made
from waypost.model.errors import NotFound, StoreDamaged, WrongFormat

#: The parts and the format that this version writes. Those made from the log are made anew where they are older.
#: The records are the last part of a new home to be made; until then they are at 0, and they know their own revision.
FORMATS = {"home": 1, "log": LOG_FORMAT, "index": INDEX_FORMAT, "history": HISTORY_FORMAT, "records": 1}
RECORDS = "records.sqlite"
#: Copies of files lie here while they are taken.
INCOMING = "incoming"
#: As `track.files` names them; a folder that was there before the home may have others.
_COPIES = "waypost-*"
_DERIVED = ("index", "history")
_NAME = "FORMAT"
_Format = Annotated[int, msgspec.Meta(ge=0)]

Formats = dict[str, int]


def read_formats(path: Path, *, read_only: bool = False) -> Formats:
    """The formats of the home in a folder; nothing if there is no home yet.

    Raises:
        NotFound: reading only, and there is no home, or none that was ever made to the end.
        StoreDamaged: a part is lost that cannot be made anew, or is no folder.
        WrongFormat: another version wrote it; says what to do.
    """
    file = path / _NAME
    if not file.exists():
        parts = [name for name in ("log", *_DERIVED, RECORDS) if (path / name).exists()]
        if parts:
            mend = f"Bring {_NAME} back from a copy of the home, or take that of a new home of the same version."
            raise StoreDamaged(f"{path} holds {', '.join(parts)}, but no file {_NAME}.", mend=mend)
        if read_only:
            raise NotFound(f"There is no home in {path}.", mend="Give another one (WAYPOST_HOME), or import something.")
        return {}
    mend = "Bring it back from a copy of the home, or take that of a new home of the same version."
    kept = read_json(file, dict[str, _Format], mend=mend)
    _refuse_newer(path, kept)
    missing = [name for name in FORMATS if name not in kept and name != "records"]
    if missing:
        raise StoreDamaged(f"{file} cannot be read: it does not say the format of {', '.join(missing)}.", mend=mend)
    _refuse_older(path, kept, read_only)
    _refuse_misplaced(path)
    if "records" not in kept:  # as it was before they were counted among the parts
        kept["records"] = int(has_records(path) or bool((path / "log").exists() and list_segments(path / "log")))
    if kept["records"]:
        if not (path / "log").exists():
            mend = "Bring it back from a copy of the home. Keep index and history till then: they hold its scans."
            raise StoreDamaged(f"{path / 'log'} is missing.", mend=mend)
        _refuse_lost_records(path)
    elif read_only:
        raise NotFound(f"The home in {path} was never made to the end.", mend="Open it once for writing.")
    return kept


def has_records(path: Path) -> bool:
    """Whether there is anything in the file of the records."""
    file = path / RECORDS
    return file.is_file() and file.stat().st_size > 0


def make_parts(path: Path, kept: Formats, disk: Disk, refuse_anew: Callable[[str], None]) -> None:
    """Make the parts that are not there yet, and make room for those made from the log that are of an older format.

    Copies in `INCOMING` go: a process left them that did not come to its end.

    `refuse_anew` is told why, before these go, and may refuse.
    """
    older = [name for name in _DERIVED if name in kept and kept[name] < FORMATS[name]]
    if older:  # one names files of the other
        refuse_anew("; ".join(_told(path, name, kept[name]).removesuffix(".") for name in older))
        for name in _DERIVED:
            if (path / name).exists():
                shutil.rmtree(path / name)
    write_formats(path, {**FORMATS, "records": kept.get("records", 0)}, disk)
    for name in ("log", *_DERIVED):
        (path / name).mkdir(mode=0o700, exist_ok=True)
    (path / INCOMING).mkdir(mode=0o700, exist_ok=True)
    for left in (path / INCOMING).glob(_COPIES):
        shutil.rmtree(left)
    (path / RECORDS).touch(mode=0o600)
    disk.sync_folder(path)


def write_formats(path: Path, formats: Formats, disk: Disk) -> None:
    """Say which formats the parts are in, unless that is said already."""
    file, data = path / _NAME, msgspec.json.format(msgspec.json.encode(formats))
    if not file.exists() or file.read_bytes() != data:
        disk.replace(file, data)


def _refuse_lost_records(path: Path) -> None:
    """SQLite would make a new database in silence, and throw away what a file ``-wal`` beside it holds."""
    if has_records(path):
        return
    file = path / RECORDS
    how = "is a folder" if file.is_dir() else "is empty" if file.exists() else "is missing"
    raise StoreDamaged(
        f"{file} {how}: parcels, links, facilities and keys were in it.",
        mend="Bring it back from a copy of the home, with the files -wal and -shm that belong to it and no others. "
        f'To begin anew without, set "records" to 0 in {path / _NAME}: the scans stay, the rest has to be imported '
        "and made again.",
    )


def _refuse_misplaced(path: Path) -> None:
    for name in ("log", *_DERIVED):
        if (path / name).exists() and not (path / name).is_dir():
            mend = mend_made(path, "Move it away; the folder is made anew from the log.")
            if name not in _DERIVED:
                mend = "Move it away, and bring the folder back from a copy of the home."
            raise StoreDamaged(f"{path / name} is a file, not a folder.", mend=mend)


def _refuse_newer(path: Path, kept: Formats) -> None:
    for name, found in kept.items():
        if found > FORMATS.get(name, 0):
            raise WrongFormat(_told(path, name, found), mend="Open it with the version that wrote it, or a later one.")


def _refuse_older(path: Path, kept: Formats, read_only: bool) -> None:
    for name in FORMATS.keys() - {"records"}:
        if kept[name] < FORMATS[name] and name not in _DERIVED:
            mend = "Open it with the version that wrote it, export its scans, and import them into a new home."
            raise WrongFormat(_told(path, name, kept[name]), mend=mend)
        if kept[name] < FORMATS[name] and read_only:
            mend = mend_made(path, "Open it once for writing: this part is then made anew from the log.")
            raise WrongFormat(_told(path, name, kept[name]), mend=mend)


def _told(path: Path, name: str, found: int) -> str:
    return f"{path} has format {found} of its {name}; this version of Waypost reads {FORMATS.get(name, 0)}."
