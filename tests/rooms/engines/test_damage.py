"""Homes of which something was lost, replaced or changed: refused by name with the mend, or right to the last scan."""

import errno
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from tests.rooms.engines.homes import FOLD, caught_up, count, home_in
from tests.rooms.engines.scan_batches import batch

from waypost.engines.local.home import LocalHome, open_records
from waypost.engines.local.index import RocksIndex
from waypost.engines.local.rocks import Rocks
from waypost.model.errors import StoreDamaged, StoreError, WaypostError
from waypost.model.scans import ScanEvent, events_of
from waypost.network.facilities import Facilities
from waypost.network.records import facilities
from waypost.track.feed import Portion, import_feed

CODES = [f"F{place}" for place in range(40)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 scans in several segments and files of history, and some records. To be copied, not opened."""
    path = tmp_path_factory.mktemp("whole") / "home"
    home = home_in(path, segment_bytes=4_000)
    for start in range(0, 300, 30):
        home.memory.log.append(batch(start, 30))
        if start % 120 == 0:
            caught_up(home).seal()
    with home.memory.records.begin() as connection:
        rows = [{"carrier": "sf", "code": code, "name": f"of {code}", "kind": "hub"} for code in CODES]
        connection.execute(insert(facilities), rows)
    home.close()
    assert len(list((path / "log").iterdir())) > 3
    assert len(list((path / "history").iterdir())) > 3
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "home"))


def scans_in(home: LocalHome) -> list[ScanEvent]:
    return [event for frame in home.memory.log.read(0) for event in events_of(frame.scans)]


def codes_in(home: LocalHome) -> list[str]:
    with home.memory.records.read() as connection:
        return list(connection.scalars(select(facilities.c.code).order_by(facilities.c.code)))


def refusal(path: Path, *, read_only: bool = False) -> StoreDamaged:
    """The error at opening, which changes nothing."""
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file() and "index" not in file.parts}
    with pytest.raises(StoreDamaged) as told:
        home_in(path, read_only=read_only)
    assert {file: file.read_bytes() for file in before} == before
    return told.value


# The records


@pytest.mark.parametrize("how", ["missing", "empty", "a folder"])
def test_lost_records_are_not_made_anew_in_silence(path: Path, how: str) -> None:
    file = path / "records.sqlite"
    file.unlink()
    if how == "empty":
        file.touch()
    elif how == "a folder":
        file.mkdir()
    (path / "records.sqlite-wal").write_bytes(b"all that is left of them")
    entries = sorted(entry.name for entry in path.iterdir())
    for read_only in (False, True):
        told = str(refusal(path, read_only=read_only))
        assert told.startswith(f"{file} is {how}: parcels, links, facilities and keys were in it. Bring it back from")
        assert f'set "records" to 0 in {path / "FORMAT"}' in told
        with pytest.raises(StoreDamaged, match=f"{file} is {how}"):
            open_records(path, read_only=read_only)
    assert sorted(entry.name for entry in path.iterdir()) == entries


def test_records_are_begun_anew_when_that_is_said(path: Path) -> None:
    (path / "records.sqlite").unlink()
    format_file = path / "FORMAT"
    format_file.write_text(format_file.read_text().replace('"records": 1', '"records": 0'))
    home = caught_up(home_in(path))
    assert (codes_in(home), len(scans_in(home)), count(home)) == ([], 300, 300)
    home.close()
    (path / "records.sqlite").unlink()
    refusal(path)


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_format_that_says_nothing_of_records_is_no_leave_to_make_them(path: Path, is_lost: bool) -> None:
    """As earlier versions wrote it."""
    format_file = path / "FORMAT"
    text = format_file.read_text()
    format_file.write_text(text.replace(',\n  "records": 1', ""))
    assert "records" not in format_file.read_text()
    if is_lost:
        (path / "records.sqlite").unlink()
        assert "records.sqlite is missing" in str(refusal(path))
    else:
        home = home_in(path)
        assert codes_in(home) == sorted(CODES)
        home.close()
        assert format_file.read_text() == text


def test_records_that_are_none_are_told_with_their_file(path: Path) -> None:
    (path / "records.sqlite").write_bytes(b"no database at all" * 500)
    for read_only in (False, True):
        told = str(refusal(path, read_only=read_only))
        assert f"({path / 'records.sqlite'}) are damaged: file is not a database. Bring them back from a copy" in told


# The log


def test_a_lost_log_is_no_reason_to_remove_what_was_made_from_it(path: Path) -> None:
    shutil.rmtree(path / "log")
    for _ in range(2):  # missing, then empty
        for read_only in (False, True):
            told = str(refusal(path, read_only=read_only))
            assert f"{path / 'log'} " in told
            assert "Bring it back from a copy of the home. Keep index and history till then" in told
            assert "move" not in told
        (path / "log").mkdir(exist_ok=True)


def test_a_log_that_may_not_be_read_is_not_taken_for_an_empty_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def forbid(folder: Any) -> Any:
        if folder == path / "log":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", forbid)
    for lost in ((), ("index", "history")):
        for part in lost:
            shutil.rmtree(path / part)
        for read_only in (False, True) if not lost else (False,):
            with pytest.raises(
                StoreError, match=f"Not allowed: reading {path / 'log'} failed .*Permission denied"
            ) as no:
                home_in(path, read_only=read_only)
            assert "account that Waypost runs under" in str(no.value)
            assert "index" not in str(no.value)
    monkeypatch.undo()
    home = caught_up(home_in(path))
    assert (len(scans_in(home)), count(home)) == (300, 300)
    home.close()


@pytest.mark.parametrize("part", ["index", "history"])
def test_a_log_of_an_earlier_day_is_told_whichever_part_knows_better(path: Path, part: str, tmp_path: Path) -> None:
    shutil.copytree(path / "log", tmp_path / "earlier")
    home = home_in(path)
    home.memory.log.append(batch(300, 60))
    caught_up(home).close()
    shutil.rmtree(path / "log")
    (tmp_path / "earlier").rename(path / "log")
    for lost in {"index", "history"} - {part}:
        shutil.rmtree(path / lost)
    for read_only in (False, True) if part == "index" else (False,):
        told = str(refusal(path, read_only=read_only))
        assert "ends at scan 300, but 360 scans had been taken from it before" in told
        assert "move the folders index and history, which hold the others, out of the home" in told
    shutil.rmtree(path / part)
    home = caught_up(home_in(path))
    assert (len(scans_in(home)), count(home)) == (300, 300)
    home.close()


# Things in the wrong place


@pytest.mark.parametrize("part", ["log", "index", "history"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_in_place_of_a_folder_is_told(path: Path, part: str, read_only: bool) -> None:
    shutil.rmtree(path / part)
    (path / part).write_text("a file")
    told = str(refusal(path, read_only=read_only))
    assert told.startswith(f"{path / part} is a file, not a folder. Move it away")
    assert ("made anew from the log" in told) == (part != "log")


@pytest.mark.parametrize("file", ["FORMAT", "lock", "history/CONTENTS"])
def test_a_folder_in_place_of_a_file_is_told(path: Path, file: str) -> None:
    (path / file).unlink()
    (path / file).mkdir()
    assert str(refusal(path)).startswith(f"{path / file} is a folder, not a file. Move it away")


# The index


@pytest.mark.parametrize("text", ["-5", "abc", "1.5"])
def test_an_index_that_is_nowhere_is_damaged(path: Path, text: str) -> None:
    with_text = Rocks(path / "index")
    with_text.write(iter([(b"mposition", text.encode())]))
    with_text.close()
    for read_only in (False, True):
        told = str(refusal(path, read_only=read_only))
        assert told.startswith(f"{path / 'index'} is damaged: it says that it is at position '{text}'. Remove this")
    shutil.rmtree(path / "index")
    home = caught_up(home_in(path))
    assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == 300
    home.close()


@pytest.mark.parametrize("file", ["CURRENT", "MANIFEST-*", "*.sst"])
def test_an_index_that_lost_a_file_may_be_removed(path: Path, file: str) -> None:
    index = RocksIndex(path / "index", FOLD)
    index.close()
    lost = list((path / "index").glob(file))
    assert lost
    for each in lost:
        each.unlink()
    told = str(refusal(path))
    assert told.startswith(f"{path / 'index'} is damaged: ")
    assert "Remove this folder; it is made anew from the log" in told


# History


class NoFeed:
    """An import with nothing in it."""

    def portions(self) -> Iterator[Portion]:
        yield Portion("nothing")


def test_damaged_history_is_told_by_questions_and_imports_and_made_anew(path: Path) -> None:
    file = max((path / "history").glob("*.parquet"))
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    told = f"{file} is not what was written.* Remove the folder {path / 'history'}; it is made anew from the log"
    for read_only in (False, True):
        home = home_in(path, read_only=read_only)
        assert home.memory.history.position() == 300
        with pytest.raises(StoreDamaged, match=told):
            count(home)
        if not read_only:
            with pytest.raises(StoreDamaged, match=told):
                import_feed(NoFeed(), home.memory, Facilities(home.memory.records), lambda pairs: [], now_ms=0)
        assert len(scans_in(home)) == home.health().log_end == 300
        home.close()
    shutil.rmtree(path / "history")
    home = caught_up(home_in(path))
    assert (count(home), home.memory.history.position()) == (300, 300)
    home.close()


# Any byte


def test_a_changed_byte_is_told_with_its_file_or_does_no_harm(whole: Path, path: Path) -> None:
    """Never another error, and never a scan that was not acknowledged. SQLite bears no checks: a text may change."""
    home = caught_up(home_in(path))
    scans, states = scans_in(home), home.memory.index.page(None, 1000).to_pylist()
    home.close()
    chance, outcomes = random.Random(7), Counter[str]()
    for part, rounds in (("log", 24), ("history", 16), ("records.sqlite", 16)):
        files = sorted(file for file in (whole / part).rglob("*") if file.is_file()) or [whole / part]
        for turn in range(rounds):
            shutil.rmtree(path)
            shutil.copytree(whole, path)
            if part == "log" and turn % 2:  # then nothing but the log knows where it ended
                shutil.rmtree(path / "index")
                shutil.rmtree(path / "history")
            file = path / chance.choice(files).relative_to(whole)
            data = bytearray(file.read_bytes())
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            file.write_bytes(data)
            try:
                outcome = "cut" if look_at_all(path, scans, states) else "opened"
            except WaypostError as error:
                outcome = "refused" if str(file) in str(error) else str(error)
            outcomes[f"{part}: {outcome}"] += 1
    assert outcomes.total() == 56
    assert set(outcomes) == {
        "log: refused",
        "log: cut",
        "history: refused",
        "records.sqlite: refused",
        "records.sqlite: opened",
    }


def look_at_all(path: Path, scans: list[ScanEvent], states: list[dict[str, Any]]) -> bool:
    """Read all that there is; returns whether the log was cut, which is told and kept."""
    home = home_in(path)
    try:
        caught_up(home)
        found, cut = scans_in(home), home.health().cut
        assert found == scans[: len(found)]
        assert count(home) == len(found)
        if cut is None:
            assert len(found) == len(scans)
            assert home.memory.index.page(None, 1000).to_pylist() == states
        else:
            assert cut.kept is not None
            assert cut.kept.stat().st_size == cut.bytes > 0
        codes_in(home)
    finally:
        home.close()
    return cut is not None
