"""Booking beside the server: whatever waits comes to an end, or says why not."""

import io
import time
from collections.abc import Iterator

import pytest
from tests.rooms.booking.desk import Desk, open_desk

from waypost.app.booking import Booking
from waypost.booking.orders import OrderState
from waypost.web.journal import open_journal


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


def settled(desk: Desk, id_: str) -> OrderState:
    until_s = time.monotonic() + 20
    while (state := desk.book.get(desk.merchant, id_).state) is OrderState.QUEUED and time.monotonic() < until_s:
        time.sleep(0.01)
    return state


def test_orders_of_an_account_that_is_gone_are_refused_and_the_others_booked(desk: Desk) -> None:
    gone, there = desk.enter(desk.draft("SALE-1"), desk.draft("SALE-2"))
    desk.book.confirm(desk.merchant, gone, "dhl", desk.clock())
    desk.book.confirm(desk.merchant, there, "yto", desk.clock())
    booking = Booking(desk.bookings, 4, desk.clock, open_journal(io.StringIO()))
    booking.start()
    try:
        assert (settled(desk, gone), settled(desk, there)) == (OrderState.REFUSED, OrderState.BOOKED)
    finally:
        booking.stop()
    assert "'dhl' is no account that books" in desk.book.get(desk.merchant, gone).why
