"""Segments: the files of the log, and the frames in them.

A segment is named by the position of its first scan and begins with a header; then come frames, each the scans that
were acknowledged together. All numbers are little-endian.

====================  =======================================================================
segment header        magic 8s, log format u16, scan format u16, first position u64, CRC-32 u32
frame header          magic 4s, scans u32, first position u64, length of the payload u64, CRC-32 u32
payload               parts, one behind the other, as `frames` has them
====================  =======================================================================

The check of a frame covers its header (less the check itself) and its payload.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from isal.isal_zlib import crc32

from waypost.engines.local.disk import store_errors
from waypost.engines.local.frames import decode_scans, list_parts
from waypost.model.errors import StoreDamaged, WrongFormat
from waypost.model.scans import SCAN_FORMAT, join_batches
from waypost.store.protocols import Frame

LOG_FORMAT = 2

_SEGMENT = struct.Struct("<8sHHQI")
_SEGMENT_MAGIC = b"waypost\n"
_FRAME = struct.Struct("<4sIQQI")
_FRAME_MAGIC = b"scan"
_CHECK = struct.Struct("<I")
_LOOK = 1 << 20
_ZEROS, _ZEROS_AT_END = 512, 8


class Mark(msgspec.Struct, frozen=True):
    """Where a frame lies.

    Attributes:
        position: of its first scan.
        rows: how many scans it holds.
        start: its offset in the file.
        stop: the offset behind it.
    """

    position: int
    rows: int
    start: int
    stop: int

    @property
    def end(self) -> int:
        """The position behind its last scan."""
        return self.position + self.rows


class Flaw(msgspec.Struct, frozen=True):
    """The first place in a segment where no whole frame begins, although the file goes on."""

    offset: int
    why: str


def segment_path(folder: Path, position: int) -> Path:
    """The file of the segment that begins at a position."""
    return folder / f"{position:020d}.seg"


def list_segments(folder: Path) -> list[Path]:
    """The segments in a folder, in the order of their positions.

    Raises:
        StoreDamaged: one of them is a folder.
        StoreError: the folder cannot be read; that is not to be taken for an empty one.
    """
    segments = []
    with store_errors(f"reading {folder}"), os.scandir(folder) as entries:
        for entry in entries:
            path = folder / entry.name
            if path.suffix == ".seg" and path.stem.isdigit() and len(path.stem) == 20:
                if not entry.is_file():
                    mend = "Move it away, and bring the file back from a copy of the home."
                    raise StoreDamaged(f"{path} is a folder, not a file.", mend=mend)
                segments.append(path)
    return sorted(segments)


def first_position(path: Path) -> int:
    """The position that a segment's name tells."""
    return int(path.stem)


def segment_header(position: int) -> bytes:
    """The first bytes of a segment."""
    head = _SEGMENT.pack(_SEGMENT_MAGIC, LOG_FORMAT, SCAN_FORMAT, position, 0)[: -_CHECK.size]
    return head + _CHECK.pack(crc32(head))


HEADER_SIZE = _SEGMENT.size


def check_header(path: Path, head: bytes) -> str | None:
    """What is wrong with the first bytes of a segment; None if nothing is.

    Raises:
        WrongFormat: a whole header of a format that this version does not read.
    """
    if len(head) < HEADER_SIZE:
        return "its header is cut short"
    magic, log_format, scan_format, position, check = _SEGMENT.unpack(head[:HEADER_SIZE])
    if magic != _SEGMENT_MAGIC or crc32(head[: HEADER_SIZE - _CHECK.size]) != check:
        return "its header is not what was written"
    if (log_format, scan_format) != (LOG_FORMAT, SCAN_FORMAT):
        raise WrongFormat(
            f"{path} has log format {log_format} with scan format {scan_format}; "
            f"this version reads {LOG_FORMAT} with {SCAN_FORMAT}.",
            mend="Open this home with the version of Waypost that wrote it, or a later one.",
        )
    return None if position == first_position(path) else f"its header says that it begins at {position}"


def encode_frame(position: int, rows: int, parts: Sequence[bytes]) -> bytes:
    """A frame of some parts, which hold so many scans together."""
    head = _FRAME.pack(_FRAME_MAGIC, rows, position, sum(map(len, parts)), 0)[: -_CHECK.size]
    check = crc32(head)
    for part in parts:
        check = crc32(part, check)
    return b"".join((head, _CHECK.pack(check), *parts))


