"""GS1 element strings: what GS1-128, GS1 DataMatrix and GS1 QR Code symbols carry.

A message is FNC1 and then element strings, each an application identifier (AI) and its value. A value ends at the next
FNC1, unless its AI belongs to those with a predefined length. FNC1 is written `^`; what scanners send for it (a
symbology identifier in front, the control character GS between) is read too, and so is the text that is printed below
a symbol, with the AIs in brackets. Source: GS1 General Specifications, sections 3, 4.13, 5.10 and 7.8.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import msgspec

from waypost.model.decoding import decode
from waypost.model.errors import BadInput, TooLarge
from waypost.model.identifiers.characters import describe
from waypost.model.identifiers.check_digits import SET_82
from waypost.model.identifiers.element_rules import RULES

FNC1 = "^"
#: A GS1 QR Code holds 7,089 digits; no other symbol holds more.
LONGEST_MESSAGE = 7089
#: AIs that start so have a predefined length and need no FNC1 after them (figure 7.8.5-2).
PREDEFINED_LENGTH = {
    *("00", "01", "02", "03", "04", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20"),
    *("31", "32", "33", "34", "35", "36", "41"),
}
#: AIs whose serial component may be left out, except where AI 8030 signs it.
SERIAL_WHEN_SIGNED = {"253": 13, "255": 13, "8003": 14}
#: Symbology identifiers of symbols that carry element strings; they stand for FNC1 in first position.
SYMBOLOGIES = ("]C1", "]e0", "]d2", "]Q3", "]J1")
CHARACTER_SETS = {
    "N": (frozenset("0123456789"), "a digit"),
    "X": (frozenset(SET_82), "in GS1 character set 82"),
    "Y": (frozenset("#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "in GS1 character set 39"),
    "Z": (frozenset("-0123456789=ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"), "in GS1 character set 64"),
}
PART_SHAPE = re.compile(r"(\??)([NXYZ])(\d+)(?:\.\.(\d+))?((?: \w+)*)")
PRINTED_SHAPE = re.compile(r"\(([0-9]{2,4})\)((?:\\\(|[^(])*)")


class Part(msgspec.Struct, frozen=True):
    """One component of a value: its characters, its length, its rules."""

    characters: str
    shortest: int
    longest: int
    optional: bool
    rules: tuple[str, ...]


class ApplicationIdentifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of `application_identifiers.json`.

    Attributes:
        ai: one application identifier, or the first and the last of a range.
        title: the data title of the General Specifications.
        parts: such as `N14 check_digit` (length 14, one rule), `X1..20` (1 to 20), `?N4 time` (may be left out).
        needs_one_of: AIs that must mark the same item; `01+21` stands for both, `31nn` for any AI of that shape.
        never_with: AIs that may not mark the same item.
    """

    ai: str
    title: str
    parts: tuple[str, ...]
    needs_one_of: tuple[str, ...] = ()
    never_with: tuple[str, ...] = ()

    def read_parts(self) -> tuple[Part, ...]:
        """The components in order."""
        return tuple(read_part(text) for text in self.parts)


class ApplicationIdentifierFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data file."""

    source: str
    application_identifiers: tuple[ApplicationIdentifier, ...]


class Element(msgspec.Struct, frozen=True):
    """One element string: its AI, the data title of the AI, and the value."""

    ai: str
    title: str
    value: str


@cache
def read_part(text: str) -> Part:
    """A component as the data file writes it."""
    shape = PART_SHAPE.fullmatch(text)
    if shape is None:
        raise ValueError(f"application_identifiers.json: cannot read the part {text}")
    optional, characters, shortest, longest, rules = shape.groups()
    return Part(characters, int(shortest), int(longest or shortest), bool(optional), tuple(rules.split()))


@cache
def read_application_identifiers() -> dict[str, ApplicationIdentifier]:
    """Every AI with its row; ranges are spread out."""
    path = files(__package__).joinpath("application_identifiers.json")
    rows = decode(path.read_bytes(), ApplicationIdentifierFile).application_identifiers
    spread: dict[str, ApplicationIdentifier] = {}
    for row in rows:
        first, _, last = row.ai.partition("-")
        spread |= {f"{number:0{len(first)}}": row for number in range(int(first), int(last or first) + 1)}
    return spread


def find_ai(text: str) -> str | None:
    """The AI that the text starts with; none is the beginning of another."""
    known = read_application_identifiers()
    return next((text[:length] for length in (2, 3, 4) if text[:length] in known), None)


def has_predefined_length(ai: str) -> bool:
    """Whether the value of this AI ends without FNC1."""
    return ai[:2] in PREDEFINED_LENGTH


def read_value(ai: str, text: str, where: str) -> str:
    """The value at the beginning of the text, which ends at the next FNC1 or the end of the message.

    Raises:
        BadInput: too short or too long, characters outside its set, or against a rule.
    """
    if not text:
        raise BadInput(f"AI {ai} has no value", where=where)
    place = 0
    for part in read_application_identifiers()[ai].read_parts():
        piece = text[place : place + part.longest]
        if not piece and part.optional:
            continue
        if len(piece) < part.shortest:
            raise BadInput(f"the value of AI {ai} is too short", where=where)
        allowed, name = CHARACTER_SETS[part.characters]
        for character in piece:
            if character not in allowed:
                raise BadInput(f"AI {ai}: {describe(character)} is not {name}", where=where)
        if part.characters == "Z" and not re.fullmatch("[^=]+={0,2}", piece):
            raise BadInput(f"AI {ai}: = is padding, at the end and at most twice", where=where)
        for rule in part.rules:
            if fault := RULES[rule](piece):
                raise BadInput(f"AI {ai}: {fault}", where=where)
        place += len(piece)
    return text[:place]


def split_message(message: str) -> Iterator[Element]:
    """The element strings of a message with FNC1.

    Raises:
        BadInput: an unknown AI, a wrong value, or a value that runs on where FNC1 is missing.
    """
    titles = read_application_identifiers()
    place = 1
    while place < len(message):
        where = f"character {place + 1}"
        ai = find_ai(message[place : place + 4])
        if ai is None:
            raise BadInput(f"no AI starts with {message[place : place + 4]}", where=where)
        end = message.find(FNC1, place)
        rest = message[place + len(ai) : len(message) if end < 0 else end]
        value = read_value(ai, rest, where)
        if len(value) < len(rest) and not has_predefined_length(ai):
            raise BadInput(f"the value of AI {ai} is too long, or FNC1 is missing after it", where=where)
        yield Element(ai, titles[ai].title, value)
        place += len(ai) + len(value)
        place += message[place : place + 1] == FNC1


def split_printed(text: str) -> Iterator[Element]:
    r"""The element strings of printed text, such as `(01)09521234543213(10)ABC`; a bracket in a value is `\(`.

    Raises:
        BadInput: text that is not of this form, an unknown AI, or a wrong value.
    """
    titles = read_application_identifiers()
    place = 0
    while place < len(text):
        where = f"character {place + 1}"
        shape = PRINTED_SHAPE.match(text, place)
        if shape is None:
            raise BadInput("an AI in brackets is expected here, such as (01)", where=where)
        ai, value = shape[1], shape[2].replace("\\(", "(")
        if ai not in titles:
            raise BadInput(f"there is no AI {ai}", where=where)
        if len(read_value(ai, value, where)) < len(value):
            raise BadInput(f"the value of AI {ai} is too long", where=where)
        yield Element(ai, titles[ai].title, value)
        place = shape.end()


def answers_to(ai: str, pattern: str) -> bool:
    """Whether an AI is the one named, where n stands for any digit."""
    return len(ai) == len(pattern) and all(wanted in (digit, "n") for digit, wanted in zip(ai, pattern, strict=True))


def check_together(elements: list[Element]) -> None:
    """Makes sure that the element strings may mark one item.

    Raises:
        BadInput: one AI with two values, AIs that exclude each other, or a signature of a key without its serial.
    """
    values: dict[str, str] = {}
    for element in elements:
        if values.setdefault(element.ai, element.value) != element.value:
            raise BadInput(f"AI {element.ai} is there twice with different values")
    for ai in values:
        for pattern in read_application_identifiers()[ai].never_with:
            if other := next((other for other in values if other != ai and answers_to(other, pattern)), None):
                raise BadInput(f"AI {ai} and AI {other} may not mark the same item")
    if "8030" in values:
        for ai, length in SERIAL_WHEN_SIGNED.items():
            if len(values.get(ai, "")) == length:
                raise BadInput(f"AI 8030 signs AI {ai}, which then needs its serial component")


def list_missing(elements: list[Element]) -> list[str]:
    """What other AIs must mark the same item, such as `AI 10 needs one of 01, 02`.

    This is no fault of the message: the General Specifications judge it over all symbols on the item (4.13).
    """
    there = {element.ai for element in elements}
    missing = []
    for ai in sorted(there):
        needed = read_application_identifiers()[ai].needs_one_of
        if needed and not any(
            all(any(answers_to(other, each) for other in there - {ai}) for each in group.split("+")) for group in needed
        ):
            missing.append(f"AI {ai} needs {'one of ' if len(needed) > 1 else ''}{', '.join(needed)} on the same item")
    return missing


def parse_element_strings(text: str) -> list[Element]:
    """The element strings of a message, in order.

    Args:
        text: with FNC1 as `^` in first position and wherever one is needed; or as a scanner sends it; or as printed,
            with AIs in brackets. FNC1 after a value of predefined length or at the end does no harm.

    Raises:
        TooLarge: more than any symbol holds.
        BadInput: with the position.
    """
    if len(text) > LONGEST_MESSAGE:
        raise TooLarge(f"{len(text)} characters: no symbol holds more than {LONGEST_MESSAGE}")
    message = text.replace("\x1d", FNC1)
    if symbology := next((each for each in SYMBOLOGIES if message.startswith(each)), None):
        message = FNC1 + message.removeprefix(symbology)
    if message.startswith("("):
        elements = list(split_printed(message))
    elif not message.startswith(FNC1):
        raise BadInput("FNC1 is missing in first position.", where="character 1", mend="Write it as ^.")
    else:
        elements = list(split_message(message))
    if not elements:
        raise BadInput("there is no element string after FNC1")
    check_together(elements)
    return elements
