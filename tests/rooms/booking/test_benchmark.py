"""The benchmark of bookings: it measures what it prints, and notices what is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.booking import Wrong, check

from waypost.app.notebook import open_house

REPO = Path(__file__).parents[3]


def test_it_measures_all_that_it_names() -> None:
    command = [sys.executable, "-m", "benchmarks.booking", "--orders", "24", "--at-once", "3", "--json"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2_000:]
    figures = json.loads(done.stdout)
    assert figures["orders"] == 24
    assert all(value > 0 for value in figures.values()), figures


def test_it_notices_an_order_without_a_waybill(tmp_path: Path) -> None:
    with open_house(tmp_path / "home", read_only=False) as house, pytest.raises(Wrong, match="1 orders have 0"):
        check(house, "nobody", 1)
