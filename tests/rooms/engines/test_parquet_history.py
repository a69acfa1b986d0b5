"""The files of history: written by merges, named and checked by the catalogue, and read while they change."""

import errno
import functools
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.rooms.engines.homes import FOLD, count, fill_runs, home_in, merge_soon, pieces
from tests.rooms.engines.scan_batches import NOON, batch

import waypost.engines.local.history as history_file
from waypost.engines.local.disk import Disk
from waypost.engines.local.entries import texts_of
from waypost.engines.local.history import HISTORY_FORMAT, ParquetHistory
from waypost.engines.local.keys import hash_numbers
from waypost.engines.local.ledger import Ledger
from waypost.model.errors import Closed, StorageFull, StoreDamaged, StoreError, WaypostError
from waypost.model.scans import SCAN_FORMAT, SCAN_SCHEMA
from waypost.store.protocols import Frame

SCANS = 480


class Kept:
    """A ledger and its history without threads: what they do is done when it is said. Four runs make a piece."""

    def __init__(
        self, path: Path, *, read_only: bool = False, disk: Disk | None = None, memory_limit: str = "1GB"
    ) -> None:
        for part in ("index", "history"):
            (path / part).mkdir(exist_ok=True)
        self.is_open = True
        self.folder = path / "history"
        self.ledger = Ledger(path / "index", FOLD, read_only=read_only, disk=disk)
        self.history = ParquetHistory(
            self.folder, self.ledger, read_only=read_only, memory_limit=memory_limit, disk=disk
        )

    def take(self, start: int, count: int = 120) -> None:
        """Append scans as a run of their own."""
        self.ledger.apply([Frame(self.ledger.catalogue.position, batch(start, count))])

    def merge(self) -> None:
        while self.ledger.merge(self.history.write_piece):
            pass

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def pieces(self) -> list[str]:
        return [piece.name for piece in self.ledger.catalogue.pieces]

    def places(self) -> list[int]:
        return places_of(self.history.run(lambda scans: scans.select("at").order_by("at")))

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self.history.close()
            self.ledger.close()


