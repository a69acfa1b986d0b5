"""Send scans at one rate for a quarter of an hour, with look-ups and questions beside it: does anything creep up?

A process of its own makes NDJSON of imagined scans (`benchmarks/worlds.py`); they are handed to a new home of the local
engine as a server would, each body at its time: read, checked, on disk; indexed and merged behind it. Random parcels
are looked up all the while, and every few seconds history is asked which facilities had most scans in the last day.
What memory, lag, look-ups, disk and CPU come to is noted all the time; at the end the last third is held against the
first. Ctrl-C ends it in order, with what was measured so far.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.load.bodies import Bodies, make_bodies
from benchmarks.load.loading import Loading, open_new_home
from benchmarks.load.picture import draw
from benchmarks.soaks.notes import Note, find_trends, percentile
from benchmarks.soaks.soaking import Pace, Soak, made_elsewhere
from benchmarks.worlds import STEPS, WINDOW, World
from waypost.engines.local.home import LocalHome

_ENDS = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    sent = int(args.rate * args.minutes * 60 * 1.05) + 10 * args.rows
    world = World(-(-sent // STEPS), args.seed, args.window)
    with tempfile.TemporaryDirectory(prefix="waypost-soak-", dir=args.folder) as folder:
        _warm_up(Path(folder) / "warm-up")
        home = open_new_home(Path(folder) / "home")
        try:
            with made_elsewhere(world, args.rows) as take:
                soak = Soak(home, world, take, _pace(args))
                for each in _ENDS:
                    signal.signal(each, lambda *_: soak.stop())
                _run(soak, args)
                for each in _ENDS:
                    signal.signal(each, signal.SIG_DFL)
            figures = _figures(soak, home, args)
        finally:
            home.close()
    if args.picture and soak.notes:
        _draw(soak.notes, args.picture)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        _print_tables(figures)
    sys.exit(int(soak.failure is not None))


def _pace(args: argparse.Namespace) -> Pace:
    return Pace(
        minutes=args.minutes,
        rate=args.rate,
        rows=args.rows,
        senders=args.senders,
        most_lag=args.most_lag,
        ask_every_s=args.ask_every,
        note_every_s=args.note_every,
    )


def _run(soak: Soak, args: argparse.Namespace) -> None:
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("soaking", total=args.minutes * 60)

        def tell(note: Note) -> None:
            said = (
                f"{note.sent_per_s:,}/s, lag {note.lag:,}, look-up p99 {note.lookup_p99_ms} ms, {note.rss_anon_mb:,} MB"
            )
            progress.update(task, completed=note.seconds, description=said)

        soak.run(tell)


def _figures(soak: Soak, home: LocalHome, args: argparse.Namespace) -> dict[str, Any]:
    notes, trends = soak.notes, find_trends(soak.notes, soak.lookup_ms, args.rate)
    seconds = notes[-1].seconds if notes else 0.0
    whole = (0.0, float("inf"))
    lookups, asked = soak.lookup_ms.between(*whole), soak.question_s.between(*whole)
    sent, position = notes[-1].sent if notes else 0, home.memory.log.position()
    return {
        "seconds": round(seconds, 1),
        "minutes_asked_for": args.minutes,
        "rate_asked_for": args.rate,
        "sent_per_s": round(sent / seconds) if seconds else 0,
        "acknowledged": position,
        "indexed": home.memory.index.position(),
        "most_lag": max((note.lag for note in notes), default=0),
        "most_behind_s": max((note.behind_s for note in notes), default=0.0),
        "until_all_is_shown_s": round(soak.catch_up_s, 2),
        "lookups": len(lookups),
        "lookup_p50_ms": percentile(lookups, 50),
        "lookup_p99_ms": percentile(lookups, 99),
        "lookup_p999_ms": percentile(lookups, 99.9),
        "lookup_most_ms": percentile(lookups, 100),
        "accept_p99_ms": percentile(soak.accept_ms.between(*whole), 99),
        "questions": len(asked),
        "question_p50_s": percentile(asked, 50),
        "question_most_s": percentile(asked, 100),
        "rss_anon_mb": max((note.rss_anon_mb for note in notes), default=0.0),
        "rss_file_mb": max((note.rss_file_mb for note in notes), default=0.0),
        "disk_mb": notes[-1].disk_mb if notes else 0.0,
        "bytes_per_scan": round(notes[-1].disk_mb * 1e6 / max(sent, 1), 1) if notes else 0.0,
        "cpu": round(float(np.mean([note.cpu for note in notes])), 2) if notes else 0.0,
        "cores": len(os.sched_getaffinity(0)),
        "ended": f"failed: {soak.failure!r}"
        if soak.failure
        else "stopped"
        if seconds < args.minutes * 60
        else "in time",
        "kept_up": bool(notes) and sent >= 0.99 * args.rate * seconds - args.rows * (args.senders + 1),
        "flat": all(trend["flat"] for trend in trends.values()) if trends else None,
        "trends": trends,
        "course": msgspec.to_builtins(notes),
    }


def _warm_up(folder: Path) -> None:
    """Load a few scans elsewhere, so that nothing is compiled while the clock runs."""
    world, rows = World(200), 500
    home = open_new_home(folder)
    try:
        bodies = Bodies(make_bodies(world, rows))
        Loading(home, world, world.counts().rows, bodies, world.parcels * STEPS).run(1, rows, lambda _: None)
    finally:
        home.close()


def _draw(notes: list[Note], path: Path) -> None:
    curves = {
        "memory, MB": [(note.sent, note.rss_anon_mb) for note in notes],
        "look-up p50, ms": [(note.sent, note.lookup_p50_ms or 0.0) for note in notes],
        "look-up p99, ms": [(note.sent, note.lookup_p99_ms or 0.0) for note in notes],
        "lag, 1,000 scans": [(note.sent, note.lag / 1000) for note in notes],
        "sent, 1,000 a s": [(note.sent, note.sent_per_s / 1000) for note in notes],
    }
    above = {name: [point for point in curve if point[1] > 0] for name, curve in curves.items()}
    draw({name: curve for name, curve in above.items() if curve}, "Soak: does anything creep up?", path)


def _print_tables(figures: dict[str, Any]) -> None:
    console = Console()
    table = Table("figure", "value", title="soak")
    for name, value in figures.items():
        if name not in ("trends", "course"):
            table.add_row(name, _shown(value))
    console.print(table)
    table = Table("of", "first third", "last third", "rise in an hour", "flat", title="Does it creep up?")
    for name, trend in figures["trends"].items():
        numbers = (f"{trend[each]:,}" for each in ("first_third", "last_third", "per_hour"))
        table.add_row(name, *numbers, _shown(trend["flat"]))
    console.print(table)


def _shown(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,}"
    return str(value)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./scripts/bench soak", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    told = parser.add_argument
    told("--minutes", type=float, default=15.0, help="how long")
    told("--rate", type=int, default=200_000, help="scans a second")
    told("--rows", type=int, default=10_000, help="scans in a body")
    told("--senders", type=int, default=2, help="threads that hand in bodies")
    told("--window", type=int, default=WINDOW, help="over so many scans the ten of a parcel are spread")
    told("--most-lag", type=int, default=6_000_000, help="senders wait while the index lags further behind")
    told("--ask-every", type=float, default=5.0, help="seconds between two questions to history")
    told("--note-every", type=float, default=5.0, help="seconds between two notes")
    told("--seed", type=int, default=1, help="of the scans and of who is looked up")
    told("--picture", type=Path, help="where to draw the course, as SVG")
    told("--folder", type=Path, help="where the temporary folder goes; on the disk that is to be measured")
    told("--json", action="store_true", help="print JSON instead of tables")
    args = parser.parse_args()
    low = [
        f"--{name.replace('_', '-')}"
        for name in ("minutes", "rate", "rows", "senders", "window", "most_lag", "ask_every", "note_every")
        if getattr(args, name) <= 0
    ]
    if low or args.seed < 0:
        parser.error(f"{', '.join(low) or '--seed'}: too low")
    return args


if __name__ == "__main__":
    main()
