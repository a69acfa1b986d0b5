"""Numbers of regulators' and operators' own examples, or that are given to nobody."""

import pytest

from waypost.model.addresses.phones import mask_phone, parse_phone
from waypost.model.errors import BadInput


@pytest.mark.parametrize(
    ("text", "country", "e164", "is_mobile"),
    [
        ("138 0013 8000", "CN", "+8613800138000", True),
        ("+86-138-0013-8000", "BR", "+8613800138000", True),
        ("010-88888888", "CN", "+861088888888", False),
        ("(11) 96123-4567", "BR", "+5511961234567", True),
        ("0121 234 5678", "gb", "+441212345678", False),
        ("201-555-0123", "US", "+12015550123", None),
    ],
)
def test_a_number_is_read_as_it_is_dialled_there(text: str, country: str, e164: str, is_mobile: bool | None) -> None:
    phone = parse_phone(text, country)
    assert (phone.e164, phone.is_mobile) == (e164, is_mobile)


def test_national_form_country_and_extension() -> None:
    phone = parse_phone("0121 234 5678 ext. 12", "GB")
    assert (phone.national, phone.country, phone.extension) == ("0121 234 5678 x12", "GB", "12")


@pytest.mark.parametrize(
    ("text", "country", "reason"),
    [
        ("12", "CN", "too short"),
        ("138001380001234", "CN", "too long"),
        ("10000000000", "CN", "given to nobody"),
        ("hello", "CN", "is no telephone number"),
        ("", "CN", "is no telephone number"),
        ("+999 12345678", "CN", "prefix of no country"),
        ("13800138000", "QQ", "prefix of no country"),
        ("1" * 100, "CN", "too long"),
    ],
)
def test_what_is_none_says_why(text: str, country: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as caught:
        parse_phone(text, country)
    assert caught.value.where == "phone"


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+8613800138000", "+86138****8000"),
        ("13800138000", "138****8000"),
        ("+442071234567", "+4420****4567"),
        ("12345", "*2345"),
        ("1234", "****"),
        ("", ""),
    ],
)
def test_a_masked_number_keeps_its_ends(number: str, masked: str) -> None:
    assert mask_phone(number) == masked
    assert len(masked) == len(number)


def test_nothing_personal_is_printed() -> None:
    assert "8000" not in repr(parse_phone("13800138000", "CN"))
