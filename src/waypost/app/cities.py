"""Where cities lie: municipalities of Brazil, and the cities of the register of facilities."""

from waypost.booking.rating.carbon import CityFinder
from waypost.feeds.brazil import find_municipality
from waypost.model.names import plain_name
from waypost.network.facilities import Facilities


def open_cities(facilities: Facilities) -> CityFinder:
    """What knows the coordinates of cities, as the register has them now; the first facility of a city tells them."""
    known: dict[tuple[str, str, str], tuple[float, float]] = {}
    for facility in facilities.list_all():
        place = facility.place
        if place.country and place.city and place.latitude is not None and place.longitude is not None:
            key = (place.country, plain_name(place.region or ""), plain_name(place.city))
            known.setdefault(key, (place.latitude, place.longitude))

    def find(country: str, province: str, city: str) -> tuple[float, float] | None:
        found = known.get((country, plain_name(province), plain_name(city)))
        if found is None and country == "BR" and (place := find_municipality(city, province)) is not None:
            return place.latitude, place.longitude
        return found

    return find
