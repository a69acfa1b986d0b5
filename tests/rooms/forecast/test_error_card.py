"""How far forecasts were off, beside saying the same as a week ago."""

import datetime as dt

import numpy as np
import pytest

from waypost.forecast.counts import Counts
from waypost.forecast.error_card import draw_card

NAMES = [("yto", "Hangzhou"), ("yto", "Shanghai")]


def counts(days: int, last: float = 1.0) -> Counts:
    """Parcels by day of the week, with chance; those of the last week are so many times as many."""
    chance = np.random.default_rng(3)
    means = np.array([[80.0], [30.0]]) * np.resize([1.2, 1.1, 1.0, 1.0, 1.1, 0.6, 0.3], days)
    parcels = chance.poisson(means).astype(np.float64)
    parcels[:, -7:] *= last
    return Counts(dt.date(2026, 3, 2), NAMES, parcels, 9)


def test_errors_are_of_days_that_were_not_known() -> None:
    card = draw_card(counts(84), "hub", 7, countries={})
    wild = draw_card(counts(84, 5.0), "hub", 7, countries={})
    assert card is not None
    assert wild is not None
    assert (card.first, card.last) == ("2026-05-18", "2026-05-24")
    assert [(each.level, each.lines) for each in card.levels] == [("network", 1), ("carrier", 1), ("hub", 2)]
    hubs, surprised = card.levels[-1], wild.levels[-1]
    assert hubs.mean == pytest.approx(49.5, rel=0.15)
    assert 0 < hubs.mae < 15
    assert 0 < hubs.naive_mae < 20
    assert surprised.mae > 100
    assert surprised.within < 0.5 < hubs.within


def test_too_little_is_no_card() -> None:
    assert draw_card(counts(20), "hub", 14, countries={}) is None
    assert draw_card(counts(12), "hub", 3, countries={}) is None
