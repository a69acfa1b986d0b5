"""Which carriers' numbers a number could be, by interpreting their formats.

Detection answers a list: the formats of several carriers overlap, and only the carrier knows which numbers it issued.
"""

import msgspec

from waypost.model.identifiers.characters import compact
from waypost.model.identifiers.check_digits import (
    luhn_check_digit,
    mod7_check_digit,
    mod10_check_digit,
    mod_37_36_check_character,
    s10_check_digit,
    weighted_check_digit,
)
from waypost.model.identifiers.formats import Checksum, NumberFormat, read_formats


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A number that looks like one format of one carrier.

    Attributes:
        number: compact, in capitals.
        reason: why it is not valid, for a number that only looks like it.
        details: what the lookups say about its parts (service, country, operator ...).
    """

    carrier: str
    carrier_name: str
    format: str
    format_name: str
    number: str
    valid: bool
    reason: str | None = None
    details: dict[str, str] = {}
    tracking_url: str | None = None


def expect_check(checksum: Checksum, serial: str) -> str:
    """The check digit that the serial must have."""
    match checksum.kind:
        case "mod7":
            return str(mod7_check_digit(serial))
        case "mod10":
            return str(mod10_check_digit(serial, evens=checksum.evens, odds=checksum.odds, reverse=checksum.reverse))
        case "luhn":
            return str(luhn_check_digit(serial))
        case "s10":
            return str(s10_check_digit(serial))
        case "sum_product_with_weightings_and_modulo":
            return str(
                weighted_check_digit(
                    serial, weights=checksum.weights, modulo=checksum.modulo, then_modulo=checksum.then_modulo
                )
            )
        case "mod_37_36":
            return mod_37_36_check_character(serial)
        case unknown:
            raise ValueError(f"formats.json names the checksum {unknown}, which nothing here computes")


def find_fault(each: NumberFormat, parts: dict[str, str]) -> str | None:
    """Why a number with these parts is not valid in this format, or None when it is."""
    if each.checksum is not None:
        serial = parts["SerialNumber"]
        if each.prepend is not None and each.prepend.applies_to(serial):
            serial = each.prepend.text + serial
        expected = expect_check(each.checksum, serial)
        if parts["CheckDigit"] != expected:
            return f"check digit {parts['CheckDigit']} should be {expected}"
    for name in each.must_exist:
        lookup = each.get_lookup(name)
        if lookup.find_row(parts[lookup.group]) is None:
            return f"no {name.lower()} is known for {parts[lookup.group]}"
    return None


def explain_parts(each: NumberFormat, parts: dict[str, str]) -> dict[str, str]:
    """What the lookups of a format say about the parts of a number."""
    details: dict[str, str] = {}
    for lookup in each.lookups:
        row = lookup.find_row(parts.get(lookup.group, ""))
        if row is None:
            continue
        if row.name:
            details[lookup.name.lower().replace(" ", "_")] = row.name
        details |= {
            name: value
            for name, value in {"country": row.country or row.country_code, "operator": row.operator}.items()
            if value
        }
    return details


def list_matches(text: str) -> list[Match]:
    """Every format that the number looks like, the valid ones first.

    Raises:
        BadInput: the text cannot be a number (see `characters.compact`).
    """
    number = compact(text)
    carriers = read_formats().carriers
    matches = []
    for each in read_formats().formats:
        parts = each.read_parts(number)
        if parts is None:
            continue
        reason = find_fault(each, parts)
        matches.append(
            Match(
                carrier=each.carrier,
                carrier_name=carriers[each.carrier],
                format=each.id,
                format_name=each.name,
                number=number,
                valid=reason is None,
                reason=reason,
                details=explain_parts(each, parts),
                tracking_url=each.tracking_url and each.tracking_url.replace("{number}", number),
            )
        )
    return sorted(matches, key=lambda match: not match.valid)


def detect_carriers(text: str) -> list[str]:
    """The codes of the carriers, in the order of the alphabet, for one of whose formats the number is valid."""
    return sorted({match.carrier for match in list_matches(text) if match.valid})
