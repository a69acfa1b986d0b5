"""Places of the twin: counties of China by prefecture, and cities abroad by the gateway that they hang on.

`places.csv` is written by scripts/make_twin_places, which tells how the people of a county are guessed. An *area* has
one sorting hub of each carrier: a prefecture, the airport of Hong Kong, or a gateway abroad.
"""

import csv
import functools
from enum import IntEnum
from importlib.resources import files

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.model.names import plain_name
from waypost.network.distances import great_circle_km

#: Thousands of names are compared with each address.
_plain = functools.lru_cache(1 << 14)(plain_name)
_MUNICIPALITIES = ("11", "12", "31", "50")


class AreaKind(IntEnum):
    """What the hub of an area is."""

    PREFECTURE = 0
    AIRPORT = 1  #: of Hong Kong, where parcels leave China
    GATEWAY = 2  #: abroad, where customs look at them


class Area(msgspec.Struct, frozen=True):
    """Where a hub stands."""

    code: str
    name: str
    country: str
    kind: AreaKind
    latitude: float
    longitude: float
    zone: str


#: Gateways abroad: the airport's code is that of the area. A city hangs on the nearest one of its side of the sea.
_GATEWAYS = (
    Area("LAX", "Los Angeles", "US", AreaKind.GATEWAY, 33.94, -118.40, "America/Los_Angeles"),
    Area("ORD", "Chicago", "US", AreaKind.GATEWAY, 41.98, -87.90, "America/Chicago"),
    Area("JFK", "New York", "US", AreaKind.GATEWAY, 40.64, -73.78, "America/New_York"),
    Area("GRU", "São Paulo", "BR", AreaKind.GATEWAY, -23.43, -46.47, "America/Sao_Paulo"),
    Area("LGG", "Liège", "BE", AreaKind.GATEWAY, 50.64, 5.44, "Europe/Brussels"),
    Area("MAD", "Madrid", "ES", AreaKind.GATEWAY, 40.47, -3.56, "Europe/Madrid"),
)
_HONG_KONG = Area("HKG", "香港", "HK", AreaKind.AIRPORT, 22.31, 113.91, "Asia/Hong_Kong")


class Places(msgspec.Struct, frozen=True):
    """All places and areas; columns have one value for each place.

    Attributes:
        areas: prefectures by code, then the airport, then gateways.
        codes, names: of places. A Chinese code is that of the county (GB/T 2260).
        area: which area a place belongs to.
        people: who live there, a guess.
        countries: ISO 3166-1 alpha-2.
        rural: whether it is a county and no district of a city, so that some of its parcels go to villages.
    """

    areas: tuple[Area, ...]
    codes: tuple[str, ...]
    names: tuple[str, ...]
    countries: tuple[str, ...]
    zones: tuple[str, ...]
    area: npt.NDArray[np.int32]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    people: npt.NDArray[np.int64]
    rural: npt.NDArray[np.bool_]

    def find(self, country: str, city: str, county: str = "") -> str | None:
        """The code of the place that an address names: the county in that city, else its greatest place.

        None: it is not in this world.
        """
        wanted, near = _plain(city), _plain(county)
        found = [
            row
            for row, name in enumerate(self.names)
            if self.countries[row] == country and wanted in (_plain(name), _plain(self.areas[self.area[row]].name))
        ]
        named = [row for row in found if near and _plain(self.names[row]) == near]
        return max(((int(self.people[row]), self.codes[row]) for row in named or found), default=(0, None))[1]

    def people_of_areas(self) -> npt.NDArray[np.float64]:
        """How many live in each area."""
        return np.asarray(np.bincount(self.area, self.people, len(self.areas)), np.float64)


@functools.cache
def read_places(prefectures: int | None = None) -> Places:
    """All places, or those of so many prefectures only, the greatest, and what is abroad: for small worlds."""
    with (files("waypost.twin") / "places.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    china = [row for row in rows if row["country"] == "CN"]
    abroad = [row for row in rows if row["country"] != "CN"]
    groups: dict[str, list[dict[str, str]]] = {}
    for row in china:
        groups.setdefault(_prefecture(row["code"]), []).append(row)
    if prefectures is not None:
        greatest = sorted(groups, key=lambda code: (-sum(int(row["people"]) for row in groups[code]), code))
        groups = {code: groups[code] for code in sorted(greatest[:prefectures])}
    areas = [_area(code, group) for code, group in groups.items()]
    area_of = [number for number, group in enumerate(groups.values()) for _ in group]
    kept = [row for group in groups.values() for row in group] + abroad
    hong_kong = len(areas)
    area_of += [hong_kong if row["country"] == "HK" else hong_kong + 1 + _gateway(row) for row in abroad]
    return Places(
        areas=(*areas, _HONG_KONG, *_GATEWAYS),
        codes=tuple(row["code"] for row in kept),
        names=tuple(row["name"] for row in kept),
        countries=tuple(row["country"] for row in kept),
        zones=tuple(row["zone"] for row in kept),
        area=np.array(area_of, np.int32),
        latitude=np.array([float(row["latitude"]) for row in kept]),
        longitude=np.array([float(row["longitude"]) for row in kept]),
        people=np.array([int(row["people"]) for row in kept], np.int64),
        rural=np.array([row["country"] == "CN" and not row["name"].endswith("区") for row in kept], np.bool_),
    )


def _prefecture(code: str) -> str:
    """Counties that stand under their province directly are prefectures of their own."""
    if code[:2] in _MUNICIPALITIES:
        return code[:2] + "0000"
    return code if code[2:4] == "90" else code[:4] + "00"


def _area(code: str, counties: list[dict[str, str]]) -> Area:
    """A prefecture: its hub stands in the middle of its people."""
    people = [int(row["people"]) for row in counties]
    latitude, longitude = (
        round(sum(float(row[name]) * many for row, many in zip(counties, people, strict=True)) / sum(people), 4)
        for name in ("latitude", "longitude")
    )
    return Area(code, counties[0]["area"], "CN", AreaKind.PREFECTURE, latitude, longitude, "Asia/Shanghai")


def _gateway(row: dict[str, str]) -> int:
    """The nearest one in the country, or in Europe for a European one."""
    own = [number for number, gate in enumerate(_GATEWAYS) if gate.country == row["country"]]
    if row["country"] not in ("US", "BR"):
        own = [number for number, gate in enumerate(_GATEWAYS) if gate.country in ("BE", "ES")]
    here = float(row["latitude"]), float(row["longitude"])
    return min(own, key=lambda n: float(great_circle_km(*here, _GATEWAYS[n].latitude, _GATEWAYS[n].longitude)))
