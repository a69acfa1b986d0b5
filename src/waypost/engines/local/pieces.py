"""Which Parquet files make up history, and up to which position: one small file, always replaced as a whole."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from waypost.engines.local.disk import Disk
from waypost.model.errors import StoreDamaged, WrongFormat
from waypost.model.scans import SCAN_FORMAT

HISTORY_FORMAT = 1
#: So many files of one size class become one of the next, which is as many times larger.
FAN = 8
#: No file grows beyond so many scans.
LARGEST = 32_000_000

_NAME = "MANIFEST"


class Piece(msgspec.Struct, frozen=True):
    """A file with the scans of some stretch of the log, sorted by number, carrier and instant.

    Attributes:
        start: the stretch begins at this position.
        end: and ends before this one.
        rows: how many scans are in the file: those of the stretch that had not come before.
    """

    start: int
    end: int
    rows: int

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.start:020d}-{self.end:020d}.parquet"


class Manifest(msgspec.Struct, frozen=True):
    """All files, in the order of their stretches; everything below `position` is in them."""

    position: int = 0
    pieces: tuple[Piece, ...] = ()
    format: int = HISTORY_FORMAT
    scan_format: int = SCAN_FORMAT


def read_manifest(folder: Path) -> Manifest:
    """What the folder holds; nothing if there is no manifest yet.

    Raises:
        StoreDamaged: the manifest cannot be read, or a file that it names is missing.
        WrongFormat: it has another format version.
    """
    path = folder / _NAME
    if not path.exists():
        return Manifest()
    mend = f"Remove the folder {folder}; it is made anew from the log."
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise StoreDamaged(f"{path} cannot be read: {error}.", mend=mend) from error
    if (manifest.format, manifest.scan_format) != (HISTORY_FORMAT, SCAN_FORMAT):
        raise WrongFormat(f"{path} has format {manifest.format}; this version reads {HISTORY_FORMAT}.", mend=mend)
    for piece in manifest.pieces:
        if not (folder / piece.name).exists():
            raise StoreDamaged(f"{folder / piece.name} is missing.", mend=mend)
    return manifest


def write_manifest(folder: Path, manifest: Manifest, disk: Disk) -> None:
    """Replace the manifest: after a crash there is the old one or the new one."""
    disk.replace(folder / _NAME, msgspec.json.encode(manifest))


def find_mergeable(pieces: Sequence[Piece]) -> slice | None:
    """The newest files that are to become one: `FAN` or more in a row, all of one size class or smaller."""
    classes = [max(piece.rows, 1).bit_length() // (FAN - 1).bit_length() for piece in pieces]
    for size_class in sorted(set(classes)):
        start = len(classes)
        while start and classes[start - 1] <= size_class:
            start -= 1
        if len(classes) - start >= FAN and sum(piece.rows for piece in pieces[start:]) <= LARGEST:
            return slice(start, len(classes))
    return None
