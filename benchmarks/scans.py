"""How fast scans are acknowledged and indexed, how long a look-up takes, and what a scan costs on disk.

Imagined parcels (`benchmarks/worlds.py`) are appended batch by batch to a new home of the local engine; then random
numbers are looked up, states and timeline.
"""

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.worlds import batches_of
from waypost.engines.local.home import LocalHome, open_home
from waypost.track.fold import StatusFold
from waypost.track.tables import CodeTables

_MINUTES = 60


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="./scripts/bench scans", description=__doc__)
    parser.add_argument("--scans", type=int, default=1_000_000, help="how many, duplicates among them")
    parser.add_argument("--batch", type=int, default=10_000, help="scans in one append")
    parser.add_argument("--lookups", type=int, default=2_000, help="how many numbers to look up")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args()
    if min(args.scans, args.batch, args.lookups) < 1:
        parser.error("--scans, --batch and --lookups are at least 1")
    with tempfile.TemporaryDirectory(prefix="waypost-bench-") as folder:
        figures = measure(Path(folder) / "home", args.scans, args.batch, args.lookups, args.seed)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        table = Table("figure", "value", title="scans")
        for name, value in figures.items():
            table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
        Console().print(table)


def measure(folder: Path, scans: int, rows: int, lookups: int, seed: int) -> dict[str, Any]:
    """All figures, by name."""
    home = open_home(folder, StatusFold(CodeTables.load()))
    try:
        with Progress(console=Console(file=sys.stderr), transient=True) as progress:
            task = progress.add_task("acknowledged", total=scans)
            cpu_s, generated_s, numbers = _cpu_s(), 0.0, []
            started = time.perf_counter()
            appending_s = 0.0
            source = batches_of(seed, scans, rows)
            while True:
                mark, mark_cpu = time.perf_counter(), time.thread_time()
                batch = next(source, None)
                generated_s += time.thread_time() - mark_cpu
                if batch is None:
                    break
                numbers.append(batch.column("number").slice(0, max(1, 20 * lookups * rows // scans)))
                mark = time.perf_counter()
                home.memory.log.append(batch)
                appending_s += time.perf_counter() - mark
                progress.advance(task, batch.num_rows)
            progress.update(task, description="indexed")
            home.memory.index.catch_up(scans, timeout_s=scans / 1_000 + _MINUTES)
            indexed_s = time.perf_counter() - started
        cpu_s = _cpu_s() - cpu_s - generated_s
        took_ms, found = _look_up(home, pa.concat_arrays(numbers), lookups, seed)
    finally:
        home.close()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {
        "scans": scans,
        "acknowledged_per_s": round(scans / appending_s),
        "indexed_per_s": round(scans / indexed_s),
        "lookup_p50_ms": round(float(np.percentile(took_ms, 50)), 3),
        "lookup_p99_ms": round(float(np.percentile(took_ms, 99)), 3),
        "lookups": lookups,
        "scans_per_lookup": round(found / lookups, 2),
        "bytes_per_scan": round(size / scans, 1),
        "cpu_s": round(cpu_s, 2),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "seconds": round(indexed_s, 2),
        "batch": rows,
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def _look_up(home: LocalHome, numbers: pa.Array, lookups: int, seed: int) -> tuple[list[float], int]:
    """How long each look-up took, and how many scans were found in all."""
    index = home.memory.index
    chosen = numbers.take(pa.array(np.random.default_rng(seed).integers(0, len(numbers), lookups))).to_pylist()
    took_ms, found = [], 0
    for number in chosen:
        mark = time.perf_counter()
        states, timeline = index.states([number]), index.timelines([number])
        took_ms.append((time.perf_counter() - mark) * 1e3)
        if sum(states.column("scans").to_pylist()) != timeline.num_rows or not timeline.num_rows:
            raise SystemExit(f"The look-up of {number} is wrong: {states.to_pylist()}, {timeline.num_rows} scans.")
        found += timeline.num_rows
    return took_ms, found


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
