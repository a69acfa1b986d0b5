"""A home is read from end to end: nothing is wrong with a good one, and what is wrong is named by file and byte."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sqlalchemy import insert
from tests.rooms.engines.homes import FOLD, caught_up, fill_runs, home_in, merge_soon, pieces
from tests.rooms.engines.scan_batches import batch

from waypost.engines.local.backup import back_up
from waypost.engines.local.catalogue import Catalogue, read_catalogue, write_catalogue
from waypost.engines.local.changes import ChangeFiles
from waypost.engines.local.disk import Disk
from waypost.engines.local.findings import Finding, Report
from waypost.engines.local.segments import list_segments
from waypost.engines.local.verify import verify_backup, verify_home
from waypost.model.errors import NotFound
from waypost.network.records import facilities

PARCELS = 97


def filled(path: Path, frames: int = 6, start: int = 0, **options: int) -> Path:
    home = home_in(path, **{"segment_bytes": 1_000, **options})
    for turn in range(frames):
        home.memory.log.append(batch(start + turn * 50, 60))
    with home.memory.records.begin() as connection:
        rows = [{"carrier": "sf", "code": f"C{n}", "name": "n" * 200, "kind": "hub"} for n in range(200)]
        connection.execute(insert(facilities), rows)
    caught_up(home).close()
    return path


def verify(path: Path, sample: int = 200) -> Report:
    return verify_home(path, FOLD, sample=sample)


def test_a_good_home(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = verify_home(filled(tmp_path / "home"), FOLD, progress=lambda *at: seen.append(at))
    assert (report.findings, report.notes) == ([], [])
    assert (report.kind, report.scans, report.frames, report.rows["facilities"]) == ("home", 360, 6, 200)
    assert report.segments == len(list_segments(tmp_path / "home" / "log")) > 2
    assert report.bytes == sum(path.stat().st_size for path in list_segments(tmp_path / "home" / "log")) == seen[-1][1]
    assert seen[-1][0] == seen[-1][1]
    assert report.history_scans == 310  # ten of each frame come again in the next
    assert 60 < report.parcels_compared <= PARCELS


def test_a_home_without_scans_and_no_home(tmp_path: Path) -> None:
    home_in(tmp_path / "home").close()
    report = verify(tmp_path / "home")
    assert (report.findings, report.scans, report.parcels_compared) == ([], 0, 0)
    with pytest.raises(NotFound, match="no home"):
        verify(tmp_path / "none")
    with pytest.raises(NotFound, match="is no backup"):
        verify_backup(tmp_path / "home")


@pytest.mark.heavy
def test_beside_a_writer(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home", segment_bytes=20_000)
    home.memory.log.append(batch(0, 500))
    caught_up(home)
    stop = threading.Event()

    def load() -> None:
        place = 500
        while not stop.is_set():
            home.memory.log.append(batch(place - 5, 40))
            place += 35

    loader = threading.Thread(target=load)
    loader.start()
    try:
        reports = [verify(tmp_path / "home") for _ in range(2)]
    finally:
        stop.set()
        loader.join()
        home.close()
    assert [report.findings for report in reports] == [[], []]
    assert 500 <= reports[0].scans < reports[1].scans
    assert all(report.parcels_compared > 50 for report in reports)


def test_a_number_with_very_many_scans_is_left_out(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home")
    home.memory.log.append(batch(0, 3_000, parcels=1))
    home.memory.log.append(batch(3_000, 1_000, parcels=50))
    caught_up(home).close()
    report = verify(tmp_path / "home")
    assert report.findings == []
    assert 20 < report.parcels_compared < 50


# The log


def only(report: Report, part: str) -> Finding:
    [finding] = [finding for finding in report.findings if finding.part == part]
    assert report.findings == [finding]
    assert finding.mend
    return finding


@pytest.mark.parametrize("place", [0, 2])
def test_a_flipped_byte_is_named(tmp_path: Path, place: int) -> None:
    path = list_segments(filled(tmp_path / "home") / "log")[place]
    good = path.read_bytes()
    for byte, starts, says in ((3, 0, "header"), (30, 24, "frame"), (24, 24, "no frame"), (200, 24, "check")):
        data = bytearray(good)
        data[byte] ^= 1
        path.write_bytes(data)
        finding = only(verify(tmp_path / "home"), "log")
        assert (finding.file, finding.byte) == (str(path), starts)
        assert says in finding.what
    assert "not compared" in verify(tmp_path / "home").notes[0] if place == 0 else place
    path.write_bytes(good)
    assert verify(tmp_path / "home").findings == []


def test_each_damaged_segment_is_named(tmp_path: Path) -> None:
    first, second = list_segments(filled(tmp_path / "home", segment_bytes=2_000) / "log")
    for path in (first, second):
        data = bytearray(path.read_bytes())
        data[100] ^= 1
        path.write_bytes(data)
    report = verify(tmp_path / "home")
    assert [(finding.file, finding.byte) for finding in report.findings] == [(str(first), 24), (str(second), 24)]
    assert all("the next whole frame begins at byte" in finding.what for finding in report.findings)
    assert "cannot be opened" in report.notes[0]


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    _, second, third, *_ = list_segments(filled(tmp_path / "home") / "log")
    second.unlink()
    finding = only(verify(tmp_path / "home"), "log")
    assert (finding.file, finding.byte) == (str(third), 0)
    assert "missing: they end at scan" in finding.what


def test_a_log_that_is_shorter_than_the_index(tmp_path: Path) -> None:
    list_segments(filled(tmp_path / "home") / "log")[-1].unlink()
    finding = only(verify(tmp_path / "home"), "home")
    assert "had been taken from it before" in finding.what
    shutil.rmtree(tmp_path / "home" / "log")
    report = verify(tmp_path / "home")
    assert {finding.part for finding in report.findings} == {"home"}
    assert "log is missing" in report.findings[0].what


def test_a_last_frame_that_was_indexed_is_no_append_that_was_broken_off(tmp_path: Path) -> None:
    path = list_segments(filled(tmp_path / "home", segment_bytes=1 << 20) / "log")[-1]
    path.write_bytes(path.read_bytes()[:-10])
    report = verify(tmp_path / "home")
    [finding] = report.findings
    assert (finding.part, finding.file, finding.what) == ("log", str(path), "a frame is cut short")
    assert "360 scans had been taken from it before" in report.notes[0]
    assert len(report.notes) == 1


def test_an_append_that_was_broken_off_is_no_damage(tmp_path: Path) -> None:
    path = list_segments(filled(tmp_path / "home", segment_bytes=1 << 20) / "log")[-1]
    good = path.read_bytes()
    path.write_bytes(good + good[24:200])
    report = verify(tmp_path / "home")
    assert report.findings == []
    [note] = report.notes
    assert f"{path}, byte {len(good)}: 176 bytes of an append" in note

    garbage = bytes(range(1, 200))
    path.write_bytes(good + garbage)
    finding = only(verify(tmp_path / "home"), "log")
    assert (finding.file, finding.byte) == (str(path), len(good))
    assert "have the senders send" in str(finding.mend)


# The rest


def test_damaged_records(tmp_path: Path) -> None:
    path = filled(tmp_path / "home") / "records.sqlite"
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2] + bytes(range(256)) * 16 + good[len(good) // 2 + 4096 :])
    report = verify(tmp_path / "home")
    assert {(finding.part, finding.file) for finding in report.findings} == {("records", str(path))}
    path.write_bytes(b"x" * len(good))
    report = verify(tmp_path / "home")
    assert "not a database" in report.findings[0].what
    assert (report.notes, report.history_scans) == ([], 310)  # the rest is verified all the same
    path.unlink()
    assert {finding.part for finding in verify(tmp_path / "home").findings} == {"home", "records"}
    path.write_bytes(good)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO access_sessions VALUES ('d', 'nobody', 1)")
    finding = only(verify(tmp_path / "home"), "records")
    assert finding.what == "row 1 of access_sessions names a row of access_keys that is not there"


def test_index_and_history_of_another_log(tmp_path: Path) -> None:
    home, other = filled(tmp_path / "home"), filled(tmp_path / "other", start=7)
    shutil.rmtree(home / "log")
    shutil.copytree(other / "log", home / "log")
    report = verify(home)
    assert {finding.part for finding in report.findings} == {"index", "history"}
    for part, what in (("index", "timeline"), ("index", "state"), ("history", "timeline")):
        found = [each.what for each in report.findings if each.part == part and each.what.startswith(f"the {what} of")]
        assert found, (part, what)
        assert all("of parcel P" in each for each in found)
    assert all("remove the folder" in str(finding.mend) for finding in report.findings)
    assert any("more of" in finding.what for finding in report.findings)


@pytest.fixture
def merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with runs of both kinds and several files of history."""
    merge_soon(monkeypatch)
    fill_runs(home_in(tmp_path / "home"), 1_200, 110).close()
    assert len(pieces(tmp_path / "home")) == 2
    return tmp_path / "home"


