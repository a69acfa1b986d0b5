"""Money and weights: exact where they are read, and refused in words where they cannot be."""

import decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput
from waypost.model.measures import MAX_WEIGHT_G, Money, parse_money, parse_weight_g

NO_NUMBERS = ["", " ", "-", ".", "abc", "1,5", "1.2.3", "0x10", "1_000", "１２", "٣", "1 kg", "12'; --", "NaN", "sNaN",
              "inf", "-Infinity", "1e", "1e99999999999999999999", "--1", "1\n2"]  # fmt: skip
UNUSABLE = [
    "1e9999999",
    "-1e9999999",
    "1e-9999999",
    "9" * 10_000,
    "0." + "0" * 10_000 + "1",
    "1" + "0" * 16,
    "1." + "0" * 40,
]


@pytest.mark.parametrize(
    ("text", "unit", "grams"),
    [
        ("0", "g", 0),
        ("-0", "g", 0),
        ("250", "g", 250),
        (" 250 ", "g", 250),
        ("1.5", "kg", 1500),
        ("+1.5", "kg", 1500),
        ("1e3", "g", 1000),
        (".5", "kg", 500),
        ("5.", "kg", 5000),
        ("0.4", "g", 0),
        ("0.5", "g", 1),
        ("2.5", "g", 3),
        ("1", "lb", 454),
        ("1", "oz", 28),
        ("16", "oz", 454),
        ("40000", "kg", MAX_WEIGHT_G),
    ],
)
def test_weights_are_whole_grams(text: str, unit: str, grams: int) -> None:
    assert parse_weight_g(text, unit) == grams


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number(text: str) -> None:
    for read in (parse_weight_g, lambda amount: parse_money(amount, "EUR")):
        with pytest.raises(BadInput, match="is no number"):
            read(text)


@pytest.mark.parametrize("text", UNUSABLE)
def test_what_is_a_number_of_no_use(text: str) -> None:
    for read in (parse_weight_g, lambda amount: parse_money(amount, "EUR")):
        with pytest.raises(BadInput, match="no number of a usable size") as caught:
            read(text)
        assert len(str(caught.value)) < 120


@pytest.mark.parametrize("text", ["-1", "-0.001", "-0.4", "-1e-9", "-40001"])
def test_a_negative_weight_is_refused_however_small(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_weight_g(text, "kg")
    assert str(caught.value) == f"weight: {text!r} is negative"


@pytest.mark.parametrize(("text", "unit"), [("40000001", "g"), ("40001", "kg"), ("88185", "lb"), ("1e15", "g")])
def test_a_weight_beyond_any_parcel_is_refused(text: str, unit: str) -> None:
    with pytest.raises(BadInput, match=f"{unit} is more than {MAX_WEIGHT_G} g"):
        parse_weight_g(text, unit)


@pytest.mark.parametrize("unit", ["", "KG", "t", "stone", "公斤"])
def test_an_unknown_unit_is_refused_with_the_known_ones(unit: str) -> None:
    with pytest.raises(BadInput, match="known: g, kg, lb, oz"):
        parse_weight_g("1", unit)


@given(st.decimals(0, 40_000, places=4))
def test_kilograms_and_grams_agree(kilograms: decimal.Decimal) -> None:
    assert parse_weight_g(str(kilograms), "kg") == parse_weight_g(str(kilograms * 1000), "g")


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "text"),
    [
        ("199.90", "BRL", 19990, "199.90 BRL"),
        ("0", "CNY", 0, "0.00 CNY"),
        ("0.05", "CNY", 5, "0.05 CNY"),
        ("-12.5", "EUR", -1250, "-12.50 EUR"),
        ("-0.05", "EUR", -5, "-0.05 EUR"),
        ("1200", "JPY", 1200, "1200 JPY"),
        ("1200.0", "JPY", 1200, "1200 JPY"),
        ("1.234", "KWD", 1234, "1.234 KWD"),
        ("12.3400", "USD", 1234, "12.34 USD"),
        ("1e2", "USD", 10000, "100.00 USD"),
        ("9999999999999999.99", "USD", 999_999_999_999_999_999, "9999999999999999.99 USD"),
    ],
)
def test_money_is_whole_minor_units(amount: str, currency: str, minor: int, text: str) -> None:
    money = parse_money(amount, currency)
    assert money == Money(minor, currency)
    assert str(money) == text


@pytest.mark.parametrize(
    ("amount", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("1.2345", "KWD"), ("199.900000000000000001", "BRL")]
)
def test_nothing_finer_than_the_minor_unit_is_rounded_away(amount: str, currency: str) -> None:
    with pytest.raises(BadInput, match=f"finer than the minor unit of {currency}"):
        parse_money(amount, currency)


@pytest.mark.parametrize("currency", ["", "eur", "EU", "EURO", "€", "E1R", "EUR\n"])
def test_what_is_no_currency(currency: str) -> None:
    with pytest.raises(BadInput, match="no ISO 4217 currency code"):
        parse_money("1", currency)


@given(st.integers(-(10**17), 10**17), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_money_is_read_as_it_is_written(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    amount, written = str(money).split()
    assert written == currency
    if abs(minor) < 10**15:
        assert parse_money(amount, currency) == money


def test_money_adds_up_within_one_currency_only() -> None:
    assert Money(10, "CNY") + Money(-25, "CNY") == Money(-15, "CNY")
    with pytest.raises(BadInput, match="cannot add JPY to CNY"):
        Money(10, "CNY") + Money(10, "JPY")
