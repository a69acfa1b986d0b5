"""When it arrives: by the carrier's table of days, until promises are learned."""

from datetime import date, datetime, timedelta

import msgspec

from waypost.booking.rating.cards import Handover, Transit

#: So far ahead a day is looked for on which a carrier works.
_MOST_DAYS = 60


class Window(msgspec.Struct, frozen=True):
    """Days of arrival, and on which it leaves the sender."""

    leaves: date
    earliest: date
    usual: date
    latest: date


def find_window(handover: Handover, transit: Transit, day: date, now: datetime) -> Window | None:
    """When what is handed over on a day arrives; None if the carrier takes nothing for months.

    Args:
        day: on which the sender means to hand it over.
        now: on the carrier's clock; after its cut-off, today is tomorrow.
    """
    is_late = handover.cut_off is not None and day == now.date() and now.time() > handover.cut_off
    leaves = _working(handover, day + timedelta(days=1) if is_late else day, 0)
    if leaves is None:
        return None
    ends = [_working(handover, leaves, days) for days in (transit.least, transit.usual, transit.most)]
    earliest, usual, latest = ends
    if earliest is None or usual is None or latest is None:
        return None
    return Window(leaves, earliest, usual, latest)


def _working(handover: Handover, day: date, further: int) -> date | None:
    """The day on which a carrier has worked so many days more; the first that it works at all for 0."""
    rest = 0
    while True:
        if day.isoweekday() in handover.weekdays and day not in handover.closed:
            if not further:
                return day
            further, rest = further - 1, 0
        else:
            rest += 1
            if rest > _MOST_DAYS:
                return None
        day += timedelta(days=1)
