"""Trips of parcels from area to area, from `History`: from the hand-over to the delivery, or as far as they came.

A trip begins with the first scan at a facility of a known area with which the parcel was accepted or departed. It ends
with the first scan that it was delivered, in the area of that scan; where that says none, and of what is still on its
way, the area is the one that was told when it was booked. What was returned, cancelled or lost is not on its way.

A carrier that says of none of its parcels that it was delivered runs linehaul: its trips end with the last arrival.
"""

from typing import Any

import ibis
import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.counts import newest_ms
from waypost.forecast.trips import Flags, Floats
from waypost.forecast.voices import Ints
from waypost.model.instants import DAY_MS, EARLIEST_MS, MINUTE_MS
from waypost.network.areas import Areas
from waypost.network.facilities import Facilities
from waypost.store.protocols import History
from waypost.track.standing import Ask, in_milliseconds, instant, read_standing, timed
from waypost.track.tables import CodeTables

#: A trip is looked at as a whole, that is, up to so many days before a stretch of time: it may have begun there.
DAYS_BEFORE = 60

#: Unless told, a stretch begins so many days before the newest scan.
DAYS = 90

_KEY = ("parcel_carrier", "parcel_number")
_HOUR_MS = 60 * MINUTE_MS


class Stretch(msgspec.Struct, frozen=True):
    """Trips that began in a stretch of time.

    Attributes:
        since_ms, until_ms: from the one to before the other.
        as_of_ms: up to when it is known how they went: the newest scan.
        position: everything below it is in.
    """

    since_ms: int
    until_ms: int
    as_of_ms: int
    position: int


class LaneTrips(msgspec.Struct, frozen=True):
    """Trips as columns, each a row.

    Attributes:
        carrier, number, origin, destination: text; the destination is null where nobody knows it.
        began_ms: when it was handed over; `hour_of_week` the hour of that by the clock there, 0 on Mondays at midnight,
            and `day` its day since 1970.
        ended_ms, took_h: when it was delivered, and how many hours that took; or until `as_of_ms`.
        delivered, gone: whether it was; `gone` are returned, cancelled and lost ones.
        promised_ms: by when; 0 where nothing was promised.
        is_late: whether that has passed without it.
    """

    carrier: pa.Array
    number: pa.Array
    origin: pa.Array
    destination: pa.Array
    began_ms: Ints
    hour_of_week: Ints
    day: Ints
    ended_ms: Ints
    took_h: Floats
    delivered: Flags
    gone: Flags
    promised_ms: Ints
    is_late: Flags


