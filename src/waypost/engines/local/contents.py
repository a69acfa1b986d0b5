"""Which Parquet files make up history, and up to which position: one small file, always replaced as a whole."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from waypost.engines.local.disk import Disk, parse_json, read_json, store_error
from waypost.model.errors import StoreDamaged, WrongFormat
from waypost.model.scans import SCAN_FORMAT

HISTORY_FORMAT = 2
#: So many files of one size class become one of the next, which is as many times larger.
FAN = 8
#: No file grows beyond so many scans.
LARGEST = 32_000_000

NAME = "CONTENTS"
_AT_ONCE = 1 << 20


class Stretch(msgspec.Struct, frozen=True):
    """A file with the scans of some stretch of the log, sorted by number, carrier and instant.

    Attributes:
        start: the stretch begins at this position.
        end: and ends before this one.
        rows: how many scans are in the file: those of the stretch that had not come before.
        bytes: the size of the file.
        check: the CRC-32 of the file.
    """

    start: int
    end: int
    rows: int
    bytes: int = 0
    check: int = 0

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.start:020d}-{self.end:020d}.parquet"


class Contents(msgspec.Struct, frozen=True):
    """All files, in the order of their stretches; everything below `position` is in them."""

    position: int = 0
    stretches: tuple[Stretch, ...] = ()
    format: int = HISTORY_FORMAT
    scan_format: int = SCAN_FORMAT


class _Checked(msgspec.Struct, frozen=True):
    """How the contents lie on disk: with the CRC-32 of their JSON, for one digit more or less would lose scans."""

    contents: msgspec.Raw
    check: int


def read_contents(folder: Path) -> Contents:
    """What the folder holds; nothing if it does not say so yet.

    Raises:
        StoreDamaged: that cannot be read, or a file that it names is missing or of another size.
        WrongFormat: it has another format version.
    """
    path, mend = folder / NAME, _mend(folder)
    if not path.exists():
        return Contents()
    checked = read_json(path, _Checked, mend=mend)
    if zlib.crc32(checked.contents) != checked.check:
        raise StoreDamaged(f"{path} cannot be read: its check does not match its bytes.", mend=mend)
    contents = parse_json(checked.contents, path, Contents, mend=mend)
    if (contents.format, contents.scan_format) != (HISTORY_FORMAT, SCAN_FORMAT):
        raise WrongFormat(f"{path} has format {contents.format}; this version reads {HISTORY_FORMAT}.", mend=mend)
    edges = [0, *(edge for each in contents.stretches for edge in (each.start, each.end)), contents.position]
    if edges != sorted(edges):
        raise StoreDamaged(f"{path} cannot be read: its positions are in no order.", mend=mend)
    for stretch in contents.stretches:
        size = _size(folder / stretch.name)
        if size != stretch.bytes:
            raise _damaged(folder, stretch, "is missing" if size is None else f"has {size} of {stretch.bytes} bytes")
    return contents


def write_contents(folder: Path, contents: Contents, disk: Disk) -> None:
    """Replace what the folder says that it holds: after a crash that is the old or the new."""
    raw = msgspec.Raw(msgspec.json.encode(contents))
    disk.replace(folder / NAME, msgspec.json.encode(_Checked(raw, zlib.crc32(raw))))


def check_stretch(folder: Path, stretch: Stretch) -> None:
    """Read a file from end to end.

    Raises:
        StoreDamaged: its bytes are not those that were written.
    """
    path = folder / stretch.name
    try:
        found = sum_up(path)
    except FileNotFoundError:
        raise _damaged(folder, stretch, "is missing") from None
    except OSError as error:
        raise store_error(error, f"reading {path}") from error
    if found != (stretch.bytes, stretch.check):
        raise _damaged(folder, stretch, "is not what was written: its check does not match its bytes")


def sum_up(path: Path) -> tuple[int, int]:
    """The size and the CRC-32 of a file."""
    size = check = 0
    with path.open("rb") as file:
        while data := file.read(_AT_ONCE):
            size, check = size + len(data), zlib.crc32(data, check)
    return size, check


def find_mergeable(stretches: Sequence[Stretch]) -> slice | None:
    """The newest files that are to become one: `FAN` or more in a row, all of one size class or smaller."""
    classes = [max(stretch.rows, 1).bit_length() // (FAN - 1).bit_length() for stretch in stretches]
    for size_class in sorted(set(classes)):
        start = len(classes)
        while start and classes[start - 1] <= size_class:
            start -= 1
        if len(classes) - start >= FAN and sum(stretch.rows for stretch in stretches[start:]) <= LARGEST:
            return slice(start, len(classes))
    return None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _mend(folder: Path) -> str:
    return f"Remove the folder {folder}; it is made anew from the log."


def _damaged(folder: Path, stretch: Stretch, why: str) -> StoreDamaged:
    return StoreDamaged(f"{folder / stretch.name} {why}.", mend=_mend(folder))
