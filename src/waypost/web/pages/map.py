"""A parcel's way on a map, drawn on the server as SVG: cities, never what lies in one. The stylesheet colours it."""

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from waypost.model.decoding import decode
from waypost.model.errors import BadInput
from waypost.model.instants import MINUTE_MS
from waypost.model.places import Facility
from waypost.track.views import PlaceView, place_in_public

#: x and y of a line or a ring, one row a point.
Points: TypeAlias = npt.NDArray[np.float64]

_WIDTH, _HEIGHT = 1280, 720
#: Around the way, as a share of its extent, and the least that is shown, in degrees.
_MARGIN, _LEAST = 0.25, 4.0
#: Outlines are drawn to so many units of the picture.
_DETAIL = 4
#: Middles of cities are told to a tenth of a degree, about 10 km.
_PLACES = 1
#: How deep the lines and rings lie in the coordinates of each kind.
_DEPTHS = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}


class Stop(msgspec.Struct, frozen=True):
    """A city on the way; its middle, in degrees."""

    name: str
    latitude: float
    longitude: float


class Cities:
    """Where cities are: in the middle of all facilities there, so that a map never tells in which of them a parcel was.

    Args:
        list_all: the register of facilities; read again when what was read is an hour old.
        ticks: milliseconds of a clock that nobody sets.
    """

    def __init__(self, list_all: Callable[[], Iterable[Facility]], ticks: Callable[[], int]) -> None:
        self._list_all = list_all
        self._ticks = ticks
        self._middles: dict[tuple[str | None, ...], tuple[float, float]] = {}
        self._read_at: int | None = None
        self._lock = threading.Lock()

    def find(self, place: PlaceView | None) -> Stop | None:
        """The city of a place as it is shown in public; None where none is, or nobody knows where it lies."""
        shown = place_in_public(place)
        if shown is None or shown.city is None:
            return None
        middle = self._read().get((shown.country, shown.region, shown.city))
        return None if middle is None else Stop(shown.city, *middle)

    def _read(self) -> Mapping[tuple[str | None, ...], tuple[float, float]]:
        with self._lock:
            if self._read_at is None or self._ticks() - self._read_at > 60 * MINUTE_MS:
                self._middles, self._read_at = _middles(self._list_all()), self._ticks()
            return self._middles


def _middles(facilities: Iterable[Facility]) -> dict[tuple[str | None, ...], tuple[float, float]]:
    found: dict[tuple[str | None, ...], list[tuple[float, float]]] = {}
    for place in (each.place for each in facilities):
        if place.city and place.latitude is not None and place.longitude is not None:
            point = place.latitude, place.longitude
            if math.isfinite(sum(point)):
                found.setdefault((place.country, place.region, place.city), []).append(point)
    return {
        city: (sum(north for north, _ in points) / len(points), sum(east for _, east in points) / len(points))
        for city, points in found.items()
    }


class Outlines(msgspec.Struct, frozen=True):
    """Land and borders, in degrees, each line with the box around it; `source` as it is told below the map."""

    land: list[Points]
    borders: list[Points]
    land_boxes: Points
    border_boxes: Points
    source: str


def read_outlines(basemap: bytes) -> Outlines:
    """The outlines in a map as the console has it: GeoJSON whose features have the `kind` land or border.

    Raises:
        BadInput: it is no GeoJSON of lines and areas.
    """
    document = decode(basemap, dict[str, Any])
    found: dict[str, list[Points]] = {"land": [], "border": []}
    try:
        for feature in document.get("features") or []:
            kept = found.get((feature.get("properties") or {}).get("kind", "land"))
            geometry = feature.get("geometry") or {}
            if kept is not None and geometry.get("type") in _DEPTHS:
                kept += _lines(geometry["coordinates"], _DEPTHS[geometry["type"]])
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInput(f"the map is no GeoJSON of lines and areas: {error}") from None
    land, borders = found["land"], found["border"]
    return Outlines(land, borders, _boxes(land), _boxes(borders), str(document.get("source") or ""))


