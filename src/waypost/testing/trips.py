"""Parcels on their way through a made-up network, of which one knows what went wrong: seeded, and fast for many.

Hubs lie on a square and send trucks to one another twice a day. A parcel is accepted near its first hub, waits for the
truck, may change at a third hub, goes out for delivery on working days, and sometimes nobody is at home. Some are lost
on the way, some trucks get stuck, and one hub may come to a halt: that truth is told beside the scans.
"""

from typing import Any

import msgspec
import numpy as np

from waypost.forecast.steps import Steps, make_steps
from waypost.forecast.trips import Flags, Floats, Ints
from waypost.model.instants import DAY_MS

#: The first day, since 1970: a Monday.
FIRST_DAY = 20_402
OFFSET_MIN = -180
_OFFSET = OFFSET_MIN / 1440
#: By the clock there: when trucks leave, and how long before them a hub stops loading.
DEPARTURES, CUT_OFF = np.array([5.0, 22.0]) / 24, 0.75 / 24
_CARRIER = "imagined"
_KM_A_DAY = 1100.0


class Stuck(msgspec.Struct, frozen=True):
    """A truck that got stuck on its way from one hub to another; instants in days since 1970."""

    origin: int
    destination: int
    departed: float
    arrived: float


class Halt(msgspec.Struct, frozen=True):
    """A hub that nothing left for a time."""

    hub: int
    begins: float
    ends: float


_NO_TRUCK = Stuck(-1, -1, 0.0, 0.0)


class Planted(msgspec.Struct, frozen=True):
    """Something that goes wrong from an instant until another, in days since 1970.

    `weather` keeps everything from leaving the hubs, from coming in and from going out for delivery; at a `hub` of a
    carrier hardly anything leaves; of a `carrier` everything lies longer at some hubs, or at all; and `vehicle`, the
    fullest truck that leaves then, gets stuck until the end.

    Attributes:
        hubs: where it is so; of all carriers for weather. A vehicle needs none.
        carrier: the number of whose it is; None for weather and vehicles.
        share: of parcels that are held up.
    """

    kind: str
    begins: float
    ends: float
    hubs: tuple[int, ...] = ()
    carrier: int | None = None
    share: float = 0.8


class Imagined(msgspec.Struct, frozen=True):
    """What happened.

    Attributes:
        columns: of all scans, as `make_steps` takes them.
        parcel: of each scan, numbers from 0.
        arrived: by parcel, when it was or would have been delivered, in days.
        lost_after: by parcel, when it was scanned last before it was lost; NaN if it was not.
        stuck: the trucks that were.
        stuck_parcels: by parcel, the number of its stuck truck; -1 for none.
        halt: the hub that came to one.
        at_km: where the hubs are.
        carrier: by parcel, the number of its carrier.
        planted_parcels: by parcel, whether it was held up by what was planted.
        truck: origin, destination and departure (in days) of the vehicle that was planted, if one was.
    """

    columns: dict[str, Any]
    parcel: Ints
    arrived: Floats
    lost_after: Floats
    stuck: list[Stuck]
    stuck_parcels: Ints
    halt: Halt | None
    at_km: Floats
    carrier: Ints
    planted_parcels: Flags
    truck: Stuck | None

    def steps(self, known: float = np.inf) -> Steps:
        """The scans until an instant, in days, as steps."""
        at = np.asarray(self.columns["at"].astype(np.int64)) / DAY_MS
        rows = np.flatnonzero(at < known)
        return make_steps({name: values[rows] for name, values in self.columns.items()})


