"""What is carried: waybills, parcels, consignments."""

import hashlib

import msgspec

from waypost.model.places import Place


class Waybill(msgspec.Struct, frozen=True, order=True):
    """A number that travels with a parcel. Its key is carrier and number: two carriers may use one number."""

    carrier: str
    number: str


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One physical piece.

    Attributes:
        id: our own, see `parcel_id`.
        waybill: the number it was accepted under; further numbers are joined by dated links.
        order_number: the merchant's number of the order it came from.
        origin, destination: at city level.
        promised_ms: the instant by which delivery was promised, UTC milliseconds.
        weight_g: whole grams.
        note: what is special about it, for operators.
    """

    id: str
    waybill: Waybill
    order_number: str | None = None
    origin: Place | None = None
    destination: Place | None = None
    promised_ms: int | None = None
    weight_g: int | None = None
    note: str | None = None


class Consignment(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels from one shipper to one consignee under one contract of carriage."""

    id: str
    shipper_id: str
    consignee_id: str
    parcels: tuple[Parcel, ...]


def parcel_id(waybill: Waybill) -> str:
    """Our id of the parcel first known under that waybill: the same however often it is imported."""
    text = f"{waybill.carrier}\x1f{waybill.number}"
    return "par_" + hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
