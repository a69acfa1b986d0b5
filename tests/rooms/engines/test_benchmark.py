"""The benchmarks: the scans they make are what they say, they measure what they print, and notice what is wrong."""

import functools
import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from benchmarks.load import versus
from benchmarks.load.bodies import Bodies
from benchmarks.load.course import Course
from benchmarks.load.exactness import Inexact, check_counts, check_parcels, fold_with_duckdb
from benchmarks.load.loading import Loading, open_new_home
from benchmarks.load.machine import cpu_s, list_children, rss_anon_mb
from benchmarks.load.picture import draw
from benchmarks.peers import PEERS, LeftOut
from benchmarks.worlds import CARRIERS, FACILITIES, RECORDED_MS, STEPS, World

from waypost.engines.local.catalogue import find_mergeable, read_catalogue
from waypost.engines.reference import open_reference
from waypost.model.scans import check_batch
from waypost.store.protocols import Memory
from waypost.track.fold import StatusFold
from waypost.track.intake import take_in
from waypost.track.plain import read_lines
from waypost.track.tables import bundled_tables

REPO = Path(__file__).parents[3]
SMALL = World(60, seed=7)


def ids_of(world: World, rows: int = 1_000) -> np.ndarray:
    return np.concatenate(list(world.blocks(rows)))


@functools.cache
def large() -> tuple[World, np.ndarray, pa.Table]:
    """A world with its scans in the order of their coming."""
    world = World(6_000, seed=1)
    ids = ids_of(world)
    return world, ids, pa.Table.from_batches([world.batch(ids)])


def run(module: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2_000:]
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


# Worlds


def test_the_scans_are_the_same_for_the_same_seed_however_they_are_cut() -> None:
    ids = ids_of(SMALL, 7)
    assert [len(block) for block in SMALL.blocks(250)] == [250, 250, len(ids) - 500]
    assert ids.tolist() == ids_of(SMALL, 250).tolist()
    assert SMALL.body(ids) == b"".join(SMALL.body(block) for block in SMALL.blocks(41))
    assert SMALL.batch(ids) == World(60, seed=7).batch(ids)
    other = World(60, seed=8)
    assert other.numbers(np.arange(60)).to_pylist() != SMALL.numbers(np.arange(60)).to_pylist()
    assert ids_of(other).tolist() != ids.tolist()


def test_it_counts_exactly_what_it_sends() -> None:
    world, ids, _ = large()
    counts = world.counts()
    assert (counts.rows, counts.distinct, counts.parcels) == (len(ids), 60_000, 6_000)
    assert np.unique(ids).tolist() == list(range(counts.distinct))
    assert counts.duplicates == counts.rows - counts.distinct
    assert 0.018 < counts.duplicates / counts.distinct < 0.022


def test_columns_and_json_are_the_same_scans() -> None:
    world, ids, _ = large()
    rows = read_lines(world.body(ids[:5_000]), 5_000)
    assert not rows.rows  # the fast reader takes all of them
    assert not rows.refusals
    read = take_in(rows, lambda pairs: [None] * len(pairs), now_ms=RECORDED_MS, recorded_at_ms=RECORDED_MS)
    made = world.batch(ids[:5_000])
    check_batch(made)
    assert read.refusals == []
    assert read.scans.to_pylist() == made.to_pylist()


def test_numbers_are_spread_over_the_number_space_and_no_two_are_the_same() -> None:
    numbers = World(50_000).numbers(np.arange(50_000)).to_pylist()
    assert len({number[:13] for number in numbers}) == 50_000
    lengths, letters = Counter(map(len, numbers)), Counter(number[0] for number in numbers)
    assert sorted(lengths) == [13, 14, 15, 16, 17, 18]
    assert min(lengths.values()) > 7_500
    assert len(letters) == 24
    assert min(letters.values()) > 1_700
    neighbours = np.array([number[:2] == after[:2] for number, after in itertools.pairwise(numbers)])
    assert neighbours.mean() < 0.01


def test_words_and_notes_are_as_many_as_it_says() -> None:
    _, _, table = large()
    assert set(table.column("carrier").to_pylist()) == set(CARRIERS)
    assert len(set(table.column("facility").to_pylist())) == FACILITIES
    assert 0.48 < table.column("note").null_count / table.num_rows < 0.52
    ms = np.asarray(table.column("at").cast(pa.int64()))
    assert not (ms % 1000).any()
    codes = bundled_tables().classify(table.column("carrier").to_pylist(), table.column("code").to_pylist())
    assert codes.all()  # 0 is: unknown


