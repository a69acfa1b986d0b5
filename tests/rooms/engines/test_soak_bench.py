"""The soak benchmark: it keeps its pace, notes what it should, tells flat from creeping, and ends in order."""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.load.loading import open_new_home
from benchmarks.soak import main
from benchmarks.soaks.notes import Note, Times, find_trends, percentile
from benchmarks.soaks.soaking import Pace, Soak
from benchmarks.worlds import World

REPO = Path(__file__).parents[3]
FEW = ("--rate", "20000", "--rows", "1000", "--window", "2000", "--note-every", "0.5", "--ask-every", "0.5")


def soak(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.soak", *arguments]
    return subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def note(seconds: float, *, rss_anon_mb: float = 100.0, lag: int = 10, p50_ms: float = 1.0) -> Note:
    return Note(
        seconds=seconds,
        sent=int(seconds * 100),
        sent_per_s=100,
        behind_s=0.0,
        lag=lag,
        lookups=10,
        lookup_p50_ms=p50_ms,
        lookup_p99_ms=2 * p50_ms,
        lookup_most_ms=3 * p50_ms,
        accept_p99_ms=5.0,
        question_s=None,
        rss_anon_mb=rss_anon_mb,
        rss_file_mb=10.0,
        disk_mb=seconds,
        cpu=0.5,
    )


def course(**rising: float) -> list[Note]:
    """An hour of notes; what is named rises by so much a minute."""
    start = {"rss_anon_mb": 200.0, "lag": 10.0, "p50_ms": 1.0}
    notes = []
    for minute in range(1, 61):
        values: dict[str, Any] = {name: value + rising.get(name, 0.0) * minute for name, value in start.items()}
        values["lag"] = int(values["lag"])
        notes.append(note(minute * 60.0, **values))
    return notes


def lookups_of(notes: list[Note]) -> Times:
    times = Times()
    for each in notes:
        for _ in range(99):
            times.add(each.seconds - 1, each.lookup_p50_ms or 0.0)
        times.add(each.seconds - 1, each.lookup_p99_ms or 0.0)
    return times


def test_times_are_told_by_when_they_ended() -> None:
    times = Times()
    for end_s, took in ((0.5, 3.0), (1.0, 1.0), (2.5, 2.0)):
        times.add(end_s, took)
    assert times.between(0, 2).tolist() == [3.0, 1.0]
    assert times.between(1, 9).tolist() == [1.0, 2.0]
    assert percentile(times.between(0, 9), 50) == 2.0
    assert percentile(times.between(5, 9), 50) is None


def test_what_stays_is_flat() -> None:
    notes = course()
    trends = find_trends(notes, lookups_of(notes), 100)
    assert {name: trend["flat"] for name, trend in trends.items()} == dict.fromkeys(
        ("rss_anon_mb", "lag_s", "lookup_p50_ms", "lookup_p99_ms"), True
    )
    assert trends["rss_anon_mb"] == {"first_third": 200.0, "last_third": 200.0, "per_hour": 0.0, "flat": True}
    assert trends["lag_s"]["first_third"] == 0.1


@pytest.mark.parametrize(
    ("rising", "creeping", "per_hour"),
    [
        ({"rss_anon_mb": 5.0}, {"rss_anon_mb"}, 300.0),
        ({"lag": 10.0}, {"lag_s"}, 6.0),
        ({"p50_ms": 0.5}, {"lookup_p50_ms", "lookup_p99_ms"}, 30.0),
    ],
)
def test_what_creeps_up_is_not(rising: dict[str, float], creeping: set[str], per_hour: float) -> None:
    notes = course(**rising)
    trends = find_trends(notes, lookups_of(notes), 100)
    assert {name for name, trend in trends.items() if not trend["flat"]} == creeping
    assert trends[min(creeping)]["per_hour"] == pytest.approx(per_hour, rel=0.01)


def test_of_two_notes_nothing_is_said() -> None:
    assert find_trends(course()[:2], Times(), 100) == {}


def test_a_sender_that_fails_ends_the_soak_and_says_why(tmp_path: Path) -> None:
    world = World(50)
    bodies = iter([world.body(np.arange(100)), b'{"number":"A1"}\n'])
    pace = Pace(minutes=10, rate=1_000, rows=100, senders=1, most_lag=1_000, ask_every_s=600, note_every_s=0.05)
    home = open_new_home(tmp_path / "home")
    try:
        tried = Soak(home, world, lambda: next(bodies), pace)
        tried.run(lambda _: None)
        assert "A row was refused" in str(tried.failure)
        assert home.memory.log.position() == 100
        assert tried.notes
    finally:
        home.close()


def figures_of(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors[-2_000:]
    figures: dict[str, Any] = json.loads(out)
    return figures


@pytest.mark.heavy
def test_it_keeps_its_pace_and_prints_its_figures(tmp_path: Path) -> None:
    picture = tmp_path / "soak.svg"
    arguments = ("--minutes", "0.1", "--folder", str(tmp_path), "--picture", str(picture), "--json")
    figures = figures_of(soak(*FEW, *arguments))
    assert (figures["ended"], figures["rate_asked_for"]) == ("in time", 20_000)
    assert figures["seconds"] == pytest.approx(6.0, abs=0.5)
    assert figures["acknowledged"] == figures["indexed"]
    assert 0 < figures["acknowledged"] <= 20_000 * 6.5 + 2_000  # never faster than it should
    positive = (
        "lookups",
        "questions",
        "question_most_s",
        "lookup_p50_ms",
        "accept_p99_ms",
        "rss_anon_mb",
        "rss_file_mb",
        "disk_mb",
        "cpu",
    )
    assert [name for name in positive if not figures[name] > 0] == []
    assert figures["lookup_p50_ms"] <= figures["lookup_p99_ms"] <= figures["lookup_most_ms"]
    course = figures["course"]
    assert len(course) >= 3
    assert sum(each["lookups"] for each in course) <= figures["lookups"]
    assert [each["sent"] for each in course] == sorted(each["sent"] for each in course)
    assert figures["flat"] == all(trend["flat"] for trend in figures["trends"].values())
    assert "memory, MB</text>" in picture.read_text()
    assert list(tmp_path.iterdir()) == [picture]


def has_begun(folder: Path) -> bool:
    return any("warm-up" not in path.parts for path in folder.rglob("*.seg"))


@pytest.mark.heavy
def test_a_stop_leaves_what_was_measured_so_far(tmp_path: Path) -> None:
    process = soak(*FEW, "--minutes", "10", "--folder", str(tmp_path), "--json")
    until = time.monotonic() + 60
    while not has_begun(tmp_path) and time.monotonic() < until:
        assert process.poll() is None, process.communicate()[1][-2_000:]
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.send_signal(signal.SIGINT)
    figures = figures_of(process)
    assert figures["ended"] == "stopped"
    assert 0 < figures["acknowledged"] == figures["indexed"]
    assert figures["course"]
    assert list(tmp_path.iterdir()) == []


def test_help_says_what_it_does_and_low_numbers_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["soak", "--help"])
    with pytest.raises(SystemExit, match="0"):
        main()
    told = capsys.readouterr().out
    assert "does anything creep up?" in " ".join(told.split())
    assert "(default: 200000)" in told
    monkeypatch.setattr(sys, "argv", ["soak", "--rate", "0"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "--rate: too low" in capsys.readouterr().err
