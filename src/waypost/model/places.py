"""Places: areas and the facilities of the network."""

import re
from enum import StrEnum

import msgspec

from waypost.model.errors import BadInput
from waypost.model.instants import get_zone

_COUNTRY = re.compile(r"[A-Z]{2}")


#: The mean radius of the Earth, for distances along great circles.
EARTH_KM = 6371.0


class FacilityKind(StrEnum):
    """What a facility is for."""

    OUTLET = "outlet"  #: takes in and hands out parcels
    STATION = "station"  #: pick-up station
    LOCKER = "locker"
    HUB = "hub"  #: sorts
    GATEWAY = "gateway"  #: where parcels enter or leave a country
    CUSTOMS = "customs"
    AIRPORT = "airport"
    AREA = "area"  #: no building: the area where parcels are picked up or delivered


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where something is, at city level.

    Attributes:
        city: the name of the city, in local writing.
        region: state or province; with `country` it is one end of a lane.
        country: ISO 3166-1 alpha-2.
        latitude, longitude: degrees, WGS 84.
        zone: IANA time zone.
    """

    city: str | None = None
    region: str | None = None
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    zone: str | None = None

    def __str__(self) -> str:
        return ", ".join(part for part in (self.city, self.region, self.country) if part)


class Facility(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the network, under the code that its carrier gives it."""

    carrier: str
    code: str
    name: str
    kind: FacilityKind
    place: Place = Place()


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """Origin area to destination area, for one carrier. An area is `COUNTRY-region`, e.g. `BR-SP`."""

    carrier: str
    origin: str
    destination: str


def check_place(place: Place, where: str) -> Place:
    """The same place, if it can be one.

    Raises:
        BadInput: coordinates off the globe, a country that is no code, an unknown zone.
    """
    if place.latitude is not None and not -90 <= place.latitude <= 90:
        raise BadInput(f"latitude {place.latitude} is off the globe", where=where)
    if place.longitude is not None and not -180 <= place.longitude <= 180:
        raise BadInput(f"longitude {place.longitude} is off the globe", where=where)
    if place.country is not None and not _COUNTRY.fullmatch(place.country):
        raise BadInput(f"{place.country[:8]!r} is no ISO 3166-1 alpha-2 country code", where=where)
    if place.zone is not None:
        try:
            get_zone(place.zone)
        except BadInput as error:
            raise BadInput(error.message, where=where, mend=error.mend) from None
    return place
