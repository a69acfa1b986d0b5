"""The areas of Olist's orders: zip code prefixes, their cities and coordinates."""

import statistics
from array import array
from collections import Counter, defaultdict

from waypost.feeds.brazil import find_municipality, find_zone, tidy_city
from waypost.feeds.fields import BadFieldError
from waypost.model.places import Facility, FacilityKind, Place

#: Around Brazil with its islands; the data set has points in Portugal and on the North Sea.
_SOUTH, _NORTH, _WEST, _EAST = -34.0, 5.5, -74.1, -28.5

Area = tuple[str, str, str]  # zip code prefix, city as typed, state


def parse_area(prefix: str, city: str, state: str, table: str) -> Area:
    """A row's area. A prefix that lost its leading zeros on the way through a spreadsheet gets them back.

    Raises:
        BadFieldError: no prefix, or a state that Brazil does not have.
    """
    if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 5):
        raise BadFieldError(f"{table}_zip_code_prefix", "is no zip code prefix: five digits", prefix)
    if find_zone(state) is None:
        raise BadFieldError(f"{table}_state", "is no state of Brazil: two letters such as SP", state)
    return prefix.zfill(5), city, state


class Areas:
    """What is known of each prefix, and how often it was said: the rows contradict each other now and then.

    First everything is told (`name`, `locate`, `use`), then it is asked (`facilities`, `find_place`).
    """

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._ends: dict[Area, Place] = {}
        self._named: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._points: dict[str, tuple[array[float], array[float]]] = {}
        self._used: set[str] = set()

    def name(self, area: Area) -> None:
        """Someone says that the prefix is in that city."""
        prefix, city, state = area
        self._named[prefix][city, state] += 1

    def locate(self, prefix: str, latitude: float, longitude: float) -> None:
        """Some address of the prefix is there; a point off Brazil is passed over."""
        if _SOUTH <= latitude <= _NORTH and _WEST <= longitude <= _EAST:
            latitudes, longitudes = self._points.setdefault(prefix, (array("d"), array("d")))
            latitudes.append(latitude)
            longitudes.append(longitude)

    def use(self, area: Area) -> None:
        """The area takes part: it is to become a facility."""
        self.name(area)
        self._used.add(area[0])

    def facilities(self, carrier: str) -> list[Facility]:
        """A facility for each area in use.

        Its city is the one that most rows name, those that are municipalities first. Its coordinates are the median of
        the known points; where none is known, the seat of the municipality.
        """
        found = []
        for prefix in sorted(self._used):
            place = self._find(prefix)
            name = f"{place.city} ({prefix})" if place.city else f"CEP {prefix}"
            code = facility_code(prefix)
            found.append(Facility(carrier=carrier, code=code, name=name, kind=FacilityKind.AREA, place=place))
        return found

    def locate_area(self, area: Area) -> Place:
        """Where the area of a prefix is, as `facilities` has it."""
        return self._find(area[0])

    def find_place(self, area: Area) -> Place:
        """The city of a parcel's end: as its row says, or as the area's rows say if there is no such municipality."""
        end = self._ends.get(area)
        if end is None:
            prefix, city, state = area
            known, place = find_municipality(city, state), self._find(prefix)
            end = Place(
                city=known.name if known else place.city, region=known.state if known else place.region, country="BR"
            )
            self._ends[area] = end
        return end

    def _find(self, prefix: str) -> Place:
        place = self._places.get(prefix)
        if place is None:
            place = self._places[prefix] = self._decide(prefix)
        return place

    def _decide(self, prefix: str) -> Place:
        (city, state), _ = max(self._named[prefix].items(), key=_trust)
        municipality = find_municipality(city, state)
        points = self._points.get(prefix)
        latitude = longitude = None
        if points is not None:
            latitude, longitude = (round(statistics.median(values), 3) for values in points)
        elif municipality is not None:
            latitude, longitude = municipality.latitude, municipality.longitude
        return Place(
            city=municipality.name if municipality else tidy_city(city, state),
            region=state,
            country="BR",
            latitude=latitude,
            longitude=longitude,
            zone=municipality.zone if municipality else find_zone(state),
        )


def _trust(named: tuple[tuple[str, str], int]) -> tuple[bool, int, tuple[str, str]]:
    (city, state), times = named
    return find_municipality(city, state) is not None, times, (city, state)


def facility_code(prefix: str) -> str:
    """The code of an area."""
    return f"zip {prefix}"
