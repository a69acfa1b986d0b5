"""Changes on disk: for each parcel that a batch moved, which scan did it last, and what is worth telling of it.

A change does not repeat the scan: it names its position, and the log has it. Files are named by the position at which
they begin and hold chunks, one for each batch; all numbers are little-endian.

=======  ===========================================================================
chunk    magic 4s, rows u32, first position u64, end u64, packed u32, CRC-32 of the payload u32, CRC-32 of these u32
payload  steps of the positions, then the news, in byte planes, compressed by zstd
=======  ===========================================================================
The magic is `chg` and a digit: which of the records of `Fold.earlier_news`, or else of `Fold.news`, the news has.
"""

import bisect
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from isal.isal_zlib import crc32

from waypost.engines.local.arrays import I64, U8
from waypost.engines.local.disk import Disk
from waypost.engines.local.start import mend_made
from waypost.model.errors import StoreDamaged

CHANGES_FORMAT = 1
FILE_BYTES = 32 << 20

Files: TypeAlias = tuple[tuple[str, int], ...]

_CHUNK = struct.Struct("<4sIQQII")
_CHECK = struct.Struct("<I")
_HEAD_BYTES = _CHUNK.size + _CHECK.size
_CODEC = pa.Codec("zstd", 1)


class _Chunk(msgspec.Struct, frozen=True):
    path: Path
    offset: int
    rows: int
    start: int
    end: int
    packed: int
    record: int

    @property
    def stop(self) -> int:
        """The offset behind it."""
        return self.offset + _HEAD_BYTES + self.packed


