"""Promises through a stretch of time in worlds of which one knows how they came about."""

import numpy as np
import pytest
from tests.rooms.forecast.worlds import START, imagine

from waypost.forecast.baselines import PlainTrees, global_median, lane_medians
from waypost.forecast.circumstances import describe
from waypost.forecast.promises import BELIEVED, LEAST_ENDED, Foreseen, Foresight, spend_evenly
from waypost.forecast.rolling import at_level, roll
from waypost.forecast.scores import LEVELS, score
from waypost.forecast.transit import learn_transit
from waypost.forecast.trips import TRIP_SCHEMA, make_trips
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS


@pytest.mark.heavy
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
    wide = np.full(len(rows), 0.3)
    foreseen.put(rows, Foresight(1.3 + 0.5 * far, wide, wide))
    steady = foreseen.shape(START + 100, [0.5, 0.9])
    soon = foreseen.shape(START + 112, [0.5, 0.9])
    slower = foreseen.shape(START + 125, [0.5, 0.9])
    assert steady == pytest.approx([0, 1.28], abs=0.2)
    assert np.all(soon > steady + 0.5), "though none that took longer than twelve days has arrived"
    assert slower == pytest.approx(steady + BELIEVED * np.log(1.5) / 0.3, abs=0.3)


def test_a_promise_is_about_parcels_that_arrive() -> None:
    trips = imagine()
    columns = {field.name: trips.table.column(field.name) for field in TRIP_SCHEMA}
    lost = np.random.default_rng(2).random(len(trips)) < 0.08
    ends = [None if gone else at for gone, at in zip(lost, columns["delivered_at"].to_pylist(), strict=True)]
    shapes = []
    for some in (trips, make_trips(columns | {"delivered_at": ends})):
        foreseen = Foreseen(some)
        rows = some.between(START, START + 200)
        far = np.abs(np.subtract(*(some.numbers(f"{end}_longitude")[rows] for end in ("origin", "destination"))))
        foreseen.put(rows, Foresight(1.3 + 0.5 * far, *np.full((2, len(rows)), 0.3)))
        shapes.append(foreseen.shape(START + 180, [0.5, 0.9]))
    assert shapes[1] == pytest.approx(shapes[0], abs=0.1)


def test_a_window_is_as_wide_to_each_side_as_was_foreseen() -> None:
    foresight = Foresight(np.log([10.0, 10.0]), np.array([0.1, 0.2]), np.array([0.4, 0.3]))
    windows = foresight.windows(np.array([-1.0, 0.0, 1.0]))
    assert np.log(windows / 10) == pytest.approx(np.array([[-0.1, 0, 0.4], [-0.2, 0, 0.3]]))


def test_late_parcels_come_late_for_reasons_of_their_own() -> None:
    """To one region all come at about the same time but a few that take three times as long."""
    trips = imagine(6000, 200)
    to_far = trips.numbers("destination_longitude") == 2
    late = to_far & (np.random.default_rng(1).random(len(trips)) < 0.2)
    columns = {field.name: trips.table.column(field.name) for field in TRIP_SCHEMA}
    ends = trips.ordered + np.where(late, 3, 1) * (trips.delivered - trips.ordered)
    columns["delivered_at"] = np.round(ends * DAY_MS).astype("datetime64[ms]")
    trips = make_trips(columns)
    foresight = learn_transit(describe(trips), trips, START + 250).foresee(describe(trips), np.arange(len(trips)))
    assert np.median(foresight.later[to_far]) > 1.4 * np.median(foresight.later[~to_far])
    assert np.median(foresight.sooner[to_far]) < 1.4 * np.median(foresight.sooner[~to_far])


def test_lateness_is_spent_where_it_saves_most() -> None:
    levels = np.array([0.5, 0.8, 0.9])
    windows = np.array([[2.0, 3.0, 4.0], [10.0, 15.0, 30.0]])
    assert spend_evenly(windows, levels, 1) == pytest.approx([2, 10])
    # A tenth of 20 days pays a day more for the near one, not 15 for the far one.
    assert spend_evenly(windows, levels, 20) == pytest.approx([4, 15])
    assert spend_evenly(windows, levels, 200) == pytest.approx([4, 30])


@pytest.mark.heavy
def test_recalibrated_trees_hold_again_once_their_promises_were_seen_to_fail() -> None:
    trips = imagine(slow_from=90)
    facts = describe(trips)
    trees = PlainTrees(facts, trips, START + 80)
    start, end = START + 80, START + 200
    weekly = trees.promise_weekly(start, end)
    rows = trips.between(START + 165, end)
    taken = (trips.delivered - trips.ordered)[rows]
    found = score(taken, weekly[rows])
    assert found["coverage_p90"] == pytest.approx(0.9, abs=0.05)
    assert found["coverage_p90"] > score(taken, trees.promise_once(start, rows)["lightgbm"])["coverage_p90"] + 0.05
    assert np.isnan(weekly[trips.ordered < start]).all()


def test_recalibrated_trees_know_nothing_of_what_comes_later() -> None:
    trips, known = imagine(2000, 150), START + 120
    columns = {field.name: trips.table.column(field.name) for field in TRIP_SCHEMA}
    late = np.where(trips.delivered < known, trips.delivered, trips.delivered + 50)
    columns["delivered_at"] = np.round(late * DAY_MS).astype("datetime64[ms]")
    other = make_trips(columns)
    rows = trips.between(START + 100, known)
    one, same = (
        PlainTrees(describe(each), each, START + 100).promise_weekly(START + 100, known) for each in (trips, other)
    )
    assert one[rows] == pytest.approx(same[rows])


def test_with_few_promises_nothing_is_said() -> None:
    trips = imagine(rows=LEAST_ENDED - 1)
    foreseen = Foreseen(trips)
    rows = trips.between(START, START + 200)
    foreseen.put(rows, Foresight(*np.ones((3, len(rows)))))
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
