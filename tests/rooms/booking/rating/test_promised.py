"""What a promise for a shipment is asked for."""

from tests.rooms.booking.desk import open_desk

from waypost.booking.rating.promised import ask_for
from waypost.booking.rating.shipments import read_shipment


def test_it_says_whose_parcel_it_is_and_where_it_goes() -> None:
    with open_desk("yto") as desk:
        order = desk.draft()
    asked = ask_for(read_shipment(order, shipper="pty_1"), "yto", lambda country, province, city: (31.0, 121.0))
    assert (asked.service, asked.shipper, asked.destination_at) == ("yto", "pty_1", (31.0, 121.0))
    region = asked.destination_region
    assert region.startswith(f"{order.consignee.country}-")
    assert ask_for(read_shipment(order), "yto", lambda *spot: None).shipper == ""
