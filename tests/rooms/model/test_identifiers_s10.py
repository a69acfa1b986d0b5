import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput
from waypost.model.identifiers import parse_s10
from waypost.model.identifiers.check_digits import s10_check_digit


def test_a_postal_item_is_read() -> None:
    item = parse_s10("RB 123 456 785 gb")
    assert (item.number, item.indicator, item.serial) == ("RB123456785GB", "RB", "12345678")
    assert (item.country_code, item.operator, item.service) == ("GB", "Royal Mail Group plc", "Letter Post Registered")


def test_a_service_that_is_not_assigned_is_no_fault() -> None:
    assert parse_s10("XX473124829DE").service is None


@pytest.mark.parametrize(
    ("serial", "digit"),
    # EE473124829SE is the example of the standard; 00000000 leaves 0 and 00000008 leaves 1.
    [("47312482", 9), ("12345678", 5), ("00000000", 5), ("00000020", 4), ("00000008", 0)],
)
def test_check_digits_of_the_standard(serial: str, digit: int) -> None:
    assert s10_check_digit(serial) == digit


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("RB123456785XX", "XX is no country"),
        ("RB123456786US", "check digit 6 should be 5"),
        ("RB12345678US", "12 characters"),
        ("RB1234567855US", "14 characters"),
        ("R1123456785US", "two letters, nine digits and two letters"),
        ("RB123456785U5", "two letters, nine digits and two letters"),
        ("RB-123456785-US", "15 characters"),
        ("RB12345678５US", r"character 11: .*U\+FF15"),
        ("", "there is no number"),
    ],
)
def test_what_is_wrong_is_said(number: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_s10(number)


@given(st.text(alphabet="0123456789", min_size=8, max_size=8), st.integers(0, 7), st.integers(1, 9))
def test_a_wrong_digit_is_found(serial: str, place: int, shift: int) -> None:
    # Modulo 11 finds every wrong digit of the serial, but for the remainders 0 and 1 that share 5 and 0 with others.
    wrong = serial[:place] + str((int(serial[place]) + shift) % 10) + serial[place + 1 :]
    digit = s10_check_digit(serial)
    assert parse_s10(f"RB{serial}{digit}GB").serial == serial
    if digit not in (0, 5):
        with pytest.raises(BadInput, match="check digit"):
            parse_s10(f"RB{wrong}{digit}GB")
