"""Files as streams of bytes: unpacked as their content says (gzip, xz, zstd or plain), never whole at once.

A file that breaks off gives all that came before, and says that it did.
"""

import itertools
import lzma
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from waypost.model.errors import BadInput

#: The most that is unpacked at once; a megabyte of zeros is packed in a thousand bytes.
BLOCK = 1 << 17
_PACKED_BLOCK = 1 << 16
#: Bytes to unpack at once where the stream is damaged, so that little before the damage is lost with it.
_CAREFUL = 1 << 12
#: Enough for every preset of xz; a file may ask for more than the machine has.
_XZ_MEMORY = 1 << 28

#: Packings that are not read: how their files begin (bzip2: its level, then a block or, if it is empty, the end).
_BZIP2 = tuple(b"BZh%d" % level + mark for level in range(1, 10) for mark in (b"1AY&SY", b"\x17rE8P\x90"))
_FOREIGN_PACKINGS = (
    ((b"PK\x03\x04",), "a zip archive", "Unpack it and give its folder."),
    ((b"7z\xbc\xaf\x27\x1c",), "a 7z archive", "Unpack it and give its folder."),
    (_BZIP2, "packed with bzip2", "Unpack it, or pack it with gzip, xz or zstd."),
)

MEND_CUT = "Fetch the file again and import it once more; what is known already is not taken twice."

Read = Callable[[], bytes]


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


class _BrokenError(Exception):
    """The packed stream cannot be read on; the text says how it broke."""


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
            head = self._file.peek(6)[:6]
            self.packing, unpack = _packing_of(head)
            self._blocks = self._until_broken(unpack(self._read))
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
            data = self._file.read(_PACKED_BLOCK)
        except OSError as error:
            raise _unreadable(self.path, error) from None
        self.meter.read += len(data)
        return data

    def _until_broken(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from (block for block in blocks if block)
        except _BrokenError as error:
            self.cut = str(error)

    def _refuse_strangers(self) -> None:
        if not self.start:
            state = f"holds nothing that can be read: {self.cut}" if self.cut else "is empty"
            raise BadInput(f"the file {state}", where=self.name)
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


def _packing_of(head: bytes) -> tuple[str, Callable[[Read], Iterator[bytes]]]:
    if head.startswith(b"\x1f\x8b"):
        return "gzip", _unpack_gzip
    if head == b"\xfd7zXZ\x00":
        return "xz", _unpack_xz
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd", _unpack_zstd
    return "", lambda read: iter(read, b"")


def _unpack_gzip(read: Read) -> Iterator[bytes]:
    data = read()
    while data:
        engine = zlib.decompressobj(wbits=31)
        while not engine.eof:
            before = engine.copy()
            try:
                block = engine.decompress(data, BLOCK)
            except zlib.error:
                yield from _last_good(before, data)
                raise _BrokenError("the gzip stream is damaged") from None
            if not data and not block:
                raise _BrokenError("the gzip stream ends early")
            yield block
            data = engine.unconsumed_tail or (b"" if engine.eof else read())
        data = (engine.unused_data or read()).lstrip(b"\0")


def _last_good(engine: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """What can be had of a damaged piece before the damage."""
    while True:
        try:
            block = engine.decompress(data, _CAREFUL)
        except zlib.error:
            return
        data = engine.unconsumed_tail
        yield block


def _unpack_xz(read: Read) -> Iterator[bytes]:
    data = read()
    while data:
        engine = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        while not engine.eof:
            try:
                yield engine.decompress(data, _CAREFUL << 2)
            except lzma.LZMAError as error:
                raise _BrokenError(f"the xz stream is damaged ({str(error)[:60]})") from None
            data = b""
            if engine.needs_input and not engine.eof and not (data := read()):
                raise _BrokenError("the xz stream ends early")
        data = (engine.unused_data or read()).lstrip(b"\0")


class _Packed:
    """The packed bytes as the file that Arrow wants."""

    closed = False

    def __init__(self, read: Read) -> None:
        self._next, self._rest = read, b""

    def read(self, size: int) -> bytes:
        data = self._rest or self._next()
        self._rest = data[size:]
        return data[:size]

    def close(self) -> None:
        self.closed = True


def _unpack_zstd(read: Read) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(_Packed(read), "r"), "zstd") as stream:
        while True:
            try:
                block = stream.read(_CAREFUL << 2)
            except OSError as error:
                state = "ends early" if "Truncated" in str(error) else f"is damaged ({str(error)[:60]})"
                raise _BrokenError(f"the zstd stream {state}") from None
            if not block:
                return
            yield block
