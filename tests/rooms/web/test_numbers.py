import pytest

from waypost.web.pages.numbers import split_numbers


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("", []),
        (" \n ,, ", []),
        ("YT8800000000001", ["YT8800000000001"]),
        ("A1234567,B1234567;C1234567\nD1234567", ["A1234567", "B1234567", "C1234567", "D1234567"]),
        ("A1234567 B1234567\tC1234567", ["A1234567", "B1234567", "C1234567"]),
        ("A1234567，B1234567、C1234567", ["A1234567", "B1234567", "C1234567"]),
        ("RR 123 456 785 CN", ["RR123456785CN"]),
        ("1Z 999 AA1 01 2345 6784\nYT8800000000001", ["1Z999AA10123456784", "YT8800000000001"]),
        ("A1234567\r\nA1234567", ["A1234567"]),
        ("016-12345675", ["016-12345675"]),
    ],
)
def test_what_is_typed_becomes_numbers(typed: str, numbers: list[str]) -> None:
    assert split_numbers(typed) == numbers


def test_a_wall_of_short_words_is_no_one_number() -> None:
    assert len(split_numbers("abc " * 100)) == 1
    assert split_numbers("abc " * 100) == ["abc"]
