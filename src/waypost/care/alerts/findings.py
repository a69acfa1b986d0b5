"""What is found: trouble at an instant, and the causes that explain it. A finding becomes an alert in the book."""

from collections.abc import Callable
from enum import IntEnum, StrEnum

import msgspec

from waypost.forecast.arrivals import LikelyCause

#: Of the parcels that one hits so many are named.
MOST_NAMED = 5_000


class AlertKind(StrEnum):
    """What is wrong."""

    HUB_OVERLOAD = "hub_overload"  #: a hub has more than it can take
    LANE_SLOW = "lane_slow"  #: a lane takes much longer than usual
    SILENCE = "silence"  #: parcels fell silent together, or took much longer than expected
    WEATHER_AHEAD = "weather_ahead"  #: foul weather is foretold where parcels go
    UNKNOWN_CODES = "unknown_codes"  #: a carrier sends a code that no table knows


class Severity(IntEnum):
    """How much it matters; a greater one is worse."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Trouble at an instant.

    Attributes:
        kind: what is wrong.
        subject: what it is about, the same whenever it is found again.
        severity: how much it matters.
        carrier, facility, towards: where; the facilities as carrier/code.
        since_ms: since when, or from when on, it is so.
        parcels: how many it hits.
        numbers: of these some or all, as carrier/number.
        causes: that explain it, the likeliest first.
        figures: what it was told by, by name.
        words: the same in words, such as a code.
    """

    kind: AlertKind
    subject: str
    severity: Severity
    carrier: str | None = None
    facility: str | None = None
    towards: str | None = None
    since_ms: int
    parcels: int
    numbers: list[str] = []
    causes: list[LikelyCause] = []
    figures: dict[str, float] = {}
    words: dict[str, str] = {}


#: Looks at the network at an instant; None if it cannot say just now, so that what it found before stays.
Detector = Callable[[int], list[Finding] | None]


def judge(parcels: int, warning: int, critical: int) -> Severity:
    """How much something matters that hits so many parcels."""
    if parcels >= critical:
        return Severity.CRITICAL
    return Severity.WARNING if parcels >= warning else Severity.INFO