def read_frame(path: Path, fd: int, mark: Mark) -> Frame:
    """The frame at a mark, its check made good.

    Raises:
        StoreDamaged: its bytes are not those that were written.
    """
    return Frame(mark.position, join_batches([frame.scans for frame in read_parts(path, fd, mark)]))


def read_parts(path: Path, fd: int, mark: Mark, position: int = 0) -> Iterator[Frame]:
    """The parts of the frame at a mark, from the one on that holds a position. What is read of it is read bit by bit.

    Raises:
        StoreDamaged: its bytes are not those that were written.
    """
    data = os.pread(fd, mark.stop - mark.start, mark.start)
    if not _is_whole(data):
        raise damaged(path, mark.start, "a frame's check does not match its bytes")
    at = mark.position
    try:
        parts = list_parts(memoryview(data)[_FRAME.size :])
        if sum(rows for rows, _ in parts) != mark.rows:
            raise StoreDamaged(f"Its parts do not hold the {mark.rows} scans that it has.")
        for rows, part in parts:
            scans = decode_scans(part) if at + rows > position else None
            if scans is not None:
                yield Frame(at, scans)
            at += rows
    except StoreDamaged as error:
        raise damaged(path, mark.start, f"a frame whose check is right cannot be read: {error.message}") from error


def _is_whole(data: bytes | memoryview) -> bool:
    if len(data) < _FRAME.size:
        return False
    magic, _, _, length, check = _FRAME.unpack_from(data)
    if magic != _FRAME_MAGIC or len(data) < _FRAME.size + length:
        return False
    view = memoryview(data)
    return bool(crc32(view[_FRAME.size : _FRAME.size + length], crc32(view[: _FRAME.size - _CHECK.size])) == check)


def hop(fd: int, *, offset: int, position: int, size: int) -> Iterator[Mark | Flaw]:
    """The marks of the frames between an offset and a size, read from their headers alone; a flaw ends them."""
    while offset < size:
        head = os.pread(fd, _FRAME.size, offset)
        if len(head) < _FRAME.size:
            yield Flaw(offset, "a frame's header is cut short")
            return
        magic, rows, first, length, _ = _FRAME.unpack(head)
        if magic != _FRAME_MAGIC or first != position or rows == 0:
            yield Flaw(offset, "no frame begins here")
            return
        stop = offset + _FRAME.size + length
        if stop > size:
            yield Flaw(offset, "a frame is cut short")
            return
        yield Mark(position, rows, offset, stop)
        offset, position = stop, position + rows


def verify(fd: int, position: int, *, offset: int = HEADER_SIZE) -> Iterator[Mark | Flaw]:
    """As `hop` over a whole file, or from a frame on, with every check made good."""
    for found in hop(fd, offset=offset, position=position, size=os.fstat(fd).st_size):
        if isinstance(found, Mark) and not _is_whole(os.pread(fd, found.stop - found.start, found.start)):
            yield Flaw(found.start, "a frame's check does not match its bytes")
            return
        yield found


def find_whole_frame(fd: int, offset: int) -> int | None:
    """The offset of the first whole frame at or behind an offset, wherever it begins."""
    size = os.fstat(fd).st_size
    while offset < size:
        window = os.pread(fd, _LOOK + len(_FRAME_MAGIC) - 1, offset)
        place = window.find(_FRAME_MAGIC)
        while place >= 0:
            start = offset + place
            head = os.pread(fd, _FRAME.size, start)
            if len(head) == _FRAME.size:
                stop = start + _FRAME.size + _FRAME.unpack(head)[3]
                if stop <= size and _is_whole(os.pread(fd, stop - start, start)):
                    return start
            place = window.find(_FRAME_MAGIC, place + 1)
        offset += _LOOK
    return None


def is_unfinished(tail: bytes) -> bool:
    """Whether what follows the last whole frame looks like an append that was broken off.

    Then it ends early, or has zeros where the file got its length, but not its bytes. No whole frame is like that.
    """
    if len(tail) < _FRAME.size or tail.endswith(bytes(_ZEROS_AT_END)) or bytes(_ZEROS) in tail:
        return True
    magic, _, _, length, _ = _FRAME.unpack_from(tail)
    return bool(magic == _FRAME_MAGIC and _FRAME.size + length > len(tail))


def damaged(path: Path, offset: int, why: str) -> StoreDamaged:
    """The error for bytes that are not what was written."""
    return StoreDamaged(
        f"{path}, byte {offset}: {why}.",
        mend="Bring this file back from a copy of the home; the other files are left as they are.",
    )
