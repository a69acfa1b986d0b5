"""Homes of which something was lost, replaced or changed: refused by name with the mend, or right to the last scan."""

import errno
import os
import random
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select
from tests.rooms.engines.homes import caught_up, count, fill_runs, home_in, merge_soon, pieces
from tests.rooms.engines.scan_batches import batch

from waypost.engines.local.catalogue import read_catalogue
from waypost.engines.local.home import LocalHome, open_records
from waypost.model.errors import StoreDamaged, StoreError, WaypostError, WrongFormat
from waypost.model.scans import ScanEvent, events_of
from waypost.network.facilities import Facilities
from waypost.network.records import facilities
from waypost.track.feed import Portion, import_feed

CODES = [f"F{place}" for place in range(40)]


SCANS = 1_200


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans in several segments, runs of both kinds, files of history, and some records. To be copied, not opened."""
    path = tmp_path_factory.mktemp("whole") / "home"
    with pytest.MonkeyPatch.context() as patch:
        merge_soon(patch)
        home = fill_runs(home_in(path, segment_bytes=1_500), SCANS, 110)
    with home.memory.records.begin() as connection:
        rows = [{"carrier": "sf", "code": code, "name": f"of {code}", "kind": "hub"} for code in CODES]
        connection.execute(insert(facilities), rows)
    home.close()
    assert len(list((path / "log").iterdir())) > 3
    listed = read_catalogue(path / "index")
    assert listed is not None
    assert [run.raw for run in listed.runs] == [False, False, True, True, True]
    assert len(listed.pieces) == 2
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
    assert (codes_in(home), len(scans_in(home)), count(home)) == ([], SCANS, SCANS)
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
    assert (len(scans_in(home)), count(home)) == (SCANS, SCANS)
    home.close()


def test_a_log_of_an_earlier_day_is_told_by_the_index(path: Path, tmp_path: Path) -> None:
    shutil.copytree(path / "log", tmp_path / "earlier")
    home = home_in(path)
    home.memory.log.append(batch(SCANS, 60))
    caught_up(home).close()
    shutil.rmtree(path / "log")
    (tmp_path / "earlier").rename(path / "log")
    for read_only in (False, True):
        told = str(refusal(path, read_only=read_only))
        assert f"ends at scan {SCANS}, but {SCANS + 60} scans had been taken from it before" in told
        assert "move the folders index and history, which hold the others, out of the home" in told
    for part in ("index", "history"):
        (path / part).rename(tmp_path / part)
    home = caught_up(home_in(path))
    assert (len(scans_in(home)), count(home)) == (SCANS, SCANS)
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


@pytest.mark.parametrize("file", ["FORMAT", "lock", "index/CATALOGUE", "index/words"])
def test_a_folder_in_place_of_a_file_is_told(path: Path, file: str) -> None:
    (path / file).unlink()
    (path / file).mkdir()
    assert str(refusal(path)).startswith(f"{path / file} is a folder, not a file. Move it away")


# The index


def catalogued(**fields: object) -> bytes:
    """A catalogue as it lies on disk, with a check that matches."""
    data = msgspec.json.encode({"seed": "", "made": "", **fields})
    return b'{"catalogue":%b,"check":%d}' % (data, zlib.crc32(data))


RUN = {"name": "0.run", "start": 0, "end": 9, "rows": 9}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Input data was truncated"),
        (b"{", "Input data was truncated"),
        (b'{"\xff": 1}', "missing required field"),
        (b"\0\0", "malformed"),
        (catalogued().replace(b'"check":', b'"check":1'), "its check does not match its bytes"),
        (catalogued(runs=None), "Expected `array`, got `null`"),
        (catalogued(position="10"), "Expected `int`, got `str`"),
        (catalogued(position=5, runs=[RUN]), "its positions are in no order"),
        (catalogued(position=20, runs=[RUN | {"start": 9, "end": 18}, RUN]), "its positions are in no order"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_catalogue_that_cannot_be_right_is_damage(path: Path, data: bytes, why: str, read_only: bool) -> None:
    file = path / "index" / "CATALOGUE"
    file.write_bytes(data)
    told = str(refusal(path, read_only=read_only))
    assert told.startswith(f"{file} cannot be read: ")
    assert why in told
    assert told.endswith(f"Remove the folder {path / 'index'}: it is made anew from the log.")
    shutil.rmtree(path / "index")
    home = caught_up(home_in(path))
    assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == count(home) == SCANS
    home.close()


def test_one_digit_of_the_catalogue_is_not_read_as_another(path: Path) -> None:
    """A position that is too high would leave scans out for ever."""
    file = path / "index" / "CATALOGUE"
    data = file.read_bytes()
    assert b'"position":%d' % SCANS in data
    file.write_bytes(data.replace(b'"position":%d' % SCANS, b'"position":%d' % (SCANS + 1)))
    assert "its check does not match" in str(refusal(path))


def test_an_index_without_its_catalogue_is_made_anew(path: Path) -> None:
    home = caught_up(home_in(path))
    expected = told_of(home)
    home.close()
    (path / "index" / "CATALOGUE").unlink()
    with pytest.raises(WrongFormat, match="Open this home once for writing: the index is then made anew from the log"):
        home_in(path, read_only=True)
    home = caught_up(home_in(path))
    assert told_of(home) == expected
    home.close()
    named = read_catalogue(path / "index")
    assert named is not None
    assert {file.name for file in (path / "index").glob("*.run")} == {run.name for run in named.runs}


def packed_run(path: Path, place: int = 0) -> Path:
    listed = read_catalogue(path / "index")
    assert listed is not None
    return path / "index" / [run.name for run in listed.runs if not run.raw][place]


def raw_run(path: Path, place: int = 0) -> Path:
    listed = read_catalogue(path / "index")
    assert listed is not None
    return path / "index" / [run.name for run in listed.runs if run.raw][place]


def words(path: Path) -> Path:
    return path / "index" / "words"


def changes(path: Path) -> Path:
    return next((path / "index").glob("*.chg"))


@pytest.mark.parametrize("find", [packed_run, words, changes])
@pytest.mark.parametrize("how", ["missing", "empty", "cut short"])
def test_an_index_that_lost_a_file_may_be_removed(path: Path, find: Callable[[Path], Path], how: str) -> None:
    file = find(path)
    data = file.read_bytes()
    file.unlink()
    if how != "missing":
        file.write_bytes(data[: len(data) // 2 if how == "cut short" else 0])
    for read_only in (True, False):
        told = str(refusal(path, read_only=read_only))
        assert str(path / "index" if find is changes else file) in told
        assert "made anew from the log" in told
    shutil.rmtree(path / "index")
    home = caught_up(home_in(path))
    assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == count(home) == SCANS
    home.close()


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("how", ["missing", "empty", "cut short", "zeros", "flipped"])
def test_a_raw_run_that_was_not_on_disk_comes_again_from_the_log(path: Path, place: int, how: str) -> None:
    """It is not synced before it is acknowledged that it is there: a power cut may take it, and those behind it."""
    home = caught_up(home_in(path))
    expected = told_of(home)
    home.close()
    file = raw_run(path, place)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    lost = {"empty": b"", "cut short": bytes(data[:-9]), "zeros": bytes(len(data)), "flipped": bytes(data)}
    file.unlink()
    if how != "missing":
        file.write_bytes(lost[how])
    with pytest.raises(StoreDamaged, match=str(file)):
        home_in(path, read_only=True)
    home = home_in(path)
    assert home.health().rebuilding is None
    assert told_of(caught_up(home)) == expected
    home.close()
    home = home_in(path, read_only=True)
    assert (home.health().lag, told_of(home)) == (0, expected)
    home.close()


# History


class NoFeed:
    """An import with nothing in it."""

    def portions(self) -> Iterator[Portion]:
        yield Portion("nothing")


def test_damaged_history_is_told_by_questions_and_imports_and_made_anew(path: Path) -> None:
    file = path / "history" / pieces(path)[0]
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    told = f"{file} is not what was written.* Remove the folders index and history; they are made anew from the log"
    for read_only in (False, True):
        home = home_in(path, read_only=read_only)
        assert home.memory.history.position() == SCANS
        with pytest.raises(StoreDamaged, match=told):
            count(home)
        if not read_only:
            with pytest.raises(StoreDamaged, match=told):
                import_feed(NoFeed(), home.memory, Facilities(home.memory.records), lambda pairs: [], now_ms=0)
        assert len(scans_in(home)) == home.health().log_end == SCANS
        assert home.memory.index.timelines(["P3"]).num_rows == 13  # look-ups go on
        home.close()
    shutil.rmtree(path / "index")
    shutil.rmtree(path / "history")
    home = caught_up(home_in(path))
    assert (count(home), home.memory.history.position()) == (SCANS, SCANS)
    home.close()


# Any byte


Told = tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]], dict[str, tuple[int, int]]]


def told_of(home: LocalHome) -> Told:
    """All states, timelines and history, and the last change of each parcel."""
    memory = home.memory
    states = memory.index.page(None, 1000).sort_by("number").to_pylist()
    timelines = memory.index.timelines([state["number"] for state in states]).to_pylist()
    history = memory.history.run(lambda scans: scans.order_by("number", "at")).to_pylist()
    news = memory.changes.read(-1, 10_000).to_pylist()
    assert [row["position"] for row in news] == sorted(row["position"] for row in news)
    return states, timelines, history, {row["number"]: (row["position"], row["status"]) for row in news}


#: How many changed bytes are tried of each file, and what may come of it.
ANY = (
    ("log/*.seg", 24, {"refused", "cut"}),
    ("index/CATALOGUE", 12, {"refused"}),
    ("index/words", 12, {"refused"}),
    ("index/*.chg", 20, {"refused"}),
    ("index/slots", 3, {"opened"}),
    ("packed", 20, {"refused"}),
    ("raw", 12, {"opened"}),
    ("piece", 12, {"refused"}),
    ("records.sqlite", 16, {"refused", "opened"}),
)


@pytest.mark.parametrize(("files", "rounds", "due"), ANY, ids=[files for files, _, _ in ANY])
def test_a_changed_byte_is_told_with_its_file_or_does_no_harm(
    whole: Path, path: Path, files: str, rounds: int, due: set[str]
) -> None:
    """Never another error, and never a scan that was not acknowledged. SQLite bears no checks: a text may change."""
    home = caught_up(home_in(path))
    scans, told, changes = scans_in(home), told_of(home), home.memory.changes.read(-1, 10_000).to_pylist()
    home.close()
    chance, outcomes = random.Random(7), set()
    chosen = {
        "packed": [packed_run(whole, place) for place in (0, 1)],
        "raw": [raw_run(whole, place) for place in (0, 1, 2)],
        "piece": [whole / "history" / name for name in pieces(whole)],
    }.get(files) or sorted(whole.glob(files))
    for turn in range(rounds):
        shutil.rmtree(path)
        shutil.copytree(whole, path)
        if files == "log/*.seg" and turn % 2:  # then nothing but the log knows where it ended
            shutil.rmtree(path / "index")
            shutil.rmtree(path / "history")
        file = path / chance.choice(chosen).relative_to(whole)
        data = bytearray(file.read_bytes())
        # Of the records most bytes are of no use to anybody; the first hundred are.
        place = chance.randrange(100 if files == "records.sqlite" and turn % 2 else len(data))
        data[place] ^= 1 << chance.randrange(8)
        file.write_bytes(data)
        try:
            home = home_in(path)
            try:
                caught_up(home)
                cut = home.health().cut
                found = scans_in(home)
                assert found == scans[: len(found)], (file, place)
                if cut is None:
                    assert told_of(home) == told, (file, place)
                    assert files in ("log/*.seg", "raw") or home.memory.changes.read(-1, 10_000).to_pylist() == changes
                else:
                    assert cut.kept is not None
                    assert cut.kept.stat().st_size == cut.bytes > 0
                    assert len(told_of(home)[1]) == count(home) == len(found)
                codes_in(home)
                outcome = "opened" if cut is None else "cut"
            finally:
                home.close()
        except WaypostError as error:
            outcome = "refused" if str(file) in str(error) else str(error)
        outcomes.add(outcome)
    assert outcomes == due
