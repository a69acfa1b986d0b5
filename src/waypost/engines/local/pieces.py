"""Which Parquet files make up history, and up to which position: one small file, always replaced as a whole."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from waypost.engines.local.disk import Disk, store_error
from waypost.model.errors import StoreDamaged, StoreError, WrongFormat
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
        why = _flaw(folder / piece.name, piece, whole=False)
        if why:
            raise _damaged(folder, piece, why)
    return manifest


def find_damage(folder: Path, pieces: Sequence[Piece]) -> StoreError | None:
    """The error for the first file that cannot be read from end to end; None if all can. Reads them all."""
    try:
        for piece in pieces:
            why = _flaw(folder / piece.name, piece, whole=True)
            if why:
                return _damaged(folder, piece, why)
    except StoreError as error:
        return error
    except MemoryError:  # then it cannot be told
        return None
    return None


def _flaw(path: Path, piece: Piece, *, whole: bool) -> str | None:
    """What is wrong with a file, by its footer or by all of it."""
    try:
        with pq.ParquetFile(path) as file:
            rows = int(file.metadata.num_rows)
            if rows != piece.rows:
                return f"holds {rows} scans instead of {piece.rows}"
            for _ in file.iter_batches() if whole else ():
                pass
    except FileNotFoundError:
        return "is missing"
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        # What cannot be decoded may be an OSError too, then without a number.
        if isinstance(error, OSError) and error.errno is not None:
            raise store_error(error, f"reading {path}") from error
        told = str(error).partition("\n")[0].rstrip(".")
        return f"cannot be read: {told}"
    return None


def _damaged(folder: Path, piece: Piece, why: str) -> StoreDamaged:
    mend = f"Remove the folder {folder}; it is made anew from the log."
    return StoreDamaged(f"{folder / piece.name} {why}.", mend=mend)


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
