"""What is asked of the file system, in one place, so that what was promised is on disk and tests can make it fail."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from waypost.model.decoding import decode
from waypost.model.errors import StorageFull, StoreDamaged, StoreError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

T = TypeVar("T")


class Disk:
    """Writes and syncs. Every error comes out as `OSError`."""

    def write(self, fd: int, data: bytes | memoryview) -> None:
        """Write all of it at the place of the file."""
        rest = memoryview(data)
        while rest.nbytes:
            rest = rest[os.write(fd, rest) :]

    def sync(self, fd: int) -> None:
        """Return when what was written is on disk."""
        os.fdatasync(fd)

    def sync_file(self, path: Path) -> None:
        """Return when what is in a file is on disk."""
        fd = os.open(path, os.O_RDONLY)
        try:
            self.sync(fd)
        finally:
            os.close(fd)

    def cut(self, fd: int, size: int) -> None:
        """Let the file end there, on disk too."""
        os.ftruncate(fd, size)
        os.lseek(fd, size, os.SEEK_SET)
        os.fsync(fd)

    def sync_folder(self, folder: Path) -> None:
        """Return when the names of the files in it are on disk."""
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def replace(self, path: Path, data: bytes) -> None:
        """Put a whole file in place of another: after a crash there is the old one or the new one."""
        new = path.with_name(path.name + ".tmp")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            self.write(fd, data)
            self.sync(fd)
        finally:
            os.close(fd)
        new.replace(path)
        self.sync_folder(path.parent)


def is_full(error: OSError) -> bool:
    """Whether an error says that there is no room left."""
    return error.errno in _FULL


def store_error(error: OSError, doing: str) -> StoreError:
    """The error of ours for one of the file system."""
    if is_full(error):
        return StorageFull(f"No room left: {doing} failed ({error.strerror}).", mend="Make room; then it goes on.")
    if error.errno in _FORBIDDEN:
        mend = "Let the account that Waypost runs under read and write the home; nothing in it was changed."
        return StoreError(f"Not allowed: {doing} failed ({error}).", mend=mend)
    if error.errno == errno.EISDIR:
        mend = "Move it away, and bring the file back from a copy of the home if it held anything."
        where = error.filename or f"{doing} failed: what is there"
        return StoreDamaged(f"{where} is a folder, not a file.", mend=mend)
    return StoreError(f"The disk failed: {doing}: {error}.", mend="Look after the disk, then start again.")


@contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Let errors of the file system come out as ours."""
    try:
        yield
    except OSError as error:
        raise store_error(error, doing) from error


def read_json(path: Path, kind: type[T], *, mend: str) -> T:
    """What a small JSON file holds.

    Raises:
        StoreDamaged: it is no JSON, or not of that kind.
        StoreError: it cannot be read.
    """
    with store_errors(f"reading {path}"):
        data = path.read_bytes()
    return parse_json(data, path, kind, mend=mend)


def parse_json(data: bytes, path: Path, kind: type[T], *, mend: str) -> T:
    """As `read_json`, from bytes that came from that file."""
    try:
        return decode(data, kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreDamaged(f"{path} cannot be read: {error}.", mend=mend) from error
