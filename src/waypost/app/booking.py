"""Booking goes on beside the server: orders that wait are booked with their carriers, some of an account at a time.

Those that wait for an account which is not there any more are refused: nobody would ever book them.
"""

import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from structlog.typing import FilteringBoundLogger

from waypost.booking.bookings import Bookings
from waypost.model.errors import WaypostError

#: How often it is looked for orders whose carrier is to be tried again; new ones wake it at once.
_LOOK_S = 5.0
_TROUBLE_S = 30.0
_PATIENCE_S = 30.0


class Booking:
    """A thread an account, with some more that ask its carrier, until it is stopped.

    Args:
        at_once: orders of one account that are booked at the same time; the slowest of them is waited for.
    """

    def __init__(
        self, bookings: Bookings, at_once: int, clock: Callable[[], int], journal: FilteringBoundLogger
    ) -> None:
        self._bookings = bookings
        self._at_once = at_once
        self._clock = clock
        self._journal = journal
        self._stopping = threading.Event()
        self._news: list[threading.Event] = []
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin. What another process was about to book before it died is anybody's again."""
        if freed := self._bookings.book.release_all():
            self._journal.info("bookings go on that were broken off", orders=freed)
        book, accounts = self._bookings.book, self._bookings.list_accounts()
        for account in accounts:
            self._begin(account, partial(book.list_due, account))
        self._begin("of no account", partial(book.list_stray, accounts))  # an account that is gone: it is refused

    def wake(self) -> None:
        """Look at once: there are new orders."""
        for news in self._news:
            news.set()

    def stop(self) -> None:
        """Begin no other booking, and let those under way end within reason: one that is cut off is asked again."""
        self._stopping.set()
        self.wake()
        until_s = time.monotonic() + _PATIENCE_S
        for thread in self._threads:
            thread.join(max(until_s - time.monotonic(), 0.0))

    def _begin(self, account: str, list_due: Callable[[int, int], list[str]]) -> None:
        news = threading.Event()
        act = partial(self._go_on, account, list_due, news)
        thread = threading.Thread(target=act, name=f"book {account}", daemon=True)
        thread.start()
        self._news.append(news)
        self._threads.append(thread)

    def _go_on(self, account: str, list_due: Callable[[int, int], list[str]], news: threading.Event) -> None:
        with ThreadPoolExecutor(self._at_once, thread_name_prefix=f"book {account}") as pool:
            pause_s = 0.0
            while not self._stopping.is_set():
                news.wait(pause_s)
                news.clear()
                try:
                    due = list_due(self._clock(), self._at_once)
                    self._bookings.carry_out(due, pool.map)
                    pause_s = 0.0 if len(due) == self._at_once else _LOOK_S
                except WaypostError as error:  # of the house: nothing of it is lost
                    self._journal.error("booking is held up", account=account, why=str(error))
                    pause_s = _TROUBLE_S
                except Exception as error:  # of an adapter, maybe of somebody else's: the others go on
                    # what it says may quote an address: where it came from is enough
                    frames = "".join(traceback.format_tb(error.__traceback__))
                    notes = "; ".join(getattr(error, "__notes__", ()))
                    kind = type(error).__name__
                    self._journal.error("booking failed", account=account, error=kind, notes=notes, frames=frames)
                    pause_s = _LOOK_S
