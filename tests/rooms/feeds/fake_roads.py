"""OSRM and Valhalla as their documentation has them, as far as Waypost asks; a kilometre a degree, a minute each."""

import json
import re
from typing import Any

#: Nobody drives from or to the south of that.
NO_WAY = -80.0


def osrm(method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
    def sorry(code: str, message: str) -> tuple[int, bytes]:
        return 400, json.dumps({"code": code, "message": message}).encode()

    found = re.fullmatch(r"/table/v1/(\w+)/([-\d.,;]+)", path)
    if method != "GET" or body or found is None:
        return sorry("InvalidUrl", "URL string malformed")
    places = [tuple(map(float, each.split(","))) for each in found[2].split(";")]
    if any(abs(longitude) > 180 or abs(latitude) > 90 for longitude, latitude in places):
        return sorry("InvalidValue", "Invalid coordinate value.")
    if len(places) > 100:
        return sorry("TooBig", "Too many table coordinates")
    if set(query) != {"sources", "destinations", "annotations"} or query["annotations"] != "duration,distance":
        return sorry("InvalidQuery", "Query string malformed")
    ends = [[places[int(number)] for number in query[name].split(";")] for name in ("sources", "destinations")]
    km = [[_km(start[::-1], end[::-1]) for end in ends[1]] for start in ends[0]]
    told = {"distances": 1000, "durations": 60}
    table = {
        name: [[None if each is None else times * each for each in row] for row in km] for name, times in told.items()
    }
    return 200, json.dumps({"code": "Ok", **table, "sources": [], "destinations": []}).encode()


def valhalla(method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
    def sorry(code: int, error: str) -> tuple[int, bytes]:
        told = {"error_code": code, "error": error, "status_code": 400, "status": "Bad Request"}
        return 400, json.dumps(told).encode()

    if method != "POST" or path != "/sources_to_targets" or query:
        return sorry(106, "Try any of: '/sources_to_targets'")
    asked = json.loads(body)
    if set(asked) != {"sources", "targets", "costing", "units", "verbose"} or asked["verbose"] is not True:
        return sorry(124, "No edge/node costing provided")
    if asked["costing"] not in ("auto", "truck") or asked["units"] != "kilometers":
        return sorry(125, f"No costing method found for '{asked['costing']}'")
    if len(asked["sources"]) * len(asked["targets"]) > 2500:
        return sorry(150, "Exceeded max locations: 2500.")
    rows: list[list[dict[str, Any]]] = []
    for row, start in enumerate(asked["sources"]):
        rows.append([])
        for column, end in enumerate(asked["targets"]):
            km = _km((start["lat"], start["lon"]), (end["lat"], end["lon"]))
            cell = {"distance": km, "time": None if km is None else 60 * km}
            rows[-1].append({**cell, "from_index": row, "to_index": column})
    return 200, json.dumps({"sources_to_targets": rows, "units": "kilometers"}).encode()


def _km(start: tuple[float, ...], end: tuple[float, ...]) -> float | None:
    if min(start[0], end[0]) < NO_WAY:
        return None
    return abs(start[0] - end[0]) + abs(start[1] - end[1])
