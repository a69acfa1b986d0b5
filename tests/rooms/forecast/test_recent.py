"""What was lately so, held against looking at every trip by itself."""

import numpy as np
import pytest

from waypost.forecast.recent import Asked, recent_means, stays


@pytest.fixture(params=range(5))
def chance(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def some_trips(chance: np.random.Generator) -> tuple[np.ndarray, ...]:
    ordered = np.sort(chance.integers(0, 40, 120).astype(np.float64))  # many at the same instant
    left = ordered + chance.integers(0, 12, 120)
    left[chance.random(120) < 0.2] = np.inf
    return chance.integers(0, 4, 120), ordered, left


@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_means_are_of_what_was_known_and_not_older(chance: np.random.Generator, weight: float) -> None:
    keys, ordered, left = some_trips(chance)
    values = np.where(chance.random(120) < 0.1, np.nan, chance.random(120))
    means, counts = recent_means(keys, values, left, Asked(keys, ordered), days=9.0, prior=0.25, weight=weight)
    for row in range(120):
        seen = (keys == keys[row]) & (left < ordered[row]) & (left >= ordered[row] - 9) & np.isfinite(values)
        assert counts[row] == seen.sum()
        total = values[seen].sum() + 0.25 * weight
        assert means[row] == pytest.approx(
            total / (seen.sum() + weight) if seen.sum() + weight else np.nan, nan_ok=True
        )


def test_stays_are_what_is_inside_by_what_leaves_a_day(chance: np.random.Generator) -> None:
    keys, ordered, left = some_trips(chance)
    found, inside = stays(keys, ordered, left, Asked(keys, ordered), days=7.0, most=10.0, prior=5.0, weight=2.0)
    for row in range(120):
        now, same = ordered[row], keys == keys[row]
        there = (same & (ordered < now) & (np.minimum(left, ordered + 10) >= now)).sum()
        departed = (same & (left < now) & (left >= now - 7)).sum()
        assert inside[row] == there
        assert found[row] == pytest.approx((there + 2 * 5 / 7) / ((departed + 2) / 7))


def test_a_steady_flow_stays_as_long_as_it_does() -> None:
    ordered = np.arange(0, 100, 0.05)
    keys = np.zeros(2000, np.int64)
    found, _ = stays(keys, ordered, ordered + 6.0, Asked(keys, ordered), days=14.0, most=45.0, prior=1.0, weight=1.0)
    assert found[ordered > 30] == pytest.approx(6.0, rel=0.02)
