"""What is rated: the weight, room and ends of a consignment, and nobody's name."""

from collections.abc import Sequence
from datetime import date

import msgspec

from waypost.booking.issuing import Address
from waypost.booking.orders import Order, PlannedParcel, items_of, plan_parcels
from waypost.booking.rating.areas import Spot
from waypost.model.errors import BadInput


class Piece(msgspec.Struct, frozen=True):
    """One parcel: grams, and its sides in millimetres from the longest down; 0 if nobody measured."""

    weight_g: int
    longest_mm: int = 0
    middle_mm: int = 0
    shortest_mm: int = 0

    @property
    def room_mm3(self) -> int:
        """Cubic millimetres; 0 if unknown."""
        return self.longest_mm * self.middle_mm * self.shortest_mm

    @property
    def girth_mm(self) -> int:
        """The longest side and twice each of the others."""
        return self.longest_mm + 2 * (self.middle_mm + self.shortest_mm)


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """A consignment to be rated.

    Attributes:
        is_residence: the consignee has no company.
        cod_minor, value_minor: in minor units of `currency`; 0: nothing is collected, nothing is declared.
        day: on which it is handed over; None: today, on the carrier's clock.
        shipper: the id of the merchant; "" if nobody said.
    """

    sender: Spot
    consignee: Spot
    pieces: Sequence[Piece]
    is_residence: bool = True
    cod_minor: int = 0
    value_minor: int = 0
    currency: str = ""
    day: date | None = None
    shipper: str = ""


def read_shipment(order: Order, *, shipper: str = "", insured: bool = False) -> Shipment:
    """What of an order is rated.

    Args:
        shipper: whose it is.
        insured: what its items are worth is declared.

    Raises:
        BadInput: its mailing date is no day.
    """
    try:
        day = date.fromisoformat(order.mailing_date) if order.mailing_date else None
    except ValueError:
        raise BadInput(f"{order.mailing_date} does not exist", where="mailing_date") from None
    parcels = plan_parcels(order)
    values = (
        (item.value_minor or 0) * item.quantity for place in range(len(parcels)) for item in items_of(order, place)
    )
    return Shipment(
        sender=_spot(order.sender),
        consignee=_spot(order.consignee),
        pieces=[read_piece(parcel) for parcel in parcels],
        is_residence=not order.consignee.company,
        cod_minor=order.cod_minor,
        value_minor=sum(values) if insured else 0,
        currency=order.currency,
        day=day,
        shipper=shipper,
    )


def read_piece(parcel: PlannedParcel) -> Piece:
    """A parcel as it is rated.."""
    sides = sorted((parcel.length_mm, parcel.width_mm, parcel.height_mm), reverse=True)
    return Piece(parcel.weight_g, *sides)


def _spot(address: Address) -> Spot:
    return Spot(address.country, address.province, address.city, address.postcode)
