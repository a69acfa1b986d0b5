import pytest

from waypost.app.pace import Pace


class Ticks:
    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def test_it_stands_still_until_the_world_moves(ticks: Ticks) -> None:
    pace = Pace(1_000_000, 60, 60_000, ticks)
    ticks.now_ns += 5_000_000_000
    assert pace() == 1_000_000


def test_it_runs_so_many_times_as_fast_and_no_further_than_a_step(ticks: Ticks) -> None:
    pace = Pace(1_000_000, 60, 60_000, ticks)
    pace.reach(1_000_000)
    ticks.now_ns += 250_000_000
    assert pace() == 1_015_000
    ticks.now_ns += 10_000_000_000
    assert pace() == 1_060_000
    pace.reach(1_060_000)
    ticks.now_ns += 500_000_000
    assert pace() == 1_090_000


def test_it_never_goes_back(ticks: Ticks) -> None:
    pace = Pace(1_000_000, 60, 60_000, ticks)
    pace.reach(1_000_000)
    ticks.now_ns += 800_000_000
    assert pace() == 1_048_000
    pace.reach(1_020_000)
    assert pace() == 1_048_000
