"""A disk that is well in this process, and fails in others while a file says so."""

import errno
import os
import threading
from pathlib import Path

from waypost.engines.local.disk import Disk


class SickElsewhere(Disk):
    """Fails in the threads that work in other processes; what opens there, in their main thread, is let be."""

    def __init__(self, sickness: Path) -> None:
        """While `sickness` is a file, its text is the name of the error."""
        self._sickness = sickness
        self._well_in = os.getpid()

    def write(self, fd: int, data: bytes | memoryview) -> None:
        self._fail()
        super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._fail()
        super().sync(fd)

    def _fail(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if os.getpid() != self._well_in and not is_main and self._sickness.exists():
            code = getattr(errno, self._sickness.read_text())
            raise OSError(code, os.strerror(code))
