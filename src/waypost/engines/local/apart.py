"""The indexer as the process that has the home sees it: begun, told how far the log has come, begun again.

The two speak over a socket; what each says is pickled.

====================  =====================================================================================
the home's process    `Job`: once. A position: everything below is acknowledged. `Stop`: the log is closed.
the indexer           an error: it could not open them, and ends. `Opened`: once. `Work`: how it goes.
====================  =====================================================================================
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from waypost.engines.local.changes import CHANGES_FORMAT
from waypost.engines.local.disk import Disk
from waypost.engines.local.follow import Told, as_store_error
from waypost.engines.local.formats import FORMATS
from waypost.engines.local.keys import KEY_VERSION
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.lock import note_holders
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.retention import Retention
from waypost.engines.local.runs import RUN_FORMAT
from waypost.model.errors import StoreError, WaypostError
from waypost.store.fold import Fold

#: The program that an indexer runs.
INDEXER = "waypost.engines.local.indexer"

#: What failed if it ended by itself. Who waits for what it does may go on waiting: another one is begun.
_RUNNING = "running the indexer"

_FIRST_PATIENCE_S, _LAST_PATIENCE_S = 0.2, 30.0
_WELL_S = 60.0
_LOOK_S = 60.0
#: So long it may take to keep what makes the next opening quick.
_CLOSING_S = 60.0
_ENDING_S = 5.0


class Job(msgspec.Struct, frozen=True):
    """What an indexer is given: all but the log's position as `open_home` has it."""

    path: Path
    fold: Fold
    states_bytes: int
    memory_limit: str
    retention: Retention
    disk: Disk


class Opened(msgspec.Struct, frozen=True):
    """Index and history are open. `rebuilding` is as in `Ledger`."""

    rebuilding: str | None


class Work(msgspec.Struct, frozen=True):
    """Some work, as `follow.Told` names it, got on, or failed."""

    name: str
    error: StoreError | None = None


class Stop(msgspec.Struct, frozen=True):
    """Follow up to the end of the log for at most so long, then end."""

    within_s: float


def version_here() -> str:
    """What is installed. A process that goes on while another version takes its place cannot work with that one."""
    return f"{version('waypost')} {FORMATS} {RUN_FORMAT} {CHANGES_FORMAT} {KEY_VERSION}"


class Apart:
    """A process that indexes, in the place of `Follower`; where it ends by itself another one is begun.

    It is begun at once, and gets ready while the home is opened.
    """

    def __init__(self, program: str, lock: int) -> None:
        """`lock` is the file by which the home is locked: it stays locked until this process, too, is gone."""
        self._program = program
        self._lock = lock
        self._stopping = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._unread: str | None = None  # work that has published what could not be read yet
        self._begin()

    def open(self, job: Job) -> str | None:
        """Let it open index and history; why the index is being made anew, if it is.

        Raises:
            StoreError: what opening them says, or that it ended.
        """
        self._job = job
        try:
            self._link.send(self._job)
            answer = self._link.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if isinstance(answer, WaypostError):
            raise answer
        assert isinstance(answer, Opened)
        return answer.rebuilding

    def follow(self, log: SegmentLog, ledger: Ledger, told: Told) -> None:
        """Let it bring them behind a log, of which it is told where its end is.

        `ledger` is refreshed when it has got on, before that is told.
        """
        self._log = log
        self._ledger = ledger
        self._told = told
        self._threads = [self._start(work) for work in (self._tell_ends, self._hear)]

    def stop(self, within_s: float) -> None:
        """As `Follower.stop`; also before anything is followed."""
        self._stopping.set()
        if self._threads:
            until_s = time.monotonic() + within_s + _CLOSING_S
            try:
                for thread in (self._start(self._tell_stop, within_s), *self._threads):
                    thread.join(max(until_s - time.monotonic(), 0))
            finally:
                self._end()
        else:
            self._end()

    def _start(self, act: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=act, args=arguments, name=act.__name__.strip("_"), daemon=True)
        thread.start()
        return thread

    def _begin(self) -> None:
        ours, its = socket.socketpair()
        with ours, its:
            path = os.pathsep.join(str(folder) or os.getcwd() for folder in sys.path)
            command = [sys.executable, "-P", "-m", self._program, str(its.fileno()), version_here()]
            self._process = subprocess.Popen(
                command,
                pass_fds=(its.fileno(), self._lock),
                env=os.environ | {"PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            self._link: Connection[Any, Any] = Connection(ours.detach())
            note_holders(self._lock, os.getpid(), self._process.pid)

    def _tell_ends(self) -> None:
        """Tell it how far the log has come, until the log is closed."""
        told = -1
        while not self._stopping.is_set():
            if self._log.wait(told, _LOOK_S):
                before, told = told, self._log.position()
                if told == before:
                    return
                self._send(told)

    def _tell_stop(self, within_s: float) -> None:
        self._send(self._log.position())
        self._send(Stop(within_s))

    def _hear(self) -> None:
        """Hand on what it tells, and begin another one whenever it ends."""
        patience_s = _FIRST_PATIENCE_S
        while True:
            begun_s = time.monotonic()
            try:
                work, why = self._hear_out()
            except Exception as error:
                work, why = _RUNNING, as_store_error(error, "hearing the indexer")
            if self._stopping.is_set():
                return
            self._told.tell_failed(work, why)
            patience_s = _FIRST_PATIENCE_S if time.monotonic() - begun_s > _WELL_S else patience_s
            if self._stopping.wait(patience_s):
                return
            patience_s = min(2 * patience_s, _LAST_PATIENCE_S)
            try:
                self._begin_again()
            except Exception as error:  # the next one is begun when it cannot be heard
                self._told.tell_failed(_RUNNING, as_store_error(error, "beginning the indexer"))

    def _hear_out(self) -> tuple[str, StoreError]:
        """Hand on what it tells until it ends; what it failed at, and why."""
        while True:
            try:
                if self._unread and not self._link.poll(_LAST_PATIENCE_S):
                    self._refresh(self._unread)
                    continue
                heard = self._link.recv()
            except (EOFError, OSError):
                return _RUNNING, self._ended()
            if isinstance(heard, WaypostError):
                return "indexing", as_store_error(heard, "indexing")
            if isinstance(heard, Opened):
                self._send(self._log.position())
            elif heard.error is None:
                self._refresh(heard.name)
            else:
                self._told.tell_failed(heard.name, heard.error)

    def _refresh(self, work: str) -> None:
        """Read what some work published. Where that fails, what was there before is shown, and it is tried again."""
        try:
            self._ledger.refresh()
        except Exception as error:
            self._unread = work
            self._told.tell_failed(work, as_store_error(error, "reading what was indexed"))
        else:
            self._told.tell_well(work)
            if self._unread is not None:
                self._told.tell_well(self._unread)
                self._unread = None
            if work == "indexing":
                self._told.tell_well(_RUNNING)

    def _begin_again(self) -> None:
        with self._one_at_a_time:
            if not self._stopping.is_set():
                self._end()
                self._begin()
                with suppress(OSError):  # it ended already, which is heard
                    self._link.send(self._job)

    def _send(self, message: object) -> None:
        """Say something; if it is gone, `_hear` sees to that."""
        with self._one_at_a_time, suppress(OSError):
            self._link.send(message)

    def _ended(self) -> StoreError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING_S)
        self._process.kill()
        code = self._process.wait()
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return StoreError(f"The process that indexes {how}.", mend="What it wrote to the error output says more.")

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._link.close()
