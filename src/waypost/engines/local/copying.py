"""Copies of files, on disk when they are made, whose bytes are counted and summed up."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from waypost.engines.local.disk import Disk
from waypost.engines.local.segments import damaged
from waypost.model.errors import StoreError

_AT_ONCE = 1 << 20

#: Is told how many bytes are done, and of how many.
Progress = Callable[[int, int], None]


class Meter:
    """Adds up what is done."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def add(self, size: int) -> None:
        """So many bytes more."""
        self._done += size
        if self._progress:
            self._progress(min(self._done, self._total), self._total)


def link_file(path: Path, copy: Path) -> None:
    """Give a file a second name."""
    try:
        copy.hardlink_to(path)
    except FileNotFoundError:  # it went, as others may have: no matter of links
        raise
    except OSError as error:
        raise StoreError(
            f"{path} cannot be linked to {copy} ({error.strerror}).",
            mend="Links need one file system that knows them; take the backup without --link.",
        ) from error


def copy_file(path: Path, copy: Path, size: int, meter: Meter, disk: Disk) -> None:
    """Copy the first bytes of a file into a new one."""
    with path.open("rb", buffering=0) as source:
        copy_open(source.fileno(), path, copy, size, meter, disk)


def copy_open(source: int, path: Path, copy: Path, size: int, meter: Meter, disk: Disk) -> None:
    """As `copy_file`, of a file that is open and whose name may be gone."""
    target = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        done = 0
        while done < size:
            data = os.pread(source, min(_AT_ONCE, size - done), done)
            if not data:
                raise damaged(path, done, "it has become shorter while it was read")
            disk.write(target, data)
            done += len(data)
            meter.add(len(data))
        disk.sync(target)
    finally:
        os.close(target)


def digest_of(path: Path, meter: Callable[[int], None] | None = None) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_AT_ONCE):
            digest.update(data)
            if meter:
                meter(len(data))
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """How many bytes a file has."""
    return path.stat().st_size
