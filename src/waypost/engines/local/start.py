"""Where a log begins whose older segments went as the settings ask, and where these may still be.

The file ``start`` in the folder of the log is written before a segment goes. So a segment that is lost is told from one
that went, and a home whose log is not whole any more never throws away what is made from it.
"""

import zlib
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec

from waypost.engines.local.disk import Disk, read_json, store_errors
from waypost.engines.local.segments import first_position, list_segments
from waypost.model.errors import Gone, StoreDamaged, StoreError

#: The file that says it; a log that nothing went from has none.
START = "start"

_KEEP = (
    "Keep the folders index and history, for the log does not begin at scan 0 any more: bring both back from a backup. "
    "Where the older segments are all kept, name their folder (archive in [store]) and move index and history out of "
    "the home; they are then made anew."
)


class _Start(msgspec.Struct, frozen=True):
    """Everything from `start` on is to be there; with the CRC-32 of that number as text."""

    start: Annotated[int, msgspec.Meta(ge=0)]
    check: int


def read_start(folder: Path) -> int:
    """From which position on a log has to be whole.

    Raises:
        StoreDamaged: the file cannot be read.
    """
    path = folder / START
    if not path.exists():
        return 0
    mend = "Bring it back from a copy of the home."
    kept = read_json(path, _Start, mend=mend)
    if kept.check != _check(kept.start):
        raise StoreDamaged(f"{path} cannot be read: its check does not match.", mend=mend)
    return kept.start


def write_start(folder: Path, start: int, disk: Disk) -> None:
    """Say that what is below may be missing; on disk when this returns."""
    disk.replace(folder / START, msgspec.json.encode(_Start(start, _check(start))))


def refuse_gap(folder: Path, segments: list[Path]) -> None:
    """See that the segments of a log begin where it has to be whole.

    Raises:
        StoreDamaged: the ones before, or what says that they went, are lost.
    """
    if segments and first_position(segments[0]) > read_start(folder):
        raise StoreDamaged(
            f"{segments[0]}: the segments before it are missing, and {folder / START} does not say that they went.",
            mend=f"Bring these segments back into {folder}, from a copy of the home or from the archive; or bring "
            f"{START} back as it was last. Index and history are to be kept till then: they hold the scans.",
        )


def list_kept(folder: Path, archive: Path | None) -> list[Path]:
    """The segments of a log and, of its archive, those that are not in it any more, in the order of their positions.

    An archive that is not there has none.

    Raises:
        StoreDamaged: one of them is a folder, or where the log begins cannot be read.
        StoreError: a folder cannot be read, be it that of the log or the archive.
    """
    # In this order nothing is missed that goes meanwhile: it is in the archive and below the start before it goes.
    kept = list_segments(folder)
    start = read_start(folder)
    if not start or archive is None:
        return kept
    with store_errors(f"reading {archive}"):
        older = list_segments(archive) if archive.is_dir() else []
    paths = {path.name: path for path in older if first_position(path) < start}
    return sorted({**paths, **{path.name: path for path in kept}}.values(), key=first_position)


def gone(position: int, start: int, archive: Path | None) -> Gone:
    """The error for scans that are not kept any more."""
    where = f"{archive} does not have them" if archive else "no archive is named"
    return Gone(
        f"Scan {position} is not in the log any more: it went as the settings ask, and {where}. "
        f"There are scans from {start} on.",
        start=start,
        mend=f"Go on from there (after {start - 1}), or name the folder with the older segments (archive in [store]).",
    )


def mend_made(home: Path, otherwise: str) -> str:
    """What to do about damage of what is made from the log: as said, unless the log of this home is not whole."""
    return _KEEP if _is_short(home / "log") else otherwise


def _is_short(folder: Path) -> bool:
    """Whether a log does not begin at scan 0, so far as that can be told; `start` may be lost, or the segments."""
    if (folder / START).exists():
        return True
    with suppress(StoreError):  # there is another error to be told, and whoever needs the log tells this one
        return any(first_position(path) for path in list_segments(folder)[:1])
    return False


def _check(start: int) -> int:
    return zlib.crc32(str(start).encode())
