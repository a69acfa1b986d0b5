"""What the commands of timetables do: services come in, and ways through them are shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.table import Table

from waypost.app.console import aside, legible, line, out, results, tell_refusals
from waypost.app.records import records_of
from waypost.app.settings import read_settings
from waypost.engines.local.formats import read_formats
from waypost.feeds.gtfs import GtfsFeed
from waypost.feeds.ssim import SsimFeed
from waypost.feeds.timetables import FindZone, TimetablesFeed, parse_mode
from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS, Instant, format_instant, format_utc, offset_in_zone, parse_instant
from waypost.network.change_book import ChangeBook
from waypost.network.facilities import Facilities
from waypost.network.feed import Found, TimetableFeed
from waypost.network.paths import Terms
from waypost.network.records import span_days
from waypost.network.services import Service
from waypost.network.shelf import Timetables
from waypost.network.timetable import Timetable
from waypost.network.ways import Asked, LegView, Ways, view_leg
from waypost.store.protocols import Records

KINDS = {
    "csv": "rows of legs, CSV or NDJSON: docs/reference/timetables.md",
    "gtfs": "GTFS, a folder or a zip archive; --carrier says whose",
    "ssim": "chapter 7 of IATA's SSIM",
}
_MOST_TOLD = 20


def import_timetable(
    kind: str,
    path: Path,
    *,
    carrier: str | None,
    replace: bool,
    despite_refusals: bool,
    dry_run: bool,
    home: Path | None,
    as_json: bool,
) -> int:
    """Keep the services of files; what is refused hinders no other. The exit code: 1 if something was.

    What was refused may be the new row of a service that is kept: then nothing is replaced away, unless that is asked
    for. The files are looked for before a home is made.
    """
    register: list[Facilities] = []

    def find_zone(owner: str, code: str) -> str | None:
        facility = register[0].find(owner, code) if register else None
        return None if facility is None else facility.place.zone

    feed = _open_feed(kind, path, carrier, find_zone)
    replaced: list[str] = []
    if dry_run and not read_formats(read_settings(home=home).home):
        found = feed.read()
    else:
        with records_of(home, make=not dry_run) as (_, records):
            register.append(Facilities(records))
            found = feed.read()
            if not dry_run:
                # What the register says already was said with more care than a timetable takes.
                known = register[0].find_many((each.carrier, each.code) for each in found.facilities)
                register[0].keep([each for each in found.facilities if (each.carrier, each.code) not in known])
                if replace and (despite_refusals or not found.refused):
                    replaced = _carriers_of(found)
                Timetables(records).keep(found.services, found.dwell_min, replace=replaced)
    carriers = _carriers_of(found)
    stays = replace and found.refused and not despite_refusals
    if dry_run and replace and not stays:
        replaced = carriers
    if as_json:
        told = {"dry_run": dry_run, "services": len(found.services), "carriers": carriers, "replaced": replaced}
        told |= {"facilities": len(found.facilities), "dwells": len(found.dwell_min)}
        out(told | {"refused": len(found.refused), "refusals": found.refused[:1000]})
    else:
        _tell_found(found, carriers, dry_run=dry_run)
    if stays:
        aside.print(
            "Nothing was removed: rows were refused that may be of services kept. Mend them, import again; or say "
            "--despite-refusals."
        )
    return 1 if found.refused else 0


def _carriers_of(found: Found) -> list[str]:
    return sorted({service.carrier for service in found.services})


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
        timetable, misfits = ways_of(records).open_around(begin_ms, 1, now_ms)
    _tell_left_out(timetable, misfits)
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
    asked = Asked(
        origin=origin,
        destination=destination,
        ready_ms=None if ready is None else _parse(ready, "--ready").at_ms,
        due_ms=None if due is None else _parse(due, "--by").at_ms,
        choices_within_h=choices_within_h,
        days=days,
        terms=terms,
    )
    with records_of(home) as (_, records):
        found = ways_of(records).find(asked, now_ms)
    _tell_left_out(found.timetable, found.misfits)
    paths = [[view_leg(found.timetable, leg) for leg in path.legs] for path in found.paths]
    if as_json:
        told = [{"legs": legs} for legs in paths]
        out(told[0] if choices_within_h is None else {"choices": told})
        return
    for number, path in enumerate(paths):
        if number:
            print()
        _print_path(path)


def ways_of(records: Records) -> Ways:
    """Ways through the timetables that are kept."""
    return Ways(Timetables(records).open, ChangeBook(records))


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


def _open_feed(kind: str, path: Path, carrier: str | None, find_zone: FindZone) -> TimetableFeed:
    if kind not in KINDS:
        raise BadInput(f"unknown kind of timetable {kind[:40]!r}.", mend=f"Known: {', '.join(KINDS)}.")
    if kind != "gtfs":
        if carrier is not None:
            raise BadInput(f"files of {kind} name their carriers themselves", where="--carrier")
        return TimetablesFeed(path, find_zone) if kind == "csv" else SsimFeed(path)
    if carrier is None or not CARRIER_CODE.fullmatch(carrier):
        raise BadInput(f"{kind} needs the code of its carrier: up to 32 of a-z, 0-9, _ and -", where="--carrier")
    return GtfsFeed(path, carrier)


def _tell_left_out(timetable: Timetable, misfits: Sequence[str]) -> None:
    for each in timetable.left_out[:_MOST_TOLD]:
        aside.print(line(f"Left out: {each}."), soft_wrap=True)
    if len(timetable.left_out) > _MOST_TOLD:
        aside.print(f"... and {len(timetable.left_out) - _MOST_TOLD} more departures left out.")
    for id_ in misfits[:_MOST_TOLD]:
        aside.print(line((f"The timetable has no such departure any more: {id_} changes nothing.", "yellow")))


def _tell_found(found: Found, carriers: Sequence[str], *, dry_run: bool) -> None:
    tell_refusals(found.refused)
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


def _print_path(legs: Sequence[LegView]) -> None:
    for leg in legs:
        told = f"{leg.departs_at}  {leg.origin}  {leg.carrier}/{leg.service} ({leg.mode}), until {leg.closes_at}"
        print(legible(told))
        print(legible(f"{leg.arrives_at}  {leg.destination}"))
    if not legs:
        print("it is there already")


def _clock(service: Service, facility: str, at_ms: int) -> str:
    """An instant as clocks show it at a facility at which a service calls."""
    zone = next(call.zone for call in service.calls if call.facility == facility)
    return format_instant(at_ms, offset_in_zone(at_ms, zone))


def _parse(text: str, option: str) -> Instant:
    try:
        return parse_instant(text)
    except BadInput as error:
        raise BadInput(error.message.removeprefix("instant: "), where=option) from None
