"""GS1 keys: GTIN (the number of a trade item) and SSCC (the number of a logistic unit)."""

import re

import msgspec

from waypost.model.errors import BadInput
from waypost.model.identifiers.characters import compact
from waypost.model.identifiers.check_digits import gs1_check_digit
from waypost.model.identifiers.codes import read_gs1_prefixes

GTIN_LENGTHS = (8, 12, 13, 14)
SSCC_LENGTH = 18
#: Digits before the check digit, and whose keys have so many.
KEY_LENGTHS = {
    7: "GTIN-8",
    11: "GTIN-12",
    12: "GTIN-13 or GLN",
    13: "GTIN-14",
    16: "GSIN",
    17: "SSCC or GSRN",
}


class GTIN(msgspec.Struct, frozen=True, kw_only=True):
    """A Global Trade Item Number.

    Attributes:
        number: as it is written: 8, 12, 13 or 14 digits.
        issuer: the GS1 organisation whose prefix it has, where there is one.
    """

    number: str
    issuer: str | None

    @property
    def gtin_14(self) -> str:
        """The number in 14 digits, as data bases keep it."""
        return self.number.zfill(14)


class SSCC(msgspec.Struct, frozen=True, kw_only=True):
    """A Serial Shipping Container Code: the waybill number of a logistic unit.

    Attributes:
        number: 18 digits.
        extension_digit: chosen by the company that builds the number.
        issuer: the GS1 organisation whose prefix follows the extension digit.
    """

    number: str
    extension_digit: str
    issuer: str | None


def expect_digits(number: str, *, of: str) -> None:
    """Raises BadInput when something in the number is no digit."""
    if other := re.search(r"[^0-9]", number):
        raise BadInput(f"'{other.group()}' in {of}: it has digits only")


def expect_check_digit(digits: str, number: str) -> None:
    """Raises BadInput when the last digit of the number is not the check digit of those before it."""
    expected = gs1_check_digit(digits)
    if number[-1] != str(expected):
        raise BadInput(f"check digit {number[-1]} should be {expected}")


def parse_gtin(text: str) -> GTIN:
    """A GTIN-8, -12, -13 or -14; white space is passed over.

    Raises:
        BadInput: wrong length, something that is no digit, or a wrong check digit.
    """
    number = compact(text)
    expect_digits(number, of="a GTIN")
    if len(number) not in GTIN_LENGTHS:
        raise BadInput(f"{len(number)} digits: a GTIN has 8, 12, 13 or 14")
    expect_check_digit(number[:-1], number)
    # A GTIN-8 has a prefix of a list of its own.
    issuer = None if len(number) == 8 else read_gs1_prefixes().get(number.zfill(14)[1:4])
    return GTIN(number=number, issuer=issuer)


def parse_sscc(text: str) -> SSCC:
    """An SSCC of 18 digits; white space is passed over, and so is the `(00)` that labels print before it.

    Raises:
        BadInput: wrong length, something that is no digit, or a wrong check digit.
    """
    number = compact(text).removeprefix("(00)")
    expect_digits(number, of="an SSCC")
    if len(number) == SSCC_LENGTH + 2 and number.startswith("00"):
        raise BadInput(
            f"20 digits: an SSCC has {SSCC_LENGTH}.", mend="Leave out the application identifier 00 before it."
        )
    if len(number) != SSCC_LENGTH:
        raise BadInput(f"{len(number)} digits: an SSCC has {SSCC_LENGTH}")
    expect_check_digit(number[:-1], number)
    return SSCC(number=number, extension_digit=number[0], issuer=read_gs1_prefixes().get(number[1:4]))


def compute_check_digit(text: str) -> int:
    """The check digit for a GTIN (or another GS1 key) that lacks it: 7, 11, 12 or 13 digits, 16 or 17 for other keys.

    Raises:
        BadInput: no GS1 key has so many digits before its check digit, or something is no digit.
    """
    digits = compact(text)
    expect_digits(digits, of="a GTIN")
    if len(digits) not in KEY_LENGTHS:
        whole = "a whole GTIN" if len(digits) in GTIN_LENGTHS else "no GS1 key has so many before its check digit"
        lengths = ", ".join(f"{length} for {key}" for length, key in KEY_LENGTHS.items())
        raise BadInput(
            f"{len(digits)} digits: {whole}.",
            mend=f"Give the digits before the check digit: {lengths}.",
        )
    return gs1_check_digit(digits)
