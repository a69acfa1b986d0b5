"""What is known of days beforehand."""

import datetime as dt

import numpy as np
import pytest

from waypost.forecast.calendars import COLUMNS, know_days, list_marks


def of(day: str, country: str) -> dict[str, float]:
    return dict(zip(COLUMNS, know_days(dt.date.fromisoformat(day), 1, {country: 1.0})[0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("day", "country", "column", "value"),
    [
        ("2025-12-25", "US", "holiday", 1),
        ("2025-12-24", "US", "day before a holiday", 1),
        ("2025-12-26", "US", "day after a holiday", 1),
        ("2025-12-23", "US", "holiday", 0),
        ("2026-01-01", "BR", "holiday", 1),
        ("2025-12-31", "BR", "day before a holiday", 1),
        ("2025-11-11", "CN", "sales day", 1),
        ("2008-11-11", "CN", "sales day", 0),
        ("2025-06-18", "CN", "sales day", 1),
        ("2025-11-11", "BR", "sales day", 0),
        ("2025-11-28", "BR", "sales day", 1),
        ("2024-11-29", "US", "sales day", 1),
        ("2024-12-02", "US", "sales day", 1),
        ("2025-11-14", "CN", "days since one", 3),
        ("2025-12-01", "CN", "days since one", 10),
        ("2025-12-17", "CN", "day of the month", 17),
    ],
)
def test_days(day: str, country: str, column: str, value: int) -> None:
    assert of(day, country)[column] == value


def test_countries_weigh_by_their_share() -> None:
    both = know_days(dt.date(2025, 12, 25), 1, {"US": 1.0, "CN": 3.0})
    assert both[0, 0] == pytest.approx(0.25)


def test_days_stand_one_after_the_other() -> None:
    many = know_days(dt.date(2025, 11, 1), 60, {"CN": 1.0})
    single = [know_days(dt.date(2025, 11, 1) + dt.timedelta(days=place), 1, {"CN": 1.0})[0] for place in range(60)]
    assert (many == np.stack(single)).all()


def test_a_country_that_nothing_is_known_of_has_only_days_of_the_month() -> None:
    rows = know_days(dt.date(2025, 12, 25), 2, {"ZZ": 1.0})
    assert rows[:, :4].sum() == 0
    assert rows[:, 5].tolist() == [25.0, 26.0]
    assert (know_days(dt.date(2025, 12, 25), 2, {}) == rows).all()


def test_days_that_stand_out_have_names() -> None:
    marks = list_marks(dt.date(2026, 11, 9), 4, ["CN", "BR", "CN", "XX"])
    assert [(mark.day, mark.country, mark.kind, mark.name) for mark in marks] == [
        ("2026-11-11", "CN", "sales", "Singles' Day")
    ]
    assert {mark.kind for mark in list_marks(dt.date(2026, 10, 1), 1, ["CN"])} == {"holiday"}
    assert list_marks(dt.date(2005, 11, 11), 1, ["CN"]) == []
