"""When a parcel arrives, in the words of a page: the window, whether that is late, what it rests on, and why."""

import datetime as dt

import msgspec

from waypost.forecast.reasons import Reason
from waypost.track.views import ParcelView, PlaceView
from waypost.web.arriving import MOST_WRONG, Arriving, Lack, ReasonView
from waypost.web.pages.delays import say_delay
from waypost.web.pages.languages import Language, offset_text

#: Of the reasons so many are told, those that cost the most hours.
_MOST_REASONS = 4
_HOUR = dt.timedelta(hours=1)


class Eta(msgspec.Struct, frozen=True):
    """What a page says.

    Attributes:
        window: `Arrives Thu, 26 Nov, 14:00–18:00 UTC+8`; or that nobody can say, and then there is no more.
        share: how many of ten come in it; "" where it may well be lost.
        late: that it will likely come later than promised; None if not.
        rests: how old what it rests on is.
        reasons: where it lost time, oldest first.
    """

    window: str
    share: str = ""
    late: str | None = None
    rests: str = ""
    reasons: list[str] = []


def say_eta(parcel: ParcelView, arriving: Arriving, language: Language, now_ms: int) -> Eta | None:
    """What is said of a parcel; None where nothing is known, or nothing is to be said any more."""
    if arriving.lack(parcel.carrier, parcel.number) is Lack.SILENT:
        return Eta(language.say("eta_silent"))
    found = arriving.of.get((parcel.carrier, parcel.number))
    if found is None or arriving.basis is None:
        return None
    now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    promised = found.promised_by and dt.datetime.fromisoformat(found.promised_by)
    is_late = found.likely_late and promised and now <= promised  # afterwards the promise itself says so
    scanned, lately = (dt.datetime.fromisoformat(each) for each in (found.scanned_at, arriving.basis.lately_as_of))
    since, until = (dt.datetime.fromisoformat(each) for each in (found.p10_at, found.p90_at))
    costly = sorted(found.reasons, key=lambda each: -each.hours)[:_MOST_REASONS]
    return Eta(
        window=say_window(since, until, language),
        share="" if (found.wrong or 0) >= MOST_WRONG else language.say("eta_share"),
        late=language.say("eta_late") if is_late else None,
        rests=language.say(
            "eta_rests",
            scan=language.ago((now - scanned).total_seconds()),
            lately=language.ago((now - lately).total_seconds()),
        ),
        reasons=[_say_reason(each, language) for each in found.reasons if each in costly],
    )


def say_window(since: dt.datetime, until: dt.datetime, language: Language) -> str:
    """A stretch of time, outwards to whole hours; to whole days where it is longer than one."""
    since, until = since.replace(minute=0, second=0, microsecond=0), _up_to_hour(until)
    if until - since > dt.timedelta(days=1):
        last = until - _HOUR  # what ends at midnight ends on the day before
        return language.say("eta_between", since=language.weekday(since), until=language.weekday(last))
    day, zone = language.weekday(since), offset_text(until)
    if until.date() == since.date():
        return language.say("eta_on", date=day, time=f"{since:%H:%M}–{until:%H:%M} {zone}")
    if until == dt.datetime.combine(until.date(), dt.time(), until.tzinfo):
        return language.say("eta_on", date=day, time=f"{since:%H:%M}–24:00 {zone}")
    ends = (f"{day}, {since:%H:%M}", f"{language.weekday(until)}, {until:%H:%M} {zone}")
    return language.say("eta_between", since=ends[0], until=ends[1])


def _up_to_hour(moment: dt.datetime) -> dt.datetime:
    whole = moment.replace(minute=0, second=0, microsecond=0)
    return whole if whole == moment else whole + _HOUR


def _say_reason(reason: ReasonView, language: Language) -> str:
    at = dt.datetime.fromisoformat(reason.at)
    offset_min = round((at.utcoffset() or dt.timedelta()) / dt.timedelta(minutes=1))
    told = Reason(code=reason.code, hours=reason.hours, facility=None, at_ms=round(at.timestamp() * 1000))
    return say_delay(told, language, _name(reason.place), offset_min)


def _name(place: PlaceView | None) -> str | None:
    """The facility where it is known, and may be; else the city."""
    return None if place is None else place.name or place.city or place.region or place.facility
