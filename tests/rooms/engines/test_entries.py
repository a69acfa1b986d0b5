"""Entries: what their words hold, their order, which of them are the same, and how some are found among others."""

import itertools
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.rooms.engines.test_keys import at_the_edge
from tests.rooms.engines.test_views import SCAN, SEED, batch_of, batches, few, rows_of

from waypost.engines.local.entries import (
    PAD,
    Entries,
    Texts,
    arrange,
    entries_of,
    find_present,
    gather_places,
    join,
    newest_of,
    places_of,
    texts_of,
)
from waypost.engines.local.keys import hash_numbers
from waypost.model.instants import EARLIEST_MS
from waypost.model.scans import IDENTITY, empty_batch
from waypost.store.words import Vocabulary

#: All that an entry is: its words, its number, and what it corrects with its note.
Entry = tuple[tuple[int, int, int, int], bytes, bytes]

MOST = (1 << 64) - 1


# How entries are told and made here


def list_texts(texts: Texts) -> list[bytes]:
    """The texts, which lie without gaps and have eight zeros behind them."""
    assert texts.ends.dtype == np.int64
    assert texts.data.dtype == np.uint8
    ends, data = texts.ends.tolist(), texts.data.tobytes()
    assert ends[0] == 0
    assert data[ends[-1] :] == bytes(PAD)
    return [data[start:stop] for start, stop in itertools.pairwise(ends)]


def list_entries(entries: Entries) -> list[Entry]:
    assert entries.words.dtype == np.uint64
    assert entries.words.shape == (len(entries), 4)
    assert entries.number_of.dtype == np.int32
    assert entries.number_of.shape == (len(entries),)
    numbers, extras = list_texts(entries.numbers), list_texts(entries.extras)
    return [
        (tuple(words), numbers[number], extra)
        for words, number, extra in zip(entries.words.tolist(), entries.number_of.tolist(), extras, strict=True)
    ]


def texts_from(texts: Sequence[bytes], behind: bytes = bytes(PAD)) -> Texts:
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return Texts(np.frombuffer(b"".join(texts) + behind, np.uint8), ends)


def entries_from(told: Sequence[Entry], behind: bytes = bytes(PAD)) -> Entries:
    words = np.array([words for words, _, _ in told], np.uint64).reshape(-1, 4)
    numbers, extras = [number for _, number, _ in told], [extra for _, _, extra in told]
    number_of = np.arange(len(told), dtype=np.int32)
    return Entries(words, number_of, texts_from(numbers, behind), texts_from(extras, behind))


def key_of(entry: Entry) -> tuple[int, int, int, int]:
    """By what entries are ordered, and the same."""
    (first, second, third, _), _, extra = entry
    return first, second, third, int.from_bytes(extra[:8], "little") if third & 1 else 0


def first_comers(told: Sequence[Entry]) -> list[int]:
    """Where those are that stay, in order."""
    order = sorted(range(len(told)), key=lambda place: key_of(told[place]))  # stable: the same ones as they came
    return [place for n, place in enumerate(order) if n == 0 or key_of(told[place]) != key_of(told[order[n - 1]])]


def check_arranged(told: Sequence[Entry]) -> Entries:
    arranged, came = arrange(entries_from(told))
    assert came.tolist() == first_comers(told)
    assert list_entries(arranged) == [told[place] for place in came]
    check_numbers(arranged)
    return arranged


def check_numbers(entries: Entries) -> None:
    """Of entries in order each number is there once, in order too."""
    hashes = [(first, second >> 40) for first, second, _, _ in entries.words.tolist()]
    place_of = {hashed: place for place, hashed in enumerate(dict.fromkeys(hashes))}
    assert entries.number_of.tolist() == [place_of[hashed] for hashed in hashes]
    assert len(entries.numbers) == len(place_of)


def small(most: int) -> st.SearchStrategy[int]:
    """Few numbers, so that they meet, and both ends."""
    return st.sampled_from([0, 1, most])


#: Entries by hand: the hashes of different numbers meet in the first word, which no scans of a test would do.
entries_by_hand = st.builds(
    lambda first, more, rest, third, fourth, corrects, note: (
        (first, more << 40 | rest, third, fourth),
        b"%x-%x" % (first, more),
        (corrects if third & 1 else b"") + note,
    ),
    small(MOST),
    small((1 << 24) - 1),
    small((1 << 40) - 1),
    st.sampled_from([0, 1, 1, MOST]),
    st.integers(0, MOST),
    st.sampled_from([bytes(8), b"\1" + bytes(7), bytes(7) + b"\1", b"\xff" * 8]),
    st.binary(max_size=9),
)
lists = st.lists(entries_by_hand, max_size=12)


