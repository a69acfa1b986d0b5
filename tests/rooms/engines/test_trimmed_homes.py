"""A home whose log was trimmed: changes, what may be made anew, verifying, and backups."""

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.engines.homes import FOLD, caught_up, count, fill_runs, home_in
from tests.rooms.engines.scan_batches import batch
from tests.rooms.engines.trimming import ALL, SCANS, SEGMENT_BYTES, StoppingDisk, check_rest, let_go, runs_of, starts

from waypost.engines.local import backup as backup_file
from waypost.engines.local import ledger, verify
from waypost.engines.local.backup import Backup, back_up, put_back
from waypost.engines.local.disk import Disk
from waypost.engines.local.home import LocalHome
from waypost.engines.local.retention import Retention
from waypost.engines.local.segments import first_position, list_segments
from waypost.engines.local.verify import verify_backup, verify_home
from waypost.model.errors import Conflict, Gone, StoreDamaged, StoreError, WrongFormat

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


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_thrown_away_where_start_is_lost(
    path: Path, archive: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go(home_in(path), Retention(bytes=1, archive=archive)).close()
    file = path / "log" / "start"
    data = file.read_bytes()
    file.unlink()
    of_other_kind(path, monkeypatch, kind)
    before = everything_in(path)
    for keep in (Retention(), Retention(archive=archive)):
        with pytest.raises(StoreDamaged, match="the segments before it are missing"):
            home_in(path, retention=keep)
    assert everything_in(path) == before
    file.write_bytes(data)
    check_rest(home := home_in(path, retention=Retention(archive=archive)))
    home.close()


def test_damage_is_not_to_be_mended_by_removing_it_where_start_is_lost(path: Path) -> None:
    let_go(home_in(path), ALL).close()
    (path / "log" / "start").unlink()
    file = path / "index" / "words"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StoreDamaged, match=r"Keep the folders index and history"):
        home_in(path)


def test_an_archive_brought_back_into_the_log_will_do(path: Path, archive: Path) -> None:
    let_go(home_in(path), Retention(bytes=1, archive=archive)).close()
    shutil.rmtree(path / "index")
    for segment in list_segments(archive):
        shutil.copy(segment, path / "log")
    check_rest(home := home_in(path))
    assert home.memory.log.start() == 0
    home.close()


def test_one_who_only_reads_a_trimmed_home_of_another_kind_is_not_sent_to_remove_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go(home_in(path), ALL).close()
    monkeypatch.setattr(ledger, "RUN_FORMAT", 99)
    with pytest.raises(WrongFormat, match="Keep the folders index and history"):
        home_in(path, read_only=True)


def test_a_trimmed_log_that_lost_its_end_is_to_be_brought_back(path: Path) -> None:
    let_go(home_in(path), ALL).close()
    list_segments(path / "log")[-1].unlink()
    with pytest.raises(StoreDamaged, match=r"Bring the log back from a copy of the home\.$"):
        home_in(path)


def test_damage_of_a_trimmed_home_is_not_to_be_mended_by_removing_it(path: Path) -> None:
    run = next(path / "index" / run.name for run in runs_of(path) if not run.raw)
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
        file = next(path / name / run.name for run in runs_of(path) if not run.raw)
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


