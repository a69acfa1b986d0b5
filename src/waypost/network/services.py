"""Services: what runs again and again, as carriers publish it: trucks, trains, flights and ships."""

import datetime as dt
import itertools
import re
from enum import StrEnum

import msgspec

from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput
from waypost.model.instants import get_zone
from waypost.model.texts import has_control

DAY_MIN = 24 * 60

#: A service runs no longer than this from its first departure to its last arrival, nor begins later in its day.
MOST_MIN = 60 * DAY_MIN
#: Lengths that the tables of `Records` have room for.
MOST_CODE, MOST_FACILITY = 128, 161
MOST_CALLS = 500
#: The zones of so many years are looked at beforehand.
_MOST_YEARS = 10
_CURRENCY = re.compile(r"[A-Z]{3}")


class Mode(StrEnum):
    """By what a service moves."""

    TRUCK = "truck"
    BUS = "bus"
    RAIL = "rail"
    FLIGHT = "flight"
    SHIP = "ship"


class Clock(StrEnum):
    """From where the minutes of a service's day are counted."""

    WALL = "wall"  #: as clocks on the wall show them where it begins
    NOON = "noon"  #: from twelve hours before noon there, as GTFS has it; another only on days when clocks change


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """The days on which a service begins, by the calendar of where it begins.

    Attributes:
        weekdays: 1 for Monday to 7 for Sunday (ISO 8601).
        first, last: the days from which and up to which the weekdays hold.
        added: days on which it runs as well.
        left_out: days on which it does not run, whatever else says so.
    """

    weekdays: tuple[int, ...]
    first: dt.date
    last: dt.date
    added: tuple[dt.date, ...] = ()
    left_out: tuple[dt.date, ...] = ()


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A facility at which a service calls.

    Attributes:
        facility: `carrier/code`.
        zone: the IANA zone of its times.
        arrives_min, departs_min: minutes since the first midnight of the service's day; from 1440 on it is the next,
            below 0 the one before. The first call needs no arrival and the last no departure.
    """

    facility: str
    zone: str
    arrives_min: int | None = None
    departs_min: int | None = None


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """What holds from one call of a service to the next.

    Attributes:
        cut_off_min: so long before it leaves the facility takes nothing more for it.
        capacity_g: what it can carry; None if nobody said.
        cost_minor: what carrying one parcel costs, in minor units of the service's currency.
        co2_g: what carrying one parcel adds to the air.
    """

    cut_off_min: int = 0
    capacity_g: int | None = None
    cost_minor: int = 0
    co2_g: int = 0


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One service of a carrier, under the code that it gives it.

    The first departure is at the time of the clock; from there on it takes as long as it takes on other days. So a
    truck that is on its way when clocks change drives its eight hours, and arrives an hour off by the wall.

    Attributes:
        carrier, code: whose it is, and what it calls it.
        currency: of the costs of its stretches (ISO 4217).
        clock: from where its minutes are counted.
    """

    carrier: str
    code: str
    mode: Mode
    days: Days
    calls: tuple[Call, ...]
    stretches: tuple[Stretch, ...]
    currency: str = ""
    clock: Clock = Clock.WALL

    @property
    def name(self) -> str:
        """Carrier and code, as people know it."""
        return f"{self.carrier}/{self.code}"


def check_service(service: Service) -> Service:
    """The same service, if it can be one by the zones of winter and of summer.

    Raises:
        BadInput: says which part cannot be, and why.
    """
    check_parts(service)
    for here, there in itertools.pairwise(service.calls):
        if here.facility == there.facility:
            raise BadInput(f"it goes from {here.facility} to itself", where=_where(service))
        _check_zones(service, here, there)
    return service


