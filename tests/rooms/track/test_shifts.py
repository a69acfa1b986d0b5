"""Shifts of a zone, told from delays that are known."""

import random

import pytest

from waypost.track.shifts import FEWEST_SCANS, Shift, find_shift


def judged(delays_min: list[float]) -> Shift:
    ranked = sorted(round(each * 60) for each in delays_min)
    return find_shift(len(ranked), ranked[len(ranked) // 20], ranked[len(ranked) // 4])


def delays(shape: str, count: int = 400) -> list[float]:
    rng = random.Random(shape)
    kinds = {
        "pushed": lambda: rng.expovariate(1 / 5),
        "polled": lambda: rng.uniform(0, 120),
        "nightly": lambda: rng.uniform(20, 1460),
        "slow": lambda: rng.uniform(130, 600),
        "old": lambda: rng.uniform(10_000, 90_000),
    }
    return [kinds[shape]() for _ in range(count)]


@pytest.mark.parametrize("shape", ["pushed", "polled", "nightly", "slow", "old"])
def test_slow_is_not_shifted(shape: str) -> None:
    assert judged(delays(shape)).verdict == "none"


@pytest.mark.parametrize("shape", ["pushed", "polled"])
@pytest.mark.parametrize("offset_min", [60, 180, 210, 330, 345, 480, 840])
def test_local_time_sent_as_utc_east_of_greenwich(shape: str, offset_min: int) -> None:
    found = judged([each - offset_min for each in delays(shape)])
    assert (found.verdict, found.minutes) == ("ahead", offset_min)


@pytest.mark.parametrize("offset_min", [60, 180, 300, 570])
def test_local_time_sent_as_utc_west_of_greenwich(offset_min: int) -> None:
    found = judged([each + offset_min for each in delays("pushed")])
    assert (found.verdict, found.minutes) == ("behind", -offset_min)


def test_a_few_broken_clocks_are_not_the_carrier() -> None:
    assert judged(delays("pushed", 97) + [-480.0] * 3).verdict == "none"


def test_a_clock_that_runs_ahead_a_little_is_no_zone() -> None:
    assert judged([each - 10 for each in delays("pushed")]).verdict == "none"


def test_few_scans_say_nothing() -> None:
    assert find_shift(FEWEST_SCANS - 1, -10_800, -10_800).verdict == "too_few"
    assert find_shift(FEWEST_SCANS, -10_800, -10_800).verdict == "ahead"
    assert find_shift(0, None, None) == Shift("too_few", None, 0)
