"""What is the index's own: exact replay, words, and keys that cannot be confused."""

import itertools
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rooms.engines.homes import FOLD
from tests.rooms.engines.scan_batches import batch, event

from waypost.engines.local.index import RocksIndex
from waypost.engines.local.rocks import Rocks
from waypost.engines.local.rows import parcel_key, parcels_of, scan_keys, scan_values, split_key, timeline_of
from waypost.model.errors import StoreError
from waypost.model.instants import Instant, OffsetSource, TimeFlag
from waypost.model.scans import ScanEvent, batch_of, events_of, join_batches
from waypost.store.protocols import Frame
from waypost.store.words import Words

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
EVENTS = st.builds(
    ScanEvent,
    carrier=TEXT,
    number=TEXT,
    code=TEXT,
    at=st.builds(
        Instant, st.integers(-(2**45), 2**45), st.integers(-1_000, 1_000), st.sampled_from(list(OffsetSource))
    ),
    facility=st.none() | TEXT,
    note=st.none() | TEXT,
    corrects=st.none() | TEXT,
    time_flags=st.integers(0, 7).map(TimeFlag),
    recorded_at_ms=st.none() | st.integers(-(2**45), 2**45),
)


# Rows


@given(st.lists(EVENTS, min_size=1, max_size=20))
def test_scans_come_back_from_keys_and_values(events: list[ScanEvent]) -> None:
    words, scans = Words(), batch_of(events)
    keys, values = scan_keys(scans, parcels_of(scans), words), scan_values(scans, 7)
    timeline = timeline_of(list(zip(keys.to_pylist(), values.to_pylist(), strict=True)), words)
    assert events_of(timeline) == events
    assert timeline.column("position").to_pylist() == list(range(7, 7 + len(events)))


@given(st.lists(EVENTS, min_size=2, max_size=20))
def test_keys_are_equal_where_scans_are_the_same_and_else_not(events: list[ScanEvent]) -> None:
    words, scans = Words(), batch_of(events)
    keys = scan_keys(scans, parcels_of(scans), words).to_pylist()
    for one, other in itertools.combinations(range(len(events)), 2):
        a, b = events[one], events[other]
        same = all(
            getattr(a, name) == getattr(b, name) for name in ("carrier", "number", "code", "facility", "corrects")
        )
        same = same and (a.at.at_ms, a.at.offset_min) == (b.at.at_ms, b.at.offset_min)
        assert (keys[one] == keys[other]) == same


@given(st.lists(st.tuples(TEXT, TEXT), min_size=2, max_size=20))
def test_keys_of_parcels_sort_as_number_and_carrier_do(parcels: list[tuple[str, str]]) -> None:
    keys = [parcel_key(b"", number, carrier) for number, carrier in parcels]
    assert [split_key(key) for key in sorted(keys)] == sorted(parcels)


# Following


def whole(index: RocksIndex) -> tuple[object, ...]:
    numbers = [f"P{n}" for n in range(97)]
    return (
        index.page(None, 1000).to_pylist(),
        index.timelines(numbers).to_pylist(),
        index.read(-1, 10_000).to_pylist(),
    )


def frames(*spans: tuple[int, int]) -> list[Frame]:
    made, position = [], 0
    for start, count in spans:
        made.append(Frame(position, batch(start, count)))
        position += count
    return made


SPANS = [(0, 40), (20, 40), (0, 10), (60, 5), (61, 1), (55, 60)]


@pytest.mark.parametrize("stop", range(len(SPANS) + 1))
def test_an_index_that_is_closed_after_any_frame_goes_on_exactly(tmp_path: Path, stop: int) -> None:
    with closing(RocksIndex(tmp_path / "one", FOLD)) as index:
        masks = [index.apply(frame) for frame in frames(*SPANS)]
        expected = whole(index)
    found = []
    for part in (frames(*SPANS)[:stop], frames(*SPANS)[stop:]):
        with closing(RocksIndex(tmp_path / "two", FOLD)) as index:
            assert index.position() == (part[0].position if part else sum(count for _, count in SPANS[:stop]))
            found += [index.apply(frame) for frame in part]
    with closing(RocksIndex(tmp_path / "two", FOLD)) as index:
        assert whole(index) == expected
        assert [mask.tolist() for mask in found] == [mask.tolist() for mask in masks]
        assert [index.fresh(frame).tolist() for frame in frames(*SPANS)] == [mask.tolist() for mask in masks]


