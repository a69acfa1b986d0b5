"""Measures against figures worked out by hand, and Naive2 as the competition has it."""

import numpy as np
import pytest

from waypost.forecast.accuracy import measure, naive2
from waypost.model.errors import BadInput


def test_by_hand() -> None:
    past = [np.array([1.0, 2.0, 4.0, 4.0])]  # moves of 1, 2 and 0: one on average
    told = measure(past, np.array([[5.0, 3.0]]), np.array([[3.0, 5.0]]), 1)
    assert told.smape == pytest.approx((200 * 2 / 8 + 200 * 2 / 8) / 2)
    assert told.mase == pytest.approx(2.0)
    naive_smape, naive_mase = (200 / 9 + 200 / 7) / 2, 1.0  # it says 4 and 4
    assert told.owa == pytest.approx((50 / naive_smape + 2.0 / naive_mase) / 2)


def test_what_naive2_says_scores_one() -> None:
    chance = np.random.default_rng(1)
    past = [100 + 30 * np.sin(np.arange(240) * 2 * np.pi / 24) + chance.normal(0, 2, 240) for _ in range(3)]
    told = np.stack([naive2(each, 48, 24) for each in past])
    assert measure(past, told + chance.normal(0, 1, told.shape), told, 24).owa == pytest.approx(1.0)


def test_a_season_is_taken_out_and_put_back() -> None:
    season = np.array([0.5, 1.5, 1.0, 1.0])
    past = 100 * np.tile(season, 10)
    assert naive2(past, 6, 4) == pytest.approx(100 * np.tile(season, 2)[:6])
    odd = np.array([0.5, 1.5, 1.0])
    assert naive2(100 * np.tile(odd, 10), 3, 3) == pytest.approx(100 * odd)


@pytest.mark.parametrize("past", [np.arange(60.0) % 7, np.array([3.0, 1.0, 2.0]), np.full(60, 5.0)])
def test_without_a_season_it_is_the_last_value(past: np.ndarray) -> None:
    chance = np.random.default_rng(2)
    noise = past if len(set(past)) < 7 else chance.normal(50, 1, 60)
    assert (naive2(noise, 5, 4) == noise[-1]).all()


def test_nothing_against_nothing_is_no_miss() -> None:
    told = measure([np.array([0.0, 1.0, 0.0])], np.array([[0.0, 2.0]]), np.array([[0.0, 2.0]]), 1)
    assert (told.smape, told.mase) == (0.0, 0.0)


@pytest.mark.parametrize("past", [np.full(30, 5.0), np.array([5.0])])
def test_a_past_that_never_moves_is_refused(past: np.ndarray) -> None:
    with pytest.raises(BadInput, match="series 2 never moves over 1 steps"):
        measure([np.arange(30.0), past], np.ones((2, 3)), np.ones((2, 3)), 1)
