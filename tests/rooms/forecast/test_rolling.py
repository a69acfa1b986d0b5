"""Promises through a stretch of time in worlds of which one knows how they came about."""

import numpy as np
import pytest
from tests.rooms.forecast.worlds import START, imagine

from waypost.forecast.baselines import global_median, lane_medians
from waypost.forecast.circumstances import describe
from waypost.forecast.promises import LEAST_ENDED, Foreseen
from waypost.forecast.rolling import at_level, roll
from waypost.forecast.scores import LEVELS, score
from waypost.forecast.transit import learn_transit
from waypost.model.errors import BadInput


def test_promises_hold_as_often_as_they_say_and_know_the_lane() -> None:
    trips = imagine()
    start, end = START + 150, START + 178
    windows = roll(describe(trips), trips, start, end, threads=1)
    rows = trips.between(start, end)
    taken = (trips.delivered - trips.ordered)[rows]
    found = score(taken, np.column_stack([at_level(windows[rows], level) for level in LEVELS]))
    assert found["coverage_p50"] == pytest.approx(0.5, abs=0.08)
    assert found["coverage_p80"] == pytest.approx(0.8, abs=0.06)
    assert found["coverage_p90"] == pytest.approx(0.9, abs=0.05)
    noise = np.abs(np.exp(0.3 * np.random.default_rng(9).normal(size=50_000)) - 1).mean() * np.median(taken)
    assert found["mae_days"] < 1.35 * noise, "nothing is left to learn but the noise"
    assert found["mae_days"] < 0.8 * np.abs(taken - global_median(trips, start, rows)).mean()
    assert found["mae_days"] < 1.06 * np.abs(taken - lane_medians(trips, rows)).mean()
    assert np.isnan(windows[trips.ordered < start]).all()
    assert np.all(np.diff(windows[rows], axis=1) >= 0)


def test_windows_widen_while_the_slow_ones_are_still_on_their_way() -> None:
    trips = imagine(slow_from=100)
    foreseen = Foreseen(trips)
    rows = trips.between(START, START + 200)
    far = np.abs(np.subtract(*(trips.numbers(f"{end}_longitude")[rows] for end in ("origin", "destination"))))
    foreseen.put(rows, (1.3 + 0.5 * far, np.full(len(rows), 0.3)))
    steady = foreseen.shape(START + 100, [0.5, 0.9])
    soon = foreseen.shape(START + 112, [0.5, 0.9])
    slower = foreseen.shape(START + 125, [0.5, 0.9])
    assert steady == pytest.approx([0, 1.28], abs=0.2)
    assert np.all(soon > steady + 0.5), "though none that took longer than twelve days has arrived"
    assert slower == pytest.approx(steady + np.log(1.5) / 0.3, abs=0.3)


def test_with_few_promises_nothing_is_said() -> None:
    trips = imagine(rows=LEAST_ENDED - 1)
    foreseen = Foreseen(trips)
    rows = trips.between(START, START + 200)
    foreseen.put(rows, (np.ones(len(rows)), np.ones(len(rows))))
    assert np.isnan(foreseen.shape(START + 400, [0.5])).all()


def test_scores_by_hand() -> None:
    taken = np.array([1.0, 5.0])
    promised = np.array([[2.0, 3.0, 4.0], [2.0, 3.0, 6.0]])
    found = score(taken, promised)
    assert found == {
        "orders": 2,
        "mae_days": 2.0,
        # 0.5: 0.5 + 1.5; 0.8: 0.4 + 1.6; 0.9: 0.3 + 0.1
        "pinball": pytest.approx((2.0 + 2.0 + 0.4) / 6, abs=1e-4),
        "coverage_p50": 0.5,
        "coverage_p80": 0.5,
        "coverage_p90": 1.0,
        "mean_p90_days": 5.0,
        "late_rate": 0.0,
    }
    with pytest.raises(BadInput, match="nothing to score"):
        score(np.empty(0), np.empty((0, 3)))


def test_from_a_handful_nothing_is_learnt() -> None:
    trips = imagine(rows=100)
    with pytest.raises(BadInput, match="it takes 200 to learn from"):
        learn_transit(describe(trips), trips, START + 200)
