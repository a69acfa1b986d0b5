import random

import pytest

from waypost.model.identifiers.carriers import detect_carriers
from waypost.model.identifiers.s10 import parse_s10
from waypost.twin.numbers import Numbers
from waypost.twin.sites import CHINESE


def test_postal_numbers_have_right_check_digits() -> None:
    numbers = Numbers(random.Random(1))
    for _ in range(200):
        item = parse_s10(numbers.postal())
        assert (item.indicator, item.country_code) == ("LX", "HK")


def test_american_numbers_are_valid() -> None:
    numbers = Numbers(random.Random(2))
    for _ in range(200):
        number = numbers.american()
        assert len(number) == 22
        assert "usps" in detect_carriers(number)


@pytest.mark.parametrize("carrier", CHINESE)
def test_no_number_is_given_twice(carrier: str) -> None:
    numbers = Numbers(random.Random(3))
    given = [numbers.chinese(carrier) for _ in range(2000)]
    assert len(set(given)) == 2000
    assert len({len(number) for number in given}) == 1
