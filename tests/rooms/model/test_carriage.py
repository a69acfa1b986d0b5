"""What is carried: keys of waybills, and ids of parcels that stay the same."""

import pytest

from waypost.model.carriage import Consignment, Parcel, Waybill, parcel_id


def test_the_id_of_a_parcel_never_changes() -> None:
    """It stands in addresses and in others' records: these digits stay as they are in every version."""
    assert parcel_id(Waybill("yto", "YT1234567890123")) == "par_5865ef583e94f4147816"
    assert parcel_id(Waybill("olist", "e481f51cbdc54678b7cc49136f2d6af7")) == "par_a13d224e8547ff739eb3"


def test_two_carriers_may_use_one_number() -> None:
    one, other = Waybill("yto", "123456789012"), Waybill("sto", "123456789012")
    assert one != other
    assert parcel_id(one) != parcel_id(other)
    assert sorted([one, other]) == [other, one]


@pytest.mark.parametrize(("carrier", "number"), [("yto", "T1"), ("ytoT", "1"), ("yt", "oT1"), ("yto", "t1")])
def test_an_id_joins_no_two_waybills(carrier: str, number: str) -> None:
    assert (parcel_id(Waybill(carrier, number)) == parcel_id(Waybill("yto", "T1"))) == (
        (carrier, number) == ("yto", "T1")
    )


def test_what_is_not_known_of_a_parcel_is_none() -> None:
    waybill = Waybill("yto", "YT1")
    parcel = Parcel(id=parcel_id(waybill), waybill=waybill)
    assert (parcel.order_number, parcel.origin, parcel.destination) == (None, None, None)
    assert (parcel.promised_ms, parcel.weight_g, parcel.note) == (None, None, None)
    consignment = Consignment(id="con_1", shipper_id="shop", consignee_id="li", parcels=(parcel,))
    assert consignment.parcels == (parcel,)
