"""The ledger: whatever comes, however it is cut, merged, opened anew and made to fail, it holds what the log holds."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.drawing import examples
from tests.rooms.engines.homes import FOLD
from tests.rooms.engines.scan_batches import NOON, batch
from tests.rooms.engines.test_runs import FailingDisk, folders, open_files
from tests.rooms.engines.test_views import rows_of

from waypost.engines.local import catalogue as catalogue_file
from waypost.engines.local import ledger as ledger_file
from waypost.engines.local import runs as runs_file
from waypost.engines.local import slots as slots_file
from waypost.engines.local.catalogue import find_mergeable, read_catalogue
from waypost.engines.local.disk import Disk
from waypost.engines.local.entries import Entries
from waypost.engines.local.index import LedgerIndex
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.slots import parcels_of
from waypost.engines.local.views import numbers_of, scans_of
from waypost.model.errors import StoreDamaged, StoreError, WrongFormat
from waypost.model.instants import Instant, OffsetSource
from waypost.model.scans import IDENTITY, VOID, ScanEvent, batch_of
from waypost.store.fold import Fold, KeyedScans, state_table
from waypost.store.memory import MemoryIndex, MemoryLog
from waypost.track.fold import NEW_PARCEL, NEWS, StatusFold
from waypost.track.statuses import UNKNOWN
from waypost.track.tables import bundled_tables

Row = dict[str, Any]

#: So that few scans go through all that many go through. Runs of all sizes are then of one class.
SMALL: tuple[tuple[Any, str, int], ...] = (
    (catalogue_file, "FAN", 3),
    (catalogue_file, "RAW_ROWS", 25),
    (ledger_file, "RAW_ROWS", 25),
    (catalogue_file, "_SMALLEST", 1 << 20),
    (runs_file, "BLOCK_ROWS", 4),
    (runs_file, "BUSY_BLOCKS", 1),
    (runs_file, "_PIECE_BLOCKS", 3),
    (runs_file, "_LEAST_SLICE", 10),
    (slots_file, "_LEAST", 4),
    (slots_file, "_SLACK", 64),
    (slots_file, "_PART_SLOTS", 32),
)


@contextmanager
def small_parts(**changed: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in SMALL:
            patch.setattr(module, name, changed.get(name, value))
        yield


@pytest.fixture
def small() -> Iterator[None]:
    with small_parts():
        yield


# Scans


def scan(number: str, minute: int, code: str = "opcode:30", **rest: Any) -> ScanEvent:
    at = Instant(NOON + minute * 60_000, 480, OffsetSource.CARRIER)
    return ScanEvent(carrier=rest.pop("carrier", "sf"), number=number, code=code, at=at, **rest)


plain_scans = st.builds(
    scan,
    st.sampled_from(["A", "A", "B", "C"]) | st.integers(0, 40).map("N{}".format),
    st.integers(0, 12),
    st.sampled_from(["opcode:30", "opcode:50", "opcode:36", "opcode:80", "opcode:44", "strange"]),
    carrier=st.sampled_from(["sf", "sf", "yto"]),
    facility=st.sampled_from([None, "755A", "021W"]),
    note=st.none() | st.sampled_from(["", "note", "已签收"]),
)


@st.composite
def scan_lists(draw: st.DrawFn, most: int = 60) -> list[ScanEvent]:
    """Scans in any order, many twice; some correct others, which may come later, or never, or are corrections too."""
    scans = draw(st.lists(plain_scans, max_size=most))
    for _ in range(draw(st.integers(0, 4)) if scans else 0):
        target = draw(st.sampled_from(scans))
        minute = draw(st.integers(0, 12))
        code = draw(st.sampled_from([VOID, "opcode:50", "opcode:80"]))
        scans.append(scan(target.number, minute, code, carrier=target.carrier, corrects=target.id))
    if scans:
        scans += draw(st.lists(st.sampled_from(scans), max_size=most // 3))
    order = draw(st.permutations(range(len(scans))))
    kept = draw(st.integers(0, len(scans)))
    return [scans[place] for place in order[: max(kept, len(scans) // 2)]]


def parts_of(scans: Sequence[ScanEvent], sizes: Iterable[int]) -> Iterator[list[ScanEvent]]:
    """Scans in batches of these sizes; the last has the rest."""
    start = 0
    for size in sizes:
        if start + size >= len(scans):
            break
        yield list(scans[start : start + size])
        start += size
    if start < len(scans):
        yield list(scans[start:])


# A ledger and what it has to hold


class Pieces:
    """Stands for history: which entries were written into which piece."""

    def __init__(self) -> None:
        self.ledger: Ledger | None = None
        self.written: dict[str, list[Row]] = {}

    def write(self, name: str, entries: Iterator[Entries]) -> tuple[int, int]:
        assert self.ledger is not None
        rows = [row for part in entries for row in rows_of(scans_of(part, self.ledger.words))]
        self.written[name] = rows
        return len(rows), len(rows) * 7


class Book:
    """A log, a ledger that is behind it, and all that is asked of the two."""

    def __init__(
        self, folder: Path, fold: Fold = FOLD, *, memory_bytes: int = 1 << 30, like: "Book | None" = None
    ) -> None:
        """With the log and all files of another one, if given."""
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.fold = fold
        self.log = MemoryLog()
        self.references: dict[tuple[int, str], MemoryIndex] = {}
        self.pieces = Pieces()
        if like is not None:
            shutil.copytree(like.folder, folder, dirs_exist_ok=True)
            self.log, self.references = like.log, like.references
            self.pieces.written = dict(like.pieces.written)
        self._memory_bytes = memory_bytes
        self.disk = FailingDisk()
        self.ledger = self._open()

    def _open(self) -> Ledger:
        ledger = Ledger(self.folder, self.fold, memory_bytes=self._memory_bytes, disk=self.disk)
        self.pieces.ledger = ledger
        return ledger

    def append(self, *batches: Sequence[ScanEvent]) -> None:
        for events in batches:
            self.log.append(batch_of(events))

    def catch_up(self, sizes: Iterable[int] = (), drains: bool = False) -> None:
        """Take in what is in the log, so many frames at a time; the last time all the rest."""
        frames = list(self.log.read(self.ledger.catalogue.position))
        for size in sizes:
            if frames[:size]:
                self.ledger.apply(frames[:size])
            frames = frames[size:]
            if drains:
                self.merge()
        if frames:
            self.ledger.apply(frames)

    def merge(self) -> None:
        while self.ledger.merge(self.pieces.write):
            pass
        assert find_mergeable(self.ledger.catalogue.runs) is None

    def reopen(self, closes: bool = True) -> None:
        """As after the end of the program, or after a kill."""
        if closes:
            self.ledger.close()
        else:
            self.ledger.changes.close()
        self.ledger = self._open()

    def check(self) -> None:
        """It holds what it has to, having taken in all of the log."""
        assert self.ledger.catalogue.position == self.log.position()
        reference = self.reference()
        numbers = sorted({number for frame in self.log.read(0) for number in frame.scans.column("number").to_pylist()})
        check_timelines(self.ledger, numbers, reference)
        check_slots(self.ledger, numbers, reference, self.fold)
        check_changes(index_of(self.ledger, self.log, self.fold), reference, self.log)
        self.check_pieces()
        self.check_files()

    def reference(self) -> MemoryIndex:
        """What has taken in the same log, and is right."""
        key = self.log.position(), self.fold.version
        if key not in self.references:
            self.references[key] = MemoryIndex(self.log, self.fold)
            assert self.references[key].catch_up(self.log.position(), 0)
        return self.references[key]

    def check_pieces(self) -> None:
        """Each scan that is in no raw run is in one piece."""
        listed = self.ledger.catalogue
        told = [row for piece in listed.pieces for row in self.pieces.written[piece.name]]
        packed = [
            row
            for one, run in zip(listed.runs, self.ledger.runs.all, strict=True)
            if not one.raw
            for row in rows_of(scans_of(run.slice(0, None), self.ledger.words))
        ]
        assert sorted(map(identity_of, told)) == sorted(map(identity_of, packed))
        for piece in listed.pieces:
            rows = self.pieces.written[piece.name]
            assert (piece.rows, piece.check) == (len(rows), len(rows) * 7)

    def check_files(self) -> None:
        """The catalogue on disk is that in memory, up to the next name; runs say of themselves what it says of them."""
        kept, now = read_catalogue(self.folder), self.ledger.catalogue
        assert kept is not None
        assert msgspec.structs.replace(kept, next_name=0) == msgspec.structs.replace(now, next_name=0)
        for one, run in zip(now.runs, self.ledger.runs.all, strict=True):
            foot = run.foot
            assert (one.start, one.end, one.rows, one.raw) == (foot.start, foot.end, foot.rows, foot.raw is not None)
            assert run.path == self.folder / one.name
        names = {run.name for run in now.runs}
        assert {path.name for path in self.folder.glob("*.run")} >= names


def identity_of(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in (*IDENTITY, "note"))


def index_of(ledger: Ledger, log: MemoryLog, fold: Fold = FOLD) -> LedgerIndex:
    return LedgerIndex(ledger, fold, cast("SegmentLog", log))


def check_timelines(ledger: Ledger, numbers: Sequence[str], reference: MemoryIndex) -> None:
    """All scans are there once, as the first that came said it."""
    entries = ledger.runs.slice(0, None)
    expected = rows_of(reference.timelines(numbers))
    assert sorted(map(identity_of, rows_of(scans_of(entries, ledger.words)))) == sorted(map(identity_of, expected))
    assert sum(run.rows for run in ledger.catalogue.runs) == len(entries) == len(expected)
    index = LedgerIndex(ledger, FOLD, cast("SegmentLog", None))
    assert rows_of(index.timelines(numbers)) == expected
    newest = index.timelines(numbers, most=3)
    counts = Counter((row["number"], row["carrier"]) for row in expected)
    assert newest.num_rows == sum(min(count, 3) for count in counts.values())
    assert set(map(identity_of, rows_of(newest))) <= set(map(identity_of, expected))


def check_slots(ledger: Ledger, numbers: Sequence[str], reference: MemoryIndex, fold: Fold) -> None:
    """The states that scans are folded onto are those of the distinct scans."""
    slots = ledger._slots or ledger._open_slots()
    entries = ledger.runs.slice(0, None)
    keys, parcel_of = parcels_of(entries.words)
    places = slots.find(keys)
    assert (places >= 0).all()
    assert slots.parcels == len(keys)
    opens = np.flatnonzero(np.diff(parcel_of, prepend=-1))
    carriers = scans_of(entries, ledger.words).column("carrier").cast(pa.string()).combine_chunks()
    found = state_table(
        carriers.take(pa.array(opens)),
        numbers_of(entries).take(pa.array(opens)),
        np.bincount(parcel_of, minlength=len(keys)),
        slots.states(places),
        fold,
        ledger.words,
    )
    order = [("number", "ascending"), ("carrier", "ascending")]
    assert found.sort_by(order).to_pylist() == reference.states(numbers).to_pylist()
    assert slots.doubtful(entries, parcel_of, places).all()
    if slots is not ledger._slots:
        slots.close()


def check_changes(index: LedgerIndex, reference: MemoryIndex, log: MemoryLog) -> None:
    """In the order of the cursor, each goes on where the one before ended, and the last tells the state."""
    firsts: dict[tuple[str, ...], int] = {}
    for frame in log.read(0):
        for place, told in enumerate(rows_of(frame.scans)):
            firsts.setdefault(identity_of(told | {"note": None}), frame.position + place)
    changes = index.read(-1, 1 << 30)
    positions, rows = changes.column("position").to_pylist(), rows_of_changes(changes)
    assert positions == sorted(set(positions))
    assert set(positions) <= set(firsts.values())
    status: dict[tuple[str, str], int] = {}
    for row in rows:
        key = row["carrier"], row["number"]
        assert row["before_status"] == status.get(key, UNKNOWN)
        assert (row["told"] == NEW_PARCEL) == (key not in status)
        status[key] = row["status"]
    states = reference.page(None, 1 << 30).to_pylist()
    assert status == {(state["carrier"], state["number"]): state["status"] for state in states}
    if positions:
        middle = positions[len(positions) // 2]
        assert index.read(middle, 3).column("position").to_pylist() == [at for at in positions if at > middle][:3]


def rows_of_changes(changes: pa.Table) -> list[Row]:
    rows: list[Row] = changes.to_pylist()
    return rows


batch_sizes = st.lists(st.integers(1, 15), max_size=12)
apply_sizes = st.lists(st.integers(1, 4), max_size=6)


# What it holds


@settings(max_examples=examples(50))
@given(scan_lists(), batch_sizes, apply_sizes, st.booleans(), st.sampled_from([0, 1 << 30]))
def test_whatever_comes_is_held_once(
    scans: list[ScanEvent], sizes: list[int], frames: list[int], merges: bool, memory_bytes: int
) -> None:
    with folders() as folder, small_parts():
        book = Book(folder, memory_bytes=memory_bytes)
        book.append(*parts_of(scans, sizes))
        book.catch_up(frames, drains=merges)
        book.check()
        book.merge()
        book.check()
        book.reopen()
        book.check()
        book.ledger.close()


@settings(max_examples=examples(30))
@given(scan_lists(), batch_sizes, apply_sizes)
def test_runs_of_all_classes_are_merged(scans: list[ScanEvent], sizes: list[int], frames: list[int]) -> None:
    """And what each batch told is what the reference tells, which takes in the same batches."""
    with folders() as folder, small_parts(_SMALLEST=1, FAN=2):
        book = Book(folder)
        book.append(*parts_of(scans, sizes))
        book.catch_up([1] * 100, drains=True)
        book.check()
        reference = book.reference()
        found = index_of(book.ledger, book.log).read(-1, 1 << 30)
        assert found.to_pylist() == reference.read(-1, 1 << 30).to_pylist()
        book.ledger.close()


@settings(max_examples=examples(30))
@given(scan_lists(), batch_sizes, apply_sizes, apply_sizes)
def test_however_a_log_is_split_the_end_is_the_same(
    scans: list[ScanEvent], sizes: list[int], one: list[int], other: list[int]
) -> None:
    ends = []
    for frames in (one, other, [1] * 100):
        with folders() as folder, small_parts():
            book = Book(folder)
            book.append(*parts_of(scans, sizes))
            book.catch_up(frames)
            index = index_of(book.ledger, book.log)
            numbers = sorted({event.number for event in scans})
            states = index.states(numbers).to_pylist()
            last = {(row["carrier"], row["number"]): row["status"] for row in rows_of_changes(index.read(-1, 1 << 30))}
            ends.append((states, last))
            book.ledger.close()
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.usefixtures("small")
def test_the_same_scans_again_change_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path)
    scans = [scan(f"N{place % 7}", place % 40, note=f"{place}") for place in range(100)]
    book.append(scans)
    book.catch_up()
    runs, changes = book.ledger.catalogue.runs, index_of(book.ledger, book.log).read(-1, 1000).num_rows
    for again in (scans, scans[::-1], scans[:1], scans + scans):
        book.append(again)
        book.catch_up()
        assert book.ledger.catalogue.runs == runs
        assert index_of(book.ledger, book.log).read(-1, 1000).num_rows == changes
    book.check()
    book.reopen()
    book.append([*scans[:30], scan("new", 1)])
    book.catch_up()
    assert [run.rows for run in book.ledger.catalogue.runs] == [runs[0].rows, 1]
    book.check()


@pytest.mark.usefixtures("small")
def test_a_log_may_have_nothing_but_what_is_known(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.check()
    book.append([scan("A", 1)] * 3)
    book.catch_up()
    book.append([scan("A", 1)] * 2)
    book.catch_up()
    book.check()
    book.reopen(closes=False)
    book.check()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("turned", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
def test_a_correction_counts_before_and_after_what_it_corrects(tmp_path: Path, turned: bool, together: bool) -> None:
    wrong = scan("A", 5, "opcode:80", facility="755A")
    right = scan("A", 6, "opcode:36", corrects=wrong.id)
    withdrawn = scan("B", 5, "opcode:80")
    void = scan("B", 9, VOID, corrects=withdrawn.id)
    pairs = [(right, wrong), (void, withdrawn)] if turned else [(wrong, right), (withdrawn, void)]
    early = [scan("A", 1), scan("B", 1), scan("C", 1)]
    book = Book(tmp_path)
    batches: list[list[ScanEvent]] = [early, *([first] for first, _ in pairs), *([second] for _, second in pairs)]
    book.append(*batches)
    book.catch_up([] if together else [1] * 5)
    book.check()
    states = {row["number"]: row for row in index_of(book.ledger, book.log).states(["A", "B", "C"]).to_pylist()}
    status = FOLD._tables.classify(["sf", "sf"], ["opcode:36", "opcode:30"]).tolist()
    assert [states[number]["status"] for number in "ABC"] == [status[0], status[1], status[1]]
    assert [states[number]["scans"] for number in "ABC"] == [3, 3, 1]
    book.append([scan("A", 3, "opcode:50"), scan("B", 2, "opcode:50")], [wrong, withdrawn, void])
    book.catch_up([1, 1])
    book.merge()
    book.check()
    book.reopen(closes=False)
    book.check()


@pytest.mark.usefixtures("small")
def test_a_parcel_whose_every_scan_was_withdrawn(tmp_path: Path) -> None:
    only = scan("A", 5, "opcode:80")
    book = Book(tmp_path)
    book.append([only, scan("B", 1)], [scan("A", 9, VOID, corrects=only.id)])
    book.catch_up([1, 1])
    book.check()
    (state,) = index_of(book.ledger, book.log).states(["A"]).to_pylist()
    assert state["status"] == UNKNOWN
    book.reopen(closes=False)
    book.check()


@pytest.mark.usefixtures("small")
def test_a_bag_that_is_scanned_thousands_of_times(tmp_path: Path) -> None:
    """More often than there are prints of one parcel: then the runs are asked."""
    book = Book(tmp_path)
    scans = [scan("BAG", place, facility=f"F{place % 5}") for place in range(1_500)]
    for start in range(0, 1_500, 300):
        book.append([scan(f"N{start}", 1), *scans[max(start - 150, 0) : start + 300]])
    book.catch_up([1] * 10, drains=True)
    assert index_of(book.ledger, book.log).timelines(["BAG"]).num_rows == 1_500
    book.check()
    book.append(scans[::-7])
    book.catch_up()
    book.check()


@pytest.mark.parametrize(
    ("scans", "each"),
    [(30_000, 2_500), pytest.param(600_000, 40_000, marks=[pytest.mark.heavy, pytest.mark.timeout(900)])],
)
def test_many_scans_of_many_parcels(tmp_path: Path, scans: int, each: int) -> None:
    """With the sizes that it has, against counts; a tenth of each batch was there before."""
    book = Book(tmp_path)
    parcels, start = scans // 8, 0
    while start < scans:
        again = batch(max(start - each, 0) // 2, each // 10, parcels=parcels)
        book.log.append(batch(start, each, parcels=parcels))
        book.log.append(again)
        book.catch_up()
        start += each
    book.merge()
    assert sum(run.rows for run in book.ledger.catalogue.runs) == scans
    index = index_of(book.ledger, book.log)
    states = index.states([f"P{n}" for n in range(parcels)])
    assert states.column("scans").to_pylist() == [8] * parcels
    changes = index.read(-1, 1 << 30)
    assert len(set(changes.column("number").to_pylist())) == parcels
    assert np.all(np.diff(changes.column("position").to_numpy()) > 0)
    last = index.timelines(["P77"]).column("at").cast(pa.int64()).to_pylist()
    assert last == [NOON + (77 + turn * parcels) * 60_000 for turn in range(8)]
    book.reopen()
    assert book.ledger._open_slots().was_kept
    book.reopen(closes=False)
    book.log.append(batch(scans - each, each, parcels=parcels))
    book.catch_up()
    assert sum(run.rows for run in book.ledger.catalogue.runs) == scans


def test_scans_from_elsewhere_in_the_log_are_refused(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.append([scan("A", 1)], [scan("B", 1)])
    frames = list(book.log.read(0))
    with pytest.raises(StoreError, match="The index is at 0 and cannot take in scans from 1 on"):
        book.ledger.apply(frames[1:])
    book.ledger.apply(frames[:1])
    with pytest.raises(StoreError, match="The index is at 1 and cannot take in scans from 0 on"):
        book.ledger.apply(frames)
    book.catch_up()
    book.check()


# Opened anew


@settings(max_examples=examples(30))
@given(
    scan_lists(),
    batch_sizes,
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["", "merge"]), st.sampled_from(["close", "kill", ""])), max_size=8
    ),
    st.sampled_from([0, 1 << 30]),
)
def test_opened_anew_after_any_step_it_goes_on(
    scans: list[ScanEvent], sizes: list[int], turns: list[tuple[int, str, str]], memory_bytes: int
) -> None:
    with folders() as folder, small_parts():
        book = Book(folder, memory_bytes=memory_bytes)
        book.append(*parts_of(scans, sizes))
        for count, merges, end in turns:
            frames = list(book.log.read(book.ledger.catalogue.position))[:count]
            if frames:
                book.ledger.apply(frames)
            if merges:
                book.ledger.merge(book.pieces.write)
            if end:
                before = book.ledger.catalogue
                book.reopen(closes=end == "close")
                after = book.ledger.catalogue
                assert msgspec.structs.replace(before, next_name=0) == msgspec.structs.replace(after, next_name=0)
                assert {path.name for path in folder.glob("*.run")} == {run.name for run in after.runs}
        book.catch_up()
        book.check()
        book.ledger.close()


@settings(max_examples=examples(30))
@given(scan_lists(), batch_sizes, st.lists(st.sampled_from(["apply", "merge", "reopen"]), max_size=10))
def test_one_who_only_reads_sees_what_is_published(scans: list[ScanEvent], sizes: list[int], turns: list[str]) -> None:
    with folders() as folder, small_parts():
        book = Book(folder)
        reader = Ledger(folder, FOLD, read_only=True)
        book.append(*parts_of(scans, sizes))
        numbers = sorted({event.number for event in scans})
        for turn in turns:
            frames = list(book.log.read(book.ledger.catalogue.position))[:1]
            if turn == "apply" and frames:
                book.ledger.apply(frames)
            elif turn == "merge":
                book.ledger.merge(book.pieces.write)
            elif turn == "reopen":
                book.reopen(closes=False)
            mine, others = (index_of(ledger, book.log) for ledger in (book.ledger, reader))
            assert others.position() == mine.position()
            assert others.states(numbers).to_pylist() == mine.states(numbers).to_pylist()
            assert others.read(-1, 1 << 30).to_pylist() == mine.read(-1, 1 << 30).to_pylist()
        reader.close()
        book.ledger.close()


def several(folder: Path, fold: Fold = FOLD) -> Book:
    """A ledger with a packed run and three raw ones behind it."""
    book = Book(folder, fold)
    wrong = scan("A", 2, "opcode:80")
    for turn in range(6):
        scans = [scan(f"N{place}", 10 * turn + place % 3, facility=f"F{turn}") for place in range(10)]
        book.append([*scans, *([wrong] if turn == 1 else []), scan("A", turn)])
        book.catch_up()
        if turn == 2:
            book.merge()
    book.append([*scans, scan("A", 9, corrects=wrong.id)])
    book.catch_up()
    assert [run.raw for run in book.ledger.catalogue.runs] == [False, True, True, True, True]
    return book


def spoil(path: Path, how: str) -> None:
    if how == "removed":
        path.unlink()
        return
    data = bytearray(path.read_bytes())
    if how == "flipped":
        data[20] ^= 1
    size = {"flipped": len(data), "cut short": len(data) // 2, "empty": 0}[how]
    path.write_bytes(data[:size])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """To be copied: as `several` has it, closed, and with two batches in the log that were not taken in."""
    with small_parts():
        book = several(tmp_path_factory.mktemp("base") / "index")
        book.ledger.close()
        book.append([scan("A", 2, "opcode:80"), scan("N1", 70, "another", facility="new"), scan("N2", 70)])
        book.append([scan("other", 1, carrier="yto"), scan("N1", 80), scan("N1", 71, facility="newer")])
        book.reference()
    return book


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("closes", [True, False], ids=["closed", "killed"])
@pytest.mark.parametrize("how", ["flipped", "cut short", "empty", "removed"])
@pytest.mark.parametrize("which", [1, 3, 4])
def test_raw_runs_that_did_not_get_onto_the_disk_come_again(
    tmp_path: Path, base: Book, which: int, how: str, closes: bool
) -> None:
    """They are not synced: the log has all that is in them."""
    book = Book(tmp_path, like=base)
    listed = book.ledger.catalogue.runs
    if closes:
        book.ledger.close()
    spoil(tmp_path / listed[which].name, how)
    with pytest.raises((StoreDamaged, FileNotFoundError), match=listed[which].name):
        Ledger(tmp_path, FOLD, read_only=True)
    book.reopen(closes=False)
    assert book.ledger.catalogue.position == listed[which].start
    assert book.ledger.catalogue.runs == listed[:which]
    assert read_catalogue(tmp_path) == book.ledger.catalogue
    book.catch_up([2])
    book.check()
    book.reopen()
    book.check()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("at_once", [True, False])
def test_one_who_only_reads_sees_what_came_again_once(tmp_path: Path, base: Book, at_once: bool) -> None:
    """What the writer published before, and lost, the reader may still know; but then it is told in another way."""
    book = Book(tmp_path, like=base)
    reader = index_of(Ledger(tmp_path, FOLD, read_only=True), book.log)
    before = reader.read(-1, 1 << 30).num_rows
    spoil(tmp_path / book.ledger.catalogue.runs[2].name, "cut short")
    book.reopen(closes=False)
    assert reader.position() < book.log.position() - 20
    if not at_once:
        assert reader.read(-1, 1 << 30).num_rows < before
    book.catch_up()
    check_changes(reader, book.reference(), book.log)
    assert reader.states(["A", "N1"]).to_pylist() == book.reference().states(["A", "N1"]).to_pylist()


def shown(reader: Ledger, log: MemoryLog, numbers: Sequence[str]) -> tuple[Any, ...]:
    index = index_of(reader, log)
    return index.position(), rows_of(index.timelines(numbers)), index.states(numbers).to_pylist()


def told_reader(folder: Path) -> Ledger:
    return Ledger(folder, FOLD, read_only=True, is_told=True)


def test_who_sees_a_position_finds_the_changes_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also who asks while they are about to be shown."""
    book, reader, seen = Book(tmp_path), told_reader(tmp_path), []
    index = index_of(reader, book.log)
    asking = threading.Thread(target=lambda: seen.append((index.position(), index.read(-1, 100).num_rows)))
    show = reader.changes.show

    def show_late(*told: Any) -> None:
        asking.start()
        asking.join(0.5)
        show(*told)

    monkeypatch.setattr(reader.changes, "show", show_late)
    book.append([scan(f"N{n}", n) for n in range(5)])
    book.catch_up()
    reader.refresh()
    asking.join(20)
    assert seen == [(5, 5)]
    reader.close()
    book.ledger.close()


