"""What the United States Postal Service asks for a parcel: how that is asked for, and how the answer is read."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from waypost.booking.rating.asking import CarrierRate
from waypost.booking.rating.shipments import Piece, Shipment
from waypost.carriers.accounts import Account
from waypost.carriers.answers import read
from waypost.carriers.calling import Answer
from waypost.carriers.usps_labels import inches, pounds
from waypost.model.errors import BadInput
from waypost.track.carriers import CarrierPuzzling, Unsupported

USUAL_CLASSES = "USPS_GROUND_ADVANTAGE, PRIORITY_MAIL, PRIORITY_MAIL_EXPRESS"
#: Each different parcel is a call, and quotas are small.
_MOST_DIFFERENT = 3
_ZIP = re.compile(r"(\d{5})(?:-?\d{4})?")


class _Fee(msgspec.Struct, frozen=True):
    name: str
    price: Decimal


class _Rate(msgspec.Struct, frozen=True):
    mailClass: str
    price: Decimal
    description: str = ""
    rateIndicator: str = ""
    processingCategory: str = ""
    fees: Sequence[_Fee] = ()


class _Option(msgspec.Struct, frozen=True):
    totalBasePrice: Decimal
    rates: Sequence[_Rate]


class Rates(msgspec.Struct, frozen=True):
    """The answer to one parcel."""

    rateOptions: Sequence[_Option]


def count_pieces(shipment: Shipment) -> Mapping[Piece, int]:
    """The different parcels of a shipment, and how many there are of each.

    Raises:
        Unsupported: one of its ends is not in the country, something is to be collected, or it has too many of them.
        BadInput: nobody measured one.
    """
    if (shipment.sender.country, shipment.consignee.country) != ("US", "US"):
        raise Unsupported("USPS is asked for rates inside the United States alone")
    if shipment.cod_minor:
        raise Unsupported("rates of USPS with cash on delivery are not known well enough")
    counted = Counter(shipment.pieces)
    if len(counted) > _MOST_DIFFERENT:
        raise Unsupported(f"USPS is asked for rates of {_MOST_DIFFERENT} different parcels at most")
    if any(not piece.shortest_mm for piece in counted):
        raise BadInput("is missing, and USPS asks for it", where="length_mm")
    return counted


def draft_rates(account: Account, shipment: Shipment, piece: Piece) -> dict[str, Any]:
    """What is asked of one parcel, in USPS's words and units.

    Raises:
        BadInput: a ZIP code is missing.
    """
    asked: dict[str, Any] = {
        "originZIPCode": _zip("sender", shipment.sender.postcode),
        "destinationZIPCode": _zip("consignee", shipment.consignee.postcode),
        "weight": pounds(piece.weight_g),
        "length": inches(piece.longest_mm),
        "width": inches(piece.middle_mm),
        "height": inches(piece.shortest_mm),
        "mailClasses": [name.strip() for name in account.get("mail_classes", USUAL_CLASSES).split(",")],
        "priceType": account.get("price_type", "COMMERCIAL"),
    }
    if shipment.day is not None:
        asked["mailingDate"] = shipment.day.isoformat()
    if number := account.get("account_number", ""):
        asked |= {"accountType": account.get("account_type", "EPS"), "accountNumber": number}
    return asked


def read_rates(account: Account, answer: Answer, channel: str) -> dict[str, CarrierRate]:
    """By mail class what one parcel costs: of the options that a label of this account would be, the cheapest.

    Raises:
        CarrierPuzzling: it is of another shape, or an amount is no number of cents.
    """
    indicator = account.get("rate_indicator", "SP")
    category = account.get("processing_category", "MACHINABLE")
    found: dict[str, CarrierRate] = {}
    for option in read(answer, Rates, channel).rateOptions:
        if len(option.rates) != 1:  # several together are of no label that is bought here
            continue
        rate = option.rates[0]
        if (rate.rateIndicator or indicator, rate.processingCategory or category) != (indicator, category):
            continue
        minor = _cents(option.totalBasePrice, channel)
        known = found.get(rate.mailClass)
        if known is None or minor < known.minor:
            charges = [("postage", _cents(rate.price, channel))]
            charges += [(fee.name, _cents(fee.price, channel)) for fee in rate.fees]
            if rest := minor - sum(each for _, each in charges):
                charges.append(("not itemized", rest))
            found[rate.mailClass] = CarrierRate(service=rate.mailClass, currency="USD", minor=minor, charges=charges)
    return found


def add_up(told: Sequence[tuple[int, Mapping[str, CarrierRate]]]) -> list[CarrierRate]:
    """What all parcels cost with the services that take each of them; how many there are, and what one costs."""
    services = set.intersection(*({*rates} for _, rates in told))
    return [
        CarrierRate(
            service=service,
            currency="USD",
            minor=sum(count * rates[service].minor for count, rates in told),
            charges=[(kind, count * minor) for count, rates in told for kind, minor in rates[service].charges],
        )
        for service in sorted(services)
    ]


def _zip(who: str, postcode: str) -> str:
    found = _ZIP.fullmatch(postcode.strip())
    if found is None:
        raise BadInput(f"{postcode[:16]!r} is no ZIP code", where=f"{who}.postcode")
    return found[1]


def _cents(amount: Decimal, channel: str) -> int:
    cents = amount * 100
    if not amount.is_finite() or cents != int(cents) or not 0 <= cents < 10**9:
        raise CarrierPuzzling(f"{str(amount)[:20]} is no price in dollars", channel=channel)
    return int(cents)