@settings(max_examples=30)
@given(st.integers(0, 155), st.integers(1, 156))
def test_which_scans_were_new_can_be_asked_of_any_stretch(
    tmp_path_factory: pytest.TempPathFactory, start: int, count: int
) -> None:
    with closing(RocksIndex(tmp_path_factory.mktemp("index"), FOLD)) as index:
        mask = np.concatenate([index.apply(frame) for frame in frames(*SPANS)])
        stretch = join_batches([frame.scans for frame in frames(*SPANS)]).slice(start, count)
        assert index.fresh(Frame(start, stretch)).tolist() == mask[start : start + count].tolist()


def test_frames_are_taken_in_order(tmp_path: Path) -> None:
    with closing(RocksIndex(tmp_path, FOLD)) as index:
        index.apply(Frame(0, batch(0, 5)))
        for position in (0, 4, 6):
            with pytest.raises(StoreError, match=f"The index is at 5 and cannot take in scans from {position} on"):
                index.apply(Frame(position, batch(5, 5)))


def test_what_was_applied_is_in_only_when_published(tmp_path: Path) -> None:
    with closing(RocksIndex(tmp_path, FOLD)) as index:
        index.apply(Frame(0, batch(0, 5)))
        assert (index.applied(), index.position(), index.catch_up(5, 0.01)) == (5, 0, False)
        index.publish()
        assert (index.position(), index.catch_up(5, 0)) == (5, True)


def test_words_keep_their_numbers(tmp_path: Path) -> None:
    for start in range(0, 30, 3):
        with closing(RocksIndex(tmp_path, FOLD)) as index:
            index.apply(Frame(start, batch(start, 3, parcels=1)))
    with closing(RocksIndex(tmp_path, FOLD)) as index:
        assert events_of(index.timelines(["P0"])) == [event(place, parcels=1) for place in range(30)]
        assert list(index._words.since(0)) == ["opcode:30", *(f"F{n}" for n in range(3)), "sf", "F3", "F4", "F5", "F6"]


def test_a_failed_write_is_taken_up_again_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the batch that failed came to be kept after all or not, nothing counts twice and nothing is lost."""
    with closing(RocksIndex(tmp_path / "one", FOLD)) as index:
        for frame in frames(*SPANS):
            index.apply(frame)
        expected = whole(index)
    was = Rocks.write

    for kept in (False, True):
        with closing(RocksIndex(tmp_path / str(kept), FOLD)) as index:
            index.apply(frames(*SPANS)[0])

            def fail(self: Rocks, pairs: object, kept: bool = kept) -> None:
                if kept:
                    was(self, pairs)
                self._has_failed = True
                raise StoreError("No room left.")

            monkeypatch.setattr(Rocks, "write", fail)
            with pytest.raises(StoreError):
                index.apply(frames(*SPANS)[1])
            monkeypatch.setattr(Rocks, "write", was)
            index.recover()
            assert index.applied() == (80 if kept else 40)
            for frame in frames(*SPANS):
                if frame.position >= index.applied():
                    index.apply(frame)
            assert whole(index) == expected


def test_a_closed_index_says_so(tmp_path: Path) -> None:
    index = RocksIndex(tmp_path, FOLD)
    index.apply(Frame(0, batch(0, 5)))
    index.publish()
    index.close()
    with pytest.raises(StoreError, match="closed"):
        index.states(["P1"])
    with pytest.raises(StoreError, match="closed"):
        index.timelines(["P1"])
    with pytest.raises(StoreError, match="closed"):
        index.catch_up(6, timeout_s=60)


def test_a_large_frame_with_many_words(tmp_path: Path) -> None:
    scans = batch(0, 3_000)
    codes = pa.array([f"code {n}" for n in range(3_000)]).dictionary_encode()
    scans = scans.set_column(2, scans.schema.field("code"), codes)
    with closing(RocksIndex(tmp_path, FOLD)) as index:
        assert index.apply(Frame(0, scans)).all()
    with closing(RocksIndex(tmp_path, FOLD)) as index:
        timeline = index.timelines(["P5"])
        assert timeline.column("code").to_pylist() == [f"code {n}" for n in range(5, 3_000, 97)]
        assert not index.apply(Frame(3_000, scans)).any()
