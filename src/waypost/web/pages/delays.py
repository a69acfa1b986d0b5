"""Why parcels are late, and where they fell silent together, in the words of a page."""

import datetime as dt

from waypost.forecast.groups import Group, GroupKind
from waypost.forecast.reasons import Reason
from waypost.web.pages.languages import Language

_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S


def say_delay(reason: Reason, language: Language, place: str | None, offset_min: int) -> str:
    """A reason: `Missed the 22:00 cut-off at Campinas: +12 hrs`.

    Args:
        reason: why time was lost.
        language: of the page.
        place: the name of its facility, if it is known.
        offset_min: local minus UTC there and then.
    """
    return language.say(
        f"delay_{reason.code.value}",
        place=place or language.say("delay_somewhere"),
        span=language.lapse(reason.hours * _HOUR_S),
        time=language.time(_local(reason.at_ms / 1000, offset_min)),
    )


def say_group(group: Group, language: Language, place: str, towards: str | None, offset_min: int) -> str:
    """What parcels fell silent together: `12 parcels silent since 22 Nov 2026 03:10 at Campinas; 1.4 expected`.

    Args:
        group: of them, at a hub, on a leg or on a departure: wider ones are told as alerts.
        language: of the page.
        place, towards: the names of its facilities.
        offset_min: local minus UTC at the first, then.
    """
    kind = group.kind.value if group.vehicle is None else "vehicle"
    begun = group.since if group.kind is not GroupKind.DEPARTURE or group.departed is None else group.departed
    return language.say(
        f"silent_{kind}",
        count=group.silent,
        place=place,
        towards=towards or language.say("delay_somewhere"),
        since=language.stamp(_local(begun * _DAY_S, offset_min)),
        expected=language.number(round(group.expected, 1)),
        vehicle=group.vehicle,
    )


def _local(at_s: float, offset_min: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at_s, dt.timezone(dt.timedelta(minutes=offset_min)))
