"""CO2e of a consignment, after ISO 14083: mass times distance times what a tonne-kilometre of its mode emits.

The distance is the great circle between the cities, one of the two that the standard takes, or the card's own; the mass
is the real one, not that of room. Well to wheel. What is not known stays unknown: no figure is made up.
"""

import math
from collections.abc import Callable

import msgspec

from waypost.booking.rating.cards import Carbon, Mode
from waypost.model.places import EARTH_KM

#: Milligrams of CO2e a tonne-kilometre, well to wheel, and where it is from. Only what was read there; a card gives the
#: figure of any other mode, or its carrier's own.
FACTORS: dict[Mode, tuple[int, str]] = {
    Mode.ROAD: (
        149_930,
        "UK Defra/DECC GHG conversion factors 2012, annex 7, table 7e: diesel HGVs, UK average load, direct + indirect",
    ),
}

#: Degrees of a city, by country, province and city; None if it is not known.
CityFinder = Callable[[str, str, str], tuple[float, float] | None]


class Emission(msgspec.Struct, frozen=True):
    """Grams of CO2e, None if unknown; `how` says what it was reckoned from, or what is missing."""

    grams: int | None
    how: str


def factor_of(carbon: Carbon) -> tuple[int, str] | None:
    """Milligrams a tonne-kilometre and their source; None if neither the card nor the table has them."""
    if carbon.g_per_tkm is not None:
        return int(carbon.g_per_tkm * 1000), carbon.source
    return FACTORS.get(carbon.mode)


def emit(weight_g: int, distance_km: int, factor_mg: int) -> int:
    """Grams of CO2e, rounded half up."""
    return (weight_g * distance_km * factor_mg + 500_000_000) // 1_000_000_000


def great_circle_km(start: tuple[float, float], end: tuple[float, float]) -> int:
    """Whole kilometres between two points in degrees."""
    lat_a, lon_a, lat_b, lon_b = map(math.radians, (*start, *end))
    half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return round(2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half))))
