"""The folder: made, locked, checked, looked on, and opened again after whatever happened to it."""

import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert
from tests.rooms.engines.homes import FOLD, caught_up, count, fill_runs, home_in, merge_soon, pieces, settled
from tests.rooms.engines.scan_batches import batch

import waypost.engines.local.home as home_file
from waypost.engines.local import follow, ledger
from waypost.engines.local.arrays import Flags, States
from waypost.engines.local.disk import Disk
from waypost.engines.local.entries import Entries
from waypost.engines.local.formats import FORMATS
from waypost.engines.local.history import ParquetHistory
from waypost.engines.local.home import LocalHome, open_home
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.log import SegmentLog
from waypost.engines.sql.records import SqlRecords
from waypost.model.errors import HomeInUse, NotFound, StoreDamaged, StoreError, WrongFormat
from waypost.network.records import facilities
from waypost.store.fold import KeyedScans
from waypost.store.protocols import Frame
from waypost.track.fold import NEWS, StatusFold


def fill(path: Path, scans: int = 300) -> None:
    home = home_in(path)
    home.memory.log.append(batch(0, scans))
    caught_up(home).close()


def states_of(home: LocalHome) -> list[dict[str, Any]]:
    """All states. A page comes in the order of hashes, which is another in each home."""
    states: list[dict[str, Any]] = home.memory.index.page(None, 1000).sort_by("number").to_pylist()
    return states


def told(path: Path) -> tuple[list[dict[str, Any]], dict[str, tuple[int, int]], int]:
    """All states, the last change of each parcel, and how many scans history has."""
    home = caught_up(home_in(path))
    changes = home.memory.changes.read(-1, 10_000).to_pylist()
    last = {row["number"]: (row["position"], row["status"]) for row in changes}
    states, scans = states_of(home), count(home)
    home.close()
    return states, last, scans


def pieces_alone(path: Path) -> bool:
    """Whether no other file than those that the index names lies in history."""
    return sorted(file.name for file in (path / "history").iterdir()) == sorted(pieces(path))


# Making


def test_a_home_is_private_and_says_its_formats(tmp_path: Path) -> None:
    path = tmp_path / "some" / "home"
    home_in(path).close()
    assert json.loads((path / "FORMAT").read_text()) == FORMATS
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    readable = [file for file in path.rglob("*") if file.parent == path and file.stat().st_mode & 0o077]
    assert readable == []


def test_a_folder_with_other_things_in_it_can_be_a_home(tmp_path: Path) -> None:
    (tmp_path / "waypost.toml").write_text("[web]\n")
    home_in(tmp_path).close()
    assert (tmp_path / "waypost.toml").read_text() == "[web]\n"


def test_a_path_with_odd_signs_can_be_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merge_soon(monkeypatch)
    path = tmp_path / "a home=1 #?%20 [x]*'y 杭州"
    home = fill_runs(home_in(path), 600)
    assert count(home) == 600
    home.close()
    assert pieces(path)
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name}
    assert told(path)[2] == 600


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match=r"home is a file, not a folder. .*WAYPOST_HOME"):
        home_in(tmp_path / "home")


def test_closing_twice_does_no_harm(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    home.memory.log.append(batch(0, 5))
    caught_up(home).close()
    home.memory.close()
    assert (tmp_path / "lock").read_text() == ""
    again = home_in(tmp_path)
    home.close()  # lets go of nothing that another holds by now
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    with pytest.raises(HomeInUse):
        home_in(tmp_path)
    with pytest.raises(StoreError, match="closed"):
        home.memory.log.append(batch(5, 5))
    assert (again.memory.log.position(), count(caught_up(again))) == (5, 5)
    again.close()


@pytest.mark.parametrize("part", [SegmentLog, ParquetHistory, Ledger, SqlRecords])
def test_a_part_that_fails_to_close_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: Any
) -> None:
    home = home_in(tmp_path)
    home.memory.log.append(batch(0, 5))
    close = part.close

    def fail(self: Any) -> None:
        close(self)
        raise StoreError("No, not that as well.")

    monkeypatch.setattr(part, "close", fail)
    with pytest.raises(StoreError, match="not that as well"):
        home.close()
    monkeypatch.undo()
    assert (tmp_path / "lock").read_text() == ""
    assert told(tmp_path)[2] == 5


