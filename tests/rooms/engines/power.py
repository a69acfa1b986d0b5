"""A disk whose power can be cut: what was not synced is there, or half there, or not, as chance has it."""

import os
import random
import shutil
import threading
from pathlib import Path

from waypost.engines.local.disk import Disk

_PAGE = 512


class CutDisk(Disk):
    """Notes at every sync what is safe from then on; `cut` then makes a folder as a power cut could have left it.

    Of a file that was synced, the bytes of that moment are safe; of a folder that was synced, the names in it. What
    came later is drawn: each name and each page of each file may have got to the disk or not, in any order, as
    file systems only promise what was synced.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._bytes: dict[int, bytes] = {}  # of files, by inode
        self._names: dict[Path, dict[str, int]] = {}  # in folders
        self._held: dict[int, int] = {}  # open files, so that their inodes are not used again
        for path in home.rglob("*"):  # what is there at first is safe
            if path.is_dir():
                self._names[path] = _names_in(path)
            else:
                with path.open("rb") as file:
                    self._note_file(file.fileno())

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self._note_file(fd)

    def cut(self, fd: int, size: int) -> None:
        super().cut(fd, size)
        self._note_file(fd)

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        with self._lock:
            self._names[folder] = _names_in(folder)

    def cut_power(self, target: Path, rng: random.Random) -> None:
        """What is on disk if the power goes now; writers may go on meanwhile, it does not touch them."""
        with self._lock:
            target.mkdir()
            for folder in [path for path in [self._home, *self._home.rglob("*")] if path.is_dir()]:
                self._draw_folder(folder, target / folder.relative_to(self._home), rng)

    def close(self) -> None:
        """Let go of the files."""
        for fd in self._held.values():
            os.close(fd)

    def _note_file(self, fd: int) -> None:
        with self._lock:
            found = os.fstat(fd)
            if found.st_ino not in self._held:
                self._held[found.st_ino] = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
            self._bytes[found.st_ino] = os.pread(self._held[found.st_ino], found.st_size, 0)

    def _draw_folder(self, folder: Path, target: Path, rng: random.Random) -> None:
        target.mkdir(exist_ok=True)
        now, safe = _names_in(folder), self._names.get(folder, {})
        for name in sorted(now.keys() | safe.keys()):
            inode = now.get(name) if now.get(name) == safe.get(name) else rng.choice([now.get(name), safe.get(name)])
            if inode is not None:
                self._draw_file(folder / name, inode, target / name, rng)

    def _draw_file(self, path: Path, inode: int, target: Path, rng: random.Random) -> None:
        if path.suffix in ("", ".sqlite") and path.parent == self._home:  # locks, formats, records: not ours to test
            if path.exists():
                shutil.copy(path, target)
            return
        safe = self._bytes.get(inode, b"")
        now = safe
        if path.exists() and path.stat().st_ino == inode:
            now = path.read_bytes()
        elif inode in self._held:
            now = os.pread(self._held[inode], os.fstat(self._held[inode]).st_size, 0)
        size = rng.choice([len(safe), len(now), rng.randint(*sorted((len(safe), len(now))))])
        drawn = bytearray(size)
        drawn[: min(size, len(safe))] = safe[:size]
        for start in range(0, size, _PAGE):
            page = slice(start, min(start + _PAGE, size))
            if now[page] != drawn[page] and rng.random() < 0.5 and len(now[page]) == page.stop - page.start:
                drawn[page] = now[page]
        target.write_bytes(drawn)


def _names_in(folder: Path) -> dict[str, int]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.inode() for entry in entries if entry.is_file(follow_symlinks=False)}
