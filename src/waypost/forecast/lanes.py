"""Lanes: how long parcels take from area to area, by carrier and week, and where nothing is heard of them.

Times are of those that were handed over in a stretch of time. What is still on its way counts as longer than it has
taken so far (Kaplan and Meier): who leaves it out sees too many fast ones, the more so in the newest weeks.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import ibis
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.censored import share_ended, time_of_share
from waypost.forecast.counts import EPOCH
from waypost.forecast.lane_trips import LaneTrips, TripReader
from waypost.forecast.trips import Flags, Floats
from waypost.forecast.voices import Ints
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.instants import MINUTE_MS, format_utc
from waypost.network.areas import is_within
from waypost.track.scorecards import Part
from waypost.track.standing import in_milliseconds

_HOUR_MS = 60 * MINUTE_MS

#: So many facilities behind which nothing was heard for long are named.
MOST_GAPS = 20

#: A curve has a point for each hundredth at the most.
_POINTS = 100


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long some parcels took.

    Attributes:
        parcels: that were handed over; each is `delivered`, `on_the_way` or `gone` (returned, cancelled, lost).
        p50_h, p80_h, p90_h: hours within which that share is delivered; None if too few are to know it.
        on_time: delivered as promised, of those whose promise is known and has been kept or has passed.
    """

    parcels: int
    delivered: int
    on_the_way: int
    gone: int
    p50_h: float | None
    p80_h: float | None
    p90_h: float | None
    on_time: Part


