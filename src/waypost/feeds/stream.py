"""Files as streams of bytes: unpacked as their content says (gzip, xz, zstd or plain), never whole at once.

A file that breaks off gives all that came before, and says that it did.
"""

import itertools
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from waypost.model.errors import BadInput
from waypost.track.unpacking import FILE_WINDOW_LOG, Damaged, Unpacking

#: The most that is read at once, and the most that is unpacked: little before a damage is lost with it.
BLOCK, _PIECE = 1 << 16, 1 << 14

#: Merchants and carriers hand in files; `waypost import` reads folders too.
MEND_ARCHIVE = "Unpack it, and give each file that was in it by itself; where folders are read, all of them at once."
#: Packings that are not read: how their files begin (bzip2: its level, then a block or, if it is empty, the end).
_BZIP2 = tuple(b"BZh%d" % level + mark for level in range(1, 10) for mark in (b"1AY&SY", b"\x17rE8P\x90"))
_FOREIGN_PACKINGS = (
    ((b"PK\x03\x04",), "a zip archive", MEND_ARCHIVE),
    ((b"7z\xbc\xaf\x27\x1c",), "a 7z archive", MEND_ARCHIVE),
    (_BZIP2, "packed with bzip2", "Unpack it, or pack it with gzip, xz or zstd."),
)

MEND_CUT = "Fetch the file again and import it once more; what is known already is not taken twice."


class Meter:
    """How much of some files has been read, as a share of their bytes on disk.

    Raises:
        BadInput: one of them cannot be read.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.read = 0
        self.total = sum(size_of(path) for path in paths)

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(self.read / self.total, 1.0) if self.total else 1.0


class ByteStream:
    """One open file, unpacked.

    Attributes:
        path: the file.
        name: the file as messages name it.
        packing: `gzip`, `xz`, `zstd`, or "" for a plain file.
        start: the first unpacked bytes, to tell the kind of the content by.
        cut: when all has been read, how the file broke off; None if it is whole.

    Raises:
        BadInput: the file is missing, empty, or cannot be read as a stream of text.
    """

    def __init__(self, path: Path, meter: Meter) -> None:
        size_of(path)
        self.path, self.name, self.meter = path, path.name, meter
        self.cut: str | None = None
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise _unreadable(path, error) from None
        try:
            self.packing = _packing_of(self._file.peek(6)[:6])
            self._blocks = self._unpack() if self.packing else iter(self._read, b"")
            self.start = next(self._blocks, b"")
            self._refuse_strangers()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def blocks(self) -> Iterator[bytes]:
        """All bytes, once, at most `BLOCK` at a time."""
        return itertools.chain((self.start,), self._blocks)

    def _read(self) -> bytes:
        try:
            data = self._file.read(BLOCK)
        except OSError as error:
            raise _unreadable(self.path, error) from None
        self.meter.read += len(data)
        return data

    def _unpack(self) -> Iterator[bytes]:
        unpacking = Unpacking(self.packing, _PIECE, window_log=FILE_WINDOW_LOG)
        try:
            for packed in iter(self._read, b""):
                yield from unpacking.pieces(packed)
            unpacking.finish()
        except Damaged as error:
            self.cut = error.message

    def _refuse_strangers(self) -> None:
        if not self.start:
            state = f"holds nothing that can be read: {self.cut}" if self.cut else "is empty"
            raise BadInput(f"the file {state}", where=self.name, mend="See that it was saved or fetched whole.")
        for magics, kind, mend in _FOREIGN_PACKINGS:
            if self.start.startswith(magics):
                raise BadInput(f"is {kind}.", where=self.name, mend=mend)
        if self.start.startswith((b"\xff\xfe", b"\xfe\xff")) and self.start[2:4] != b"\xff\xff":
            raise BadInput("is UTF-16 text.", where=self.name, mend="Save it as UTF-8.")


def size_of(path: Path) -> int:
    """How many bytes a file has.

    Raises:
        BadInput: it is no file, or nothing can be known of it.
    """
    if is_folder(path):
        raise BadInput("is a folder where a file is needed", where=str(path))
    return path.stat().st_size


def is_folder(path: Path) -> bool:
    """Whether it is a folder; if not, it is a file.

    Raises:
        BadInput: it is neither, with what it is.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        reason = "is a link to what is not there" if path.is_symlink() else "no such file or folder"
        raise BadInput(reason, where=str(path)) from None
    except (OSError, ValueError) as error:  # a name with a NUL in it is a ValueError
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
        return stat.S_ISDIR(mode)
    kind = next((words for is_kind, words in _STRANGERS if is_kind(mode)), "is no file")
    raise BadInput(f"{kind}.", where=str(path), mend="Give a file: some are read more than once.")


_STRANGERS = (
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)


def list_folder(path: Path) -> list[Path]:
    """What is in a folder, by name.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        return sorted(path.iterdir())
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError | ValueError) -> BadInput:
    reason = error.strerror if isinstance(error, OSError) else None
    return BadInput(f"cannot be read: {reason or error}", where=str(path))


def _packing_of(head: bytes) -> str:
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head == b"\xfd7zXZ\x00":
        return "xz"
    is_skippable = head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5  # what `pzstd` begins with
    return "zstd" if head.startswith(b"\x28\xb5\x2f\xfd") or is_skippable else ""
