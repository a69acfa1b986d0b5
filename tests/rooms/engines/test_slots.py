"""Slots: a dictionary of states that also tells which scans are new, whatever is in it and wherever it lies."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.engines import test_full_disk
from tests.rooms.engines.test_entries import MOST, Entry, entries_from, key_of, list_entries
from tests.rooms.engines.test_runs import FailingDisk, folders

from waypost.engines.local import slots as slots_file
from waypost.engines.local.arrays import U64, States
from waypost.engines.local.disk import Disk
from waypost.engines.local.entries import Entries, arrange
from waypost.engines.local.slots import PRINTS, Slots, parcels_of

small_disk = test_full_disk.small_disk

STATE = np.dtype([("sum", "<u8"), ("last", "<i4"), ("_spare", "<i4")])
BLANK = np.array([(7, -1, 0)], STATE)

Key = tuple[int, int]
State = tuple[int, int]


def key_words(entry: Entry) -> Key:
    """Which parcel an entry is about."""
    first, second, _, _ = entry[0]
    return first, second >> 24


def random_scans(count: int, numbers: int, seed: int) -> list[Entry]:
    """Entries of so many numbers within three days, of which some are the same, and some correct something."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, MOST, numbers, np.uint64, endpoint=True).tolist()
    columns = (rng.integers(0, most, count).tolist() for most in (numbers, 259_200, 20, 10))
    told: list[Entry] = []
    for place, (number, second, code, corrects) in enumerate(zip(*columns, strict=True)):
        time, is_correction = 300_000_000_000 + second * 1000, corrects < 2
        words = (number % 3 << 40 | 1 << 24 | time >> 16, (time & 0xFFFF) << 48 | code << 24 | is_correction)
        extra = corrects.to_bytes(8, "big") if is_correction else b""
        told.append(((hashes[number], *words, place), b"%d" % number, extra))
        if place % 50 == 0:
            told[-1] = told[place // 2]
    return told


class Table:
    """Slots, and beside them a dictionary that knows what they have to say."""

    def __init__(self, path: Path, made: str = "made", position: int = 0, memory_bytes: int = 1 << 30) -> None:
        self.slots = Slots(path, BLANK, made, position, memory_bytes=memory_bytes)
        self.states: dict[Key, State] = {}
        self.known: dict[Key, set[tuple[int, ...]]] = {}
        self.wrongly_doubted = self.rightly_trusted = 0

    def put(self, told: Sequence[Entry]) -> None:
        """Take in the new ones of some entries, as the ledger does."""
        assert all(words[1] >> 24 & 0xFFFF for words, _, _ in told)
        entries, keys, parcel_of, places = self.find(told)
        doubtful = self.slots.doubtful(entries, parcel_of, places).tolist()
        fresh = []
        for entry, is_doubtful in zip(list_entries(entries), doubtful, strict=True):
            known = self.known.get(key_words(entry), set())
            if key_of(entry) in known:
                assert is_doubtful
                continue
            fresh.append(entry)
            if len(known) > PRINTS:
                assert is_doubtful
            elif not known:
                assert not is_doubtful
            elif is_doubtful:
                self.wrongly_doubted += 1
            else:
                self.rightly_trusted += 1
        entries, keys, parcel_of, places = self.find(fresh)
        states = self.slots.states(places)
        assert [(state["sum"], state["last"]) for state in states] == [
            self.states.get((first, second >> 24), (7, -1)) for first, second in keys.tolist()
        ]
        for row, (entry, parcel) in enumerate(zip(list_entries(entries), parcel_of.tolist(), strict=True)):
            states[parcel]["sum"] ^= np.uint64(key_of(entry)[2])
            states[parcel]["last"] = row
        self.slots.put(keys, places, states, entries, parcel_of)
        for entry in list_entries(entries):
            self.known.setdefault(key_words(entry), set()).add(key_of(entry))
        for (first, second), state in zip(keys.tolist(), states, strict=True):
            self.states[first, second >> 24] = int(state["sum"]), int(state["last"])
        assert self.slots.parcels == len(self.states)

    def find(self, told: Sequence[Entry]) -> tuple[Entries, U64, np.ndarray, np.ndarray]:
        entries, _ = arrange(entries_from(told))
        keys, parcel_of = parcels_of(entries.words)
        places = self.slots.find(keys)
        assert (places >= 0).tolist() == [(first, second >> 24) in self.states for first, second in keys.tolist()]
        assert len(set(places[places >= 0].tolist())) == np.count_nonzero(places >= 0)
        return entries, keys, parcel_of, places

    def check(self, slots: Slots | None = None) -> None:
        """All that was put in is there: in these slots, or in others."""
        slots = slots or self.slots
        order = sorted(self.states)
        keys = np.array([(first, second << 24) for first, second in order], np.uint64).reshape(-1, 2)
        places = slots.find(keys)
        assert (places >= 0).all()
        assert told(slots.states(places)) == [self.states[key] for key in order]
        assert slots.parcels == len(order)
        absent = keys + np.array([0, 1 << 24], np.uint64)
        expected = [(first, second >> 24) in self.states for first, second in absent.tolist()]
        assert (slots.find(absent) >= 0).tolist() == expected

    def check_doubts(self, slots: Slots, told: Sequence[Entry]) -> None:
        """Other slots doubt what these do."""
        entries, keys, parcel_of, places = self.find(told)
        mine = self.slots.doubtful(entries, parcel_of, places)
        others = slots.doubtful(entries, parcel_of, slots.find(keys))
        assert mine.tolist() == others.tolist()


def told(states: States) -> list[State]:
    return [(int(state["sum"]), int(state["last"])) for state in states]


@contextmanager
def small_table(least: int = 4, slack: int = 600) -> Iterator[None]:
    """One that has to grow soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots_file, "_LEAST", least)
        patch.setattr(slots_file, "_SLACK", slack)
        patch.setattr(slots_file, "_PART_SLOTS", 16)
        yield


#: Hashes of which many have the same top bits, and some are at the very end, behind which they spill.
hashes = st.builds(
    lambda top, low: top << 60 | low, st.sampled_from([0, 1, 7, 15]), st.sampled_from([0, 1, 2, (1 << 60) - 1])
)
entries_of_few = st.builds(
    lambda first, second, time, corrects: (
        (first, second << 24 | time >> 16, (time & 0xFFFF) << 48 | (corrects is not None), 0),
        b"%d-%d" % (first, second >> 16),
        b"" if corrects is None else corrects.to_bytes(8, "little"),
    ),
    hashes,
    st.sampled_from([1, 2, 1 << 16 | 1, (1 << 40) - 1]),
    st.integers(0, 20) | st.integers(0, (1 << 40) - 1),
    st.none() | st.integers(0, 3),
)
batches = st.lists(st.lists(entries_of_few, max_size=25), max_size=6)


# Against a dictionary


@given(batches, st.sampled_from([0, 1 << 30]))
def test_states_and_doubts_are_those_of_a_dictionary(parts: list[list[Entry]], memory_bytes: int) -> None:
    with folders() as folder, small_table():
        table = Table(folder / "slots", memory_bytes=memory_bytes)
        for part in parts:
            table.put(part)
            table.check()
        table.slots.close()


@pytest.mark.parametrize("memory_bytes", [0, 1 << 30], ids=["in a file", "in memory"])
def test_a_table_of_many_grows(tmp_path: Path, memory_bytes: int) -> None:
    table = Table(tmp_path / "slots", memory_bytes=memory_bytes)
    scans = random_scans(30_000, 9_000, 3)
    for start in range(0, 30_000, 3_000):
        table.put(scans[max(start - 500, 0) : start + 3_000])  # some of them once more
    assert table.slots.parcels > 8_000  # of at first four thousand slots
    table.check()
    assert table.rightly_trusted > 15_000
    assert table.wrongly_doubted <= table.rightly_trusted / 200  # two prints on average, of 1,024 that there are
    is_mapped = f"{tmp_path}/" in Path("/proc/self/maps").read_text()
    assert is_mapped == (memory_bytes == 0)
    assert list(tmp_path.iterdir()) == []  # no name leads to it
    table.slots.close()
    assert f"{tmp_path}/" not in Path("/proc/self/maps").read_text()


def test_a_table_may_go_into_a_file_when_it_grows(tmp_path: Path) -> None:
    table = Table(tmp_path / "slots", memory_bytes=300_000)
    scans = random_scans(12_000, 9_000, 4)
    table.put(scans[:2_000])
    assert f"{tmp_path}/" not in Path("/proc/self/maps").read_text()
    table.put(scans)
    assert f"{tmp_path}/" in Path("/proc/self/maps").read_text()
    table.check()
    table.slots.close()


def test_hashes_at_the_end_spill_over_behind_it(tmp_path: Path) -> None:
    """And are still there when the table has grown, and when it was kept."""
    table = Table(tmp_path / "slots")
    last = [((MOST - step % 5, step << 24, 8, 0), b"%d" % step, b"") for step in range(1, 900)]
    table.put(last[:400])
    table.check()
    table.put(last[300:])
    assert int(table.find(last)[3].max()) > 1 << 12
    table.put(random_scans(4_000, 4_000, 5))
    table.check()
    assert int(table.find(last)[3].max()) > table.slots._size > 1 << 12
    table.slots.keep(0, Disk())
    table.check(Slots(tmp_path / "slots", BLANK, "made", 0))
    table.slots.close()


@pytest.mark.parametrize("grows", [False, True])
def test_more_hashes_side_by_side_than_any_chance_would_have_are_told(tmp_path: Path, grows: bool) -> None:
    with small_table(least=64 if grows else 256, slack=32):
        table = Table(tmp_path / "slots")
        scans = [((MOST, step << 24, 8, 0), b"%d" % step, b"") for step in range(1, 100)]
        with pytest.raises(AssertionError, match="the seed of the keys is known outside"):
            table.put(scans)


def test_a_parcel_of_many_scans_doubts_them_all(tmp_path: Path) -> None:
    table = Table(tmp_path / "slots")
    scans = random_scans(400, 1, 6)
    for count in range(PRINTS + 1):
        table.put(scans[count : count + 1])
    assert len(table.known[key_words(scans[0])]) == PRINTS + 1
    assert table.wrongly_doubted == 0
    table.put(scans)
    table.check()
    strange = [((*scans[0][0][:2], place << 48, 0), b"0", b"") for place in range(900, 950)]
    entries, _, parcel_of, places = table.find(strange)
    assert table.slots.doubtful(entries, parcel_of, places).tolist() == [True] * 50


def test_with_as_many_scans_as_there_are_prints_each_is_known_by_its_own(tmp_path: Path) -> None:
    table = Table(tmp_path / "slots")
    scans = list_entries(arrange(entries_from(random_scans(60, 1, 7)))[0])
    table.put(scans[:PRINTS])
    entries, _, parcel_of, places = table.find(scans)
    assert table.slots.doubtful(entries, parcel_of, places).tolist() == [True] * PRINTS + [False] * (
        len(scans) - PRINTS
    )


def test_scans_that_differ_only_in_what_they_correct_are_told_apart(tmp_path: Path) -> None:
    scans: list[Entry] = [((5, 1 << 24, 1, 0), b"n", place.to_bytes(8, "little")) for place in range(PRINTS)]
    table = Table(tmp_path / "slots")
    table.put(scans[:6])
    entries, _, parcel_of, places = table.find(scans)
    assert table.slots.doubtful(entries, parcel_of, places).tolist() == [True] * 6 + [False] * 6


def test_nothing_is_in_a_blank_table(tmp_path: Path) -> None:
    table = Table(tmp_path / "slots")
    assert not table.slots.was_kept
    assert told(table.slots.states(np.array([-1, -1]))) == [(7, -1)] * 2
    table.put([])
    table.check()
    table.put(random_scans(50, 20, 8))
    places = table.find(random_scans(50, 20, 8))[3]
    places[::2] = -1
    assert told(table.slots.states(places))[::2] == [(7, -1)] * len(places[::2])


@given(batches)
def test_the_parcels_of_entries(parts: list[list[Entry]]) -> None:
    entries, _ = arrange(entries_from([entry for part in parts for entry in part]))
    keys, parcel_of = parcels_of(entries.words)
    whole = [key_words(entry) for entry in list_entries(entries)]
    assert [(first, second >> 24) for first, second in keys.tolist()] == list(dict.fromkeys(whole))
    assert not (keys[:, 1] & np.uint64(0xFFFFFF)).any()
    assert [(int(keys[parcel, 0]), int(keys[parcel, 1]) >> 24) for parcel in parcel_of] == whole


# Kept


@given(batches, batches)
def test_what_was_kept_is_taken_up(parts: list[list[Entry]], more: list[list[Entry]]) -> None:
    with folders() as folder, small_table():
        table = Table(folder / "slots", position=3)
        for part in parts:
            table.put(part)
        table.slots.keep(12, Disk())
        again = Slots(folder / "slots", BLANK, "made", 12)
        assert again.was_kept
        table.check(again)
        table.check_doubts(again, [entry for part in (*parts, *more) for entry in part])
        table.slots.close()
        table.slots = again
        for part in more:  # and it goes on
            table.put(part)
        table.check()
        again.close()


def fill_and_keep(path: Path, position: int = 5) -> Table:
    table = Table(path)
    table.put(random_scans(90, 40, 9))
    table.slots.keep(position, Disk())
    return table


def is_blank(slots: Slots) -> bool:
    assert not slots.was_kept
    entries, _ = arrange(entries_from(random_scans(90, 40, 9)))
    return slots.parcels == 0 and (slots.find(parcels_of(entries.words)[0]) == -1).all()


def test_a_table_kept_for_something_else_is_not_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "slots"
    table = fill_and_keep(path)
    other_record = np.zeros(1, [("sum", "<u8"), ("first", "<i4"), ("_spare", "<i4")])
    wider = np.zeros(1, [("sum", "<u8"), ("last", "<i8")])
    table.check(Slots(path, BLANK, "made", 5))
    for slots in (
        Slots(path, BLANK, "made", 4),
        Slots(path, BLANK, "made", 6),
        Slots(path, BLANK, "made otherwise", 5),
        Slots(path, other_record, "made", 5),
        Slots(path, wider, "made", 5),
        Slots(tmp_path / "others", BLANK, "made", 5),
    ):
        assert is_blank(slots)
        slots.close()
    table.check(Slots(path, BLANK, "made", 5))


def test_a_blank_table_can_be_kept(tmp_path: Path) -> None:
    Slots(tmp_path / "slots", BLANK, "made", 0).keep(0, Disk())
    slots = Slots(tmp_path / "slots", BLANK, "made", 0)
    assert slots.was_kept
    assert slots.parcels == 0


def check_blank_and_goes_on(path: Path) -> None:
    slots = Slots(path, BLANK, "made", 5)
    assert is_blank(slots)
    table = Table(path, position=-1)
    table.slots = slots
    table.put(random_scans(40, 30, 10))
    table.check()
    slots.close()


def list_parts(data: bytes) -> list[int]:
    """Where the parts of a kept table begin that are not blank, and where the last of them ends."""
    places, place, end = [], slots_file._HEAD.size + 4, 0
    while place < len(data):
        after = place + 12 + int.from_bytes(data[place + 4 : place + 8], "little")
        if data[place : place + 4] != bytes(4):
            places.append(place)
            end = after
        place = after
    assert place == len(data)
    return [*places, end]


def check_changed(path: Path, data: bytes, places: Iterable[int]) -> None:
    """A table that has another byte at one of some places is not taken up."""
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8 if place % 3 else 0xFF
        path.write_bytes(flipped)
        check_blank_and_goes_on(path)


def test_a_table_with_a_changed_byte_is_not_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "slots"
    with small_table():
        fill_and_keep(path)
        data = path.read_bytes()
        *parts, end = list_parts(data)
        assert len(parts) >= 3
        checked = set(range(end)) - {start + byte for start in parts for byte in range(4)}
        check_changed(path, data, sorted(checked))


def test_a_table_with_another_count_of_slots_in_a_part_is_not_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "slots"
    with small_table():
        fill_and_keep(path)
        data = path.read_bytes()
        check_changed(path, data, [start + byte for start in list_parts(data)[:-1] for byte in range(4)])


def test_a_table_that_was_cut_short_is_not_taken_up(tmp_path: Path) -> None:
    """But the blank parts behind the last parcel may be missing."""
    path = tmp_path / "slots"
    with small_table():
        table = fill_and_keep(path)
        data = path.read_bytes()
        end = list_parts(data)[-1]
        for size in range(0, end, 3):
            path.write_bytes(data[:size])
            check_blank_and_goes_on(path)
        for size in range(end, len(data), 5):
            path.write_bytes(data[:size])
            slots = Slots(path, BLANK, "made", 5)
            table.check(slots)
            slots.close()


def test_a_table_that_cannot_be_kept_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "slots"
    table = fill_and_keep(path)
    disk = FailingDisk()
    table.slots.keep(5, disk)
    assert disk.steps[-2:] == ["sync", "sync_folder"]
    before = dict(table.states)
    table.put(random_scans(150, 90, 11))
    for step in range(len(disk.steps) - 1):
        disk.begin(step)
        with pytest.raises(OSError, match="No space left on device"):
            table.slots.keep(6, disk)
        kept = Slots(path, BLANK, "made", 5)
        assert kept.was_kept
        assert kept.parcels == len(before)
        kept.close()
    table.slots.keep(6, Disk())
    table.check(Slots(path, BLANK, "made", 6))


# Full disks


def fill_until_full(table: Table, parcels: int) -> None:
    scans = random_scans(parcels, parcels, 12)
    for start in range(0, len(scans), 1_000):
        table.put(scans[start : start + 1_000])


def test_without_room_to_grow_it_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(tmp_path / "slots", memory_bytes=0)
    table.put(random_scans(2_000, 1_500, 13))

    def refuse(fd: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        with pytest.raises(OSError, match="No space left on device"):
            fill_until_full(table, 9_000)
    assert table.slots._size < len(table.slots._table)  # else a look behind its end would end the process
    table.check()
    fill_until_full(table, 9_000)
    table.check()
    table.slots.close()


def test_a_full_disk_is_told_when_a_table_grows_and_ends_no_process(small_disk: Path) -> None:
    table = Table(small_disk / "slots", memory_bytes=0)
    with pytest.raises(OSError, match=f"Errno {errno.ENOSPC}"):
        fill_until_full(table, 200_000)
    assert 5_000 < table.slots.parcels < 200_000
    assert list(small_disk.iterdir()) == []
    table.slots.close()
    assert os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize > test_full_disk.SIZE // 2
