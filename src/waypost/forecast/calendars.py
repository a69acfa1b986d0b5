"""What is known of a day beforehand: holidays, sales days, the day of the month.

Holidays are those of the package `holidays`. Days of great sales stand in `data/sales_days.csv`, each with where it is
known from: they are customs and not laws.
"""

import csv
import datetime as dt
import functools
from collections.abc import Iterable, Mapping
from importlib import resources

import msgspec
import numpy as np

from waypost.forecast.voices import Floats, Rows

#: A sales day is felt for so many days.
_FELT = 10

#: What `know_days` tells of each day.
COLUMNS = ("holiday", "day before a holiday", "day after a holiday", "sales day", "days since one", "day of the month")


def know_days(first: dt.date, days: int, countries: Mapping[str, float]) -> Rows:
    """What is known of each day, in `COLUMNS`.

    Args:
        first: the first of them.
        days: how many.
        countries: of ISO 3166-1 alpha-2, each with its share of the parcels. One that nothing is known of has none.
    """
    rows = np.zeros((days, len(COLUMNS)), np.float32)
    since = np.full(days, float(_FELT))
    whole = sum(countries.values())
    for country, part in countries.items():
        free = _mark_holidays(country, first - dt.timedelta(days=1), days + 2)
        rows[:, :3] += np.stack([free[1:-1], free[2:], free[:-2]], axis=1) * (part / whole)
        sales = _mark_sales(country, first - dt.timedelta(days=_FELT), days + _FELT)
        rows[:, 3] += sales[_FELT:] * (part / whole)
        for ago in reversed(range(_FELT)):
            since = np.where(sales[_FELT - ago : days + _FELT - ago] > 0, np.minimum(since, ago), since)
    rows[:, 4] = since
    rows[:, 5] = [(first + dt.timedelta(days=place)).day for place in range(days)]
    return rows


@functools.lru_cache(maxsize=4096)
def list_free_days(country: str, year: int) -> tuple[int, ...]:
    """Public holidays of a year, as days since 1970; none of a country that nothing is known of."""
    epoch = dt.date(1970, 1, 1).toordinal()
    known = _holidays_of(country, dt.date(year, 1, 1), dt.date(year, 12, 31))
    return tuple(sorted(day.toordinal() - epoch for day in known))


class Mark(msgspec.Struct, frozen=True):
    """A day that stands out in a country: a `holiday` or a day of great `sales`, and what it is called."""

    day: str
    country: str
    kind: str
    name: str


def list_marks(first: dt.date, days: int, countries: Iterable[str]) -> list[Mark]:
    """Holidays and sales days of some countries from a day on, day by day."""
    found = []
    for country in sorted(set(countries)):
        known = _holidays_of(country, first, first + dt.timedelta(days=days))
        for place in range(days):
            day = first + dt.timedelta(days=place)
            if day in known:
                found.append(Mark(day.isoformat(), country, "holiday", known[day]))
            found += [
                Mark(day.isoformat(), country, "sales", name)
                for begins, rule, name in _read_sales_days().get(country, ())
                if day.year >= begins and day == _day_of(rule, day.year)
            ]
    return sorted(found, key=lambda mark: (mark.day, mark.country, mark.kind, mark.name))


def _holidays_of(country: str, first: dt.date, last: dt.date) -> Mapping[dt.date, str]:
    import holidays

    if country not in holidays.list_supported_countries():
        return {}
    known: Mapping[dt.date, str] = holidays.country_holidays(country, years=range(first.year, last.year + 1))
    return known


def _mark_holidays(country: str, first: dt.date, days: int) -> Floats:
    last = first + dt.timedelta(days=days)
    free = [day for year in range(first.year, last.year + 1) for day in list_free_days(country, year)]
    begin = (first - dt.date(1970, 1, 1)).days
    return np.isin(np.arange(begin, begin + days), free).astype(np.float64)


def _mark_sales(country: str, first: dt.date, days: int) -> Floats:
    rules = _read_sales_days().get(country, ())
    marks = np.zeros(days)
    for place in range(days):
        day = first + dt.timedelta(days=place)
        marks[place] = any(day.year >= begins and day == _day_of(rule, day.year) for begins, rule, _ in rules)
    return marks


def _day_of(rule: str, year: int) -> dt.date:
    """The day that a rule means in a year."""
    if rule not in ("black friday", "cyber monday"):
        month, day = map(int, rule.split("-"))
        return dt.date(year, month, day)
    november = dt.date(year, 11, 1)
    thanksgiving = november + dt.timedelta(days=(3 - november.weekday()) % 7 + 21)
    return thanksgiving + dt.timedelta(days=1 if rule == "black friday" else 4)


@functools.cache
def _read_sales_days() -> dict[str, tuple[tuple[int, str, str], ...]]:
    """By country since when, by which rule and under which name there are sales days."""
    text = resources.files("waypost.forecast").joinpath("data/sales_days.csv").read_text(encoding="utf-8")
    found: dict[str, tuple[tuple[int, str, str], ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        found[row["country"]] = (*found.get(row["country"], ()), (int(row["begins"]), row["rule"], row["name"]))
    return found