# Locking


def test_a_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    with pytest.raises(HomeInUse, match=f"{re.escape(str(tmp_path))} is in use by process {os.getpid()}. Stop"):
        home_in(tmp_path)
    home.memory.log.append(batch(0, 5))
    assert count(caught_up(home)) == 5
    home.close()
    home_in(tmp_path).close()


def test_two_processes_on_one_home(tmp_path: Path) -> None:
    """The second may look on, and sees what was there; it may not write until the first has gone, however it went."""
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from tests.rooms.engines.homes import SMALL_RUNS, fill_runs, home_in
        for module, name, value in SMALL_RUNS:
            setattr(module, name, value)
        home = fill_runs(home_in(Path(sys.argv[1])), 900, 90)
        print("ready", flush=True)
        sys.stdin.readline()
        """
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        text=True,
    )
    with writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            with pytest.raises(HomeInUse, match=f"process {writer.pid}"):
                home_in(tmp_path)
            other = home_in(tmp_path, read_only=True)
            assert pieces(tmp_path)
            assert other.memory.index.position() == other.memory.log.position() == 900
            assert sum(other.memory.index.page(None, 1000).column("scans").to_pylist()) == 900
            assert other.memory.index.timelines(["P3"]).num_rows == 10
            assert other.memory.changes.read(-1, 10_000).num_rows == 900
            assert count(other) == 900
            assert other.health().error is None
            with pytest.raises(StoreError, match="reading only"):
                other.memory.log.append(batch(900, 1))
            other.close()
            assert (tmp_path / "lock").read_text() == f"{writer.pid}\n"
        finally:
            writer.kill()
    home = caught_up(home_in(tmp_path))
    assert count(home) == 900
    home.close()


def test_looking_on_needs_a_home(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no home in"):
        home_in(tmp_path / "nothing", read_only=True)
    assert list(tmp_path.iterdir()) == []


# Formats


@pytest.mark.parametrize("part", sorted(FORMATS))
def test_a_newer_format_is_refused(tmp_path: Path, part: str) -> None:
    fill(tmp_path)
    (tmp_path / "FORMAT").write_text(json.dumps(FORMATS | {part: 99}))
    with pytest.raises(
        WrongFormat, match=f"format 99 of its {part}; this version of Waypost reads {FORMATS[part]}. Open"
    ):
        home_in(tmp_path)
    assert json.loads((tmp_path / "FORMAT").read_text())[part] == 99


def test_a_part_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "FORMAT").write_text(json.dumps(FORMATS | {"ledger": 1}))
    with pytest.raises(WrongFormat, match="format 1 of its ledger; this version of Waypost reads 0"):
        home_in(tmp_path)


def test_an_older_log_is_refused_with_the_way_to_upgrade(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "FORMAT").write_text(json.dumps(FORMATS | {"log": 0}))
    with pytest.raises(WrongFormat, match=r"format 0 of its log.* export its scans, and import them into a new home"):
        home_in(tmp_path)


@pytest.mark.parametrize("part", ["index", "history"])
def test_an_older_part_that_is_made_from_the_log_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    merge_soon(monkeypatch)
    fill_runs(home_in(tmp_path), 600).close()
    before = told(tmp_path)
    (tmp_path / "FORMAT").write_text(json.dumps(FORMATS | {part: 0}))
    (tmp_path / part / "left-over").write_text("of the old format")
    with pytest.raises(WrongFormat, match="Open it once for writing"):
        home_in(tmp_path, read_only=True)
    assert told(tmp_path) == before
    assert pieces_alone(tmp_path)
    assert not (tmp_path / part / "left-over").exists()
    assert json.loads((tmp_path / "FORMAT").read_text()) == FORMATS


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"log": "x"}',
        b'{"log": 1.5}',
        b'{"\xff": 1}',
        b"\0\0",
        b'{"home": 1, "log": 1}',
        json.dumps(FORMATS | {"log": -1}).encode(),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_an_unreadable_format_is_damage(tmp_path: Path, data: bytes, read_only: bool) -> None:
    fill(tmp_path)
    before = told(tmp_path)
    file = tmp_path / "FORMAT"
    file.write_bytes(data)
    with pytest.raises(StoreDamaged, match=f"{file} cannot be read: .* that of a new home of the same version"):
        home_in(tmp_path, read_only=read_only)
    home_in(tmp_path / "new").close()
    shutil.copy(tmp_path / "new" / "FORMAT", file)
    assert told(tmp_path) == before


def test_a_home_without_its_format_is_damage(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "FORMAT").unlink()
    with pytest.raises(StoreDamaged, match=r"holds log, index, history, records.sqlite, but no file FORMAT"):
        home_in(tmp_path)


def test_a_home_that_was_hardly_begun_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between any two steps of the first opening."""
    first = tmp_path / "first"
    states: list[Path] = []

    def seen(step: Callable[..., None]) -> Callable[..., None]:
        def take(*args: Any, **options: Any) -> None:
            if first.exists():
                states.append(tmp_path / f"state-{len(states)}")
                shutil.copytree(first, states[-1])
            step(*args, **options)

        return take

    with monkeypatch.context() as patch:
        steps = ((Path, "mkdir"), (Path, "touch"), (Disk, "write"), (Disk, "sync_folder"), (SqlRecords, "__init__"))
        for owner, name in steps:
            patch.setattr(owner, name, seen(getattr(owner, name)))
        home_in(first).close()
    parts = [sorted(path.name for path in state.iterdir()) for state in states]
    assert parts[0] == []
    assert ["FORMAT", "lock"] in parts
    assert ["FORMAT", "history", "index", "lock", "log"] in parts
    assert {"records.sqlite"} <= set(parts[-1])
    for state in states:
        home = home_in(state)
        assert json.loads((state / "FORMAT").read_text()) == FORMATS
        home.memory.log.append(batch(0, 5))
        with home.memory.records.begin() as connection:
            connection.execute(insert(facilities), [{"carrier": "sf", "code": "A", "name": "", "kind": "hub"}])
        assert count(caught_up(home)) == 5
        home.close()


