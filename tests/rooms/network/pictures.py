"""Timetables as one can see them, and every way through them, found the slow way.

A picture has a line of facilities, then a line for each service with the times at which it calls:

    |          | A              | B           | C     |
    | road/T1  | 08:00          | 09:00-09:10 | 10:00 |
    | rail/R1  | 08:30 2EUR 15g |             | 09:30 |

Behind a departure may stand what holds up to the next call: cost (`2EUR`, minor units), CO2 (`15g`), capacity (`9kg`)
and cut-off (`x30`, minutes). Carriers are `road`, `rail` and `air`; all runs every day of November 2026, in UTC.
"""

import datetime as dt
import re
from collections.abc import Iterator

from waypost.network.paths import ANY, Leg, Path, Terms
from waypost.network.services import Call, Days, Mode, Service, Stretch
from waypost.network.timetable import Timetable, expand

MODES = {"road": Mode.TRUCK, "rail": Mode.RAIL, "air": Mode.FLIGHT}
NOVEMBER = Days(weekdays=(1, 2, 3, 4, 5, 6, 7), first=dt.date(2026, 11, 1), last=dt.date(2026, 11, 30))
MONDAY = dt.date(2026, 11, 2)

Way = list[tuple[int, int]]


def draw(picture: str, *, days: int = 1, dwell_min: dict[str, int] | None = None, usual_min: int = 0) -> Timetable:
    """The timetable of a picture from Monday, 2 November 2026 on."""
    dwell = {f"net/{place}": minutes for place, minutes in (dwell_min or {}).items()}
    return expand(read(picture), MONDAY, MONDAY + dt.timedelta(days=days - 1), dwell, usual_min)


def read(picture: str) -> list[Service]:
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in picture.strip().splitlines()]
    places = lines[0][1:]
    return [_read_service(name, dict(zip(places, cells, strict=False))) for name, *cells in lines[1:]]


def _read_service(name: str, cells: dict[str, str]) -> Service:
    carrier, code = name.split("/")
    calls, stretches, currency = [], [], ""
    for place, cell in cells.items():
        if not cell:
            continue
        times, *notes = cell.split()
        first, _, second = times.partition("-")
        came, leaves = _minutes(first), _minutes(second or first)
        calls.append(Call(facility=f"net/{place}", zone="UTC", arrives_min=came, departs_min=leaves))
        found = {unit: int(number) for number, unit in re.findall(r"(\d+)(EUR|kg|g)", " ".join(notes))}
        currency = "EUR" if "EUR" in found else currency
        cut_off = [int(note[1:]) for note in notes if note.startswith("x")]
        stretches.append(
            Stretch(
                cost_minor=found.get("EUR", 0),
                co2_g=found.get("g", 0),
                capacity_g=found["kg"] * 1000 if "kg" in found else None,
                cut_off_min=cut_off[0] if cut_off else 0,
            )
        )
    return Service(
        carrier=carrier,
        code=code,
        mode=MODES[carrier],
        days=NOVEMBER,
        calls=tuple(calls),
        stretches=tuple(stretches[:-1]),
        currency=currency,
    )


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def at(clock: str, day: int = 2) -> int:
    """UTC milliseconds of a time of day in November 2026; Monday is the second."""
    return int(dt.datetime(2026, 11, day, tzinfo=dt.UTC).timestamp() * 1000) + _minutes(clock) * 60_000


def tell(path: Path | None) -> str:
    """`A 08:00 T1 09:00 B, B 09:30 R1 10:00 C`."""
    return "no way" if path is None else ", ".join(_tell_leg(leg) for leg in path.legs)


def _tell_leg(leg: Leg) -> str:
    origin, destination = (name.removeprefix("net/") for name in (leg.origin, leg.destination))
    return f"{origin} {_clock(leg.departs_ms)} {leg.service} {_clock(leg.arrives_ms)} {destination}"


def _clock(at_ms: int) -> str:
    moment = dt.datetime.fromtimestamp(at_ms / 1000, tz=dt.UTC)
    return f"{moment:%H:%M}" if moment.day == MONDAY.day else f"{moment:%a %H:%M}"


def list_ways(timetable: Timetable, origin: str, destination: str, ready_ms: int, terms: Terms = ANY) -> list[Way]:
    """All ways, each as its legs (connections boarded and left), that come to no facility twice."""
    each, services, sections = timetable.connections, timetable.services, timetable.sections

    def may(row: int) -> bool:
        section = each.section[row]
        service = services[sections.service[section]]
        return (
            (terms.carriers is None or service.carrier in terms.carriers)
            and (terms.modes is None or service.mode in terms.modes)
            and bool(sections.capacity_g[section] >= terms.weight_g)
        )

    def go_on(place: int, ready: int, seen: set[int]) -> Iterator[Way]:
        if place == target:
            yield []
            return
        for boarded in range(len(each)):
            if each.origin[boarded] != place or each.closes_ms[boarded] < ready:
                continue
            left = boarded
            while left >= 0 and may(left):
                there = int(each.destination[left])
                if there not in seen:
                    later = int(each.arrives_ms[left] + timetable.dwell_ms[there])
                    for rest in go_on(there, later, {*seen, there}):
                        yield [(boarded, left), *rest]
                left = int(each.following[left])

    start, target = timetable.place(origin), timetable.place(destination)
    return list(go_on(start, ready_ms, {start}))
