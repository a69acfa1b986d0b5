"""Booking once: one reference is one waybill, however the answers fare.

An answer that never came, or that nobody can read, leaves it open whether there is a waybill. A carrier that names
orders by our reference is asked again: it gives the same waybill, or says that it has the order. Of one that does not
know our references nobody can find out, and to ask again would be to buy again.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from waypost.booking.issuing import Issued, WaybillOrder
from waypost.carriers.calling import Caller
from waypost.track.carriers import CarrierError, CarrierPuzzling, CarrierRefused, InDoubt

_MOST = 256
_TRIES = 2
_LOOK = "Look for it at the carrier; if it is not there, book it once more and say so (`may_exist`)."


class Booked:
    """What this process booked and took back lately at one account, and what it does not know the end of.

    Another process does not know of it: who books keeps what was issued, and what ended in doubt, and says so in
    `WaybillOrder.may_exist`.

    Args:
        is_named: the carrier knows an order by our reference, and makes no second one of it.
    """

    def __init__(self, caller: Caller, *, is_named: bool) -> None:
        self._caller = caller
        self._is_named = is_named
        self._issued: OrderedDict[str, Issued] = OrderedDict()
        self._taken_back: OrderedDict[str, None] = OrderedDict()
        self._open: set[str] = set()
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def book(self, order: WaybillOrder, operation: str, ask: Callable[[], Issued]) -> Issued:
        """What was booked under a reference, or what `ask` gives.

        Raises:
            InDoubt: there may be a waybill, and nobody knows its number; or it is being booked this moment.
            CarrierError: there is none.
        """
        with self._turn(order.reference, operation):
            known = self._issued.get(order.reference)
            return known or self._ask(order, operation, ask)

    def take_back(self, issued: Issued) -> None:
        """Know that a waybill is none any more: its reference does not give it again."""
        with self._lock:
            known = self._issued.get(issued.reference)
            if known is not None and known.waybill == issued.waybill:
                del self._issued[issued.reference]
            self._taken_back[issued.waybill.number] = None
            if len(self._taken_back) > _MOST:
                self._taken_back.popitem(last=False)

    def was_taken_back(self, issued: Issued) -> bool:
        """Whether this process took it back."""
        return issued.waybill.number in self._taken_back

    def _ask(self, order: WaybillOrder, operation: str, ask: Callable[[], Issued]) -> Issued:
        reference, channel = order.reference, self._caller.channel(operation)
        is_open = reference in self._open if order.may_exist is None else order.may_exist
        if is_open and not self._is_named:
            self._note(reference, is_open=True)
            raise InDoubt(
                f"{reference} may have been booked already, and nobody knows its number", channel=channel, mend=_LOOK
            )
        for attempt in range(_TRIES):
            if attempt:
                self._caller.pause(attempt)
            try:
                issued = ask()
            except CarrierError as error:
                is_open = is_open or isinstance(error, InDoubt | CarrierPuzzling)
                self._note(reference, is_open=is_open)
                if not is_open:
                    raise
                if not self._is_named or attempt == _TRIES - 1 or isinstance(error, CarrierRefused):
                    why = f"{reference} may have been booked all the same: {error.why}"
                    raise InDoubt(why, channel=channel, carrier_code=error.carrier_code, mend=_LOOK) from error
            else:
                return self._keep(issued, channel)
        raise AssertionError("the last try gives or raises")

    def _keep(self, issued: Issued, channel: str) -> Issued:
        self._note(issued.reference, is_open=False)
        if self.was_taken_back(issued):
            raise CarrierRefused(
                f"{issued.reference} gives {issued.waybill.number} again, which was taken back",
                channel=channel,
                mend="Book under another reference.",
            )
        with self._lock:
            self._issued[issued.reference] = issued
            if len(self._issued) > _MOST:
                self._issued.popitem(last=False)
        return issued

    def _note(self, reference: str, *, is_open: bool) -> None:
        with self._lock:
            (self._open.add if is_open else self._open.discard)(reference)

    @contextmanager
    def _turn(self, reference: str, operation: str) -> Iterator[None]:
        """One at a time asks for a reference that the carrier does not know."""
        if self._is_named:
            yield
            return
        with self._lock:
            if reference in self._busy:
                channel = self._caller.channel(operation)
                raise InDoubt(f"{reference} is being booked this moment", channel=channel, mend="Ask again.")
            self._busy.add(reference)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(reference)
