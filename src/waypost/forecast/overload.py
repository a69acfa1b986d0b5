"""Hours in which more parcels come to a hub than it can take.

A day is dealt out over its hours as the same days of the week were in the last weeks. A parcel that is scanned in two
hours is work in both, so the hours of a day may hold more than the day.

An hour moves for three reasons, which add up as variances: the day is fuller or emptier than expected; which of its
parcels fall into the hour is chance; and the share of the hour differs from week to week by more than that chance.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import ibis
import msgspec
import numpy as np

from waypost.forecast.counts import EPOCH, local_ms
from waypost.forecast.parcels import DayForecast, ParcelForecast
from waypost.forecast.voices import Floats, Ints
from waypost.model.instants import DAY_MS, MINUTE_MS
from waypost.store.protocols import History
from waypost.track.standing import instant, read_standing
from waypost.track.tables import CodeTables

#: So many weeks tell the hours of a day.
WEEKS = 8

_HOUR_MS = 60 * MINUTE_MS

#: P90 lies so many standard deviations above the middle, where what moves is normal.
_P90 = 1.2816

Hub = tuple[str, str]


class Hours(msgspec.Struct, frozen=True):
    """How the days of a hub fall into hours, by day of the week and hour.

    Attributes:
        shares: how much of a day's parcels the hour sees.
        wobbles: the variance of that from week to week, beyond what chance makes of so many parcels.
    """

    shares: Floats
    wobbles: Floats


class Overload(msgspec.Struct, frozen=True, kw_only=True):
    """An hour that is too full on one day in ten, or to be expected so.

    Attributes:
        carrier, hub: where.
        hour: when it begins, by the clock of the hub.
        parcels, p90: how many are expected, and how many that hour goes beyond on one such day in ten.
        capacity: how many the hub can take in an hour.
        expected: whether already what is expected is more than that.
    """

    carrier: str
    hub: str
    hour: str
    parcels: float
    p90: float
    capacity: float
    expected: bool


def read_hours(history: History, tables: CodeTables, last: dt.date) -> dict[Hub, Hours]:
    """By hub, how its days fell into hours in the weeks up to a day."""
    end = (last - EPOCH).days + 1
    begin = end - 7 * WEEKS
    standing = read_standing(history, tables)

    def count(span_ms: int) -> list[dict[str, Any]]:
        """The parcels that each hub saw in each span of the local clock."""

        def ask(scans: Any) -> Any:
            near = scans.filter(scans.at >= instant((begin - 1) * DAY_MS), scans.at < instant((end + 1) * DAY_MS))
            placed = standing(near).filter(ibis._.facility.notnull())
            spans = placed.mutate(span=(local_ms(placed) / span_ms).floor().cast("int64"))
            seen = spans.select("carrier", "facility", "number", "span").distinct()
            return seen.group_by("carrier", "facility", "span").aggregate(parcels=seen.count())

        rows: list[dict[str, Any]] = history.run(ask).to_pylist()
        return rows

    hours: dict[Hub, Floats] = {}
    days: dict[Hub, Floats] = {}
    for row in count(_HOUR_MS):
        day, hour = divmod(row["span"], 24)
        if begin <= day < end:
            hours.setdefault((row["carrier"], row["facility"]), np.zeros((7 * WEEKS, 24)))[day - begin, hour] = row[
                "parcels"
            ]
    for row in count(DAY_MS):
        if begin <= row["span"] < end:
            days.setdefault((row["carrier"], row["facility"]), np.zeros(7 * WEEKS))[row["span"] - begin] = row[
                "parcels"
            ]
    weekdays = (np.arange(begin, end) + EPOCH.weekday()) % 7
    return {hub: learn_hours(table, days[hub], weekdays) for hub, table in hours.items()}


def learn_hours(hours: Floats, days: Floats, weekdays: Ints) -> Hours:
    """A day of the week without parcels is dealt out as all together, and moves so if less than two had any."""
    together = _learn_weekday(hours, days)
    found = []
    for weekday in range(7):
        own = _learn_weekday(hours[weekdays == weekday], days[weekdays == weekday])
        seen = np.count_nonzero(days[weekdays == weekday])
        found.append((own[0] if seen else together[0], own[1] if seen > 1 else together[1]))
    return Hours(*(np.stack(each) for each in zip(*found, strict=True)))


def _learn_weekday(hours: Floats, days: Floats) -> tuple[Floats, Floats]:
    """The shares of the hours over some days, and how much more these move than chance makes them."""
    shares = hours.sum(axis=0) / max(days.sum(), 1.0)
    seen = np.count_nonzero(days)
    if seen < 2:
        return shares, np.zeros(24)
    moved = ((hours - shares * days[:, None]) ** 2).sum(axis=0) * seen / (seen - 1)
    chance = days.sum() * shares * (1.0 - shares)
    return shares, np.maximum(moved - chance, 0.0) / (days**2).sum()


def find_overloads(
    forecast: ParcelForecast, hours: Mapping[Hub, Hours], capacities: Mapping[Hub, float]
) -> list[Overload]:
    """The hours beyond what each hub can take, hub by hub.

    Args:
        forecast: by hub.
        hours: of `read_hours`.
        capacities: parcels an hour.
    """
    found = []
    for line in forecast.lines:
        hub = (line.carrier or "", line.name or "")
        if hub not in capacities or hub not in hours:
            continue
        for each in line.days:
            day = dt.date.fromisoformat(each.day)
            shares: list[float] = hours[hub].shares[day.weekday()].tolist()
            beyond: list[float] = _p90(each, hours[hub], day.weekday()).tolist()
            for hour, (share, p90) in enumerate(zip(shares, beyond, strict=True)):
                if max(each.parcels * share, p90) <= capacities[hub]:
                    continue
                found.append(
                    Overload(
                        carrier=hub[0],
                        hub=hub[1],
                        hour=f"{each.day}T{hour:02}:00",
                        parcels=round(each.parcels * share, 2),
                        p90=round(p90, 2),
                        capacity=capacities[hub],
                        expected=each.parcels * share > capacities[hub],
                    )
                )
    return found


def _p90(day: DayForecast, hours: Hours, weekday: int) -> Floats:
    """By hour what one such day in ten goes beyond."""
    shares = hours.shares[weekday]
    of_day = shares * (day.p90 - day.p50)
    of_hour = day.parcels * shares * (1.0 - shares) + day.parcels**2 * hours.wobbles[weekday]
    return np.asarray(shares * day.p50 + np.sqrt(of_day**2 + _P90**2 * of_hour))