def places_of(scans: pa.Table) -> list[int]:
    places: list[int] = ((np.asarray(scans.column("at").cast(pa.int64())) - NOON) // 60_000).tolist()
    return places


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    merge_soon(monkeypatch)


@pytest.fixture
def open_kept(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    """Opens the ledger and the history of this test, for writing or, beside that, for reading."""
    opened: list[Kept] = []

    def open_one(*, read_only: bool = False, disk: Disk | None = None, memory_limit: str = "1GB") -> Kept:
        opened.append(Kept(tmp_path, read_only=read_only, disk=disk, memory_limit=memory_limit))
        return opened[-1]

    yield open_one
    for kept in reversed(opened):
        kept.close()


Open = Callable[..., Kept]


def with_piece(open_kept: Open) -> Path:
    """A piece of 480 scans, in a closed ledger."""
    kept = open_kept()
    for start in range(0, SCANS, 120):
        kept.take(start)
    kept.merge()
    [name] = kept.pieces()
    kept.close()
    return kept.folder / name


# Pieces


def test_a_merge_of_raw_runs_writes_a_piece_sorted_and_named_by_the_catalogue(open_kept: Open) -> None:
    kept = open_kept()
    for start in (360, 240, 120, 0):
        assert kept.files() == []
        kept.take(start)
    kept.merge()
    [piece] = kept.ledger.catalogue.pieces
    assert (piece.start, piece.end, piece.rows, kept.files()) == (0, SCANS, SCANS, [piece.name])
    assert piece.check == zlib.crc32((kept.folder / piece.name).read_bytes())
    table = pq.read_table(kept.folder / piece.name)
    assert table.schema.metadata[b"waypost"] == b"history %d, scans %d" % (HISTORY_FORMAT, SCAN_FORMAT)
    assert table.column("at").type == pa.timestamp("ms", "UTC")
    numbers = texts_of([table.column("number").combine_chunks()])
    hashes, _ = hash_numbers(numbers.data, numbers.ends, kept.ledger.catalogue.seed)
    order = list(zip(hashes.tolist(), places_of(table), strict=True))
    assert order == sorted(order)
    assert kept.places() == list(range(SCANS))
    kept.merge()  # nothing to do
    assert kept.files() == [piece.name]


def test_a_piece_has_all_that_a_scan_said(open_kept: Open) -> None:
    path = with_piece(open_kept)
    table = pq.read_table(path).select(SCAN_SCHEMA.names).sort_by("at")
    expected = pa.Table.from_batches([batch(0, SCANS)])
    assert table.to_pylist() == expected.to_pylist()


def test_only_new_scans_are_kept_and_the_position_moves_on(open_kept: Open) -> None:
    kept = open_kept()
    kept.take(0, 6)
    kept.take(3, 6)
    kept.take(0, 3)
    assert (kept.places(), kept.history.position()) == (list(range(9)), 15)
    kept.take(9, 200)
    kept.take(209, 200)
    kept.merge()
    assert [piece.rows for piece in kept.ledger.catalogue.pieces] == [409]
    kept.take(100, 200)
    assert (kept.places(), kept.history.position()) == (list(range(409)), 615)
    kept.close()
    kept = open_kept()
    assert (kept.places(), kept.history.position()) == (list(range(409)), 615)


def test_what_is_in_raw_runs_is_in_the_answer_at_every_moment(open_kept: Open) -> None:
    """Raw runs that are merged into one that is raw still are read from that; only then pieces come."""
    kept = open_kept()
    steps = []
    for start in range(0, 1_500, 30):
        kept.take(start, 30)
        assert kept.places() == list(range(start + 30))
        while kept.ledger.merge(kept.history.write_piece):
            runs = kept.ledger.catalogue.runs
            steps.append((len(kept.pieces()), [run.raw for run in runs].count(True)))
            assert kept.places() == list(range(start + 30))
        assert kept.files() == sorted(kept.pieces())
    assert steps[0] == (0, 1)
    assert len(kept.pieces()) >= 2
    listed = kept.ledger.catalogue.pieces
    assert [piece.start for piece in listed] == [0, *(piece.end for piece in listed[:-1])]
    assert all(piece.rows >= 400 for piece in listed)


def test_a_scan_is_in_one_piece_though_the_merger_lags(open_kept: Open) -> None:
    """Raw runs of which newer ones would make a piece before them wait for no one."""
    kept = open_kept()
    start = 0
    for sizes in ([1_100, 120, 120, 120, 120], [120, 120, 120], [1_100, 1_100, 120, 120], [120] * 9):
        for size in sizes:
            kept.take(start, size)
            start += size
        kept.merge()
        kinds = [run.raw for run in kept.ledger.catalogue.runs]
        assert kinds == sorted(kinds)  # what is raw is newer than what is not
        assert kept.places() == list(range(start))
    packed = [run.rows for run in kept.ledger.catalogue.runs if not run.raw]
    assert sum(piece.rows for piece in kept.ledger.catalogue.pieces) == sum(packed) > 0


def test_many_ask_while_runs_are_merged(tmp_path: Path) -> None:
    """Every answer is of one moment: as many scans as their minutes reach, and never fewer than before."""
    home, wrong = home_in(tmp_path), []

    def ask() -> None:
        seen = 0
        while seen < 2_400:
            at_least = home.memory.history.position()
            found = home.memory.history.run(lambda scans: scans.aggregate(n=scans.count(), at=scans.at.max()))
            scans = found.column("n")[0].as_py()
            last = places_of(found)[0] + 1 if scans else 0
            if last != scans or scans < max(seen, at_least):
                wrong.append((seen, at_least, scans, last))
                return
            seen = scans

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    fill_runs(home, 2_400)
    for asker in askers:
        asker.join(60)
    assert wrong == []
    home.close()
    assert len(pieces(tmp_path)) >= 4


# What is not in pieces yet


def test_a_large_raw_run_lies_in_a_file_until_it_is_merged(open_kept: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_file, "_IN_MEMORY_ROWS", 100)
    kept = open_kept()
    kept.take(0, 100)
    assert (kept.places(), kept.files()) == (list(range(100)), [])
    kept.take(100, 120)
    assert kept.files() == []  # nobody asked
    assert kept.places() == list(range(220))
    [tail] = kept.files()
    assert tail.endswith(".tail")
    assert kept.places() == list(range(220))
    assert kept.files() == [tail]
    kept.take(220, 120)
    kept.take(340, 120)
    kept.merge()
    assert kept.places() == list(range(460))
    assert kept.files() == kept.pieces()
    kept.take(460, 200)
    assert len(kept.places()) == 660
    assert len(kept.files()) == 2
    kept.history.close()
    assert kept.files() == kept.pieces()


def test_one_who_looks_on_reads_large_raw_runs_too_and_leaves_nothing(
    open_kept: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_file, "_IN_MEMORY_ROWS", 100)
    kept = open_kept()
    kept.take(0, 150)
    assert len(kept.places()) == 150
    other = open_kept(read_only=True)
    kept.take(150, 150)
    assert len(other.places()) in (150, 300)
    assert len(kept.places()) == 300
    before = kept.files()
    other.close()
    assert set(kept.files()) <= set(before)
    assert kept.places() == list(range(300))


def test_what_a_crash_left_is_swept(tmp_path: Path) -> None:
    fill_runs(home_in(tmp_path), 600).close()
    named = pieces(tmp_path)
    assert named
    for name in ("0000000099.run", "0000000098.run.0a1b2c3d.tail"):
        (tmp_path / "history" / name).write_bytes(b"half a piece")
    (tmp_path / "index" / "0000000099.run").write_bytes(b"half a run")
    home = home_in(tmp_path, read_only=True)
    assert count(home) == 600
    home.close()
    assert len(list((tmp_path / "history").iterdir())) == len(named) + 2  # one who looks on changes nothing
    home = home_in(tmp_path)
    assert count(home) == 600
    home.close()
    assert sorted(path.name for path in (tmp_path / "history").iterdir()) == sorted(named)
    assert not (tmp_path / "index" / "0000000099.run").exists()


# Writing that fails


class FailingDisk(Disk):
    """Fails at one step, or does not; and notes what was put on disk, in order."""

    def __init__(self) -> None:
        self.fails: str | None = None
        self.steps: list[str] = []

    def note(self, step: str, path: Path) -> None:
        self.steps.append(f"{step} {path.parent.name}/{path.name}" if step != "folder" else f"folder {path.name}")
        if step == self.fails:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self, fd: int) -> None:
        self.note("sync", Path(os.readlink(f"/proc/self/fd/{fd}")))
        super().sync(fd)

    def sync_folder(self, folder: Path) -> None:
        self.note("folder", folder)
        super().sync_folder(folder)

    def replace(self, path: Path, data: bytes) -> None:
        self.note("replace", path)
        super().replace(path, data)

    def write(self, fd: int, data: bytes | memoryview) -> None:
        self.note("write", Path(os.readlink(f"/proc/self/fd/{fd}")))
        super().write(fd, data)


def test_a_piece_and_its_name_are_on_disk_before_the_catalogue_names_it(open_kept: Open) -> None:
    disk = FailingDisk()
    kept = open_kept(disk=disk)
    for start in range(0, SCANS, 120):
        kept.take(start)
    disk.steps.clear()
    kept.merge()
    [name] = kept.pieces()
    named = disk.steps.index("replace index/CATALOGUE")
    assert disk.steps.index(f"sync history/{name}") < disk.steps.index("folder history") < named
    assert disk.steps.index(f"sync index/{name}") < disk.steps.index("folder index") < named


@pytest.mark.parametrize("step", ["sync", "folder", "write", "replace"])
def test_a_full_disk_leaves_no_half_of_a_piece(open_kept: Open, step: str) -> None:
    disk = FailingDisk()
    kept = open_kept(disk=disk)
    for start in range(0, SCANS, 120):
        kept.take(start)
    runs = sorted(path.name for path in kept.ledger._folder.glob("*.run"))
    for _ in range(3):  # it is tried again and again
        disk.fails = step
        with pytest.raises(OSError, match="No space left"):
            kept.merge()
        disk.fails = None
        assert kept.pieces() == []
        assert kept.places() == list(range(SCANS))
    if step != "replace":  # else it may be named already
        assert kept.files() == []
        assert sorted(path.name for path in kept.ledger._folder.glob("*.run")) == runs
    kept.merge()
    assert kept.places() == list(range(SCANS))
    assert len(kept.pieces()) == 1


@pytest.mark.parametrize("error", [MemoryError("no memory"), ZeroDivisionError("by zero"), pa.ArrowInvalid("odd")])
def test_no_error_leaves_half_of_a_piece(open_kept: Open, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    kept = open_kept()
    for start in range(0, SCANS, 120):
        kept.take(start)
    with monkeypatch.context() as patch:
        patch.setattr(history_file, "scans_of", fail)
        with pytest.raises(type(error)):
            kept.merge()
    assert (kept.pieces(), kept.files()) == ([], [])
    kept.merge()
    assert (len(kept.pieces()), kept.places()) == (1, list(range(SCANS)))


def test_without_room_for_a_large_raw_run_a_question_is_refused(
    open_kept: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_file, "_IN_MEMORY_ROWS", 100)
    disk = FailingDisk()
    kept = open_kept(disk=disk)
    kept.take(0)
    disk.fails = "write"
    with pytest.raises(StorageFull, match="No room left"):
        kept.places()
    assert kept.files() == []
    disk.fails = None
    assert kept.places() == list(range(120))


# Damage


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[:-20])
    elif how == "garbage":
        path.write_bytes(b"not a column in it" * 100)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "gone":
        path.unlink()
    elif how == "other":
        pq.write_table(pq.read_table(path).slice(0, 10), path)
    else:  # the footer is whole, a column is not
        at = pq.read_metadata(path).row_group(0).column(1).data_page_offset
        path.write_bytes(data[:at] + bytes(sign ^ 0xFF for sign in data[at : at + 40]) + data[at + 40 :])


def told(path: Path) -> str:
    return rf"{path} is (missing|not what was written)\. Remove the folders index and history; they are made anew"


HOW = ["truncated", "garbage", "empty", "other", "gone", "column"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_piece_is_named_at_the_first_question(open_kept: Open, how: str, read_only: bool) -> None:
    path = with_piece(open_kept)
    damage(path, how)
    kept = open_kept(read_only=read_only)
    for _ in range(2):
        with pytest.raises(StoreDamaged, match=told(path)):
            kept.places()
    assert str(path) in str(kept.history.find_damage())
    assert kept.history.position() == SCANS


@pytest.mark.parametrize("how", ["truncated", "garbage", "empty", "gone"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_piece_that_goes_bad_after_it_was_asked_is_named(open_kept: Open, how: str, read_only: bool) -> None:
    path = with_piece(open_kept)
    kept = open_kept(read_only=read_only)
    assert kept.places() == list(range(SCANS))
    assert kept.history.find_damage() is None
    damage(path, how)
    with pytest.raises(StoreDamaged, match=told(path)):
        kept.places()


def test_a_byte_that_changed_is_never_in_an_answer(open_kept: Open) -> None:
    """Most decode to something: a file is read against its check before it is first asked."""
    path = with_piece(open_kept)
    data = path.read_bytes()
    for place in range(3, len(data), len(data) // 25):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        kept = open_kept(read_only=True)
        with pytest.raises(StoreDamaged, match=told(path)):
            kept.history.run(lambda scans: scans.count())
    path.write_bytes(data)
    assert open_kept(read_only=True).places() == list(range(SCANS))


def test_a_piece_is_read_against_its_check_once(open_kept: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: each that is new, and no other."""
    checked: list[str] = []
    check_of = history_file.check_of

    def check(path: Path) -> int:
        checked.append(path.name)
        return check_of(path)

    kept, other = open_kept(), None
    with monkeypatch.context() as patch:
        patch.setattr(history_file, "check_of", check)
        for start in range(0, 4 * SCANS, SCANS):
            for more in range(0, SCANS, 120):
                kept.take(start + more)
            kept.merge()
            assert len(kept.places()) == start + SCANS
            other = other or open_kept(read_only=True)
            for _ in range(2):
                assert len(other.places()) == start + SCANS
            assert checked == kept.pieces()  # by the one that looks on; the one that wrote it need not
    assert len(checked) == 4


def test_damage_is_named_whichever_piece_it_is_in(open_kept: Open) -> None:
    kept = open_kept()
    for start in range(0, 3 * SCANS, 120):
        kept.take(start)
        kept.merge()
    names = kept.pieces()
    assert len(names) == 3
    kept.close()
    for name in names:
        data = (kept.folder / name).read_bytes()
        damage(kept.folder / name, "column")
        other = open_kept(read_only=True)
        assert str(kept.folder / name) in str(other.history.find_damage())
        (kept.folder / name).write_bytes(data)
        assert other.history.find_damage() is None


def test_a_fault_in_the_question_is_not_called_damage(open_kept: Open) -> None:
    with_piece(open_kept)
    kept = open_kept()
    with pytest.raises(StoreError, match="cannot answer: Conversion Error") as error:
        kept.history.run(lambda scans: scans.select(number=scans.note.cast("int64")))
    assert not isinstance(error.value, StoreDamaged)


# Questions


def test_a_question_beyond_its_memory_is_told(open_kept: Open) -> None:
    kept = open_kept(memory_limit="20MB")
    kept.take(0, 2_000)

    def all_pairs(scans: object) -> object:
        one, other = scans.select(a="note"), scans.select(b="note")  # type: ignore[attr-defined]
        return one.cross_join(other).select(c=lambda pair: pair.a + pair.b).distinct().count()

    kept.history._duck._spill = None
    with pytest.raises(StoreError, match=r"needs more than 20MB of memory\. Ask for a shorter span"):
        kept.history.run(all_pairs)
    assert len(kept.places()) == 2_000


def test_no_extension_is_loaded_from_outside(open_kept: Open) -> None:
    kept = open_kept()
    assert kept.places() == []
    with kept.history._duck._cursor() as cursor:
        settings = dict(cursor.execute("SELECT name, value FROM duckdb_settings()").fetchall())
        for wish in ("INSTALL spatial", "SET autoinstall_known_extensions = true", "SET memory_limit = '90GB'"):
            if wish.startswith("SET"):
                with pytest.raises(Exception, match="locked"):
                    cursor.execute(wish)
    assert settings["autoinstall_known_extensions"] == settings["autoload_known_extensions"] == "false"
    assert settings["TimeZone"] == "UTC"


def test_a_closed_history_says_so(open_kept: Open) -> None:
    kept = open_kept()
    kept.take(0, 5)
    kept.history.close()
    with pytest.raises(Closed, match="closed"):
        kept.places()


def all_together(scans: Any) -> Any:
    """A question that takes for ever."""
    others = [scans.select(**{name: "note"}) for name in "abcde"]
    crossed = functools.reduce(lambda one, other: one.cross_join(other), others)
    return crossed.aggregate(longest=(crossed.a + crossed.b + crossed.c + crossed.d + crossed.e).length().max())


def test_closing_breaks_off_what_is_asked(open_kept: Open) -> None:
    """Whether a question runs already or only begins; and nobody gets an error that is DuckDB's."""
    kept = open_kept()
    kept.take(0, 2_000)
    begun, ended = threading.Barrier(4, timeout=60), []

    def ask(scans: Any) -> Any:
        begun.wait()
        return all_together(scans)

    def wait_for_ever() -> None:
        with pytest.raises(WaypostError) as raised:
            kept.history.run(ask)
        ended.append(raised.type)

    asking = [threading.Thread(target=wait_for_ever, daemon=True) for _ in range(3)]
    for thread in asking:
        thread.start()
    begun.wait()
    while len(kept.history._duck._cursors) < 2:
        threading.Event().wait(0.001)
    kept.history.close()
    for thread in asking:
        thread.join(30)
    assert ended == [Closed] * 3
    assert kept.history._duck._connection is None


def test_a_question_that_does_not_end_keeps_nobody_from_closing(
    open_kept: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lets go of DuckDB itself, when it ends."""
    monkeypatch.setattr("waypost.engines.local.duck._PATIENCE_S", 0.05)
    duck = open_kept().history._duck
    with duck._cursor() as cursor:
        duck.close()
        assert cursor.execute("SELECT 7").fetchall() == [(7,)]
    assert duck._connection is None
