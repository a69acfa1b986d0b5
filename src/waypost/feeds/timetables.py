"""Neutral timetables: CSV or NDJSON with the fields of `FIELDS`, plain or packed; a row for each leg of a service.

Times are those of the clocks at each facility, `22:00`, on a later day `06:10+1` or `30:10`; the zone is that of the
facility in the register, or is named in the row. `days` are weekdays, `12345` for Monday to Friday, from the day
`first` to the day `last`; `added` and `left_out` name further days and exceptions. All days are those on which the
first leg begins. A facility of another carrier is written `carrier/code`.
"""

import datetime as dt
import itertools
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from waypost.feeds.choosing import choose_files
from waypost.feeds.fields import NAME, NOTE, BadFieldError, parse_carrier, parse_field, parse_words, read_words
from waypost.feeds.master import ENDINGS, Row, read_master
from waypost.feeds.tables import Remains
from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput
from waypost.model.instants import get_zone
from waypost.network.feed import Found, Refused
from waypost.network.services import (
    DAY_MIN,
    MOST_CODE,
    MOST_FACILITY,
    Call,
    Days,
    Mode,
    Service,
    Stretch,
    check_service,
)
from waypost.track.feed import FileRefusal

NEEDED = ("carrier", "service", "mode", "origin", "destination", "departs", "arrives", "days", "first", "last")
FIELDS = (
    *NEEDED,
    *("leg", "added", "left_out", "origin_zone", "destination_zone"),
    *("cut_off_min", "capacity_g", "cost_minor", "currency", "co2_g"),
)

#: The zone of a facility of a carrier; None where nothing is known.
FindZone = Callable[[str, str], str | None]

_TIME = re.compile(r"([0-9]{1,3}):([0-9]{2})(?:\+([0-9]{1,2}))?")
#: A row that was refused: of which service it was, or of which file where that cannot be told whole; "" and None for
#: what is not said.
_Suspect = tuple[str, str | None, str | None]


class TimetablesFeed:
    """A `TimetableFeed` of one file or of a folder of files.

    Raises:
        BadInput: nothing there.
    """

    def __init__(self, path: Path, find_zone: FindZone) -> None:
        self._paths = choose_files(path, "timetable", ENDINGS)
        self._find_zone = find_zone

    def read(self) -> Found:
        """See `TimetableFeed.read`."""
        legs: dict[tuple[str, str], list[_Leg]] = {}
        spoilt: set[_Suspect] = set()
        refused: list[Refused] = []
        for batch in read_master(self._paths, NEEDED, FIELDS, lambda row: _read_leg(row, self._find_zone)):
            refused += [refused_of(each) for each in batch.refusals]
            spoilt.update(*(_list_suspects(batch.source, remains) for remains in batch.remains))
            for line, leg in zip(batch.lines, batch.made, strict=True):
                placed = msgspec.structs.replace(leg, file=batch.source, line=line)
                legs.setdefault((leg.carrier, leg.service), []).append(placed)
        services = []
        for key, rows in legs.items():
            try:
                _refuse_spoilt(key, rows, spoilt)
                services.append(_join(rows))
            except BadFieldError as error:
                refused += [refused_of(error.refusal(leg.file, leg.line)) for leg in rows]
        refused.sort(key=lambda each: (each.file, each.line))
        return Found(services=services, refused=refused)


