"""The benchmark of carriers: it measures what it prints, and notices what is lost."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from benchmarks.couriers.parsing import LeftOut, karrio_parser
from benchmarks.couriers.pushing import Wrong, check
from benchmarks.couriers.samples import SCANS, hear, list_names

from waypost.app.notebook import open_house
from waypost.carriers.adapter import Operation
from waypost.carriers.adapters import list_adapters

REPO = Path(__file__).parents[3]


@pytest.mark.heavy
def test_it_measures_all_that_it_names() -> None:
    command = [sys.executable, "-m", "benchmarks.carriers", "--seconds", "0.03", "--pushes", "48", "--json"]
    done = subprocess.run([*command, "--connections", "3"], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2_000:]
    figures: dict[str, Any] = json.loads(done.stdout)
    assert set(figures["scans_per_s_and_core"]) == set(list_names())
    for name, told in figures["scans_per_s_and_core"].items():
        operations = list_adapters()[name].operations
        assert ("asked" in told) == (Operation.TRACK in operations)
        assert ("pushed" in told) == (Operation.PUSH in operations)
        assert min(told.values()) > 0
    assert figures["usps"]["ours, one by one"] > 0
    assert figures["pushes"]["all"] == {"in_the_log": 2 * (48 + 24), "kept_sealed": 2 * (48 + 24)}
    for name in ("yto", "zto"):
        told = figures["pushes"][name]
        assert told["pushes"] == 48
        assert told["acknowledged_per_s"] > 0
        assert told["ack_p99_ms"] >= told["ack_p50_ms"] > 0


def test_what_is_lost_is_noticed(tmp_path: Path) -> None:
    with open_house(tmp_path, read_only=False):
        pass
    assert check(tmp_path, set(), 0) == {"in_the_log": 0, "kept_sealed": 0}
    with pytest.raises(Wrong, match="1 scans were thanked for, 0 are in the log: 1 lost, 0 strange"):
        check(tmp_path, {("yto", "YT1", "GOT", 0)}, 1)


def test_karrio_reads_the_same_scans() -> None:
    heard = hear("usps", tracking="v3")
    if find_spec("karrio") is None:
        with pytest.raises(LeftOut, match="left out: karrio is not installed"):
            karrio_parser(heard)
    else:
        assert karrio_parser(heard)() == SCANS * len(heard.asked)
        assert heard.source.track(heard.asked).rows.table.num_rows == SCANS * len(heard.asked)
