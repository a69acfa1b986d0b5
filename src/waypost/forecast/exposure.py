"""What weather trips are exposed to, as far as it was known when they were ordered.

At the origin and at the destination: rain, gusts and heat that became known within the last days, and those that the
newest forecast foretells for the next ones. A parcel that no place with weather is near to has NaN.
"""

import numpy as np

from waypost.forecast.trips import Floats, Ints, Trips
from waypost.forecast.weather import Stretches, Weather

#: Over how many days weather is summed up, backwards and forwards.
DAYS = (1, 3, 7)

#: With less of a stretch of days seen nothing is said of it.
_LEAST_SEEN = 0.5
#: A forecast that is older says nothing any more.
_STALE_DAYS = 2.0


def expose(trips: Trips, weather: Weather) -> dict[str, Floats]:
    """Columns by name, one value a trip; those of forecasts only where there are any."""
    found: dict[str, Floats] = {}
    for end in ("origin", "destination"):
        where = trips.numbers(f"{end}_latitude"), trips.numbers(f"{end}_longitude")
        for is_forecast, look in ((False, _lately), (True, _soon)):
            places = weather.nearest(*where, is_forecast=is_forecast)
            for place in np.unique(places[places >= 0]).tolist():
                rows = np.flatnonzero(places == place)
                told = look(weather.at(place, is_forecast=is_forecast), trips.ordered[rows])
                for name, values in told.items():
                    found.setdefault(f"{end}_{name}", np.full(len(trips), np.nan))[rows] = values
    return found


def _lately(measured: Stretches, asked: Floats) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for days in DAYS:
        # What was known at the very instant counts, as at the ends of hours and days.
        begins, ends = (np.searchsorted(measured.known, asked - back, "right") for back in (days, 0))
        found |= {f"{name}_last_{days}": values for name, values in _sum_up(measured, begins, ends, days).items()}
    return found


def _soon(foretold: Stretches, asked: Floats) -> dict[str, Floats]:
    """By the newest forecast that had been issued; of one forecast all rows were known at the same instant."""
    issues, firsts = np.unique(foretold.known, return_index=True)
    bounds = np.r_[firsts, len(foretold.known)]
    newest = np.searchsorted(issues, asked, "right") - 1
    fresh = (newest >= 0) & (asked - issues[newest] <= _STALE_DAYS)
    found = {
        f"{name}_next_{days}": np.full(len(asked), np.nan)
        for days in DAYS
        for name in ("rain_mm", "gust_mps", "heat_c")
    }
    for issue in np.unique(newest[fresh]).tolist():
        rows = np.flatnonzero(fresh & (newest == issue))
        part = slice(bounds[issue], bounds[issue + 1])
        values = {name: each[part] for name, each in foretold.values.items()}
        told = Stretches(foretold.begins[part], foretold.ends[part], foretold.known[part], values)
        for days in DAYS:
            begins, ends = (np.searchsorted(told.begins, asked[rows] + ahead, "left") for ahead in (0, days))
            for name, each in _sum_up(told, begins, ends, days).items():
                found[f"{name}_next_{days}"][rows] = each
    return found


def _sum_up(stretches: Stretches, begins: Ints, ends: Ints, days: float) -> dict[str, Floats]:
    """Rain of some days, as if what was not seen had been as what was, and the most of gusts and temperatures."""
    lengths = stretches.ends - stretches.begins
    heat = np.fmax(stretches.values["temperature_max_c"], stretches.values["temperature_c"])

    def over(values: Floats) -> Floats:
        sums = np.r_[0.0, np.cumsum(values)]
        return np.asarray(sums[ends] - sums[begins])

    def seen_of(values: Floats) -> Floats:
        return over(np.where(np.isnan(values), 0.0, lengths)) / days

    def most(values: Floats) -> Floats:
        # One more for `reduceat`, which takes no index behind the last; of pairs (begin, end) every other counts.
        pairs = np.column_stack([begins, ends]).reshape(-1)
        tops = np.fmax.reduceat(np.r_[values, np.nan], pairs)[::2] if len(pairs) else np.empty(0)
        return np.where((ends > begins) & (seen_of(values) >= _LEAST_SEEN), tops, np.nan)

    rain = stretches.values["rain_mm"]
    seen = seen_of(rain)
    enough = seen >= _LEAST_SEEN
    rain_mm = np.divide(over(np.nan_to_num(rain)), seen, out=np.full(len(seen), np.nan), where=enough)
    return {"rain_mm": rain_mm, "gust_mps": most(stretches.values["gust_mps"]), "heat_c": most(heat)}