class _World:
    def __init__(
        self, chance: np.random.Generator, hubs: int, map_seed: int | None, carriers: int, planted: Planted | None
    ) -> None:
        self.chance = chance
        drawing = chance if map_seed is None else np.random.default_rng(map_seed)
        self.planted, self.truck = planted, None if planted is None else _NO_TRUCK
        self.at_km = drawing.uniform(0, 1800, (hubs, 2))
        self.km = np.hypot(*(self.at_km[:, None] - self.at_km[None, :]).transpose(2, 0, 1))
        self.middle = int(np.argmin(self.km.sum(1)))
        self.sorting = drawing.uniform(0.05, 0.25, hubs)  # days that sorting takes at each
        self.carriers = carriers
        self.carrier: Ints = np.zeros(0, np.int64)
        self.held: Flags = np.zeros(0, np.bool_)
        self.scans: list[tuple[Ints, int, Ints, Floats]] = []

    def hold(self, parcels: Ints, place: Ints, at: Floats, kinds: tuple[str, ...]) -> Floats:
        """When some parcels go on that would at an instant, by the clock there: later where they are held up."""
        planted = self.planted
        if planted is None or planted.kind not in kinds:
            return at
        begins, ends = planted.begins + _OFFSET, planted.ends + _OFFSET
        waits = np.isin(place, planted.hubs) & (at >= begins) & (at < ends)
        waits &= self.chance.random(len(parcels)) < planted.share
        if planted.carrier is not None:
            waits &= self.carrier[parcels] == planted.carrier
        self.held[parcels[waits]] = True
        longer = ends + self.chance.uniform(0, 0.1, len(parcels))
        if planted.kind == "carrier":  # it goes slowly there, but it goes
            longer = at + self.chance.uniform(0.8, 1.6, len(parcels))
        return np.where(waits, longer, at)

    def scan(self, parcel: Ints, status: int, place: Ints, at: Floats) -> None:
        self.scans.append((parcel, status, place, at))


# Numbers of statuses, see track/data/statuses.csv.
_PICKED_UP, _ARRIVED, _DEPARTED, _OUT, _ATTEMPTED, _DELIVERED = 5, 7, 8, 18, 19, 20
_CODES = {
    _PICKED_UP: "picked_up",
    _ARRIVED: "arrived_at_hub",
    _DEPARTED: "departed_from_hub",
    _OUT: "out_for_delivery",
    _ATTEMPTED: "delivery_attempted",
    _DELIVERED: "delivered",
}


def imagine_trips(
    parcels: int = 8000,
    days: float = 60,
    *,
    hubs: int = 10,
    lost: float = 0.008,
    stuck: int = 3,
    halt: Halt | None = None,
    holidays: tuple[float, ...] = (),
    seed: int = 0,
    carriers: int = 1,
    map_seed: int | None = None,
    planted: Planted | None = None,
) -> Imagined:
    """Let parcels go their ways.

    Args:
        parcels: how many.
        days: over which they are accepted.
        hubs: of the network.
        lost: the share of parcels that are never seen again after one of their scans.
        stuck: how many well-filled trucks get stuck for one to three days in the second half of the time.
        halt: a hub that nothing leaves for a time.
        holidays: days (since 1970) on which nobody delivers, beside Sundays.
        seed: of all chance.
        carriers: so many share the parcels; each has a hub of its own in each place, and its own trucks.
        map_seed: where the hubs are, and how fast they sort; of `seed` without it.
        planted: what goes wrong besides.
    """
    chance = np.random.default_rng(seed)
    world = _World(chance, hubs, map_seed, carriers, planted)
    origin, target = chance.integers(0, hubs, (2, parcels))
    target = np.where(target == origin, (target + 1) % hubs, target)
    changes = (world.km[origin, target] > 900) & (origin != world.middle) & (target != world.middle)
    local = FIRST_DAY + np.sort(
        chance.uniform(0, days, parcels) // 1 + np.clip(chance.normal(0.62, 0.12, parcels), 0.3, 0.9)
    )
    everyone = np.arange(parcels)
    world.carrier = chance.integers(0, carriers, parcels) if carriers > 1 else np.zeros(parcels, np.int64)
    world.held = np.zeros(parcels, np.bool_)
    world.scan(everyone, _PICKED_UP, origin, local)
    here, at = origin, local + chance.gamma(4, 0.04, parcels)
    world.scan(everyone, _ARRIVED, here, at)
    trucks: list[Stuck] = []
    in_stuck = np.full(parcels, -1)
    for leg in (0, 1):
        going = everyone if leg == 0 else np.flatnonzero(changes)
        towards = np.where(changes, world.middle, target) if leg == 0 else target
        here_next, left = _ride(world, going, here, towards, at, halt, trucks, in_stuck, stuck if leg == 0 else 0, days)
        here, at = np.where(np.isin(everyone, going), here_next, here), left
    promised = np.ceil(local + 1.3 + (world.km[origin, target] / _KM_A_DAY) * 1.25 + 1.2 * changes) + 0.9
    arrived = _deliver(world, everyone, here, at, holidays)
    return _tell(world, arrived, in_stuck, trucks, halt, lost, target, promised)


