"""Blocks: entries come back as they were, and the bytes are those that the format says."""

import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.engines.test_entries import (
    Entry,
    check_numbers,
    entries_from,
    key_of,
    list_entries,
    list_texts,
    lists,
    random_entries,
)
from tests.rooms.engines.test_views import SCAN, SEED, Row, batch_of, batches, few, rows_of

from waypost.engines.local.arrays import U8
from waypost.engines.local.blocks import BLOCK_ROWS, decode_block, encode_block, find_in_block
from waypost.engines.local.entries import Entries, arrange, entries_of, join
from waypost.engines.local.views import scans_of
from waypost.model.errors import BadInput
from waypost.model.instants import EARLIEST_MS, LATEST_MS
from waypost.model.scans import check_batch, empty_batch
from waypost.store.words import Vocabulary
from waypost.track.wire import LONGEST

NOON = 1_795_262_400_000

HEAD = struct.Struct("<6IQ")


class Book:
    """Reads the sections of a block one behind the other, as the table in the text of `blocks` says."""

    def __init__(self, data: bytes) -> None:
        self.rows, self.parcels, self.numbers, self.number_bytes, self.extra_bytes, self.unit, self.least = HEAD.unpack(
            data[: HEAD.size]
        )
        self._rest = data[HEAD.size :]

    def take(self, count: int) -> bytes:
        taken, self._rest = self._rest[:count], self._rest[count:]
        assert len(taken) == count
        return taken

    def planes(self, count: int, width: int) -> list[int]:
        """So many numbers, of which all the lowest bytes come first, then all the next ones."""
        data = self.take(count * width)
        return [int.from_bytes(data[place::count], "little") for place in range(count)]

    def cut(self, sizes: list[int]) -> list[bytes]:
        return [self.take(size) for size in sizes]

    def entries(self) -> list[Entry]:
        firsts, seconds, counts = (self.planes(self.parcels, width) for width in (8, 5, 2))
        numbers = self.cut(list(self.take(self.numbers)))
        steps, thirds, recorded, rests, sizes = (self.planes(self.rows, width) for width in (5, 6, 5, 3, 2))
        extras = self.cut(sizes)
        assert self._rest == b""
        assert (sum(counts), sum(map(len, numbers)), sum(sizes)) == (self.rows, self.number_bytes, self.extra_bytes)
        hashes = [(first, second >> 16) for first, second in zip(firsts, seconds, strict=True)]
        number_of = dict(zip(dict.fromkeys(hashes), numbers, strict=True))
        told: list[Entry] = []
        for first, second, hashed, count in zip(firsts, seconds, hashes, counts, strict=True):
            at = 0
            for _ in range(count):
                row = len(told)
                at += steps[row] * self.unit
                kept = recorded[row] + self.least - 1 if recorded[row] else 0
                words = (first, second << 24 | at >> 16, (at & 0xFFFF) << 48 | thirds[row], kept << 24 | rests[row])
                told.append((words, number_of[hashed], extras[row]))
        return told


def in_order(scans: pa.RecordBatch) -> Entries:
    return arrange(entries_of([scans], Vocabulary(), SEED))[0]


def check_block(entries: Entries, start: int, stop: int) -> tuple[U8, Entries]:
    """A part of some entries goes to bytes and back, and the bytes are as the format says."""
    data = encode_block(entries, start, stop)
    decoded = decode_block(data)
    assert list_entries(decoded) == list_entries(entries)[start:stop] == Book(data.tobytes()).entries()
    check_numbers(decoded)
    return data, decoded


# Any entries


@given(batches(), st.data())
def test_any_part_of_any_scans_comes_back(scans: pa.RecordBatch, data: st.DataObject) -> None:
    entries = in_order(scans)
    start = data.draw(st.integers(0, len(entries)))
    check_block(entries, start, data.draw(st.integers(start, len(entries))))


def test_no_entries_come_back() -> None:
    check_block(in_order(empty_batch()), 0, 0)


@given(batches(few, most=25))
def test_parcels_of_several_scans_come_back(scans: pa.RecordBatch) -> None:
    words = Vocabulary()
    entries, came = arrange(entries_of([scans], words, SEED))
    _, decoded = check_block(entries, 0, len(entries))
    told = rows_of(scans)
    assert rows_of(scans_of(decoded, words)) == [told[place] for place in came]


@given(lists)
def test_entries_whose_hashes_meet_come_back(told: list[Entry]) -> None:
    entries, _ = arrange(entries_from(told))
    data, _ = check_block(entries, 0, len(entries))
    data.flags.writeable = False  # as what was unpacked from a run
    assert list_entries(decode_block(data)) == list_entries(entries)


