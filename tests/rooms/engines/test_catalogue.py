"""The catalogue on disk, and which runs are to become one."""

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.engines.test_runs import FailingDisk, folders

from waypost.engines.local.catalogue import (
    FAN,
    RAW_ROWS,
    Catalogue,
    Listed,
    Watch,
    find_mergeable,
    read_catalogue,
    write_catalogue,
)
from waypost.engines.local.disk import Disk
from waypost.model.errors import StoreDamaged

RUNS = (
    Listed("0000000004.run", 0, 70_000, 68_123),
    Listed("0000000005.run", 70_000, 70_010, 10, raw=True),
    Listed("0000000006.run", 70_020, 70_030, 3, raw=True),
)
WHOLE = Catalogue(
    seed=bytes(range(16)),
    made="format 2, 杭州 → \"'",
    position=70_040,
    words=(1234, 99),
    next_name=7,
    runs=RUNS,
    pieces=(Listed("0000000004.run", 0, 70_000, 68_123, check=0xFFFF_FFFF),),
)

names = st.text(st.characters(codec="utf-8"), max_size=6)
numbers = st.integers(0, (1 << 63) - 1)


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Catalogues whose runs stand in order, with gaps where all scans were known, or without."""
    bounds = sorted(draw(st.lists(numbers, max_size=8)))
    listed = tuple(
        Listed(draw(names), start, end, draw(numbers), draw(st.booleans()))
        for start, end in zip(bounds[::2], bounds[1::2], strict=False)
    )
    pieces = tuple(
        Listed(draw(names), 0, 1, draw(numbers), check=draw(numbers)) for _ in range(draw(st.integers(0, 2)))
    )
    position = draw(st.integers(bounds[-1] if bounds else 0, (1 << 63) - 1))
    words, changes = draw(st.tuples(numbers, numbers)), tuple(draw(st.lists(st.tuples(names, numbers), max_size=3)))
    return Catalogue(
        seed=draw(st.binary(max_size=16)),
        made=draw(names),
        position=position,
        words=words,
        changes=changes,
        turn=draw(numbers),
        next_name=draw(numbers),
        runs=listed,
        pieces=pieces,
    )


# On disk


@given(catalogues(), catalogues())
def test_a_catalogue_comes_back_as_it_was(one: Catalogue, other: Catalogue) -> None:
    with folders() as folder:
        assert read_catalogue(folder) is None
        for catalogue in (one, other):
            write_catalogue(folder, catalogue, Disk())
            assert read_catalogue(folder) == catalogue
        assert [path.name for path in folder.iterdir()] == ["CATALOGUE"]


def test_any_changed_byte_is_found(tmp_path: Path) -> None:
    """One digit more or less would lose scans."""
    write_catalogue(tmp_path, WHOLE, Disk())
    path = tmp_path / "CATALOGUE"
    data = path.read_bytes()
    for place, bit in itertools.product(range(len(data)), (0, 1, 4, 7)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << bit
        path.write_bytes(flipped)
        with pytest.raises(StoreDamaged, match=f"^{path} cannot be read: ") as told:
            read_catalogue(tmp_path)
        assert f"Remove the folder {tmp_path}: it is made anew from the log" in str(told.value)


def test_a_catalogue_that_was_cut_short_is_found(tmp_path: Path) -> None:
    write_catalogue(tmp_path, WHOLE, Disk())
    path = tmp_path / "CATALOGUE"
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(StoreDamaged, match=f"^{path} cannot be read: "):
            read_catalogue(tmp_path)
    path.write_bytes(data)
    assert read_catalogue(tmp_path) == WHOLE


@pytest.mark.parametrize(
    ("runs", "position"),
    [
        ([(0, 10), (9, 20)], 20),
        ([(10, 20), (0, 10)], 20),
        ([(0, 10), (0, 10)], 10),
        ([(0, 10), (10, 21)], 20),
        ([(-1, 10)], 20),
        ([(0, 10), (12, 11)], 10),
    ],
    ids=["overlapping", "turned round", "twice", "behind the end", "before the beginning", "backwards"],
)
def test_runs_in_no_order_are_refused(tmp_path: Path, runs: list[tuple[int, int]], position: int) -> None:
    listed = tuple(Listed("a.run", start, end, 1) for start, end in runs)
    write_catalogue(tmp_path, msgspec.structs.replace(WHOLE, runs=listed, position=position), Disk())
    with pytest.raises(StoreDamaged, match="CATALOGUE cannot be read: its positions are in no order"):
        read_catalogue(tmp_path)


def test_while_it_is_replaced_there_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    write_catalogue(tmp_path, WHOLE, Disk())
    new = msgspec.structs.replace(WHOLE, position=80_000, words=(2000, 7))
    disk = FailingDisk()
    write_catalogue(tmp_path, WHOLE, disk)
    assert disk.steps == ["write", "sync", "sync_folder"]
    for step, there in ((0, WHOLE), (1, WHOLE), (2, new)):
        disk.begin(step)
        with pytest.raises(OSError, match="No space left on device"):
            write_catalogue(tmp_path, new, disk)
        assert read_catalogue(tmp_path) == there


def test_one_who_watches_sees_that_it_was_replaced(tmp_path: Path) -> None:
    write_catalogue(tmp_path, WHOLE, Disk())
    watch = Watch(tmp_path)
    assert not watch.is_over()
    write_catalogue(tmp_path, WHOLE, Disk())
    assert watch.is_over()
    again = Watch(tmp_path)
    assert not again.is_over()
    watch.close()
    again.close()


# Merging


def sized(size_class: int) -> int:
    """The least number of scans of a class; of the first, fewer than that of the second."""
    return 256 * FAN**size_class if size_class else 1


def runs_of(kinds: str) -> tuple[Listed, ...]:
    """Runs by their classes: a digit for a packed one, a letter for a raw one (a is 0, b is 1 ...)."""
    runs: list[Listed] = []
    for sign in kinds:
        start = runs[-1].end if runs else 0
        rows = sized(int(sign) if sign.isdigit() else ord(sign) - ord("a"))
        runs.append(Listed(sign, start, start + rows, rows, raw=not sign.isdigit()))
    return tuple(runs)


@pytest.mark.parametrize(
    ("rows", "size_class"),
    [(0, 0), (1, 0), (4_095, 0), (4_096, 1), (65_535, 1), (65_536, 2), (1_048_575, 2), (1_048_576, 3), (1 << 40, 8)],
)
def test_the_class_of_a_run_is_by_the_scans_that_it_is_about(rows: int, size_class: int) -> None:
    assert Listed("a", 5, 5 + rows, 1).size_class == size_class


@pytest.mark.parametrize(
    ("kinds", "chosen"),
    [
        ("", None),
        ("a" * 15, None),
        ("a" * 16, (0, 16)),
        ("a" * 40, (0, 40)),
        ("b" + "a" * 16, (1, 17)),
        ("3210" + "a" * 16, (4, 20)),
        ("0" * 16, (0, 16)),
        ("0" * 16 + "a" * 15, (0, 16)),
        ("0" * 16 + "a" * 16, (16, 32)),
        ("0" * 15 + "a" * 15, None),
        ("2" + "1" * 16, (1, 17)),
        ("2" + "1" * 15 + "0" + "1", (1, 18)),
        ("1" * 16 + "0" * 5, (0, 21)),
    ],
)
def test_sixteen_of_a_class_side_by_side_become_one(kinds: str, chosen: tuple[int, int] | None) -> None:
    found = find_mergeable(runs_of(kinds))
    assert (None if found is None else (found.start, found.stop)) == chosen


@pytest.mark.parametrize(
    "kinds",
    ["1" * 15 + "0" * 15 + "a" * 15, "1" + "0" * 15, "c" + "a" * 15, "2" * 8 + "1" * 8, "3" + "2" * 7 + "1" * 15 + "a"],
)
def test_fewer_of_a_class_wait_for_more(kinds: str) -> None:
    """Else the largest would be written again for every few small ones."""
    assert find_mergeable(runs_of(kinds)) is None


class Merged:
    """What becomes of batches, one run each, as the ledger merges them."""

    def __init__(self, raw_rows: int = RAW_ROWS) -> None:
        self.runs: tuple[Listed, ...] = ()
        self.position = self.rows = self.written = self.batches = self.most = 0
        self._raw_rows = raw_rows

    def add(self, positions: int, rows: int) -> None:
        if rows:
            one = Listed("raw", self.position, self.position + positions, rows, raw=True)
            self.runs = (*self.runs, one)
        self.position += positions
        self.rows += rows
        self.written += rows
        self.batches += 1

    def merge(self) -> None:
        while (chosen := find_mergeable(self.runs)) is not None:
            parts = self.runs[chosen]
            assert len(parts) >= FAN
            assert len({run.raw for run in parts}) == 1, "raw runs are not in history, the others are"
            rows = sum(run.rows for run in parts)
            is_raw = parts[0].raw and rows < self._raw_rows
            one = Listed("merged", parts[0].start, parts[-1].end, rows, is_raw)
            self.runs = (*self.runs[: chosen.start], one, *self.runs[chosen.stop :])
            self.written += rows
            kinds = [run.raw for run in self.runs]
            assert kinds == sorted(kinds), "what is raw may come again from the log only if nothing packed is behind it"
        self.most = max(self.most, len(self.runs))

    def check(self) -> None:
        """Every scan is written once a class, and beside that at most so many again for every batch.

        Runs that are so small that they are all of one class are merged with each other now and then.
        """
        classes = Listed("all", 0, max(self.position, 1), 1).size_class + 1
        assert self.written <= self.rows * (2 + classes) + self.batches * 256
        assert sum(run.rows for run in self.runs) == self.rows


@pytest.mark.parametrize("each", [50, 5_000, 400_000])
def test_ten_thousand_equal_batches_are_not_written_often(each: int) -> None:
    merged = Merged()
    for _ in range(10_000):
        merged.add(each, each)
        merged.merge()
    merged.check()
    classes = merged.runs[0].size_class + 1
    assert merged.most <= 2 * FAN * classes


@pytest.mark.parametrize("each", [1, 50, 5_000, 400_000])
@pytest.mark.parametrize("count", [100, 3_000])
def test_the_runs_that_are_left_are_few(each: int, count: int) -> None:
    """So many a class, raw or packed, of which there are as many as the logarithm of the number of scans."""
    merged = Merged()
    for _ in range(count):
        merged.add(each, each)
        merged.merge()
        classes = Listed("all", 0, merged.position, 1).size_class + 1
        assert len(merged.runs) <= 2 * FAN * classes
        for is_raw in (False, True):
            sizes = [run.size_class for run in merged.runs if run.raw == is_raw]
            assert all(len(list(same)) < FAN for _, same in itertools.groupby(sizes))


def random_batches(seed: int) -> Iterator[tuple[int, int]]:
    """Of all sizes, in each of which some scans were known."""
    rng = random.Random(seed)
    while True:
        positions = int(2 ** (rng.random() * 18.6))
        yield positions, int(positions * rng.random())


@pytest.mark.parametrize("seed", range(3))
def test_batches_of_all_sizes_are_not_written_often(seed: int) -> None:
    merged = Merged()
    for positions, rows in itertools.islice(random_batches(seed), 3_000):
        merged.add(positions, rows)
        merged.merge()
    merged.check()


def behind(draw: Callable[[], float], most: int) -> int:
    """How many batches come in while a merge goes on."""
    return int(most * draw() ** 3)


@pytest.mark.parametrize("seed", range(5))
def test_a_merger_that_lags_behind_never_mixes_raw_and_packed(seed: int) -> None:
    """While a large merge goes on, many batches come in."""
    rng, merged = random.Random(seed), Merged()
    batches = ((positions, rows) for positions, rows in random_batches(seed) if positions > 30_000)
    for _ in range(60):
        for positions, rows in itertools.islice(batches, 1 + behind(rng.random, 60)):
            merged.add(positions, rows)
        merged.merge()


def test_a_raw_run_that_is_nearly_large_enough_is_not_left_behind(tmp_path: Path) -> None:
    merged = Merged()
    for _ in range(16):
        merged.add(70_000, 58_000)
    merged.merge()
    assert [(run.raw, run.rows) for run in merged.runs] == [(True, 928_000)]
    for count in (17, 15):
        for _ in range(count):
            merged.add(70_000, 69_000)
        merged.merge()
