"""Areas, the ends of lanes: `COUNTRY-region`, shown as facilities spell them and compared as people mean them.

Carriers, bookings and people spell one region in several ways (`BR-São Paulo`, `br-sao paulo`). Whoever looks one up
compares the plain areas; whoever shows one asks `Areas` how it is spelled.
"""

import functools
from collections import Counter
from collections.abc import Iterable

import pyarrow as pa

from waypost.model.names import plain_name
from waypost.model.places import Facility, Place

#: Between the areas of a lane.
_TOWARDS = " > "

_WORD = pa.string()
_PLACED = pa.schema([(name, _WORD) for name in ("carrier", "facility", "area")])


@functools.lru_cache(maxsize=1 << 16)
def plain_area(area: str) -> str:
    """An area, or a country alone, without capitals, accents and blanks around its region."""
    country, dash, region = area.partition("-")
    return f"{country.strip().upper()}{dash}{plain_name(region)}"


def plain_area_of(country: str | None, region: str | None) -> str | None:
    """The same of a place; None if not even the country is known."""
    return plain_area(f"{country}-{region or ''}") if country else None


def plain_lane(lane: str) -> str:
    """A lane as `ORIGIN > DESTINATION`, both plain."""
    return _TOWARDS.join(plain_area(each) for each in lane.split(_TOWARDS))


def is_within(area: str, wanted: str) -> bool:
    """Whether an area is the one that is wanted, or of the country that is."""
    plain, asked = plain_area(area), plain_area(wanted)
    return plain == asked or plain.startswith(f"{asked}-")


class Areas:
    """How areas are spelled: as most of their facilities do, of several such the first by the alphabet."""

    def __init__(self, facilities: Iterable[Facility]) -> None:
        named = [(each.carrier, each.code, area) for each in facilities if (area := _area_of(each.place))]
        counts = Counter(area for _, _, area in named)
        self._spelled: dict[str, str] = {}
        for area in sorted(counts, key=lambda area: (-counts[area], area)):
            self._spelled.setdefault(plain_area(area), area)
        self._named = named

    def spell(self, area: str) -> str:
        """An area as it is shown; as it came if no facility is there."""
        return self._spelled.get(plain_area(area), area)

    def spell_lane(self, lane: str) -> str:
        """A lane as `ORIGIN > DESTINATION`, both as they are shown."""
        return _TOWARDS.join(self.spell(each) for each in lane.split(_TOWARDS))

    def spell_column(self, column: pa.ChunkedArray) -> pa.Array:
        """A column of areas, each as it is shown."""
        words = column.combine_chunks().dictionary_encode()
        shown = pa.array([each and self.spell(each) for each in words.dictionary.to_pylist()], _WORD)
        return shown.take(words.indices)

    def of_place(self, place: Place) -> str | None:
        """The area of a place as it is shown; None if its country or region is not known."""
        area = _area_of(place)
        return area and self.spell(area)

    def table(self) -> pa.Table:
        """The `carrier`, code (`facility`) and `area` of each facility of which country and region are known."""
        rows = [{"carrier": carrier, "facility": code, "area": self.spell(area)} for carrier, code, area in self._named]
        return pa.Table.from_pylist(rows, _PLACED)


def _area_of(place: Place) -> str | None:
    return f"{place.country}-{place.region}" if place.country and place.region else None