class LaneRow(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier from an area to another; an area is `COUNTRY-region`."""

    carrier: str
    origin: str
    destination: str
    times: Times


class Lanes(msgspec.Struct, frozen=True, kw_only=True):
    """All lanes, most parcels first.

    Attributes:
        since, until: handed over from the one to before the other.
        as_of: the newest scan; up to then it is known how they went.
        position: every scan below it was counted.
        undirected: by carrier, parcels on their way of which nobody knows where to; they are on no lane.
    """

    since: str
    until: str
    as_of: str
    position: int
    undirected: dict[str, int]
    lanes: list[LaneRow]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lanes are wanted; of a field that is None, all. `origin` and `destination` are areas, or countries."""

    carriers: frozenset[str] | None = None
    origin: str | None = None
    destination: str | None = None

    def has(self, row: LaneRow) -> bool:
        """Whether a lane is wanted."""
        ends = ((self.origin, row.origin), (self.destination, row.destination))
        return (self.carriers is None or row.carrier in self.carriers) and all(
            asked is None or is_within(area, asked) for asked, area in ends
        )


class Reached(msgspec.Struct, frozen=True):
    """The share that is delivered within so many hours."""

    hours: float
    share: float


class WeekTimes(msgspec.Struct, frozen=True):
    """Those of a week, which begins on that Monday by the calendar of where they were handed over."""

    week: str
    times: Times


class CarrierTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Those of one carrier: all of them, as a curve, and week by week."""

    carrier: str
    times: Times
    curve: list[Reached]
    weeks: list[WeekTimes]


class HourTimes(msgspec.Struct, frozen=True):
    """Those handed over in an hour of the week by the clock there: 1 is Monday, and 0 the hour after midnight."""

    weekday: int
    hour: int
    parcels: int
    p50_h: float | None
    p90_h: float | None


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """How long after a scan at a facility the next one of the same parcel comes, in hours; and all these together."""

    carrier: str
    facility: str
    scans: int
    total_h: float
    p50_h: float
    p90_h: float
    most_h: float


class LaneDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One lane.

    Attributes:
        since, until, as_of, position: as in `Lanes`.
        undirected: parcels on their way from there of which nobody knows where to; some may be of this lane.
        carriers: most parcels first.
        hours: by when they were handed over, those hours that have any.
        longest_gap_p50_h, longest_gap_p90_h: the longest time without a scan on the way of a parcel; None without any.
        gaps: by the facility of the scan before, where most hours go by first.
    """

    origin: str
    destination: str
    since: str
    until: str
    as_of: str
    position: int
    undirected: int
    carriers: list[CarrierTimes]
    hours: list[HourTimes]
    longest_gap_p50_h: float | None
    longest_gap_p90_h: float | None
    gaps: list[Silence]


def read_lanes(reader: TripReader) -> Lanes:
    """The lanes of a stretch of time."""
    trips = reader.read()
    known = np.asarray(trips.destination.is_valid())
    lost_track = ~known & ~trips.delivered & ~trips.gone
    keys = [trips.carrier, trips.origin, trips.destination]
    rows = [
        LaneRow(carrier=carrier, origin=origin, destination=destination, times=_tell(trips, chosen))
        for (carrier, origin, destination), chosen in _split(keys, np.flatnonzero(known))
    ]
    rows.sort(key=_place_of)
    counted = pc.value_counts(trips.carrier.filter(pa.array(lost_track))).to_pylist()
    undirected = {each["values"]: each["counts"] for each in sorted(counted, key=lambda each: str(each["values"]))}
    return Lanes(**_told(reader), undirected=undirected, lanes=rows)


def page_lanes(lanes: Lanes, wanted: Wanted, after: str | None, limit: int) -> tuple[list[LaneRow], str | None]:
    """Some of the lanes, and the cursor for more, None at the end.

    Raises:
        BadInput: the cursor is none of ours.
    """
    key = read_cursor(after, tuple[int, str, str, str])
    behind = None if key is None else (-key[0], *key[1:])
    found = [row for row in lanes.lanes if wanted.has(row) and (behind is None or _place_of(row) > behind)]
    page = found[:limit]
    if len(found) <= limit:
        return page, None
    return page, write_cursor((page[-1].times.parcels, page[-1].carrier, page[-1].origin, page[-1].destination))


def _place_of(row: LaneRow) -> tuple[int, str, str, str]:
    return -row.times.parcels, row.carrier, row.origin, row.destination


def read_lane(reader: TripReader, origin: str, destination: str, carriers: Iterable[str] = ()) -> LaneDetail:
    """One lane, of all carriers or of some; without parcels if none went there."""
    origin, destination = (reader.areas.spell(area) for area in (origin, destination))
    trips = reader.read(origin, destination)
    only = pa.array(sorted(set(carriers)), pa.string())
    chosen = np.ones(len(trips.carrier), np.bool_) if not len(only) else _are_among(trips.carrier, only)
    known = np.asarray(trips.destination.is_valid())
    rows = np.flatnonzero(known & chosen)
    told = [_tell_carrier(name, trips, own) for (name,), own in _split([trips.carrier], rows)]
    told.sort(key=lambda each: (-each.times.parcels, each.carrier))
    longest_h, gaps = _read_gaps(reader, trips, rows[~trips.gone[rows]])
    return LaneDetail(
        origin=origin,
        destination=destination,
        **_told(reader),
        undirected=int((~known & chosen).sum()),
        carriers=told,
        hours=_tell_hours(trips, rows),
        longest_gap_p50_h=_rounded(np.quantile(longest_h, 0.5)) if len(longest_h) else None,
        longest_gap_p90_h=_rounded(np.quantile(longest_h, 0.9)) if len(longest_h) else None,
        gaps=gaps,
    )


def _told(reader: TripReader) -> dict[str, Any]:
    stretch = reader.stretch
    instants = {name: format_utc(getattr(stretch, f"{name}_ms")) for name in ("since", "until", "as_of")}
    return instants | {"position": stretch.position}


def _split(keys: list[pa.Array], rows: Ints) -> Iterable[tuple[tuple[Any, ...], Ints]]:
    """Rows by what stands in some columns."""
    if not len(rows):
        return
    encoded = [key.take(pa.array(rows)).dictionary_encode() for key in keys]
    places = [np.asarray(each.indices).astype(np.int64) for each in encoded]
    order = np.lexsort(places[::-1])
    changes = np.any([np.diff(place[order]) != 0 for place in places], axis=0)
    for own in np.split(order, np.flatnonzero(changes) + 1):
        yield (
            tuple(each.dictionary[int(place[own[0]])].as_py() for each, place in zip(encoded, places, strict=True)),
            rows[own],
        )


def _are_among(column: pa.Array, values: pa.Array) -> Flags:
    return np.asarray(pc.is_in(column, value_set=values)).astype(np.bool_)


def _curve(trips: LaneTrips, rows: Ints) -> tuple[Floats, Floats]:
    """What has gone elsewhere says nothing of how long the others take."""
    staying = rows[~trips.gone[rows]]
    return share_ended(trips.took_h[staying], trips.delivered[staying])


def _tell(trips: LaneTrips, rows: Ints) -> Times:
    curve = _curve(trips, rows)
    delivered, gone = trips.delivered[rows], trips.gone[rows]
    late = trips.is_late[rows]
    judged = (trips.promised_ms[rows] > 0) & ~gone & (delivered | late)
    return Times(
        parcels=len(rows),
        delivered=int(delivered.sum()),
        on_the_way=int((~delivered & ~gone).sum()),
        gone=int(gone.sum()),
        p50_h=_rounded(time_of_share(curve, 0.5)),
        p80_h=_rounded(time_of_share(curve, 0.8)),
        p90_h=_rounded(time_of_share(curve, 0.9)),
        on_time=Part.made(int((judged & ~late).sum()), int(judged.sum())),
    )


def _tell_carrier(name: str, trips: LaneTrips, rows: Ints) -> CarrierTimes:
    times, shares = _curve(trips, rows)
    steps = np.unique(np.searchsorted(shares, np.arange(1, _POINTS + 1) / _POINTS - 1e-9).clip(max=len(shares) - 1))
    points = steps.tolist() if len(shares) else []
    mondays = (trips.day[rows] + 3) // 7 * 7 - 3
    weeks = [
        WeekTimes((EPOCH + dt.timedelta(days=int(monday))).isoformat(), _tell(trips, rows[mondays == monday]))
        for monday in np.unique(mondays).tolist()
    ]
    return CarrierTimes(
        carrier=name,
        times=_tell(trips, rows),
        curve=[Reached(round(float(times[each]), 2), round(float(shares[each]), 4)) for each in points],
        weeks=weeks,
    )


def _tell_hours(trips: LaneTrips, rows: Ints) -> list[HourTimes]:
    hours = trips.hour_of_week[rows]
    found = []
    for hour in np.unique(hours).tolist():
        own = rows[hours == hour]
        curve = _curve(trips, own)
        p50_h, p90_h = (_rounded(time_of_share(curve, share)) for share in (0.5, 0.9))
        found.append(HourTimes(hour // 24 + 1, hour % 24, len(own), p50_h, p90_h))
    return found


def _read_gaps(reader: TripReader, trips: LaneTrips, rows: Ints) -> tuple[Floats, list[Silence]]:
    """The longest gap of each of some parcels in hours, and the gaps behind each facility."""
    keys = ("parcel_carrier", "parcel_number")
    ways = ibis.memtable(
        pa.table(
            {
                "way_carrier": trips.carrier.take(pa.array(rows)),
                "way_number": trips.number.take(pa.array(rows)),
                "began_ms": trips.began_ms[rows],
                "ended_ms": trips.ended_ms[rows],
                "is_over": trips.delivered[rows],
            }
        )
    )

    def follow(scans: Any) -> Any:
        """The scans on the way, each with the time until the next one; of the last of those on their way, until now."""
        known = reader.list_scans(scans)
        known = known.mutate(at_ms=in_milliseconds(known.at))
        own = known.inner_join(ways, [known.parcel_carrier == ways.way_carrier, known.parcel_number == ways.way_number])
        own = own.filter(own.at_ms >= own.began_ms, own.at_ms <= own.ended_ms)
        behind = ibis.window(group_by=keys, order_by=["at_ms", "code"])
        next_ms = ibis.coalesce(own.at_ms.lead().over(behind), own.ended_ms)
        return own.mutate(gap_h=(next_ms - own.at_ms) / float(_HOUR_MS))

    def longest(scans: Any) -> Any:
        gaps = follow(scans)
        return gaps.group_by(*keys).aggregate(gap_h=gaps.gap_h.max()).select("gap_h")

    def behind_facilities(scans: Any) -> Any:
        gaps = follow(scans)
        gaps = gaps.filter(gaps.facility.notnull(), (gaps.at_ms < gaps.ended_ms) | ~gaps.is_over)
        found = gaps.group_by("carrier", "facility").aggregate(
            scans=gaps.count(),
            total_h=gaps.gap_h.sum(),
            p50_h=gaps.gap_h.quantile(0.5),
            p90_h=gaps.gap_h.quantile(0.9),
            most_h=gaps.gap_h.max(),
        )
        return found.order_by(ibis.desc("total_h"), "carrier", "facility").limit(MOST_GAPS)

    if not len(rows):
        return np.empty(0), []
    longest_h = np.asarray(reader.history.run(longest).column("gap_h")).astype(np.float64)
    rows = reader.history.run(behind_facilities).to_pylist()
    figures = ("total_h", "p50_h", "p90_h", "most_h")
    return longest_h, [Silence(**row | {name: round(row[name], 2) for name in figures}) for row in rows]


def _rounded(hours: float | None) -> float | None:
    return None if hours is None else round(float(hours), 2)