def test_a_home_that_was_never_made_to_the_end_has_nothing_to_look_at(tmp_path: Path) -> None:
    home_in(tmp_path).close()
    (tmp_path / "FORMAT").write_text(json.dumps(FORMATS | {"records": 0}))
    (tmp_path / "records.sqlite").unlink()
    with pytest.raises(NotFound, match=r"was never made to the end\. Open it once for writing"):
        home_in(tmp_path, read_only=True)
    assert not (tmp_path / "records.sqlite").exists()
    home_in(tmp_path).close()
    assert home_in(tmp_path, read_only=True).health().log_end == 0


# Coming back


@pytest.mark.parametrize("parts", [["index"], ["index", "history"]], ids="+".join)
def test_what_is_made_from_the_log_may_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: list[str]
) -> None:
    merge_soon(monkeypatch)
    home = home_in(tmp_path)
    for start in range(0, 900, 90):
        home.memory.log.append(batch(max(start - 5, 0), 90))
        caught_up(home)
    settled(home).close()
    assert pieces(tmp_path)
    before = told(tmp_path)
    assert before[2] == 895
    for part in parts:
        shutil.rmtree(tmp_path / part)
    assert told(tmp_path) == before
    assert pieces_alone(tmp_path)


def test_history_goes_with_the_index_that_names_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merge_soon(monkeypatch)
    fill_runs(home_in(tmp_path), 600).close()
    before = told(tmp_path)
    shutil.rmtree(tmp_path / "history")
    home = caught_up(home_in(tmp_path))
    file = tmp_path / "history" / pieces(tmp_path)[0]
    with pytest.raises(StoreDamaged, match=f"{file} is missing. Remove the folders index and history; they are made"):
        count(home)
    assert states_of(home) == before[0]
    home.close()
    shutil.rmtree(tmp_path / "index")
    assert told(tmp_path) == before


def test_a_log_that_lost_its_end_is_refused_and_not_cut(tmp_path: Path) -> None:
    fill(tmp_path)
    segment = tmp_path / "log" / f"{0:020d}.seg"
    data = segment.read_bytes()
    segment.write_bytes(data[:-1])
    why = "a frame is cut short; the log ends at 0, but 300 scans had been taken from it before"
    for read_only in (False, True):
        with pytest.raises(StoreDamaged, match=f"{segment}, byte 24: {why}.* move the folders index and history"):
            home_in(tmp_path, read_only=read_only)
    assert segment.read_bytes() == data[:-1]
    segment.write_bytes(data)
    assert told(tmp_path)[2] == 300


