"""Times of which some have not ended."""

from types import SimpleNamespace

import numpy as np
import pytest

from waypost.forecast.censored import logistic_objective, quantiles_of_times


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    labels, ended, scale = np.array([1.0, 2.0, 0.5, 3.0]), np.array([True, False, True, False]), 0.4
    middle = np.array([1.2, 1.5, 0.1, 3.4])

    def loss(at: np.ndarray) -> np.ndarray:  # minus the logarithm of the chance, by the logistic distribution
        z = (labels - at) / scale
        return np.where(ended, z + 2 * np.log1p(np.exp(-z)), np.log1p(np.exp(z)))

    slope, curve = logistic_objective(ended, scale)(middle, SimpleNamespace(get_label=lambda: labels))
    step = 1e-5
    assert slope == pytest.approx((loss(middle + step) - loss(middle - step)) / (2 * step), rel=1e-4)
    second = (loss(middle + step) - 2 * loss(middle) + loss(middle - step)) / step**2
    assert curve == pytest.approx(second, rel=1e-3)


def test_without_any_on_the_way_it_is_the_plain_quantile() -> None:
    times = np.random.default_rng(1).exponential(5, 4000)
    every = np.ones(4000, np.bool_)
    found = quantiles_of_times(times, every, np.ones(4000), [0.1, 0.5, 0.9])
    assert found == pytest.approx(np.quantile(times, [0.1, 0.5, 0.9]), rel=0.01)


def test_those_on_the_way_count_as_longer_than_so_far() -> None:
    chance = np.random.default_rng(2)
    times, until = chance.exponential(5, 20_000), chance.uniform(0, 15, 20_000)
    ended = times < until
    found = quantiles_of_times(np.minimum(times, until), ended, np.ones(20_000), [0.5, 0.8])
    assert found == pytest.approx(-5 * np.log([0.5, 0.2]), rel=0.03)
    assert np.quantile(times[ended], 0.8) < 0.8 * found[1], "those that ended alone are too fast"


def test_a_published_example() -> None:
    """Freireich et al. (1963), weeks of remission under 6-MP: Kaplan and Meier's curve is 0.448 from week 23 on."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    ended = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    found = quantiles_of_times(
        np.array(weeks, np.float64), np.array(ended, np.bool_), np.ones(21), [0.1429, 0.1933, 0.2471, 0.5518]
    )
    assert found == pytest.approx([6, 7, 10, 23], abs=0.05)


def test_weights_are_as_if_there_were_more_of_them() -> None:
    times, ended = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, True])
    weights = np.array([1, 2, 3, 1])
    again = quantiles_of_times(times.repeat(weights), ended.repeat(weights), np.ones(7), [0.3, 0.6])
    assert quantiles_of_times(times, ended, weights.astype(float), [0.14, 0.9]) == pytest.approx(
        quantiles_of_times(times.repeat(weights), ended.repeat(weights), np.ones(7), [0.14, 0.9]), abs=0.6
    )
    assert np.all(np.diff(again) >= 0)


def test_with_none_ended_nothing_is_known() -> None:
    assert np.isnan(quantiles_of_times(np.array([1.0]), np.array([False]), np.ones(1), [0.5])).all()
