"""Road distances of OSRM (`/table/v1`) and Valhalla (`/sources_to_targets`), asked for in blocks that servers take."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from waypost.feeds.asking import Asker, Reply
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, Unreachable
from waypost.network.distances import Distances, Floats, Position, check_positions

#: So many origins and destinations are asked for at once: OSRM takes 100 positions, Valhalla 2,500 pairs, unless told.
_BLOCK = 50

_Ask = Callable[[Floats, Floats], tuple[Any, Any]]


class _OsrmTable(msgspec.Struct):
    code: str
    message: str = ""
    durations: list[list[float | None]] = []
    distances: list[list[float | None]] = []


class _Cell(msgspec.Struct):
    distance: float | None = None
    time: float | None = None


class _ValhallaMatrix(msgspec.Struct):
    sources_to_targets: list[list[_Cell]] = []
    error: str = ""


class OsrmRoads:
    """`RoadDistances` by an OSRM server.

    Args:
        asker: the server.
        profile: of its data; most servers have one and pay no heed to its name.
    """

    def __init__(self, asker: Asker, profile: str = "driving") -> None:
        self._asker, self._profile = asker, profile

    def measure(self, origins: Sequence[Position], destinations: Sequence[Position]) -> Distances:
        """See `RoadDistances.measure`."""
        return _by_blocks(self._asker.name, origins, destinations, self._ask)

    def _ask(self, origins: Floats, destinations: Floats) -> tuple[Any, Any]:
        where = ";".join(f"{longitude:.6f},{latitude:.6f}" for latitude, longitude in [*origins, *destinations])
        numbers = list(map(str, range(len(origins) + len(destinations))))
        ends = f"sources={';'.join(numbers[: len(origins)])}&destinations={';'.join(numbers[len(origins) :])}"
        # Written out, for its lists are divided by semicolons, which clients would encode.
        path = f"/table/v1/{self._profile}/{where}?{ends}&annotations=duration,distance"
        answer = self._asker.get(path, {})
        table = _decode(self._asker.name, answer, _OsrmTable)
        if answer.status != 200 or table.code != "Ok":
            raise BadInput(f"{table.code}: {table.message[:200]}", where=self._asker.name)
        return np.array(table.distances, np.float64) / 1000, np.array(table.durations, np.float64) / 60


class ValhallaRoads:
    """`RoadDistances` by a Valhalla server; a pair that is farther than it takes (400 km, unless told) is refused.

    Args:
        asker: the server.
        costing: `auto`, `truck`, and whatever else it knows.
    """

    def __init__(self, asker: Asker, costing: str = "auto") -> None:
        self._asker, self._costing = asker, costing

    def measure(self, origins: Sequence[Position], destinations: Sequence[Position]) -> Distances:
        """See `RoadDistances.measure`."""
        return _by_blocks(self._asker.name, origins, destinations, self._ask)

    def _ask(self, origins: Floats, destinations: Floats) -> tuple[Any, Any]:
        def places(positions: Floats) -> list[dict[str, float]]:
            return [{"lat": latitude, "lon": longitude} for latitude, longitude in positions.round(6).tolist()]

        question: dict[str, Any] = {
            "sources": places(origins),
            "targets": places(destinations),
            "costing": self._costing,
        }
        question |= {"units": "kilometers", "verbose": True}
        answer = self._asker.post("/sources_to_targets", msgspec.json.encode(question))
        matrix = _decode(self._asker.name, answer, _ValhallaMatrix)
        if answer.status != 200 or matrix.error:
            raise BadInput(matrix.error[:200] or f"it answers {answer.status}.", where=self._asker.name)
        cells = matrix.sources_to_targets
        km = np.array([[cell.distance for cell in row] for row in cells], np.float64)
        return km, np.array([[cell.time for cell in row] for row in cells], np.float64) / 60


def _by_blocks(name: str, origins: Sequence[Position], destinations: Sequence[Position], ask: _Ask) -> Distances:
    starts, ends = check_positions(origins), check_positions(destinations)
    shape = len(starts), len(ends)
    km, minutes = np.full(shape, np.nan), np.full(shape, np.nan)
    for row in range(0, shape[0], _BLOCK):
        for column in range(0, shape[1], _BLOCK):
            place = slice(row, row + _BLOCK), slice(column, column + _BLOCK)
            try:
                found = ask(starts[place[0]], ends[place[1]])
            except ValueError as error:  # rows of different lengths
                raise Unreachable(f"{name}: its answer is no table ({str(error)[:80]}).") from None
            if any(each.shape != km[place].shape for each in found):
                raise Unreachable(f"{name}: its answer has not a distance and a time for each pair.")
            km[place], minutes[place] = found
    by_road = np.isfinite(km) & (km >= 0)
    return Distances(np.where(by_road, km, np.nan), np.where(by_road, minutes, np.nan), by_road)


def _decode(name: str, answer: Reply, kind: type[Any]) -> Any:
    try:
        return decode(answer.body, kind)
    except msgspec.DecodeError:
        raise Unreachable(f"{name}: answers {answer.status}, and not in the way of such a service.") from None
