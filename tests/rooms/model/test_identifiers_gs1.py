import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput, TooLarge
from waypost.model.identifiers import compute_check_digit, parse_gtin, parse_sscc
from waypost.model.identifiers.check_digits import SET_82, gs1_check_digit, gs1_check_pair
from waypost.model.identifiers.codes import (
    list_country_letters,
    list_country_numbers,
    list_currency_numbers,
    list_freight_unit_types,
    read_gs1_prefixes,
)

digits = st.text(alphabet="0123456789", min_size=1, max_size=17)


@pytest.mark.parametrize(
    ("without", "digit"),
    [
        ("629104150021", 3),  # the example of the General Specifications
        ("37610425002123456", 9),
        ("0000000", 0),
        ("9638507", 4),
        ("03600029145", 2),
        ("1061414112345", 9),
        ("952123454321", 3),
    ],
)
def test_check_digit(without: str, digit: int) -> None:
    assert compute_check_digit(without) == digit


@pytest.mark.parametrize(
    "without", ["", "1", "12345678", "12345678901234", "123456789012345678", "12345A7", "1234567⁰"]
)
def test_no_check_digit_where_no_key_has_that_length(without: str) -> None:
    with pytest.raises(BadInput):
        compute_check_digit(without)


@given(digits, st.data())
def test_every_wrong_digit_is_found(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 1))
    digit = data.draw(st.sampled_from([each for each in "0123456789" if each != number[place]]))
    assert gs1_check_digit(number) != gs1_check_digit(number[:place] + digit + number[place + 1 :])


@given(digits, st.data())
def test_neighbours_that_changed_places_are_found_unless_they_differ_by_five(number: str, data: st.DataObject) -> None:
    pair = data.draw(st.text(alphabet="0123456789", min_size=2, max_size=2))
    same = gs1_check_digit(number + pair) == gs1_check_digit(number + pair[::-1])
    assert same == (abs(int(pair[0]) - int(pair[1])) in (0, 5))


@pytest.mark.parametrize(
    ("number", "issuer"),
    [
        ("96385074", None),
        ("036000291452", "GS1 US"),
        ("6291041500213", "GS1 UAE"),
        ("690 1234 567 892", "GS1 China"),
        ("09521234543213", "demonstrations and examples"),
    ],
)
def test_a_gtin_is_read(number: str, issuer: str | None) -> None:
    gtin = parse_gtin(number)
    assert gtin.number == number.replace(" ", "")
    assert gtin.issuer == issuer
    assert gtin.gtin_14 == gtin.number.zfill(14)
    assert len(gtin.gtin_14) == 14


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("6291041500214", "check digit 4 should be 3"),
        ("629104150021", "check digit 1 should be"),
        ("62910415002130", "check digit 0 should be"),
        ("123456789", "9 digits: a GTIN has 8, 12, 13 or 14"),
        ("629104150021X", "'X' in a GTIN"),
        ("٦291041500213", r"character 1: .*U\+0666"),
    ],
)
def test_what_is_wrong_with_a_gtin_is_said(number: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_gtin(number)


@pytest.mark.parametrize("number", ["376104250021234569", "3 7610425 002123456 9", "(00)376104250021234569"])
def test_an_sscc_is_read(number: str) -> None:
    unit = parse_sscc(number)
    assert (unit.number, unit.extension_digit, unit.issuer) == ("376104250021234569", "3", "GS1 Switzerland")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("376104250021234568", "check digit 8 should be 9"),
        ("37610425002123456", "17 digits"),
        ("00376104250021234569", "Leave out the application identifier"),
        ("37610425002123456⁹", r"character 18: .*U\+2079"),
        ("３76104250021234569", r"U\+FF13"),
        ("A76104250021234569", "'A' in an SSCC"),
        ("(00)", "0 digits"),
        ("-376104250021234569", "'-' in an SSCC"),
    ],
)
def test_what_is_wrong_with_an_sscc_is_said(number: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_sscc(number)


def test_an_endless_number_is_refused_at_once() -> None:
    for parse in (parse_gtin, parse_sscc, compute_check_digit):
        with pytest.raises(TooLarge):
            parse("3" * 10_000)


def test_check_pair_of_the_general_specifications() -> None:
    # GMN example of the General Specifications.
    assert gs1_check_pair("1987654Ad4X4bL5ttr2310c") == "2K"


@given(st.text(alphabet=SET_82, min_size=1, max_size=23), st.data())
def test_the_check_pair_finds_every_wrong_character(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([each for each in SET_82 if each != text[place]]))
    assert gs1_check_pair(text) != gs1_check_pair(text[:place] + other + text[place + 1 :])


def test_code_lists_are_whole() -> None:
    assert len(list_country_letters()) == len(list_country_numbers()) == 249
    assert {"BR", "CN", "IN", "GB"} <= list_country_letters()
    assert {"076", "156", "356", "826"} <= list_country_numbers()
    assert {"986", "156", "356", "978"} <= list_currency_numbers()
    assert {"PX", "201", "8A"} <= list_freight_unit_types()
    for codes, length in ((list_country_letters(), 2), (list_country_numbers(), 3), (list_currency_numbers(), 3)):
        assert {len(code) for code in codes} == {length}
    assert all(len(prefix) == 3 for prefix in read_gs1_prefixes())
    assert read_gs1_prefixes()["789"] == "GS1 Brazil"
