"""The trips that a network has carried, from `History`: what its own promises are learnt from.

A trip begins as its parcel was booked, for then promises are asked for, or with its first scan where nobody booked it
here, and ends with its delivery; from where and to where are the facilities of
its pick-up and of its delivery. Where a parcel goes that has not arrived, scans do not say. It is drawn from where
parcels of the same carrier and origin went that did arrive, or to the region that was told when it was booked; for to
leave those on their way out would make all look quicker than they are (hot-deck imputation; Andridge and Little, 2010).
"""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.recent import count_before
from waypost.forecast.trips import Floats, Ints, Trips, make_trips
from waypost.model.instants import DAY_MS
from waypost.model.names import plain_name
from waypost.model.places import Place
from waypost.network.areas import Areas, plain_area, plain_area_of
from waypost.network.facilities import Facilities
from waypost.store.protocols import History
from waypost.track.standing import Ask, in_milliseconds, instant, read_standing, timed
from waypost.track.tables import CodeTables

#: Of more parcels those of a share of the numbers are learnt from.
MOST_TRIPS = 400_000

#: What a parcel that was first scanned before the stretch may have left in it; and how long it may wait for that scan.
_BEFORE_MS = 60 * DAY_MS

_KEY = ["parcel_carrier", "parcel_number"]

_GOLDEN = (5**0.5 - 1) / 2

_BEGUN = ("accepted", "departed", "arrived")
_BROKEN_OFF = ("cancelled", "returning", "returned")


class Past(msgspec.Struct, frozen=True):
    """Trips, and how many parcels each stands for; everything below `position` is in.

    Their regions are plain areas, so that what was learnt fits however somebody spells them; `areas` shows them.
    """

    trips: Trips
    shares: int
    position: int
    areas: Areas