def test_a_torn_tail_is_told_by_health(tmp_path: Path) -> None:
    fill(tmp_path)
    segment = tmp_path / "log" / f"{0:020d}.seg"
    size = segment.stat().st_size
    with segment.open("ab") as file:
        file.write(b"scan and then the power went")
    home = home_in(tmp_path)
    cut = home.health().cut
    assert cut is not None
    assert (cut.file, cut.offset, cut.bytes) == (segment, size, 28)
    assert cut.kept is not None
    assert cut.kept.read_bytes() == b"scan and then the power went"
    assert cut.kept.parent == tmp_path / "log"
    assert home.health().log_end == 300
    home.close()
    assert home_in(tmp_path, read_only=True).health().cut is None


def test_an_index_of_an_earlier_moment_catches_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut the index comes back as it was some runs ago; history may have more than it says."""
    merge_soon(monkeypatch)
    fill_runs(home_in(tmp_path), 600).close()
    shutil.copytree(tmp_path / "index", tmp_path / "earlier")
    at_first = pieces(tmp_path)
    home = home_in(tmp_path)
    home.memory.log.append(batch(550, 100))
    fill_runs(home, 700).close()
    before = told(tmp_path)
    assert len(pieces(tmp_path)) > len(at_first) > 0
    shutil.rmtree(tmp_path / "index")
    (tmp_path / "earlier").rename(tmp_path / "index")
    assert told(tmp_path) == before
    assert before[2] == 1_350
    assert pieces_alone(tmp_path)


class OtherFold(StatusFold):
    """Another version, which forgets the milestones."""

    @property
    def version(self) -> str:
        return "other"

    def fold(self, scans: KeyedScans, onto: States | None = None) -> States:
        states = super().fold(scans, onto)
        states["milestones"] = 0
        return states


class OtherNews(OtherFold):
    """One that tells other things of a change."""

    news = np.dtype([*NEWS.descr, ("more", "u1")])

    def tell(self, before: States, after: States, is_new: Flags) -> States:
        told = super().tell(before, after, is_new)
        news = np.ones(len(told), self.news)
        for name in NEWS.names or ():
            news[name] = told[name]
        return news


def test_another_fold_shows_at_once(tmp_path: Path) -> None:
    """States are worked out from the scans whenever they are asked for; what was told of changes stays as it was."""
    fill(tmp_path)
    before = told(tmp_path)
    assert {row["milestones"] for row in before[0]} != {0}
    for read_only in (True, False):
        home = caught_up(open_home(tmp_path, OtherFold(FOLD._tables), read_only=read_only))
        assert home.health().rebuilding is None
        assert {row["milestones"] for row in states_of(home)} == {0}
        assert count(home) == 300
        assert home.memory.changes.read(299, 1000).num_rows == 0
    home.memory.log.append(batch(300, 1))
    assert caught_up(home).memory.changes.read(299, 1000).column("position").to_pylist() == [300]
    assert {row["milestones"] for row in states_of(home)} == {0}
    home.close()
    states, changes, scans = told(tmp_path)
    assert {row["milestones"] for row in states} != {0}
    assert (changes, scans) == (before[1] | {f"P{300 % 97}": (300, states[0]["status"])}, 301)


@pytest.mark.parametrize("kind", ["news", "INDEX_FORMAT", "RUN_FORMAT", "CHANGES_FORMAT", "KEY_VERSION"])
def test_an_index_of_another_kind_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    merge_soon(monkeypatch)
    fill_runs(home_in(tmp_path), 600).close()
    before = told(tmp_path)
    old = set(pieces(tmp_path))
    fold = OtherNews(FOLD._tables) if kind == "news" else FOLD
    with monkeypatch.context() as patch:
        if kind != "news":
            patch.setattr(ledger, kind, 99)
        with pytest.raises(WrongFormat, match=r"was made in another format \(.*\)\. Open this home once for writing"):
            open_home(tmp_path, fold, read_only=True)
        home = caught_up(open_home(tmp_path, fold))
        assert home.health().rebuilding is None  # any more
        assert (sum(row["scans"] for row in states_of(home)), count(home)) == (600, 600)
        # A reader with a cursor hears nothing twice: what is before its cursor stays before it.
        assert home.memory.changes.read(599, 1000).num_rows == 0
        news = home.memory.changes.read(-1, 1000)
        assert news.num_rows == 97
        assert ("more" in news.column_names) == (kind == "news")
        settled(home).close()
        assert pieces_alone(tmp_path)
    assert old
    if kind == "news":  # and back
        assert told(tmp_path) == before
        assert pieces_alone(tmp_path)


class EarlierNews(StatusFold):
    """Tells what releases told before they told where a parcel was."""

    news = FOLD.earlier_news[0]
    earlier_news = ()
    news_words = MappingProxyType({})

    def tell(self, before: States, after: States, is_new: Flags) -> States:
        return super().tell(before, after, is_new)[list(self.news.names or ())].astype(self.news)


def test_what_an_earlier_release_told_of_changes_stays_and_more_is_told_from_now_on(tmp_path: Path) -> None:
    home = open_home(tmp_path, EarlierNews(FOLD._tables))
    home.memory.log.append(batch(0, 300))
    before = caught_up(home).memory.changes.read(-1, 1000)
    edition = home.memory.changes.edition()
    home.close()
    for read_only in (True, False):
        home = open_home(tmp_path, FOLD, read_only=read_only)
        assert (home.health().rebuilding, home.memory.changes.edition()) == (None, edition)
        after = home.memory.changes.read(-1, 1000)
        assert after.select(before.column_names).equals(before)
        assert set(after.column("now_ms").to_pylist()) == {0}
        if read_only:
            home.close()
    home.memory.log.append(batch(300, 1))
    [news] = caught_up(home).memory.changes.read(299, 1000).to_pylist()
    assert news["now_ms"] >= news["before_ms"] > 0
    home.close()
    assert told(tmp_path)[2] == 301


# Health


def well(home: LocalHome) -> LocalHome:
    """When all is in the index, and nothing fails any more."""
    until = time.monotonic() + 60
    while home.health().lag or home.health().error:
        assert time.monotonic() < until
        home._log.wait(home.memory.log.position(), 0.01)
    return home


def fail_to_apply(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(self: Ledger, frames: Sequence[Frame], arranged: Any) -> None:
        raise error

    monkeypatch.setattr(Ledger, "apply", fail)


def test_a_failure_of_the_index_is_visible_and_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = home_in(tmp_path)
    with monkeypatch.context() as patch:
        fail_to_apply(patch, OSError(5, "Input/output error"))
        home.memory.log.append(batch(0, 5))
        with pytest.raises(StoreError, match="The disk failed: indexing"):
            home.memory.index.catch_up(5, timeout_s=60)
        health = home.health()
        assert (health.log_end, health.index_position, health.lag) == (5, 0, 5)
        assert "The disk failed: indexing" in str(health.error)
        assert home.memory.index.catch_up(0, timeout_s=0)
    assert well(home).health().lag == 0
    assert home.memory.index.catch_up(5, timeout_s=0)
    assert count(home) == 5
    home.close()


def test_a_failure_of_the_merger_is_visible_and_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look-ups go on; and when it has passed, it is not told any more, though no scan came meanwhile."""
    merge_soon(monkeypatch)
    write_piece, failed = ParquetHistory.write_piece, threading.Event()

    def fail(self: ParquetHistory, name: str, entries: Iterator[Entries]) -> tuple[int, int]:
        if not failed.is_set():
            failed.set()
            raise OSError(5, "Input/output error")
        return write_piece(self, name, entries)

    monkeypatch.setattr(ParquetHistory, "write_piece", fail)
    home = fill_runs(home_in(tmp_path), 600)
    assert failed.is_set()
    assert (count(well(home)), sum(row["scans"] for row in states_of(home))) == (600, 600)
    home.close()
    assert pieces_alone(tmp_path)


