import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput
from waypost.model.identifiers import parse_air_waybill, parse_uld


@pytest.mark.parametrize("number", ["020-12345675", "02012345675", "020 1234 5675", " 020-1234 5675\n"])
def test_an_air_waybill_is_read(number: str) -> None:
    waybill = parse_air_waybill(number)
    assert (waybill.number, waybill.prefix, waybill.serial) == ("020-12345675", "020", "1234567")
    assert waybill.airline == "Lufthansa Cargo"


def test_an_unknown_prefix_is_no_fault() -> None:
    assert parse_air_waybill("003-00000033").airline is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("020-12345676", "check digit 6 should be 5"),
        ("020-12345679", "check digit 9 should be 5"),
        ("20-12345675", "three digits"),
        ("020-1234567", "three digits"),
        ("020--12345675", "three digits"),
        ("0201-2345675", "three digits"),
        ("LH0-12345675", "three digits"),
        ("020/12345675", "three digits"),
        ("020-1234567５", r"character 12: .*U\+FF15"),
        ("020-123456755", "three digits"),
        ("", "no number"),
    ],
)
def test_what_is_wrong_with_an_air_waybill_is_said(number: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_air_waybill(number)


@given(st.integers(0, 9_999_999), st.integers(0, 6), st.integers(1, 9))
def test_modulo_seven_finds_wrong_digits_but_for_seven_apart(serial: int, place: int, shift: int) -> None:
    text = f"{serial:07}"
    wrong = text[:place] + str((int(text[place]) + shift) % 10) + text[place + 1 :]
    check = serial % 7
    assert parse_air_waybill(f"125-{text}{check}").serial == text
    if abs(int(wrong[place]) - int(text[place])) != 7:
        with pytest.raises(BadInput, match="check digit"):
            parse_air_waybill(f"125-{wrong}{check}")


@pytest.mark.parametrize(
    ("number", "type_code", "serial", "owner"),
    [
        ("PMC01473R7", "PMC", "01473", "R7"),
        ("AKE12345LH", "AKE", "12345", "LH"),
        ("AKE 12345 5X", "AKE", "12345", "5X"),
        ("ake1234lh", "AKE", "1234", "LH"),
        ("P1P12345DLH", "P1P", "12345", "DLH"),
    ],
)
def test_a_uld_is_read(number: str, type_code: str, serial: str, owner: str) -> None:
    uld = parse_uld(number)
    assert (uld.type_code, uld.serial, uld.owner) == (type_code, serial, owner)


def test_a_uld_says_what_it_is() -> None:
    assert parse_uld("PMC01473LH").category == "certified aircraft pallet"
    assert parse_uld("PMC01473LH").airline == "Lufthansa Cargo"


@pytest.mark.parametrize(
    "number",
    ["PMC014R7", "PMC014730R7", "PMC01473", "PMC0147377", "1MC01473R7", "PMC01473R7DE", "PMC０1473R7", "", "PMC"],
)
def test_what_is_no_uld_is_refused(number: str) -> None:
    with pytest.raises(BadInput):
        parse_uld(number)
