"""The benchmark of promises: it measures what it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]


@pytest.mark.heavy
def test_promises_are_timed_beside_the_trees_alone() -> None:
    asked = ["--parcels", "3000", "--batch", "500", "--singles", "20", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.promise", *asked], cwd=REPO, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout)
    assert (told["trips"], told["batch"]) == (3000, 500)
    assert min(told[name] for name in ("promises_per_cpu_s", "trees_alone_per_cpu_s", "times_as_fast")) > 0
    assert 0 < told["single_p50_ms"] <= told["single_p99_ms"]
