"""When parcels are scanned next, and what asking after one is worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.instants import DAY_MS
from waypost.track.rhythm import AGES, HOUR_MS, WEEK_HOURS, Rhythm

NOON_MS = 1_791_763_200_000 + 12 * HOUR_MS


def rhythm(hazard: float = 0.25, paces: list[float] | None = None) -> Rhythm:
    """One status, whose next scan comes by the same chance at any age."""
    return Rhythm(np.array([paces or [1.0] * WEEK_HOURS]), np.full((1, AGES), hazard))


def one(value: int | float) -> np.ndarray:
    return np.array([value])


def test_a_chance_grows_as_that_of_a_constant_hazard() -> None:
    last = one(NOON_MS)
    [chance] = rhythm(0.25).chance(one(0), last, last + HOUR_MS, last + 5 * HOUR_MS)
    assert chance == pytest.approx(1 - np.exp(-0.25 * 4))


def test_worth_is_the_odds_summed_over_time() -> None:
    """For a constant hazard the integral of exp(h t) - 1 is (exp(h t) - 1) / h - t."""
    last = one(NOON_MS)
    for hours in (0.5, 2.0, 6.0):
        [worth] = rhythm(0.25).worth(one(0), last, last, NOON_MS + int(hours * HOUR_MS))
        assert worth == pytest.approx((np.exp(0.25 * hours) - 1) / 0.25 - hours, rel=0.02)


def test_who_was_asked_just_now_is_worth_nothing() -> None:
    last = one(NOON_MS)
    assert rhythm().worth(one(0), last, last + 3 * HOUR_MS, NOON_MS + 3 * HOUR_MS).tolist() == [0.0]
    assert rhythm().worth(one(0), last, last + 3 * HOUR_MS, NOON_MS + 2 * HOUR_MS).tolist() == [0.0]


def test_odds_count_up_to_ten_to_one() -> None:
    last = one(NOON_MS)
    day, two = (rhythm(5.0).worth(one(0), last, last, NOON_MS + days * DAY_MS)[0] for days in (1, 2))
    assert two - day == pytest.approx(24 * 10, rel=0.01)


@given(
    st.floats(0.001, 2.0),
    st.integers(0, 14 * 24 * 60),
    st.integers(0, 3 * 24 * 60),
    st.floats(0.05, 20.0),
)
def test_when_is_the_instant_at_which_it_is_worth_so_much(hazard: float, last: int, asked: int, worth: float) -> None:
    paces = [0.2 if hour % 24 < 8 else 1.4 for hour in range(WEEK_HOURS)]
    own = rhythm(hazard, paces)
    last_ms = one(NOON_MS + last * 60_000)
    asked_ms = last_ms + asked * 60_000
    [when] = own.when(one(0), last_ms, asked_ms, one(worth), DAY_MS)
    assert asked_ms[0] <= when <= asked_ms[0] + DAY_MS
    if when < asked_ms[0] + DAY_MS:
        assert own.worth(one(0), last_ms, asked_ms, int(when)) >= worth * 0.95 - 0.01
    if when > asked_ms[0] + HOUR_MS // 6:
        assert own.worth(one(0), last_ms, asked_ms, int(when) - HOUR_MS // 3) <= worth * 1.05 + 0.01


def test_a_night_passes_quickly() -> None:
    """In eight hours in which nothing is scanned nothing becomes more likely."""
    paces = [0.02 if hour % 24 < 8 else 1.49 for hour in range(WEEK_HOURS)]
    midnight = one(NOON_MS // DAY_MS * DAY_MS)
    own = rhythm(0.25, paces)
    starts = np.array([0, 8]) * HOUR_MS + midnight
    night, day = own.chance(np.zeros(2, np.int64), starts, starts, starts + 8 * HOUR_MS)
    assert night < 0.05
    assert day > 0.9
