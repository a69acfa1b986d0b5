"""The facilities of the imagined world: what each carrier has in each city."""

import functools
from collections.abc import Iterator

import msgspec

from waypost.model.places import Facility, FacilityKind, Place
from waypost.twin.cities import CITIES, City, get_city

CHINESE = ("yto", "sto", "zto", "best", "yunda", "cainiao")
#: Who takes parcels over the border.
EXPORTERS = ("sto", "yunda")

AMERICAN_GATES = ("Los Angeles", "New York", "Chicago")
BRAZILIAN_GATES = ("Curitiba", "São Paulo")
OUTLETS = 2


class Site(msgspec.Struct, frozen=True):
    """A facility and its city."""

    facility: Facility
    city: City

    @property
    def code(self) -> str:
        """In the carrier's own writing."""
        return self.facility.code

    @property
    def name(self) -> str:
        """For people."""
        return self.facility.name


class Sites:
    """All facilities, by carrier, city and what they are for."""

    def __init__(self) -> None:
        self._sites = {(site.facility.carrier, site.city.name, role): site for role, site in _make_all()}

    def get(self, carrier: str, city: City, role: str) -> Site:
        """The facility of that role; KeyError if the carrier has none there."""
        return self._sites[carrier, city.name, role]

    def list(self) -> "list[Facility]":
        """All of them, by carrier and code."""
        return sorted((site.facility for site in self._sites.values()), key=lambda each: (each.carrier, each.code))


@functools.cache
def all_sites() -> Sites:
    """The facilities of the world."""
    return Sites()


def _make_all() -> Iterator[tuple[str, Site]]:
    for city in CITIES:
        if city.country == "CN":
            for carrier in CHINESE:
                yield from _make_chinese(carrier, city)
        elif city.country == "US":
            yield from _make_american(city)
        elif city.country == "BR":
            yield from _make_brazilian(city)
    hong_kong, border = get_city("香港"), get_city("深圳")
    for carrier in EXPORTERS:
        yield "gate", _make(carrier, hong_kong, "852G1", "香港国际口岸", FacilityKind.GATEWAY)
        yield "customs", _make(carrier, border, "755C1", "深圳海关", FacilityKind.CUSTOMS)


def _make_chinese(carrier: str, city: City) -> Iterator[tuple[str, Site]]:
    if city.is_hub:
        yield "hub", _make(carrier, city, f"{city.code}900", f"{city.name}转运中心", FacilityKind.HUB)
    for number, ordinal in zip(range(OUTLETS), "一二三四五", strict=False):
        name = f"{city.name}{ordinal}部"
        yield f"outlet{number}", _make(carrier, city, f"{city.code}10{number + 1}", name, FacilityKind.OUTLET)
    yield "locker", _make(carrier, city, f"{city.code}L1", f"{city.name}智能柜", FacilityKind.LOCKER)
    yield "station", _make(carrier, city, f"{city.code}S1", f"{city.name}驿站", FacilityKind.STATION)


def _make_american(city: City) -> Iterator[tuple[str, Site]]:
    name = f"{city.name.upper()} {city.region}"
    if city.name in AMERICAN_GATES:
        yield "gate", _make("usps", city, f"ISC {city.code}", f"ISC {name}", FacilityKind.GATEWAY)
        yield "customs", _make("usps", city, f"CBP {city.code}", f"{name} CUSTOMS", FacilityKind.CUSTOMS)
    if city.is_hub:
        yield "hub", _make("usps", city, f"DC {city.code}", f"{name} DISTRIBUTION CENTER", FacilityKind.HUB)
    yield "outlet0", _make("usps", city, f"PO {city.code}", f"{name} POST OFFICE", FacilityKind.OUTLET)


def _make_brazilian(city: City) -> Iterator[tuple[str, Site]]:
    name = f"{city.name} / {city.region}"
    if city.name in BRAZILIAN_GATES:
        gate = f"Unidade Internacional {name}"
        yield "gate", _make("correios", city, f"UI {city.code}", gate, FacilityKind.GATEWAY)
        yield "customs", _make("correios", city, f"RF {city.code}", f"Receita Federal {name}", FacilityKind.CUSTOMS)
    if city.is_hub:
        yield "hub", _make("correios", city, f"CTE {city.code}", f"Centro de Tratamento {name}", FacilityKind.HUB)
    yield "outlet0", _make("correios", city, f"CDD {city.code}", f"Centro de Distribuição {name}", FacilityKind.OUTLET)
    yield "station", _make("correios", city, f"AC {city.code}", f"Agência {name}", FacilityKind.STATION)


def _make(carrier: str, city: City, code: str, name: str, kind: FacilityKind) -> Site:
    place = Place(
        city=city.name,
        region=city.region,
        country=city.country,
        latitude=city.latitude,
        longitude=city.longitude,
        zone=city.zone,
    )
    return Site(Facility(carrier=carrier, code=code, name=name, kind=kind, place=place), city)
