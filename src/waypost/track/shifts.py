"""Whether a carrier's stamps are off by a time zone, told from how long its scans take to arrive.

Who sends local time as UTC, or the other way round, is off by an offset that some zone has. The scans that come soonest
show it: as a rule they come right after they happened, so their delay is near nothing. Where it is far below, they
were stamped ahead; where delays begin, sharply, at such an offset, they were stamped behind.
"""

from typing import Literal

import msgspec

#: Fewer live scans say nothing.
FEWEST_SCANS = 20

#: The offsets of zones that are no whole hours, in minutes, whichever the sign.
_BROKEN = (210, 270, 330, 345, 390, 525, 570, 630, 765)
_OFFSETS_MIN = sorted([*range(60, 15 * 60, 60), *_BROKEN])

#: How far clocks and rounded stamps may lead a delay below what it was, and how soon the soonest scans come. Minutes.
_SLACK_MIN, _SOON_MIN = 2, 12

#: Between the soonest scans and the first quarter there is no more than this if all of them come soon. Minutes.
_SHARP_MIN = 20

#: Stamps ahead by less are a clock that is wrong, not a zone. Minutes.
_LEAST_MIN = 30

Verdict = Literal["none", "ahead", "behind", "too_few"]


class Shift(msgspec.Struct, frozen=True):
    """By how much stamps seem to be off.

    Attributes:
        verdict: none; ahead of or behind the time at which it happened; or too few scans to say.
        minutes: by how many: stamped ahead is greater than 0; None unless the verdict is ahead or behind.
        scans: how many it rests on.
    """

    verdict: Verdict
    minutes: int | None
    scans: int


def find_shift(scans: int, p05_s: int | None, p25_s: int | None) -> Shift:
    """What the delays of live scans say.

    Args:
        scans: how many there are.
        p05_s, p25_s: the delay of the soonest twentieth and of the first quarter, in seconds.
    """
    if scans < FEWEST_SCANS or p05_s is None or p25_s is None:
        return Shift("too_few", None, scans)
    soonest_min, sharp = p05_s / 60, p25_s - p05_s <= _SHARP_MIN * 60
    if soonest_min <= -_LEAST_MIN:  # nothing arrives before it happens, so the offset is no less than that
        ahead = next((each for each in _OFFSETS_MIN if each >= -soonest_min - _SLACK_MIN), _OFFSETS_MIN[-1])
        return Shift("ahead", ahead, scans)
    behind = max((each for each in _OFFSETS_MIN if each <= soonest_min + _SLACK_MIN), default=0)
    if behind and sharp and soonest_min - behind <= _SOON_MIN:
        return Shift("behind", -behind, scans)
    return Shift("none", None, scans)