def test_a_flipped_byte_in_index_or_history_is_found(merged: Path) -> None:
    """In any file but that of the slots, which are made anew from the runs where they are not what was written."""
    files = [file for part in ("index", "history") for file in sorted((merged / part).rglob("*")) if file.is_file()]
    kinds = {file.name if file.suffix not in (".run", ".chg") else file.suffix for file in files}
    assert kinds == {"CATALOGUE", "words", "slots", ".chg", ".run"}
    for file in files:
        good = file.read_bytes()
        for place in (len(good) // 9, len(good) // 2, len(good) - 3):
            data = bytearray(good)
            data[place] ^= 1
            file.write_bytes(data)
            report = verify(merged)
            if file.name == "slots":
                assert report.findings == []
                continue
            assert {finding.part for finding in report.findings} == {file.parent.name}, (file, place)
            assert any(str(file) in f"{finding.file} {finding.what}" for finding in report.findings), (file, place)
            assert all("made anew from the log" in str(finding.mend) for finding in report.findings)
        file.write_bytes(good)
    report = verify(merged)
    assert (report.findings, report.notes, report.history_scans) == ([], [], 1_200)


@pytest.mark.parametrize("kind", ["*.chg", "words", "[0-9]*.run"])
def test_a_lost_file_of_the_index_is_found(merged: Path, kind: str) -> None:
    file = min((merged / "index").glob(kind))
    file.unlink()
    report = verify(merged)
    assert {finding.part for finding in report.findings} == {"index"}
    assert all("made anew from the log" in str(finding.mend) for finding in report.findings)
    assert report.scans == 1_200


def test_each_damaged_run_is_named(merged: Path) -> None:
    packed = [run.name for run in catalogue_of(merged).runs if not run.raw]
    assert len(packed) == 2
    for name in packed:
        data = bytearray((merged / "index" / name).read_bytes())
        data[50] ^= 1
        (merged / "index" / name).write_bytes(data)
    findings = verify(merged).findings
    assert [finding.file for finding in findings] == [str(merged / "index" / name) for name in packed]


def test_a_run_in_the_place_of_another_is_found(merged: Path) -> None:
    first, second = (merged / "index" / run.name for run in catalogue_of(merged).runs if not run.raw)
    first.rename(merged / "aside")
    second.rename(first)
    (merged / "aside").rename(second)
    findings = verify(merged).findings
    assert {finding.file for finding in findings} == {str(first), str(second)}
    assert {finding.what for finding in findings} == {"it is another run than the catalogue names"}


def test_a_piece_of_history_too_many_is_found(merged: Path) -> None:
    """As if its scans had been written twice."""
    kept = catalogue_of(merged)
    twice = msgspec.structs.replace(kept, pieces=(kept.pieces[0], *kept.pieces))
    write_catalogue(merged / "index", twice, Disk())
    first, *_ = verify(merged).findings
    assert (first.part, first.what) == ("history", "it has 1640 scans, and the index 1200")


def test_changes_in_no_order_are_found(merged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = ChangeFiles.read

    def swap(changes: ChangeFiles, after: int, limit: int) -> tuple[np.ndarray, np.ndarray]:
        positions, news = read(changes, after, limit)
        return positions[::-1], news

    monkeypatch.setattr(ChangeFiles, "read", swap)
    finding = only(verify(merged), "index")
    assert finding.what == "changes behind scan -1 are in no order"


def catalogue_of(home: Path) -> Catalogue:
    kept = read_catalogue(home / "index")
    assert kept is not None
    return kept


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "harm", "parts"),
    [
        ("log/00000000000000000000.seg", flip, ["backup", "log"]),
        ("records.sqlite", Path.unlink, ["backup", "records"]),
        ("FORMAT", flip, ["backup"]),
        ("BACKUP", flip, ["backup"]),
    ],
)
def test_a_backup(tmp_path: Path, name: str, harm: Callable[[Path], None], parts: list[str]) -> None:
    folder = tmp_path / "backup"
    back_up(filled(tmp_path / "home"), folder, made="2026-11-22T00:00:00Z", waypost="0.1.0")
    names = {file.name for file in folder.iterdir()}
    report = verify_backup(folder)
    assert (report.findings, report.kind, report.scans, report.rows["facilities"]) == ([], "backup", 360, 200)
    assert {file.name for file in folder.iterdir()} == names  # SQLite leaves nothing beside its file
    harm(folder / name)
    report = verify_backup(folder)
    assert [finding.part for finding in report.findings] == parts
    assert {finding.file for finding in report.findings} == {str(folder / name)}
