"""The benchmark of bookings: it measures what it prints, and notices what is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.booking import Wrong, check

from waypost.app.notebook import open_house

REPO = Path(__file__).parents[3]


@pytest.mark.heavy
@pytest.mark.parametrize("records", ["sqlite", "postgresql"])
def test_it_measures_all_that_it_names(records: str) -> None:
    asked = ["--orders", "24", "--at-once", "3", "--records", records, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.booking", *asked], cwd=REPO, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout)
    assert told["orders"] == 24
    fake, pool = told["runs"]
    assert (fake.pop("records"), fake.pop("account"), pool.pop("account")) == (records, "yto", "pool")
    pool.pop("records")
    if "left_out" in fake:
        pytest.skip(fake["left_out"])
    assert fake.keys() > pool.keys()
    # nothing where the program took as much before, and where so few orders take less than a tick of 10 ms
    maybe_none = ("of_that_for_the_orders_mb", "fake_cpu_ms_a_booking")
    found = [(name, value) for figures in (fake, pool) for name, value in figures.items()]
    assert [each for each in found if each[1] < 0 or (each[1] == 0 and each[0] not in maybe_none)] == []


def test_it_notices_an_order_without_a_waybill(tmp_path: Path) -> None:
    with open_house(tmp_path / "home", read_only=False) as house, pytest.raises(Wrong, match="1 orders have 0"):
        check(house, "nobody", 1)
