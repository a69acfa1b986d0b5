import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput
from waypost.model.identifiers import parse_container
from waypost.model.identifiers.check_digits import iso_6346_check_digit


@pytest.mark.parametrize("number", ["CSQU3054383", "csqu 305438 3", "CSQU 305438-3", "CSQ-U-305438-3"])
def test_a_container_is_read(number: str) -> None:
    container = parse_container(number)
    assert (container.number, container.owner, container.serial) == ("CSQU3054383", "CSQ", "305438")
    assert container.category == "freight container"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("CSQU3054384", "check digit 4 should be 3"),
        ("CSQU305438", "the check digit is missing: it would be 3"),
        ("CSQA3054383", "the fourth letter is A"),
        ("CSU3054383", "four letters"),
        ("CSQU30543833", "four letters"),
        ("CSQU305438X", "four letters"),
        ("CSQU305438３", r"character 11: .*U\+FF13"),
        ("", "no number"),
    ],
)
def test_what_is_wrong_is_said(number: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_container(number)


def test_a_remainder_of_ten_counts_as_nought() -> None:
    tens = [f"CSQU{serial:06}" for serial in range(200) if sum_mod_11(f"CSQU{serial:06}") == 10]
    assert tens
    assert {iso_6346_check_digit(text) for text in tens} == {0}


def sum_mod_11(text: str) -> int:
    # The values of the letters as the standard prints them.
    letters = dict(
        zip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            [10, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 34, 35, 36, 37, 38],
            strict=True,
        )
    )
    return sum((letters.get(each) or int(each)) * 2**place for place, each in enumerate(text)) % 11


@given(st.from_regex(r"\A[A-Z]{3}[UJZ][0-9]{6}\Z"), st.integers(4, 9), st.integers(1, 9))
def test_a_wrong_digit_is_found_unless_nought_and_ten_meet(text: str, place: int, shift: int) -> None:
    wrong = text[:place] + str((int(text[place]) + shift) % 10) + text[place + 1 :]
    assert iso_6346_check_digit(text) == sum_mod_11(text) % 10
    same = iso_6346_check_digit(wrong) == iso_6346_check_digit(text)
    assert same == ({sum_mod_11(text), sum_mod_11(wrong)} == {0, 10})
