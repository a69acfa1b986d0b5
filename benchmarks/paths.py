"""How fast paths through a timetable are found, beside pynigiri: RAPTOR in C++, the core of MOTIS.

The network is made up: trucks between hubs that lie in a square, some of which are large; every departure calls at
three of them, every day. Both search the same timetable, one thread each, warmed up, in turns within one run, by
time of the processor; every arrival has to be the same. What pynigiri cannot be asked (all facilities at once, choices
by cost and CO2) is timed alone, as are larger networks.
"""

import argparse
import csv
import datetime as dt
import importlib.util
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from waypost.network.changes import Delay, amend
from waypost.network.choices import find_choices
from waypost.network.paths import find_arrivals, find_earliest, find_latest
from waypost.network.services import Call, Days, Mode, Service, Stretch
from waypost.network.timetable import Timetable, expand

FIRST, DAYS = dt.date(2026, 5, 4), 10
DAY_MS = 86_400_000
#: What pynigiri takes for a change of vehicles where a file says nothing.
DWELL_MIN = 2
_NEIGHBOURS = 24
#: So many questions one way is asked before it is the turn of the next: each then finds its own data in the caches.
_TURN = 50

Asked = tuple[str, str, int]


class Wrong(Exception):
    """Both found something else."""


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    figures = measure(args.hubs, args.services, args.queries, args.seed)
    figures["larger"] = [_measure_size(hubs, services, args.seed) for hubs, services in _sizes(args.larger)]
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
        return
    title = f"{args.hubs:,} hubs, {figures['connections']:,} connections in {DAYS} days, milliseconds a question"
    table = Table("question", "median", "95 %", title=title)
    for name, told in figures["questions"].items():
        table.add_row(name, f"{told['p50_ms']:.3f}", f"{told['p95_ms']:.3f}")
    Console().print(table)
    print(f"200 late departures are worked in within {figures['amend_ms']} ms.")
    if "peer" in figures:
        peer = figures["peer"]
        print(f"{peer['equal']:,} of {args.queries:,} arrivals are those of pynigiri.")
        print(f"With legs, {peer['times_as_fast']:.1f} times as fast by medians.")
    else:
        print(f"Without a peer: {figures['left_out']}")
    for each in figures["larger"]:
        print(
            f"{each['hubs']:,} hubs, {each['connections']:,} connections: made in {each['expand_s']:.1f} s, "
            f"{each['p50_ms']:.3f} ms (95 %: {each['p95_ms']:.3f}), to all {each['all_p50_ms']:.3f} ms"
        )