def _ride(
    world: _World, going: Ints, here: Ints, towards: Ints, at: Floats, halt: Halt | None, trucks: list[Stuck],
    in_stuck: Ints, stuck: int, days: float,
) -> tuple[Ints, Floats]:  # fmt: skip
    """Sorted, loaded on the next truck, driven: where and when parcels are then."""
    chance, origin, goal = world.chance, here[going], towards[going]
    ready = at[going] + world.sorting[origin] * chance.gamma(6, 1 / 6, len(going))
    if halt is not None:
        waits = (origin == halt.hub) & (ready > halt.begins + _OFFSET) & (ready < halt.ends + _OFFSET)
        ready = np.where(waits, halt.ends + _OFFSET, ready)
    ready = world.hold(going, origin, ready, ("weather", "hub", "carrier"))
    slots = (np.floor(ready)[:, None] + np.r_[DEPARTURES, DEPARTURES + 1, DEPARTURES + 2]).astype(np.float64)
    leaves = slots[np.arange(len(going)), np.argmax(slots - CUT_OFF >= ready[:, None], axis=1)]
    keys = np.stack([origin, goal, np.round(leaves * 1440).astype(np.int64), world.carrier[going]])
    runs, truck = np.unique(keys, axis=1, return_inverse=True)
    truck = truck.reshape(-1)
    late: Floats = np.asarray(chance.gamma(2, 0.02, runs.shape[1]))
    drive: Floats = world.km[runs[0], runs[1]] / _KM_A_DAY * np.exp(chance.normal(0, 0.08, runs.shape[1]))
    loaded = np.bincount(truck)
    late_half = (runs[2] / 1440 > FIRST_DAY + days * 0.5) & (runs[2] / 1440 < FIRST_DAY + days - 4)
    well_filled = np.sort(loaded)[int(0.9 * len(loaded)) :].min(initial=len(going))
    candidates = np.flatnonzero(late_half & (loaded >= well_filled))
    for number in chance.permutation(candidates)[:stuck]:
        longer = float(chance.uniform(1.2, 3.0))
        drive[number] += longer
        in_stuck[going[truck == number]] = len(trucks)
        departed = float(runs[2, number] / 1440 + late[number] - _OFFSET)
        hubs = int(runs[0, number]), int(runs[1, number])
        trucks.append(Stuck(*hubs, departed, departed + float(drive[number])))
    _strand(world, going, runs, truck, loaded, late, drive)
    departs = leaves + late[truck]
    world.scan(going, _DEPARTED, origin, departs + chance.uniform(0, 5 / 1440, len(going)))
    arrives = departs + drive[truck] + chance.uniform(0.01, 0.06, len(going))
    arrives = world.hold(going, goal, arrives, ("weather",))
    world.scan(going, _ARRIVED, goal, arrives)
    there, then = here.copy(), at.copy()
    there[going], then[going] = goal, arrives
    return there, then


def _strand(
    world: _World, going: Ints, runs: Ints, truck: Ints, loaded: Ints, late: Floats, drive: Floats
) -> None:  # fmt: skip
    """The fullest truck of those that leave within a day gets stuck until the end, if that was planted."""
    planted = world.planted
    if planted is None or planted.kind != "vehicle" or world.truck is not _NO_TRUCK:
        return
    leaves = runs[2] / 1440 - _OFFSET
    fits = (leaves >= planted.begins) & (leaves < planted.begins + 1)
    if not fits.any():
        return
    number = int(np.argmax(np.where(fits, loaded, -1)))
    departed = float(leaves[number] + late[number])
    drive[number] = max(drive[number], planted.ends - departed)
    world.held[going[truck == number]] = True
    world.truck = Stuck(int(runs[0, number]), int(runs[1, number]), departed, departed + float(drive[number]))