@pytest.mark.usefixtures("small")
def test_one_who_is_told_sees_what_is_published_when_it_is_told(tmp_path: Path) -> None:
    """Also where what it sees was merged away meanwhile."""
    book = Book(tmp_path)
    numbers = [f"N{n}" for n in range(9)]
    reader = told_reader(tmp_path)
    for step in range(12):
        before, catalogue = shown(reader, book.log, numbers), reader.snapshot()[0]
        book.append([scan(number, step) for number in numbers])
        book.catch_up()
        book.ledger.merge(book.pieces.write)
        assert shown(reader, book.log, numbers) == before
        assert reader.snapshot()[0] is catalogue
        reader.refresh()
        assert shown(reader, book.log, numbers) == shown(book.ledger, book.log, numbers)
        assert index_of(reader, book.log).read(-1, 1_000).equals(index_of(book.ledger, book.log).read(-1, 1_000))
        catalogue = reader.snapshot()[0]
        reader.refresh()  # nothing is new
        assert reader.snapshot()[0] is catalogue
    assert book.ledger.catalogue.pieces
    assert book.ledger.refresh() is None  # who writes has nothing to look for
    reader.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("came_again", [False, True])
@pytest.mark.parametrize("missing", ["catalogue", "run", "words", "changes"])
def test_who_cannot_see_what_is_new_sees_what_was_before(
    tmp_path: Path, base: Book, missing: str, came_again: bool
) -> None:
    """Until it can. Where the writer went back and scans came again, all has to be read anew."""
    book = Book(tmp_path, like=base)
    numbers = ["A", "B", *(f"N{n}" for n in range(40)), "new"]
    reader = told_reader(tmp_path)
    before, seen = shown(reader, book.log, numbers), reader.snapshot()
    if came_again:
        (tmp_path / book.ledger.catalogue.runs[-1].name).unlink()
        book.reopen(closes=False)
    book.append([scan("new", 1, "another", facility="another")])
    book.catch_up()
    path = {
        "catalogue": tmp_path / "CATALOGUE",
        "run": tmp_path / book.ledger.catalogue.runs[-1].name,
        "words": tmp_path / "words",
        "changes": tmp_path / book.ledger.catalogue.changes[-1][0],
    }[missing]
    data = path.read_bytes()
    Disk().replace(path, data[:-1] + b"?" if missing == "catalogue" else data[: len(data) // 2])
    for _ in range(2):
        with pytest.raises(StoreDamaged):
            reader.refresh()
        assert reader.snapshot() == seen
        assert shown(reader, book.log, numbers) == before
    Disk().replace(path, data)
    reader.refresh()
    assert shown(reader, book.log, numbers) == shown(book.ledger, book.log, numbers)
    assert reader.snapshot()[0].position == book.log.position()
    check_changes(index_of(reader, book.log), book.reference(), book.log)
    reader.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("how", ["flipped", "cut short", "empty", "removed"])
def test_a_packed_run_that_was_spoilt_is_told(tmp_path: Path, how: str) -> None:
    book = several(tmp_path)
    name = book.ledger.catalogue.runs[0].name
    book.ledger.close()
    path = tmp_path / name
    data = path.read_bytes()
    spoil(path, how)
    for read_only in (True, False):
        if how == "flipped":
            ledger = Ledger(tmp_path, FOLD, read_only=read_only)
            with pytest.raises(StoreDamaged, match=f"^{path}: block [0-9] at byte "):
                index_of(ledger, book.log).page(None, 1000)
            ledger.close()
        else:
            with pytest.raises((StoreDamaged, FileNotFoundError), match=str(path)):
                Ledger(tmp_path, FOLD, read_only=read_only)
    path.write_bytes(data)
    book.ledger = Ledger(tmp_path, FOLD)
    book.check()


@pytest.mark.usefixtures("small")
def test_a_flipped_packed_run_is_told_by_who_takes_in_and_who_merges(tmp_path: Path) -> None:
    book = several(tmp_path)
    path = tmp_path / book.ledger.catalogue.runs[0].name
    spoil(path, "flipped")
    shutil.rmtree(tmp_path / "slots", ignore_errors=True)
    book.reopen(closes=False)
    book.append([scan("A", 30)])
    position = book.ledger.catalogue.position
    with pytest.raises(StoreDamaged, match=f"^{path}: block "):
        book.catch_up()
    assert book.ledger.catalogue.position == position


@pytest.mark.usefixtures("small")
def test_slots_that_cannot_be_taken_up_are_made_from_the_runs(tmp_path: Path) -> None:
    book = several(tmp_path)
    book.ledger.close()
    data = (tmp_path / "slots").read_bytes()
    for spoilt in (data[:-50], data[:20] + b"?" + data[21:], data[:90] + bytes([data[90] ^ 1]) + data[91:], b""):
        (tmp_path / "slots").write_bytes(spoilt)
        book.ledger = Ledger(tmp_path, FOLD)
        slots = book.ledger._open_slots()
        assert not slots.was_kept
        slots.close()
        book.check()
        book.ledger.changes.close()


@pytest.mark.usefixtures("small")
def test_without_its_catalogue_all_is_taken_in_again(tmp_path: Path) -> None:
    book = several(tmp_path)
    (tmp_path / "CATALOGUE").unlink()
    book.reopen(closes=False)
    assert book.ledger.catalogue.position == 0
    assert list(tmp_path.glob("*.run")) == []
    book.catch_up([2, 2])
    book.check()


# Other folds


class PlainFold(StatusFold):
    """Knows no code: every state is another one."""

    @property
    def version(self) -> str:
        return "plain"

    def _classify(self, scans: KeyedScans) -> np.ndarray:
        return np.zeros(len(scans.group), np.uint8)


class TellingFold(StatusFold):
    """Tells the phase of the moon too."""

    news = np.dtype([*NEWS.descr, ("moon", "u1")])

    def tell(self, before: np.ndarray, after: np.ndarray, is_new: np.ndarray) -> np.ndarray:
        told = super().tell(before, after, is_new)
        news = np.zeros(len(told), self.news)
        for name in told.dtype.names or ():
            news[name] = told[name]
        return news


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("closes", [True, False], ids=["closed", "killed"])
def test_another_fold_makes_the_states_anew(tmp_path: Path, closes: bool) -> None:
    book = several(tmp_path)
    numbers = ["A", *(f"N{n}" for n in range(10))]
    for fold in (PlainFold(bundled_tables()), FOLD):
        book.fold = fold
        book.reopen(closes)
        assert book.ledger.rebuilding is None
        reference = book.reference()
        check_slots(book.ledger, numbers, reference, fold)
        states = index_of(book.ledger, book.log, fold).states(numbers).to_pylist()
        assert states == reference.states(numbers).to_pylist()
        assert {state["status"] for state in states} == {UNKNOWN} or fold is FOLD
        book.append([scan("A", 40 + len(states))])
        book.catch_up()
        check_slots(book.ledger, numbers, book.reference(), fold)


@pytest.mark.usefixtures("small")
def test_another_record_of_news_makes_all_anew(tmp_path: Path) -> None:
    book = several(tmp_path)
    seed = book.ledger.catalogue.seed
    book.ledger.close()
    fold = TellingFold(bundled_tables())
    with pytest.raises(WrongFormat, match=f"^{tmp_path} was made in another format") as told:
        Ledger(tmp_path, fold, read_only=True)
    assert "Open this home once for writing: the index is then made anew from the log" in str(told.value)
    book.fold = fold
    book.reopen(closes=False)
    why = str(book.ledger.rebuilding)
    assert why.startswith("the index is made anew from the log: ")
    assert "moon" in why.partition(" → ")[2]
    assert book.ledger.catalogue.position == 0
    assert book.ledger.catalogue.seed != seed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CATALOGUE"]
    book.catch_up([1, 3])
    book.check()
    assert index_of(book.ledger, book.log, fold).read(-1, 1).column("moon").to_pylist() == [0]
    book.reopen()
    assert book.ledger.rebuilding is None
    book.check()


def test_one_who_only_reads_makes_no_index(tmp_path: Path) -> None:
    with pytest.raises(WrongFormat, match="was made in another format"):
        Ledger(tmp_path, FOLD, read_only=True)
    assert list(tmp_path.iterdir()) == []


# Failing disks


def steps_of(work: Callable[[Book], None], folder: Path, base: Book) -> int:
    """How many steps of the disk it takes."""
    book = Book(folder, like=base)
    book.disk.begin()
    work(book)
    steps = len(book.disk.steps)
    book.ledger.close()
    return steps


def apply_next(book: Book) -> None:
    book.ledger.apply(list(book.log.read(book.ledger.catalogue.position))[:1])


def merge_rest(book: Book) -> None:
    book.merge()


def fail_at(book: Book, work: Callable[[Book], None], step: int) -> None:
    book.disk.begin(step)
    with pytest.raises(OSError, match=r"No space left|Bad file descriptor"):
        work(book)
    book.disk.begin()


works = pytest.mark.parametrize("work", [apply_next, merge_rest], ids=["apply", "merge"])


@pytest.mark.usefixtures("small")
@works
@pytest.mark.parametrize("closes", [True, False], ids=["closed", "killed"])
def test_after_a_failure_at_any_step_it_goes_on_when_opened_anew(
    tmp_path: Path, base: Book, work: Callable[[Book], None], closes: bool
) -> None:
    steps = steps_of(work, tmp_path / "count", base)
    assert steps >= 10
    for step in range(steps):
        book = Book(tmp_path / f"{step}", like=base)
        fail_at(book, work, step)
        book.reopen(closes)
        assert {path.name for path in book.folder.glob("*.run")} == {run.name for run in book.ledger.catalogue.runs}
        book.catch_up()
        book.merge()
        book.check()
        book.ledger.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("work", [pytest.param(apply_next), merge_rest], ids=["apply", "merge"])
def test_after_a_failure_at_any_step_it_goes_on_when_tried_again(
    tmp_path: Path, base: Book, work: Callable[[Book], None]
) -> None:
    for step in range(steps_of(work, tmp_path / "count", base)):
        book = Book(tmp_path / f"{step}", like=base)
        fail_at(book, work, step)
        book.disk.begin(step)
        with suppress(OSError):  # what was done already is not done again, so it may get through
            work(book)
        book.disk.begin()
        index = index_of(book.ledger, book.log)
        assert index.states(["A"]).num_rows == 1  # look-ups go on
        book.catch_up()
        book.merge()
        book.check()
        book.reopen()
        book.check()
        book.ledger.close()


@pytest.mark.usefixtures("small")
@works
def test_a_failure_leaves_no_file_that_nothing_names(tmp_path: Path, base: Book, work: Callable[[Book], None]) -> None:
    """A full disk would get fuller with every attempt. Only of the catalogue nobody knows which one is on disk."""
    left = []
    for step in range(steps_of(work, tmp_path / "count", base)):
        book = Book(tmp_path / f"{step}", like=base)
        fail_at(book, work, step)
        kept = read_catalogue(book.folder)
        assert kept is not None
        named = {run.name for run in (*book.ledger.catalogue.runs, *kept.runs)}
        left += [(step, path.name) for path in book.folder.glob("*.run") if path.name not in named]
        book.ledger.changes.close()
    assert left == []


@pytest.mark.usefixtures("small")
def test_a_failure_while_it_is_closed_costs_nothing_but_time(tmp_path: Path, base: Book) -> None:
    for step in range(6):
        book = Book(tmp_path / f"{step}", like=base)
        book.catch_up()
        book.disk.begin(step)
        book.ledger.close()
        book.disk.begin()
        book.reopen(closes=False)
        book.check()
        book.ledger.close()


@pytest.mark.usefixtures("small")
def test_history_that_cannot_be_written_leaves_the_runs_as_they_are(tmp_path: Path) -> None:
    book = several(tmp_path)
    before = book.ledger.catalogue.runs

    def fail(name: str, entries: Iterator[Entries]) -> tuple[int, int]:
        next(entries)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left on device"):
        book.ledger.merge(fail)
    assert book.ledger.catalogue.runs == before
    assert {path.name for path in tmp_path.glob("*.run")} == {run.name for run in before}
    book.check()
    book.merge()
    assert len(book.ledger.catalogue.runs) < len(before)
    book.check()


def test_history_has_each_scan_once_also_when_merging_lags_behind(tmp_path: Path) -> None:
    """A large raw run, and behind it, while something else was merged, more small ones than become a packed one."""
    with small_parts(_SMALLEST=1, FAN=3, RAW_ROWS=25):
        book = Book(tmp_path)
        known = [scan("K", minute) for minute in range(20)]
        book.append(known + known)  # forty positions, twenty scans
        book.catch_up()
        for count in (4, 2):
            for place in range(count):
                book.append([scan(f"N{count}-{place}-{n}", n) for n in range(8)])
                book.catch_up()
            book.merge()
            book.check()


def test_a_closed_ledger_has_only_runs_open(tmp_path: Path) -> None:
    """Somebody may still be reading those."""
    with small_parts():
        book = several(tmp_path)
        reader = Ledger(tmp_path, FOLD, read_only=True)
        reader.close()
        book.ledger.close()
        assert [link for link in open_files() if str(tmp_path) in link and ".run" not in link] == []
