"""Who has a home: a lock on one of its files, in which the processes that hold it are named."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from waypost.model.errors import HomeInUse

_LEAVING_S, _LEAVING_LOOK_S = 10.0, 0.02


class Lock:
    """The file that says which process has a home. The lock goes with the process, however it ends.

    Its lines are the pids of that process and of its indexer, which inherits the file, and so holds the lock too.

    Attributes:
        fd: the file, open.
    """

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        until_s = time.monotonic() + _LEAVING_S
        while not self._try():
            pid, indexer = _read_holders(self.fd)
            is_gone = not pid or _is_gone(pid)  # then its indexer is about to end too
            if is_gone and time.monotonic() < until_s:
                time.sleep(_LEAVING_LOOK_S)
                continue
            os.close(self.fd)
            if is_gone:
                raise HomeInUse(
                    f"{path.parent} is in use: its process is gone, but the one that indexed for it"
                    f"{f' ({indexer})' if indexer else ''} still runs.",
                    mend="End that process first, or give another home (WAYPOST_HOME).",
                )
            raise HomeInUse(
                f"{path.parent} is in use by process {pid}.",
                mend="Stop that process first, or give another home (WAYPOST_HOME).",
            )
        note_holders(self.fd, os.getpid())

    def _try(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let others write."""
        os.ftruncate(self.fd, 0)
        os.close(self.fd)


def note_holders(fd: int, *pids: int) -> None:
    """Write down who holds the lock."""
    told = "".join(f"{pid}\n" for pid in pids).encode()
    os.ftruncate(fd, 0)
    os.pwrite(fd, told, 0)


def _read_holders(fd: int) -> tuple[str, str]:
    lines = os.pread(fd, 64, 0).decode(errors="replace").split()
    return lines[0] if lines else "", lines[1] if len(lines) > 1 else ""


def _is_gone(pid: str) -> bool:
    """Whether there is no process of that number any more, or only what is left of it until somebody takes note."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (ValueError, OverflowError, PermissionError):
        return False
    with suppress(OSError):  # Linux tells the state behind the name, which may hold anything
        return Path(f"/proc/{int(pid)}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    return False
