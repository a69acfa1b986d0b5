"""Open-Meteo as its documentation has it, as far as Waypost asks: strict about what it is asked, weather made up."""

import datetime as dt
import json
from typing import Any

HOURLY = {
    "temperature_2m": "°C",
    "relative_humidity_2m": "%",
    "precipitation": "mm",
    "snowfall": "cm",
    "wind_speed_10m": "m/s",
    "wind_gusts_10m": "m/s",
}
#: The present of the service.
TODAY = dt.date(2026, 11, 23)


def answer(method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
    def sorry(reason: str) -> tuple[int, bytes]:
        return 400, json.dumps({"error": True, "reason": reason}).encode()

    if method != "GET" or body or path not in ("/v1/forecast", "/v1/archive"):
        return 404, json.dumps({"error": True, "reason": "Not Found"}).encode()
    span = {"forecast_days"} if path == "/v1/forecast" else {"start_date", "end_date"}
    needed = {"latitude", "longitude", "hourly", "timezone", "wind_speed_unit"} | span
    if set(query) != needed:
        return sorry(f"Parameters: {sorted(set(query) ^ needed)}")
    if query["timezone"] != "GMT" or query["wind_speed_unit"] != "ms":
        return sorry("Cannot initialize from invalid String value")
    for name in query["hourly"].split(","):
        if name not in HOURLY:
            return sorry(f"Cannot initialize VariableOrDerived from invalid String value {name}")
    where = [[float(each) for each in query[axis].split(",")] for axis in ("latitude", "longitude")]
    if len(where[0]) != len(where[1]) or max(map(abs, where[0])) > 90:
        return sorry("Latitude must be in range of -90 to 90°.")
    if path == "/v1/forecast":
        first, days = TODAY, int(query["forecast_days"])
    else:
        first = dt.date.fromisoformat(query["start_date"])
        days = (dt.date.fromisoformat(query["end_date"]) - first).days + 1
    told = [tell(*position, first, days, query["hourly"].split(",")) for position in zip(*where, strict=True)]
    return 200, json.dumps(told if len(told) > 1 else told[0]).encode()


def tell(latitude: float, longitude: float, first: dt.date, days: int, names: list[str]) -> dict[str, Any]:
    hours = [dt.datetime.combine(first, dt.time()) + dt.timedelta(hours=hour) for hour in range(24 * days)]
    # The grid that it knows is coarser than what it is asked for.
    return {
        "latitude": round(latitude * 10) / 10,
        "longitude": round(longitude * 10) / 10,
        "generationtime_ms": 0.1,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "timezone_abbreviation": "GMT",
        "elevation": 760.0,
        "hourly_units": {"time": "iso8601", **{name: HOURLY[name] for name in names}},
        "hourly": {
            "time": [f"{hour:%Y-%m-%dT%H:%M}" for hour in hours],
            **{name: [20.0 + hour.hour / 10 for hour in hours] for name in names},
        },
    }
