"""How far it is by road, and how long that takes: whoever knows roads is asked, else the great circle has to do.

A position is a pair of degrees, latitude and longitude. Nothing that a great circle told is taken for a road: each pair
says how it was found, and why the service was not used is told in words.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.model.errors import BadInput, Unreachable
from waypost.model.places import EARTH_KM

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Position = tuple[float, float]

#: Positions are told apart to some ten metres.
_DIGITS = 4


class Distances(msgspec.Struct, frozen=True):
    """From each origin (row) to each destination (column).

    Attributes:
        km: NaN where there is no way.
        minutes: NaN where that is not known: of great circles it never is.
        by_road: whether a road was found; if not, `km` is of the great circle, or NaN.
        told: what whoever uses them has to know, such as that a service was not there.
    """

    km: Floats
    minutes: Floats
    by_road: Flags
    told: tuple[str, ...] = ()


class RoadDistances(Protocol):
    """Who knows how far it is."""

    def measure(self, origins: Sequence[Position], destinations: Sequence[Position]) -> Distances:
        """All pairs.

        Raises:
            BadInput: a position is none, or the service does not take it.
            Unreachable: the service gave no answer.
        """


class GreatCircles:
    """`RoadDistances` without roads."""

    def measure(self, origins: Sequence[Position], destinations: Sequence[Position]) -> Distances:
        """See `RoadDistances.measure`."""
        start, end = check_positions(origins), check_positions(destinations)
        km = great_circle_km(start[:, None, 0], start[:, None, 1], end[None, :, 0], end[None, :, 1])
        return Distances(km, np.full(km.shape, np.nan), np.zeros(km.shape, np.bool_))


class RoadsOrCircles:
    """`RoadDistances` by a service and, where it has no answer or knows no way, by great circles, which is told."""

    def __init__(self, roads: RoadDistances) -> None:
        self._roads, self._circles = roads, GreatCircles()

    def measure(self, origins: Sequence[Position], destinations: Sequence[Position]) -> Distances:
        """See `RoadDistances.measure`; it raises `BadInput` alone."""
        circles = self._circles.measure(origins, destinations)
        try:
            found = self._roads.measure(origins, destinations)
        except Unreachable as error:
            return msgspec.structs.replace(circles, told=(f"Great circles instead of roads: {error.message}",))
        lost = int((~found.by_road).sum())
        if not lost:
            return found
        told = (*found.told, f"Great circles instead of roads for {lost} of {found.km.size} pairs: no way is known.")
        return Distances(np.where(found.by_road, found.km, circles.km), found.minutes, found.by_road, told)


class RememberedRoads:
    """`RoadDistances` that asks a service for each pair once, and forgets all when there are too many."""

    def __init__(self, roads: RoadDistances, most: int = 1_000_000) -> None:
        self._roads, self._most = roads, most
        self._known: dict[tuple[Position, Position], tuple[float, float, bool]] = {}

    def measure(self, origins: Sequence[Position], destinations: Sequence[Position]) -> Distances:
        """See `RoadDistances.measure`. What failed is not remembered."""
        starts, stops = (list(map(_rounded, check_positions(each).tolist())) for each in (origins, destinations))
        pairs = [(start, stop) for start in starts for stop in stops]
        known = {pair: self._known[pair] for pair in pairs if pair in self._known}
        new = [pair for pair in pairs if pair not in known]
        told: tuple[str, ...] = ()
        if new:
            asked_starts, asked_stops = (list(dict.fromkeys(pair[place] for pair in new)) for place in (0, 1))
            asked = self._roads.measure(asked_starts, asked_stops)
            told = asked.told
            values = zip(asked.km.flat, asked.minutes.flat, asked.by_road.flat, strict=True)
            asked_pairs = ((start, stop) for start in asked_starts for stop in asked_stops)
            found = {
                pair: (float(each[0]), float(each[1]), bool(each[2]))
                for pair, each in zip(asked_pairs, values, strict=True)
            }
            known |= found
            if len(self._known) + len(found) > self._most:
                self._known.clear()
            self._known |= found
        columns = np.array([known[pair] for pair in pairs], np.float64).reshape(len(starts), len(stops), 3)
        return Distances(columns[..., 0], columns[..., 1], columns[..., 2].astype(np.bool_), told)


def great_circle_km(
    latitude: npt.ArrayLike, longitude: npt.ArrayLike, other_latitude: npt.ArrayLike, other_longitude: npt.ArrayLike
) -> Floats:
    """How far two positions are apart, in degrees, over the surface of the Earth."""
    a, b, c, d = (np.radians(each) for each in (latitude, longitude, other_latitude, other_longitude))
    half = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))


def check_positions(positions: Sequence[Position]) -> Floats:
    """Positions as rows of latitude and longitude.

    Raises:
        BadInput: one is off the globe.
    """
    read = np.asarray(positions, np.float64).reshape(len(positions), 2)
    off = np.flatnonzero(~((np.abs(read[:, 0]) <= 90) & (np.abs(read[:, 1]) <= 180)))
    if len(off):
        raise BadInput(f"{positions[off[0]]} is no latitude and longitude.", where=f"position {off[0] + 1}")
    return read


def _rounded(position: Sequence[float]) -> Position:
    return round(position[0], _DIGITS), round(position[1], _DIGITS)
