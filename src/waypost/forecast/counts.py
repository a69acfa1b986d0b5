"""Parcels a day, from `History`: by carrier, by hub, or by lane.

A day is that of the place of the scan. A hub handles a parcel on each day on which it scans it; a carrier gets a
parcel on the day on which it was first seen moving; a lane carries it on the day on which it was delivered, since
before that nobody can know from scans alone where it goes. A day without scans is a day without parcels.
"""

import datetime as dt
from collections.abc import Collection
from typing import Any, Literal

import ibis
import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.voices import Floats
from waypost.model.instants import DAY_MS, MINUTE_MS
from waypost.network.areas import Areas
from waypost.network.facilities import Facilities
from waypost.store.protocols import History
from waypost.track.standing import Ask, in_milliseconds, read_standing, timed
from waypost.track.tables import CodeTables

By = Literal["carrier", "hub", "lane"]

#: What is left when the busiest have their own name.
OTHERS = "others"

#: Days are counted from here.
EPOCH = dt.date(1970, 1, 1)

#: A day is over when it is over everywhere on earth, so long after its midnight UTC.
OVER_MS = DAY_MS // 2


class Counts(msgspec.Struct, frozen=True):
    """Parcels a day of each carrier, hub or lane.

    Attributes:
        first: the day of the first column.
        names: carrier and name of each row; the name is that of the carrier itself, a facility's code, or
            `ORIGIN > DESTINATION`. `OTHERS` is all that is not busy enough for a row of its own.
        parcels: by row and day.
        position: everything below it is counted.
    """

    first: dt.date
    names: list[tuple[str, str]]
    parcels: Floats
    position: int

    @property
    def last(self) -> dt.date:
        """The day of the last column."""
        return self.first + dt.timedelta(days=self.days - 1)

    @property
    def days(self) -> int:
        """How many days there are."""
        return int(self.parcels.shape[1])


def read_counts(
    history: History,
    tables: CodeTables,
    facilities: Facilities,
    by: By,
    *,
    until: dt.date,
    now_ms: int,
    most: int,
    named: Collection[tuple[str, str]] = (),
) -> Counts:
    """Count the parcels of all days before one.

    Args:
        history: of scans.
        tables: what codes mean.
        facilities: where a lane begins and ends.
        by: what to count by.
        until: the first day that is not over. The counts end before, with the last day behind whose end there is a
            scan: of a later one not all may have come yet.
        now_ms: scans from clocks that run ahead of it count for nothing.
        most: so many rows, the busiest, have names of their own.
        named: these have too, lanes however they are spelled.
    """
    position = history.position()
    standing, areas = read_standing(history, tables), Areas(facilities.list_all())
    counting = {"hub": _handled(standing), "carrier": _accepted(standing), "lane": _carried(standing, areas)}[by]
    newest = newest_ms(history, now_ms)
    end = min((until - EPOCH).days, (newest - OVER_MS) // DAY_MS)

    def ask(scans: Any) -> Any:
        moves = counting(timed(scans, now_ms))
        over = moves.filter(moves.day < end)
        return over.group_by("carrier", "name", "day").aggregate(parcels=over.count())

    found = history.run(ask)
    if by != "lane":
        return _spread_out(found, end, position, most, named)
    asked = {(carrier, areas.spell_lane(name)): (carrier, name) for carrier, name in named}
    counts = _spread_out(found, end, position, most, asked)
    return msgspec.structs.replace(counts, names=[asked.get(key, key) for key in counts.names])


def newest_ms(history: History, now_ms: int) -> int:
    """When the newest scan was made by a clock that can be believed, now at the latest; 0 if there is none."""

    def ask(scans: Any) -> Any:
        known = timed(scans, now_ms)
        return known.aggregate(newest=in_milliseconds(known.at).max())

    return min(int(history.run(ask).column("newest")[0].as_py() or 0), now_ms)


def local_ms(scans: Any) -> Any:
    """The instants of scans by the clocks of their places, in milliseconds since 1970."""
    return in_milliseconds(scans.at) + scans.offset_min.cast("int64") * MINUTE_MS


def _local_day(scans: Any) -> Any:
    return (local_ms(scans) / DAY_MS).floor().cast("int64")


def _handled(standing: Ask) -> Ask:
    """A row for each parcel, hub and day."""

    def ask(scans: Any) -> Any:
        placed = standing(scans).filter(ibis._.facility.notnull())
        placed = placed.mutate(day=_local_day(placed), name=placed.facility)
        return placed.select("carrier", "name", "number", "day").distinct()

    return ask


def _accepted(standing: Ask) -> Ask:
    """A row for each parcel, on the day on which it was first seen moving."""

    def ask(scans: Any) -> Any:
        known = standing(scans)
        moving = known.filter(known.milestone.notin(["created", "cancelled", ""]))
        moving = moving.mutate(day=_local_day(moving))
        firsts = moving.group_by("carrier", "number").aggregate(day=moving.day.min())
        return firsts.select("carrier", "number", "day", name=firsts.carrier)

    return ask


def _carried(standing: Ask, areas: Areas) -> Ask:
    """A row for each parcel that was delivered, from the area where it was accepted."""
    placed = ibis.memtable(areas.table())

    def ask(scans: Any) -> Any:
        moves = standing(scans).inner_join(placed, ["carrier", "facility"])
        moves = moves.mutate(day=_local_day(moves))
        begun = moves.milestone.isin(["accepted", "departed"])
        ended = moves.milestone == "delivered"
        ways = moves.group_by("carrier", "number").aggregate(
            origin=moves.area.argmin(moves.at, where=begun),
            destination=moves.area.argmin(moves.at, where=ended),
            day=moves.day.min(where=ended),
        )
        ways = ways.filter(ways.origin.notnull(), ways.destination.notnull())
        return ways.select("carrier", "number", "day", name=ways.origin.concat(" > ", ways.destination))

    return ask


def _spread_out(found: pa.Table, end: int, position: int, most: int, named: Collection[tuple[str, str]]) -> Counts:
    """Rows of counts as one row a name and one column a day, from the first with parcels to the end."""
    if not found.num_rows:
        return Counts(EPOCH, [], np.empty((0, 0)), position)
    day = np.asarray(found.column("day")).astype(np.int64)
    parcels = np.asarray(found.column("parcels")).astype(np.float64)
    keys = list(zip(found.column("carrier").to_pylist(), found.column("name").to_pylist(), strict=True))
    totals: dict[tuple[str, str], float] = {}
    for key, many in zip(keys, parcels.tolist(), strict=True):
        totals[key] = totals.get(key, 0.0) + many
    shown = {*sorted(totals, key=lambda key: (-totals[key], key))[:most], *named}
    owners = [key if key in shown else (key[0], OTHERS) for key in keys]
    names = sorted(set(owners))
    places = {name: place for place, name in enumerate(names)}
    table = np.zeros((len(names), end - int(day.min())))
    np.add.at(table, (np.array([places[name] for name in owners]), day - day.min()), parcels)
    return Counts(EPOCH + dt.timedelta(days=int(day.min())), names, table, position)
