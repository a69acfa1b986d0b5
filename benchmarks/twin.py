"""A day of the twin's parcels, followed to their ends: made alone first, then made and taken in by a new home.

All parcels are handed over within one day in China; nothing was on its way before. What is made is told with its
statistics, which docs/explanation/how-the-twin-works.md puts beside published ones. A home is filled by the twin's
driver, through the reception, and the clock stops when the index has all.
"""

import argparse
import datetime as dt
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import Progress

from benchmarks.load.machine import cpu_s, folder_bytes
from waypost.app.serving import take_short_turns
from waypost.app.settings import read_settings
from waypost.app.twin import Handed, drive
from waypost.app.wiring import open_house
from waypost.model.instants import DAY_MS
from waypost.twin.run import Run
from waypost.twin.state import Count, Flag
from waypost.twin.world import World, make_world

#: Midnight in China before an ordinary Tuesday in May.
START_MS = int(dt.datetime(2026, 5, 11, 16, tzinfo=dt.UTC).timestamp() * 1000)
_MOST_DAYS = 30
_HOUR_MS = 3_600_000


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    world = make_world(args.seed, args.parcels)
    _run(make_world(args.seed, 1_000, 12)).advance(START_MS // 60_000 + 1)  # compiles
    figures: dict[str, Any] = {"parcels_per_day": args.parcels, "seed": args.seed, "made": make(world)}
    if not args.alone:
        with tempfile.TemporaryDirectory(prefix="waypost-twin-", dir=args.folder) as folder:
            figures["taken_in"] = take_in(Path(folder) / "home", world, figures["made"]["scans"])
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
        return
    for part in ("made", "taken_in"):
        for name, value in figures.get(part, {}).items():
            print(f"{part:9} {name:22} {value:>16,}")


def make(world: World) -> dict[str, Any]:
    """The twin alone, on one core."""
    run, scans, parts = _run(world), 0, []
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    looked_s = 0.0
    with _progress("made") as tell:
        for now_ms, batch in run.scans(START_MS + _MOST_DAYS * DAY_MS):
            scans += batch.num_rows
            tell(scans)
            if now_ms % DAY_MS == 0:
                before_s = time.perf_counter()
                parts.append(_look_at(run.truth()))
                looked_s += time.perf_counter() - before_s
                if not run.count(Count.ON_WAY) and now_ms > START_MS + DAY_MS:
                    break
    seconds = time.perf_counter() - begun_s - looked_s
    hours, promised, flags, hubs = (np.concatenate(column) for column in zip(*parts, strict=True))
    there = np.isfinite(hours)
    return {
        "parcels": len(flags),
        "scans": scans,
        "scans_a_parcel": round(scans / len(flags), 2),
        "seconds": round(seconds, 1),
        "cpu_s": round(time.process_time() - begun_cpu_s - looked_s, 1),
        "scans_per_s": round(scans / seconds),
        "rss_mb": _rss_mb(),
        "p50_h": round(float(np.percentile(hours[there], 50)), 1),
        "mean_h": round(float(hours[there].mean()), 1),
        "p90_h": round(float(np.percentile(hours[there], 90)), 1),
        "within_48_h": round(float((hours <= 48).mean()), 4),
        "within_72_h": round(float((hours <= 72).mean()), 4),
        "promise_kept": round(float(promised.mean()), 4),
        "hubs_a_parcel": round(float(hubs.mean()), 2),
    } | {flag.name.lower(): round(float((flags & flag != 0).mean()), 6) for flag in Flag}


def take_in(home: Path, world: World, scans: int) -> dict[str, Any]:
    """The same again, into a new home: the twin makes it while the ledger takes it."""
    take_short_turns()
    begun_s, begun_cpu_s = time.perf_counter(), cpu_s()
    with open_house(read_settings(home=home)) as house:
        run = _run(world, truth=False)
        reached = START_MS
        handed = Handed(from_ms=START_MS, now_ms=START_MS)
        with _progress("taken in") as tell:
            done = 0
            while reached < START_MS + DAY_MS or run.count(Count.ON_WAY):
                reached += DAY_MS // 4
                so_far = done
                handed = drive(house, run, reached, tell=lambda each, so_far=so_far: tell(so_far + each.scans))
                done += handed.scans
        acknowledged_s = time.perf_counter() - begun_s
        if not house.memory.index.catch_up(house.memory.log.position(), 600 + scans / 1_000):
            raise RuntimeError(f"The index has {house.memory.index.position():,} of {done:,} scans.")
        seconds = time.perf_counter() - begun_s
    if done < scans:
        raise RuntimeError(f"{done:,} scans were taken in, and {scans:,} made.")
    return {
        "scans": done,
        "acknowledged_s": round(acknowledged_s, 1),
        "seconds": round(seconds, 1),
        "cpu_s": round(cpu_s() - begun_cpu_s, 1),
        "scans_per_s": round(done / seconds),
        "rss_mb": _rss_mb(),
        "bytes_per_scan": round(folder_bytes(home) / done, 1),
    }


def _run(world: World, *, truth: bool = True) -> Run:
    return Run(world, START_MS, parcels_until_ms=START_MS + DAY_MS, truth=truth)


def _look_at(truth: pa.Table) -> tuple[np.ndarray, ...]:
    accepted, promised, arrived = (
        np.asarray(truth.column(name).cast(pa.int64()).fill_null(1 << 60))
        for name in ("accepted_at", "promised_at", "arrived_at")
    )
    hours = np.where(arrived < 1 << 60, (arrived - accepted) / _HOUR_MS, np.inf).astype(np.float32)
    flags, hubs = (np.asarray(truth.column(name)) for name in ("flags", "hubs"))
    return hours, arrived <= promised, flags, hubs.astype(np.int8)


def _rss_mb() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


class _progress:
    """A count of scans on stderr."""

    def __init__(self, label: str) -> None:
        self._progress = Progress("{task.description}", "{task.completed:,} scans", console=Console(stderr=True))
        self._task = self._progress.add_task(label, total=None)

    def __enter__(self) -> Any:
        self._progress.start()
        return lambda scans: self._progress.update(self._task, completed=scans)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench twin", description=__doc__)
    add = parser.add_argument
    add("--parcels", type=float, default=10_000_000, help="on a usual day (default: %(default)s)")
    add("--seed", type=int, default=1, help="of the world (default: %(default)s)")
    add("--alone", action="store_true", help="make them only, without a home")
    add("--folder", type=Path, help="where the home is made (default: the system's)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
