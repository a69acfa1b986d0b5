"""The benchmark of the engine: the scans it makes are what it says, and it measures what it prints."""

import itertools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
from benchmarks.worlds import SCANS_A_PARCEL, batches_of

from waypost.model.scans import IDENTITY, check_batch

REPO = Path(__file__).parents[3]


def made(seed: int, scans: int, rows: int) -> list[pa.RecordBatch]:
    return list(batches_of(seed, scans, rows))


def test_the_scans_are_as_many_and_the_same_for_the_same_seed() -> None:
    batches = made(3, 25_000, 4_000)
    assert [batch.num_rows for batch in batches] == [4_000] * 6 + [1_000]
    for batch in batches:
        check_batch(batch)
    table = pa.Table.from_batches(batches)
    assert table.to_pylist() == pa.Table.from_batches(made(3, 25_000, 5_000)).to_pylist()
    assert table.column("number").to_pylist() != pa.Table.from_batches(made(4, 25_000, 4_000)).column(1).to_pylist()


def test_duplicates_and_late_scans_come_as_often_as_it_says() -> None:
    table = pa.Table.from_batches(made(1, 60_000, 10_000))
    times = Counter(zip(*(table.column(name).to_pylist() for name in IDENTITY), strict=True))
    assert 0.015 < 1 - len(times) / table.num_rows < 0.025
    seen: dict[str, int] = {}
    late = 0
    for number, at in zip(
        table.column("number").to_pylist(), table.column("at").cast("int64").to_pylist(), strict=True
    ):
        late += at < seen.get(number, at)
        seen[number] = max(at, seen.get(number, at))
    assert 0.02 < late / table.num_rows < 0.08
    whole = list(itertools.islice(seen, len(seen) // 2))
    scans = Counter(number for _, number, *_ in times)
    assert sum(scans[number] for number in whole) / len(whole) > 0.95 * SCANS_A_PARCEL


def test_it_prints_its_figures() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.scans",
        "--scans",
        "3000",
        "--batch",
        "700",
        "--lookups",
        "50",
        "--json",
    ]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    named = (
        "acknowledged_per_s",
        "indexed_per_s",
        "lookup_p50_ms",
        "lookup_p99_ms",
        "bytes_per_scan",
        "cpu_s",
        "rss_mb",
    )
    assert all(figures[name] > 0 for name in (*named, "rss_mb"))
    assert (figures["scans"], figures["batch"], figures["lookups"]) == (3000, 700, 50)
    assert figures["lookup_p50_ms"] <= figures["lookup_p99_ms"]
