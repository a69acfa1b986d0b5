"""Parcels to come, from counts: they add up, and follow the calendar of their country."""

import datetime as dt

import numpy as np
import pytest

from waypost.forecast.counts import By, Counts
from waypost.forecast.parcels import ParcelForecast, forecast_parcels
from waypost.model.errors import NotFound

FIRST, DAYS = dt.date(2025, 1, 1), 420
NAMES = [("sto", "Wuhan"), ("yto", "Hangzhou"), ("yto", "Shanghai"), ("yto", "others")]


@pytest.fixture(scope="module")
def counts() -> Counts:
    chance = np.random.default_rng(6)
    week = np.tile([1.2, 1.1, 1.0, 1.0, 1.1, 0.6, 0.3], 80)[:DAYS]
    means = np.array([[40.0], [300.0], [120.0], [15.0]]) * week
    parcels = chance.poisson(means).astype(np.float64)
    parcels[3, :200] = 0  # begins later
    return Counts(FIRST, NAMES, parcels, 99)


@pytest.fixture(scope="module")
def told(counts: Counts) -> ParcelForecast:
    return forecast_parcels(counts, "hub", 10, countries=dict.fromkeys(NAMES, "CN"))


def test_the_tree_is_told_from_the_top(told: ParcelForecast) -> None:
    assert [(each.level, each.carrier, each.name) for each in told.lines] == [
        ("network", None, None),
        ("carrier", "sto", None),
        ("hub", "sto", "Wuhan"),
        ("carrier", "yto", None),
        ("hub", "yto", "Hangzhou"),
        ("hub", "yto", "Shanghai"),
        ("hub", "yto", "others"),
    ]
    assert (told.learnt_from, told.learnt_to, told.position) == ("2025-01-01", "2026-02-24", 99)
    assert [each.day for each in told.lines[0].days][::9] == ["2026-02-25", "2026-03-06"]


def test_hubs_add_up_to_carriers_and_these_to_the_network(told: ParcelForecast) -> None:
    parcels = np.array([[day.parcels for day in each.days] for each in told.lines])
    assert parcels[0] == pytest.approx(parcels[1] + parcels[3], abs=1e-4)
    assert parcels[1] == pytest.approx(parcels[2], abs=1e-4)
    assert parcels[3] == pytest.approx(parcels[4:].sum(axis=0), abs=1e-4)


def test_they_are_near_what_was_imagined(told: ParcelForecast) -> None:
    week = np.tile([1.2, 1.1, 1.0, 1.0, 1.1, 0.6, 0.3], 80)[DAYS : DAYS + 10]
    hangzhou = np.array([day.parcels for day in told.lines[4].days])
    assert np.abs(hangzhou / (300 * week) - 1).mean() < 0.1


def test_bands_are_ordered_and_not_below_zero(told: ParcelForecast) -> None:
    days = [day for each in told.lines for day in each.days]
    assert all(0 <= day.p10 <= day.p50 <= day.p90 for day in days)


@pytest.mark.heavy
def test_a_network_of_quiet_hubs_is_not_told_to_be_empty() -> None:
    """Each hub sees a parcel in twenty days; 80 of them see four a day."""
    names = [("yto" if place % 2 else "sto", f"H{place:02}") for place in range(80)]
    parcels = np.random.default_rng(5).poisson(0.05, (80, 200)).astype(np.float64)
    told = forecast_parcels(Counts(FIRST, sorted(names), parcels, 1), "hub", 7, countries={})
    assert np.mean([day.parcels for day in told.lines[0].days]) == pytest.approx(4.0, rel=0.35)


def test_bursts_count_in_the_sum_and_the_median_stays() -> None:
    """Twenty hubs get 60 a day, and 300 on three days in ten: 132 on average each."""
    chance = np.random.default_rng(4)
    parcels = chance.poisson(np.where(chance.random((20, 250)) < 0.3, 300, 60)).astype(np.float64)
    told = forecast_parcels(
        Counts(FIRST, [("yto", f"H{each}") for each in range(20)], parcels, 1), "hub", 7, countries={}
    )
    assert np.mean([day.parcels for day in told.lines[0].days]) == pytest.approx(20 * 132, rel=0.12)
    assert np.median([day.p50 for each in told.lines[2:] for day in each.days]) < 100


@pytest.mark.parametrize("by", ["hub", "lane", "carrier"])
def test_without_parcels_there_is_nothing_to_tell(by: By) -> None:
    with pytest.raises(NotFound, match=f"No parcel was counted by {by}"):
        forecast_parcels(Counts(FIRST, [], np.empty((0, 0)), 0), by, 7, countries={})
