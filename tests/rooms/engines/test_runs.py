"""Runs: what is asked of one is what is in it, whatever its kind, and no byte of one can change unnoticed."""

import errno
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.engines.test_entries import (
    MOST,
    Entry,
    check_numbers,
    entries_from,
    key_of,
    list_entries,
    lists,
    random_entries,
    small,
)

from waypost.engines.local import runs as runs_file
from waypost.engines.local.arrays import U8, U64, Flags
from waypost.engines.local.disk import Disk
from waypost.engines.local.entries import Entries, arrange, join
from waypost.engines.local.runs import NOTHING, Run, Runs, RunWriter, cut_together, write_raw
from waypost.model.errors import StoreDamaged

#: As an entry without a number and texts tells them.
BAG = 0xBA6_0000_0000_0000


class FailingDisk(Disk):
    """Fails in one of its steps, counted from `begin` on: a write then leaves half of the bytes, a cut cuts nothing.

    Attributes:
        steps: the names of the steps that were begun.
    """

    def __init__(self, fails_at: int | None = None) -> None:
        self.begin(fails_at)

    def begin(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.steps: list[str] = []

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if len(self.steps) - 1 == self.fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write(self, fd: int, data: bytes | memoryview) -> None:
        whole = memoryview(data).cast("B")
        try:
            self._step("write")
        except OSError:
            super().write(fd, whole[: len(whole) // 2])
            raise
        super().write(fd, whole)

    def sync(self, fd: int) -> None:
        self._step("sync")
        super().sync(fd)

    def cut(self, fd: int, size: int) -> None:
        self._step("cut")
        super().cut(fd, size)

    def sync_folder(self, folder: Path) -> None:
        """Where it fails the names may be on disk or not: here they are."""
        super().sync_folder(folder)
        self._step("sync_folder")


@contextmanager
def folders() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def block_rows(rows: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_file, "BLOCK_ROWS", rows)
        patch.setattr(runs_file, "_AT_ONCE", 2)
        yield


def parts_of(entries: Entries, rows: int) -> Iterator[Entries]:
    """Entries in order in parts of at least so many rows, none of which ends within the scans of one number."""
    told = list_entries(entries)
    part: list[Entry] = []
    for place, entry in enumerate(told):
        part.append(entry)
        if len(part) >= rows and (place + 1 == len(told) or told[place + 1][0][0] != entry[0][0]):
            yield arrange(entries_from(part))[0]
            part = []
    if part:
        yield arrange(entries_from(part))[0]


def written(path: Path, told: Sequence[Entry], is_raw: bool, part_rows: int = 1 << 30) -> tuple[Run, list[Entry]]:
    """A run of some entries, and these in order."""
    entries, _ = arrange(entries_from(told))
    start, end = 7, 7 + len(told)
    if is_raw:
        write_raw(path, entries, start, end, Disk())
    else:
        writer = RunWriter(path, Disk(), len(entries.numbers))
        for part in parts_of(entries, part_rows):
            writer.add(part)
        writer.end(start, end)
    run, listed = Run(path), list_entries(entries)
    assert (run.foot.start, run.foot.end, run.foot.rows) == (start, end, len(entries))
    assert run.foot.numbers == len(entries.numbers)
    assert (run.foot.raw is not None) == is_raw
    assert run.size == path.stat().st_size
    return run, listed


def hashes_of(numbers: Iterable[int]) -> U64:
    return np.array(sorted(set(numbers)), np.uint64)


def listed(entries: Entries) -> list[Entry]:
    """Entries that a run gave: they are in order, and none is there twice."""
    told = list_entries(entries)
    assert [key_of(entry) for entry in told] == sorted({key_of(entry) for entry in told})
    return told


def check_all(run: Run, told: list[Entry], strangers: Sequence[Entry] = ()) -> None:
    """Ask for all that there is in every way, and for some that may not be there."""
    firsts = hashes_of(words[0] for words, _, _ in told)
    assert listed(run.slice(0, None)) == told
    assert listed(run.of(firsts)) == told
    assert run.may_hold(firsts, np.ones(len(firsts), np.bool_)).all()
    check_present(run, told, [*told, *strangers])


def check_present(run: Run, told: list[Entry], wanted: Sequence[Entry], known: Flags | None = None) -> None:
    asked, _ = arrange(entries_from(wanted))
    found = np.zeros(len(asked), np.bool_) if known is None else known
    before, keys = found.tolist(), {key_of(entry) for entry in told}
    run.find_present(asked, found)
    expected = [was or key_of(entry) in keys for was, entry in zip(before, list_entries(asked), strict=True)]
    assert found.tolist() == expected


kinds = pytest.mark.parametrize("is_raw", [True, False], ids=["raw", "packed"])
more_lists = st.lists(lists, max_size=4).map(lambda parts: [entry for part in parts for entry in part])


# One run


@given(more_lists, st.sets(small(MOST)), st.booleans(), st.integers(1, 5), st.integers(1, 20))
def test_all_entries_of_some_numbers(
    told: list[Entry], hashes: set[int], is_raw: bool, rows: int, part_rows: int
) -> None:
    """The hashes are few, so parcels reach over blocks, and different numbers meet in the first word."""
    with folders() as folder, block_rows(rows):
        run, entries = written(folder / "a.run", told, is_raw, part_rows)
        assert listed(run.of(hashes_of(hashes))) == [entry for entry in entries if entry[0][0] in hashes]
        held = run.may_hold(hashes_of(hashes), np.ones(len(hashes), np.bool_))
        there = np.isin(hashes_of(hashes), hashes_of(entry[0][0] for entry in entries))
        assert held[there].all()
        assert not run.may_hold(hashes_of(hashes), np.zeros(len(hashes), np.bool_)).any()


def newest(told: list[Entry], most: int) -> list[Entry]:
    """Of each parcel the last ones."""
    parcels: dict[tuple[int, int], list[Entry]] = {}
    for entry in told:
        parcels.setdefault((entry[0][0], entry[0][1] >> 24), []).append(entry)
    return [entry for own in parcels.values() for entry in own[max(len(own) - most, 0) :]]


@given(more_lists, st.sets(small(MOST)), st.booleans(), st.integers(1, 3), st.integers(1, 20), st.integers(0, 9))
def test_the_last_entries_of_the_parcels_of_some_numbers(
    told: list[Entry], hashes: set[int], is_raw: bool, rows: int, part_rows: int, most: int
) -> None:
    with folders() as folder, block_rows(rows):
        run, entries = written(folder / "a.run", told, is_raw, part_rows)
        own = [entry for entry in entries if entry[0][0] in hashes]
        assert newest(listed(run.of(hashes_of(hashes), most)), most) == newest(own, most)


@given(more_lists, small(MOST), st.none() | small(MOST), st.booleans(), st.integers(1, 5), st.integers(1, 20))
def test_all_entries_between_two_hashes(
    told: list[Entry], low: int, high: int | None, is_raw: bool, rows: int, part_rows: int
) -> None:
    with folders() as folder, block_rows(rows):
        run, entries = written(folder / "a.run", told, is_raw, part_rows)
        if high is not None and high < low:
            low, high = high, low
        expected = [entry for entry in entries if entry[0][0] >= low and (high is None or entry[0][0] < high)]
        assert listed(run.slice(low, high)) == expected


@given(more_lists, more_lists, st.data(), st.booleans(), st.integers(1, 5), st.integers(1, 20))
def test_which_entries_are_there(
    told: list[Entry], others: list[Entry], data: st.DataObject, is_raw: bool, rows: int, part_rows: int
) -> None:
    wanted, _ = arrange(entries_from(others + told[::2]))
    known = data.draw(st.lists(st.booleans(), min_size=len(wanted), max_size=len(wanted)))
    with folders() as folder, block_rows(rows):
        run, entries = written(folder / "a.run", told, is_raw, part_rows)
        check_present(run, entries, list_entries(wanted), np.array(known, np.bool_))


@given(more_lists, st.booleans(), st.integers(1, 5), st.integers(1, 30))
def test_cuts_are_hashes_of_it_in_order(told: list[Entry], is_raw: bool, rows: int, step: int) -> None:
    with folders() as folder, block_rows(rows):
        run, entries = written(folder / "a.run", told, is_raw)
        cuts = run.cuts(step)
        assert cuts == sorted(cuts)
        assert set(cuts) <= {entry[0][0] for entry in entries}
        assert (
            len(cuts) <= len(entries) // min(step, rows)
            if not is_raw
            else len(cuts) == max(len(entries) - 1, 0) // step
        )


@kinds
def test_a_run_of_many(tmp_path: Path, is_raw: bool) -> None:
    told = random_entries(20_000, 3_000, 5)
    run, entries = written(tmp_path / "a.run", told[::2], is_raw, 3_000)
    check_all(run, entries, told)
    firsts = hashes_of(entry[0][0] for entry in entries)
    near = firsts + np.uint64(1)
    for asked in (firsts[::7], firsts[100:130], firsts[:1], firsts[-1:], near, np.union1d(firsts[::3], near[::3])):
        wanted = set(asked.tolist())
        assert listed(run.of(asked)) == [entry for entry in entries if entry[0][0] in wanted]
    assert np.count_nonzero(run.may_hold(near, np.ones(len(near), np.bool_))) < len(near) / 20
    for low, high in ((int(firsts[10]), int(firsts[11])), (int(firsts[500]), int(firsts[2000])), (5, 5)):
        assert listed(run.slice(low, high)) == [entry for entry in entries if low <= entry[0][0] < high]
    cuts = run.cuts(1_000)
    assert 5 < len(cuts) < 20
    assert np.diff(np.searchsorted([entry[0][0] for entry in entries], [0, *cuts])).max() < 2_000


def bag(scans: int, *, seconds: int = 1, corrected: int = 1) -> list[Entry]:
    """The scans of one number: so many instants, at each of which so many scans were corrected."""
    return [
        ((BAG, 1 << 40 | 1 << 24 | time >> 16, (time & 0xFFFF) << 48 | 1, place), b"bag", place.to_bytes(8, "big"))
        for time in range(0, scans * seconds, seconds)
        for place in range(corrected)
    ]


@kinds
def test_a_bag_with_thousands_of_scans(tmp_path: Path, is_raw: bool) -> None:
    """It fills blocks from end to end; others lie before and behind it, and share its first word."""
    near = [((BAG + step, 5 << 24, 8, 0), b"n%d" % step, b"") for step in (-2, -1, 1, 2)]
    meets = [((BAG, 2 << 40 | 1 << 24, time << 48, 0), b"other", b"") for time in range(700)]
    scans = bag(5_000)
    run, entries = written(tmp_path / "a.run", [*near, *meets, *scans[::2]], is_raw)
    check_all(run, entries, scans)
    assert len(listed(run.of(hashes_of([BAG])))) == 2_500 + 700
    assert [entry[1] for entry in listed(run.of(hashes_of([BAG - 1])))] == [b"n-1"]
    assert len(listed(run.slice(BAG, BAG + 1))) == 3_200
    assert set(run.cuts(512)) >= {BAG}


def unpacked(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The blocks of a run that are unpacked from now on."""
    blocks: list[int] = []
    unpack = run._unpack

    def noted(some: Sequence[int]) -> Iterator[U8]:
        blocks.extend(some)
        return unpack(some)

    monkeypatch.setattr(run, "_unpack", noted)
    return blocks


@kinds
def test_busy_numbers_are_those_that_fill_blocks(tmp_path: Path, is_raw: bool) -> None:
    told = [
        ((first, 1 << 24, time << 48, 0), b"%d" % first, b"")
        for first, count in ((10, 30), (20, 50), (30, 5), (40, 100), (50, 30))
        for time in range(count)
    ]
    told += [((35, carrier << 24, 0, 0), b"35", b"") for carrier in range(90)]
    with block_rows(5):
        run, entries = written(tmp_path / "a.run", told, is_raw)
        assert run.busy.tolist() == [20, 40]  # eight blocks have forty
        for hashed in (20, 30):
            pieces = [entry for piece in run.pieces(hashes_of([hashed])) for entry in list_entries(piece)]
            assert pieces == [entry for entry in entries if entry[0][0] == hashed]
        other, _ = written(tmp_path / "b.run", told[:20], is_raw)
        assert Runs([other, run]).busy.tolist() == [20, 40]
        assert other.busy.tolist() == Runs().busy.tolist() == []


@pytest.mark.parametrize(("most", "blocks"), [(0, 1), (1, 1), (64, 2), (500, 9), (5_000, 80)])
def test_the_last_scans_of_a_bag_lie_in_few_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, blocks: int
) -> None:
    """Of two bags under one number, from two carriers: each costs as many blocks as its last scans fill, and one more.

    The last block of the first bag is where the second begins.
    """
    second = [((first, more + (1 << 24), *rest), *texts) for (first, more, *rest), *texts in bag(5_000)]
    with block_rows(64):
        run, entries = written(tmp_path / "a.run", [*bag(4_990), *second], is_raw=False)
        asked = unpacked(run, monkeypatch)
        found = listed(run.of(hashes_of([BAG]), most))
    assert newest(found, most) == newest(entries, most)
    assert len(asked) == len(set(asked)) <= 2 * blocks


@pytest.mark.parametrize("before", [0, 1, 3, 4, 5])
@pytest.mark.parametrize("same", [2, 4, 5, 9, 13])
def test_scans_that_differ_only_in_what_they_correct_reach_over_blocks(tmp_path: Path, before: int, same: int) -> None:
    early = [((1, 1 << 24, place << 48, 0), b"first", b"") for place in range(before)]
    scans = bag(2, corrected=same)
    late = [((MOST, 1 << 24, 0, 0), b"last", b"")]
    with block_rows(4):
        run, entries = written(tmp_path / "a.run", early + scans[::2] + late, is_raw=False)
        check_all(run, entries, scans)
        for scan in scans:  # each alone: then nothing else leads to its block
            check_present(run, entries, [scan])
        for place in range(len(scans)):
            check_present(run, entries, scans[place : place + 3])


def test_a_number_that_begins_in_one_block_and_ends_three_later(tmp_path: Path) -> None:
    numbers = [(10, 3), (20, 14), (30, 1), (40, 4), (50, 8), (60, 1)]
    told = [
        ((first, 1 << 24, time << 48, 0), b"%d" % first, b"note %d" % time)
        for first, count in numbers
        for time in range(count)
    ]
    with block_rows(4):
        run, entries = written(tmp_path / "a.run", told, is_raw=False)
        for first, count in numbers:
            assert listed(run.of(hashes_of([first]))) == [entry for entry in entries if entry[0][0] == first]
            assert len(run.slice(first, first + 1)) == count
        assert len(run.of(hashes_of([10, 20]))) == 17
        assert listed(run.of(hashes_of([15, 30, 60, 70]))) == [entries[17], entries[30]]
        check_all(run, entries, told)


@kinds
def test_a_run_without_entries(tmp_path: Path, is_raw: bool) -> None:
    run, _ = written(tmp_path / "a.run", [], is_raw)
    check_all(run, [], random_entries(20, 5, 0))
    assert run.cuts(1) == []
    assert list_entries(run.slice(5, 900)) == list_entries(run.of(hashes_of([]))) == []
    run.verify()


@kinds
def test_nothing_asked_is_nothing_answered(tmp_path: Path, is_raw: bool) -> None:
    run, _ = written(tmp_path / "a.run", random_entries(2_000, 300, 4), is_raw)
    assert list_entries(run.of(hashes_of([]))) == []
    assert list_entries(run.slice(9, 9)) == []
    run.find_present(NOTHING, np.zeros(0, np.bool_))
    assert list_entries(NOTHING) == []
    check_numbers(NOTHING)


@kinds
def test_a_run_that_was_removed_can_be_read_on(tmp_path: Path, is_raw: bool) -> None:
    run, entries = written(tmp_path / "a.run", random_entries(2_000, 300, 4), is_raw)
    run.path.unlink()
    check_all(run, entries)
    run.let_go()
    check_all(run, entries)


# Damage


def small_run(path: Path, is_raw: bool) -> tuple[Run, list[Entry]]:
    with block_rows(8):
        return written(path, [*random_entries(10, 3, 2), *bag(2, corrected=5)], is_raw)


def refusals(path: Path, entries: list[Entry]) -> list[str]:
    """Open a run and ask it for all that it has, in every way; what it gives is right, or it says why it gives none."""
    told = []
    firsts = hashes_of(entry[0][0] for entry in entries)
    asks: list[Callable[[Run], object]] = [
        lambda run: None,
        lambda run: listed(run.slice(0, None)) == entries or pytest.fail("wrong"),
        lambda run: listed(run.of(firsts)) == entries or pytest.fail("wrong"),
        lambda run: check_present(run, entries, entries),
        lambda run: run.verify(),
    ]
    for ask in asks:
        try:
            ask(Run(path))
        except StoreDamaged as error:
            told.append(str(error))
    return told


@kinds
def test_a_changed_byte_is_found_wherever_it_is(tmp_path: Path, is_raw: bool) -> None:
    """At opening or by all who read it; only zeros that fill up a block to eight bytes may be other ones."""
    path = tmp_path / "0000000042.run"
    _, entries = small_run(path, is_raw)
    data = path.read_bytes()
    assert refusals(path, entries) == []
    harmless = []
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8 if place % 3 else 0xFF
        path.write_bytes(flipped)
        told = refusals(path, entries)
        assert all(text.startswith(f"{path}: ") and "Remove the folder that it is in" in text for text in told)
        assert len(told) in (0, 4, 5)
        if not told:
            harmless.append(data[place])
    assert harmless in [[0] * count for count in range(8)]


@kinds
def test_a_run_that_was_cut_short_or_grew_is_no_run(tmp_path: Path, is_raw: bool) -> None:
    path = tmp_path / "a.run"
    small_run(path, is_raw)
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(StoreDamaged, match=f"^{path}: "):
            Run(path)
    for tail in (b"\0", b"\0" * 16, data[:16], b"x" * 4096):
        path.write_bytes(data + tail)
        with pytest.raises(StoreDamaged, match=f"^{path}: it has no foot"):
            Run(path)


def test_a_changed_block_is_found_by_whoever_reads_it_and_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    with block_rows(8):
        run, entries = written(path, random_entries(100, 40, 2), is_raw=False)
    data = bytearray(path.read_bytes())
    data[5] ^= 4  # in the first block
    path.write_bytes(data)
    run = Run(path)
    assert listed(run.of(hashes_of([entries[-1][0][0]])))[-1] == entries[-1]
    check_present(run, entries, entries[30:])
    found = np.zeros(1, np.bool_)
    for ask in (
        lambda: run.of(hashes_of([entries[0][0][0]])),
        lambda: run.slice(0, None),
        lambda: run.find_present(arrange(entries_from(entries[:1]))[0], found),
        run.verify,
    ):
        with pytest.raises(StoreDamaged, match=f"^{path}: block 0 at byte 0 is not what was written"):
            ask()
    assert not found.any()


@pytest.mark.parametrize("told", [b"{}", b"[]", b"\xff", b'{"start":0,"end":0,"rows":0,"numbers":0}'])
def test_a_foot_that_tells_something_else_is_told(tmp_path: Path, told: bytes) -> None:
    path = tmp_path / "a.run"
    path.write_bytes(b"wayrun\r\n" + told + struct.pack("<II", len(told), 0))
    with pytest.raises(StoreDamaged, match=f"^{path}: its foot cannot be read"):
        Run(path)


# Writing


def open_files() -> list[str]:
    """The files that this process has open."""
    links = []
    for name in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # that of the list itself
            continue
    return links


def write_packed(path: Path, disk: Disk) -> None:
    writer = RunWriter(path, disk, 50)
    try:
        for part in parts_of(arrange(entries_from(random_entries(90, 30, 1)))[0], 30):
            writer.add(part)
        writer.end(0, 90)
    except BaseException:
        writer.give_up()
        raise


def test_a_writer_that_gives_up_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    writer = RunWriter(path, Disk(), 50)
    writer.add(arrange(entries_from(random_entries(90, 30, 1)))[0])
    assert path.stat().st_size > 0
    writer.give_up()
    assert not path.exists()
    assert str(path) not in " ".join(open_files())


@pytest.mark.parametrize(
    "step", [0, 1, 2, *(pytest.param(step) for step in (3, 4, 5))], ids=lambda step: f"step {step}"
)
def test_a_packed_run_that_cannot_be_written_leaves_nothing(tmp_path: Path, step: int) -> None:
    """Nor does it close a file that is not its own."""
    path = tmp_path / "a.run"
    disk = FailingDisk()
    write_packed(path, disk)
    assert disk.steps == ["write", "write", "write", "write", "write", "sync"]
    assert Run(path).foot.rows == len(arrange(entries_from(random_entries(90, 30, 1)))[0])
    path.unlink()
    disk.begin(step)
    with pytest.raises(OSError, match="No space left on device"):
        write_packed(path, disk)
    assert not path.exists()
    assert str(path) not in " ".join(open_files())


def test_a_raw_run_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """On a full disk it would take the last room there is, at every attempt anew."""
    path = tmp_path / "a.run"
    entries, _ = arrange(entries_from(random_entries(90, 30, 1)))
    disk = FailingDisk()
    write_raw(path, entries, 0, 90, disk)
    steps = len(disk.steps)
    assert steps == 8
    path.unlink()
    left = []
    for step in range(steps):
        disk.begin(step)
        with pytest.raises(OSError, match="No space left on device"):
            write_raw(path, entries, 0, 90, disk)
        assert str(path) not in " ".join(open_files())
        left += [step] * path.exists()
    assert left == []


# Several runs


def write_each(folder: Path, parts: Sequence[Sequence[Entry]], raw: Sequence[bool]) -> tuple[Runs, list[Entry]]:
    """Runs in which no entry is twice, and all entries in order."""
    seen: set[tuple[int, ...]] = set()
    runs, everything = [], []
    for place, (part, is_raw) in enumerate(zip(parts, raw, strict=False)):
        fresh = [entry for entry in part if key_of(entry) not in seen]
        seen |= {key_of(entry) for entry in fresh}
        run, entries = written(folder / f"{place}.run", fresh, is_raw)
        runs.append(run)
        everything += entries
    return Runs(runs), sorted(everything, key=key_of)


few_runs = st.lists(more_lists, max_size=4)
raw_flags = st.lists(st.booleans(), min_size=4, max_size=4)


@given(few_runs, raw_flags, st.lists(small(MOST)), more_lists, st.integers(1, 5), st.data())
def test_several_runs_answer_as_one(
    parts: list[list[Entry]], raw: list[bool], hashes: list[int], others: list[Entry], rows: int, data: st.DataObject
) -> None:
    with folders() as folder, block_rows(rows):
        runs, told = write_each(folder, parts, raw)
        found = runs.of(np.array(hashes, np.uint64))  # in any order, and some twice
        check_numbers(found)
        own = [entry for entry in told if entry[0][0] in hashes]
        assert listed(found) == own
        for most in (0, 1, 3):
            assert listed(runs.of(np.array(hashes, np.uint64), most)) == newest(own, most)
        assert listed(runs.slice(0, None)) == told
        low, high = sorted(data.draw(st.tuples(small(MOST), small(MOST))))
        assert listed(runs.slice(low, high)) == [entry for entry in told if low <= entry[0][0] < high]
        asked, _ = arrange(entries_from(others + told[::2]))
        doubtful = data.draw(st.lists(st.booleans(), min_size=len(asked), max_size=len(asked)))
        present, keys = runs.present(asked, np.array(doubtful, np.bool_)), {key_of(entry) for entry in told}
        expected = [
            is_asked and key_of(entry) in keys for is_asked, entry in zip(doubtful, list_entries(asked), strict=True)
        ]
        assert present.tolist() == expected


@given(few_runs, raw_flags, st.integers(1, 5), st.integers(1, 20))
def test_runs_cut_together_have_every_hash_once(
    parts: list[list[Entry]], raw: list[bool], rows: int, share: int
) -> None:
    with folders() as folder, block_rows(rows), pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_file, "_LEAST_SLICE", share)
        runs, told = write_each(folder, parts, raw)
        cuts = list(cut_together(runs.all))
        assert bool(cuts) == bool(runs.all)
        if cuts:
            assert cuts[0][0] == 0
            assert cuts[-1][1] is None
            assert [high for _, high in cuts[:-1]] == [low for low, _ in cuts[1:]]
            assert all(high is None or low <= high for low, high in cuts)
        assert [entry for low, high in cuts for entry in listed(runs.slice(low, high))] == told


def test_no_piece_of_many_that_are_cut_together_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_file, "_LEAST_SLICE", 4_000)
    told = random_entries(30_000, 5_000, 9)
    runs, entries = write_each(tmp_path, [told[:15_000], told[15_000:20_000], told[20_000:]], [False, True, False])
    sizes = [len(runs.slice(low, high)) for low, high in cut_together(runs.all)]
    assert sum(sizes) == len(entries)
    assert max(sizes) < 8_000
    assert 4 <= len(sizes) <= 12


@given(few_runs, raw_flags, st.integers(1, 5), st.integers(1, 20))
def test_runs_merged_cut_by_cut_are_one(parts: list[list[Entry]], raw: list[bool], rows: int, share: int) -> None:
    with folders() as folder, block_rows(rows), pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_file, "_LEAST_SLICE", share)
        runs, told = write_each(folder, parts, raw)
        writer = RunWriter(folder / "one.run", Disk(), sum(run.foot.numbers for run in runs.all))
        for low, high in cut_together(runs.all):
            writer.add(arrange(join([run.slice(low, high) for run in runs.all]))[0])
        foot = writer.end(3, 9)
        one = Run(folder / "one.run")
        assert one.foot == foot
        assert (foot.start, foot.end, foot.rows) == (3, 9, len(told))
        assert foot.numbers == len({(words[0], words[1] >> 40) for words, _, _ in told})
        check_all(one, told, [entry for part in parts for entry in part])


def test_no_runs_have_nothing() -> None:
    runs = Runs()
    entries, _ = arrange(entries_from(random_entries(10, 3, 0)))
    assert list_entries(runs.of(hashes_of([1, 2]))) == list_entries(runs.slice(0, None)) == []
    assert runs.present(entries, np.ones(len(entries), np.bool_)).tolist() == [False] * len(entries)
    assert list(cut_together(runs.all)) == []
