"""Single fields of rows of master data: read and checked, or refused by name."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput
from waypost.model.places import Place
from waypost.model.texts import has_control
from waypost.track.feed import FileRefusal
from waypost.track.intake import (
    HAS_CONTROL,
    MAX_FACILITY,
    MAX_NUMBER,
    MISSING,
    NO_CARRIER,
    NO_NUMBER,
    NUMBER,
    TOO_LONG,
)
from waypost.track.wire import BLANKS

T = TypeVar("T")

_NUMBER = re.compile(NUMBER)
_COUNTRY = re.compile(r"[A-Z]{2}")
_BLANKS = re.compile(BLANKS)

#: Lengths that the tables of `Records` have room for.
CODE, NAME, CITY, NOTE = MAX_FACILITY, 200, 120, 400


class BadFieldError(BadInput):
    """One field of a row cannot be used; the other rows can."""

    def __init__(self, field: str, reason: str, value: str | None = None) -> None:
        super().__init__(reason, where=field)
        self.field, self.reason, self.value = field, reason, value

    def refusal(self, source: str, line: int) -> FileRefusal:
        """The same as a report has it."""
        return FileRefusal(source, line, self.field, self.reason, None if self.value is None else self.value[:60])


def read_words(text: str | None, field: str, most: int) -> str | None:
    """Text without blanks around it; None where there is none.

    Raises:
        BadFieldError: too long, or with control characters.
    """
    text = (text or "").strip()
    if len(text) > most:
        raise BadFieldError(field, TOO_LONG.format(most), text)
    if has_control(text):
        raise BadFieldError(field, HAS_CONTROL, text)
    return text or None


def parse_words(text: str | None, field: str, most: int) -> str:
    """As `read_words`, of a field that has to be there."""
    words = read_words(text, field, most)
    if words is None:
        raise BadFieldError(field, MISSING)
    return words


def parse_carrier(text: str | None, field: str = "carrier") -> str:
    """A carrier code.

    Raises:
        BadFieldError: missing, or no code.
    """
    code = parse_words(text, field, NOTE)
    if not CARRIER_CODE.fullmatch(code):
        raise BadFieldError(field, NO_CARRIER, code)
    return code


def parse_number(text: str | None, field: str = "number") -> str:
    """A waybill number, without any blanks.

    Raises:
        BadFieldError: missing, too long, or with characters that no waybill number has.
    """
    number = _BLANKS.sub("", (text or "").strip())
    if not number:
        raise BadFieldError(field, MISSING)
    if len(number) > MAX_NUMBER:
        raise BadFieldError(field, TOO_LONG.format(MAX_NUMBER), number)
    if not _NUMBER.fullmatch(number):
        raise BadFieldError(field, NO_NUMBER, number)
    return number


def read_area(row: Mapping[str, str], prefix: str = "") -> Place | None:
    """City, region and country of a row, under names with that prefix; None where all are missing.

    Raises:
        BadFieldError: one of them cannot be.
    """
    city, region = (read_words(row.get(prefix + name), prefix + name, CITY) for name in ("city", "region"))
    country = read_words(row.get(f"{prefix}country"), f"{prefix}country", CITY)
    if country is not None and not _COUNTRY.fullmatch(country):
        reason = "is no ISO 3166-1 alpha-2 country code: two letters such as CN"
        raise BadFieldError(f"{prefix}country", reason, country)
    if city is None and region is None and country is None:
        return None
    return Place(city=city, region=region, country=country)


def parse_field(parse: Callable[[str], T], text: str | None, field: str) -> T | None:
    """What `parse` makes of a field that may be missing; what it refuses with `BadInput` is refused under its name.

    Raises:
        BadFieldError: what `parse` says.
    """
    text = (text or "").strip()
    if not text:
        return None
    try:
        return parse(text)
    except BadFieldError:
        raise
    except BadInput as error:
        raise BadFieldError(field, error.message.removeprefix(f"{error.where}: "), text) from None
