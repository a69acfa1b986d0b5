"""What is forecast of series that are imagined so that the answer is known."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from waypost.forecast.volume import DAILY, Panel, Volumes, forecast_volumes
from waypost.forecast.windows import Pace
from waypost.model.errors import BadInput

HORIZON = 14
PACE = Pace((7,), 7)


def imagine(many: int = 30, days: int = 400, seed: int = 1) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Parcels a day with a week, a trend and holidays that halve a day, and which days are holidays."""
    chance = np.random.default_rng(seed)
    week = np.array([1.2, 1.1, 1.0, 1.0, 1.1, 0.6, 0.3])
    days_off = np.zeros(days + HORIZON)
    days_off[chance.choice(days, 16, replace=False)] = 1
    days_off[days + 4] = 1
    series = []
    for _ in range(many):
        base, growth = chance.uniform(50, 500), chance.uniform(-0.3, 1.0)
        at = np.arange(days + HORIZON)
        mean = base * (1 + growth * at / days) * np.roll(np.tile(week, 100), chance.integers(7))[: len(at)]
        series.append(np.round(mean * np.where(days_off, 0.4, 1.0) * chance.lognormal(0, 0.08, len(at))))
    return series, [days_off[:, None].astype(np.float32)] * many


@pytest.fixture(scope="module")
def imagined() -> tuple[Panel, np.ndarray, Volumes]:
    series, events = imagine()
    panel = Panel([each[:-HORIZON] for each in series], PACE, events)
    return panel, np.stack([each[-HORIZON:] for each in series]), forecast_volumes(panel, HORIZON)


@pytest.mark.heavy
def test_it_is_much_nearer_than_the_seasonal_naive(imagined: tuple[Panel, np.ndarray, Volumes]) -> None:
    panel, truths, told = imagined
    naive = np.stack([each[-7:][np.arange(HORIZON) % 7] for each in panel.series])
    assert np.abs(told.medians - truths).mean() < 0.7 * np.abs(naive - truths).mean()


def test_it_knows_the_holiday_ahead(imagined: tuple[Panel, np.ndarray, Volumes]) -> None:
    panel, truths, told = imagined
    blind = forecast_volumes(Panel(panel.series, PACE), HORIZON)
    missed, missed_blind = (np.abs(each.medians[:, 4] - truths[:, 4]).mean() for each in (told, blind))
    assert missed < 0.3 * missed_blind


def test_bands_hold_about_as_often_as_they_say(imagined: tuple[Panel, np.ndarray, Volumes]) -> None:
    _, truths, told = imagined
    inside = (truths > told.quantiles[:, :, 0]) & (truths <= told.quantiles[:, :, 2])
    assert 0.68 < inside.mean() < 0.92


@pytest.mark.heavy
def test_the_same_seed_tells_the_same(imagined: tuple[Panel, np.ndarray, Volumes]) -> None:
    panel, _, told = imagined
    again = forecast_volumes(panel, HORIZON)
    assert (again.means == told.means).all()
    assert (again.quantiles == told.quantiles).all()


SHAPES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "noise": lambda chance: chance.poisson(20, 150).astype(float),
    "constant": lambda _: np.full(150, 7.0),
    "zeros": lambda _: np.zeros(150),
    "seldom": lambda chance: chance.binomial(1, 0.05, 150).astype(float),
    "ends in nothing": lambda chance: np.append(chance.poisson(30, 100), np.zeros(50)).astype(float),
    "one huge day": lambda chance: np.where(np.arange(150) == 140, 1e7, chance.poisson(20, 150)).astype(float),
    "short": lambda chance: chance.poisson(20, 30).astype(float),
    "one value": lambda _: np.array([5.0]),
}


@pytest.fixture(scope="module")
def odd() -> Volumes:
    chance = np.random.default_rng(3)
    return forecast_volumes(Panel([shape(chance) for shape in SHAPES.values()], DAILY), HORIZON)


@pytest.mark.parametrize("name", SHAPES)
def test_whatever_it_is_given_the_bands_are_ordered_and_not_below_zero(odd: Volumes, name: str) -> None:
    place = list(SHAPES).index(name)
    assert np.isfinite(odd.quantiles[place]).all()
    assert (odd.quantiles[place] >= 0).all()
    assert (odd.means[place] >= 0).all()
    assert (np.diff(odd.quantiles[place], axis=1) >= 0).all()


def test_what_never_moves_stays(odd: Volumes) -> None:
    names = list(SHAPES)
    assert odd.means[names.index("constant")] == pytest.approx(np.full(HORIZON, 7.0), abs=0.5)
    assert odd.means[names.index("zeros")] == pytest.approx(np.zeros(HORIZON), abs=0.1)


@pytest.mark.parametrize(("lengths", "horizon"), [([20], HORIZON), ([50], 1), ([3, 9, 20], 1), ([5, 40], 30)])
def test_too_little_is_refused_with_how_much_would_do(lengths: list[int], horizon: int) -> None:
    """And what it says does: with so many more it is told, and with one less it is not."""
    chance = np.random.default_rng(2)
    series = [chance.poisson(20, 500).astype(float) for _ in lengths]

    def ask(more: int) -> Volumes:
        return forecast_volumes(
            Panel([each[: length + more] for each, length in zip(series, lengths, strict=True)], DAILY), horizon
        )

    with pytest.raises(BadInput, match=rf"longest series has {max(lengths)} values") as refused:
        ask(0)
    assert ("Forecast less at once" in refused.value.mend) == (horizon > 1)
    [more] = map(int, re.findall(r"each series has (\d+) more", refused.value.mend))
    with pytest.raises(BadInput):
        ask(more - 1)
    assert ask(more).means.shape == (len(lengths), horizon)


@pytest.mark.heavy
def test_means_are_told_where_medians_are_elsewhere() -> None:
    """Seldom and bursts: medians of 0 and 60, and means of 0.05 and 132."""
    chance = np.random.default_rng(8)
    seldom = chance.poisson(0.05, (30, 200)).astype(float)
    bursts = chance.poisson(np.where(chance.random((30, 200)) < 0.3, 300, 60)).astype(float)
    told = forecast_volumes(Panel([*seldom, *bursts], DAILY), 7)
    assert told.medians[:30].mean() < 0.02
    assert told.means[:30].mean() == pytest.approx(0.05, abs=0.02)
    assert told.medians[30:].mean() < 100
    assert told.means[30:].mean() == pytest.approx(132, rel=0.12)


def test_no_series_is_held_for_certain() -> None:
    told = forecast_volumes(Panel([np.zeros(200), np.full(200, 7.0), np.arange(8.0)], DAILY), 7)
    assert told.variances[0] == pytest.approx(1 / 28)  # none in four weeks, as if one had come
    assert told.variances[1] >= 7.0  # by chance alone
    assert told.variances[2] == pytest.approx(7.0)  # too short to be asked: by chance alone, of its end


def test_nothing_is_forecast_of_nothing() -> None:
    told = forecast_volumes(Panel([], DAILY), HORIZON)
    assert told.means.shape == (0, HORIZON)
    assert told.quantiles.shape == (0, HORIZON, 3)
