"""Foul weather that is foretold where parcels go: at facilities, from now until some hours ahead."""

from collections.abc import Callable, Sequence

from waypost.care.alerts.findings import MOST_NAMED, AlertKind, Detector, Finding, judge
from waypost.forecast.arrivals import LikelyCause
from waypost.forecast.lookout import Lookout
from waypost.forecast.reasons import Weather
from waypost.model.instants import format_utc

_HOUR_MS = 3_600_000
#: What was foretold is asked in steps of so long, so that it can be said when it begins.
_STEP_MS = 6 * _HOUR_MS


def watch_weather_ahead(
    find_lookout: Callable[[], Lookout | None],
    open_weather: Callable[[int], Weather | None],
    least: int,
    critical: int,
    hours: float,
) -> Detector:
    """A detector of foul weather ahead.

    Args:
        find_lookout: knows where parcels are and go next; nobody waits for it.
        open_weather: what is asked of the weather from an instant on; None if none is kept.
        least: where fewer go it is no alert.
        critical: so many are critical.
        hours: so far ahead is looked.
    """

    def detect(now_ms: int) -> list[Finding] | None:
        weather = open_weather(now_ms)
        if weather is None:
            return []
        lookout = find_lookout()
        if lookout is None:
            return None
        found = []
        for facility, rows in sorted(lookout.heading.items()):
            if len(rows) * lookout.shares < least:
                continue
            for begin_ms in range(now_ms - now_ms % _STEP_MS, now_ms + round(hours * _HOUR_MS), _STEP_MS):
                code = weather(facility, begin_ms, begin_ms + _STEP_MS)
                if code is not None:
                    numbers = lookout.name(rows[:MOST_NAMED])
                    found.append(_tell(facility, code.value, begin_ms, len(rows) * lookout.shares, numbers, critical))
                    break
        return found

    return detect


def _tell(facility: str, code: str, begin_ms: int, parcels: int, numbers: Sequence[str], critical: int) -> Finding:
    cause = LikelyCause(kind="weather", weight=1.0, facility=facility, weather=code, parcels=parcels)
    return Finding(
        kind=AlertKind.WEATHER_AHEAD,
        subject=f"{facility} {code}",
        severity=judge(parcels, 1, critical),
        carrier=facility.partition("/")[0],
        facility=facility,
        since_ms=begin_ms,
        parcels=parcels,
        numbers=list(numbers),
        causes=[cause],
        words={"weather": code, "from": format_utc(begin_ms)},
    )
