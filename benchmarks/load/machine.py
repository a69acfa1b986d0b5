"""What a run costs the machine: this process and all that it started, and the files of a folder."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from waypost.engines.local.apart import INDEXER

_PROC = Path("/proc")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat behind the name: the times in user and system, its own and those of ended children.
_TIMES = slice(11, 15)


def cpu_s() -> float:
    """Seconds of CPU so far: of this process, of its children and theirs, running or ended."""
    ended = os.times()
    running = sum(map(cpu_s_of, list_children(os.getpid())))
    return time.process_time() + ended.children_user + ended.children_system + running


def rss_anon_mb() -> float:
    """Memory that is not a view of a file, in MiB, of this process and all below it."""
    return sum(rss_mb_of(pid, "RssAnon") for pid in (os.getpid(), *list_children(os.getpid())))


def list_children(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    try:
        threads = os.listdir(_PROC / str(pid) / "task")
    except (FileNotFoundError, ProcessLookupError):  # it ended in between
        return []
    children = [int(text) for each in threads for text in _read(_PROC / f"{pid}/task/{each}/children").split()]
    return children + [below for child in children for below in list_children(child)]


def list_indexers(pid: int) -> list[int]:
    """The processes below one that index for the home that it has."""
    return [child for child in list_children(pid) if INDEXER in _read(_PROC / str(child) / "cmdline")]


def list_files(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those in it."""
    return (path for path in folder.rglob("*") if path.is_file())


def folder_bytes(folder: Path) -> int:
    """The size of all files of a folder."""
    return sum(path.stat().st_size for path in list_files(folder))


def write_away(folder: Path) -> None:
    """Bring the files of a folder to the disk: only then can the page cache let go of them."""
    _each(folder, os.fsync)


def drop_page_cache(folder: Path) -> None:
    """Let the page cache forget the files of a folder, but what a process has mapped and looked at."""
    _each(folder, lambda fd: os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED))


def _each(folder: Path, act: Callable[[int], None]) -> None:
    for path in list_files(folder):
        fd = os.open(path, os.O_RDONLY)
        try:
            act(fd)
        finally:
            os.close(fd)


def cpu_s_of(pid: int) -> float:
    """Seconds of CPU so far of another process, and of its children that ended."""
    behind_name = _read(_PROC / str(pid) / "stat").rpartition(")")[2]  # a name may hold anything
    return sum(int(field) for field in behind_name.split()[_TIMES]) * _TICK_S


def rss_mb_of(pid: int, *kinds: str) -> float:
    """Memory of a process in MiB, of some kinds: `RssAnon`, `RssFile`, `RssShmem`."""
    told = (line.split() for line in _read(_PROC / str(pid) / "status").splitlines())
    return sum(int(words[1]) for words in told if words[0].rstrip(":") in kinds) / 1024


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):  # it ended in between
        return ""