class ChangeFiles:
    """Changes in the files of a folder. One thread appends and publishes, any may read.

    Attributes:
        files: the names of those that are published, and so many bytes of each.
    """

    def __init__(
        self,
        folder: Path,
        news: np.dtype[np.void],
        files: Files,
        disk: Disk,
        earlier: tuple[np.dtype[np.void], ...] = (),
    ) -> None:
        """`files` are those that are published, `earlier` the records that `Fold.earlier_news` says.

        Raises:
            StoreDamaged: one of the files is not what was written.
        """
        self.files: Files = ()
        self._folder = folder
        self._news = news
        self._records = (*earlier, news)
        self._magic = b"chg%d" % len(self._records)
        self._disk = disk
        self._lock = threading.Lock()
        self._chunks: list[_Chunk] = []
        self._pending: _Chunk | None = None
        self._gone: set[str] = set()
        self._fd: int | None = None
        self._name = ""
        self.read_on(files)

    def read_on(self, files: Files) -> None:
        """Show the chunks that another process has published since."""
        self.show(files, self.find(files))

    def find(self, files: Files) -> list[_Chunk]:
        """The chunks of some files, of which those behind what is known are looked for."""
        known, names = dict(self.files), {name for name, _ in files}
        found = [chunk for chunk in self._chunks if chunk.path.name in names]
        for name, size in files:
            found += self._list(self._folder / name, known.get(name, 0), size)
        return found

    def show(self, files: Files, chunks: list[_Chunk]) -> None:
        """Let what was found be read."""
        with self._lock:
            self._chunks, self.files = chunks, files

    def append(self, positions: I64, news: npt.NDArray[np.void], start: int, end: int) -> Files:
        """Write the changes of a batch; on disk when this returns. The positions ascend.

        Returns:
            `files` as they will be when this is published; until then nobody reads it, and the next one replaces it.
        """
        self._pending = None
        if not len(positions):
            return self.files
        steps = np.diff(positions, prepend=start).astype(np.uint32)
        packed = _CODEC.compress(_planes(steps) + _planes(news), asbytes=True)
        head = _CHUNK.pack(self._magic, len(positions), start, end, len(packed), crc32(packed))
        data = b"".join((head, _CHECK.pack(crc32(head)), packed))
        *before, (name, size) = self.files or (("", FILE_BYTES),)
        if size >= FILE_BYTES:
            before, name, size = list(self.files), f"{start:020d}.chg", 0
        fd = self._open(name, size)
        self._disk.write(fd, data)
        self._disk.sync(fd)
        record = len(self._records) - 1
        self._pending = _Chunk(self._folder / name, size, len(positions), start, end, len(packed), record)
        return (*before, (name, size + len(data)))

    def publish(self, files: Files) -> None:
        """Let what was appended be read, now that the catalogue names it."""
        with self._lock:
            if self._pending is not None:
                self._chunks.append(self._pending)
            self.files, self._pending = files, None

    def find_before(self, position: int) -> tuple[int, Files]:
        """The files that are left without those that hold only changes before a position, and where they begin."""
        starts = [int(Path(name).stem) for name, _ in self.files]
        first = max(bisect.bisect_right(starts, position) - 1, 0)
        return (starts[first] if first else 0), self.files[first:]

    def forget(self, files: Files) -> None:
        """Keep no others than these, which are the last."""
        names = {name for name, _ in files}
        with self._lock:
            gone = {name for name, _ in self.files} - names
            self._chunks = [chunk for chunk in self._chunks if chunk.path.name not in gone]
            self.files = files
        self._gone |= gone

    def kept(self, files: Files) -> Files:
        """Of files as they were when something was appended those that were not forgotten since."""
        return tuple(file for file in files if file[0] not in self._gone)

    def cut_back(self, position: int) -> Files:
        """Forget the changes from a position on, where a batch began: it comes again."""
        self._pending = None
        self._chunks = [chunk for chunk in self._chunks if chunk.start < position]
        self.files = tuple({chunk.path.name: chunk.stop for chunk in self._chunks}.items())
        return self.files

    def read(self, after: int, limit: int) -> tuple[I64, npt.NDArray[np.void]]:
        """Positions and news of the next changes behind a position.

        Raises:
            StoreDamaged: a chunk is not what was written.
        """
        with self._lock:
            chunks = [chunk for chunk in self._chunks if chunk.end > after + 1]
        positions, news, found = [np.empty(0, np.int64)], [np.empty(0, self._news)], 0
        for chunk in chunks:
            at, told = self._read(chunk)
            later = at > after
            positions.append(at[later])
            news.append(told[later])
            found += int(np.count_nonzero(later))
            if found >= limit:
                break
        return np.concatenate(positions)[:limit], np.concatenate(news)[:limit]

    def verify(self) -> None:
        """See that each chunk is what was written.

        Raises:
            StoreDamaged: one is not.
        """
        for chunk in self._chunks:
            self._payload(chunk)

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _read(self, chunk: _Chunk) -> tuple[I64, npt.NDArray[np.void]]:
        if not 0 <= chunk.record < len(self._records):
            raise _damaged(chunk.path, chunk.offset)
        packed, record = self._payload(chunk), self._records[chunk.record]
        size = chunk.rows * (4 + record.itemsize)
        raw = np.frombuffer(_CODEC.decompress(packed, size), np.uint8)
        steps = _unplaned(raw[: 4 * chunk.rows], np.dtype("<u4"))
        news = _unplaned(raw[4 * chunk.rows :], record)
        if record is not self._news:
            told, news = news, np.zeros(chunk.rows, self._news)
            for name in record.names or ():
                news[name] = told[name]
        return chunk.start + np.cumsum(steps, dtype=np.int64), news

    def _payload(self, chunk: _Chunk) -> bytes:
        """The payload of a chunk, its check made good."""
        try:
            fd = os.open(chunk.path, os.O_RDONLY)
        except FileNotFoundError:
            raise _damaged(chunk.path, chunk.offset) from None
        try:
            data = os.pread(fd, chunk.stop - chunk.offset, chunk.offset)
        finally:
            os.close(fd)
        packed = data[_HEAD_BYTES:]
        if len(data) < _HEAD_BYTES or crc32(packed) != _CHUNK.unpack_from(data)[5]:
            raise _damaged(chunk.path, chunk.offset)
        return packed

    def _list(self, path: Path, offset: int, size: int) -> Iterator[_Chunk]:
        """The chunks of a file from an offset on, which together have to reach just to its size."""
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise _damaged(path, offset) from None
        try:
            while offset < size:
                head = os.pread(fd, _HEAD_BYTES, offset)
                if len(head) < _HEAD_BYTES or _CHECK.unpack_from(head, _CHUNK.size)[0] != crc32(head[: _CHUNK.size]):
                    raise _damaged(path, offset)
                magic, rows, start, end, packed, _ = _CHUNK.unpack_from(head)
                if magic[:3] != b"chg" or not magic[3:].isdigit():
                    raise _damaged(path, offset)
                chunk = _Chunk(path, offset, rows, start, end, packed, int(magic[3:]) - 1)
                if chunk.stop > min(size, os.fstat(fd).st_size):
                    raise _damaged(path, offset)
                yield chunk
                offset = chunk.stop
        finally:
            os.close(fd)

    def _open(self, name: str, size: int) -> int:
        """The file to append to, without what an attempt before may have left behind its end."""
        if self._fd is None or self._name != name:
            self.close()
            self._name = ""
            self._fd = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
            self._disk.sync_folder(self._folder)
            self._name = name
        if os.fstat(self._fd).st_size != size:
            self._disk.cut(self._fd, size)
        os.lseek(self._fd, size, os.SEEK_SET)
        return self._fd


def _planes(values: npt.NDArray[np.generic]) -> bytes:
    table = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
    return table.T.tobytes()


def _unplaned(data: U8, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(data.reshape(kind.itemsize, -1).T).view(kind).reshape(-1)


def _damaged(path: Path, offset: int) -> StoreDamaged:
    mend = "Bring this file back from a copy of the home, or remove the folder index: it is made anew from the log."
    mend = mend_made(path.parent.parent, mend)
    return StoreDamaged(f"{path}, byte {offset}: a chunk of changes is not what was written.", mend=mend)
