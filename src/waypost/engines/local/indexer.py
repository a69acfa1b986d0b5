"""The indexer: a process that brings index and history behind the log, beside the one that has the home.

If all is done in one process, whoever takes scans in or answers a question waits for the lock of its interpreter, not
for a core. So index and history are written by this one. It is begun by the process that has the home, and ends with
it, however that ends. `apart` says how, and what the two say to each other.

Run as: python -m waypost.engines.local.indexer SOCKET VERSION
"""

import faulthandler
import os
import signal
import sys
import threading
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from waypost.engines.local.apart import Job, Opened, Stop, Work, version_here
from waypost.engines.local.disk import store_errors
from waypost.engines.local.follow import Follower, as_store_error
from waypost.engines.local.history import ParquetHistory
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.retention import refuse_anew, trim
from waypost.model.errors import StoreError


def main() -> None:
    """Do what the process at the other end of the socket says."""
    faulthandler.enable()
    for number in (signal.SIGINT, signal.SIGTERM):  # they come to it as well, and it says when to end
        signal.signal(number, signal.SIG_IGN)
    home = _Home(Connection(int(sys.argv[1])))
    try:
        if sys.argv[2] != version_here():
            raise StoreError(
                f"Another version of Waypost was installed since ({version_here()}, not {sys.argv[2]}).",
                mend="Start the server again.",
            )
        threading.Thread(target=home.hear, name="hearing", daemon=True).start()
        _index(home)
    except Exception as error:
        home.say(as_store_error(error, "indexing"))
        os._exit(1)
    os._exit(0)  # threads that merge or trim are not waited for: what is half done is done again


class _Home:
    """The process that has the home. If it is gone, this one ends there and then, as in a crash.

    Its threads are at work then: what is closed in an orderly way would be kept as it is in the middle of that.
    """

    def __init__(self, link: "Connection[Any, Any]") -> None:
        self.told: SimpleQueue[Any] = SimpleQueue()
        self._link = link
        self._one_says = threading.Lock()

    def hear(self) -> None:
        """Note what it says."""
        try:
            while True:
                self.told.put(self._link.recv())
        finally:
            os._exit(1)

    def say(self, message: object) -> None:
        """Say something, if it is there."""
        with self._one_says, suppress(OSError):
            self._link.send(message)

    def tell_well(self, work: str) -> None:
        """See `follow.Told`."""
        self.say(Work(work))

    def tell_failed(self, work: str, error: StoreError) -> None:
        """See `follow.Told`."""
        self.say(Work(work, error))


def _index(home: _Home) -> None:
    job: Job = home.told.get()
    keep = job.retention
    with ExitStack() as opened:
        with store_errors(f"opening {job.path}"):
            ledger = Ledger(
                job.path / "index",
                job.fold,
                memory_bytes=job.states_bytes,
                disk=job.disk,
                refuse_anew=partial(refuse_anew, job.path / "log", keep.archive),
            )
            opened.callback(ledger.close)
            history = ParquetHistory(job.path / "history", ledger, memory_limit=job.memory_limit, disk=job.disk)
            opened.callback(history.close)
        home.say(Opened(ledger.rebuilding))
        log = SegmentLog(job.path / "log", read_only=True, archive=keep.archive, until=home.told.get())
        trimming = partial(trim, log, ledger, keep, job.disk) if keep.asks else None
        follower = Follower(log, ledger, history, home, trimming)
        while not isinstance(told := home.told.get(), Stop):
            log.reach(told)
        log.close()
        follower.stop(told.within_s, also_merging=False)


if __name__ == "__main__":
    main()
