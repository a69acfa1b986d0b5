"""Watched folders: a carrier puts files there, and finds them again under `done` or `refused`.

Whoever may write into such a folder may not lead us elsewhere: links are never followed, neither to files nor to the
folders beside them, and a file is copied before it is read, so that nobody changes it meanwhile.
"""

import contextlib
import datetime as dt
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from waypost.model.errors import WaypostError
from waypost.track.files import Filed, Files, legible
from waypost.track.pushes import Outcome

DONE, REFUSED = "done", "refused"
#: A folder is looked at so often, and a file is left alone while it was written to so lately.
LOOK_S, SETTLED_S = 3.0, 2.0
#: A file that could not be taken or put away is tried again after this.
AGAIN_S = 600.0
#: A larger file is for `waypost import`.
MOST_BYTES = 256 << 20
#: In bytes; file systems have 255, of which a day, a count and an ending want some.
_LONGEST_NAME = 200
_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload", ".swp")


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A folder, and whose scans are put there."""

    account: str
    carrier: str
    path: Path


class Leave(Exception):
    """The server stops: the file stays where it is."""


class _State(msgspec.Struct, frozen=True):
    """By which a file is known again, and is seen to grow."""

    inode: int
    size: int
    written_ns: int


def _state_of(told: os.stat_result) -> _State:
    return _State(told.st_ino, told.st_size, told.st_mtime_ns)


class Folder:
    """One watched folder.

    Args:
        files: takes what is found.
        clock: now, in UTC milliseconds.
        pause: called while a file is read, to wait until the index has got on; may raise `Leave`.
        tell: told in words what cannot be done, with the name of the file.
    """

    def __init__(
        self,
        watched: Watched,
        files: Files,
        clock: Callable[[], int],
        pause: Callable[[], None] = lambda: None,
        tell: Callable[[str, str], None] = lambda why, name: None,
    ) -> None:
        self.watched = watched
        self._files = files
        self._clock = clock
        self._pause = pause
        self._tell_of = tell
        self._seen: dict[str, _State] = {}
        self._later: dict[str, tuple[_State, float]] = {}
        self._told: set[str] = set()

    def look(self) -> list[Filed]:
        """Take every file that is whole: one that is as it was at the look before, and was not written to lately."""
        taken: list[Filed] = []
        try:
            folder = os.open(self.watched.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            self._tell_once(f"the folder cannot be read: {error.strerror}", str(self.watched.path))
            return taken
        try:
            there = dict(self._list(folder))
            try:
                for name, state in sorted(there.items()):
                    # a stamp of the future is of another machine's clock, and says nothing of how long ago it was
                    lately = 0 <= self._clock() * 1_000_000 - state.written_ns < SETTLED_S * 1e9
                    if self._seen.get(name) == state and not lately and not self._waits(name, state):
                        taken += self._take(folder, name, state)
            finally:
                self._seen = there
                self._later = {name: each for name, each in self._later.items() if name in there}
        finally:
            os.close(folder)
        return taken

    def _waits(self, name: str, state: _State) -> bool:
        """Whether a file failed lately, and is as it was then."""
        failed, until_ms = self._later.get(name, (None, 0.0))
        return failed == state and self._clock() < until_ms

    def _list(self, folder: int) -> Iterator[tuple[str, _State]]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith((".", "~$")) or entry.name.lower().endswith(_UNFINISHED):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    told = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(told.st_mode):
                        yield entry.name, _state_of(told)
                    elif not stat.S_ISDIR(told.st_mode):
                        self._tell_once("is no plain file, and is not read", entry.name)

    def _take(self, folder: int, name: str, state: _State) -> list[Filed]:
        try:
            with self._files.make_room(Path(name).suffix) as copy:
                why = self._copy(folder, name, copy)
                if why:
                    self._put_away(folder, name, state, REFUSED, ".why.txt", why.encode())
                    return []
                filed = self._files.take(
                    copy,
                    name=name,
                    carrier=self.watched.carrier,
                    source=self.watched.account,
                    now_ms=self._clock(),
                    pause=self._pause,
                )
                if filed.outcome is Outcome.UNREADABLE:
                    self._put_away(folder, name, state, REFUSED, ".why.txt", f"{filed.why}\n".encode())
                else:
                    self._put_away(folder, name, state, DONE, ".refused.csv", self._files.write_up(copy, filed))
                return [filed]
        except WaypostError as error:  # of ours, such as a full disk: it is tried again at the next look
            self._tell(str(error), name)
        except Leave:
            raise
        except Exception as error:  # the other files go on; what is in this one may be kept already
            self._later[name] = state, self._clock() + AGAIN_S * 1000
            why = f"put away: {error.strerror}" if isinstance(error, OSError) else f"taken: {type(error).__name__}"
            self._tell(f"cannot be {why}; it is tried again in {AGAIN_S / 60:g} min", name)
        return []

    def _copy(self, folder: int, name: str, to: Path) -> str:
        """Copy a file; or why it is not taken."""
        with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
            told = os.fstat(file.fileno())
            if not stat.S_ISREG(told.st_mode):
                raise OSError(0, "is no plain file")
            if told.st_size > MOST_BYTES:
                return f"is larger than {MOST_BYTES >> 20} MiB. Split it, or have it imported by `waypost import`.\n"
            with to.open("wb") as copy:
                shutil.copyfileobj(file, copy)
        return ""

    def _put_away(self, folder: int, name: str, state: _State, where: str, ending: str, report: bytes) -> None:
        """Move a file below a name that nobody has yet, with a report beside it; one that was changed since stays."""
        if _state_of(os.stat(name, dir_fd=folder, follow_symlinks=False)) != state:
            self._tell("was changed while it was read: it is read again", name)
            return
        with contextlib.suppress(FileExistsError):
            os.mkdir(where, dir_fd=folder)
        beside = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            free = _free_name(beside, name, ending, self._clock())
            if report:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                with open(os.open(f"{free}{ending}", flags, 0o640, dir_fd=beside), "wb") as file:
                    file.write(report)
            os.rename(name, free, src_dir_fd=folder, dst_dir_fd=beside)
        finally:
            os.close(beside)

    def _tell(self, why: str, name: str) -> None:
        self._tell_of(why, legible(name))

    def _tell_once(self, why: str, name: str) -> None:
        if name not in self._told:
            self._told.add(name)
            self._tell(why, name)


def _free_name(folder: int, name: str, ending: str, now_ms: int) -> str:
    day = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).strftime("%Y-%m-%d")
    there = set(os.listdir(folder))
    while len(os.fsencode(name)) >= _LONGEST_NAME:
        name = name[1:]
    free, count = f"{day} {name}", 1
    while free in there or f"{free}{ending}" in there:
        count += 1
        free = f"{day} ({count}) {name}"
    return free


class Watch:
    """Looks at some folders again and again, in a thread of its own, one file at a time."""

    def __init__(self, folders: list[Folder], stopping: threading.Event, tell: Callable[[str, str], None]) -> None:
        self._folders = folders
        self._stopping = stopping
        self._tell = tell
        self._thread = threading.Thread(target=self._run, name="folders", daemon=True)

    def start(self) -> None:
        """Begin; nothing happens if there is no folder."""
        if self._folders:
            self._thread.start()

    def stop(self) -> None:
        """Stop, and wait until what is under way is left."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            for folder in self._folders:
                try:
                    folder.look()
                except Leave:
                    return
                except Exception as error:  # the other folders go on
                    self._tell(f"looking failed: {error!r}", str(folder.watched.path))
