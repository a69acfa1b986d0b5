"""How sure a forecast is, learnt from misses that are imagined."""

import numpy as np
import pytest

from waypost.forecast.spread import learn_spread, sum_up_misses
from waypost.forecast.windows import Windows

HORIZON = 5


def imagine(seed: int, many: int = 400) -> tuple[Windows, np.ndarray]:
    """Misses that grow with the steps ahead, and are three times as large where the first column says so."""
    chance = np.random.default_rng(seed)
    owner = np.repeat(np.arange(many), HORIZON)
    ahead = np.tile(np.arange(1, HORIZON + 1), many)
    restless = chance.integers(0, 2, len(owner))
    told = np.full(len(owner), 100.0)
    truth = told + chance.normal(0, 1, len(owner)) * np.sqrt(ahead) * (1 + 2 * restless)
    rows = np.stack([restless, ahead], axis=1).astype(np.float32)
    blank = np.ones(len(owner))
    return Windows(rows, owner, ahead, ahead, told, blank, blank, truth), told


@pytest.fixture(scope="module")
def bands() -> tuple[Windows, np.ndarray]:
    spread = learn_spread(*imagine(1), HORIZON, (0.1, 0.5, 0.9), seed=0, threads=1)
    others, told = imagine(2)
    return others, spread.around(told, others)


def test_bands_hold_as_often_as_they_say_of_others(bands: tuple[Windows, np.ndarray]) -> None:
    others, around = bands
    inside = (others.truth > around[:, 0]) & (others.truth <= around[:, 2])
    assert inside.mean() == pytest.approx(0.8, abs=0.04)
    for step in range(1, HORIZON + 1):
        assert inside[others.ahead == step].mean() == pytest.approx(0.8, abs=0.08)
    for restless in (0, 1):
        assert inside[others.rows[:, 0] == restless].mean() == pytest.approx(0.8, abs=0.06)


def test_they_are_wider_where_more_was_missed(bands: tuple[Windows, np.ndarray]) -> None:
    others, around = bands
    width = around[:, 2] - around[:, 0]
    assert width[others.rows[:, 0] == 1].mean() > 2 * width[others.rows[:, 0] == 0].mean()
    assert width[others.ahead == HORIZON].mean() > 1.3 * width[others.ahead == 1].mean()


def test_the_median_is_what_was_told(bands: tuple[Windows, np.ndarray]) -> None:
    assert (bands[1][:, 1] == 100.0).all()


def test_misses_are_summed_up_by_series() -> None:
    windows, told = imagine(3, many=2)
    windows.truth[:] = [101, 103, 101, 103, 102, *[100] * HORIZON]
    means, variances = sum_up_misses(windows, told, [np.zeros(20), np.full(10, 3.0), np.array([1.0, 5.0])])
    assert means == pytest.approx([2, 0, 0])
    assert variances == pytest.approx([0.8, 3.1, 4.0])  # the second by chance, the third was never asked
