"""Checks by name, so that anyone can hold a suite of their own against Waypost.

A check takes one text, or an object of named texts, and gives a verdict. Each room has a registry of the kinds that it
can check; `merge_checks` joins them, and `run_lines` answers lines of JSON:

    {"id": 1, "kind": "sscc.validate", "input": "106141411234567897"}   ->   {"id":1,"verdict":{"valid":true}}
    {"id": 2, "kind": "moon.phase", "input": ""}                        ->   {"id":2,"unsupported":true}
    {"id": 3, "kind": "sscc.validate"                                   ->   {"id":null,"error":"line 3: ..."}
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO

import msgspec

from waypost.model.decoding import decode
from waypost.model.errors import BadInput, Conflict
from waypost.model.identifiers.air import parse_air_waybill, parse_uld
from waypost.model.identifiers.carriers import list_matches
from waypost.model.identifiers.containers import parse_container
from waypost.model.identifiers.element_strings import parse_element_strings
from waypost.model.identifiers.gs1 import compute_check_digit, parse_gtin, parse_sscc
from waypost.model.identifiers.s10 import parse_s10


class ObjectCheck(msgspec.Struct, frozen=True):
    """A check of an object: `verdict` takes it as JSON has it.

    `alone` names a text that may be given without an object around it, where nothing else is needed.
    """

    verdict: Callable[[Mapping[str, Any]], msgspec.Struct]
    alone: str = ""


#: A check gives its verdict for every text (or object) and never raises for a bad one: the verdict then has a reason.
Check = Callable[[str], msgspec.Struct] | ObjectCheck


#: A longer line is no question; so many bytes of one are held at most.
LONGEST_LINE = 1 << 20
_SKIPPED_AT_ONCE = 1 << 16


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the input is valid; with the reason whenever it is not."""

    valid: bool
    reason: str | None = None


class CarrierVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """For whom a tracking number is valid.

    Attributes:
        couriers: codes of carriers in the order of the alphabet, empty when it is valid for none. Elsewhere a courier
            is a person; here the name is that of the published formats.
        reason: why it is valid for none.
    """

    valid: bool
    couriers: tuple[str, ...]
    reason: str | None = None


class CheckDigitVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The check digit that belongs to the input, or the reason why there is none."""

    check_digit: int | None
    reason: str | None = None


class Line(msgspec.Struct, frozen=True):
    """A line that asks for a check. The id may be any JSON and is given back byte for byte."""

    kind: str
    input: Any
    id: msgspec.Raw = msgspec.Raw(b"null")


class LineId(msgspec.Struct, frozen=True):
    """What is read of a line that cannot be answered."""

    id: msgspec.Raw = msgspec.Raw(b"null")


def validate_with(parse: Callable[[str], object]) -> Check:
    """A check that is passed when the parser raises no BadInput."""

    def check(text: str) -> Verdict:
        try:
            parse(text)
        except BadInput as fault:
            return Verdict(valid=False, reason=str(fault))
        return Verdict(valid=True)

    return check


def check_tracking_number(text: str) -> CarrierVerdict:
    """For which carriers' formats the number is valid."""
    try:
        matches = list_matches(text)
    except BadInput as fault:
        return CarrierVerdict(valid=False, couriers=(), reason=str(fault))
    carriers = tuple(sorted({match.carrier for match in matches if match.valid}))
    if carriers:
        return CarrierVerdict(valid=True, couriers=carriers)
    reasons = "; ".join(f"{match.format_name}: {match.reason}" for match in matches)
    return CarrierVerdict(valid=False, couriers=(), reason=reasons or "no known carrier has numbers of this form")


def check_gtin_digit(text: str) -> CheckDigitVerdict:
    """The check digit for a GTIN without it."""
    try:
        return CheckDigitVerdict(check_digit=compute_check_digit(text))
    except BadInput as fault:
        return CheckDigitVerdict(check_digit=None, reason=str(fault))


#: The kinds of this room.
CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "awb.validate": validate_with(parse_air_waybill),
        "container.validate": validate_with(parse_container),
        "gs1_element_string.validate": validate_with(parse_element_strings),
        "gtin.check_digit": check_gtin_digit,
        "gtin.validate": validate_with(parse_gtin),
        "s10.validate": validate_with(parse_s10),
        "sscc.validate": validate_with(parse_sscc),
        "tracking_number.detect": check_tracking_number,
        "uld.validate": validate_with(parse_uld),
    }
)


def merge_checks(*registries: Mapping[str, Check]) -> Mapping[str, Check]:
    """One registry of several rooms' kinds.

    Raises:
        Conflict: two rooms answer to the same kind.
    """
    merged: dict[str, Check] = {}
    for registry in registries:
        if twice := sorted(merged.keys() & registry.keys()):
            raise Conflict(f"two rooms check {', '.join(twice)}", mend="Give one of them another name.")
        merged |= registry
    return MappingProxyType(merged)


def find_id(line: str | bytes) -> msgspec.Raw:
    """The id of a line that cannot be answered, `null` when even that cannot be read."""
    try:
        found = decode(line, LineId).id
        bytes(found).decode()  # it is given back as it stands, and nobody has looked into it yet
        return found
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return LineId().id


def answer_line(number: int, line: str | bytes, registry: Mapping[str, Check]) -> dict[str, Any]:
    """The answer to one line."""
    if len(line) > LONGEST_LINE:
        return {"id": LineId().id, "error": f"line {number}: is longer than {LONGEST_LINE} bytes"}
    try:
        asked = decode(line, Line)
        bytes(asked.id).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as fault:
        return {"id": find_id(line), "error": f"line {number}: {fault}"}
    check = registry.get(asked.kind)
    if check is None:
        return {"id": asked.id, "unsupported": True}
    try:
        return {"id": asked.id, "verdict": _judge(check, asked.input)}
    except BadInput as fault:
        return {"id": asked.id, "error": f"line {number}: {fault}"}
    except Exception as fault:  # a defect of one check must not cost the answers to the other lines
        return {"id": asked.id, "error": f"line {number}: {asked.kind} failed: {type(fault).__name__}: {fault}"}


def _judge(check: Check, told: Any) -> msgspec.Struct:
    if isinstance(check, ObjectCheck):
        if check.alone and isinstance(told, str):
            return check.verdict({check.alone: told})
        if not isinstance(told, dict):
            raise BadInput("the input must be an object")
        return check.verdict(told)
    if not isinstance(told, str):
        raise BadInput("the input must be a string")
    return check(told)


def read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream without their ends, each as it comes; of one that is too long only the beginning.

    That beginning is one byte longer than `LONGEST_LINE`, and is given out before the rest is passed over: the line
    may have no end.
    """
    while line := stream.readline(LONGEST_LINE + 1):
        yield line.removesuffix(b"\n")
        while line and not line.endswith(b"\n"):
            line = stream.readline(_SKIPPED_AT_ONCE)


def run_lines(lines: Iterable[str | bytes], registry: Mapping[str, Check]) -> Iterator[str]:
    """An answer per line that is not blank, in order; a line that cannot be answered gets an error and stops nothing.

    Args:
        lines: JSON objects with `id`, `kind` and `input`, as text or UTF-8; one over `LONGEST_LINE` gets an error.
        registry: who answers to which kind.

    Yields:
        JSON without a line end: `{"id":…,"verdict":{…}}`, `{"id":…,"unsupported":true}` or
        `{"id":…,"error":"line N: …"}`.
    """
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE or line.strip():
            yield msgspec.json.encode(answer_line(number, line, registry)).decode()