def test_scans_come_late_twice_and_spread_over_the_window() -> None:
    world, ids, _ = large()
    cohort_rows = STEPS * world.cohort
    first = dict(zip(ids[::-1].tolist(), range(len(ids) - 1, -1, -1), strict=True))
    arrival = np.array([first[scan] for scan in range(world.parcels * STEPS)]).reshape(-1, STEPS)
    is_late = arrival[:, :-1] > np.minimum.accumulate(arrival[:, :0:-1], axis=1)[:, ::-1]
    assert 0.04 < is_late.sum() / arrival.size < 0.06
    spread = np.median(arrival.max(axis=1) - arrival.min(axis=1))
    assert 0.8 * STEPS * cohort_rows < spread < 1.2 * STEPS * cohort_rows
    again = [row - first[scan] for row, scan in enumerate(ids.tolist()) if first[scan] != row]
    near = sum(gap < cohort_rows * 1.2 for gap in again) / len(again)
    assert 0.4 < near < 0.6
    far = np.median([gap for gap in again if gap >= cohort_rows * 1.2])
    assert 4 * cohort_rows < far < 6 * cohort_rows


def test_worlds_writes_a_world_down(tmp_path: Path) -> None:
    figures = run("worlds", "--scans", "600", "--seed", "7", "--to", str(tmp_path / "scans.ndjson"))
    text = (tmp_path / "scans.ndjson").read_bytes()
    assert text == SMALL.body(ids_of(SMALL))
    assert (figures["rows"], figures["parcels"]) == (text.count(b"\n"), 60)
    assert figures["bytes"] == len(text)


# Measuring


def test_a_course_tells_rates_over_any_stretch() -> None:
    course = Course()
    for moment in ((1.0, 100, 0.5), (1.5, 100, 0.7), (2.0, 300, 1.5)):
        course.note(*moment)
    assert course.seconds_at(200) == 1.5
    assert (course.per_s(0, 100), course.per_s(100, 300), course.per_s(0, 300)) == (100, 200, 150)
    assert course.cpu_us(0, 300) == 5_000
    assert course.stretches(3) == [
        {"scans": 100, "per_s": 100, "cpu_us_per_scan": 5_000},
        {"scans": 200, "per_s": 200, "cpu_us_per_scan": 5_000},
        {"scans": 300, "per_s": 200, "cpu_us_per_scan": 5_000},
    ]


def test_cpu_and_memory_are_told_of_children_too() -> None:
    before_s, before_mb = cpu_s(), rss_anon_mb()
    program = (
        "import sys, time\nkept = bytearray(b'x' * (64 << 20))\nwhile time.process_time() < 0.5: pass\n"
        "print('ready', flush=True)\nsys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in list_children(os.getpid())
        assert cpu_s() - before_s >= 0.45
        assert rss_anon_mb() - before_mb > 60
        child.communicate(b"")
    assert cpu_s() - before_s >= 0.45  # of one that has ended too


def test_a_picture_has_a_line_for_each(tmp_path: Path) -> None:
    curves = {"ours": [(100, 20_000.0), (200, 30_000.0)], "a & b": [(100, 500.0), (150, 400.0)]}
    draw(curves, "Rates", tmp_path / "rates.svg")
    text = (tmp_path / "rates.svg").read_text()
    assert text.count("<polyline") == 2
    assert ">a &amp; b</text>" in text
    assert ">100k</text>" in text


# Exactness


@pytest.fixture
def sent(tmp_path: Path) -> list[Path]:
    """The files of the small world."""
    paths: list[Path] = []
    for ids in SMALL.blocks(200):
        paths.append(tmp_path / f"{len(paths)}.ndjson")
        paths[-1].write_bytes(SMALL.body(ids))
    return paths


@pytest.fixture
def memory() -> Iterator[Memory]:
    """The reference engine with the small world in it."""
    reference = open_reference(StatusFold(bundled_tables()))
    for ids in SMALL.blocks(300):
        reference.log.append(SMALL.batch(ids))
    assert reference.index.catch_up(reference.log.position(), 10)
    yield reference
    reference.close()


def test_what_is_all_there_passes(memory: Memory, sent: list[Path]) -> None:
    check_counts(memory, SMALL)
    assert check_parcels(memory, SMALL, 1_000, sent) == SMALL.parcels


def test_a_scan_too_much_is_noticed(memory: Memory, sent: list[Path]) -> None:
    memory.log.append(SMALL.batch(np.array([0])))
    memory.index.catch_up(memory.log.position(), 10)
    rows = SMALL.counts().rows
    with pytest.raises(Inexact, match=rf"^rows in the log: {rows + 1} instead of {rows}; rows indexed: "):
        check_counts(memory, SMALL)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace(b"+08:00", b"+07:00", 1), "timeline"),
        (lambda text: text.replace(b'"facility":"H0', b'"facility":"H1', 1), "timeline"),
        (lambda text: text[text.index(b"\n") + 1 :], "timeline"),
    ],
    ids=["instant", "facility", "a scan less"],
)
def test_a_parcel_that_differs_is_named(
    memory: Memory, sent: list[Path], spoil: Callable[[bytes], bytes], said: str
) -> None:
    last = sent[-1].read_bytes()
    number = last.split(b'"')[3].decode()
    assert b"".join(path.read_bytes() for path in sent).count(last[: last.index(b"\n")]) == 1  # sent once
    sent[-1].write_bytes(spoil(last))
    with pytest.raises(Inexact, match=f"^The {said} of {number} is "):
        check_parcels(memory, SMALL, 1_000, sent)