def check_parts(service: Service) -> Service:
    """The same service, if each part of it can be; how the zones lie to one another, which laws change, is not asked.

    Raises:
        BadInput: says which part cannot be, and why.
    """
    where = _where(service)
    if not CARRIER_CODE.fullmatch(service.carrier):
        raise BadInput(f"{service.carrier[:40]!r} is no carrier code: up to 32 of a-z, 0-9, _ and -", where=where)
    if not 0 < len(service.code) <= MOST_CODE or has_control(service.code):
        raise BadInput(f"the code has 1 to {MOST_CODE} characters, none of them a control character", where=where)
    days = service.days
    if days.last < days.first:
        raise BadInput(f"it ends on {days.last}, before it begins on {days.first}", where=where)
    if not set(days.weekdays) <= set(range(1, 8)):
        raise BadInput("a weekday is 1 (Monday) to 7 (Sunday)", where=where)
    if not 2 <= len(service.calls) <= MOST_CALLS or len(service.stretches) != len(service.calls) - 1:
        message = f"it calls at 2 to {MOST_CALLS} facilities, with one stretch between each and the next"
        raise BadInput(message, where=where)
    if service.currency and not _CURRENCY.fullmatch(service.currency):
        raise BadInput(f"{service.currency[:8]!r} is no ISO 4217 currency code", where=where)
    if not service.currency and any(stretch.cost_minor for stretch in service.stretches):
        raise BadInput("its costs need their currency, as CNY", where=where)
    for call in service.calls:
        _check_call(call, where)
    for number, stretch in enumerate(service.stretches):
        _check_stretch(stretch, where)
        _check_times(service, number, where)
    return service


def _where(service: Service) -> str:
    name = f"{service.carrier[:40]}/{service.code[:40]}"
    return f"service {name!r}" if has_control(name) else f"service {name}"


def _check_call(call: Call, where: str) -> None:
    carrier, slash, code = call.facility.partition("/")
    if not (slash and code and CARRIER_CODE.fullmatch(carrier)) or len(call.facility) > MOST_FACILITY:
        raise BadInput(f"{call.facility[:60]!r} is no facility: write carrier/code", where=where)
    if has_control(call.facility):
        raise BadInput(f"the facility has control characters: {call.facility[:60]!r}", where=where)
    try:
        get_zone(call.zone)
    except BadInput as error:
        raise BadInput(error.message, where=where, mend=error.mend) from None


def _check_stretch(stretch: Stretch, where: str) -> None:
    for field in ("cut_off_min", "capacity_g", "cost_minor", "co2_g"):
        value = getattr(stretch, field)
        if value is not None and not 0 <= value <= 1 << 40:
            raise BadInput(f"{field} is {value}: it is 0 or more, and below 2^40", where=where)
    if stretch.cut_off_min > MOST_MIN:
        raise BadInput(f"cut_off_min is {stretch.cut_off_min}: more than {MOST_MIN}", where=where)


def _check_times(service: Service, number: int, where: str) -> None:
    """That a departure has its time, and that nothing leaves before it came."""
    here, there = service.calls[number], service.calls[number + 1]
    way = f"{where}, {here.facility} to {there.facility}"
    if here.departs_min is None or there.arrives_min is None:
        raise BadInput("it lacks the time of departure or of arrival", where=way)
    if not -DAY_MIN < here.departs_min <= MOST_MIN or not -DAY_MIN < there.arrives_min <= MOST_MIN:
        message = f"its times lie from the day before its own to {MOST_MIN // DAY_MIN} days behind it"
        raise BadInput(message, where=way)
    if number and here.arrives_min is not None and here.departs_min < here.arrives_min:
        raise BadInput("it leaves before it has arrived there", where=way)


def _check_zones(service: Service, here: Call, there: Call) -> None:
    """That time passes on the way."""
    assert here.departs_min is not None
    assert there.arrives_min is not None
    for day in _sample_days(service.days):
        noon = dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC)
        offsets = [noon.astimezone(get_zone(call.zone)).utcoffset() or dt.timedelta() for call in (here, there)]
        lasts = there.arrives_min - here.departs_min - (offsets[1] - offsets[0]) // dt.timedelta(minutes=1)
        if lasts < 1:
            way = f"{_where(service)}, {here.facility} to {there.facility}"
            raise BadInput(f"on {day} it takes {lasts} minutes from zone to zone: at least one", where=way)


def _sample_days(days: Days) -> list[dt.date]:
    """Days in each winter and summer in which it may run: zones differ by the season, and laws change them by the year.

    Weeks in which one zone has changed its clocks and another has not are left to the days themselves.
    """
    first, last = min((days.first, *days.added)), max((days.last, *days.added))
    years = range(first.year, min(last.year, first.year + _MOST_YEARS) + 1)
    seasons = [dt.date(year, month, 1) for year in years for month in (1, 7)]
    return [day for day in seasons if first <= day <= last] or [first]
