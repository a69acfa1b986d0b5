"""What parcels may have in common: the groups that a scan statistic is asked of, as numbers of their rows.

Groups of a kind either share no rows (hubs, legs, departures, carriers), or are circles around facilities, whose sums
are those of the facilities in them.
"""

from enum import StrEnum

import msgspec
import numpy as np

from waypost.forecast.steps import Steps
from waypost.forecast.trips import Flags, Floats, Ints
from waypost.network.distances import great_circle_km
from waypost.track.statuses import MILESTONES

DEPARTED = MILESTONES.index("departed")
#: Departures follow one another by at least so much: fifteen minutes.
_APART_DAYS = 15 / 1440
#: Circles of a carrier around its facilities; of fewer of them nothing is made.
RADII_KM, _LEAST_IN_CIRCLE = (300.0, 700.0), 3
#: Around so many of the facilities, those with the most late parcels, circles are drawn.
_MOST_CIRCLES = 300


class GroupKind(StrEnum):
    """What parcels that are late together have in common."""

    HUB = "hub"  #: where they were scanned last
    LEG = "leg"  #: and the facility where such parcels go next
    DEPARTURE = "departure"  #: and the vehicle, or when they left
    CARRIER = "carrier"  #: who has them, everywhere or around a facility
    WEATHER = "weather"  #: foul weather where they are or go


class Candidates(msgspec.Struct, frozen=True):
    """The groups of a kind.

    Attributes:
        keys: of each row the number of its group, -1 for none; by one key or by another. No row is in a group by both.
        members: of each group which numbers of the keys are in it; None where the number is that of the group.
        within_km: the radius, of circles.
        centres: of each circle the number of the facility in its middle.
    """

    kind: GroupKind
    keys: tuple[Ints, ...]
    members: Flags | None = None
    within_km: float | None = None
    centres: Ints | None = None

    def sums(self, values: Floats | Flags) -> Floats:
        """By group the sum over its rows."""
        size = max((int(key.max(initial=-1)) + 1 for key in self.keys), default=0)
        size = size if self.members is None else self.members.shape[1]
        found = np.zeros(size)
        for key in self.keys:
            known = key >= 0
            found += np.bincount(key[known], values[known].astype(np.float64), minlength=size)[:size]
        return found if self.members is None else np.asarray(self.members @ found)

    def inside(self, which: int) -> Flags:
        """The rows of a group."""
        if self.members is None:
            return np.asarray(np.any([key == which for key in self.keys], axis=0), np.bool_)
        member = np.r_[self.members[which], False]  # -1 is the last
        return np.asarray(np.any([member[key] for key in self.keys], axis=0), np.bool_)


class Places:
    """Where the rows of some steps are, and go next: numbers of facilities, -1 for none."""

    def __init__(self, steps: Steps, rows: Ints) -> None:
        facility, self.facilities = steps.words("facility")
        vehicle, self.vehicles = steps.words("vehicle")
        self.rows = rows
        named = np.array([bool(word) for word in self.facilities], np.bool_)
        towards = _usual_next(steps, facility, len(self.facilities))[rows]
        self.here: Ints = np.where(named[facility[rows]], facility[rows], -1) if len(named) else facility[rows]
        known = (self.here >= 0) & (towards >= 0)
        self.towards: Ints = np.where(known & named[towards], towards, -1) if len(named) else towards
        self.vehicle: Ints = vehicle[rows]
        leg = np.where(self.towards >= 0, self.here * len(self.facilities) + self.towards, -1)
        self.leg = dense(leg)
        self.departure = _departures(steps, rows, leg, self.vehicle, self.vehicles)
        is_leaving = steps.milestone[rows] == DEPARTED
        #: Of what has left, where it goes.
        self.coming: Ints = np.where(is_leaving, self.towards, -1)


def hubs_legs_departures(places: Places) -> list[Candidates]:
    """Groups of parcels that were scanned last at a hub, go the same way from there, or left together."""
    return [
        Candidates(GroupKind.HUB, (places.here,)),
        Candidates(GroupKind.LEG, (places.leg,)),
        Candidates(GroupKind.DEPARTURE, (places.departure,)),
    ]


def comings(places: Places) -> Candidates:
    """Groups of what is at a hub or on its way to it: it takes nothing in."""
    return Candidates(GroupKind.HUB, (places.here, np.where(places.coming == places.here, -1, places.coming)))


