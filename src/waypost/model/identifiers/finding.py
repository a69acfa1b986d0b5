"""Everything that a number could be, for people."""

import re
from collections.abc import Callable

import msgspec

from waypost.model.errors import BadInput
from waypost.model.identifiers.air import parse_air_waybill, parse_uld
from waypost.model.identifiers.carriers import list_matches
from waypost.model.identifiers.characters import compact
from waypost.model.identifiers.containers import parse_container
from waypost.model.identifiers.element_strings import list_missing, parse_element_strings
from waypost.model.identifiers.gs1 import parse_gtin, parse_sscc
from waypost.model.identifiers.s10 import parse_s10


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a number could be.

    Attributes:
        kind: `s10`, `sscc`, `gtin`, `awb`, `container`, `uld`, `gs1_element_string` or `tracking_number`.
        name: the same for people, such as `FedEx Express (12)`.
        number: as it is kept, without white space.
        reason: why it is not valid; never missing then.
        carrier: the code of the carrier, for `tracking_number`.
        details: what is known of its parts: country, operator, owner, service, values of element strings ...
    """

    kind: str
    name: str
    number: str
    valid: bool
    reason: str | None = None
    carrier: str | None = None
    details: dict[str, str] = {}


Reader = Callable[[str], tuple[str, dict[str, str | None]]]


def read_s10(text: str) -> tuple[str, dict[str, str | None]]:
    """The number and its details."""
    item = parse_s10(text)
    details = {"country": item.country, "operator": item.operator}
    return item.number, {**details, "service": item.service or f"{item.indicator} (not assigned)"}


def read_sscc(text: str) -> tuple[str, dict[str, str | None]]:
    """The number and its details."""
    unit = parse_sscc(text)
    return unit.number, {"extension_digit": unit.extension_digit, "issuer": unit.issuer}


def read_gtin(text: str) -> tuple[str, dict[str, str | None]]:
    """The number and its details."""
    item = parse_gtin(text)
    return item.number, {"format": f"GTIN-{len(item.number)}", "issuer": item.issuer}


def read_air_waybill(text: str) -> tuple[str, dict[str, str | None]]:
    """The number and its details."""
    waybill = parse_air_waybill(text)
    return waybill.number, {"prefix": waybill.prefix, "airline": waybill.airline}


def read_container(text: str) -> tuple[str, dict[str, str | None]]:
    """The number and its details."""
    container = parse_container(text)
    return container.number, {"owner": container.owner, "category": container.category}


def read_uld(text: str) -> tuple[str, dict[str, str | None]]:
    """The number and its details."""
    uld = parse_uld(text)
    return uld.number, {"category": uld.category, "owner": uld.owner, "airline": uld.airline}


def read_element_strings(text: str) -> tuple[str, dict[str, str | None]]:
    """The message and its values, and what must stand on the same item beside it."""
    elements = parse_element_strings(text)
    details: dict[str, str | None] = {f"({element.ai}) {element.title}": element.value for element in elements}
    return text, {**details, "not_here": "; ".join(list_missing(elements))}


#: Kind, name, what such a number looks like when it is compact, and who reads it.
KINDS: tuple[tuple[str, str, re.Pattern[str], Reader], ...] = (
    ("s10", "postal item (UPU S10)", re.compile("[A-Z]{2}[0-9]{9}[A-Z]{2}"), read_s10),
    ("sscc", "logistic unit (SSCC)", re.compile(r"(?:\(00\))?[0-9]{18}"), read_sscc),
    ("gtin", "trade item (GTIN)", re.compile("[0-9]{8}|[0-9]{12,14}"), read_gtin),
    ("awb", "air waybill", re.compile("[0-9]{3}-?[0-9]{8}"), read_air_waybill),
    ("container", "freight container (ISO 6346)", re.compile("[A-Z]{3}-?[A-Z]-?[0-9]{6}-?[0-9]?"), read_container),
    ("uld", "unit load device (IATA)", re.compile("[A-Z][A-Z0-9]{2}[0-9]{4,5}[A-Z0-9]{2,3}"), read_uld),
)
ELEMENT_STRING_BEGINS = re.compile(r"\^|\(\d{2,4}\)|\]\w\d", re.ASCII)


def read_finding(kind: str, name: str, number: str, read: Reader, text: str) -> Finding:
    """What one reader makes of the text."""
    try:
        number, details = read(text)
    except BadInput as fault:
        return Finding(kind=kind, name=name, number=number, valid=False, reason=str(fault))
    return Finding(
        kind=kind, name=name, number=number, valid=True, details={key: value for key, value in details.items() if value}
    )


def identify(text: str) -> list[Finding]:
    """Everything that a number could be, the valid findings first; empty when it looks like nothing known.

    Args:
        text: one number, with or without white space; element strings with FNC1 as `^` or with AIs in brackets.

    Raises:
        BadInput: nothing, a character that is not ASCII, or more characters than any number has.
    """
    written = text.strip()
    if ELEMENT_STRING_BEGINS.match(written):
        name = "GS1 element strings"
        findings = [read_finding("gs1_element_string", name, written, read_element_strings, written)]
        if not re.fullmatch(r"\(00\)[0-9 ]+", written):
            return findings
    else:
        findings = []
    number = compact(text)
    findings += [
        read_finding(kind, name, number, read, text) for kind, name, shape, read in KINDS if shape.fullmatch(number)
    ]
    findings += [
        Finding(
            kind="tracking_number",
            name=match.format_name,
            number=match.number,
            valid=match.valid,
            reason=match.reason,
            carrier=match.carrier,
            details=match.details | ({"tracking_url": match.tracking_url} if match.tracking_url else {}),
        )
        for match in list_matches(text)
        if match.format != "s10"  # that is the finding above, which says more
    ]
    return sorted(findings, key=lambda finding: not finding.valid)
