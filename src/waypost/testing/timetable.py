"""Scans and facilities as one would write them on paper."""

import inspect

import pyarrow as pa

from waypost.model.carriers import find_carrier
from waypost.model.errors import BadInput
from waypost.model.instants import Instant, OffsetSource, TimeFlag, parse_instant, read_in_zone, read_stamps
from waypost.model.places import Facility, FacilityKind, Place
from waypost.model.scans import ScanEvent


def scan(
    number: str,
    code: str,
    when: str,
    *,
    at: str | None = None,
    carrier: str = "yto",
    note: str | None = None,
    corrects: ScanEvent | str | None = None,
    recorded: str | None = None,
) -> ScanEvent:
    """One scan: `scan("YT1", "GOT", "2026-11-20 10:00", at="Hangzhou")`.

    Args:
        number: the waybill number.
        code: the carrier's code, or a unified one.
        when: date and time; without an offset it is local time in the zone of the carrier, flagged as the intake does.
        at: the code of the facility.
        carrier: whose number and code it is.
        note: the carrier's words.
        corrects: the scan, or the id of the one, that this one replaces or withdraws.
        recorded: when the network got it, RFC 3339 with an offset; history does not know that.

    Raises:
        BadInput: a stamp is none, or has no offset where the carrier has no zone either.
    """
    instant, flags = _read_when(when, carrier)
    return ScanEvent(
        carrier=carrier,
        number=number,
        code=code,
        at=instant,
        facility=at,
        note=note,
        corrects=corrects.id if isinstance(corrects, ScanEvent) else corrects,
        time_flags=flags,
        recorded_at_ms=None if recorded is None else parse_instant(recorded).at_ms,
    )


def timetable(text: str) -> list[ScanEvent]:
    """Scans from lines of number, date, time, code and facility; an indented line goes on with the number above.

    ::

        YT1      2026-11-20 10:00  GOT        Hangzhou
                 2026-11-20 22:10  DEPARTURE  Hangzhou
        sto/ST9  2026-11-21 09:00  accepted

    Raises:
        BadInput: a line is none of that kind; says which.
    """
    scans = []
    carrier, number = "yto", ""
    for row, line in enumerate(inspect.cleandoc(text).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if not line[0].isspace():
            *owner, number = words.pop(0).split("/", 1)
            carrier = owner[0] if owner else "yto"
        if len(words) < 3 or not number:
            raise BadInput("needs a number, a date, a time and a code", where=f"line {row}")
        date, time, code, *place = words
        scans.append(scan(number, code, f"{date} {time}", at=" ".join(place) or None, carrier=carrier))
    return scans


def facility(
    code: str,
    area: str = "",
    *,
    city: str | None = None,
    zone: str | None = None,
    carrier: str = "yto",
    kind: FacilityKind = FacilityKind.HUB,
) -> Facility:
    """One facility: `facility("HGH-01", "CN-Zhejiang", city="Hangzhou", zone="Asia/Shanghai")`.

    Args:
        code: the carrier's code of it.
        area: country and region, one end of a lane.
        city: its city; the name of the facility goes by it.
        zone: IANA time zone.
        carrier: whose facility it is.
        kind: what it is for.
    """
    country, _, region = area.partition("-")
    place = Place(city=city, region=region or None, country=country or None, zone=zone)
    name = f"{city} {kind.value}" if city else code
    return Facility(carrier=carrier, code=code, name=name, kind=kind, place=place)


def _read_when(when: str, carrier: str) -> tuple[Instant, TimeFlag]:
    stamps = read_stamps(pa.array([when], pa.string()))
    if stamps.has_offset[0] or stamps.verdict[0]:
        return parse_instant(when), TimeFlag(0)
    known = find_carrier(carrier)
    if known is None or known.zone is None:
        raise BadInput(f"{when!r} has no offset, and {carrier!r} no zone of its own", where="when")
    read = read_in_zone(stamps.at_ms, known.zone)
    return Instant(int(read.at_ms[0]), int(read.offset_min[0]), OffsetSource.CARRIER), TimeFlag(int(read.flags[0]))