def test_the_fold_by_duckdb_is_the_story_that_was_told(tmp_path: Path) -> None:
    scans = [
        {"number": "A1", "carrier": "sf", "code": "80", "at": "2025-01-03T00:00:00+08:00", "facility": "H2"},
        {"number": "A1", "carrier": "sf", "code": "50", "at": "2025-01-01T00:00:00+08:00", "facility": "H1"},
        {"number": "A1", "carrier": "sf", "code": "31", "at": "2025-01-04T00:00:00+08:00", "facility": "H3"},
        {"number": "A1", "carrier": "sf", "code": "50", "at": "2025-01-01T00:00:00+08:00", "facility": "H1"},
        {"number": "B2", "carrier": "sf", "code": "50", "at": "2025-01-01T00:00:00+08:00", "facility": "H1"},
    ]
    (tmp_path / "a.ndjson").write_bytes(b"\n".join(msgspec.json.encode(scan) for scan in scans))
    timelines, states = fold_with_duckdb([tmp_path / "a.ndjson"], ["A1"])
    assert timelines.column("code").to_pylist() == ["50", "80", "31"]
    (state,) = states.to_pylist()
    delivered = bundled_tables().find_status("sf", "80")
    assert (state["scans"], state["status"], state["code"], state["facility"]) == (3, delivered, "31", "H3")
    day_ms = 86_400_000
    assert state["last_at"] - state["first_at"] == 3 * day_ms
    assert state["last_at"] - state["status_at"] == day_ms


# Peers


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_holds_what_it_was_given_or_says_why_it_is_left_out(name: str) -> None:
    own = Course([0.0, 1.0], [0, 10_000], [0.0, 1.0])
    figures = versus.run_peer(name, World(400), 1_000, own, 20, 60, lambda _: None)
    if "left_out" in figures:
        assert list(figures) == ["left_out"]
        assert "there is no" in figures["left_out"] or "not installed" in figures["left_out"]
        return
    assert figures["scans"] == World(400).counts().rows
    assert figures["own_per_s"] == 10_000
    assert figures["times_as_fast"] == pytest.approx(10_000 / figures["per_s"], abs=0.01)
    assert 0 < figures["lookup_p50_ms"] <= figures["lookup_p99_ms"]
    assert figures["bytes_per_scan"] > 0


class Forgetful:
    """A peer that forgets the first batch."""

    def __init__(self) -> None:
        self.scans = -1_000
        self.is_closed = False

    def load(self, scans: pa.RecordBatch) -> None:
        self.scans += scans.num_rows

    def look_up(self, number: str) -> tuple[int, int]:
        return 10, 0

    def counts(self) -> tuple[int, int]:
        return self.scans, 400

    def close(self) -> None:
        self.is_closed = True