def test_a_segment_that_goes_when_it_is_about_to_be_verified_is_no_damage(
    path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for keep in (Retention(bytes=4_000, archive=archive), ALL):
        home, open_file, last = home_in(path), os.open, starts(path / "log")[0]
        before, due = list_segments(path / "log")[1], [keep]

        def trim_first(path: Any, *args: Any, **options: Any) -> int:
            if path == before and due:  # noqa: B023
                let_go(home, due.pop())  # noqa: B023
            return open_file(path, *args, **options)  # noqa: B023

        with monkeypatch.context() as patch:
            patch.setattr(verify.os, "open", trim_first)
            report = verify_home(path, FOLD, sample=0, archive=keep.archive)
        assert (report.findings, due) == ([], [])
        assert starts(path / "log")[0] > last
        assert report.log_start == (0 if keep.archive else starts(path / "log")[0])
        home.close()


# Backups


def take(path: Path, folder: Path, **options: Any) -> Backup:
    return back_up(path, folder, made="2026-11-22T12:00:00Z", waypost="test", **options)


def an_example(path: Path, part: str) -> Path:
    """A file of index or history."""
    run = next(run.name for run in runs_of(path) if not run.raw)
    if part == "changes":
        return next((path / "index").glob("*.chg"))
    return {"run": path / "index" / run, "piece": path / "history" / run, "words": path / "index" / "words"}[part]


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


class TrimmingDisk(Disk):
    """Lets all of the log go that may, and with it changes, when the first segment is copied."""

    def __init__(self, home: LocalHome) -> None:
        self._home: LocalHome | None = home

    def write(self, fd: int, data: bytes | memoryview) -> None:
        home, self._home = self._home, None
        if home is not None:
            let_go(home, ALL)
        super().write(fd, data)


def test_segments_that_go_while_a_backup_is_taken_are_in_its_index(path: Path, tmp_path: Path) -> None:
    home = home_in(path)

    backup = take(path, tmp_path / "backup", disk=TrimmingDisk(home))
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

    named = {run.name for run in runs_of(path)}
    backup = take(path, tmp_path / "backup", disk=MergingDisk())
    assert named - {run.name for run in runs_of(path)}
    assert {f"index/{name}" for name in named} <= {file.name for file in backup.files}
    home.close()
    assert verify_backup(tmp_path / "backup").findings == []
    put_back(tmp_path / "backup", tmp_path / "restored")
    check_rest(restored := home_in(tmp_path / "restored"))
    restored.close()


def test_changes_that_go_while_a_backup_is_taken_are_in_it(path: Path, tmp_path: Path) -> None:
    segments = list_segments(path / "log")
    home = home_in(path)
    let_go(home, Retention(bytes=sum(segment.stat().st_size for segment in segments) - 1))  # just one goes

    def change_files() -> set[str]:
        return {f"index/{file.name}" for file in (path / "index").glob("*.chg")}

    before = change_files()
    backup = take(path, tmp_path / "backup", disk=TrimmingDisk(home), link=True)
    assert before - change_files()
    assert before <= {file.name for file in backup.files}
    home.close()
    assert verify_backup(tmp_path / "backup").findings == []
    put_back(tmp_path / "backup", tmp_path / "restored")
    check_rest(restored := home_in(tmp_path / "restored"))
    restored.close()


@pytest.mark.parametrize("name", ["run", "piece", "words", "changes"])
def test_what_is_missing_of_the_only_copy_is_told(path: Path, tmp_path: Path, name: str) -> None:
    let_go(home_in(path), ALL).close()
    file = an_example(path, name)
    file.rename(tmp_path / "away")
    with pytest.raises(StoreDamaged, match=rf"{file} is missing\. Keep the folders index and history"):
        take(path, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("place", [20, -1])
@pytest.mark.parametrize("part", ["run", "piece", "words", "changes", "no catalogue"])
def test_damage_of_the_only_copy_is_told_and_not_backed_up(path: Path, tmp_path: Path, part: str, place: int) -> None:
    let_go(home_in(path), ALL).close()
    file = path / "index" / "CATALOGUE" if part == "no catalogue" else an_example(path, part)
    data = file.read_bytes()
    if part == "no catalogue":
        file.unlink()
    else:
        wrong = bytearray(data)
        wrong[place] ^= 1
        file.write_bytes(wrong)
    with pytest.raises(StoreDamaged, match=f"^{file} "):
        take(path, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    file.write_bytes(data)
    take(path, tmp_path / "backup")


def test_no_backup_is_taken_while_index_and_history_come_from_the_archive(
    path: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go(home_in(path), Retention(bytes=1, archive=archive)).close()
    shutil.rmtree(path / "index")
    begun, may_go_on, apply = threading.Event(), threading.Event(), ledger.Ledger.apply

    def wait(self: ledger.Ledger, *args: Any) -> None:
        begun.set()
        assert may_go_on.wait(60)
        apply(self, *args)

    monkeypatch.setattr(ledger.Ledger, "apply", wait)
    home = home_in(path, retention=Retention(archive=archive))
    assert begun.wait(60)
    with pytest.raises(Conflict, match=r"are being made anew\. Take the backup when that is through"):
        take(path, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    may_go_on.set()
    caught_up(home)
    take(path, tmp_path / "backup")
    home.close()
    assert verify_backup(tmp_path / "backup").findings == []


def test_a_segment_that_goes_before_it_can_be_linked_is_no_failure(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, link_file, due = home_in(path), backup_file.link_file, [Retention(bytes=4_000), ALL]

    def trim_first(*args: Any) -> None:
        if due:
            let_go(home, due.pop(0))
        link_file(*args)

    monkeypatch.setattr(backup_file, "link_file", trim_first)
    backup = take(path, tmp_path / "backup", link=True)
    assert (backup.start, due) == (starts(path / "log")[0], [])
    home.close()


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
