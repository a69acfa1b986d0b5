"""Rules for parts of GS1 element strings, by the names that `application_identifiers.json` uses.

A rule takes a part whose length and characters are right already, and gives the reason why it is wrong, or None.
Source: GS1 General Specifications, sections 3 and 7.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from waypost.model.identifiers.check_digits import ALPHANUMERIC, SET_32, gs1_check_digit, gs1_check_pair
from waypost.model.identifiers.codes import (
    list_country_letters,
    list_country_numbers,
    list_currency_numbers,
    list_freight_unit_types,
)
from waypost.model.identifiers.coupons import find_coupon_fault, find_positive_offer_fault
from waypost.model.identifiers.dates import find_date_fault, find_full_date_fault, find_time_fault

Rule = Callable[[str], str | None]

SHORTEST_COMPANY_PREFIX = 4
SHORTEST_IBAN = 11


def find_check_digit_fault(digits: str) -> str | None:
    """The last digit must be the check digit of the others."""
    expected = gs1_check_digit(digits[:-1])
    return None if digits[-1] == str(expected) else f"check digit {digits[-1]} should be {expected}"


def find_check_pair_fault(text: str) -> str | None:
    """The last two characters must be the check characters of the others."""
    if len(text) < 2:
        return "too short for two check characters"
    pair = text[-2:]
    if not set(pair) <= set(SET_32):
        return f"{pair} are no check characters"
    expected = gs1_check_pair(text[:-2])
    return None if pair == expected else f"check characters {pair} should be {expected}"


def find_prefix_fault(text: str) -> str | None:
    """It must start with a GS1 Company Prefix, which has four digits at least."""
    if re.match(f"[0-9]{{{SHORTEST_COMPANY_PREFIX}}}", text):
        return None
    return f"{text} does not start with a GS1 Company Prefix"


def find_iban_fault(text: str) -> str | None:
    """ISO 13616: country, check digits and account; modulo 97 leaves 1. XK is Kosovo's, which ISO 3166 lacks."""
    if not re.fullmatch("[0-9A-Z]+", text):
        return "an IBAN has digits and capital letters only"
    if len(text) < SHORTEST_IBAN:
        return "too short for an IBAN"
    if text[:2] not in list_country_letters() | {"XK"}:
        return f"{text[:2]} is no country"
    number = "".join(str(ALPHANUMERIC.index(character)) for character in text[4:] + text[:4])
    return None if int(number) % 97 == 1 else "the check digits of the IBAN are wrong"


def find_piece_fault(digits: str) -> str | None:
    """The number of a piece and the number of pieces, of equal width, both from 1."""
    piece, total = int(digits[: len(digits) // 2]), int(digits[len(digits) // 2 :])
    return None if 1 <= piece <= total else f"there is no piece {piece} of {total}"


def find_sequence_fault(text: str) -> str | None:
    """A place and the end of the sequence, as 1/3."""
    shape = re.fullmatch("([1-9][0-9]*)/([1-9][0-9]*)", text)
    if shape and int(shape[1]) <= int(shape[2]):
        return None
    return f"{text} is no place in a sequence, such as 1/3"


def find_percent_fault(text: str) -> str | None:
    """A percent sign must be followed by two hexadecimal digits."""
    if wrong := re.search("%(?![0-9A-Fa-f]{2}).{0,2}", text):
        return f"{wrong.group()} is no percent-encoded character"
    return None


def at_most(limit: int, name: str) -> Rule:
    """A rule that the number may not exceed a limit."""
    return lambda digits: None if int(digits) <= limit else f"{digits} is beyond the largest {name}"


def one_of(codes: Callable[[], frozenset[str]], name: str) -> Rule:
    """A rule that the part must be in a code list, which is read when it is needed first."""
    return lambda text: None if text in codes() else f"{text} is no {name}"


def matches(pattern: str, must: str) -> Rule:
    """A rule that the part must have a pattern."""
    return lambda text: None if re.fullmatch(pattern, text) else f"{text} {must}"


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "check_digit": find_check_digit_fault,
        "check_pair": find_check_pair_fault,
        "company_prefix": find_prefix_fault,
        "country": one_of(list_country_numbers, "ISO 3166-1 numeric country code"),
        "country_letters": one_of(list_country_letters, "ISO 3166-1 country code"),
        "country_or_999": one_of(lambda: list_country_numbers() | {"999"}, "ISO 3166-1 numeric country code, nor 999"),
        "coupon": find_coupon_fault,
        "currency": one_of(list_currency_numbers, "ISO 4217 numeric currency code"),
        "date": find_date_fault,
        "date_or_month": lambda digits: find_date_fault(digits, day_may_be_missing=True),
        "freight_unit_type": one_of(list_freight_unit_types, "freight unit type of UN/CEFACT Recommendation 21"),
        "full_date": find_full_date_fault,
        "hour": find_time_fault,
        "hour_minute": find_time_fault,
        "hyphen": matches("-", "must be a hyphen"),
        "iban": find_iban_fault,
        "importer_index": matches("[-0-9A-Z_a-z]", "is no importer index: a letter, digit, hyphen or underscore"),
        "latitude": at_most(1_800_000_000, "latitude, 1800000000"),
        "longitude": at_most(3_600_000_000, "longitude, 3600000000"),
        "media_type": matches("0[1-9]|10|[89][0-9]", "is no AIDC media type"),
        "minute": lambda digits: find_time_fault("00" + digits),
        "no_leading_zero": matches("[1-9][0-9]*", "may not start with 0"),
        "not_all_digits": matches(".*[^0-9].*", "must have a character that is no digit"),
        "not_zero": matches(".*[^0].*", "may not be zero"),
        "percent_encoded": find_percent_fault,
        "piece_of_total": find_piece_fault,
        "place_in_sequence": find_sequence_fault,
        "positive_offer": find_positive_offer_fault,
        "second": lambda digits: find_time_fault("0000" + digits),
        "sex": matches("[0129]", "is no code of ISO/IEC 5218"),
        "winding": matches("[019]", "is no winding direction: 0, 1 or 9"),
        "yes_or_no": matches("[01]", "must be 0 or 1"),
        "zero": matches("0", "must be 0"),
    }
)
