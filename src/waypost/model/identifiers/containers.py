"""Freight containers: ISO 6346, such as CSQU3054383."""

import re

import msgspec

from waypost.model.errors import BadInput
from waypost.model.identifiers.characters import compact
from waypost.model.identifiers.check_digits import iso_6346_check_digit

CATEGORIES = {"U": "freight container", "J": "detachable equipment", "Z": "trailer or chassis"}
SHAPE = re.compile(r"([A-Z]{3})-?([A-Z])-?([0-9]{6})-?([0-9])")


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container's identification.

    Attributes:
        number: 11 characters, without separators, in capitals.
        owner: the three letters registered with the Bureau International des Containers.
        category: what the fourth letter says it is.
    """

    number: str
    owner: str
    category: str
    serial: str


def parse_container(text: str) -> Container:
    """A container number; white space, lower case and hyphens between its groups are passed over.

    Raises:
        BadInput: wrong shape, unknown category, or a wrong check digit.
    """
    number = compact(text)
    shape = SHAPE.fullmatch(number)
    if shape is None:
        if re.fullmatch(r"[A-Z]{4}-?[0-9]{6}", number):
            expected = iso_6346_check_digit(number.replace("-", ""))
            raise BadInput(f"the check digit is missing: it would be {expected}")
        raise BadInput("a container number is four letters, six digits and a check digit")
    owner, category, serial, check = shape.groups()
    if category not in CATEGORIES:
        raise BadInput(f"the fourth letter is {category}: it must be U, J or Z")
    expected = iso_6346_check_digit(owner + category + serial)
    if check != str(expected):
        raise BadInput(f"check digit {check} should be {expected}")
    return Container(number="".join(shape.groups()), owner=owner, category=CATEGORIES[category], serial=serial)
