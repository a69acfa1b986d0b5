"""Lanes of the twin: from where to where each carrier drives and flies, and which way parcels take through them.

A lane is a row of the columns of `Lanes`. It leaves at some minutes of the day, in China's time, each departure with
room for so many parcels.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.network.distances import great_circle_km
from waypost.store.compiled import compiled
from waypost.twin.places import AreaKind, Places

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

MOST_DEPARTURES = 12
ROAD, TRUCK_KMH, TRUCK_MIN = 1.25, 65.0, 30.0
PLANE_KMH, PLANE_MIN = 820.0, 420.0

#: Of what is sorted in a hub, a parcel costs so many minutes when ways are chosen: queue, dwell and wait in one.
HUB_MIN = 300.0
#: Minutes from the sorter to the truck, and cut-off before a departure.
DWELL_MIN, CUT_OFF_MIN = 20, 15

_NEAR_KM, _EXPORTS, _FLIGHT_MODE = 220.0, 8, 1
_NIGHT_MIN = 22 * 60


class Lanes(msgspec.Struct, frozen=True):
    """Lanes as columns; those of hubs first, then of each carrier and place from the outlet to its hub, then back.

    Attributes:
        carrier: whose.
        start, end: areas of the hubs; of outlets both are the area of their hub.
        km, minutes: how far, and how long it takes.
        mode: 0 by truck, 1 by plane.
        count: departures a day.
        at: their minutes of the day in China, ascending; `MOST_DEPARTURES` columns.
        room: parcels that one departure takes.
        hubs: how many lanes are between hubs.
        lane_of: by carrier and two areas, the lane between their hubs, or -1.
    """

    carrier: Ints
    start: Ints
    end: Ints
    km: Floats
    minutes: Floats
    mode: Ints
    count: Ints
    at: Ints
    room: Ints
    hubs: int
    lane_of: Ints


class Ways(msgspec.Struct, frozen=True):
    """By carrier, area now and area of destination: the area that comes next (-1: there is no way), and the minutes."""

    next: npt.NDArray[np.int16]
    minutes: Floats


def make_lanes(places: Places, carriers: int, cores: tuple[int, ...], seed: int) -> Lanes:
    """Which lanes there are; how often they leave and with how much room comes by `fit_departures`.

    Args:
        places: all.
        carriers: how many.
        cores: of each carrier, how many great hubs it has: they are joined each with each.
        seed: where these are differs by carrier.
    """
    rng = np.random.default_rng([seed, 2])
    north, east = (np.array([getattr(area, name) for area in places.areas]) for name in ("latitude", "longitude"))
    km = great_circle_km(north[:, None], east[:, None], north[None, :], east[None, :])
    kinds = np.array([area.kind for area in places.areas])
    people = places.people_of_areas()
    rows: list[tuple[int, int, int]] = []
    for carrier in range(carriers):
        own = _choose_cores(kinds, people * rng.uniform(0.6, 1.4, len(people)), km, cores[carrier])
        rows += [(carrier, start, end) for start, end in _join(kinds, km, own)]
    carrier, start, end = np.array(rows, np.int32).T
    lane_of = np.full((carriers, len(kinds), len(kinds)), -1, np.int32)
    lane_of[carrier, start, end] = np.arange(len(rows))
    by_air = (kinds[start] != AreaKind.PREFECTURE) & (kinds[end] == AreaKind.GATEWAY)
    distance = km[start, end]
    ground = distance * ROAD
    own_area = places.area
    last_km = ROAD * great_circle_km(north[own_area], east[own_area], places.latitude, places.longitude) + 3.0
    last_km = np.minimum(last_km, 400.0 + 0.2 * last_km)
    many = 2 * carriers * len(own_area)
    of_places = np.tile(own_area, 2 * carriers)
    all_km = np.concatenate([np.where(by_air, distance, ground), np.tile(last_km, 2 * carriers)])
    mode = np.concatenate([by_air.astype(np.int32), np.zeros(many, np.int32)])
    minutes = np.where(mode == _FLIGHT_MODE, all_km / PLANE_KMH * 60 + PLANE_MIN, all_km / TRUCK_KMH * 60 + TRUCK_MIN)
    total = len(all_km)
    return Lanes(
        carrier=np.concatenate([carrier, np.tile(np.repeat(np.arange(carriers), len(own_area)), 2)]).astype(np.int32),
        start=np.concatenate([start, of_places]).astype(np.int32),
        end=np.concatenate([end, of_places]).astype(np.int32),
        km=all_km,
        minutes=np.ceil(minutes),
        mode=mode,
        count=np.ones(total, np.int32),
        at=np.zeros((total, MOST_DEPARTURES), np.int32),
        room=np.ones(total, np.int32),
        hubs=len(rows),
        lane_of=lane_of,
    )


def _choose_cores(kinds: npt.NDArray[np.int64], weight: Floats, km: Floats, many: int) -> Ints:
    """The areas with most people, none too near to one that was chosen before."""
    chosen: list[int] = []
    for area in np.argsort(-weight, kind="stable"):
        if kinds[area] == AreaKind.PREFECTURE and all(km[area, each] > 70.0 for each in chosen):
            chosen.append(int(area))
            if len(chosen) == many:
                break
    return np.array(chosen, np.int32)


def _join(kinds: npt.NDArray[np.int64], km: Floats, cores: Ints) -> list[tuple[int, int]]:
    """Core with core, others with two cores and near neighbours, some cores with Hong Kong, and that with gateways."""
    home = np.flatnonzero(kinds == AreaKind.PREFECTURE)
    pairs = {(int(a), int(b)) for a in cores for b in cores if a != b}
    core = set(cores.tolist())
    for area in (each for each in home.tolist() if each not in core):
        for other in cores[np.argsort(km[area, cores], kind="stable")[:2]].tolist():
            pairs |= {(area, other), (other, area)}
        near = home[(km[area, home] < _NEAR_KM) & (home != area)]
        pairs |= {(area, int(other)) for other in near if int(other) not in core}
    airport = int(np.flatnonzero(kinds == AreaKind.AIRPORT)[0])
    for other in cores[np.argsort(km[airport, cores], kind="stable")[:_EXPORTS]].tolist():
        pairs.add((other, airport))
    pairs |= {(airport, int(gate)) for gate in np.flatnonzero(kinds == AreaKind.GATEWAY)}
    return sorted(pairs)


def find_ways(lanes: Lanes, areas: int, closed: tuple[tuple[int, int], ...] = ()) -> Ways:
    """The quickest ways of all carriers from each area to each, by the minutes of lanes and `HUB_MIN` a hub.

    Args:
        lanes: those between hubs are used.
        areas: how many there are.
        closed: (carrier, area) of hubs that nothing is sent through, unless there is no other way.
    """
    carriers = len(lanes.lane_of)
    following = np.full((carriers, areas, areas), -1, np.int16)
    minutes = np.full((carriers, areas, areas), np.inf)
    for carrier in range(carriers):
        cost = np.full((areas, areas), np.inf)
        own = np.flatnonzero(lanes.carrier[: lanes.hubs] == carrier)
        cost[lanes.start[own], lanes.end[own]] = lanes.minutes[own] + HUB_MIN
        shut = np.zeros(areas)
        shut[[area for whose, area in closed if whose == carrier]] = 1e6
        _spread(cost, shut, following[carrier], minutes[carrier])
    return Ways(following, minutes)


@compiled
def _spread(
    cost: npt.NDArray[np.float64],
    through: npt.NDArray[np.float64],
    following: npt.NDArray[np.int16],
    minutes: npt.NDArray[np.float64],
) -> None:
    """Dijkstra's algorithm backwards from each destination; `through` is what passing through an area costs more."""
    many = len(cost)
    for end in range(many):
        known = np.zeros(many, np.bool_)
        minutes[end, end] = 0.0
        for _ in range(many):
            at, least = -1, np.inf
            for area in range(many):
                if not known[area] and minutes[area, end] < least:
                    at, least = area, minutes[area, end]
            if at < 0:
                break
            known[at] = True
            more = least + (through[at] if at != end else 0.0)
            for area in range(many):
                if more + cost[area, at] < minutes[area, end]:
                    minutes[area, end] = more + cost[area, at]
                    following[area, end] = at