def read_past(
    history: History,
    tables: CodeTables,
    facilities: Facilities,
    since_ms: int,
    now_ms: int,
    links: pa.Table | None = None,
    told: pa.Table | None = None,
    booked: pa.Table | None = None,
    most: int = MOST_TRIPS,
) -> Past:
    """The trips of all parcels that were first scanned between two instants.

    Args:
        links: those of `list_all_links`, so that a parcel of several numbers is one.
        told: those of `list_told`: where parcels go that were booked.
        booked: those of `booking.told.list_booked`: when they were booked, and for whom.
        most: of about so many at most.
    """
    position = history.position()
    standing = read_standing(history, tables, links)
    begun = instant(since_ms)

    def count(scans: Any) -> Any:
        return scans.filter(scans.at >= begun, scans.at < instant(now_ms)).aggregate(
            many=lambda found: found.number.nunique()
        )

    shares = max(1, -(-int(history.run(count).column("many")[0].as_py()) // most))
    found = history.run(_follow(standing, since_ms, now_ms, shares))
    if told is not None:
        found = found.join(
            told.select(["told_carrier", "told_number", "told_area"]), _KEY, ["told_carrier", "told_number"]
        )
    if booked is not None:
        found = _begin_as_booked(found.join(booked, _KEY, ["booked_carrier", "booked_number"]))
    found = found.sort_by([(name, "ascending") for name in _KEY])
    return Past(_read_trips(found, facilities, now_ms), shares, position, Areas(facilities.list_all()))


def _begin_as_booked(found: pa.Table) -> pa.Table:
    """Those that were first scanned soon after they were booked; what is long after is a number that was given anew."""
    waited_ms = pc.subtract(found.column("ordered_ms"), found.column("booked_ms"))
    is_own = pc.and_(pc.greater_equal(waited_ms, 0), pc.less_equal(waited_ms, _BEFORE_MS)).fill_null(False)
    begun = pc.if_else(is_own, found.column("booked_ms"), found.column("ordered_ms"))
    shippers = pc.if_else(is_own, found.column("shipper"), pa.scalar(None, pa.string()))
    found = found.drop_columns(["ordered_ms", "shipper"])
    return found.append_column("ordered_ms", begun).append_column("shipper", shippers)


def _follow(standing: Ask, since_ms: int, now_ms: int, shares: int) -> Ask:
    """A row for each parcel: when and where it was accepted and delivered."""

    def ask(scans: Any) -> Any:
        # A parcel that was first scanned long before is no trip, and need not be looked at whole.
        known = timed(scans.filter(scans.at >= instant(since_ms - _BEFORE_MS)), now_ms)
        known = standing(known.filter(known.at < instant(now_ms)))
        if shares > 1:
            known = known.filter(known.parcel_number.hash().abs() % shares == 0)
        known = known.mutate(at_ms=in_milliseconds(known.at), who=known.carrier)
        placed, ended = known.facility.notnull(), known.milestone == "delivered"
        begun = known.milestone.isin(_BEGUN)
        ways = known.group_by(*_KEY).aggregate(
            ordered_ms=known.at_ms.min(),
            offset_min=known.offset_min.argmin(known.at_ms),
            handed_over_ms=known.at_ms.min(where=begun),
            delivered_ms=known.at_ms.min(where=ended),
            broken_off_ms=known.at_ms.min(where=known.milestone.isin(_BROKEN_OFF)),
            lost=(known.status == "lost").any(),
            origin=known.facility.argmin(known.at_ms, where=placed & ~ended),
            origin_carrier=known.who.argmin(known.at_ms, where=placed & ~ended),
            destination=known.facility.argmax(known.at_ms, where=placed & ended),
            destination_carrier=known.who.argmax(known.at_ms, where=placed & ended),
        )
        ways = ways.filter(ways.ordered_ms >= since_ms)
        return ways.order_by(_KEY)

    return ask


def _read_trips(found: pa.Table, facilities: Facilities, now_ms: int) -> Trips:
    origins = _Ends(found, "origin", facilities)
    destinations = _Ends(found, "destination", facilities)
    carriers = found.column("parcel_carrier").combine_chunks().dictionary_encode().indices
    carrier = np.asarray(carriers).astype(np.int64)
    keys = [carrier * (origins.codes.max(initial=0) + 2) + origins.codes + 1, carrier]
    if "told_area" in found.column_names:
        keys.insert(0, _regions(destinations, found.column("told_area").to_pylist()))
    broken_off_ms, delivered_ms = (
        np.asarray(found.column(name).cast(pa.float64()).fill_null(np.inf))
        for name in ("broken_off_ms", "delivered_ms")
    )
    lost = np.asarray(found.column("lost"))
    ordered_ms = np.asarray(found.column("ordered_ms").cast(pa.float64()))
    drawn = _draw(keys, destinations.codes, np.minimum(delivered_ms, now_ms) - ordered_ms)
    offset = np.asarray(found.column("offset_min")).astype(np.int16)
    return make_trips(
        {
            "number": pc.binary_join_element_wise(found.column("parcel_carrier"), found.column("parcel_number"), "/"),
            "ordered_at": _stamps(found.column("ordered_ms")),
            "offset_min": offset,
            "handed_over_at": _stamps(found.column("handed_over_ms")),
            "delivered_at": _stamps(found.column("delivered_ms")),
            "is_void": (broken_off_ms < delivered_ms) | (lost & np.isinf(delivered_ms)),
            "service": found.column("parcel_carrier"),
            **({"shipper": found.column("shipper")} if "shipper" in found.column_names else {}),
            **origins.columns("origin", origins.codes),
            **destinations.columns("destination", drawn),
        }
    )


class _Ends:
    """Where parcels begin, or where they end."""

    def __init__(self, found: pa.Table, end: str, facilities: Facilities) -> None:
        codes = found.column(end).combine_chunks()
        keys = pc.binary_join_element_wise(found.column(f"{end}_carrier").combine_chunks(), codes, "\x1f")
        encoded = keys.dictionary_encode()
        pairs = [tuple(key.split("\x1f")) for key in encoded.dictionary.to_pylist()]
        known = facilities.find_many([(carrier, code) for carrier, code in pairs])
        self._places = [known[pair].place if pair in known else Place() for pair in pairs]
        self.regions = [plain_area_of(place.country, place.region) for place in self._places]
        #: Places by number; -1 where nobody knows.
        self.codes: Ints = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64)

    def columns(self, end: str, codes: Ints) -> dict[str, Any]:
        """The columns of trips that say where this end is."""
        places = [*self._places, Place()]  # of -1
        told: dict[str, list[Any]] = {
            f"{end}_region": [plain_area_of(place.country, place.region) for place in places],
            f"{end}_area": [plain_name(place.city or "") or None for place in places],
            f"{end}_latitude": [place.latitude for place in places],
            f"{end}_longitude": [place.longitude for place in places],
        }
        if end == "destination":
            told["destination_country"] = [place.country for place in places]
        rows = pa.array(np.where(codes < 0, len(places) - 1, codes))
        return {name: _column(name, values).take(rows) for name, values in told.items()}


def _column(name: str, values: list[Any]) -> pa.ChunkedArray:
    kind = pa.float64() if name.endswith("itude") else pa.string()
    return pa.chunked_array([pa.array(values, kind)])


def _regions(destinations: _Ends, told: list[str | None]) -> Ints:
    """A number for the region that each parcel went to, or that was told; another for each of which nobody knows it."""
    went = [*destinations.regions, None]
    rows = zip(destinations.codes.tolist(), told, strict=True)
    words = [went[code] or (plain_area(area) if area else None) for code, area in rows]
    encoded = pa.array(words, pa.string()).dictionary_encode().indices
    numbers = np.asarray(encoded.fill_null(-1)).astype(np.int64)
    return np.where(numbers < 0, -1 - np.arange(len(numbers)), numbers)


def _draw(by: list[Ints], destination: Ints, taken: Floats) -> Ints:
    """Where parcels go: of those that nobody knows of, where another one went that took longer than they have so far.

    Another with the same key, by the first of the keys that has one: parcels still on their way are mostly those that
    go far. Which other one follows the golden ratio, so that they spread evenly and the same history always gives the
    same.
    """
    drawn = destination.copy()
    seen = np.flatnonzero(destination >= 0)
    for keys in by:
        missing = np.flatnonzero(drawn < 0)
        ordered = seen[np.lexsort((taken[seen], keys[seen]))]
        first = count_before(keys[ordered], taken[ordered], keys[missing], taken[missing])
        last = np.searchsorted(keys[ordered], keys[missing], "right")
        share = np.arange(len(missing)) * _GOLDEN % 1
        is_there = last > first
        other = first[is_there] + (share[is_there] * (last - first)[is_there]).astype(np.int64)
        drawn[missing[is_there]] = destination[ordered[other]]
    return drawn


def _stamps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.int64()).cast(pa.timestamp("ms", "UTC"))
