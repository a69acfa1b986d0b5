"""Old segments go as the settings ask: nothing that is needed goes, and wherever it is broken off, all goes on."""

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.engines.homes import FOLD, caught_up, count, fill_runs, home_in, merge_soon
from tests.rooms.engines.scan_batches import batch
from tests.rooms.engines.test_full_disk import TornDisk

from waypost.engines.local import changes, follow, ledger
from waypost.engines.local.backup import Backup, back_up, put_back
from waypost.engines.local.catalogue import read_catalogue
from waypost.engines.local.disk import Disk
from waypost.engines.local.home import LocalHome
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.retention import Retention, trim
from waypost.engines.local.segments import first_position, list_segments
from waypost.engines.local.start import read_start, write_start
from waypost.engines.local.verify import verify_backup, verify_home
from waypost.model.errors import Conflict, Gone, StoreDamaged, StoreError

SCANS = 1_100
SEGMENT_BYTES = 300
ALL = Retention(bytes=1)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    merge_soon(monkeypatch)
    monkeypatch.setattr(changes, "FILE_BYTES", 150)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans in many segments and change files, with packed and raw runs. To be copied, not opened."""
    path = tmp_path_factory.mktemp("whole") / "home"
    with pytest.MonkeyPatch.context() as patch:
        merge_soon(patch)
        patch.setattr(changes, "FILE_BYTES", 150)
        home = home_in(path, segment_bytes=SEGMENT_BYTES)
        for scans in (440, 440, SCANS - 880):  # two merges
            fill_runs(home, scans, 110)
        home.close()
    listed = read_catalogue(path / "index")
    assert listed is not None
    assert {run.raw for run in listed.runs} == {True, False}
    assert len(listed.changes) > 3
    assert len(list_segments(path / "log")) > 7
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, and an empty archive beside."""
    (tmp_path / "archive").mkdir()
    return Path(shutil.copytree(whole, tmp_path / "home"))


@pytest.fixture
def archive(path: Path) -> Path:
    return path.with_name("archive")


def let_go(home: LocalHome, retention: Retention, disk: Disk | None = None) -> LocalHome:
    trim(home._log, home._ledger, retention, disk or Disk())
    return home


def starts(folder: Path) -> list[int]:
    return [first_position(path) for path in list_segments(folder)]


def places(home: LocalHome, position: int = 0) -> list[int]:
    """The scans that the log gives, as the numbers in their notes."""
    notes = [note for frame in home.memory.log.read(position) for note in frame.scans.column("note").to_pylist()]
    return [int(note.removeprefix("note ")) for note in notes]


def check_rest(home: LocalHome) -> None:
    """The log is whole from its start on; look-ups and history have everything."""
    caught_up(home)
    start = home.memory.log.start()
    assert places(home, start) == list(range(start, SCANS))
    assert count(home) == SCANS
    assert sum(home.memory.index.page(None, 1_000).column("scans").to_pylist()) == SCANS
    assert home.health().error is None


def first_raw(path: Path) -> int:
    listed = read_catalogue(path / "index")
    assert listed is not None
    return next(run.start for run in listed.runs if run.raw)


# What goes


def test_nothing_goes_if_nothing_is_asked(path: Path, archive: Path) -> None:
    before = starts(path / "log")
    home = let_go(home_in(path, retention=Retention(archive=archive)), Retention(archive=archive))
    assert home._follower is not None
    assert [thread.name for thread in home._follower._threads] == ["indexing", "merging"]
    check_rest(home)
    home.close()
    assert (starts(path / "log"), starts(archive)) == (before, [])
    assert not (path / "log" / "start").exists()


def test_only_what_is_packed_and_in_history_goes(path: Path) -> None:
    before, raw = starts(path / "log"), first_raw(path)
    home = let_go(home_in(path), ALL)
    left = [start for start, end in zip(before, [*before[1:], SCANS], strict=True) if end > raw]
    assert starts(path / "log") == left
    assert 0 < home.memory.log.start() == left[0] <= raw < before[-1]
    check_rest(home)
    home.close()
    check_rest(reopened := home_in(path))
    reopened.close()