def load_lanes(lanes: Lanes, ways: Ways, flows: Floats, places: Places, shares_out: Floats) -> tuple[Floats, Floats]:
    """Parcels a day on each lane, and through each hub (carrier, area), if all go their way.

    Args:
        flows: by carrier, area of origin and of destination.
        shares_out: of the parcels of each carrier from an area, the share of each place: carrier, place.
    """
    on_lane = np.zeros(len(lanes.carrier))
    through = np.zeros(flows.shape[:2])
    _walk(flows, ways.next, lanes.lane_of, on_lane, through)
    carriers, many = shares_out.shape
    sent, got = flows.sum(axis=2), flows.sum(axis=1)
    on_lane[lanes.hubs : lanes.hubs + carriers * many] = (sent[:, places.area] * shares_out).ravel()
    part = places.people / places.people_of_areas()[places.area]
    on_lane[lanes.hubs + carriers * many :] = (got[:, places.area] * part[None, :]).ravel()
    return on_lane, through


@compiled
def _walk(
    flows: npt.NDArray[np.float64],
    following: npt.NDArray[np.int16],
    lane_of: npt.NDArray[np.int32],
    on_lane: npt.NDArray[np.float64],
    through: npt.NDArray[np.float64],
) -> None:
    carriers, areas = flows.shape[0], flows.shape[1]
    for carrier in range(carriers):
        for start in range(areas):
            for end in range(areas):
                flow = flows[carrier, start, end]
                if flow <= 0.0:
                    continue
                at = start
                through[carrier, at] += flow
                while at != end and following[carrier, at, end] >= 0:
                    to = following[carrier, at, end]
                    on_lane[lane_of[carrier, at, to]] += flow
                    through[carrier, to] += flow
                    at = to