def measure(hubs: int, services: int, queries: int, seed: int) -> dict[str, Any]:
    """All figures of one network; the peer's where it is there.

    Raises:
        Wrong: an arrival differs.
    """
    drawn = draw_network(hubs, services, seed)
    begun = time.perf_counter()
    timetable = expand(drawn, FIRST, FIRST + dt.timedelta(days=DAYS - 1), {}, DWELL_MIN)
    figures: dict[str, Any] = {
        "hubs": hubs,
        "connections": len(timetable.connections),
        "expand_s": round(time.perf_counter() - begun, 3),
    }
    late = [
        Delay(carrier=one.carrier, service=one.code, day=FIRST + dt.timedelta(days=1), minutes=30)
        for one in drawn[:200]
    ]
    amend(timetable, delays=late)
    begun = time.thread_time()
    amend(timetable, delays=late)
    figures["amend_ms"] = round((time.thread_time() - begun) * 1e3, 1)
    asked = draw_questions(timetable, queries, seed)
    ways: dict[str, Callable[[Asked], object]] = {
        "earliest, with legs": lambda each: find_earliest(timetable, *each),
        "latest, with legs": lambda each: find_latest(timetable, each[0], each[1], each[2] + 2 * DAY_MS),
        "earliest, to all within three days": lambda each: find_arrivals(
            timetable, each[0], each[2], until_ms=each[2] + 3 * DAY_MS
        ),
    }
    peer = None
    if importlib.util.find_spec("pynigiri") is None:
        figures["left_out"] = "pynigiri is not installed (its wheels are for Python 3.11 on x86-64)"
    else:
        peer = Peer(timetable, drawn)
        ways["earliest of pynigiri, with legs"] = peer.ask
    figures["questions"] = {name: _tell(times) for name, times in _time(ways, asked).items()}
    few = {
        f"choices by arrival, cost and CO2, within {hours} hours": lambda each, hours=hours: find_choices(
            timetable, *each, hours * 3_600_000
        )
        for hours in (0, 24)
    }
    figures["questions"] |= {name: _tell(times) for name, times in _time(few, asked[: queries // 10]).items()}
    if peer is not None:
        equal = sum(_is_equal(timetable, peer, each) for each in asked)
        told = figures["questions"]
        ratio = told["earliest of pynigiri, with legs"]["p50_ms"] / told["earliest, with legs"]["p50_ms"]
        figures["peer"] = {"equal": equal, "times_as_fast": round(ratio, 2)}
    return figures


def draw_network(hubs: int, services: int, seed: int) -> list[Service]:
    """Trucks from hub to hub: two legs each, to near hubs or from large hub to large hub."""
    rng = np.random.default_rng(seed)
    at_km = rng.random((hubs, 2)) * 2000
    large = rng.permutation(hubs)[: max(hubs // 40, 2)]
    near = [_order(at_km, hub, np.arange(hubs))[1 : _NEIGHBOURS + 1] for hub in range(hubs)]
    hub_of = [int(_order(at_km, hub, large)[0]) for hub in range(hubs)]
    every_day = Days(weekdays=(1, 2, 3, 4, 5, 6, 7), first=FIRST, last=FIRST + dt.timedelta(days=DAYS))
    return [
        Service(
            carrier="made",
            code=f"T{number}",
            mode=Mode.TRUCK,
            days=every_day,
            calls=_draw_calls(rng, at_km, near, hub_of, large),
            stretches=tuple(
                Stretch(cost_minor=int(rng.integers(50, 500)), co2_g=int(rng.integers(10, 900))) for _ in range(2)
            ),
            currency="EUR",
        )
        for number in range(services)
    ]


def _order(at_km: np.ndarray, hub: int, among: np.ndarray) -> np.ndarray:
    return among[np.argsort(np.hypot(*(at_km[among] - at_km[hub]).T), kind="stable")]


def _draw_calls(
    rng: np.random.Generator, at_km: np.ndarray, near: Sequence[np.ndarray], hub_of: Sequence[int], large: np.ndarray
) -> tuple[Call, ...]:
    """A third begins at a large hub, a third ends there, a third runs between near ones."""
    kind, hub = rng.integers(3), int(rng.integers(len(near)))
    between = int(rng.choice(near[hub]))
    chain = [hub, between, int(rng.choice(near[between]))]
    if kind == 0:
        chain = [int(rng.choice(large)), hub_of[hub], hub]
    elif kind == 1:
        chain = [hub, hub_of[hub], int(rng.choice(large))]
    minute = int(rng.integers(1440))
    calls = [Call(facility=f"made/{chain[0]}", zone="UTC", departs_min=minute)]
    for here, there in itertools.pairwise(chain):
        minute += max(15, int(np.hypot(*(at_km[here] - at_km[there])) / 1.2))
        last = len(calls) == len(chain) - 1
        calls.append(
            Call(
                facility=f"made/{there}",
                zone="UTC",
                arrives_min=minute,
                departs_min=None if last else minute + 20,
            )
        )
        minute += 20
    return tuple(calls)


def draw_questions(timetable: Timetable, queries: int, seed: int) -> list[Asked]:
    """From somewhere to somewhere else, from a minute of the second day on."""
    rng = np.random.default_rng(seed + 1)
    begin = (FIRST - dt.date(1970, 1, 1)).days * DAY_MS + DAY_MS
    found = []
    for _ in range(queries):
        origin, destination = rng.choice(len(timetable.facilities), 2, replace=False).tolist()
        names = timetable.facilities[origin], timetable.facilities[destination]
        found.append((*names, begin + int(rng.integers(1440)) * 60_000))
    return found


class Peer:
    """pynigiri over the same timetable, by way of GTFS."""

    def __init__(self, timetable: Timetable, services: Sequence[Service]) -> None:
        import pynigiri

        self._peer = pynigiri
        with tempfile.TemporaryDirectory() as folder:
            write_gtfs(Path(folder), timetable.facilities, services)
            source = pynigiri.TimetableSource("", folder)
            until = FIRST + dt.timedelta(days=DAYS)
            self._timetable = pynigiri.load_timetable([source], str(FIRST), str(until))
        self._places = {name: self._timetable.find_location(name) for name in timetable.facilities}

    def ask(self, each: Asked) -> list[Any]:
        """Its journeys: the best for each number of changes."""
        peer, (origin, destination, ready_ms) = self._peer, each
        query = peer.Query()
        query.start_time = ready_ms // 60_000
        query.start = [peer.Offset(self._places[origin], 0, 0)]
        query.destination = [peer.Offset(self._places[destination], 0, 0)]
        query.start_match_mode = query.dest_match_mode = peer.LocationMatchMode.EXACT
        journeys: list[Any] = peer.route(self._timetable, query)
        for journey in journeys:
            for leg in journey.legs:
                _ = leg.dep_time
        return journeys


def write_gtfs(folder: Path, facilities: Sequence[str], services: Sequence[Service]) -> None:
    """The services as GTFS, every one of them on every day."""

    def write(name: str, header: str, rows: Iterator[tuple[object, ...]]) -> None:
        with (folder / name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header.split(","))
            writer.writerows(rows)

    last = FIRST + dt.timedelta(days=DAYS)
    write("agency.txt", "agency_id,agency_name,agency_url,agency_timezone", iter([("a", "a", "http://a", "UTC")]))
    write(
        "stops.txt",
        "stop_id,stop_name,stop_lat,stop_lon",
        ((f, f, i // 100, i % 100) for i, f in enumerate(facilities)),
    )
    write("routes.txt", "route_id,agency_id,route_short_name,route_type", iter([("r", "a", "r", 3)]))
    days = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"
    week = iter([("d", *[1] * 7, f"{FIRST:%Y%m%d}", f"{last:%Y%m%d}")])
    write("calendar.txt", f"service_id,{days},start_date,end_date", week)
    write("trips.txt", "route_id,service_id,trip_id", (("r", "d", service.code) for service in services))

    def list_stops() -> Iterator[tuple[object, ...]]:
        for service in services:
            for number, call in enumerate(service.calls):
                minutes = [each for each in (call.arrives_min, call.departs_min) if each is not None]
                times = (f"{minute // 60:02}:{minute % 60:02}:00" for minute in (minutes[0], minutes[-1]))
                yield service.code, *times, call.facility, number

    write("stop_times.txt", "trip_id,arrival_time,departure_time,stop_id,stop_sequence", list_stops())


def _is_equal(timetable: Timetable, peer: Peer, each: Asked) -> bool:
    """Whether both arrive at the same minute.

    Raises:
        Wrong: they do not.
    """
    path, journeys = find_earliest(timetable, *each), peer.ask(each)
    ours = path.legs[-1].arrives_ms // 60_000 if path else None
    theirs = min((journey.arrival_time() for journey in journeys), default=None)
    if ours != theirs:
        raise Wrong(f"{each}: {ours} here, {theirs} by pynigiri")
    return True


def _measure_size(hubs: int, services: int, seed: int) -> dict[str, Any]:
    drawn = draw_network(hubs, services, seed)
    begun = time.perf_counter()
    timetable = expand(drawn, FIRST, FIRST + dt.timedelta(days=DAYS - 1), {}, DWELL_MIN)
    took = time.perf_counter() - begun
    asked = draw_questions(timetable, 200, seed)
    times = _time(
        {
            "one": lambda each: find_earliest(timetable, *each),
            "all": lambda each: find_arrivals(timetable, each[0], each[2], until_ms=each[2] + 3 * DAY_MS),
        },
        asked,
    )
    told = {"hubs": hubs, "connections": len(timetable.connections), "expand_s": round(took, 3)}
    return told | _tell(times["one"]) | {f"all_{name}": value for name, value in _tell(times["all"]).items()}


def _time(ways: dict[str, Callable[[Asked], object]], asked: Sequence[Asked]) -> dict[str, list[float]]:
    """Seconds of the processor by question; the ways take turns, so what else the machine does meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for each in asked[:20]:
        for way in ways.values():
            way(each)
    for first in range(0, len(asked), _TURN):
        for name, way in ways.items():
            for each in asked[first : first + _TURN]:
                begun = time.thread_time()
                way(each)
                times[name].append(time.thread_time() - begun)
    return times


def _tell(times: Sequence[float]) -> dict[str, float]:
    p50, p95 = (round(float(value) * 1e3, 4) for value in np.percentile(times, [50, 95]))
    return {"p50_ms": p50, "p95_ms": p95}


def _sizes(text: str) -> list[tuple[int, int]]:
    return [(int(hubs), int(services)) for hubs, services in (each.split("x") for each in text.split(",") if each)]


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench paths", description=__doc__)
    add = parser.add_argument
    add("--hubs", type=int, default=2_000, help="of the network (default: %(default)s)")
    add("--services", type=int, default=20_000, help="that run every day (default: %(default)s)")
    add("--queries", type=int, default=1_000, help="that both are asked (default: %(default)s)")
    add("--larger", default="5000x50000,10000x200000", help="more networks, as HUBSxSERVICES (default: %(default)s)")
    add("--seed", type=int, default=1, help="of what is made up (default: %(default)s)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
