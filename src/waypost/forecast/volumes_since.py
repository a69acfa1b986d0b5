"""What came since a forecast was made, beside what it said."""

import datetime as dt

import msgspec

from waypost.forecast.calendars import Mark
from waypost.forecast.counts import By, Counts
from waypost.forecast.error_card import ErrorCard
from waypost.forecast.overload import Overload
from waypost.forecast.parcels import Line
from waypost.forecast.volume_shelf import KeptForecast
from waypost.model.instants import DAY_MS, format_utc

#: Scans that ended so many days before a forecast was made, or before today, are said to have.
_OLD_DAYS = 3


class DayBeside(msgspec.Struct, frozen=True):
    """A day as it was foreseen (see `DayForecast`), and the parcels that `came`; None of a day that is not over."""

    day: str
    parcels: float
    p10: float
    p50: float
    p90: float
    came: int | None


class LineBeside(msgspec.Struct, frozen=True):
    """What is to come at one place of the tree; see `parcels.Line`."""

    level: str
    carrier: str | None
    name: str | None
    days: list[DayBeside]


class VolumeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast that is kept.

    Attributes:
        by: what is at the bottom of the tree.
        made_at, age_h: when it was made, and how many hours ago.
        learnt_from, learnt_to: the first and the last day that were counted for it.
        scans_end: when the newest scan was made that it knew.
        warning: if its days have passed or its scans were old, that, in words.
        lines: the network, then each carrier followed by what is below it. `next` is the cursor for more.
        marks: holidays and sales days among its days.
        card: how far the same way of forecasting was off before, beside saying the same as a week ago.
        overloads: hours in which hubs get too full, where their capacity was told.
    """

    id: str
    by: By
    made_at: str
    age_h: float
    learnt_from: str
    learnt_to: str
    scans_end: str
    warning: str | None
    marks: list[Mark]
    card: ErrorCard | None
    overloads: list[Overload]
    lines: list[LineBeside]
    next: str | None


def put_beside(line: Line, counts: Counts, days: int) -> LineBeside:
    """The first days of a line, with what came on each that is over."""
    rows = [
        place
        for place, (carrier, name) in enumerate(counts.names)
        if line.carrier in (None, carrier) and line.name in (None, name)
    ]
    came = counts.parcels[rows].sum(axis=0)
    found = []
    for each in line.days[:days]:
        place = (dt.date.fromisoformat(each.day) - counts.first).days
        is_over = 0 <= place < len(came)
        told = (each.day, each.parcels, each.p10, each.p50, each.p90)
        found.append(DayBeside(*told, came=int(came[place]) if is_over else None))
    return LineBeside(line.level, line.carrier, line.name, found)


def warn_of_age(scans_end_ms: int, last_day: str, now_ms: int) -> str | None:
    """What is to be said of a forecast that is not of today."""
    old = (now_ms - scans_end_ms) // DAY_MS
    if old < _OLD_DAYS:
        return None
    today = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).date()
    said = f"The scans it knew end {old} days ago, on {format_utc(scans_end_ms)[:10]}"
    return f"{said}: all of its days have passed." if dt.date.fromisoformat(last_day) < today else f"{said}."


def count_until(kept: KeptForecast, now_ms: int, over_ms: int) -> dt.date:
    """Up to before which day it is worth counting what came: no further than it reaches."""
    over = dt.datetime.fromtimestamp((now_ms - over_ms) / 1000, dt.UTC).date()
    return min(over, dt.date.fromisoformat(kept.forecast.lines[0].days[-1].day) + dt.timedelta(days=1))
