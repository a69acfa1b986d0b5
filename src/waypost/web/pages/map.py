"""A parcel's way on a map, drawn on the server as SVG: cities, never what lies in one. The stylesheet colours it."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from waypost.model.decoding import decode

#: x and y of a line or a ring, one row a point.
Points: TypeAlias = npt.NDArray[np.float64]

_WIDTH, _HEIGHT = 1280, 720
#: Around the way, as a share of its extent, and the least that is shown, in degrees.
_MARGIN, _LEAST = 0.25, 4.0
#: Outlines are drawn to so many units of the picture.
_DETAIL = 4
#: A place is told to a tenth of a degree, about 10 km: the city, not the street.
_PLACES = 1


class Stop(msgspec.Struct, frozen=True):
    """A place on the way."""

    name: str
    latitude: float
    longitude: float


class Outlines(msgspec.Struct, frozen=True):
    """Land and borders, in degrees; `source` as it is told below the map."""

    land: list[Points]
    borders: list[Points]
    source: str


def read_outlines(basemap: bytes) -> Outlines:
    """The outlines in a map as the console has it: GeoJSON whose features have the `kind` land or border."""
    document = decode(basemap, dict[str, Any])
    found: dict[str, list[Points]] = {"land": [], "border": []}
    for feature in document.get("features", []):
        kept = found.get(feature.get("properties", {}).get("kind", "land"))
        if kept is not None and feature.get("geometry"):
            kept += _lines(feature["geometry"].get("coordinates", []))
    return Outlines(found["land"], found["border"], str(document.get("source", "")))


def join_stops(stops: Sequence[Stop]) -> list[Stop]:
    """The way as it is drawn: coarse places, those that follow each other at one place as one, none behind the world.

    Longitudes go on beyond 180 degrees where the way crosses that line.
    """
    way: list[Stop] = []
    for stop in stops:
        north, east = round(stop.latitude, _PLACES), round(stop.longitude, _PLACES)
        if way:
            east += 360 * round((way[-1].longitude - east) / 360)
            if (way[-1].latitude, way[-1].longitude) == (north, east):
                continue
        way.append(Stop(stop.name, north, east))
    return way


def draw_map(way: Sequence[Stop], outlines: Outlines | None, title: str) -> Markup:
    """The way over the land, the last stop as where the parcel is.

    Args:
        way: what `join_stops` gives, one or more.
        title: what it shows, in words.
    """
    frame = _Frame(way)
    parts = [f'<svg class="map" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{escape(title)}</title>']
    if outlines is not None:
        parts.append(f'<path class="map-land" d="{frame.draw(outlines.land, "Z")}"/>')
        parts.append(f'<path class="map-border" d="{frame.draw(outlines.borders, "")}"/>')
    places = frame.place(np.array([[stop.longitude, stop.latitude] for stop in way])).round().astype(int)
    parts.append(f'<polyline class="map-way" points="{" ".join(f"{x},{y}" for x, y in places)}"/>')
    last = len(way) - 1
    for place, (stop, (x, y)) in enumerate(zip(way, places, strict=True)):
        now = " is-now" if place == last else ""
        parts.append(f'<circle class="map-stop{now}" cx="{x}" cy="{y}" r="{16 if now else 10}"/>')
        if place in (0, last):
            parts.append(_label(stop.name, int(x), int(y), others=[int(each) for each in places[:, 0]]))
    if outlines is not None and outlines.source:
        parts.append(f'<text class="map-source" x="{_WIDTH - 12}" y="{_HEIGHT - 14}">{escape(outlines.source)}</text>')
    return Markup("".join([*parts, "</svg>"]))


def _label(name: str, x: int, y: int, others: list[int]) -> str:
    """On the side away from most other stops, unless it would stand beyond the edge."""
    leftward = (sum(others) / len(others) > x and x > _WIDTH * 0.3) or x > _WIDTH * 0.7
    anchor, shift = ("end", -26) if leftward else ("start", 26)
    return f'<text class="map-name" x="{x + shift}" y="{y + 12}" text-anchor="{anchor}">{escape(name)}</text>'


class _Frame:
    """What part of the world is shown: plate carree, as wide as it is true in the middle."""

    def __init__(self, way: Sequence[Stop]) -> None:
        east = np.array([stop.longitude for stop in way])
        north = np.array([stop.latitude for stop in way])
        self._middle = np.array([(east.min() + east.max()) / 2, (north.min() + north.max()) / 2])
        self._narrow = max(float(np.cos(np.radians(self._middle[1]))), 0.2)
        wide = max(float(np.ptp(east)) * self._narrow, _LEAST) * (1 + 2 * _MARGIN)
        high = max(float(np.ptp(north)), _LEAST) * (1 + 2 * _MARGIN)
        self._scale = min(_WIDTH / wide, _HEIGHT / high)

    def place(self, points: Points) -> Points:
        """Degrees (longitude, latitude) as places on the picture."""
        moved = (points - self._middle) * [self._narrow * self._scale, -self._scale]
        return np.asarray(moved + np.array([_WIDTH / 2, _HEIGHT / 2]))

    def draw(self, lines: Sequence[Points], end: str) -> str:
        """Lines as a path: what lies far outside is drawn in towards the picture, and fine detail is left out."""
        edge = np.array([_WIDTH, _HEIGHT])
        drawn = []
        for turn in (-360.0, 0.0, 360.0):
            for line in lines:
                exact = np.clip(self.place(line + np.array([turn, 0.0])), -edge, 2 * edge)
                placed = (exact / _DETAIL).round().astype(int) * _DETAIL
                if (placed.max(axis=0) <= 0).any() or (placed.min(axis=0) >= edge).any():
                    continue
                placed = _thin(placed)
                if len(placed) > 1:
                    drawn.append("M" + " ".join(f"{x},{y}" for x, y in placed) + end)
        return "".join(drawn)


def _thin(points: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Without points where the one before is, and without those on a straight line between their neighbours."""
    steps = np.abs(np.diff(points, axis=0)).max(axis=1)
    points = points[np.r_[True, steps > 0]]
    if len(points) < 3:
        return points
    one, other = np.diff(points[:-1], axis=0), np.diff(points[1:], axis=0)
    bends = one[:, 0] * other[:, 1] != one[:, 1] * other[:, 0]
    return np.asarray(points[np.r_[True, bends, True]])


def _lines(coordinates: list[Any]) -> list[Points]:
    """The lines or rings in coordinates of any depth."""
    if not coordinates:
        return []
    if isinstance(coordinates[0][0], int | float):
        return [np.array(coordinates, dtype=np.float64)[:, :2]]
    return [line for part in coordinates for line in _lines(part)]
