"""UPU S10: the number of a postal item, such as RB123456785GB."""

import re

import msgspec

from waypost.model.errors import BadInput
from waypost.model.identifiers.characters import compact
from waypost.model.identifiers.check_digits import s10_check_digit
from waypost.model.identifiers.formats import get_format

SHAPE = re.compile(r"([A-Z]{2})([0-9]{8})([0-9])([A-Z]{2})")


class S10(msgspec.Struct, frozen=True, kw_only=True):
    """A postal item identifier by UPU standard S10.

    Attributes:
        number: 13 characters, without white space, in capitals.
        indicator: two letters for the service.
        service: what they mean, where the UPU has assigned them.
        country_code: ISO 3166-1 alpha-2 of the post that issued the number.
        operator: the name of that post.
    """

    number: str
    indicator: str
    serial: str
    country_code: str
    country: str
    operator: str
    service: str | None


def parse_s10(text: str) -> S10:
    """A postal item number; white space and lower case are passed over.

    Raises:
        BadInput: wrong shape, wrong check digit, or a country whose post issues no such numbers.
    """
    number = compact(text)
    if len(number) != 13:
        raise BadInput(f"{len(number)} characters: an S10 number has 13")
    shape = SHAPE.fullmatch(number)
    if shape is None:
        raise BadInput("an S10 number is two letters, nine digits and two letters")
    indicator, serial, check, country_code = shape.groups()
    expected = s10_check_digit(serial)
    if check != str(expected):
        raise BadInput(f"check digit {check} should be {expected}")
    services, posts = get_format("s10").lookups
    post = posts.find_row(country_code)
    if post is None:
        raise BadInput(f"{country_code} is no country whose post issues S10 numbers")
    service = services.find_row(indicator)
    return S10(
        number=number,
        indicator=indicator,
        serial=serial,
        country_code=country_code,
        country=post.country or country_code,
        operator=post.operator or country_code,
        service=service.name if service else None,
    )
