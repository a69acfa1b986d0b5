"""How good and how fast ETAs under scans are, and how surely silence is told from chance, on trips that are made up.

Models learn from what was known on day 40 of a made-up network; what comes after is held against them, on several
seeds. Nothing of it is real: how parcels of a carrier arrive is for its own history to tell.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.arriving.picture import draw
from waypost.forecast.groups import Group, find_groups
from waypost.forecast.risks import find_risks, risk_of_late
from waypost.forecast.steps import LOST_DAYS, Steps
from waypost.forecast.watch import Watch, learn_watch
from waypost.testing.trips import FIRST_DAY, Halt, Imagined, imagine_trips

KNOWN = FIRST_DAY + 40.0
#: Parcels are lost after their last scan; whoever is silent for less is not counted as missed.
_RECALL_DAYS = 4.0
_BATCHES = (100, 1000, 10_000)


class World:
    """One made-up network, and what was learnt of it by day 40."""

    def __init__(self, parcels: int, days: int, seed: int) -> None:
        halt = Halt(hub=2, begins=FIRST_DAY + days - 14.0, ends=FIRST_DAY + days - 12.0)
        self.imagined: Imagined = imagine_trips(parcels, days, halt=halt, lost=0.008, stuck=5, seed=seed)
        self.halt, self.end = halt, FIRST_DAY + float(days)
        self.steps: Steps = self.imagined.steps()
        begun = time.process_time()
        self.watch: Watch = learn_watch(self.steps, KNOWN)
        self.learn_s = time.process_time() - begun

    def parcels(self, known: Steps) -> np.ndarray:
        """The number that each row's parcel has among the imagined ones."""
        return np.array([int(number[1:]) for number in known.table.column("number").to_pylist()])


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    worlds = [World(args.parcels, args.days, seed) for seed in range(1, args.worlds + 1)]
    figures = measure(worlds)
    if args.picture:
        draw(worlds[0], args.picture)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
        return
    table = Table("way", "scan", "parcels", "mean error, h", title="ETAs at each scan")
    for each in figures["by_scan"]:
        table.add_row(each["way"], str(each["scan"]), f"{each['parcels']:,}", f"{each['mae_hours']:.2f}")
    console = Console()
    console.print(table)
    for name, told in figures.items():
        if name != "by_scan":
            console.print(f"{name}: {told}", highlight=False)


def measure(worlds: list[World]) -> dict[str, Any]:
    """All figures, together over the worlds."""
    return {
        "parcels": sum(len(world.imagined.arrived) for world in worlds),
        "scans": sum(len(world.steps) for world in worlds),
        **_measure_scans(worlds),
        "losses": _measure_losses(worlds),
        "warnings": _measure_warnings(worlds),
        "groups": _measure_groups(worlds),
        "learn_s": round(worlds[0].learn_s, 1),
        "speeds": _measure_speeds(worlds[0]),
    }


def _measure_scans(worlds: list[World]) -> dict[str, Any]:
    """Of parcels that arrived the error at each scan, and how often windows held, also with the next scan overdue."""
    asked, told = [], []
    for world in worlds:
        steps, watch = world.steps, world.watch
        first, end = (np.searchsorted(steps.parcel, steps.parcel, side) for side in ("left", "right"))
        nth, scans = np.arange(len(steps)) - first, end - first
        for day in np.arange(KNOWN, world.end - 9):
            lately = watch.lately(steps.known_at(day), day)
            coming = (steps.at >= day) & (steps.at < day + 1) & (steps.at < steps.ended)
            rows = np.flatnonzero(coming & np.isfinite(steps.delivered))
            watched = watch.watch(steps, lately, rows)
            now = watch.silence.due(watched.scan, 0.95)
            etas = watch.arrivals(watched, steps.at[rows]), watch.arrivals(watched, now)
            asked.append(np.c_[scans[rows], nth[rows], steps.following[rows] > now, steps.delivered[rows]])
            told.append(np.c_[(*etas, watch.eta.instants(watched.door, now))])
    scans, nth, overdue, arrived = np.concatenate(asked).T
    etas = np.concatenate(told)
    at_scan = np.abs(arrived - etas[:, 0]) * 24
    return {
        "by_scan": [
            {
                "way": "straight" if way == 6 else "with a change",
                "scan": scan + 1,
                "parcels": int(((scans == way) & (nth == scan)).sum()),
                "mae_hours": round(float(at_scan[(scans == way) & (nth == scan)].mean()), 2),
            }
            for way in (6, 8)
            for scan in range(way - 1)
        ],
        "at_scans": _score(arrived, etas[:, :3]),
        "overdue": _score(arrived[overdue > 0], etas[overdue > 0, 3:6]),
        "overdue_by_the_door_alone": _score(arrived[overdue > 0], etas[overdue > 0, 6:]),
    }


def _score(arrived: np.ndarray, etas: np.ndarray) -> dict[str, Any]:
    held = (arrived[:, None] <= etas).mean(0)
    return {
        "etas": len(arrived),
        "mae_hours": round(float(np.abs(arrived - etas[:, 0]).mean()) * 24, 2),
        **{f"coverage_p{level}": round(float(share), 3) for level, share in zip((50, 80, 90), held, strict=True)},
    }


