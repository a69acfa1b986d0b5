"""SSIM: the schedules of airlines, as IATA's Standard Schedules Information Manual has them in chapter 7.

Read are the legs (record type 3) by the times of the aircraft, and from the carrier's record (type 2) whether times are
local or UTC. A flight with one itinerary variation becomes a service of the airline; airports are facilities of `iata`,
so that all airlines meet in them. Times are kept in UTC, as the file says how far each is from it.
"""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from waypost.feeds.choosing import choose_files
from waypost.feeds.fields import BadFieldError
from waypost.feeds.lines import LINES, read_blocks
from waypost.feeds.stream import ByteStream, Meter
from waypost.feeds.timetables import refused_of
from waypost.model.errors import BadInput
from waypost.model.instants import LATEST_MS
from waypost.network.feed import Found, Refused
from waypost.network.services import DAY_MIN, Call, Days, Mode, Service, Stretch, check_service

_LENGTH = 200
#: The first characters of records that are passed over: headers, segments, the end, and zeros between.
_OTHERS = "0145"
#: How a leg begins: suffix, airline, number, itinerary variation; and what stands behind that.
_FLIGHT, _BEHIND = re.compile("3[A-Z ][A-Z0-9]{2}[A-Z0-9 ][0-9 ]{4}[0-9]{2}"), re.compile("[0-9]{2}[A-Z]")
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
#: What stands for the end of a period that has none, and what is kept for it.
_NO_END = "00XXX00"
_LAST = dt.datetime.fromtimestamp(LATEST_MS // 1000, tz=dt.UTC).date()
#: A day before the flight's own is written A, the days behind it as digits, the flight's own day also as a blank.
_VARIATIONS = {" ": 0, "A": -1} | {str(days): days for days in range(8)}


class SsimFeed:
    """A `TimetableFeed` of one file or of a folder of files.

    Raises:
        BadInput: nothing there.
    """

    def __init__(self, path: Path) -> None:
        self._paths = choose_files(path, "ssim", (".ssim", ".txt", ".dat"))

    def read(self) -> Found:
        """See `TimetableFeed.read`; a file without a single flight is of another layout."""
        legs: dict[tuple[str, str], list[_Leg]] = {}
        spoilt: set[tuple[str, str]] = set()
        refused: list[Refused] = []
        for name, line, text, is_utc in self._records(refused, spoilt):
            key = text[2:5].strip().lower(), _code(text)
            try:
                leg = _read_leg(text, name, line, is_utc=is_utc)
            except BadFieldError as error:
                spoilt.add(_whose(text, name))
                refused.append(refused_of(error.refusal(name, line)))
            else:
                legs.setdefault(key, []).append(leg)
        if not legs and not refused:
            raise BadInput("holds no flight: no record of type 3", where=self._paths[0].name)
        services = []
        for (carrier, code), found in legs.items():
            try:
                _refuse_spoilt(code, found, spoilt)
                services.append(_join(carrier, code, found))
            except BadFieldError as error:
                refused += [refused_of(error.refusal(leg.file, leg.line)) for leg in found]
        refused.sort(key=lambda each: (each.file, each.line))
        return Found(services=services, refused=refused)

    def _records(self, refused: list[Refused], spoilt: set[tuple[str, str]]) -> Iterator[tuple[str, int, str, bool]]:
        """The legs: file, line, text, and whether their times are UTC already."""
        meter = Meter(self._paths)
        for path in self._paths:
            is_utc = False
            with ByteStream(path, meter) as stream:
                for block in read_blocks(stream, LINES):
                    refused += [refused_of(each) for each in block.refusals]
                    spoilt |= {(stream.name, "") for _ in block.refusals}
                    for line, record in enumerate(block.data.split(b"\n"), block.line):
                        text = record.decode("ascii", "replace").rstrip("\r")
                        if text.startswith("2"):
                            is_utc = text[1:2] == "U"
                        elif text.startswith("3"):
                            yield stream.name, line, text, is_utc
                        elif text.strip() and text[0] not in _OTHERS:
                            spoilt.add((stream.name, ""))
                            error = BadFieldError("record", "is of none of the types 1 to 5", text[:40])
                            refused.append(refused_of(error.refusal(stream.name, line)))


class _Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One record, read; minutes are UTC."""

    file: str
    line: int
    sequence: int
    days: Days
    origin: str
    destination: str
    departs_min: int
    arrives_min: int


def _read_leg(text: str, file: str, line: int, *, is_utc: bool) -> _Leg:
    """One leg from a record of 200 characters.

    Raises:
        BadFieldError: it is no such record, or a field is wrong.
    """
    if len(text) != _LENGTH:
        raise BadFieldError("record", f"has {len(text)} characters, not {_LENGTH}")
    sequence = text[11:13]
    if not sequence.isdigit():
        raise BadFieldError("leg sequence number", "is no number", sequence)
    times = (("STD", text[43:47], text[47:52], text[192]), ("STA", text[57:61], text[65:70], text[193]))
    departs, arrives = (_parse_time(*each, is_utc=is_utc) for each in times)
    return _Leg(
        file=file,
        line=line,
        sequence=int(sequence),
        days=_parse_days(text[14:21], text[21:28], text[28:35], text[35]),
        origin=_parse_airport("departure station", text[36:39]),
        destination=_parse_airport("arrival station", text[54:57]),
        departs_min=departs,
        arrives_min=arrives,
    )


def _join(carrier: str, code: str, legs: list[_Leg]) -> Service:
    """The service of its legs.

    Raises:
        BadFieldError: they do not follow one another, or are no service.
    """
    legs = sorted(legs, key=lambda leg: leg.sequence)
    calls = [Call(facility=legs[0].origin, zone="UTC", departs_min=legs[0].departs_min)]
    for number, leg in enumerate(legs):
        behind = legs[number + 1] if number + 1 < len(legs) else None
        if behind is not None and (behind.origin != leg.destination or behind.sequence != leg.sequence + 1):
            raise BadFieldError("leg", f"leg {behind.sequence} does not go on from leg {leg.sequence}")
        if leg.days != legs[0].days:
            raise BadFieldError("leg", "the legs of a flight have one period and one set of days")
        leaves = None if behind is None else behind.departs_min
        calls.append(Call(facility=leg.destination, zone="UTC", arrives_min=leg.arrives_min, departs_min=leaves))
    service = Service(
        carrier=carrier,
        code=code,
        mode=Mode.FLIGHT,
        days=legs[0].days,
        calls=tuple(calls),
        stretches=(Stretch(),) * len(legs),
    )
    try:
        return check_service(service)
    except BadInput as error:
        raise BadFieldError("", error.message) from None


def _whose(text: str, file: str) -> tuple[str, str]:
    """What a leg that is refused may be of: file and code, where "" is any.

    Where characters are missing or too many the last digit of the variation, which stands far behind, may be another.
    """
    if not _FLIGHT.match(text):
        return file, ""
    if len(text) == _LENGTH:
        return "", _code(text)
    return ("", _code(text).partition(".")[0]) if _BEHIND.match(text, 11) else (file, "")


def _refuse_spoilt(code: str, legs: list[_Leg], spoilt: set[tuple[str, str]]) -> None:
    """A flight of which a leg was refused would be half of itself.

    Raises:
        BadFieldError: one was, or may have been.
    """
    if not spoilt.isdisjoint({("", code), ("", code.partition(".")[0])}):
        raise BadFieldError("leg", "another leg of this flight was refused", code)
    for file in sorted({leg.file for leg in legs}):
        if (file, "") in spoilt:
            raise BadFieldError("leg", f"a record of {file} was refused that may be of this flight: mend it", code)


def _code(text: str) -> str:
    """Airline, number and suffix, and behind a dot the itinerary variation: `LH400.1`."""
    flight = f"{text[2:5].strip()}{text[5:9].strip()}{text[1:2].strip()}"
    variation = f"{text[127:128].strip()}{text[9:11].strip()}".lstrip("0")
    return f"{flight}.{variation or '0'}"


def _parse_time(field: str, clock: str, variation: str, days: str, *, is_utc: bool) -> int:
    """Minutes since midnight UTC of the day of the flight."""
    if not re.fullmatch("([01][0-9]|2[0-3])[0-5][0-9]|2400", clock):
        raise BadFieldError(field, "is no time of day as 0805", clock)
    if not re.fullmatch("[+-][0-9]{2}[0-5][0-9]", variation):
        raise BadFieldError(f"UTC variation of {field}", "is not written as +0800", variation)
    if days not in _VARIATIONS:
        raise BadFieldError(f"date variation of {field}", "is none of A, 0 to 7 or a blank", days)
    minutes = int(clock[:2]) * 60 + int(clock[2:]) + _VARIATIONS[days] * DAY_MIN
    offset = int(variation[1:3]) * 60 + int(variation[3:])
    return minutes if is_utc else minutes - (offset if variation[0] == "+" else -offset)


def _parse_days(first: str, last: str, weekdays: str, rate: str) -> Days:
    begin = _parse_day("period from", first)
    end = _LAST if last == _NO_END else _parse_day("period to", last)
    if not re.fullmatch("[1-7 ]{7}", weekdays):
        raise BadFieldError("days of operation", "are no weekdays as 12 45 7", weekdays)
    days = tuple(sorted({int(digit) for digit in weekdays.replace(" ", "")}))
    if rate in (" ", "1"):
        return Days(weekdays=days, first=begin, last=end)
    if rate != "2":
        raise BadFieldError("frequency rate", "is neither a blank nor 2, every other week", rate)
    if last == _NO_END:
        raise BadFieldError("period to", "is needed where a flight runs every other week", last)
    span = (begin + dt.timedelta(days=number) for number in range((end - begin).days + 1))
    dates = tuple(day for day in span if day.isoweekday() in days and (day - begin).days // 7 % 2 == 0)
    return Days(weekdays=(), first=begin, last=end, added=dates)


def _parse_day(field: str, text: str) -> dt.date:
    try:
        return dt.date(2000 + int(text[5:7]), _MONTHS.index(text[2:5]) + 1, int(text[:2]))
    except ValueError:
        raise BadFieldError(field, "is no day as 22NOV26", text) from None


def _parse_airport(field: str, text: str) -> str:
    if not re.fullmatch("[A-Z0-9]{3}", text):
        raise BadFieldError(field, "is no code of an airport: three letters", text)
    return f"iata/{text}"
