"""The benchmark of the way in over HTTP: it counts what a real server acknowledged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.http import Stock

REPO = Path(__file__).parents[3]


def test_no_scan_of_the_stock_is_sent_twice() -> None:
    stock = Stock(200, 50, seed=3)
    bodies = [stock.take() for _ in range(3 * len(stock.rows))]
    lines = [line for body, rows, _ in bodies for line in body.splitlines()]
    assert len(lines) == sum(rows for _, rows, _ in bodies)
    numbers = {json.loads(line)["number"] for line in lines}
    parcels = {number[2:] for number in numbers}
    assert len(numbers) == 3 * len(parcels)
    assert all(json.loads(body.splitlines()[0])["number"] == number for body, _, number in bodies)


@pytest.mark.heavy
def test_it_prints_its_figures(tmp_path: Path) -> None:
    options = {"stock": 20_000, "batch": 1_000, "warm-up-s": 1, "burst-s": 2, "rate": 5_000, "steady-s": 3}
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "benchmarks.http", *given, "--json", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    burst, steady = figures["burst"], figures["steady"]
    assert burst["turned_away"] == steady["turned_away"] == 0
    assert burst["accepted"] > 0
    assert 0 < burst["ack_p50_ms"] <= burst["ack_p99_ms"]
    assert 0 < burst["indexed_per_s"] <= burst["acknowledged_per_s"]
    assert 5_000 <= steady["accepted"] <= 25_000
    assert steady["lookup_p50_ms"] > 0
    assert list(tmp_path.iterdir()) == []
