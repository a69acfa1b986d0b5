"""Foul weather: whether it was such at a facility while a parcel lost time there that people would name it.

What was measured near by counts, or what had been foretold where nobody measures. The limits are about those at which
weather services warn; weather that is merely bad explains nothing.
"""

import functools
from collections.abc import Callable

import numpy as np

from waypost.forecast.reasons import ReasonCode
from waypost.forecast.trips import Ints
from waypost.forecast.weather import Stretches, Weather
from waypost.model.instants import DAY_MS
from waypost.network.facilities import Facilities

#: Storms and showers are narrow.
_NEAR_KM = 50.0
#: What begins later while a parcel waits is not why it began to wait.
_MOST_DAYS = 2.0

#: Storm (Beaufort 10) in gusts, gale (8) in the mean, metres a second.
_GUST_MPS, _WIND_MPS = 24.5, 17.2
#: Of a day.
_SNOW_MM, _RAIN_MM = 100.0, 80.0
_HEAT_C = 40.0


def blame_weather(
    weather: Weather, facilities: Facilities, now_ms: int
) -> Callable[[str, int, int], ReasonCode | None]:
    """What `reasons.find_reasons` asks of the weather, as it is known at an instant."""

    @functools.cache  # of thousands of parcels most waited at the same facilities
    def look(facility: str) -> list[Stretches]:
        """What was measured near by, and what was foretold, where there is any."""
        carrier, _, code = facility.partition("/")
        register = facilities.find(carrier, code)
        if register is None or register.place.latitude is None or register.place.longitude is None:
            return []
        where = np.array([register.place.latitude]), np.array([register.place.longitude])
        found = []
        for is_forecast in (False, True):
            [place] = weather.nearest(*where, _NEAR_KM, is_forecast=is_forecast).tolist()
            if place >= 0:
                found.append(read(place, is_forecast))
        return found

    @functools.cache
    def read(place: int, is_forecast: bool) -> Stretches:
        return weather.at(place, is_forecast=is_forecast)

    def ask(facility: str, since_ms: int, until_ms: int) -> ReasonCode | None:
        since = since_ms / DAY_MS
        stretch = since, min(until_ms / DAY_MS, since + _MOST_DAYS), now_ms / DAY_MS
        for stretches in look(facility):
            if len(rows := _find_rows(stretches, *stretch)):
                return _judge(stretches, rows)
        return None

    return ask


def _find_rows(stretches: Stretches, since: float, until: float, now: float) -> Ints:
    """Those that lasted at some time between two instants and were known by a third."""
    rows = np.flatnonzero((stretches.begins < until) & (stretches.ends > since) & (stretches.known <= now))
    # of a stretch that was foretold several times the last word counts; rows are in the order of being known
    _, last = np.unique(stretches.begins[rows][::-1], return_index=True)
    return rows[::-1][last].astype(np.int64)


def _judge(stretches: Stretches, rows: Ints) -> ReasonCode | None:
    """What people would name the weather of some stretches, at least one."""
    values = {name: each[rows] for name, each in stretches.values.items()}
    days = max(1.0, float((stretches.ends - stretches.begins)[rows].sum()))

    def most(name: str) -> float:
        return float(np.nan_to_num(values[name], nan=-np.inf).max())

    def a_day(name: str) -> float:
        return float(np.nansum(values[name])) / days

    if most("gust_mps") >= _GUST_MPS or most("wind_mps") >= _WIND_MPS:
        return ReasonCode.STORM
    if a_day("snow_mm") >= _SNOW_MM:
        return ReasonCode.SNOW
    if a_day("rain_mm") >= _RAIN_MM:
        return ReasonCode.FLOOD
    if max(most("temperature_max_c"), most("temperature_c")) >= _HEAT_C:
        return ReasonCode.HEAT
    return None
