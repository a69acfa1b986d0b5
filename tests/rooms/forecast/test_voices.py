"""Simple forecasts: what they say, and that they know nothing of what comes after."""

import numpy as np
import pytest

from waypost.forecast.voices import count_columns, count_voices, tell_voices

PERIODS = np.array([7, 28])


def tell(series: np.ndarray, origins: list[int], horizon: int = 10, events: np.ndarray | None = None) -> np.ndarray:
    """Rows by origin and step ahead, in the units of the series, and not as distances."""
    known = np.empty((len(series) + horizon, 0), np.float32) if events is None else events
    ahead = np.tile(np.arange(1, horizon + 1), (len(origins), 1))
    rows = np.full((ahead.size, count_columns(PERIODS, known.shape[1])), -9.0, np.float32)
    scales = np.empty(len(origins))
    tell_voices(series, known, np.array(origins), ahead, PERIODS, 7, rows, scales)
    assert (rows != -9.0).all(), "some columns were left out"
    table = rows.reshape(len(origins), horizon, -1).astype(np.float64)
    voices = count_voices(PERIODS)
    table[:, :, :voices] = table[:, :, :voices] * scales[:, None, None] + series[origins][:, None, None]
    return table


def test_what_comes_after_changes_nothing() -> None:
    chance = np.random.default_rng(1)
    series = chance.uniform(1, 9, 120)
    other = np.append(series[:81], chance.uniform(100, 900, 39))
    origins = [0, 1, 6, 13, 14, 40, 55, 56, 80]
    assert np.array_equal(tell(series, origins), tell(other, origins), equal_nan=True)


def test_all_agree_on_what_never_changes() -> None:
    table = tell(np.full(120, 5.0), [100])
    assert table[:, :, : count_voices(PERIODS)] == pytest.approx(5.0)


def test_a_pure_season_is_told_by_every_seasonal_voice() -> None:
    series = np.tile([1.0, 2, 3, 4, 5, 6, 7], 20)
    table = tell(series, [90])[0]
    ahead = series[91:101]
    seasonal = table[:, 7 : count_voices(PERIODS)]
    assert seasonal == pytest.approx(np.tile(ahead[:, None], seasonal.shape[1]), abs=1e-4)
    assert table[:, 0] == pytest.approx(series[90])


def test_a_season_longer_than_the_past_is_silent() -> None:
    table = tell(np.arange(120.0), [20])[0]
    month = table[:, 7 + 9 : 7 + 18]
    assert np.isnan(month[:, :3]).all()
    assert np.isfinite(table[:, : 7 + 3]).all()


def test_a_trend_is_followed_and_damped() -> None:
    table = tell(np.arange(120.0), [100], horizon=40)[0]
    trend = table[:, 4:7]
    assert (np.diff(trend, axis=0) > 0).all()
    assert (trend[-1] < 140).all()
    assert trend[0] == pytest.approx(101, abs=3)


def test_events_are_those_of_the_day_ahead_of_the_last_season_and_of_now() -> None:
    events = np.arange(130, dtype=np.float32)[:, None]
    table = tell(np.full(120, 5.0), [100], events=events)[0]
    assert table[:, -3].tolist() == [101 + step for step in range(10)]
    assert table[:, -2].tolist() == [94, 95, 96, 97, 98, 99, 100, 94, 95, 96]
    assert (table[:, -1] == 100).all()