def test_a_peer_that_is_wrong_has_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Forgetful()
    monkeypatch.setattr(versus, "open_peer", lambda name, folder: peer)
    with pytest.raises(versus.WrongPeer, match="but was given"):
        versus.run_peer("forgetful", World(400), 1_000, Course(), 20, 60, lambda _: None)
    assert peer.is_closed


def test_a_peer_stops_when_its_time_is_up_and_is_held_against_as_many_of_ours() -> None:
    own = Course([0.0, 0.1, 10.0], [0, 1_000, 5_000], [0.0, 0.0, 0.0])
    figures = versus.run_peer("sqlite", World(400), 1_000, own, 20, 0, lambda _: None)
    assert (figures["scans"], figures["own_per_s"]) == (1_000, 10_000)


def test_a_peer_that_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, folder: Path) -> None:
        raise LeftOut(f"there is no {name}")

    monkeypatch.setattr(versus, "open_peer", refuse)
    figures = versus.run_peer("sqlite", World(20), 50, Course(), 5, 60, lambda _: None)
    assert figures == {"left_out": "there is no sqlite"}


# The whole


@pytest.mark.heavy
@pytest.mark.parametrize("way", ["before", "on the way"])
def test_it_prints_its_figures(tmp_path: Path, way: str) -> None:
    arguments = ["--scans", "3000", "--batch", "700", "--lookups", "50", "--cold-lookups", "5", "--sample", "100"]
    pictures = [tmp_path / "rates.svg", tmp_path / "costs.svg"]
    if way == "before":
        arguments += ["--peers", "sqlite", "--picture", str(pictures[0]), "--costs", str(pictures[1])]
    else:
        arguments += ["--stream", "--senders", "1", "--most-lag", "500"]
    figures = run("scans", *arguments, "--json")
    positive = (
        *("acknowledged_per_s", "indexed_per_s", "merged_per_s", "first_tenth_per_s", "last_tenth_per_s"),
        *(
            "cpu_us_per_scan",
            "lookup_p50_ms",
            "lookup_p99_ms",
            "lookup_cold_p99_ms",
            "bytes_per_scan",
            "rss_anon_mb",
            "cpu_s",
            "rss_mb",
        ),
    )
    assert [name for name in positive if not figures[name] > 0] == []
    counts = World(300).counts()
    assert (figures["scans"], figures["distinct"], figures["parcels"]) == (counts.rows, 3_000, 300)
    assert (figures["batch"], figures["compared_parcels"]) == (150, 100)
    assert figures["lookups"] >= 100
    assert figures["lookup_p50_ms"] <= figures["lookup_p99_ms"]
    assert figures["course"][-1]["scans"] == counts.rows
    if way == "before":
        assert figures["peers"]["sqlite"]["scans"] == counts.rows
        assert all("Waypost</text>" in path.read_text() for path in pictures)
    else:
        assert figures["peers"] == {}


def test_a_load_is_over_when_nothing_is_left_to_merge(tmp_path: Path) -> None:
    """Only then its bytes on disk are counted."""
    world = World(160, seed=7)
    home = open_new_home(tmp_path / "home")
    try:
        bodies = Bodies(world.body(ids) for ids in world.blocks(20))
        # So little lag is allowed that there are dozens of runs, of which every 16 become one.
        load = Loading(home, world, world.counts().rows, bodies, 20).run(1, 20, lambda _: None)
        catalogue = read_catalogue(tmp_path / "home" / "index")
        assert catalogue is not None
        assert catalogue.next_name > len(catalogue.runs)
        assert find_mergeable(catalogue.runs) is None
        assert load.merged_s >= load.course.seconds[-1]
        check_counts(home.memory, world)
    finally:
        home.close()


def test_a_peer_that_is_not_known_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scans", "--peers", "sqlite,moon"], cwd=REPO, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no peer moon" in done.stderr


def test_a_load_that_fails_ends_with_what_went_wrong(tmp_path: Path) -> None:
    home = open_new_home(tmp_path / "home")
    bodies = Bodies(iter([SMALL.body(np.arange(10)), b'{"number":"A1"}\n']))
    try:
        with pytest.raises(RuntimeError, match="A row was refused: "):
            Loading(home, SMALL, 600, bodies, 1_000).run(1, 10, lambda _: None)
    finally:
        home.close()