def random_entries(count: int, numbers: int, seed: int) -> list[Entry]:
    """Many at random of some numbers, of which some are the same, and some correct something."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, MOST, numbers, np.uint64, endpoint=True)
    of, kinds = rng.integers(0, numbers, count), rng.integers(0, 8, count)
    times = rng.integers(0, 1 + count // (8 * numbers), count) * 1000
    told: list[Entry] = []
    for place, (number, kind, time) in enumerate(zip(of.tolist(), kinds.tolist(), times.tolist(), strict=True)):
        extra = (kind >> 1).to_bytes(8, "little") if kind & 1 else b""
        words = (int(hashes[number]), number % 3 << 40 | time >> 16, (time & 0xFFFF) << 48 | (kind & 1), place)
        told.append((words, b"%d" % number, extra + b"note %d" % place))
    return told


# Scans as entries


def test_the_words_of_an_entry_hold_what_is_written_there() -> None:
    known = Vocabulary()
    for words, count in ((known.carrier, 0xABCC), (known.code, 0x1233), (known.facility, 0x12344)):
        for number in range(count):
            words.id_of(str(number))
    at, recorded = 0x12_3456_789A, 0xFE_DCBA_9876
    scan = SCAN | {"carrier": "c", "number": "YT1", "code": "d", "at": EARLIEST_MS + at, "offset_min": -210}
    scan |= {"offset_source": 2, "time_flags": 0x9F}
    full = scan | {
        "facility": "f",
        "note": "杭州",
        "corrects": "0123456789abcdef",
        "recorded_at": EARLIEST_MS + recorded,
    }
    bare = scan | {"offset_min": 840, "recorded_at": None}
    text = texts_from([b"YT1"])
    first, second = (int(word[0]) for word in hash_numbers(text.data, text.ends, SEED))
    both = (first, second << 40 | 0xABCD << 24 | at >> 16)
    assert list_entries(entries_of([batch_of([full, bare])], known, SEED)) == [
        (
            (*both, 0x789A << 48 | (128 - 14) << 40 | 0x1234 << 24 | 0x12345 << 1 | 1, recorded << 24 | 0x29F800),
            b"YT1",
            bytes.fromhex("0123456789abcdef") + "杭州".encode(),
        ),
        ((*both, 0x789A << 48 | (128 + 56) << 40 | 0x1234 << 24, 0x29F000), b"YT1", b""),
    ]


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=5), max_size=8), st.data())
def test_a_column_of_text_is_taken_from_where_it_begins(texts: list[str | None], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(texts)))
    stop = data.draw(st.integers(start, len(texts)))
    column = pa.array(texts, pa.string()).slice(start, stop - start)
    assert list_texts(texts_of([column])) == [(text or "").encode() for text in texts[start:stop]]


@pytest.mark.parametrize(
    "column",
    [pa.array([], pa.string()), pa.nulls(0, pa.string()), pa.array(["a"]).slice(1), pa.nulls(3, pa.string())],
    ids=["no rows", "no nulls", "nothing of it", "nothing but nulls"],
)
def test_a_column_without_text_is_empty_texts(column: pa.Array) -> None:
    assert list_texts(texts_of([column])) == [b""] * len(column)


@pytest.mark.parametrize("corrects", [["0123456789abcdef", None, "ffffffffffffffff", "a0b9c8d7e6f50000"], [None] * 4])
@pytest.mark.parametrize("start", [0, 1, 3])
def test_the_texts_of_an_entry_are_what_it_corrects_and_its_note(corrects: list[str | None], start: int) -> None:
    notes = ["杭州", None, "", "b" * 20]
    rows = [
        SCAN | {"number": "A", "note": note, "corrects": named} for note, named in zip(notes, corrects, strict=True)
    ]
    expected = [bytes.fromhex(named or "") + (note or "").encode() for note, named in zip(notes, corrects, strict=True)]
    entries = entries_of([batch_of(rows).slice(start)], Vocabulary(), SEED)
    assert list_texts(entries.extras) == expected[start:]
    assert entries.extras.data[-PAD:].tolist() == [0] * PAD


# Order


@given(lists)
@example([])
def test_entries_come_into_order_and_the_first_of_the_same_stays(told: list[Entry]) -> None:
    arranged = check_arranged(told)
    again, came = arrange(arranged)
    assert came.tolist() == list(range(len(arranged)))
    assert list_entries(again) == list_entries(arranged)


@given(batches(few, most=25))
@example(empty_batch())
def test_of_the_same_scan_the_first_comer_stays(scans: pa.RecordBatch) -> None:
    """The same by what a scan is known by (`IDENTITY`), however else they differ, and by nothing less."""
    entries, came = arrange(entries_of([scans], Vocabulary(), SEED))
    told = rows_of(scans)
    firsts: dict[tuple[object, ...], int] = {}
    for place, row in enumerate(told):
        firsts.setdefault(tuple(row[name] for name in IDENTITY), place)
    assert sorted(came.tolist()) == sorted(firsts.values())
    kept = [told[place] for place in came]
    check_numbers(entries)
    assert [text.decode() for text in list_texts(entries.numbers)] == list(dict.fromkeys(row["number"] for row in kept))
    parcels = [(row["number"], row["carrier"]) for row in kept]
    opened = [parcel for place, parcel in enumerate(parcels) if place == 0 or parcels[place - 1] != parcel]
    assert len(opened) == len(set(parcels))  # each in one piece,
    for place in range(1, len(kept)):  # and in the order of time
        assert parcels[place - 1] != parcels[place] or kept[place - 1]["at"] <= kept[place]["at"]


@pytest.mark.parametrize("count", [2, 3, 32, 33, 34, 84, 85, 512, 5000])
def test_the_many_scans_of_one_number_come_into_order(count: int) -> None:
    told = random_entries(count, 1, count)
    assert len(check_arranged(told)) < count or count < 34
    told.sort(key=key_of)
    check_arranged(told)
    check_arranged(told[::-1])
    same = [(told[0][0], told[0][1], told[0][2] + b"%d" % place) for place in range(count)]
    assert list_entries(check_arranged(same)) == same[:1]
    others = random_entries(10, 10, 0)
    check_arranged([*others[:5], *told[::-1], *others[5:]])


def test_many_scans_of_many_numbers_come_into_order() -> None:
    told = random_entries(20_000, 3_000, 1)
    arranged = check_arranged(told)
    assert len(arranged.numbers) == len({(words[0], words[1] >> 40) for words, _, _ in told}) > 2_900


def test_numbers_whose_hashes_meet_stay_apart() -> None:
    """Sixty-four bits are not all: further twenty-four tell numbers apart."""
    one, other = (7, 1 << 40), (7, 2 << 40)
    told: list[Entry] = [
        ((*other, 8, 0), b"other", b"a"),
        ((*one, 8, 0), b"one", b"b"),
        ((*other, 4, 0), b"other", b"c"),
        ((*one, 8, 0), b"one", b"once more"),
        ((*one, 4, 0), b"one", b"d"),
    ]
    arranged = check_arranged(told)
    assert [(number, extra) for _, number, extra in list_entries(arranged)] == [
        *((b"one", b"d"), (b"one", b"b")),
        *((b"other", b"c"), (b"other", b"a")),
    ]
    assert list_texts(arranged.numbers) == [b"one", b"other"]
    assert places_of(arranged.words, np.array([7], np.uint64)).tolist() == [0, 1, 2, 3]


def test_corrections_of_different_scans_are_different_and_none_is_a_correction_of_nothing() -> None:
    ids = [None, "0" * 16, "0" * 15 + "1", "1" + "0" * 15, None, "0" * 16]
    scans = batch_of([SCAN | {"corrects": text, "note": text} for text in ids])
    entries, came = arrange(entries_of([scans], Vocabulary(), SEED))
    assert sorted(came.tolist()) == [0, 1, 2, 3]
    assert list_entries(entries)[0][2] == b""


# Together and apart


@given(st.lists(lists, min_size=1, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_joined_entries_stand_one_behind_the_other(parts: list[list[Entry]], ordered: list[bool]) -> None:
    made = [entries_from(part) for part in parts]
    made = [arrange(part)[0] if first else part for part, first in zip(made, ordered, strict=False)]
    joined = join(made)
    assert list_entries(joined) == [entry for part in made for entry in list_entries(part)]
    told = [entry for part in parts for entry in part]
    if not any(ordered[: len(parts)]):
        assert list_entries(joined) == told
    assert {key_of(entry) for entry in list_entries(arrange(joined)[0])} == {key_of(entry) for entry in told}


@given(lists, st.data())
def test_entries_at_some_places_are_those(told: list[Entry], data: st.DataObject) -> None:
    arranged = check_arranged(told)
    chosen = sorted(data.draw(st.sets(st.sampled_from(range(len(arranged)))) if len(arranged) else st.just(set())))
    gathered = gather_places(arranged, np.array(chosen, np.int64))
    assert list_entries(gathered) == [list_entries(arranged)[place] for place in chosen]
    check_numbers(gathered)


@given(lists, st.sets(small(MOST) | st.integers(0, MOST)))
def test_the_places_of_some_hashes(told: list[Entry], hashes: set[int]) -> None:
    arranged, _ = arrange(entries_from(told))
    places = places_of(arranged.words, np.array(sorted(hashes), np.uint64))
    assert places.dtype == np.int64
    assert places.tolist() == [place for place, words in enumerate(arranged.words.tolist()) if words[0] in hashes]


@given(lists, st.sets(small(MOST)), st.integers(0, 5))
def test_of_some_places_the_newest_of_each_parcel(told: list[Entry], hashes: set[int], most: int) -> None:
    arranged, _ = arrange(entries_from(told))
    places = places_of(arranged.words, np.array(sorted(hashes), np.uint64))
    parcels: dict[tuple[int, int], list[int]] = {}
    for place in places.tolist():
        first, second = arranged.words[place, :2].tolist()
        parcels.setdefault((first, second >> 24), []).append(place)
    expected = [place for own in parcels.values() for place in own[max(len(own) - most, 0) :]]
    assert newest_of(arranged.words, places, most).tolist() == expected


def test_the_places_of_some_hashes_among_many() -> None:
    arranged, _ = arrange(entries_from(random_entries(5_000, 1_500, 2)))
    firsts = arranged.words[:, 0]
    known = np.unique(firsts)
    near = known[::5] + np.uint64(1)
    for asked in (known, known[:1], known[-1:], known[::97], known[700:750], np.unique(np.append(known[::3], near))):
        assert places_of(arranged.words, asked).tolist() == np.flatnonzero(np.isin(firsts, asked)).tolist()


@given(lists, lists, st.data())
def test_those_that_are_among_others_are_found(told: list[Entry], others: list[Entry], data: st.DataObject) -> None:
    wanted, among = (arrange(entries_from(entries))[0] for entries in (told, others))
    known = data.draw(st.lists(st.booleans(), min_size=len(wanted), max_size=len(wanted)))
    found = np.array(known, np.bool_)
    find_present(wanted, among, found)
    keys = {key_of(entry) for entry in others}
    assert found.tolist() == [
        was or key_of(entry) in keys for was, entry in zip(known, list_entries(wanted), strict=True)
    ]


def test_those_among_many_others_are_found() -> None:
    told = random_entries(6_000, 40, 3)
    wanted, among = arrange(entries_from(told[::3]))[0], arrange(entries_from(told[::2]))[0]
    found = np.zeros(len(wanted), np.bool_)
    find_present(wanted, among, found)
    keys = {key_of(entry) for entry in told[::2]}
    assert found.tolist() == [key_of(entry) in keys for entry in list_entries(wanted)]
    assert 0 < np.count_nonzero(found) < len(wanted)


# Memory


@given(lists, lists)
def test_neither_padding_nor_a_mapped_file_makes_a_difference(told: list[Entry], others: list[Entry]) -> None:
    """What stands behind the texts does not count, and the entries of a raw run lie in a map that is read only."""
    results = []
    for behind in (bytes(PAD), b"\xff" * PAD):
        parts = [entries_from(entries, behind) for entries in (told, others)]
        for part in parts:
            for array in (
                part.words,
                part.number_of,
                *(a for t in (part.numbers, part.extras) for a in (t.data, t.ends)),
            ):
                array.flags.writeable = False
        arranged, came = arrange(join(parts))
        one, other = (arrange(part)[0] for part in parts)
        found = np.zeros(len(one), np.bool_)
        find_present(one, other, found)
        results.append((list_entries(arranged), came.tolist(), list_entries(one), found.tolist()))
    assert results[0] == results[1]


def read_at_the_edge(behind: int) -> None:
    """Bring texts of all lengths into order, with so many bytes behind them. A child process runs it, and may die."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for size in range(20):
        told: list[Entry] = [
            ((2, 0, 1, 0), b"a", bytes(8)),
            ((1, 0, 0, 0), b"b" * (20 - size), b"c" * size),
            ((3, 0, 1, 0), b"d" * size, bytes(8) + b"e" * size),
        ]
        made = entries_from(told, bytes(behind))
        numbers, extras = (Texts(at_the_edge(t.data.tobytes()), t.ends) for t in (made.numbers, made.extras))
        edged = Entries(made.words, made.number_of, numbers, extras)
        arranged, _ = arrange(edged)
        assert list_entries(arranged) == [told[1], told[0], told[2]]
        found = np.zeros(3, np.bool_)
        find_present(arranged, edged, found)
        assert list_entries(join([edged, edged])) == told * 2


@pytest.mark.parametrize(("behind", "code"), [(PAD, 0), (PAD - 2, -signal.SIGBUS)], ids=["padded", "too short"])
def test_nothing_is_read_beyond_the_padding(repo_folder: Path, behind: int, code: int) -> None:
    told = f"from tests.rooms.engines.test_entries import read_at_the_edge; read_at_the_edge({behind})"
    ended = subprocess.run([sys.executable, "-c", told], cwd=repo_folder, env=os.environ, capture_output=True)
    assert ended.returncode == code, ended.stderr.decode()
