"""Telephone numbers of all countries, on the plans that the package phonenumbers holds."""

from typing import TYPE_CHECKING

from waypost.model.errors import BadInput
from waypost.model.guarded import Guarded

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

#: Longer than any number with an extension.
_LONGEST = 60


class Phone(Guarded, frozen=True, kw_only=True):
    """A telephone number that can exist. Personal data.

    Attributes:
        e164: with `+` and country, digits only.
        national: as people of its country write it.
        country: ISO 3166-1 alpha-2, or "" where several share the prefix and nobody can tell.
        is_mobile: None where mobile and fixed numbers look alike, as in North America.
        extension: what is dialled after it.
    """

    SHOWN = ("country", "is_mobile")

    e164: str
    national: str
    country: str
    is_mobile: bool | None
    extension: str = ""


def parse_phone(text: str, country: str) -> Phone:
    """A number as people write it.

    Args:
        text: with or without the country's prefix, blanks and dashes as one likes.
        country: where it is dialled without a prefix, ISO 3166-1 alpha-2.

    Raises:
        BadInput: it can be no number there.
    """
    import phonenumbers as known  # only who asks pays for it: `import waypost` stays quick

    if len(text) > _LONGEST:
        raise BadInput("is too long for a telephone number", where="phone")
    try:
        number = known.parse(text, country.upper() or None)
    except known.NumberParseException as fault:
        if fault.error_type == known.NumberParseException.INVALID_COUNTRY_CODE:
            raise BadInput(
                "begins with the prefix of no country", where="phone", mend="Write it with + and the country's prefix."
            ) from None
        raise BadInput(
            "is no telephone number", where="phone", mend="Write digits, with + in front of a country's prefix."
        ) from None
    if not known.is_valid_number(number):
        raise BadInput(_fault(number), where="phone", mend="Compare it with the number that the person gave.")
    kind = known.number_type(number)
    kinds = known.PhoneNumberType
    return Phone(
        e164=known.format_number(number, known.PhoneNumberFormat.E164),
        national=known.format_number(number, known.PhoneNumberFormat.NATIONAL),
        country=known.region_code_for_number(number) or "",
        is_mobile=None if kind == kinds.FIXED_LINE_OR_MOBILE else kind == kinds.MOBILE,
        extension=number.extension or "",
    )


def mask_phone(e164: str) -> str:
    """With the middle hidden, as it may stand on a label: the last four digits stay, and what tells the region.

    Args:
        e164: as `Phone.e164` has it, or any text of digits.
    """
    digits = len(e164.lstrip("+"))
    if digits <= 4:
        return "*" * digits
    shown = max(min(len(e164) - 8, 6), 0)
    return e164[:shown] + "*" * (len(e164) - shown - 4) + e164[-4:]


def _fault(number: "PhoneNumber") -> str:
    import phonenumbers as known

    reasons = known.ValidationResult
    match known.is_possible_number_with_reason(number):
        case reasons.TOO_SHORT:
            return "is too short for a telephone number there"
        case reasons.TOO_LONG:
            return "is too long for a telephone number there"
        case _:
            return "is given to nobody in the country's plan of numbers"
