"""The world of the twin: carriers with hubs and outlets, lanes with timetables, and who sends to whom.

A world follows from its seed, its size and how many parcels it is built for.
"""

import datetime as dt
from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.model.errors import BadInput
from waypost.model.instants import get_zone
from waypost.model.places import Facility, FacilityKind, Place
from waypost.network.services import Call, Days, Mode, Service, Stretch
from waypost.twin.demand import Demand, make_demand
from waypost.twin.lanes import CUT_OFF_MIN, Lanes, Ways, find_ways, fit_departures, load_lanes, make_lanes
from waypost.twin.places import Area, AreaKind, Places, read_places

CARRIERS = ("zto", "yto", "yunda", "sto", "best")
#: Of the parcels of the five; a guess after what they published of 2023.
SHARES = (0.33, 0.24, 0.20, 0.17, 0.06)
CORES = (90, 75, 70, 60, 45)

#: A hub sorts a usual day's parcels in so many hours.
SORTING_H = 7.0
CHINA_MIN = 480
MOST_PER_DAY = 100_000_000


class World(msgspec.Struct, frozen=True):
    """See the module.

    Attributes:
        rates: of each hub (carrier, area), parcels sorted a minute.
        weight_g: what a parcel weighs on the mean; room of departures in grams is told with it.
    """

    seed: int
    parcels_per_day: float
    places: Places
    demand: Demand
    lanes: Lanes
    ways: Ways
    rates: npt.NDArray[np.float64]
    on_lane: npt.NDArray[np.float64]
    carriers: tuple[str, ...] = CARRIERS
    weight_g: int = 1_000

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of facilities: of hubs by area, then of outlets by place, then of village stations by place.

        All carriers write theirs alike; a facility is known by its carrier and its code.
        """
        places = self.places
        hubs = tuple(_hub_code(area) for area in places.areas)
        return (*hubs, *(f"{code}-1" for code in places.codes), *(f"{code}-V" for code in places.codes))

    def find_hub(self, name: str) -> tuple[int, int]:
        """The carrier and the area of a hub `carrier/code`.

        Raises:
            BadInput: there is none.
        """
        carrier, _, code = name.partition("/")
        hubs = [_hub_code(area) for area in self.places.areas]
        if carrier not in self.carriers or code not in hubs:
            known = f"{self.carriers[0]}/{hubs[0]} ({self.places.areas[0].name})"
            raise BadInput(f"the twin has no hub {name!r}", mend=f"Write carrier/code, as {known}.")
        return self.carriers.index(carrier), hubs.index(code)

    def facilities(self) -> Iterator[Facility]:
        """All of them, for the register."""
        places = self.places
        for carrier in self.carriers:
            for area in places.areas:
                kind = FacilityKind.HUB if area.kind is AreaKind.PREFECTURE else FacilityKind.GATEWAY
                name = f"{area.name}转运中心" if area.kind is AreaKind.PREFECTURE else f"{area.name} {area.code}"
                at = _place(area.name, area, area.latitude, area.longitude, area.zone)
                yield Facility(carrier=carrier, code=_hub_code(area), name=name, kind=kind, place=at)
            for row, code in enumerate(places.codes):
                area = places.areas[places.area[row]]
                city = places.names[row]
                at = _place(city, area, float(places.latitude[row]), float(places.longitude[row]), places.zones[row])
                yield Facility(
                    carrier=carrier, code=f"{code}-1", name=f"{city}网点", kind=FacilityKind.OUTLET, place=at
                )
                if places.rural[row]:
                    yield Facility(
                        carrier=carrier, code=f"{code}-V", name=f"{city}村站", kind=FacilityKind.STATION, place=at
                    )

    def capacities(self) -> Iterator[tuple[str, str, float]]:
        """Of each hub its carrier, its code, and how many parcels it sorts in an hour."""
        for carrier, rates in zip(self.carriers, self.rates.reshape(len(self.carriers), -1).tolist(), strict=True):
            for area, rate in zip(self.places.areas, rates, strict=True):
                yield carrier, _hub_code(area), rate * 60

    def services(self, first: dt.date, last: dt.date, most: int = 3_000) -> list[Service]:
        """The timetable of the busiest lanes between hubs, and of all flights, as the register takes it."""
        lanes = self.lanes
        flights = np.flatnonzero(lanes.mode[: lanes.hubs] == 1)
        busy = np.argsort(-self.on_lane[: lanes.hubs], kind="stable")[:most]
        days = Days(weekdays=(1, 2, 3, 4, 5, 6, 7), first=first, last=last)
        return [
            self._service(int(lane), departure, days)
            for lane in np.union1d(flights, busy)
            for departure in range(int(lanes.count[lane]))
        ]

    def _service(self, lane: int, departure: int, days: Days) -> Service:
        lanes, areas = self.lanes, self.places.areas
        start, end = areas[lanes.start[lane]], areas[lanes.end[lane]]
        carrier = self.carriers[lanes.carrier[lane]]
        leaves = int(lanes.at[lane, departure])
        noon = dt.datetime(days.first.year, days.first.month, days.first.day, 12, tzinfo=dt.UTC)
        arrives = leaves + int(lanes.minutes[lane]) + offset_min(end.zone, noon) - offset_min(start.zone, noon)
        stretch = Stretch(
            cut_off_min=CUT_OFF_MIN,
            capacity_g=int(lanes.room[lane]) * self.weight_g,
        )
        return Service(
            carrier=carrier,
            code=vehicle_name(start.code, end.code, departure),
            mode=Mode.FLIGHT if lanes.mode[lane] else Mode.TRUCK,
            days=days,
            calls=(
                Call(facility=f"{carrier}/{_hub_code(start)}", zone=start.zone, departs_min=leaves),
                Call(facility=f"{carrier}/{_hub_code(end)}", zone=end.zone, arrives_min=arrives),
            ),
            stretches=(stretch,),
        )


def make_world(seed: int, parcels_per_day: float, prefectures: int | None = None) -> World:
    """A world that is built for so many parcels on a usual day.

    Args:
        seed: of what is left to chance.
        parcels_per_day: on a usual day; hubs and trucks have room for these.
        prefectures: only so many, the greatest; for small worlds.

    Raises:
        BadInput: a number out of its range.
    """
    if not 1 <= parcels_per_day <= MOST_PER_DAY:
        raise BadInput(f"parcels a day are 1 to {MOST_PER_DAY:,}, not {parcels_per_day:,}")
    if seed < 0 or seed >= 1 << 63:
        raise BadInput(f"a seed is 0 or more, and below 2^63, not {seed}")
    places = read_places(prefectures)
    demand = make_demand(places, SHARES, seed)
    most = max(2, (len(places.areas) - 7) // 3)
    lanes = make_lanes(places, len(CARRIERS), tuple(min(many, most) for many in CORES), seed)
    ways = find_ways(lanes, len(places.areas))
    flows = demand.flows(places) * parcels_per_day
    on_lane, through = load_lanes(lanes, ways, flows, places, _shares_out(places, demand))
    lanes = fit_departures(lanes, on_lane, len(CARRIERS), seed)
    rates = np.maximum(through / (SORTING_H * 60), 0.2)
    return World(seed, parcels_per_day, places, demand, lanes, ways, rates, on_lane)


def offset_min(zone: str, at: dt.datetime) -> int:
    """Local minus UTC."""
    return int((at.astimezone(get_zone(zone)).utcoffset() or dt.timedelta()).total_seconds() // 60)


def vehicle_name(start: str, end: str, departure: int) -> str:
    """What the truck or flight of a departure is called: its lane, and which of the day it is."""
    return f"{start}-{end}-{departure + 1}"


def _shares_out(places: Places, demand: Demand) -> npt.NDArray[np.float64]:
    """By carrier and place: its share of what the carrier takes in from the place's area."""
    carriers = len(demand.share)
    sent = np.zeros((carriers, len(places.codes)))
    np.add.at(sent, (demand.merchant_carrier, demand.merchant_place), demand.merchant_weight * demand.faith)
    everywhere = np.bincount(demand.merchant_place, demand.merchant_weight, len(places.codes)) * (1 - demand.faith)
    sent += demand.share[:, None] * everywhere[None, :]
    of_area = np.zeros((carriers, len(places.areas)))
    np.add.at(of_area.T, places.area, sent.T)
    return sent / np.maximum(of_area[:, places.area], 1e-300)


def _hub_code(area: Area) -> str:
    return f"{area.code}-H"


def _place(city: str, area: Area, latitude: float, longitude: float, zone: str) -> Place:
    region = area.code[:2] if area.country == "CN" else area.code
    return Place(
        city=city, region=_PROVINCES.get(region, region), country=area.country,
        latitude=latitude, longitude=longitude, zone=zone,
    )  # fmt: skip


#: ISO 3166-2 of provinces by their number (GB/T 2260).
_NUMBERED = (
    "11BJ 12TJ 13HE 14SX 15NM 21LN 22JL 23HL 31SH 32JS 33ZJ 34AH 35FJ 36JX 37SD 41HA 42HB 43HN 44GD 45GX 46HI 50CQ"
)
_NUMBERED += " 51SC 52GZ 53YN 54XZ 61SN 62GS 63QH 64NX 65XJ"
_PROVINCES = {pair[:2]: pair[2:] for pair in _NUMBERED.split()}
