"""Delhivery's linehaul data set, in the layout of its public CSV file of 24 columns.

A trip of a vehicle goes from centre to centre under its own number and is kept as a parcel. The file has a row for each
cut-off of each segment, so a leg (source, destination, start, end) comes many times; it gives one `departed` at the
source and one `arrived` at the destination. Stamps are Indian time, as the table of carriers says.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from waypost.feeds.choosing import choose_tables
from waypost.feeds.fields import CITY, CODE, NAME, BadFieldError, parse_number, parse_words
from waypost.feeds.gathering import Gathering
from waypost.feeds.stream import Meter
from waypost.feeds.tables import Part, read_table
from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.places import Facility, FacilityKind, Place
from waypost.track.feed import Portion

CARRIER = "delhivery"
ZONE = "Asia/Kolkata"

_COLUMNS = (
    *("route_type", "trip_uuid", "source_center", "source_name", "destination_center", "destination_name"),
    *("od_start_time", "od_end_time"),
)
#: `Kolhapur_Shivaji_I (Maharashtra)`: city, quarter and what the centre does, then the state.
_NAME = re.compile(r"(?P<words>.*?)\s*\((?P<state>[^()]*)\)")
#: What a centre does, where it ends a name without underscores: processing, distribution, hub.
_DUTY = re.compile(r"(?i:\s+(?:pc|dc|dpc|hub|hb|h|cp|ip|gateway))$")
#: Airport codes and short forms that stand for cities.
_CITIES = {
    "AMD": "Ahmedabad",
    "BLR": "Bangalore",
    "BOM": "Mumbai",
    "CCU": "Kolkata",
    "CJB": "Coimbatore",
    "DEL": "Delhi",
    "FBD": "Faridabad",
    "GGN": "Gurgaon",
    "GZB": "Ghaziabad",
    "HYD": "Hyderabad",
    "MAA": "Chennai",
    "PNQ": "Pune",
}


class _Leg(msgspec.Struct, frozen=True):
    """One move between two centres, with local stamps as the file has them; a key and a record in one."""

    trip: str
    source: str
    destination: str
    start: str
    end: str


class _Trip(msgspec.Struct):
    """What is known of a trip so far: its first start and its last end."""

    route: str
    first: _Leg
    last: _Leg


class DelhiveryFeed:
    """A `ScanFeed` of one file, plain or packed, or of those files of a folder that have the columns.

    Memory grows with the legs, a few hundred bytes each, not with the rows.

    Raises:
        BadInput: nothing there.
    """

    def __init__(self, path: Path) -> None:
        self._paths = choose_tables(path, _COLUMNS)
        self._legs: set[_Leg] = set()
        self._trips: dict[str, _Trip] = {}
        self._centres: dict[str, Facility] = {}

    def portions(self) -> Iterator[Portion]:
        """See `ScanFeed.portions`."""
        meter = Meter(self._paths)
        for path in self._paths:
            for part in read_table(path, meter, _COLUMNS):
                yield self._take(part, path.name)

    def _take(self, part: Part, source: str) -> Portion:
        refusals = list(part.refusals)
        legs: list[_Leg] = []
        lines: list[int] = []
        touched: dict[str, _Trip] = {}
        centres: dict[str, Facility] = {}
        rows = zip(part.lines, *(part.columns[name] for name in _COLUMNS), strict=True)
        for line, route, trip, source_code, source_name, end_code, end_name, start, end in rows:
            leg = _Leg(trip, source_code, end_code, start, end)
            if leg in self._legs:
                continue
            try:
                parse_number(trip, "trip_uuid")
                self._keep_centre(source_code, source_name, "source", centres)
                self._keep_centre(end_code, end_name, "destination", centres)
            except BadFieldError as error:
                refusals.append(error.refusal(source, line))
                continue
            self._legs.add(leg)
            legs.append(leg)
            lines.append(line)
            touched[trip] = self._keep_trip(leg, route)

        scans = Gathering(source, CARRIER)
        trips = [leg.trip for leg in legs]
        starts, ends = [leg.start for leg in legs], [leg.end for leg in legs]
        scans.add("departed", "od_start_time", starts, trips, lines, facilities=[leg.source for leg in legs])
        scans.add("arrived", "od_end_time", ends, trips, lines, facilities=[leg.destination for leg in legs])
        return Portion(
            source=source,
            rows=scans.rows(),
            facilities=list(centres.values()),
            parcels=[self._parcel(number, trip) for number, trip in touched.items()],
            refusals=refusals + scans.refusals,
            share=part.share,
        )

    def _keep_centre(self, code: str, name: str, end: str, new: dict[str, Facility]) -> None:
        """Remember a centre; one that came without a name may get it from a later row."""
        known = self._centres.get(code)
        if known is None or (name and known.name == code):
            parse_words(code, f"{end}_center", CODE)
            new[code] = self._centres[code] = _centre(code, name)

    def _keep_trip(self, leg: _Leg, route: str) -> _Trip:
        trip = self._trips.setdefault(leg.trip, _Trip(route, leg, leg))
        if leg.start < trip.first.start:
            trip.first = leg
        if leg.end > trip.last.end:
            trip.last = leg
        return trip

    def _parcel(self, number: str, trip: _Trip) -> Parcel:
        waybill = Waybill(CARRIER, number)
        return Parcel(
            id=parcel_id(waybill),
            waybill=waybill,
            origin=_city(self._centres[trip.first.source].place),
            destination=_city(self._centres[trip.last.destination].place),
            note=f"linehaul trip, {trip.route[:40]}" if trip.route.isprintable() and trip.route else "linehaul trip",
        )


def _centre(code: str, name: str) -> Facility:
    name = name.strip()[:NAME] if name.isprintable() else ""
    return Facility(carrier=CARRIER, code=code, name=name or code, kind=FacilityKind.HUB, place=_read_place(name))


def _read_place(name: str) -> Place:
    found = _NAME.fullmatch(name)
    if found is None:
        return Place(country="IN", zone=ZONE)
    words = found["words"]
    city = words.split("_")[0] if "_" in words else _DUTY.sub("", words)
    city = _CITIES.get(city.split(" ")[0].upper(), city)[:CITY].strip()
    return Place(city=city if len(city) > 2 else None, region=found["state"][:CITY] or None, country="IN", zone=ZONE)


def _city(place: Place) -> Place:
    return Place(city=place.city, region=place.region, country=place.country)