def test_the_blocks_of_a_run_are_its_entries() -> None:
    """Parcels begin in one block and go on in the next, and so do the many scans of a bag."""
    entries, _ = arrange(entries_from(random_entries(3_000, 200, 1) + random_entries(3_000, 1, 2)))
    starts = range(0, len(entries), BLOCK_ROWS)
    blocks = [check_block(entries, start, min(start + BLOCK_ROWS, len(entries)))[1] for start in starts]
    assert len(blocks) > 4
    joined = join(blocks)
    assert list_entries(joined) == list_entries(entries)
    again, came = arrange(joined)
    assert list_entries(again) == list_entries(entries)
    assert came.tolist() == list(range(len(entries)))


# Found without unpacking


def check_found(wanted: Entries, start: int, stop: int, known: list[bool], block: U8) -> int:
    """Of some entries those are noted that are in a block; the others, and those not asked for, stay as they were."""
    found = np.array(known, np.bool_)
    find_in_block(block, wanted, start, stop, found)
    keys = {key_of(entry) for entry in list_entries(decode_block(block))}
    told = [
        was or (start <= place < stop and key_of(entry) in keys)
        for place, (was, entry) in enumerate(zip(known, list_entries(wanted), strict=True))
    ]
    assert found.tolist() == told
    return sum(told)


@given(lists, lists, st.data())
def test_entries_are_found_in_a_block(told: list[Entry], others: list[Entry], data: st.DataObject) -> None:
    wanted, among = (arrange(entries_from(entries))[0] for entries in (told, others))
    first = data.draw(st.integers(0, len(among)))
    block = encode_block(among, first, data.draw(st.integers(first, len(among))))
    known = data.draw(st.lists(st.booleans(), min_size=len(wanted), max_size=len(wanted)))
    start = data.draw(st.integers(0, len(wanted)))
    check_found(wanted, start, data.draw(st.integers(start, len(wanted))), known, block)


@given(batches(few, most=15), batches(few, most=15))
def test_scans_are_found_in_a_block(scans: pa.RecordBatch, others: pa.RecordBatch) -> None:
    words = Vocabulary()
    wanted, among = (arrange(entries_of([batch], words, SEED))[0] for batch in (scans, others))
    check_found(wanted, 0, len(wanted), [False] * len(wanted), encode_block(among, 0, len(among)))


def test_many_entries_are_found_in_blocks() -> None:
    told = random_entries(6_000, 40, 3)
    wanted, among = arrange(entries_from(told[::3]))[0], arrange(entries_from(told[::2]))[0]
    nothing = [False] * len(wanted)
    counts = [
        check_found(wanted, 0, len(wanted), nothing, encode_block(among, start, min(start + BLOCK_ROWS, len(among))))
        for start in range(0, len(among), BLOCK_ROWS)
    ]
    assert len(counts) > 3
    assert 0 < min(counts) < sum(counts) < len(wanted)


def test_corrections_that_differ_only_in_what_they_correct_are_told_apart_in_a_block() -> None:
    scans = batch_of([at(NOON, corrects=f"{place:016x}", note=f"{place}" * 3) for place in range(BLOCK_ROWS)])
    entries = in_order(scans)
    asked = in_order(
        batch_of([at(NOON, corrects=f"{place:016x}") for place in range(1, 2 * BLOCK_ROWS, 7)] + [at(NOON)])
    )
    block = encode_block(entries, 0, len(entries))
    assert check_found(asked, 0, len(asked), [False] * len(asked), block) == len(range(1, BLOCK_ROWS, 7))


# What of them is kept how


def head(data: U8) -> Book:
    return Book(data.tobytes())


def at(instant_ms: int, **fields: object) -> Row:
    return SCAN | {"at": instant_ms, "recorded_at": None} | fields


def test_all_rows_of_a_block_may_be_of_one_parcel() -> None:
    scans = batch_of([at(NOON + 1000 * place, note=f"{place}") for place in range(BLOCK_ROWS)])
    data, _ = check_block(in_order(scans), 0, BLOCK_ROWS)
    assert (head(data).rows, head(data).parcels, head(data).numbers) == (BLOCK_ROWS, 1, 1)


def test_all_rows_of_a_block_may_be_of_different_parcels() -> None:
    scans = batch_of([at(NOON, number=f"{place}") for place in range(BLOCK_ROWS)])
    data, _ = check_block(in_order(scans), 0, BLOCK_ROWS)
    assert (head(data).parcels, head(data).numbers) == (BLOCK_ROWS, BLOCK_ROWS)


def test_one_number_at_several_carriers_is_kept_once() -> None:
    scans = batch_of([at(NOON + place, carrier=name) for place, name in enumerate(["sf", "yto", "sf", "sto"])])
    data, decoded = check_block(in_order(scans), 0, 4)
    assert (head(data).parcels, head(data).numbers) == (3, 1)
    assert list_texts(decoded.numbers) == [b"A"]


@pytest.mark.parametrize("instant_ms", [EARLIEST_MS, NOON, NOON + 1, LATEST_MS - LATEST_MS % 1000, LATEST_MS])
def test_a_single_row_comes_back(instant_ms: int) -> None:
    check_block(in_order(batch_of([at(instant_ms)])), 0, 1)