class _Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One row, read; `shared` is what has to be alike in all rows of a service."""

    carrier: str
    service: str
    number: int
    shared: tuple[Mode, Days, str]
    origin: Call
    destination: Call
    stretch: Stretch
    file: str = ""
    line: int = 0


def refused_of(refusal: FileRefusal) -> Refused:
    """What was refused, as timetables report it."""
    return Refused(*msgspec.structs.astuple(refusal))


def parse_mode(text: str | None, field: str = "mode") -> Mode:
    """A mode by its name.

    Raises:
        BadFieldError: there is none of that name.
    """
    mode = parse_words(text, field, NAME)
    if mode not in Mode.__members__.values():
        raise BadFieldError(field, f"is none of {', '.join(Mode)}", mode)
    return Mode(mode)


def _list_suspects(source: str, remains: Remains) -> set[_Suspect]:
    """Of which services a row may be that was refused."""
    carriers: list[str | None] = [*remains.may_say("carrier")]
    codes: list[str | None] = [*remains.may_say("service")]
    if not carriers or not CARRIER_CODE.fullmatch(carriers[0] or ""):
        carriers = [None]
    codes = codes or [None]
    file = source if None in (carriers[0], codes[0]) else ""
    return {(file, carrier, code) for carrier in carriers for code in codes}


def _refuse_spoilt(key: tuple[str, str], legs: list[_Leg], spoilt: set[_Suspect]) -> None:
    """A service of which a row was refused would be half of itself.

    Raises:
        BadFieldError: one was, or may have been.
    """
    carrier, code = key
    if ("", carrier, code) in spoilt:
        raise BadFieldError("service", "another row of this service was refused", code)
    for file in sorted({leg.file for leg in legs}):
        if not spoilt.isdisjoint({(file, carrier, None), (file, None, code), (file, None, None)}):
            raise BadFieldError("service", f"a row of {file} was refused that may be of this service: mend it", code)


def _read_leg(row: Row, find_zone: FindZone) -> _Leg:
    """One leg from a row of texts.

    Raises:
        BadFieldError: a field is missing or wrong.
    """
    carrier = parse_carrier(row.get("carrier"))
    days = Days(
        weekdays=_parse_weekdays(row.get("days")),
        first=_parse_day(parse_words(row.get("first"), "first", NAME), "first"),
        last=_parse_day(parse_words(row.get("last"), "last", NAME), "last"),
        added=_parse_days(row.get("added"), "added"),
        left_out=_parse_days(row.get("left_out"), "left_out"),
    )
    currency = read_words(row.get("currency"), "currency", NAME) or ""
    origin, destination = (_parse_facility(row.get(field), field, carrier) for field in ("origin", "destination"))
    return _Leg(
        carrier=carrier,
        service=parse_words(row.get("service"), "service", MOST_CODE),
        number=_parse_count(row, "leg", 1) or 1,
        shared=(parse_mode(row.get("mode")), days, currency),
        origin=Call(
            facility=origin,
            zone=_choose_zone(row, "origin", origin, find_zone),
            departs_min=_parse_time(row.get("departs"), "departs"),
        ),
        destination=Call(
            facility=destination,
            zone=_choose_zone(row, "destination", destination, find_zone),
            arrives_min=_parse_time(row.get("arrives"), "arrives"),
        ),
        stretch=Stretch(
            cut_off_min=_parse_count(row, "cut_off_min", 0) or 0,
            capacity_g=_parse_count(row, "capacity_g", None),
            cost_minor=_parse_count(row, "cost_minor", 0) or 0,
            co2_g=_parse_count(row, "co2_g", 0) or 0,
        ),
    )


def _join(legs: list[_Leg]) -> Service:
    """The service of its legs.

    Raises:
        BadFieldError: they do not follow one another, or are no service.
    """
    legs = sorted(legs, key=lambda leg: leg.number)
    numbers = [leg.number for leg in legs]
    if numbers != list(range(1, len(legs) + 1)):
        shown = ", ".join(map(str, numbers[:20]))
        raise BadFieldError("leg", f"the legs of a service are 1, 2, 3 ..., each once, not {shown}")
    calls = [legs[0].origin]
    for leg, behind in itertools.pairwise(legs):
        if leg.shared != behind.shared:
            raise BadFieldError("leg", "the legs differ in mode, days or currency")
        if leg.destination.facility != behind.origin.facility or leg.destination.zone != behind.origin.zone:
            raise BadFieldError("origin", f"leg {behind.number} does not begin where leg {leg.number} ends")
        calls.append(msgspec.structs.replace(leg.destination, departs_min=behind.origin.departs_min))
    mode, days, currency = legs[0].shared
    service = Service(
        carrier=legs[0].carrier,
        code=legs[0].service,
        mode=mode,
        days=days,
        calls=(*calls, legs[-1].destination),
        stretches=tuple(leg.stretch for leg in legs),
        currency=currency,
    )
    try:
        return check_service(service)
    except BadInput as error:
        raise BadFieldError("", error.message) from None


def _parse_facility(text: str | None, field: str, carrier: str) -> str:
    words = parse_words(text, field, MOST_FACILITY - len(carrier) - 1)
    owner, slash, code = words.partition("/")
    if not slash:
        return f"{carrier}/{words}"
    if not code or not CARRIER_CODE.fullmatch(owner):
        raise BadFieldError(field, "is no facility: its code, or carrier/code where it is another carrier's", words)
    return words


def _choose_zone(row: Row, field: str, facility: str, find_zone: FindZone) -> str:
    name = f"{field}_zone"
    told = parse_field(lambda text: get_zone(text).key, row.get(name), name)
    carrier, _, code = facility.partition("/")
    zone = told or find_zone(carrier, code)
    if zone is None:
        raise BadFieldError(field, f"has no time zone: register {facility} with one, or name it in {name}", facility)
    return zone


def _parse_time(text: str | None, field: str) -> int:
    words = parse_words(text, field, NAME)
    found = _TIME.fullmatch(words)
    if found is None or int(found[2]) > 59 or (found[3] and int(found[1]) > 23):
        raise BadFieldError(field, "is no time of day: write 22:00, and of the next day 06:10+1 or 30:10", words)
    return int(found[1]) * 60 + int(found[2]) + int(found[3] or 0) * DAY_MIN


def _parse_weekdays(text: str | None) -> tuple[int, ...]:
    words = parse_words(text, "days", NAME)
    if words == "-":
        return ()
    if not re.fullmatch("[1-7]+", words) or len(set(words)) != len(words):
        reason = "are no weekdays: write 12345 for Monday to Friday, - for none but the `added` ones"
        raise BadFieldError("days", reason, words)
    return tuple(sorted(int(digit) for digit in words))


def _parse_days(text: str | None, field: str) -> tuple[dt.date, ...]:
    words = read_words(text, field, NOTE * 20)
    return tuple(sorted({_parse_day(day.strip(), field) for day in words.split(";")})) if words else ()


def _parse_day(text: str, field: str) -> dt.date:
    try:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadFieldError(field, "is no day: write it as 2026-11-22", text) from None


def _parse_count(row: Row, field: str, otherwise: int | None) -> int | None:
    words = read_words(row.get(field), field, NAME)
    if words is None:
        return otherwise
    if not re.fullmatch("[0-9]{1,12}", words):
        raise BadFieldError(field, "is no whole number from 0 on", words)
    return int(words)
