import pytest

from waypost.model.errors import TooMany
from waypost.web.rates import Rates


def test_a_burst_then_one_by_one() -> None:
    rates = Rates(per_min=60, burst=3, addresses=10)
    for _ in range(3):
        rates.take("a", 1, 0)
    with pytest.raises(TooMany) as refused:
        rates.take("a", 1, 0)
    assert refused.value.retry_after_s == 1
    rates.take("a", 1, 1000)
    with pytest.raises(TooMany):
        rates.take("a", 1, 1500)


def test_addresses_do_not_share() -> None:
    rates = Rates(per_min=60, burst=1, addresses=10)
    rates.take("a", 1, 0)
    rates.take("b", 1, 0)
    assert (rates.left("a", 0), rates.left("c", 0)) == (0, 1)


def test_a_refused_request_costs_nothing() -> None:
    rates = Rates(per_min=60, burst=10, addresses=10)
    rates.take("a", 8, 0)
    with pytest.raises(TooMany) as refused:
        rates.take("a", 7, 0)
    assert refused.value.retry_after_s == 5
    rates.take("a", 2, 0)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    rates = Rates(per_min=60, burst=2, addresses=10)
    rates.take("a", 2, 60_000)
    with pytest.raises(TooMany):
        rates.take("a", 1, 0)


def test_the_table_stays_bounded() -> None:
    rates = Rates(per_min=60, burst=2, addresses=3)
    for address in "abcdef":
        rates.take(address, 1, 0)
    assert len(rates) == 3
    assert rates.left("f", 0) == 1


def test_what_was_given_back_can_be_taken() -> None:
    rates = Rates(per_min=60, burst=1, addresses=3)
    rates.take("a", 1, 0)
    rates.give_back("a", 1)
    rates.take("a", 1, 0)
    with pytest.raises(TooMany):
        rates.take("a", 1, 0)
