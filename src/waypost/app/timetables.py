"""What the commands of timetables do: services come in, and ways through them are shown."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.table import Table

from waypost.app.console import aside, legible, line, out, results
from waypost.app.records import records_of
from waypost.feeds.gtfs import GtfsFeed
from waypost.feeds.ssim import SsimFeed
from waypost.feeds.timetables import TimetablesFeed, parse_mode
from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import DAY_MS, Instant, format_instant, format_utc, offset_in_zone, parse_instant
from waypost.network.choices import find_choices
from waypost.network.facilities import Facilities
from waypost.network.feed import Found, TimetableFeed
from waypost.network.paths import Leg, Terms, find_earliest, find_latest
from waypost.network.paths import Path as Way
from waypost.network.records import span_days
from waypost.network.services import Service
from waypost.network.shelf import Timetables
from waypost.network.timetable import Timetable

KINDS = {
    "csv": "rows of legs, CSV or NDJSON: docs/reference/timetables.md",
    "gtfs": "GTFS, a folder or a zip archive; --carrier says whose",
    "ssim": "chapter 7 of IATA's SSIM",
}
_MOST_TOLD = 20


def import_timetable(
    kind: str, path: Path, *, carrier: str | None, replace: bool, dry_run: bool, home: Path | None, as_json: bool
) -> int:
    """Keep the services of files; what is refused hinders no other. The exit code: 1 if something was.

    What was refused may be the new row of a service that is kept: then nothing is replaced away.
    """
    with records_of(home, make=True) as (_, records):
        facilities = Facilities(records)
        found = _open_feed(kind, path, carrier, facilities).read()
        carriers = sorted({service.carrier for service in found.services})
        replaced = carriers if replace and not found.refused else []
        if not dry_run:
            # What the register says already was said with more care than a timetable takes.
            known = facilities.find_many((each.carrier, each.code) for each in found.facilities)
            facilities.keep([each for each in found.facilities if (each.carrier, each.code) not in known])
            Timetables(records).keep(found.services, found.dwell_min, replace=replaced)
    if as_json:
        told = {"dry_run": dry_run, "services": len(found.services), "carriers": carriers, "replaced": replaced}
        told |= {"facilities": len(found.facilities), "dwells": len(found.dwell_min)}
        out(told | {"refused": len(found.refused), "refusals": found.refused[:1000]})
    else:
        _tell_found(found, carriers, dry_run=dry_run)
    if replace and found.refused:
        aside.print("Nothing was removed: rows were refused that may be of services kept. Mend them, import again.")
    return 1 if found.refused else 0


def show_services(carrier: str | None, *, home: Path | None, as_json: bool) -> None:
    """Print the services that are kept."""
    with records_of(home) as (_, records):
        services = Timetables(records).list_all(carrier)
    if as_json:
        out([_describe(service) for service in services])
        return
    if not services:
        aside.print("No services are kept: `waypost timetable import`.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("service", "mode", "days", "from", "to", "calls"):
        table.add_column(heading)
    for service in services:
        first, last = span_days(service.days)
        days = "".join(map(str, service.days.weekdays)) or "dates"
        calls = " ".join(_name_call(service, number) for number in range(len(service.calls)))
        table.add_row(*(line(each) for each in (service.name, service.mode, days, str(first), str(last), calls)))
    results().print(table)


def show_departures(facility: str, at: str | None, *, now_ms: int, home: Path | None, as_json: bool) -> None:
    """Print what departs from a facility within a day."""
    begin_ms = now_ms if at is None else _parse(at, "--at").at_ms
    with records_of(home) as (_, records):
        timetable = _open_around(Timetables(records), begin_ms, 1)
    place, each = timetable.place(facility), timetable.connections
    within = (each.departs_ms >= begin_ms) & (each.departs_ms < begin_ms + DAY_MS)
    told = []
    for row in np.flatnonzero((each.origin == place) & within).tolist():
        service = timetable.services[timetable.sections.service[each.section[row]]]
        names = timetable.facilities
        told.append(
            {
                "service": service.name,
                "mode": service.mode.value,
                "closes_at": _clock(service, facility, int(each.closes_ms[row])),
                "departs_at": _clock(service, facility, int(each.departs_ms[row])),
                "to": names[each.destination[row]],
                "arrives_at": _clock(service, names[each.destination[row]], int(each.arrives_ms[row])),
            }
        )
    if as_json:
        out(told)
        return
    for departure in told:
        print(legible("{departs_at}  {service:24} to {to} at {arrives_at}, until {closes_at}".format(**departure)))
    if not told:
        aside.print(f"Nothing departs within a day from {format_utc(begin_ms)}.")


def show_path(
    origin: str,
    destination: str,
    *,
    ready: str | None,
    due: str | None,
    choices_within_h: int | None,
    terms: Terms,
    days: int,
    now_ms: int,
    home: Path | None,
    as_json: bool,
) -> None:
    """Print the path that arrives first and, if asked for, those that cost less; or the one that begins last.

    Raises:
        NotFound: there is none within these days.
    """
    if ready is not None and due is not None:
        raise BadInput("give --ready or --by, not both")
    if due is not None and choices_within_h is not None:
        raise BadInput("choices are found forward: give --ready or --by alone", where="--choices")
    ends = (origin, destination)
    begin_ms = _parse(due, "--by").at_ms - days * DAY_MS if due is not None else now_ms
    begin_ms = begin_ms if ready is None else _parse(ready, "--ready").at_ms
    end_ms = begin_ms + days * DAY_MS
    with records_of(home) as (_, records):
        timetable = _open_around(Timetables(records), begin_ms, days)
    if due is not None:
        found = [find_latest(timetable, *ends, end_ms, terms, begin_ms)]
    elif choices_within_h is not None:
        found = [*find_choices(timetable, *ends, begin_ms, choices_within_h * 3_600_000, terms)]
    else:
        found = [find_earliest(timetable, *ends, begin_ms, terms, end_ms)]
    paths = [path for path in found if path is not None]
    if not paths:
        mend = "More --days may help; `waypost timetable show FACILITY` lists what departs."
        raise NotFound(f"no way from {origin[:80]} to {destination[:80]} by departures of {days} days", mend=mend)
    if as_json:
        told = [{"legs": [_tell_leg(timetable, leg) for leg in path.legs]} for path in paths]
        out(told[0] if choices_within_h is None else {"choices": told})
        return
    for number, path in enumerate(paths):
        if number:
            print()
        _print_path(timetable, path)


def make_terms(carriers: Sequence[str], modes: Sequence[str], weight_g: int) -> Terms:
    """What may be used, as options say it.

    Raises:
        BadInput: there is no such mode.
    """
    return Terms(
        carriers=frozenset(carriers) or None,
        modes=frozenset(parse_mode(mode, "--mode") for mode in modes) or None,
        weight_g=weight_g,
    )


def _open_feed(kind: str, path: Path, carrier: str | None, facilities: Facilities) -> TimetableFeed:
    def find_zone(owner: str, code: str) -> str | None:
        facility = facilities.find(owner, code)
        return None if facility is None else facility.place.zone

    if kind not in KINDS:
        raise BadInput(f"unknown kind of timetable {kind[:40]!r}.", mend=f"Known: {', '.join(KINDS)}.")
    if kind != "gtfs":
        if carrier is not None:
            raise BadInput(f"files of {kind} name their carriers themselves", where="--carrier")
        return TimetablesFeed(path, find_zone) if kind == "csv" else SsimFeed(path)
    if carrier is None or not CARRIER_CODE.fullmatch(carrier):
        raise BadInput(f"{kind} needs the code of its carrier: up to 32 of a-z, 0-9, _ and -", where="--carrier")
    return GtfsFeed(path, carrier)


def _open_around(timetables: Timetables, begin_ms: int, days: int) -> Timetable:
    begin = dt.datetime.fromtimestamp(begin_ms / 1000, tz=dt.UTC).date()
    timetable = timetables.open(begin, begin + dt.timedelta(days=days))
    for each in timetable.left_out[:_MOST_TOLD]:
        aside.print(line(f"Left out: {each}."), soft_wrap=True)
    if len(timetable.left_out) > _MOST_TOLD:
        aside.print(f"... and {len(timetable.left_out) - _MOST_TOLD} more departures left out.")
    return timetable


def _tell_found(found: Found, carriers: Sequence[str], *, dry_run: bool) -> None:
    for refusal in found.refused[:_MOST_TOLD]:
        value = "" if refusal.value is None else f" ({refusal.value})"
        where = f"{refusal.file}:{refusal.line} {refusal.field}".rstrip()
        results().print(line((f"{where}: {refusal.reason}{value}", "red")), soft_wrap=True)
    if len(found.refused) > _MOST_TOLD:
        print(f"... and {len(found.refused) - _MOST_TOLD} more refusals; --json has them")
    what = f"{len(found.services)} services of {', '.join(carriers) or 'nobody'}"
    print(legible(f"{'would keep' if dry_run else 'kept'}: {what}"))


def _describe(service: Service) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(service)
    return told


def _name_call(service: Service, number: int) -> str:
    call = service.calls[number]
    minute = call.arrives_min if number else call.departs_min
    assert minute is not None
    return f"{call.facility} {minute // 60:02}:{minute % 60:02}"


def _print_path(timetable: Timetable, path: Way) -> None:
    legs = [_tell_leg(timetable, leg) for leg in path.legs]
    for leg in legs:
        print(legible("{departs_at}  {origin}  {carrier}/{service} ({mode}), until {closes_at}".format(**leg)))
        print(legible("{arrives_at}  {destination}".format(**leg)))
    if not legs:
        print("it is there already")


def _tell_leg(timetable: Timetable, leg: Leg) -> dict[str, Any]:
    section = timetable.connections.section[leg.boarded]
    service = timetable.services[timetable.sections.service[section]]
    return {
        "carrier": leg.carrier,
        "service": leg.service,
        "mode": leg.mode.value,
        "origin": leg.origin,
        "closes_at": _clock(service, leg.origin, leg.closes_ms),
        "departs_at": _clock(service, leg.origin, leg.departs_ms),
        "destination": leg.destination,
        "arrives_at": _clock(service, leg.destination, leg.arrives_ms),
        "cost_minor": leg.cost.minor,
        "currency": leg.cost.currency,
        "co2_g": leg.co2_g,
    }


def _clock(service: Service, facility: str, at_ms: int) -> str:
    """An instant as clocks show it at a facility at which a service calls."""
    zone = next(call.zone for call in service.calls if call.facility == facility)
    return format_instant(at_ms, offset_in_zone(at_ms, zone))


def _parse(text: str, option: str) -> Instant:
    try:
        return parse_instant(text)
    except BadInput as error:
        raise BadInput(error.message.removeprefix("instant: "), where=option) from None