def carriers(steps: Steps, places: Places, late: Flags) -> list[Candidates]:
    """Groups of a carrier: everywhere, and in circles around its facilities, where late parcels are."""
    carrier, _ = steps.words("carrier")
    found = [Candidates(GroupKind.CARRIER, (carrier[places.rows],))]
    size = len(places.facilities)
    known = places.here >= 0
    many = np.bincount(places.here[known], late[known], minlength=size)
    centres = np.argsort(-many, kind="stable")[:_MOST_CIRCLES]
    centres = centres[many[centres] > 0]
    where = _positions(steps, size)
    owners = np.array([name.partition("/")[0] for name in places.facilities])
    if not len(centres):
        return found
    km = great_circle_km(where[0][centres, None], where[1][centres, None], where[0][None], where[1][None])
    own = owners[centres, None] == owners[None]
    before = np.zeros((len(centres), size), np.bool_)
    for radius in RADII_KM:
        members = own & (np.nan_to_num(km, nan=np.inf) <= radius)
        is_new = (members.sum(1) >= _LEAST_IN_CIRCLE) & (members != before).any(1)
        is_new &= members.sum(1) < own.sum(1)  # else it is the carrier everywhere
        if is_new.any():
            circles = Candidates(GroupKind.CARRIER, (places.here,), members[is_new], radius, centres[is_new])
            found.append(circles)
        before = members
    return found


def _positions(steps: Steps, size: int) -> tuple[Floats, Floats]:
    facility, _ = steps.words("facility")
    found = np.full((2, size), np.nan)
    for axis, name in enumerate(("latitude", "longitude")):
        found[axis, facility] = steps.numbers(name)  # of several the last written stays
    return found[0], found[1]


def clusters(steps: Steps, facilities: Ints, size: int, km: float) -> Ints:
    """Of each facility the number of its cluster: those nearer than so many kilometres are in one; -1 for others."""
    latitude, longitude = _positions(steps, size)
    found = np.full(size, -1, np.int64)
    for place in facilities.tolist():
        if found[place] >= 0:
            continue
        found[place], edge = place, [place]
        while edge:
            here = edge.pop()
            far = great_circle_km(latitude[here], longitude[here], latitude[facilities], longitude[facilities])
            near = facilities[(np.nan_to_num(far, nan=np.inf) <= km) & (found[facilities] < 0)]
            found[near] = place
            edge += near.tolist()
    return found


def dense(key: Ints) -> Ints:
    """The same with numbers from 0 without gaps."""
    known = key >= 0
    found = np.full(len(key), -1, np.int64)
    found[known] = np.unique(key[known], return_inverse=True)[1]
    return found


def _usual_next(steps: Steps, facility: Ints, size: int) -> Ints:
    """Of each step the facility to which most parcels went from there that go where it goes; -1 if none did."""
    goal, goals = steps.words("destination_area")
    following = np.r_[facility[1:], [-1] * min(len(steps), 1)]
    moved = np.isfinite(steps.following) & (following != facility)
    place = (facility * len(goals) + goal).astype(np.int64)
    ways, many = np.unique(place[moved] * size + following[moved], return_counts=True)
    usual = np.full(size * max(len(goals), 1), -1, np.int64)
    order = np.argsort(many, kind="stable")  # of several ways to one place the last written, the most frequent, stays
    usual[ways[order] // size] = ways[order] % size
    return usual[place]


def _departures(steps: Steps, rows: Ints, leg: Ints, vehicle: Ints, vehicles: list[str]) -> Ints:
    """By vehicle where scans name one; else those that left one hub for another with no quarter of an hour between."""
    left = (steps.milestone[rows] == DEPARTED) & (leg >= 0)
    order = np.lexsort((steps.at[rows], vehicle, leg))
    order = order[left[order]]
    named = np.array([bool(word) for word in vehicles], np.bool_)[vehicle[order]]
    apart = (np.diff(leg[order]) != 0) | (np.diff(vehicle[order]) != 0)
    apart |= ~named[1:] & (np.diff(steps.at[rows][order]) > _APART_DAYS)
    key = np.full(len(rows), -1, np.int64)
    key[order] = np.cumsum(np.r_[np.zeros(min(len(order), 1), np.int64), apart])
    return key
