import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.booking.rating.areas import Places, Postcodes, Spot, plain_name
from waypost.booking.rating.cards import Area
from waypost.model.errors import BadInput


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("São Paulo", "sao paulo"),
        ("  SAO PAULO ", "São Paulo"),
        ("浙江省", "浙江"),
        ("上海市", "上海"),
        ("广西壮族自治区", "广西"),
        ("香港特别行政区", "香港"),
        ("İzmir", "izmir"),
    ],
)
def test_names_are_compared_as_they_are_meant(typed: str, meant: str) -> None:
    assert plain_name(typed) == plain_name(meant)


def test_names_that_differ() -> None:
    assert plain_name("市") == "市"
    assert plain_name("南京市") != plain_name("南昌市")


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("90210", ["90210", "9021 0"], ["90211", "902", "902101", ""]),
        ("SW1A*", ["SW1A 1AA", "sw1a2ab"], ["SW1B 1AA", "W1A"]),
        ("200000-209999", ["200000", "205-000", "209999"], ["199999", "210000", "20000"]),
        ("100-119", ["10001", "11999-1234", "100"], ["09999", "12000", "10"]),
    ],
)
def test_postcodes(entry: str, inside: list[str], outside: list[str]) -> None:
    found = Postcodes([entry])
    assert [code for code in inside if code not in found] == []
    assert [code for code in outside if code in found] == []


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 50)), min_size=1, max_size=8), st.integers(0, 999))
def test_ranges_hold_what_one_of_them_holds(ranges: list[tuple[int, int]], code: int) -> None:
    ends = [(first, min(first + more, 999)) for first, more in ranges]
    found = Postcodes([f"{first:03}-{last:03}" for first, last in ends])
    assert (f"{code:03}" in found) == any(first <= code <= last for first, last in ends)


@pytest.mark.parametrize("entry", ["5-3", "100-99", "20000-000", "", "*", "1*2", "-"])
def test_what_is_no_postcode(entry: str) -> None:
    with pytest.raises(BadInput, match=r"is no (range|postcode)") as raised:
        Postcodes([entry])
    assert raised.value.mend


def test_all_of_an_area_has_to_fit() -> None:
    area = Places([Area("CN", ("浙江",), ("杭州",), ("31*",))])
    assert Spot("CN", "浙江省", "杭州市", "310000") in area
    for other in (
        Spot("TW", "浙江省", "杭州市", "310000"),
        Spot("CN", "江苏省", "杭州市", "310000"),
        Spot("CN", "浙江省", "宁波市", "310000"),
        Spot("CN", "浙江省", "杭州市", "200000"),
        Spot("CN", "浙江省", "杭州市"),
    ):
        assert other not in area
    assert Spot("XX") in Places([])
