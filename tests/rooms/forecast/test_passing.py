"""Time passing without a scan."""

import numpy as np
import pytest

from waypost.forecast.passing import LEVELS, chance_of_longer, remaining
from waypost.forecast.trips import Floats

#: What is left over: two shapes, one of them skewed.
CHANCE = np.random.default_rng(3)
DRAWN = np.sort(np.stack([CHANCE.normal(0, 1, 400_000), CHANCE.gamma(2, 0.7, 400_000) - 1.2]))
SHAPES = np.quantile(DRAWN, LEVELS, axis=1).T.copy()
ASKED = (0.1, 0.5, 0.8, 0.9)


def ask(passed: float, shape: int, middle: float = 0.7, spread: float = 0.3) -> Floats:
    [told] = remaining(np.array([middle]), np.array([spread]), np.array([shape]), SHAPES, np.array([passed]), ASKED)
    return told


@pytest.mark.parametrize("shape", [0, 1])
@pytest.mark.parametrize("passed", [0.0, 1.0, 2.0, 2.8])
def test_what_is_left_is_that_of_those_who_have_not_ended(shape: int, passed: float) -> None:
    times = np.exp(0.7 + 0.3 * DRAWN[shape])
    still = times[times > passed] - passed
    assert ask(passed, shape) == pytest.approx(np.quantile(still, ASKED), rel=0.03, abs=0.02)


@pytest.mark.parametrize("shape", [0, 1])
def test_the_end_moves_on_and_is_never_behind(shape: int) -> None:
    passed = np.r_[0, np.geomspace(0.001, 500, 2000)]
    ends = np.array([each + ask(each, shape) for each in passed])
    assert (ends > passed[:, None]).all()
    assert (np.diff(ends, axis=0) >= -1e-9).all()
    assert (np.diff(ends, axis=1) >= 0).all()


@pytest.mark.parametrize("passed", [0.0, 1.5, 4.0])
def test_chances_and_quantiles_say_the_same(passed: float) -> None:
    level = 0.8
    one = np.array([passed]), np.zeros(1, np.int64)
    than = passed + remaining(np.array([0.7]), np.array([0.3]), one[1], SHAPES, one[0], (level,))[:, 0]
    chance = chance_of_longer(np.array([0.7]), np.array([0.3]), one[1], SHAPES, one[0], than)
    assert chance == pytest.approx([1 - level], abs=0.003)


def test_what_has_passed_is_certain() -> None:
    row = np.array([0.7]), np.array([0.3]), np.zeros(1, np.int64), SHAPES
    assert chance_of_longer(*row, np.array([3.0]), np.array([2.0])).tolist() == [1.0]
    assert chance_of_longer(*row, np.array([0.0]), np.array([1e-4])).tolist() == [1.0]
    assert chance_of_longer(*row, np.array([0.0]), np.array([1e4])) == pytest.approx([0.0], abs=1e-6)
    assert chance_of_longer(*row, np.array([1e4]), np.array([2e4]))[0] < 1