def test_the_last_segment_stays_even_if_all_of_it_is_packed(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home", segment_bytes=SEGMENT_BYTES)
    fill_runs(home, 480)
    assert not any(run.raw for run in home._ledger.catalogue.runs)
    last = starts(home.path / "log")[-1]
    let_go(home, ALL)
    assert starts(home.path / "log") == [last]
    assert home.memory.log.append(batch(480, 3)) == 480
    assert places(home, last) == list(range(last, 483))
    home.close()


def test_a_segment_goes_when_it_is_old(path: Path) -> None:
    segments = list_segments(path / "log")
    for age, segment in enumerate(reversed(segments)):
        os.utime(segment, (10_000 - age * 100, 10_000 - age * 100))
    old = 10_000 - (len(segments) - 3) * 100  # of the third one
    home = home_in(path)
    let_go(home, Retention(seconds=50, now=lambda: old + 50.0))
    assert list_segments(path / "log") == segments[2:]
    let_go(home, Retention(seconds=50, now=lambda: old + 51.0))
    assert list_segments(path / "log") == segments[3:]
    check_rest(home)
    home.close()


def test_the_oldest_go_while_all_together_are_too_large(path: Path) -> None:
    segments = list_segments(path / "log")
    sizes = [segment.stat().st_size for segment in segments]
    home = home_in(path)
    let_go(home, Retention(bytes=sum(sizes)))
    assert list_segments(path / "log") == segments
    let_go(home, Retention(bytes=sum(sizes[2:])))
    assert list_segments(path / "log") == segments[2:]
    let_go(home, Retention(bytes=sum(sizes[2:]) - 1))
    assert list_segments(path / "log") == segments[3:]
    home.close()


def test_it_leaves_off_between_segments_when_it_is_to_end(path: Path) -> None:
    segments = list_segments(path / "log")
    home, asked = home_in(path), iter([False, True])
    trim(home._log, home._ledger, ALL, Disk(), is_over=lambda: next(asked))
    assert list_segments(path / "log") == segments[1:]
    home.close()


def test_what_is_not_sealed_for_the_log_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that could not be begun is no reason to let the one go that is still written to."""
    home = home_in(path, segment_bytes=SEGMENT_BYTES)
    monkeypatch.setattr(ledger.Ledger, "kept_to", lambda self: 1 << 60)
    (path / "log" / f"{SCANS + 500:020d}.seg").touch()
    last = starts(path / "log")[-2]
    let_go(home, ALL)
    assert starts(path / "log") == [last, SCANS + 500]
    home.close()


def test_a_home_trims_by_itself_and_tells_when_it_cannot(
    path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "_FIRST_PATIENCE_S", 0.01)
    archive.rmdir()
    home = home_in(path, retention=Retention(bytes=1, archive=archive))
    while home.health().error is None:
        home._log.wait(SCANS, 0.01)
    assert f"The archive {archive} is not there" in str(home.health().error)
    assert places(home) == list(range(SCANS))
    archive.mkdir()
    while home.health().error is not None:
        home._log.wait(SCANS, 0.01)
    assert starts(path / "log")[0] > 0
    check_rest(home)
    home.close()


# The archive


def test_what_went_to_the_archive_is_read_from_there(path: Path, archive: Path) -> None:
    before = {segment.name: segment.read_bytes() for segment in list_segments(path / "log")}
    keep = Retention(bytes=1, archive=archive)
    home = home_in(path, retention=Retention(archive=archive))
    reading = home.memory.log.read(0)
    first = next(reading)
    let_go(home, keep)
    assert first.end + sum(frame.scans.num_rows for frame in reading) == SCANS  # begun before it went
    assert starts(path / "log")[0] > 0
    after = {
        segment.name: segment.read_bytes() for folder in (archive, path / "log") for segment in list_segments(folder)
    }
    assert after == before
    assert home.memory.log.start() == 0
    for position in (0, 1, 333, SCANS - 1):
        assert places(home, position) == list(range(position, SCANS))
    check_rest(home)
    home.close()
    beside = home_in(path, read_only=True, retention=Retention(archive=archive))
    assert places(beside) == list(range(SCANS))
    beside.close()


def test_without_the_archive_there_is_what_the_home_has(path: Path, archive: Path) -> None:
    home = let_go(home_in(path), Retention(bytes=1, archive=archive))
    start = starts(path / "log")[0]
    assert home.memory.log.start() == start
    with pytest.raises(Gone, match=rf"Scan 5 is not in the log any more.*There are scans from {start} on") as told:
        next(home.memory.log.read(5))
    assert told.value.start == start
    with pytest.raises(Gone):
        next(home.memory.log.read(start - 1))
    assert places(home, start) == list(range(start, SCANS))
    home.close()
    archive.rename(archive.with_name("away"))
    home = home_in(path, retention=Retention(archive=archive))
    assert home.memory.log.start() == start
    with pytest.raises(Gone, match=f"{archive} does not have them"):
        next(home.memory.log.read(0))
    check_rest(home)
    home.close()


def test_an_archive_may_begin_later_but_has_no_gaps(path: Path, archive: Path) -> None:
    home = let_go(home_in(path, retention=Retention(archive=archive)), Retention(bytes=1, archive=archive))
    first, second, third, fourth = list_segments(archive)[:4]
    first.unlink()
    assert home.memory.log.start() == first_position(second)
    check_rest(home)
    third.unlink()
    frames = home.memory.log.read(first_position(second))
    assert next(frames).position == first_position(second)
    with pytest.raises(Gone, match=f"There are scans from {first_position(fourth)} on"):
        list(frames)
    assert places(home, first_position(fourth)) == list(range(first_position(fourth), SCANS))
    home.close()


def test_a_segment_in_both_places_counts_in_the_log(path: Path, archive: Path) -> None:
    segment = list_segments(path / "log")[0]
    shutil.copy(segment, archive)
    home = home_in(path, retention=Retention(archive=archive))
    let_go(home, Retention(bytes=1, archive=archive))
    shutil.copy(archive / segment.name, segment)
    (archive / segment.name).write_bytes(b"")
    assert home.memory.log.start() == 0
    assert places(home) == list(range(SCANS))
    home.close()


@pytest.mark.parametrize("change", ["shorter", "other"])
def test_another_file_in_the_archive_is_never_taken_for_a_segment(path: Path, archive: Path, change: str) -> None:
    segment = list_segments(path / "log")[0]
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    (archive / segment.name).write_bytes(data[:-1] if change == "shorter" else data)
    home = home_in(path)
    before = starts(path / "log")
    with pytest.raises(Conflict, match="archive of its own"):
        let_go(home, Retention(bytes=1, archive=archive))
    assert starts(path / "log") == before
    home.close()


def test_the_log_is_no_archive_of_itself(path: Path) -> None:
    home, before = home_in(path), starts(path / "log")
    (link := path.with_name("link")).symlink_to(path / "log")
    with pytest.raises(Conflict, match="is the log itself"):
        let_go(home, Retention(bytes=1, archive=link))
    assert starts(path / "log") == before
    home.close()


def test_a_damaged_segment_is_not_archived(path: Path, archive: Path) -> None:
    segments = list_segments(path / "log")
    data = bytearray(segments[1].read_bytes())
    data[-5] ^= 1
    segments[1].write_bytes(data)
    home = home_in(path)
    with pytest.raises(StoreDamaged, match=f"{segments[1]}, byte "):
        let_go(home, Retention(bytes=1, archive=archive))
    assert list_segments(path / "log") == segments[1:]
    assert list_segments(archive) == [archive / segments[0].name]
    home.close()


# Opening


def test_a_lost_segment_is_told_from_one_that_went(path: Path) -> None:
    home = let_go(home_in(path), ALL)
    home.close()
    segments = list_segments(path / "log")
    segments[0].rename(path / "away")
    for read_only in (False, True):
        with pytest.raises(StoreDamaged, match=f"{segments[1]}, byte 0: the segments before it are missing"):
            home_in(path, read_only=read_only)
    for segment in segments[1:]:
        segment.unlink()
    with pytest.raises(StoreDamaged, match=f"holds no scans, but {SCANS} had been taken"):
        home_in(path)


def test_a_start_that_is_lost_or_damaged_is_refused(path: Path) -> None:
    let_go(home_in(path), ALL).close()
    file = path / "log" / "start"
    data = file.read_bytes()
    file.unlink()
    with pytest.raises(StoreDamaged, match="the segments before it are missing"):
        home_in(path)
    for wrong in (data.replace(b'"start":', b'"start":1'), b"{}", b"\xff"):
        file.write_bytes(wrong)
        with pytest.raises(StoreDamaged, match=f"{file} cannot be read"):
            home_in(path)
    file.write_bytes(data)
    check_rest(home := home_in(path))
    home.close()


def test_one_who_looks_on_follows_a_log_that_is_trimmed(path: Path) -> None:
    home = home_in(path, segment_bytes=SEGMENT_BYTES)
    beside = SegmentLog(path / "log", read_only=True)
    empty = SegmentLog(path.with_name("archive"), read_only=True)
    assert (beside.position(), empty.position(), beside.start()) == (SCANS, 0, 0)
    fill_runs(home, 1_100, 110)
    let_go(home, ALL)
    assert starts(path / "log")[0] > SCANS
    assert beside.position() == 2 * SCANS
    assert beside.start() == starts(path / "log")[0]
    assert next(beside.read(beside.start())).position == beside.start()
    for file in (path / "log").iterdir():
        shutil.copy(file, path.with_name("archive"))
    assert empty.position() == 2 * SCANS
    for log in (beside, empty):
        log.close()
    home.close()


# Changes


def test_change_files_go_with_the_log_and_older_cursors_are_told(path: Path) -> None:
    home = home_in(path)
    every = home.memory.changes.read(-1, 10_000).column("position").to_pylist()
    files = sorted(file.name for file in (path / "index").glob("*.chg"))
    beside = home_in(path, read_only=True)
    let_go(home, ALL)
    listed = home._ledger.catalogue
    left = sorted(file.name for file in (path / "index").glob("*.chg"))
    assert left == [name for name, _ in listed.changes] == files[-len(left) :]
    assert 0 < listed.changes_start == int(Path(left[0]).stem) <= home.memory.log.start() < int(Path(left[1]).stem)
    for each in (home, beside):
        for after in (-1, 0, listed.changes_start - 2):
            with pytest.raises(Gone, match=f"Changes before scan {listed.changes_start} went") as told:
                each.memory.changes.read(after, 10)
            assert told.value.start == listed.changes_start
        start = each.memory.log.start()
        found = each.memory.changes.read(start - 1, 10_000).column("position").to_pylist()
        assert found == [position for position in every if position >= start]
    beside.close()
    home.close()
    home = home_in(path)
    assert home._ledger.catalogue.changes_start == listed.changes_start
    found = home.memory.changes.read(home.memory.log.start() - 1, 10_000).column("position").to_pylist()
    assert found == [position for position in every if position >= home.memory.log.start()]
    fill_runs(home, 200)
    assert home.memory.changes.read(SCANS - 1, 10_000).num_rows > 0
    home.close()


def test_a_change_whose_scan_went_is_told(path: Path) -> None:
    """The file of changes stays as long as one of it is young enough; the scan may be gone before."""
    home = let_go(home_in(path), ALL)
    start, kept = home.memory.log.start(), home._ledger.catalogue.changes_start
    assert kept < start
    with pytest.raises(Gone, match=f"There are scans from {start} on"):
        home.memory.changes.read(kept - 1, 10_000)
    home.close()


def test_files_that_go_between_writing_and_publishing_changes_are_not_named_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, write_raw = home_in(path), ledger.write_raw

    def trim_first(*args: object) -> object:
        monkeypatch.setattr(ledger, "write_raw", write_raw)
        let_go(home, ALL)
        return write_raw(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "write_raw", trim_first)
    home.memory.log.append(batch(SCANS, 50))
    caught_up(home)
    listed = home._ledger.catalogue
    assert listed.changes_start > 0
    assert sorted(file.name for file in (path / "index").glob("*.chg")) == [name for name, _ in listed.changes]
    assert home.memory.changes.read(SCANS - 1, 100).num_rows == 50
    home.close()
    home_in(path).close()


# Making anew


def of_other_kind(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "no catalogue":
        (path / "index" / "CATALOGUE").rename(path / "away")
    elif kind == "no index":
        (path / "index").rename(path / "away")
    elif kind == "older index":
        format_file = path / "FORMAT"
        text = format_file.read_text()
        assert '"index": 2' in text
        format_file.write_text(text.replace('"index": 2', '"index": 1'))
    else:
        monkeypatch.setattr(ledger, "RUN_FORMAT", 99)


KINDS = ["no catalogue", "no index", "older index", "other runs"]


def everything_in(path: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(path)): file.read_bytes()
        for part in ("index", "history", "log")
        for file in sorted((path / part).rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_only_index_and_history_have_is_never_thrown_away(
    path: Path, archive: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go(home_in(path), Retention(bytes=1, archive=archive)).close()
    start = starts(path / "log")[0]
    of_other_kind(path, monkeypatch, kind)
    before = everything_in(path)
    with pytest.raises(StoreError, match=rf"begins at scan {start}.*only copy of older scans.*archive in \[store\]"):
        home_in(path)
    assert everything_in(path) == before
    middle = list_segments(archive)[1]
    data = middle.read_bytes()
    middle.write_bytes(data[:-1])
    with pytest.raises(StoreError, match=f"{archive} has no whole segment of scan {first_position(middle)}"):
        home_in(path, retention=Retention(archive=archive))
    middle.unlink()
    with pytest.raises(StoreError, match=f"{archive} has no whole segment of scan {first_position(middle)}"):
        home_in(path, retention=Retention(archive=archive))
    assert everything_in(path) == before
    middle.write_bytes(data)
    home = home_in(path, retention=Retention(archive=archive))  # all is there: it is made anew
    check_rest(home)
    assert home.memory.changes.read(-1, 10_000).num_rows > 0
    home.close()


def test_an_archive_brought_back_into_the_log_will_do(path: Path, archive: Path) -> None:
    let_go(home_in(path), Retention(bytes=1, archive=archive)).close()
    shutil.rmtree(path / "index")
    for segment in list_segments(archive):
        shutil.copy(segment, path / "log")
    check_rest(home := home_in(path))
    assert home.memory.log.start() == 0
    home.close()


def test_damage_of_a_trimmed_home_is_not_to_be_mended_by_removing_it(path: Path) -> None:
    run = next(path / "index" / run.name for run in _runs(path) if not run.raw)
    data = run.read_bytes()
    run.write_bytes(data[:-1])
    with pytest.raises(StoreDamaged, match="made anew from the log"):
        home_in(path)
    run.write_bytes(data)
    let_go(home_in(path), ALL).close()
    for name in (run.name, "words", "CATALOGUE"):
        file = path / "index" / name
        data = file.read_bytes()
        file.write_bytes(data[:-1])
        with pytest.raises(StoreDamaged, match=r"Keep the folders index and history.*archive"):
            home_in(path)
        file.write_bytes(data)
    piece = next((path / "history").glob("*.run"))
    piece.write_bytes(piece.read_bytes()[:-1])
    home = home_in(path)
    with pytest.raises(StoreDamaged, match=r"Keep the folders index and history.*archive"):
        count(home)
    home.close()


def _runs(path: Path) -> tuple[ledger.Listed, ...]:
    listed = read_catalogue(path / "index")
    assert listed is not None
    return listed.runs


# Verifying


@pytest.mark.parametrize("has_archive", [True, False])
def test_a_trimmed_home_is_verified(path: Path, archive: Path, has_archive: bool) -> None:
    home = fill_runs(home_in(path, segment_bytes=SEGMENT_BYTES), 200)
    home.memory.log.append(batch(0, 50))  # sent again: the log has them twice
    let_go(caught_up(home), Retention(bytes=1, archive=archive)).close()
    start, kept = starts(path / "log")[0], archive if has_archive else None
    report = verify_home(path, FOLD, archive=kept)
    assert report.findings == []
    assert (report.log_start, report.scans) == ((0, SCANS + 250) if has_archive else (start, SCANS + 250 - start))
    assert report.parcels_compared > 30
    assert any("index and history alone have the older ones" in note for note in report.notes) != has_archive
    archive.rename(path.with_name("away"))
    assert verify_home(path, FOLD, archive=kept).findings == []


def test_what_is_wrong_with_an_archive_is_found(path: Path, archive: Path) -> None:
    let_go(home_in(path), Retention(bytes=1, archive=archive)).close()
    _, second, third, fourth = list_segments(archive)[:4]
    data = second.read_bytes()
    second.write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
    [finding] = verify_home(path, FOLD, archive=archive).findings
    assert (finding.part, finding.file) == ("log", str(second))
    second.write_bytes(data)
    third.unlink()
    [finding] = verify_home(path, FOLD, archive=archive).findings
    assert (finding.file, finding.byte) == (str(fourth), 0)
    assert "the segments before it are missing" in finding.what
    assert verify_home(path, FOLD).findings == []


def test_what_is_lost_from_a_trimmed_log_is_found(path: Path) -> None:
    let_go(home_in(path), ALL).close()
    list_segments(path / "log")[0].unlink()
    findings = verify_home(path, FOLD).findings
    assert any("the segments before it are missing" in finding.what for finding in findings)


def test_damage_of_index_and_history_is_found_where_the_log_is_trimmed(path: Path) -> None:
    let_go(home_in(path), ALL).close()
    for name in ("index", "history"):
        file = next(path / name / run.name for run in _runs(path) if not run.raw)
        data = file.read_bytes()
        middle = len(data) // 3
        file.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        findings = verify_home(path, FOLD).findings
        assert {finding.part for finding in findings} >= {name}
        assert all("Keep the folders index and history" in str(each.mend) for each in findings if each.part == name)
        file.write_bytes(data)
    assert verify_home(path, FOLD).findings == []


def test_segments_that_go_while_a_home_is_verified_are_no_damage(path: Path, archive: Path) -> None:
    home = home_in(path)
    for retention in (Retention(bytes=4_000), ALL):
        before, is_first = starts(path / "log"), True

        def let_some_go(_done: int, _total: int, retention: Retention = retention) -> None:
            nonlocal is_first
            if is_first:
                let_go(home, retention)
            is_first = False

        report = verify_home(path, FOLD, progress=let_some_go)
        assert report.findings == []
        assert starts(path / "log")[0] > before[0]
        assert report.parcels_compared > 30
    home.close()


# Backups


def take(path: Path, folder: Path, **options: Any) -> Backup:
    return back_up(path, folder, made="2026-11-22T12:00:00Z", waypost="test", **options)


@pytest.mark.parametrize("link", [False, True])
def test_a_backup_of_a_trimmed_home_has_index_and_history(path: Path, tmp_path: Path, link: bool) -> None:
    home = let_go(home_in(path), ALL)
    start = starts(path / "log")[0]
    backup = take(path, tmp_path / "backup", link=link)
    fill_runs(home, 440, 110)  # merges away what the backup has
    home.close()
    assert (backup.start, backup.position) == (start, SCANS)
    assert {file.name.partition("/")[0] for file in backup.files} >= {"log", "index", "history", "records.sqlite"}
    listed = {file.name for file in backup.files} | {"BACKUP"}
    assert {str(file.relative_to(tmp_path / "backup")) for file in (tmp_path / "backup").rglob("*.*")} <= listed
    report = verify_backup(tmp_path / "backup")
    assert (report.findings, report.log_start, report.scans) == ([], start, SCANS - start)
    put_back(tmp_path / "backup", tmp_path / "restored")
    restored = home_in(tmp_path / "restored")
    check_rest(restored)
    assert restored.memory.log.start() == start
    assert restored.memory.changes.read(start - 1, 10_000).num_rows > 0
    restored.close()
    assert verify_home(tmp_path / "restored", FOLD).findings == []


def test_a_backup_of_a_home_that_is_whole_is_as_before(path: Path, tmp_path: Path) -> None:
    backup = take(path, tmp_path / "backup")
    assert (backup.start, backup.position) == (0, SCANS)
    assert not any(file.name.startswith(("index", "history")) or file.name == "log/start" for file in backup.files)


def test_segments_that_go_while_a_backup_is_taken_are_in_its_index(path: Path, tmp_path: Path) -> None:
    home, is_first = home_in(path), True

    class TrimmingDisk(Disk):
        """Lets segments go when the first one is copied."""

        def write(self, fd: int, data: bytes | memoryview) -> None:
            nonlocal is_first
            if is_first:
                is_first = False
                let_go(home, ALL)
            super().write(fd, data)

    backup = take(path, tmp_path / "backup", disk=TrimmingDisk())
    start = starts(path / "log")[0]
    assert (backup.start, backup.position) == (start, SCANS)
    home.close()
    put_back(tmp_path / "backup", tmp_path / "restored")
    check_rest(restored := home_in(tmp_path / "restored"))
    restored.close()


def test_runs_that_are_merged_away_while_a_backup_is_taken_are_in_it(path: Path, tmp_path: Path) -> None:
    home, steps = let_go(home_in(path), ALL), iter(range(1_000))

    class MergingDisk(Disk):
        """Has all runs merged when some files are copied."""

        def write(self, fd: int, data: bytes | memoryview) -> None:
            if next(steps) == 2:
                fill_runs(home, 440, 110)
            super().write(fd, data)

    named = {run.name for run in _runs(path)}
    backup = take(path, tmp_path / "backup", disk=MergingDisk())
    assert named - {run.name for run in _runs(path)}
    assert {f"index/{name}" for name in named} <= {file.name for file in backup.files}
    home.close()
    assert verify_backup(tmp_path / "backup").findings == []
    put_back(tmp_path / "backup", tmp_path / "restored")
    check_rest(restored := home_in(tmp_path / "restored"))
    restored.close()


@pytest.mark.parametrize("part", ["run", "piece", "words", "changes", "no catalogue"])
def test_damage_of_the_only_copy_is_told_and_not_backed_up(path: Path, tmp_path: Path, part: str) -> None:
    let_go(home_in(path), ALL).close()
    run = next(run.name for run in _runs(path) if not run.raw)
    change = next((path / "index").glob("*.chg")).name
    file = {
        "run": path / "index" / run,
        "piece": path / "history" / run,
        "words": path / "index" / "words",
        "changes": path / "index" / change,
        "no catalogue": path / "index" / "CATALOGUE",
    }[part]
    data = file.read_bytes()
    if part == "no catalogue":
        file.unlink()
    else:
        file.write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:])
    with pytest.raises(StoreDamaged, match=file.name):
        take(path, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    file.write_bytes(data)
    take(path, tmp_path / "backup")


def test_a_backup_broken_off_leaves_nothing(path: Path, tmp_path: Path) -> None:
    let_go(home_in(path), ALL).close()
    turn = 0
    while True:
        turn += 3
        disk = StoppingDisk()
        disk.left = turn
        try:
            take(path, tmp_path / "backup", disk=disk)
            break
        except StoreError:
            assert not (tmp_path / "backup").exists()
    assert turn > 30


# Broken off


class StoppingDisk(TornDisk):
    """Fails at one step and at all that follow, as if the process had ended there."""

    left = 1 << 30

    def step(self) -> bool:
        self.left -= 1
        return self.left <= 0

    def fail(self) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("has_archive", [True, False])
def test_wherever_it_is_broken_off_it_goes_on_the_next_time(
    whole: Path, tmp_path: Path, has_archive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    keep = Retention(bytes=1, archive=archive if has_archive else None)
    keep_two = _stop_after(2)
    turn = 0
    while True:
        turn += 1
        path = Path(shutil.copytree(whole, tmp_path / "home"))
        archive.mkdir()
        before = {segment.name: segment.read_bytes() for segment in list_segments(path / "log")}
        disk = StoppingDisk()
        home = home_in(path, disk=disk)
        disk.left = turn
        try:
            trim(home._log, home._ledger, keep, disk, is_over=keep_two())
            is_done = True
        except StoreError:
            is_done = False
        disk.left = 1 << 30
        home.close()
        home = home_in(path, retention=Retention(archive=keep.archive))
        assert read_start(path / "log") >= starts(path / "log")[0]
        if has_archive:
            assert home.memory.log.start() == 0, turn
            assert places(home) == list(range(SCANS)), turn
        check_rest(home)
        start = home.memory.log.start()
        assert home.memory.changes.read(max(start, home._ledger.catalogue.changes_start) - 1, 10_000).num_rows > 0
        let_go(home, keep)
        assert read_start(path / "log") == starts(path / "log")[0] > 0
        check_rest(home)
        home.close()
        if has_archive:
            both = [*list_segments(archive), *list_segments(path / "log")]
            assert {segment.name: segment.read_bytes() for segment in both} == before
            assert not list(archive.glob("*.tmp"))
        shutil.rmtree(path)
        shutil.rmtree(archive)
        if is_done:
            break
    assert turn > (12 if has_archive else 8)


def _stop_after(segments: int) -> Callable[[], Callable[[], bool]]:
    def make() -> Callable[[], bool]:
        asked = iter([False] * segments)
        return lambda: next(asked, True)

    return make


def test_a_start_is_written_whole(tmp_path: Path) -> None:
    rng = random.Random(7)
    assert read_start(tmp_path) == 0
    for _ in range(5):
        start = rng.randrange(1 << 50)
        write_start(tmp_path, start, Disk())
        assert read_start(tmp_path) == start
