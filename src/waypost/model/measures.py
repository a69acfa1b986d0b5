"""Money and weights."""

import decimal
import re

import msgspec

from waypost.model.errors import BadInput

#: Currencies whose minor unit is not a hundredth (ISO 4217).
_MINOR_DIGITS = {"BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KMF": 0,
                 "KRW": 0, "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "VND": 0, "VUV": 0,
                 "XAF": 0, "XOF": 0, "XPF": 0}  # fmt: skip
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([Ee][+-]?[0-9]{1,9})?")
_GRAMS = {
    "g": decimal.Decimal(1),
    "kg": decimal.Decimal(1000),
    "lb": decimal.Decimal("453.59237"),
    "oz": decimal.Decimal("28.349523125"),
}

MAX_WEIGHT_G = 40_000_000  #: more than any parcel or pallet; catches wrong units


class Money(msgspec.Struct, frozen=True):
    """An amount in integer minor units (cents, fen, centavos) of an ISO 4217 currency."""

    minor: int
    currency: str

    def __str__(self) -> str:
        digits = _MINOR_DIGITS.get(self.currency, 2)
        return f"{decimal.Decimal(self.minor).scaleb(-digits):.{digits}f} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise BadInput(f"cannot add {other.currency} to {self.currency}")
        return Money(self.minor + other.minor, self.currency)


def parse_money(amount: str, currency: str) -> Money:
    """Read a decimal amount such as `199.90`.

    Raises:
        BadInput: no number, or finer than the currency's minor unit.
    """
    if not _CURRENCY.fullmatch(currency):
        raise BadInput(f"{currency[:8]!r} is no ISO 4217 currency code", where="currency")
    digits = _MINOR_DIGITS.get(currency, 2)
    value = _decimal(amount, "amount").scaleb(digits)
    if value != value.to_integral_value():
        raise BadInput(f"{amount[:32]!r} is finer than the minor unit of {currency}", where="amount")
    return Money(int(value), currency)


def parse_weight_g(text: str, unit: str = "g") -> int:
    """Whole grams from a weight in g, kg, lb or oz.

    Raises:
        BadInput: no number, negative, unknown unit, or more than `MAX_WEIGHT_G`.
    """
    if unit not in _GRAMS:
        raise BadInput(f"unknown unit of weight {unit[:8]!r}; known: {', '.join(_GRAMS)}", where="weight")
    value = _decimal(text, "weight")
    grams = (value * _GRAMS[unit]).to_integral_value(decimal.ROUND_HALF_UP)
    if value < 0:
        raise BadInput(f"{text[:32]!r} is negative", where="weight")
    if grams > MAX_WEIGHT_G:
        raise BadInput(f"{text[:32]!r} {unit} is more than {MAX_WEIGHT_G} g", where="weight")
    return int(grams)


def _decimal(text: str, where: str) -> decimal.Decimal:
    if not _NUMBER.fullmatch(text.strip()):
        raise BadInput(f"{text[:32]!r} is no number", where=where)
    value = decimal.Decimal(text.strip())
    if abs(value.adjusted()) > 15 or len(value.as_tuple().digits) > decimal.DefaultContext.prec:
        raise BadInput(f"{text[:32]!r} is no number of a usable size", where=where)
    return value
