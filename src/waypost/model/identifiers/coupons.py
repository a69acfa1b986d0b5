"""Coupon codes of North America, as application identifiers 8110 and 8112 carry them.

Sources: North American Coupon Application Guideline; GS1 AI (8112) Coupon Data Specification. Fields of variable length
follow a digit that says how long they are.
"""

import re

from waypost.model.identifiers.dates import find_date_fault

DIGITS = re.compile("[0-9]+")


class Fault(Exception):
    """What is wrong; it never leaves this module."""


class Digits:
    """Digits that are taken one field after the other."""

    def __init__(self, digits: str) -> None:
        self.rest = digits

    def take(self, length: int, field: str) -> str:
        """The next digits, which are the named field."""
        if len(self.rest) < length:
            raise Fault(f"the {field} is cut off")
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def take_code(self, allowed: str, field: str) -> str:
        """One digit out of those allowed."""
        code = self.take(1, field)
        if code not in allowed:
            raise Fault(f"the {field} is {code}: it must be one of {', '.join(allowed)}")
        return code

    def take_counted(self, allowed: str, field: str, *, added: int = 0, nothing: str | None = None) -> str:
        """A digit that says how many there are beyond `added`, or by `nothing` that there are none; and then those."""
        count = self.take_code(allowed, f"length of the {field}")
        return "" if count == nothing else self.take(int(count) + added, field)

    def take_option(self, indicator: str) -> bool:
        """Whether the optional field with this indicator comes next; the indicator is taken."""
        found = self.rest.startswith(indicator)
        self.rest = self.rest[found:]
        return found

    def take_date(self, field: str) -> str:
        """Six digits that are a date."""
        date = self.take(6, field)
        if find_date_fault(date):
            raise Fault(f"the {field} {date} does not exist")
        return date

    def take_nothing(self) -> None:
        """Makes sure that nothing is left."""
        if self.rest:
            raise Fault(f"{self.rest} follows the last field")


def take_requirement(digits: Digits, which: str, *, with_prefix: bool) -> None:
    """What must be bought: how much, of which kind, of which family, and for a further purchase of which company."""
    digits.take_counted("12345", f"{which} purchase requirement")
    digits.take_code("012349", f"{which} purchase requirement code")
    digits.take(3, f"{which} purchase family code")
    if with_prefix:
        digits.take_counted("01234569", f"company prefix of the {which} purchase", added=6, nothing="9")


def take_options(digits: Digits) -> None:
    """The optional fields of 8110, which come in this order."""
    if digits.take_option("1"):
        digits.take_code("0123", "additional purchase rules code")
        take_requirement(digits, "second", with_prefix=True)
    if digits.take_option("2"):
        take_requirement(digits, "third", with_prefix=True)
    expiry = digits.take_date("expiration date") if digits.take_option("3") else None
    start = digits.take_date("start date") if digits.take_option("4") else None
    if expiry and start and expiry < start:
        raise Fault("it expires before it starts")
    if digits.take_option("5"):
        digits.take_counted("0123456789", "serial number", added=6)
    if digits.take_option("6"):
        digits.take_counted("1234567", "retailer's company prefix or GLN", added=6)
    if digits.take_option("9"):
        digits.take_code("01256", "save value code")
        digits.take_code("012", "item that the save value applies to")
        digits.take(1, "store coupon flag")
        digits.take_code("01", "don't multiply flag")


def find_coupon_fault(text: str) -> str | None:
    """Why this is no coupon code (8110), or None when it is one."""
    if not DIGITS.fullmatch(text):
        return "a coupon code has digits only"
    digits = Digits(text)
    try:
        digits.take_counted("0123456", "company prefix", added=6)
        digits.take(6, "offer code")
        digits.take_counted("12345", "save value")
        take_requirement(digits, "first", with_prefix=False)
        take_options(digits)
        digits.take_nothing()
    except Fault as fault:
        return str(fault)
    return None


def find_positive_offer_fault(text: str) -> str | None:
    """Why this is no coupon code of a positive offer file (8112), or None when it is one."""
    if not DIGITS.fullmatch(text):
        return "a coupon code has digits only"
    digits = Digits(text)
    try:
        digits.take_code("01", "format")
        digits.take_counted("0123456", "coupon funder", added=6)
        digits.take(6, "offer code")
        digits.take_counted("0123456789", "serial number", added=6)
        digits.take_nothing()
    except Fault as fault:
        return str(fault)
    return None
