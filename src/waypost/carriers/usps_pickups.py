"""Pick-ups by the United States Postal Service: how one is asked for, changed into nothing, and read."""

import re
from typing import Any

import msgspec

from waypost.booking.pickups import PickupOrder
from waypost.carriers.accounts import Account
from waypost.carriers.usps_labels import pounds
from waypost.model.errors import BadInput
from waypost.track.carriers import Unsupported

PATH = "/pickup/v3/carrier-pickup"
_ZIP = re.compile(r"(\d{5})(?:-?(\d{4}))?")


class Taken(msgspec.Struct, frozen=True):
    """What USPS answers; the day is the one on which it comes, which may be another."""

    confirmationNumber: str
    pickupDate: str


def draft_pickup(account: Account, order: PickupOrder) -> dict[str, Any]:
    """What USPS is asked, in its own words and units.

    Raises:
        Unsupported: it is not in the United States.
        BadInput: the ZIP code, state or telephone number is missing.
    """
    address = order.address
    if address.country != "US":
        raise Unsupported("USPS comes inside the United States alone")
    code = _ZIP.fullmatch(address.postcode.strip())
    if code is None:
        raise BadInput("a ZIP code has five digits, or nine", where="address.postcode")
    if not address.province:
        raise BadInput("is missing, and USPS asks for it", where="address.province")
    if not address.phone and not address.email:
        raise BadInput("is missing, and USPS asks for one or for an email", where="address.phone")
    first, _, last = address.name.strip().rpartition(" ")
    who = {"firstName": first, "lastName": last} if first else {}
    if address.company or not first:
        who["firm"] = address.company or last
    contact = [{name: text} for name, text in (("email", address.email), ("phone", address.phone)) if text]
    return {
        "pickupDate": order.day,
        "pickupAddress": {
            **who,
            "address": {
                "streetAddress": address.street,
                "city": address.city,
                "state": address.province,
                "ZIPCode": code[1],
                "ZIPPlus4": code[2] or "",
            },
            "contact": contact,
        },
        "packages": [{"packageType": account.get("pickup_package", "OTHER"), "packageCount": order.parcels}],
        "estimatedWeight": max(1, -int(-pounds(order.weight_g) // 1)),
        "pickupLocation": {
            "packageLocation": account.get("pickup_location", "OFFICE"),
            "specialInstructions": order.remark,
        },
    }