class TripReader:
    """Asks one history for trips.

    Args:
        told: of `track.records.list_told`.
        links: of `track.records.list_all_links`.
    """

    def __init__(
        self,
        history: History,
        tables: CodeTables,
        facilities: Facilities,
        told: pa.Table,
        links: pa.Table,
        *,
        since_ms: int | None,
        until_ms: int | None,
        now_ms: int,
    ) -> None:
        position = history.position()
        as_of_ms = newest_ms(history, now_ms)
        if since_ms is None:
            since_ms = max(as_of_ms // DAY_MS - DAYS, 0) * DAY_MS
        until_ms = as_of_ms + 1 if until_ms is None else until_ms
        self.stretch = Stretch(since_ms, until_ms, as_of_ms, position)
        self.history = history
        self._standing: Ask = read_standing(history, tables, links)
        self.areas = Areas(facilities.list_all())
        self._placed = ibis.memtable(self.areas.table().rename_columns(["area_carrier", "area_facility", "area"]))
        place = told.schema.get_field_index("told_area")
        self._told = ibis.memtable(told.set_column(place, "told_area", self.areas.spell_column(told.column(place))))

    def read(self, origin: str | None = None, destination: str | None = None) -> LaneTrips:
        """All trips, or those from an area to another and those that are on their way from it to nobody knows where."""

        def ask(scans: Any) -> Any:
            ways = self.list_ways(scans)
            if origin is not None and destination is not None:
                ways = ways.filter(
                    ways.origin == origin,
                    (ways.destination == destination)
                    | (ways.destination.isnull() & ways.ended_ms.isnull() & ~ways.is_gone),
                )
            return ways.rename(carrier="parcel_carrier", number="parcel_number")

        return _as_trips(self.history.run(ask), self.stretch.as_of_ms)

    def list_scans(self, scans: Any) -> Any:
        """The scans that stand and may be of trips of the stretch."""
        since = instant(max(self.stretch.since_ms - DAYS_BEFORE * DAY_MS, EARLIEST_MS))
        known = timed(scans.filter(scans.at >= since), self.stretch.as_of_ms)
        return self._standing(known.filter(known.at <= instant(self.stretch.as_of_ms)))

    def list_ways(self, scans: Any) -> Any:
        """An expression with a row for each trip of the stretch."""
        known = self.list_scans(scans)
        placed, told = self._placed, self._told
        at_place = [known.carrier == placed.area_carrier, known.facility == placed.area_facility]
        moves = known.left_join(placed, at_place)
        moves = moves.mutate(at_ms=in_milliseconds(moves.at))
        begun = moves.milestone.isin(["accepted", "departed"]) & moves.area.notnull()
        ended = moves.milestone == "delivered"
        arrived = (moves.milestone == "arrived") & moves.area.notnull()
        gone = moves.milestone.isin(["returning", "returned", "cancelled"]) | (moves.status == "lost")
        ends = moves.group_by(*_KEY).aggregate(
            origin=moves.area.argmin(moves.at_ms, where=begun),
            offset_min=moves.offset_min.argmin(moves.at_ms, where=begun),
            began_ms=moves.at_ms.min(where=begun),
            delivered_in=moves.area.argmin(moves.at_ms, where=ended & moves.area.notnull()),
            ended_ms=moves.at_ms.min(where=ended),
            gone=gone.sum(),
            arrived_in=moves.area.argmax(moves.at_ms, where=arrived),
            arrived_ms=moves.at_ms.max(where=arrived),
        )
        delivers = ends.ended_ms.count().over(ibis.window(group_by="parcel_carrier")) > 0
        ends = ends.mutate(is_trip=~delivers & (ends.arrived_ms > ends.began_ms))
        ends = ends.mutate(
            delivered_in=ibis.ifelse(ends.is_trip, ends.arrived_in, ends.delivered_in),
            ended_ms=ibis.ifelse(ends.is_trip, ends.arrived_ms, ends.ended_ms),
        )
        ends = ends.filter(
            ends.began_ms >= self.stretch.since_ms,
            ends.began_ms < self.stretch.until_ms,
            ends.ended_ms.isnull() | (ends.ended_ms > ends.began_ms),
        )
        both = ends.left_join(told, [ends.parcel_carrier == told.told_carrier, ends.parcel_number == told.told_number])
        return both.select(
            *_KEY,
            "origin",
            "offset_min",
            "began_ms",
            "ended_ms",
            "promised_ms",
            destination=ibis.coalesce(both.delivered_in, both.told_area),
            is_gone=(both.gone > 0) & both.ended_ms.isnull(),
        )


def _as_trips(found: pa.Table, as_of_ms: int) -> LaneTrips:
    def numbers(name: str) -> Ints:
        return np.asarray(found.column(name).fill_null(0)).astype(np.int64)

    began_ms, promised_ms = numbers("began_ms"), numbers("promised_ms")
    delivered = np.asarray(found.column("ended_ms").is_valid())
    ended_ms = np.where(delivered, numbers("ended_ms"), as_of_ms)
    local_h = (began_ms + numbers("offset_min") * MINUTE_MS) // _HOUR_MS
    words = {
        name: found.column(name).cast(pa.string()).combine_chunks()
        for name in ("carrier", "number", "origin", "destination")
    }
    gone = np.asarray(found.column("is_gone")).astype(np.bool_)
    return LaneTrips(
        **words,
        began_ms=began_ms,
        hour_of_week=(local_h + 72) % 168,  # 1 January 1970 was a Thursday
        day=local_h // 24,
        ended_ms=ended_ms,
        took_h=np.maximum(ended_ms - began_ms, 0) / _HOUR_MS,
        delivered=delivered,
        gone=gone,
        promised_ms=promised_ms,
        is_late=(promised_ms > 0) & (ended_ms > promised_ms) & ~gone,
    )