def _measure_losses(worlds: list[World]) -> list[dict[str, Any]]:
    """Each second day: who is told to be lost or stuck, of those silent for up to two weeks, against the truth."""
    counts = {level: np.zeros(4) for level in (0.2, 0.5, 0.8)}
    for world in worlds:
        lost = np.isfinite(world.imagined.lost_after)
        for day in np.arange(KNOWN + 6, world.end - 2, 2):
            known = world.steps.known_at(day)
            risks = find_risks(world.watch, known, day)
            silent = day - known.at[risks.rows]
            gone = lost[world.parcels(known)[risks.rows]]
            for level, count in counts.items():
                told = (risks.wrong > level) & (silent < LOST_DAYS)
                old = gone & (silent > _RECALL_DAYS) & (silent < LOST_DAYS)
                count += [told.sum(), (told & gone).sum(), old.sum(), (told & old).sum()]
    return [
        {
            "risk_above": level,
            "told": int(told),
            "precision": round(float(right / told), 3),
            f"recall_after_{_RECALL_DAYS:.0f}_days": round(float(right_old / old), 3),
        }
        for level, (told, right, old, right_old) in counts.items()
    ]


def _measure_warnings(worlds: list[World]) -> dict[str, Any]:
    """Of the lost, within their promise when scanned last: when the risk of breaking it was above one half."""
    ahead, after = [], []
    hours = np.arange(0, 400.0)
    for world in worlds:
        steps, watch = world.steps, world.watch
        rows = np.flatnonzero(steps.is_last & (steps.at > KNOWN) & (steps.at < world.end - 5))
        rows = rows[np.isfinite(world.imagined.lost_after[world.parcels(steps)[rows]])]
        rows = rows[steps.at[rows] < steps.promised[rows]]
        watched = watch.watch(steps, watch.lately(steps, KNOWN), rows)
        risks = [risk_of_late(watch, watched, steps.at[rows] + hour / 24, steps.promised[rows]) for hour in hours]
        late = np.stack(risks)
        warned = np.where((late > 0.5).any(0), np.argmax(late > 0.5, axis=0), np.inf)
        after.append(warned)
        ahead.append((steps.promised[rows] - steps.at[rows]) * 24 - warned)
    before = np.concatenate(ahead)
    return {
        "lost": len(before),
        "warned_before_the_promise": round(float((before > 0).mean()), 3),
        "hours_before_it_median": round(float(np.median(before)), 1),
        "hours_of_silence_median": round(float(np.median(np.concatenate(after))), 1),
    }


def _measure_groups(worlds: list[World]) -> dict[str, Any]:
    """Twice a day: which trucks that are stuck, and hubs that halt, are named, and what else is."""
    trucks = named = halts_named = told = strange = 0
    for world in worlds:
        seen: set[int] = set()
        for day in np.arange(KNOWN, world.end, 0.5):
            for group in find_groups(world.watch.silence, world.steps.known_at(day), day):
                told += 1
                found = _find_truth(world, group)
                strange += found is None
                seen |= {found} if found is not None else set()
        trucks += len(world.imagined.stuck)
        named += len(seen - {-1})
        halts_named += -1 in seen
    return {
        "stuck_trucks": trucks,
        "stuck_trucks_named": named,
        "halts": len(worlds),
        "halts_named": halts_named,
        "told": told,
        "strange": strange,
    }


def _find_truth(world: World, group: Group) -> int | None:
    """The number of the stuck truck that a group is, -1 for the halt of a hub, None if nothing of the kind happened."""
    for number, truck in enumerate(world.imagined.stuck):
        ends = f"imagined/H{truck.origin}", f"imagined/H{truck.destination}"
        if (group.facility, group.towards) == ends and abs((group.departed or 0) - truck.departed) < 0.05:
            return number
    return -1 if group.facility == f"imagined/H{world.halt.hub}" and group.towards is None else None


def _measure_speeds(world: World) -> list[dict[str, Any]]:
    """Parcels a second by time of the processor, from rows of scans to instants: the best of five."""
    known, watch = world.steps.known_at(KNOWN), world.watch
    lately = watch.lately(known, KNOWN)
    newest = np.unique(known.parcel)[::-1]
    found = []
    for size in _BATCHES:
        table = known.take(np.isin(known.parcel, newest[:size]))

        def update(table: Any = table, both: bool = False) -> int:
            """The scans of each parcel, the newest of which just came: its ETA, with `both` also its risks."""
            steps = Steps(table)
            rows = np.flatnonzero(steps.is_last)
            if both:
                watched = watch.watch(steps, lately, rows)
                watch.arrivals(watched, KNOWN)
                risk_of_late(watch, watched, KNOWN, steps.promised[rows])
            else:
                watch.eta.instants(watch.eta.expect(steps, lately, rows), KNOWN)
            return len(rows)

        watched = watch.watch(Steps(table), lately)

        def move(watched: Any = watched) -> int:
            return len(watch.arrivals(watched, KNOWN + 1))

        rates = {"etas_s": _rate(update), "etas_and_risks_s": _rate(lambda do=update: do(both=True))}
        found.append({"batch": min(size, len(newest))} | rates | {"moved_on_s": _rate(move)})
    return found


def _rate(do: Callable[[], int]) -> int:
    best = 0.0
    for _ in range(5):
        begun = time.process_time()
        many = do()
        best = max(best, many / (time.process_time() - begun))
    return round(best)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench arrivals", description=__doc__)
    add = parser.add_argument
    add("--parcels", type=int, default=16_000, help="of each network (default: %(default)s)")
    add("--days", type=int, default=75, help="of each, from the first parcel (default: %(default)s)")
    add("--worlds", type=int, default=3, help="so many networks, one a seed (default: %(default)s)")
    add("--picture", type=Path, help="draw one parcel's ETA as its scans come, as SVG")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