def fit_departures(lanes: Lanes, on_lane: Floats, carriers: int, seed: int) -> Lanes:
    """The same lanes with a timetable and room for what is expected, and some more."""
    rng = np.random.default_rng([seed, 3])
    total, hubs = len(lanes.carrier), lanes.hubs
    count = np.ones(total, np.int32)
    busy = np.argsort(np.argsort(on_lane[:hubs])) / max(hubs, 1)
    count[:hubs] = np.select([busy > 0.97, busy > 0.85, busy > 0.4], [8, 4, 3], 2)
    count[:hubs] = np.where(lanes.mode[:hubs] == _FLIGHT_MODE, 1, count[:hubs])
    at = np.zeros((total, MOST_DEPARTURES), np.int64)
    first = _NIGHT_MIN + rng.integers(0, 240, total)
    for departure in range(MOST_DEPARTURES):
        at[:, departure] = (first + departure * 1440 // count) % 1440
    places = (total - hubs) // (2 * carriers)
    out = slice(hubs, hubs + carriers * places)
    back = slice(hubs + carriers * places, total)
    jitter = rng.integers(0, 50, total)
    for part, minutes in ((out, (12 * 60 + 30, 17 * 60 + 40, 21 * 60)), (back, (4 * 60 + 30, 11 * 60))):
        count[part] = len(minutes)
        for departure, minute in enumerate(minutes):
            at[part, departure] = minute + jitter[part]
    at[np.arange(MOST_DEPARTURES)[None, :] >= count[:, None]] = 1 << 20
    mean = on_lane / count
    peak = np.full(total, 1.8)
    peak[out], peak[back] = 2.2, 2.6
    room = np.ceil(peak * mean + 5 * np.sqrt(mean) + 3)
    return msgspec.structs.replace(
        lanes, count=count, at=np.sort(at, axis=1).astype(np.int32), room=room.astype(np.int32)
    )
