"""The catalogue: which runs make up the index, and up to which position. One small file, always replaced as a whole."""

import os
import zlib
from pathlib import Path

import msgspec

from waypost.engines.local.disk import Disk, parse_json, read_json
from waypost.engines.local.start import mend_made
from waypost.model.errors import StoreDamaged

#: So many runs of one size become one of the next, which is as many times larger.
FAN = 16
#: A run from the log, or merged from such, stays raw up to so many scans.
RAW_ROWS = 1_000_000

_NAME = "CATALOGUE"
_SMALLEST = 256


class Listed(msgspec.Struct, frozen=True):
    """A run or a piece of history: its file, the positions it is about, how many scans it holds, if it is raw.

    `check` is the CRC-32 of a piece; a run checks itself.
    """

    name: str
    start: int
    end: int
    rows: int
    raw: bool = False
    check: int = 0

    @property
    def size_class(self) -> int:
        """Runs of one class are merged with each other."""
        size, rows = 0, max(self.end - self.start, 1)
        while rows >= _SMALLEST * FAN:
            size, rows = size + 1, rows // FAN
        return size


class Catalogue(msgspec.Struct, frozen=True):
    """All runs, oldest first; every scan below `position` is in them.

    Attributes:
        seed: of the hashes of the keys; see `keys`.
        made: of what kind the index is: its formats, key version, what changes tell. With another kind it is made anew.
        words: so many bytes of the file of words belong to it, and their CRC-32.
        changes: the files of changes, and so many bytes of each.
        changes_start: those before this position went with the log.
        turn: how often it went back to a position before; who looks on then reads all anew.
        next_name: of the next file.
        pieces: the files of history, oldest first; every scan of the runs that are not raw is in them.
    """

    seed: bytes
    made: str
    position: int = 0
    words: tuple[int, int] = (0, 0)
    changes: tuple[tuple[str, int], ...] = ()
    changes_start: int = 0
    turn: int = 0
    next_name: int = 0
    runs: tuple[Listed, ...] = ()
    pieces: tuple[Listed, ...] = ()


class _Checked(msgspec.Struct, frozen=True):
    """How the catalogue lies on disk: with the CRC-32 of its JSON, for one digit more or less would lose scans."""

    catalogue: msgspec.Raw
    check: int


def read_catalogue(folder: Path) -> Catalogue | None:
    """The catalogue of an index; None if there is none.

    Raises:
        StoreDamaged: it cannot be read.
    """
    path = folder / _NAME
    mend = mend_made(folder.parent, f"Remove the folder {folder}: it is made anew from the log.")
    if not path.exists():
        return None
    checked = read_json(path, _Checked, mend=mend)
    if zlib.crc32(checked.catalogue) != checked.check:
        raise StoreDamaged(f"{path} cannot be read: its check does not match its bytes.", mend=mend)
    catalogue = parse_json(bytes(checked.catalogue), path, Catalogue, mend=mend)
    ends = [0, *(run.end for run in catalogue.runs)]
    if any(run.start < end for run, end in zip(catalogue.runs, ends, strict=False)) or ends[-1] > catalogue.position:
        raise StoreDamaged(f"{path} cannot be read: its positions are in no order.", mend=mend)
    return catalogue


class Watch:
    """Tells when another catalogue has been put in the place of the one that there was."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._fd = os.open(self._path, os.O_RDONLY)  # while it is held open its number is not given to another file

    def is_over(self) -> bool:
        """Whether it was replaced."""
        return not os.path.samestat(os.fstat(self._fd), os.stat(self._path))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


def write_catalogue(folder: Path, catalogue: Catalogue, disk: Disk) -> None:
    """Put a catalogue in the place of the one before."""
    data = msgspec.json.encode(catalogue)
    disk.replace(folder / _NAME, msgspec.json.encode(_Checked(msgspec.Raw(data), zlib.crc32(data))))


def sync_catalogue(folder: Path, disk: Disk) -> None:
    """Return when the catalogue that is in the folder is on disk."""
    disk.sync_file(folder / _NAME)
    disk.sync_folder(folder)


def find_mergeable(runs: tuple[Listed, ...]) -> slice | None:
    """Runs that are to become one, if any: `FAN` side by side of one class, with smaller ones between or behind them.

    Raw runs become one with raw ones only: what they hold is not in history yet.
    """
    for is_raw in (True, False):
        of_kind = [place for place, run in enumerate(runs) if run.raw == is_raw]
        largest = like = 0
        for count, place in enumerate(reversed(of_kind), 1):
            size = runs[place].size_class
            largest, like = (size, 1) if size > largest else (largest, like + (size == largest))
            is_front = count == len(of_kind) or runs[of_kind[-count - 1]].size_class > largest
            if like >= FAN and is_front:
                start, stop = place, of_kind[-1] + 1
                if is_raw and sum(run.rows for run in runs[start:stop]) >= RAW_ROWS:
                    start = of_kind[0]  # no raw run stays before a packed one
                return slice(start, stop)
    return None
