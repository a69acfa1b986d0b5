"""What bookings tell of parcels to who learns from them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import update
from tests.rooms.booking.desk import Desk, open_desk

from waypost.booking.records import order_parcels
from waypost.booking.told import BOOKED_SCHEMA, list_booked


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk("yto") as desk:
        yield desk


def test_it_says_when_parcels_were_booked_and_for_whom(desk: Desk) -> None:
    with desk.records.read() as connection:
        assert list_booked(connection).schema == BOOKED_SCHEMA
    first, second, _ = desk.enter(desk.draft("SALE-1"), desk.draft("SALE-2"), desk.draft("SALE-3"))
    [one] = desk.confirm(first).parcels
    desk.clock.move(minutes=1)
    [two] = desk.confirm(second).parcels
    with desk.records.read() as connection:
        found = list_booked(connection).to_pylist()
        newest = list_booked(connection, most=1).to_pylist()
    assert found == [
        {"booked_carrier": "yto", "booked_number": each.number, "booked_ms": each.booked_ms, "shipper": desk.merchant}
        for each in (two, one)
    ], "the third is not booked"
    assert newest == found[:1]
    with desk.records.begin() as connection:  # as if its carrier had given the number again
        connection.execute(update(order_parcels).values(number=one.number))
    with desk.records.read() as connection:
        [again] = list_booked(connection).to_pylist()
    assert again["booked_ms"] == two.booked_ms
