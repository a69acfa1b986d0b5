"""Polling goes on beside the server: a thread an account, and one that learns anew when parcels are scanned next."""

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from structlog.typing import FilteringBoundLogger

from waypost.model.errors import Closed, WaypostError
from waypost.track.gaps import Gaps
from waypost.track.polling import Poller

_PAUSE_S = 5.0
_TROUBLE_S = 60.0
_PATIENCE_S = 15.0
_LEARN_S = 6 * 3600.0


class Polling:
    """Threads that poll until they are told to stop.

    Args:
        learn: reads what is known of the gaps between scans; it may take a while.
        usual: what is gone by until that is read.
    """

    def __init__(
        self, pollers: Iterable[Poller], learn: Callable[[], Gaps], usual: Gaps, journal: FilteringBoundLogger
    ) -> None:
        self._pollers = [poller for poller in pollers if poller.turns.per_hour > 0]
        self._learn = learn
        self._gaps = usual
        self._journal = journal
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin, if there is an account that may be asked."""
        for poller in self._pollers:
            poller.is_stopping = self._stop.is_set
        if not self._pollers:
            return
        self._begin("learn gaps", self._keep_learning)
        for poller in self._pollers:
            self._threads.append(self._begin(f"poll {poller.account}", partial(self._keep_polling, poller)))

    def stop(self) -> None:
        """Let each account finish its round, within reason: a check that is cut off is made again.

        Nobody waits for what is being learned: the question ends when history closes.
        """
        self._stop.set()
        until_s = time.monotonic() + _PATIENCE_S
        for thread in self._threads:
            thread.join(max(until_s - time.monotonic(), 0.0))

    def _begin(self, name: str, act: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=act, name=name, daemon=True)
        thread.start()
        return thread

    def _keep_polling(self, poller: Poller) -> None:
        pause_s = _PAUSE_S
        while not self._stop.wait(pause_s):
            pause_s = _PAUSE_S
            try:
                done = poller.round(self._gaps)
            except WaypostError as error:  # of the house, not of the carrier: nothing of it is lost
                self._journal.error("polling is held up", account=poller.account, why=str(error))
                pause_s = _TROUBLE_S
            except Exception:  # of an adapter, maybe of somebody else's: the others go on
                self._journal.exception("polling failed", account=poller.account)
                pause_s = _TROUBLE_S
            else:
                if done.trouble is not None:
                    self._journal.warning("an account cannot be polled", account=poller.account, why=done.trouble)

    def _keep_learning(self) -> None:
        while True:
            try:
                self._gaps = self._learn()
            except Closed:
                return
            except Exception:  # what is known stays
                self._journal.exception("gaps between scans cannot be read")
            if self._stop.wait(_LEARN_S):
                return