@pytest.mark.parametrize(("part", "unit"), [(0, 1000), (1, 1), (500, 1), (999, 1)])
def test_instants_are_kept_in_seconds_only_if_all_are_whole(part: int, unit: int) -> None:
    """In one part of a block they may be, in another they may not."""
    scans = [at(NOON + place * 1000, number=f"{place % 3}") for place in range(9)]
    entries = in_order(batch_of([*scans, at(NOON + part, number="3")]))
    last = [number for _, number, _ in list_entries(entries)].index(b"3")
    assert [head(check_block(entries, *ends)[0]).unit for ends in ((0, 10), (last, last + 1))] == [unit, unit]
    for ends in ((0, last), (last + 1, 10)):
        assert head(check_block(entries, *ends)[0]).unit == 1000


@pytest.mark.parametrize("latest_ms", [LATEST_MS, LATEST_MS // 1000 * 1000])
def test_the_widest_step_in_time_fits(latest_ms: int) -> None:
    check_block(in_order(batch_of([at(EARLIEST_MS), at(latest_ms), at(latest_ms, code="b")])), 0, 3)


@pytest.mark.parametrize(
    ("recorded", "least"),
    [
        ([None, None, None], 0),
        ([None, NOON, None], NOON - EARLIEST_MS),
        ([EARLIEST_MS + 1, LATEST_MS, None], 1),  # long before it happened, and long after
        ([LATEST_MS, EARLIEST_MS + 2, EARLIEST_MS + 1], 1),
        ([LATEST_MS, LATEST_MS, LATEST_MS], LATEST_MS - EARLIEST_MS),
    ],
)
def test_whatever_the_instants_of_recording_are_they_come_back(recorded: list[int | None], least: int) -> None:
    scans = [at(NOON + place, recorded_at=instant) for place, instant in enumerate(recorded)]
    data, _ = check_block(in_order(batch_of(scans)), 0, 3)
    assert head(data).least == least


# Lengths


@pytest.mark.parametrize("length", [0, 1, 2, 7, 8, 9, 64, 254, 255])
def test_numbers_of_all_lengths_come_back(length: int) -> None:
    numbers = ["x" * length, "y" * length + "z" * (length < 255), "end"]
    entries = in_order(batch_of([at(NOON + place, number=number) for number in numbers for place in range(2)]))
    _, decoded = check_block(entries, 0, len(entries))
    assert set(list_texts(decoded.numbers)) == {number.encode() for number in numbers}


@pytest.mark.parametrize("length", [0, 1, 255, 256, (1 << 16) - 9])
def test_notes_of_all_lengths_come_back(length: int) -> None:
    told = [at(NOON + place, note="n" * length, corrects=text) for place, text in enumerate([None, "0" * 16, "f" * 16])]
    check_block(in_order(batch_of([*told, at(NOON + 3, note="end")])), 0, 4)


def test_the_longest_texts_that_the_doors_let_in_come_back() -> None:
    widest = "\U0001f69a"  # four bytes, as many as any character
    assert len(widest.encode()) * LONGEST["number"] > 255  # but numbers are of ASCII
    full = at(NOON, number="~" * LONGEST["number"], note=widest * LONGEST["note"], corrects="f" * LONGEST["corrects"])
    full |= {"carrier": "c" * LONGEST["carrier"], "code": widest * LONGEST["code"]}
    full |= {"facility": widest * LONGEST["facility"]}
    words = Vocabulary()
    entries, _ = arrange(entries_of([batch_of([full, at(NOON)])], words, SEED))
    _, decoded = check_block(entries, 0, 2)
    assert full in rows_of(scans_of(decoded, words))


@pytest.mark.parametrize(
    "change",
    [
        {"number": "x" * 256},
        {"number": "杭" * 86},
        {"note": "n" * (1 << 16)},
        {"note": "n" * ((1 << 16) - 8), "corrects": "0" * 16},
    ],
    ids=["number", "number of few characters", "note", "note of a correction"],
)
def test_what_is_too_long_for_a_block_is_refused_or_comes_back(change: Row) -> None:
    scans = batch_of([at(NOON, **change), at(NOON + 1, number="other", note="other")])
    try:
        check_batch(scans)
    except BadInput:
        return
    words = Vocabulary()
    entries, came = arrange(entries_of([scans], words, SEED))
    told = rows_of(scans_of(decode_block(encode_block(entries, 0, 2)), words))
    assert told == [rows_of(scans)[place] for place in came]


def test_a_block_is_small() -> None:
    """Ten scans of a parcel with one number, in whole seconds: most bytes are the same in all rows."""
    rng = np.random.default_rng(1)
    scans = [
        at(NOON + 1000 * int(rng.integers(0, 500_000)), number=f"YT{place // 10:013d}", facility=f"F{place % 7}")
        for place in range(BLOCK_ROWS)
    ]
    data, _ = check_block(in_order(batch_of(scans)), 0, BLOCK_ROWS)
    packed = pa.Codec("zstd", 1).compress(data, asbytes=True)
    assert len(packed) < 6 * BLOCK_ROWS
