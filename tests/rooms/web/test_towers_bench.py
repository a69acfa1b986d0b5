"""The benchmark of open towers: it counts what a real server takes in while others watch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]


@pytest.mark.heavy
def test_it_prints_its_figures(tmp_path: Path) -> None:
    options = {"towers": 10, "turns": 1, "seconds": 3, "warm-up-s": 1, "stock": 20_000, "batch": 1_000}
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "benchmarks.towers", *given, "--json", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["indexed_per_s"]["with"] > 0
    assert figures["turns"]["without"][0]["towers"]["events"] == 0
    assert figures["turns"]["with"][0]["towers"]["events"] >= 10