def _deliver(world: _World, parcels: Ints, here: Ints, at: Floats, holidays: tuple[float, ...]) -> Floats:
    """Out on the next working day at eight; at the door in the day, or tried in vain and once more."""
    chance = world.chance
    arrived = np.full(len(parcels), np.nan)
    rows, ready = parcels, at + world.sorting[here]
    for attempt in range(3):
        day = np.floor(ready) + (ready % 1 > 8 / 24)
        for _ in range(4):
            day = np.where(((day + 3) % 7 == 6) | np.isin(day, holidays), day + 1, day)
        out = day + chance.uniform(7.5, 9.5, len(rows)) / 24
        out = world.hold(rows, here[rows], out, ("weather",))
        door = out + chance.gamma(5, 0.8 / 24, len(rows))
        world.scan(rows, _OUT, here[rows], out)
        fails = (chance.random(len(rows)) < 0.07) & (attempt < 2)
        world.scan(rows[fails], _ATTEMPTED, here[rows[fails]], door[fails])
        world.scan(rows[~fails], _DELIVERED, here[rows[~fails]], door[~fails])
        arrived[rows[~fails]] = door[~fails]
        rows, ready = rows[fails], door[fails] + 0.2
    return arrived


def _tell(
    world: _World, arrived: Floats, in_stuck: Ints, trucks: list[Stuck], halt: Halt | None, lost: float, target: Ints,
    promised: Floats,
) -> Imagined:  # fmt: skip
    chance, parcels = world.chance, len(arrived)
    parcel = np.concatenate([each[0] for each in world.scans])
    status = np.concatenate([np.full(len(each[0]), each[1]) for each in world.scans])
    place = np.concatenate([np.asarray(each[2]) for each in world.scans])
    at = np.concatenate([each[3] for each in world.scans]) - _OFFSET
    at = np.round(at * DAY_MS).astype(np.int64)
    lost_after = np.full(parcels, np.nan)
    order = np.lexsort((at, parcel))
    begins = np.searchsorted(parcel[order], np.arange(parcels + 1))
    gone = np.flatnonzero(chance.random(parcels) < lost)
    last = begins[gone] + (chance.random(len(gone)) * (np.diff(begins)[gone] - 1)).astype(np.int64)
    lost_after[gone] = at[order[last]] / DAY_MS
    kept: Flags = ~(at / DAY_MS > np.where(np.isnan(lost_after), np.inf, lost_after)[parcel])
    kept &= (chance.random(len(at)) > 0.02) | (status == _DELIVERED)  # some scans are forgotten
    codes = np.array([_CODES.get(number, "") for number in range(_DELIVERED + 1)])
    names = np.array([_CARRIER, *(f"{_CARRIER}{number}" for number in range(1, world.carriers))])
    hubs = np.array([[f"{name}/H{hub}" for hub in range(len(world.km))] for name in names])
    areas = np.array([f"XX-R{hub}" for hub in range(len(world.km))])
    latitude, longitude = -5 - world.at_km[:, 0] / 111, -40 - world.at_km[:, 1] / 111
    columns = {
        "carrier": names[world.carrier[parcel]],
        "number": np.array([f"P{number:07}" for number in range(parcels)])[parcel],
        "status": codes[status],
        "facility": hubs[world.carrier[parcel], place],
        "area": areas[place],
        "latitude": latitude[place],
        "longitude": longitude[place],
        "at": at.astype("datetime64[ms]"),
        "offset_min": np.full(len(at), OFFSET_MIN, np.int16),
        "destination_area": areas[target][parcel],
        "destination_latitude": latitude[target][parcel],
        "destination_longitude": longitude[target][parcel],
        "promised_at": np.round((promised - _OFFSET) * DAY_MS).astype("datetime64[ms]")[parcel],
    }
    return Imagined(
        {name: values[kept] for name, values in columns.items()},
        parcel[kept], arrived - _OFFSET, lost_after, trucks, in_stuck, halt,
        world.at_km, world.carrier, world.held, None if world.truck is _NO_TRUCK else world.truck,
    )  # fmt: skip