def join_stops(stops: Sequence[Stop]) -> list[Stop]:
    """The way as it is drawn: cities that follow each other as one, the short way around the world.

    Longitudes go on beyond 180 degrees where the way crosses that line.
    """
    way: list[Stop] = []
    for stop in stops:
        north, east = round(stop.latitude, _PLACES), round(stop.longitude, _PLACES)
        if way:
            east = round(east + 360 * round((way[-1].longitude - east) / 360), _PLACES)
            if (way[-1].latitude, way[-1].longitude) == (north, east):
                continue
        way.append(Stop(stop.name, north, east))
    return way


def draw_map(way: Sequence[Stop], outlines: Outlines | None, title: str, *, is_there: bool = True) -> Markup:
    """The way over the land.

    Args:
        way: what `join_stops` gives, one or more.
        title: what it shows, in words.
        is_there: the last stop is where the parcel was scanned last.
    """
    frame = _Frame(way)
    parts = [f'<svg class="map" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{escape(title)}</title>']
    if outlines is not None:
        parts.append(f'<path class="map-land" d="{frame.draw(outlines.land, outlines.land_boxes, "Z")}"/>')
        parts.append(f'<path class="map-border" d="{frame.draw(outlines.borders, outlines.border_boxes, "")}"/>')
    places = frame.place(np.array([[stop.longitude, stop.latitude] for stop in way])).round().astype(int)
    parts.append(f'<polyline class="map-way" points="{" ".join(f"{x},{y}" for x, y in places)}"/>')
    last = len(way) - 1
    for place, (stop, (x, y)) in enumerate(zip(way, places, strict=True)):
        now = " is-now" if place == last and is_there else ""
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

    def draw(self, lines: Sequence[Points], boxes: Points, end: str) -> str:
        """Lines as a path: what lies far outside is drawn in towards the picture, and fine detail is left out."""
        edge = np.array([_WIDTH, _HEIGHT])
        drawn = []
        for turn in (-360.0, 0.0, 360.0):
            for line in (lines[place] for place in self._seen(boxes, turn)):
                exact = np.clip(self.place(line + np.array([turn, 0.0])), -edge, 2 * edge)
                placed = (exact / _DETAIL).round().astype(int) * _DETAIL
                placed = _thin(placed)
                if len(placed) > 1:
                    drawn.append("M" + " ".join(f"{x},{y}" for x, y in placed) + end)
        return "".join(drawn)

    def _seen(self, boxes: Points, turn: float) -> list[int]:
        """Which lines come near to the picture, by the boxes around them."""
        move = np.array([turn, 0.0])
        west_south, east_north = self.place(boxes[:, :2] + move), self.place(boxes[:, 2:] + move)
        beside = (east_north[:, 0] <= 0) | (west_south[:, 0] >= _WIDTH)
        beyond = (west_south[:, 1] <= 0) | (east_north[:, 1] >= _HEIGHT)
        return [int(place) for place in np.flatnonzero(~(beside | beyond))]


def _thin(points: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Without points where the one before is, and without those on a straight line between their neighbours."""
    steps = np.abs(np.diff(points, axis=0)).max(axis=1)
    points = points[np.r_[True, steps > 0]]
    if len(points) < 3:
        return points
    one, other = np.diff(points[:-1], axis=0), np.diff(points[1:], axis=0)
    bends = one[:, 0] * other[:, 1] != one[:, 1] * other[:, 0]
    return np.asarray(points[np.r_[True, bends, True]])


def _lines(coordinates: list[Any], depth: int) -> list[Points]:
    """The lines or rings in coordinates."""
    if depth > 0:
        return [line for part in coordinates for line in _lines(part, depth - 1)]
    if not coordinates:
        return []
    line = np.array([point[:2] for point in coordinates], dtype=np.float64)
    if line.ndim != 2 or line.shape[1] != 2 or not np.isfinite(line).all():
        raise ValueError("a point is no longitude and latitude")
    return [line]


def _boxes(lines: Sequence[Points]) -> Points:
    """West, south, east and north of each line."""
    return np.array([[*line.min(axis=0), *line.max(axis=0)] for line in lines]).reshape(-1, 4)
