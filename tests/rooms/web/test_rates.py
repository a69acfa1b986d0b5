import pytest

from waypost.model.errors import TooMany
from waypost.web.rates import Rates


class Ticks:
    """A clock that a test moves."""

    now_ms = 5_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def test_a_burst_then_one_by_one(ticks: Ticks) -> None:
    rates = Rates("requests", per_min=60, burst=3, addresses=10, ticks=ticks)
    for _ in range(3):
        rates.take("a")
    with pytest.raises(TooMany, match="too many requests from your network address") as refused:
        rates.take("a")
    assert refused.value.retry_after_s == 1
    ticks.now_ms += 1000
    rates.take("a")
    ticks.now_ms += 500
    with pytest.raises(TooMany):
        rates.take("a")


def test_addresses_do_not_share(ticks: Ticks) -> None:
    rates = Rates("requests", per_min=60, burst=1, addresses=10, ticks=ticks)
    rates.take("a")
    rates.take("b")
    assert (rates.left("a"), rates.left("c")) == (0, 1)


def test_a_refused_request_costs_nothing(ticks: Ticks) -> None:
    rates = Rates("requests", per_min=60, burst=10, addresses=10, ticks=ticks)
    rates.take("a", 8)
    with pytest.raises(TooMany) as refused:
        rates.take("a", 7)
    assert refused.value.retry_after_s == 5
    rates.take("a", 2)


def test_a_bucket_holds_no_more_than_a_burst(ticks: Ticks) -> None:
    rates = Rates("requests", per_min=60, burst=2, addresses=10, ticks=ticks)
    rates.take("a", 2)
    ticks.now_ms += 3_600_000
    assert rates.left("a") == 2


def test_the_table_stays_bounded(ticks: Ticks) -> None:
    rates = Rates("requests", per_min=60, burst=2, addresses=3, ticks=ticks)
    for address in "abcdef":
        rates.take(address)
    assert len(rates) == 3
    assert rates.left("f") == 1
