"""Amounts: minor units of a currency, parts of a million for percentages, and the one rule of rounding."""

from decimal import Decimal

from waypost.model.errors import BadInput

#: Digits behind the point, by ISO 4217; all others have two.
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_MILLION = 1_000_000


def digits_of(currency: str) -> int:
    """How many digits its minor units have."""
    return _DIGITS.get(currency, 2)


def minor_of(amount: Decimal, currency: str) -> int:
    """An amount as people write it, in minor units.

    Raises:
        BadInput: it is below 0, no number, or finer than the money is.
    """
    return _whole(
        amount, 10 ** digits_of(currency), f"is finer than {currency} is: it has {digits_of(currency)} digits"
    )


def millionths_of(percent: Decimal) -> int:
    """A percentage, in parts of a million.

    Raises:
        BadInput: it is below 0, no number, or has more than four decimals.
    """
    return _whole(percent, _MILLION // 100, "has more than four decimals")


def part_of(minor: int, millionths: int) -> int:
    """A part of an amount, rounded to the minor unit, half a unit up."""
    return (minor * millionths + _MILLION // 2) // _MILLION


def write_minor(minor: int, currency: str) -> str:
    """As people read it: `12.50 CNY`."""
    digits = digits_of(currency)
    sign, minor = "-" if minor < 0 else "", abs(minor)
    if not digits:
        return f"{sign}{minor} {currency}"
    whole, rest = divmod(minor, 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d} {currency}"


def _whole(number: Decimal, unit: int, why_not: str) -> int:
    if not number.is_finite() or number < 0:
        raise BadInput(f"{number} is no amount from 0 up")
    if number >= 10**10:
        raise BadInput(f"{number} is more than any amount here")
    scaled = number * unit
    if scaled != scaled.to_integral_value():
        raise BadInput(f"{number} {why_not}")
    return int(scaled)
