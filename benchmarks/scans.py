"""How fast scans are acknowledged and indexed, what one costs, how long a look-up takes meanwhile, and beside peers.

Imagined parcels (`benchmarks/worlds.py`), ten scans each, are written down as JSON first; then the clock starts, and
senders hand the bodies to a new home of the local engine: read, checked, on disk, indexed, merged. Random parcels are
looked up all the while, once more when all is in, and once more with cold files. At the end every count is held against
what was sent, and some parcels against a fold of the same JSON by DuckDB.
"""

import argparse
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.load.bodies import Bodies, make_bodies, read_bodies, write_bodies
from benchmarks.load.exactness import check_counts, check_parcels
from benchmarks.load.loading import Load, Loading, look_up_many, open_new_home
from benchmarks.load.machine import folder_bytes
from benchmarks.load.picture import draw
from benchmarks.load.versus import run_peer
from benchmarks.peers import PEERS
from benchmarks.worlds import STEPS, WINDOW, World

_STRETCHES = 20


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    world = World(-(-args.scans // STEPS), args.seed, args.window)
    rows = min(args.batch, max(1, args.scans // _STRETCHES))
    with tempfile.TemporaryDirectory(prefix="waypost-bench-", dir=args.folder) as folder:
        figures, load = measure(Path(folder), world, rows, args)
    for name in args.peers:
        with _progress(name, figures["scans"]) as tell:
            figures["peers"][name] = run_peer(
                name, world, rows, load.course, args.lookups, args.peer_minutes * 60, tell
            )
    courses = {"Waypost": figures["course"]} | {
        name: peer["course"] for name, peer in figures["peers"].items() if "course" in peer
    }
    for path, figure, title in (
        (args.picture, "per_s", "Scans a second, on disk and shown, against scans loaded"),
        (args.costs, "cpu_us_per_scan", "Microseconds of CPU that a scan takes, against scans loaded"),
    ):
        if path:
            draw(
                {name: [(each["scans"], each[figure]) for each in course] for name, course in courses.items()},
                title,
                path,
            )
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        _print_tables(figures)


def measure(folder: Path, world: World, rows: int, args: argparse.Namespace) -> tuple[dict[str, Any], Load]:
    """All figures but those of the peers, by name."""
    counts = world.counts()
    _warm_up(folder / "warm-up", args.senders)
    files = []
    if not args.stream:
        with _progress("written down", counts.rows) as tell:
            (folder / "sent").mkdir()
            files = write_bodies(world, rows, folder / "sent", tell)
    bodies = Bodies(make_bodies(world, rows) if args.stream else read_bodies(files))
    home = open_new_home(folder / "home")
    try:
        with _progress("indexed", counts.rows, absolute=True) as tell:
            loading = Loading(home, world, counts.rows, bodies, args.most_lag, args.rate)
            load = loading.run(args.senders, rows, tell)
        idle_ms = look_up_many(home, world, args.lookups)
        check_counts(home.memory, world)
        sent = _written(world, rows, folder) if args.stream else (path for path, _ in files)
        compared = check_parcels(home.memory, world, args.sample, sent)
    finally:
        home.close()
    home = open_new_home(folder / "home")
    try:
        cold_ms = look_up_many(home, world, args.cold_lookups, cold=True)
    finally:
        home.close()
    course, total = load.course, counts.rows
    parts = {path.name: folder_bytes(path) / total for path in (folder / "home").iterdir() if path.is_dir()}
    figures = {
        "scans": total,
        "distinct": counts.distinct,
        "duplicates": counts.duplicates,
        "parcels": counts.parcels,
        "compared_parcels": compared,
        "acknowledged_per_s": round(total / load.acknowledged_s),
        "indexed_per_s": course.per_s(0, total),
        "merged_per_s": round(total / load.merged_s),
        "first_tenth_per_s": course.per_s(0, total / 10),
        "last_tenth_per_s": course.per_s(total * 0.9, total),
        "cpu_s": round(load.cpu_s, 2),
        "cpu_us_per_scan": round(load.cpu_s / total * 1e6, 2),
        "lookups": len(load.lookup_ms),
        "lookup_p50_ms": _percentile(load.lookup_ms, 50),
        "lookup_p99_ms": _percentile(load.lookup_ms, 99),
        "lookup_idle_p50_ms": _percentile(idle_ms, 50),
        "lookup_idle_p99_ms": _percentile(idle_ms, 99),
        "lookup_cold_p50_ms": _percentile(cold_ms, 50),
        "lookup_cold_p99_ms": _percentile(cold_ms, 99),
        "bytes_per_scan": round(folder_bytes(folder / "home") / total, 1),
        "bytes_per_scan_of": {name: round(size, 1) for name, size in sorted(parts.items())},
        "rss_anon_mb": round(load.rss_anon_mb),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "seconds": round(course.seconds[-1], 2),
        "batch": rows,
        "senders": args.senders,
        "asked_per_s": args.rate,
        "bodies": "made on the way" if args.stream else "made before",
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "course": course.stretches(_STRETCHES),
        "peers": {},
    }
    return figures, load


def _warm_up(folder: Path, senders: int) -> None:
    """Load a few scans elsewhere, so that nothing is compiled while the clock runs."""
    world, rows = World(200), 500
    home = open_new_home(folder)
    try:
        bodies = Bodies(make_bodies(world, rows))
        Loading(home, world, world.counts().rows, bodies, world.parcels * STEPS).run(senders, rows, lambda _: None)
    finally:
        home.close()


def _written(world: World, rows: int, folder: Path) -> Iterator[Path]:
    """What was sent, once more, a file at a time: for one that reads files."""
    path = folder / "again.ndjson"
    for body in make_bodies(world, rows):
        path.write_bytes(body)
        yield path
    path.unlink(missing_ok=True)


def _percentile(took_ms: list[float], percent: float) -> float:
    return round(float(np.percentile(took_ms, percent)), 3)


@contextmanager
def _progress(doing: str, total: int, *, absolute: bool = False) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal; yields what moves it, by so many scans or to so many."""
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task(doing, total=total)

        def tell(scans: int) -> None:
            progress.update(task, completed=scans if absolute else progress.tasks[0].completed + scans)

        yield tell


def _print_tables(figures: dict[str, Any]) -> None:
    console = Console()
    table = Table("figure", "value", title="scans")
    for name, value in figures.items():
        if name not in ("course", "peers"):
            table.add_row(name, _shown(value))
    console.print(table)
    if not figures["peers"]:
        return
    names = ("scans", "per_s", "own_per_s", "times_as_fast", "lookup_p50_ms", "lookup_p99_ms", "bytes_per_scan")
    table = Table("peer", *names, title="The same scans through peers; own_per_s is ours over as many")
    for name, peer in figures["peers"].items():
        values = [_shown(peer[each]) for each in names] if "per_s" in peer else [f"left out: {peer['left_out']}"]
        table.add_row(name, *values)
    console.print(table)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./scripts/bench scans", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    told = parser.add_argument
    told("--scans", type=int, default=1_000_000, help="how many different ones; one in fifty is sent twice besides")
    told(
        "--window",
        type=int,
        default=WINDOW,
        help="over so many scans the ten of a parcel are spread, if there are many",
    )
    told("--batch", type=int, default=50_000, help="scans in a body, a twentieth of all at the most")
    told("--senders", type=int, default=2, help="threads that hand in bodies")
    told("--most-lag", type=int, default=6_000_000, help="senders wait while the index lags further behind")
    told("--rate", type=int, help="scans a second that are handed in at the most; as fast as it goes if not given")
    told("--stream", action="store_true", help="make the bodies on the way, for loads that the disk cannot hold twice")
    told("--lookups", type=int, default=2_000, help="look-ups when all is in, of us and of each peer")
    told("--cold-lookups", type=int, default=300, help="look-ups with cold files")
    told("--sample", type=int, default=10_000, help="parcels to hold against a fold by DuckDB")
    told("--seed", type=int, default=1)
    told("--peers", type=_list_peers, default=[], help=f"all, or some of {', '.join(PEERS)}, with commas between")
    told("--peer-minutes", type=float, default=5.0, help="a peer that is not done by then is stopped")
    told("--picture", type=Path, help="where to draw the rates, as SVG")
    told("--costs", type=Path, help="where to draw the CPU that a scan takes, as SVG")
    told("--folder", type=Path, help="where the temporary folder goes; on the disk that is to be measured")
    told("--json", action="store_true", help="print JSON instead of tables")
    args = parser.parse_args()
    counted = ("scans", "window", "batch", "senders", "most_lag", "lookups", "cold_lookups", "sample")
    low = [f"--{name.replace('_', '-')}" for name in counted if getattr(args, name) < 1]
    if args.rate is not None and args.rate < 1:
        low.append("--rate")
    if low or args.seed < 0:
        parser.error(f"{', '.join(low) or '--seed'}: too low")
    return args


def _list_peers(text: str) -> list[str]:
    names = list(PEERS) if text == "all" else text.split(",")
    unknown = sorted(set(names) - set(PEERS))
    if unknown:
        raise argparse.ArgumentTypeError(f"no peer {', '.join(unknown)}; there are all, {', '.join(PEERS)}")
    return names


if __name__ == "__main__":
    main()
