"""Booking at carriers that know no reference of ours: asked twice, they make two waybills and take money for both."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from waypost.booking.issuing import Issued
from waypost.track.carriers import CarrierPuzzling, InDoubt

_MOST = 256


class Booked:
    """What this process booked lately, by reference.

    The same reference again gives the same waybill. If an answer never came, nobody books under that reference again:
    there may be a waybill that nobody knows the number of. Another process does not know of it; who books keeps what
    was issued.
    """

    def __init__(self) -> None:
        self._issued: OrderedDict[str, Issued] = OrderedDict()
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def book(self, reference: str, channel: str, ask: Callable[[], Issued]) -> Issued:
        """What was booked under a reference, or what `ask` gives.

        Raises:
            InDoubt: it is being booked, or it is not known whether it was.
        """
        with self._lock:
            if reference in self._issued:
                return self._issued[reference]
            if reference in self._open:
                raise InDoubt(
                    f"{reference} may have been booked already, and nobody knows its number",
                    channel=channel,
                    mend="Look for it at the carrier; book under another reference if it is not there.",
                )
            self._open.add(reference)
        try:
            issued = ask()
        except (InDoubt, CarrierPuzzling):
            raise
        except Exception:
            with self._lock:
                self._open.discard(reference)
            raise
        with self._lock:
            self._open.discard(reference)
            self._issued[reference] = issued
            if len(self._issued) > _MOST:
                self._issued.popitem(last=False)
        return issued
