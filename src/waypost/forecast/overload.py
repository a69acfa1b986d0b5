"""Hours in which more parcels come to a hub than it can take.

A day is dealt out over its hours as the same days of the week were in the last weeks. A parcel that is scanned in two
hours is work in both, so the hours of a day may hold more than the day.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import ibis
import msgspec
import numpy as np

from waypost.forecast.counts import EPOCH, local_ms
from waypost.forecast.parcels import ParcelForecast
from waypost.forecast.voices import Floats
from waypost.model.instants import DAY_MS, MINUTE_MS
from waypost.store.protocols import History
from waypost.track.standing import instant, read_standing
from waypost.track.tables import CodeTables

#: So many weeks tell the hours of a day.
WEEKS = 8

_HOUR_MS = 60 * MINUTE_MS

#: 1970 began on a Thursday.
_FIRST_WEEKDAY = 3

Hub = tuple[str, str]


class Overload(msgspec.Struct, frozen=True, kw_only=True):
    """An hour that is too full on one day in ten, or to be expected so.

    Attributes:
        carrier, hub: where.
        hour: when it begins, by the clock of the hub.
        parcels, p90: how many are expected, and how many one day in ten goes beyond.
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


def read_hours(history: History, tables: CodeTables, last: dt.date) -> dict[Hub, Floats]:
    """By hub, for each day of the week and hour, how much of the day's parcels it saw in the weeks up to a day."""
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
            table = hours.setdefault((row["carrier"], row["facility"]), np.zeros((7, 24)))
            table[(day + _FIRST_WEEKDAY) % 7, hour] += row["parcels"]
    for row in count(DAY_MS):
        if begin <= row["span"] < end:
            table = days.setdefault((row["carrier"], row["facility"]), np.zeros(7))
            table[(row["span"] + _FIRST_WEEKDAY) % 7] += row["parcels"]
    return {hub: _shares(table, days[hub]) for hub, table in hours.items()}


def _shares(hours: Floats, days: Floats) -> Floats:
    """A day of the week without parcels is dealt out as all together."""
    together = hours.sum(axis=0) / days.sum()
    return np.where(days[:, None] > 0, hours / np.maximum(days, 1.0)[:, None], together)


def find_overloads(
    forecast: ParcelForecast, hours: Mapping[Hub, Floats], capacities: Mapping[Hub, float]
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
            shares: list[float] = hours[hub][day.weekday()].tolist()
            for hour, share in enumerate(shares):
                if each.p90 * share <= capacities[hub]:
                    continue
                found.append(
                    Overload(
                        carrier=hub[0],
                        hub=hub[1],
                        hour=f"{each.day}T{hour:02}:00",
                        parcels=round(each.parcels * share, 2),
                        p90=round(each.p90 * share, 2),
                        capacity=capacities[hub],
                        expected=each.parcels * share > capacities[hub],
                    )
                )
    return found
