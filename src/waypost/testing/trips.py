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
    """

    columns: dict[str, Any]
    parcel: Ints
    arrived: Floats
    lost_after: Floats
    stuck: list[Stuck]
    stuck_parcels: Ints
    halt: Halt | None

    def steps(self, known: float = np.inf) -> Steps:
        """The scans until an instant, in days, as steps."""
        at = np.asarray(self.columns["at"].astype(np.int64)) / DAY_MS
        rows = np.flatnonzero(at < known)
        return make_steps({name: values[rows] for name, values in self.columns.items()})


class _World:
    def __init__(self, chance: np.random.Generator, hubs: int) -> None:
        self.chance = chance
        self.at_km = chance.uniform(0, 1800, (hubs, 2))
        self.km = np.hypot(*(self.at_km[:, None] - self.at_km[None, :]).transpose(2, 0, 1))
        self.middle = int(np.argmin(self.km.sum(1)))
        self.sorting = chance.uniform(0.05, 0.25, hubs)  # days that sorting takes at each
        self.scans: list[tuple[Ints, int, Ints, Floats]] = []

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
    """
    chance = np.random.default_rng(seed)
    world = _World(chance, hubs)
    origin, target = chance.integers(0, hubs, (2, parcels))
    target = np.where(target == origin, (target + 1) % hubs, target)
    changes = (world.km[origin, target] > 900) & (origin != world.middle) & (target != world.middle)
    local = FIRST_DAY + np.sort(
        chance.uniform(0, days, parcels) // 1 + np.clip(chance.normal(0.62, 0.12, parcels), 0.3, 0.9)
    )
    everyone = np.arange(parcels)
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
    slots = (np.floor(ready)[:, None] + np.r_[DEPARTURES, DEPARTURES + 1, DEPARTURES + 2]).astype(np.float64)
    leaves = slots[np.arange(len(going)), np.argmax(slots - CUT_OFF >= ready[:, None], axis=1)]
    keys = np.stack([origin, goal, np.round(leaves * 1440).astype(np.int64)])
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
    departs = leaves + late[truck]
    world.scan(going, _DEPARTED, origin, departs + chance.uniform(0, 5 / 1440, len(going)))
    arrives = departs + drive[truck] + chance.uniform(0.01, 0.06, len(going))
    world.scan(going, _ARRIVED, goal, arrives)
    there, then = here.copy(), at.copy()
    there[going], then[going] = goal, arrives
    return there, then


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
    hubs = np.array([f"{_CARRIER}/H{hub}" for hub in range(len(world.km))])
    areas = np.array([f"XX-R{hub}" for hub in range(len(world.km))])
    latitude, longitude = -5 - world.at_km[:, 0] / 111, -40 - world.at_km[:, 1] / 111
    columns = {
        "carrier": np.full(len(at), _CARRIER),
        "number": np.array([f"P{number:07}" for number in range(parcels)])[parcel],
        "status": codes[status],
        "facility": hubs[place],
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
    )  # fmt: skip
