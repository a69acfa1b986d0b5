"""Air cargo: numbers of air waybills and of unit load devices (ULDs)."""

import re
from functools import cache
from importlib.resources import files

import msgspec

from waypost.model.decoding import decode
from waypost.model.errors import BadInput
from waypost.model.identifiers.characters import compact
from waypost.model.identifiers.check_digits import mod7_check_digit

WAYBILL_SHAPE = re.compile(r"([0-9]{3})-?([0-9]{7})([0-9])")
#: Type code, four or five digits, and the owner: an airline designator of two characters or three letters.
ULD_SHAPE = re.compile(r"([A-Z][A-Z0-9]{2})([0-9]{5}|[0-9]{4})([A-Z][A-Z0-9]|[0-9][A-Z]|[A-Z]{3})")
#: The first letter of the type code (IATA ULD Regulations).
ULD_CATEGORIES = {
    "A": "certified aircraft container",
    "B": "certified winged aircraft pallet",
    "D": "non-certified aircraft container",
    "F": "non-certified aircraft pallet",
    "G": "non-certified aircraft pallet net",
    "H": "horse stalls",
    "J": "thermal non-structural igloo",
    "K": "cattle stalls",
    "M": "thermal non-certified aircraft container",
    "N": "certified aircraft pallet net",
    "P": "certified aircraft pallet",
    "Q": "certified hardened aircraft container",
    "R": "thermal certified aircraft container",
    "U": "non-structural igloo",
    "V": "automobile transport equipment",
}


class AirlineFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data file `airlines.json`: prefix, designator and name."""

    source: str
    airlines: tuple[tuple[str, str, str], ...]


class AirWaybill(msgspec.Struct, frozen=True, kw_only=True):
    """The number of an air waybill.

    Attributes:
        number: 12 characters, with the hyphen after the prefix.
        airline: the name of the airline with this prefix, where it is known.
    """

    number: str
    prefix: str
    serial: str
    airline: str | None


class ULD(msgspec.Struct, frozen=True, kw_only=True):
    """The identification of a unit load device. It has no check digit.

    Attributes:
        number: without white space, in capitals.
        type_code: three characters: category, size, shape.
        owner: the designator of the airline or company that owns it.
        airline: the owner's name, where it is known.
    """

    number: str
    type_code: str
    serial: str
    owner: str
    category: str | None
    airline: str | None


@cache
def read_airlines() -> tuple[tuple[str, str, str], ...]:
    """The airlines that come with Waypost: prefix, designator, name."""
    path = files(__package__).joinpath("airlines.json")
    return decode(path.read_bytes(), AirlineFile).airlines


def parse_air_waybill(text: str) -> AirWaybill:
    """An air waybill number: a prefix of three digits, a serial of seven, a check digit (IATA Resolution 600a).

    A hyphen after the prefix and white space are passed over.

    Raises:
        BadInput: wrong shape or a wrong check digit.
    """
    number = compact(text)
    shape = WAYBILL_SHAPE.fullmatch(number)
    if shape is None:
        raise BadInput("an air waybill number is three digits, perhaps a hyphen, and eight digits")
    prefix, serial, check = shape.groups()
    expected = mod7_check_digit(serial)
    if check != str(expected):
        raise BadInput(f"check digit {check} should be {expected}")
    names = {prefix: name for prefix, _, name in read_airlines()}
    return AirWaybill(number=f"{prefix}-{serial}{check}", prefix=prefix, serial=serial, airline=names.get(prefix))


def parse_uld(text: str) -> ULD:
    """A ULD identification such as AKE12345LH or PMC01473R7.

    Raises:
        BadInput: wrong shape.
    """
    number = compact(text)
    shape = ULD_SHAPE.fullmatch(number)
    if shape is None:
        raise BadInput("a ULD is a type code of three characters, four or five digits, and the owner's two or three")
    type_code, serial, owner = shape.groups()
    names = {designator: name for _, designator, name in read_airlines()}
    return ULD(
        number=number,
        type_code=type_code,
        serial=serial,
        owner=owner,
        category=ULD_CATEGORIES.get(type_code[0]),
        airline=names.get(owner),
    )