class FailingDisk(Disk):
    """The disk under the log fails."""

    fails = False

    def sync(self, fd: int) -> None:
        if self.fails:
            raise OSError(5, "Input/output error")
        super().sync(fd)


def test_a_log_that_takes_no_more_is_told_first(tmp_path: Path) -> None:
    disk = FailingDisk()
    home = home_in(tmp_path, disk=disk)
    home.memory.log.append(batch(0, 5))
    assert caught_up(home).health().error is None
    disk.fails = True
    with pytest.raises(StoreError, match="The disk failed: writing to"):
        home.memory.log.append(batch(5, 5))
    disk.fails = False
    home._index.tell_failed("merging", StoreError("The index has its own trouble."))
    assert f"The disk failed: writing to {tmp_path}" in str(home.health().error)
    assert home.health().failures[1:] == ("The index has its own trouble.",)
    with pytest.raises(StoreError, match="takes no more scans"):
        home.memory.log.append(batch(5, 5))
    home.close()
    again = home_in(tmp_path)
    assert again.health().error is None
    again.close()


class Gate:
    """Lets batches through to the index one by one, or all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passes = threading.Semaphore(0)
        apply = Ledger.apply

        def wait(ledger: Ledger, frames: Sequence[Frame], arranged: Any) -> None:
            assert self.passes.acquire(timeout=60)
            apply(ledger, frames, arranged)

        monkeypatch.setattr(Ledger, "apply", wait)


def test_making_anew_is_over_when_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    gate = Gate(monkeypatch)
    home = open_home(tmp_path, OtherNews(FOLD._tables))
    assert "the index is made anew from the log: " in str(home.health().rebuilding)
    gate.passes.release()
    assert caught_up(home).health().rebuilding is None
    home.memory.log.append(batch(300, 5))
    health = home.health()
    assert (health.lag, health.rebuilding) == (5, None)
    gate.passes.release()
    caught_up(home).close()


def test_a_home_that_is_closed_takes_in_what_was_acknowledged_first(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    for start in range(0, 500, 50):
        home.memory.log.append(batch(start, 50))
    home.close()
    assert home.health().lag == 0
    assert home_in(tmp_path, read_only=True).health().lag == 0


def test_closing_waits_only_so_long_for_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_file, "_DRAIN_S", 0.0)
    monkeypatch.setattr(follow, "BATCH_ROWS", 50)
    home = home_in(tmp_path)
    with monkeypatch.context() as patch:
        gate = Gate(patch)
        for start in range(0, 500, 50):
            home.memory.log.append(batch(start, 50))
        closing = threading.Thread(target=home.close)
        closing.start()
        assert home._log.wait(500, 60)  # closed
        gate.passes.release(10)
        closing.join(60)
    position = home.health().index_position
    assert position in (50, 100)
    with contextlib.closing(home_in(tmp_path, read_only=True)) as other:
        assert (other.health().lag, count(other)) == (500 - position, position)
    assert told(tmp_path)[2] == 500


def test_a_fault_of_ours_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = home_in(tmp_path)
    with monkeypatch.context() as patch:
        fail_to_apply(patch, ZeroDivisionError("by zero"))
        home.memory.log.append(batch(0, 5))
        with pytest.raises(StoreError, match="Indexing failed: ZeroDivisionError"):
            home.memory.index.catch_up(5, timeout_s=60)
        home.close()
    assert told(tmp_path)[2] == 5


def test_copies_that_a_killed_process_left_go_when_the_home_is_opened(tmp_path: Path) -> None:
    home = tmp_path / "home"
    code = f"""
        import os, signal, sys
        from pathlib import Path
        from tests.rooms.engines.homes import FOLD
        from waypost.engines.local.home import open_home
        home = open_home({str(home)!r}, FOLD)
        (home.incoming / "mine").touch()
        (home.incoming / "waypost-x").mkdir()
        (home.incoming / "waypost-x" / "file.csv").write_text("of somebody")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -9
    left = home / "incoming" / "waypost-x" / "file.csv"
    with contextlib.closing(open_home(home, FOLD, read_only=True)):
        assert left.exists()  # whoever looks on takes nothing away from one that writes
    with contextlib.closing(open_home(home, FOLD)) as opened:
        assert [each.name for each in opened.incoming.iterdir()] == ["mine"]
        assert stat.S_IMODE(opened.incoming.stat().st_mode) == 0o700
