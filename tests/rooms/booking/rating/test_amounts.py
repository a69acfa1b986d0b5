from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.booking.rating.amounts import millionths_of, minor_of, part_of, write_minor
from waypost.model.errors import BadInput


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "written"),
    [
        ("12.5", "CNY", 1250, "12.50 CNY"),
        ("0.07", "BRL", 7, "0.07 BRL"),
        ("1200", "JPY", 1200, "1200 JPY"),
        ("1.234", "KWD", 1234, "1.234 KWD"),
    ],
)
def test_amounts(amount: str, currency: str, minor: int, written: str) -> None:
    assert minor_of(Decimal(amount), currency) == minor
    assert write_minor(minor, currency) == written
    assert write_minor(-minor, currency) == f"-{written}"


@pytest.mark.parametrize(
    ("amount", "currency", "why"),
    [
        ("12.505", "CNY", "finer than CNY is"),
        ("0.5", "JPY", "it has 0 digits"),
        ("-1", "CNY", "no amount from 0 up"),
        ("NaN", "CNY", "no amount"),
        ("Infinity", "CNY", "no amount"),
        ("1e30", "CNY", "more than any amount"),
    ],
)
def test_what_is_no_amount(amount: str, currency: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        minor_of(Decimal(amount), currency)


def test_percentages_have_four_decimals() -> None:
    assert millionths_of(Decimal("6.5")) == 65_000
    with pytest.raises(BadInput, match="more than four decimals"):
        millionths_of(Decimal("0.00001"))


@given(st.integers(0, 10**12), st.integers(0, 2_000_000))
def test_half_a_unit_goes_up(minor: int, millionths: int) -> None:
    exact = Fraction(minor * millionths, 1_000_000)
    assert Fraction(-1, 2) < part_of(minor, millionths) - exact <= Fraction(1, 2)
