"""The number formats of carriers: the data file `formats.json` as typed records.

The file is made by `scripts/make_number_formats` from jkeen/tracking_number_data.
"""

import re
from functools import cache
from importlib.resources import files

import msgspec

from waypost.model.decoding import decode


class Checksum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the check digit is computed; which fields count depends on `kind` (see `carriers.expect_check`)."""

    kind: str
    weights: tuple[int, ...] = ()
    modulo: int = 10
    then_modulo: int = 10
    evens: int = 1
    odds: int = 1
    reverse: bool = False


class Prepend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Text that stands before the serial number for the checksum, when the serial matches."""

    when: str
    text: str

    def applies_to(self, serial: str) -> bool:
        """Whether the text belongs before this serial number."""
        return compile_pattern(self.when).match(serial) is not None


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a lookup: it answers to a code or to a pattern."""

    code: str | None = None
    pattern: str | None = None
    name: str | None = None
    country: str | None = None
    country_code: str | None = None
    operator: str | None = None

    def answers_to(self, value: str) -> bool:
        """Whether this row is about the value."""
        if self.pattern is not None:
            return re.fullmatch(self.pattern, value, re.ASCII) is not None
        return self.code == value


class Lookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table for one named part of a number."""

    name: str
    group: str
    rows: tuple[Row, ...]

    def find_row(self, value: str) -> Row | None:
        """The first row about the value."""
        return next((row for row in self.rows if row.answers_to(value)), None)


class NumberFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one kind of a carrier's numbers looks like.

    Attributes:
        pattern: for the compact number (no white space, capitals); its named groups are the parts.
        must_exist: lookups that must have a row for the number to be valid.
        tracking_url: the carrier's page, with `{number}` for the number.
    """

    id: str
    carrier: str
    name: str
    pattern: str
    checksum: Checksum | None = None
    prepend: Prepend | None = None
    must_exist: tuple[str, ...] = ()
    tracking_url: str | None = None
    lookups: tuple[Lookup, ...] = ()

    def read_parts(self, number: str) -> dict[str, str] | None:
        """The named parts of a compact number, or None when it does not look like this format."""
        match = compile_pattern(self.pattern).fullmatch(number)
        return None if match is None else {name: part for name, part in match.groupdict().items() if part}

    def get_lookup(self, name: str) -> Lookup:
        """The table of that name."""
        return next(lookup for lookup in self.lookups if lookup.name == name)


class FormatFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file: carriers' names by code, and their formats."""

    source: str
    carriers: dict[str, str]
    formats: tuple[NumberFormat, ...]


@cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern, once; digits are ASCII digits only."""
    return re.compile(pattern, re.ASCII)


@cache
def read_formats() -> FormatFile:
    """The formats that come with Waypost."""
    return decode(files(__package__).joinpath("formats.json").read_bytes(), FormatFile)


@cache
def get_format(format_id: str) -> NumberFormat:
    """One format by its id."""
    return next(each for each in read_formats().formats if each.id == format_id)
