"""The indexer: a process that brings index and history behind the log, beside the one that has the home.

If all is done in one process, whoever takes scans in or answers a question waits for the lock of its interpreter, not
for a core. So index and history are written by this one. It is begun by the process that has the home, and ends with
it, however that ends. `apart` says how, and what the two say to each other.

Run as: python -m waypost.engines.local.indexer SOCKET
"""

import os
import signal
import sys
import threading
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from waypost.engines.local.apart import Job, Opened, Stop, Work
from waypost.engines.local.disk import store_errors
from waypost.engines.local.follow import Follower
from waypost.engines.local.history import ParquetHistory
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.retention import refuse_anew, trim
from waypost.model.errors import StoreError, WaypostError


class _Teller:
    """Tells the home's process how the work goes. If that is gone, nobody is left to be told."""

    def __init__(self, link: "Connection[Any, Any]") -> None:
        self._link = link
        self._one_tells = threading.Lock()

    def tell_well(self, work: str) -> None:
        """See `follow.Told`."""
        self._tell(Work(work))

    def tell_failed(self, work: str, error: StoreError) -> None:
        """See `follow.Told`."""
        self._tell(Work(work, error))

    def _tell(self, work: Work) -> None:
        with self._one_tells, suppress(OSError):
            self._link.send(work)


def main() -> None:
    """Do what the process at the other end of the socket says."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they come to it as well, and it says when to end
        signal.signal(number, signal.SIG_IGN)
    link: Connection[Any, Any] = Connection(int(sys.argv[1]))
    try:
        _work(link, link.recv())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(1)  # nobody is at the other end: as after a crash, what is half done is done again from the log


def _work(link: "Connection[Any, Any]", job: Job) -> None:
    keep = job.retention
    with ExitStack() as opened:
        try:
            ledger, history = _open(job, opened)
            link.send(Opened(ledger.rebuilding))
            log = SegmentLog(job.path / "log", read_only=True, archive=keep.archive, until=link.recv())
        except WaypostError as error:
            link.send(error)
            return
        trimming = partial(trim, log, ledger, keep, job.disk) if keep.asks else None
        follower = Follower(log, ledger, history, _Teller(link), trimming)
        while not isinstance(told := link.recv(), Stop):
            log.reach(told)
        log.close()
        follower.stop(told.within_s)


def _open(job: Job, opened: ExitStack) -> tuple[Ledger, ParquetHistory]:
    with store_errors(f"opening {job.path}"):
        ledger = Ledger(
            job.path / "index",
            job.fold,
            memory_bytes=job.states_bytes,
            disk=job.disk,
            refuse_anew=partial(refuse_anew, job.path / "log", job.retention.archive),
        )
        opened.callback(ledger.close)
        history = ParquetHistory(job.path / "history", ledger, memory_limit=job.memory_limit, disk=job.disk)
        opened.callback(history.close)
        return ledger, history


if __name__ == "__main__":
    main()
