"""The laws of the fold: any order, any duplicates, any split into parts gives the same state."""

import random

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rooms.track.random_worlds import CODES

from waypost.model.instants import Instant, OffsetSource, TimeFlag
from waypost.model.scans import VOID, ScanEvent, batch_of
from waypost.store.fold import key_scans
from waypost.store.memory import MemoryIndex, MemoryLog
from waypost.store.words import Words
from waypost.track.fold import CORRECTED, NEVER_FIRST, UNKNOWN_CODE, StatusFold
from waypost.track.statuses import MILESTONES, get_status
from waypost.track.tables import bundled_tables

FOLD = StatusFold(bundled_tables())
NOON = 1_795_262_400_000

scans = st.builds(
    lambda number, code, minute, quarter, facility, flags: ScanEvent(
        carrier="yto",
        number=number,
        code=code,
        at=Instant(NOON + minute * 60_000, quarter * 15, OffsetSource.CARRIER),
        facility=facility,
        time_flags=TimeFlag(flags),
    ),
    st.sampled_from(["YT1", "YT2", "YT3"]),
    st.sampled_from(CODES),
    st.integers(0, 6),
    st.sampled_from([32, 28]),
    st.sampled_from([None, "HZ", "SH", "BJ"]),
    st.sampled_from([0, 0, 0, 1, 4]),
)
lists_of_scans = st.lists(scans, min_size=1, max_size=30)
same_parcel = st.lists(scans.map(lambda scan: _renumbered(scan)), min_size=1, max_size=30)


def _renumbered(scan: ScanEvent) -> ScanEvent:
    return ScanEvent(
        carrier=scan.carrier,
        number="YT1",
        code=scan.code,
        at=scan.at,
        facility=scan.facility,
        time_flags=scan.time_flags,
    )


def fold(events: list[ScanEvent], words: Words) -> np.ndarray:
    return FOLD.fold(key_scans(batch_of(events), np.zeros(len(events), np.int64), words))


@given(same_parcel, st.randoms())
def test_order_and_duplicates_do_not_matter(events: list[ScanEvent], rng: random.Random) -> None:
    words = Words()
    state = fold(events, words)
    shuffled = [*events, *rng.choices(events, k=5)]
    rng.shuffle(shuffled)
    assert fold(shuffled, words) == state


@given(same_parcel, st.randoms())
def test_any_split_merged_in_any_way_gives_the_same(events: list[ScanEvent], rng: random.Random) -> None:
    words = Words()
    parts = [fold([event], words) for event in events]
    for _ in range(rng.randrange(3)):
        parts.append(fold(rng.choices(events, k=3), words))
    while len(parts) > 1:
        rng.shuffle(parts)
        parts.append(FOLD.merge(parts.pop(), parts.pop()))
    assert parts[0] == fold(events, words)


@given(same_parcel, same_parcel, same_parcel)
def test_merge_is_commutative_associative_and_idempotent(
    first: list[ScanEvent], second: list[ScanEvent], third: list[ScanEvent]
) -> None:
    words = Words()
    a, b, c = fold(first, words), fold(second, words), fold(third, words)
    assert FOLD.merge(a, b) == FOLD.merge(b, a)
    assert FOLD.merge(a, FOLD.merge(b, c)) == FOLD.merge(FOLD.merge(a, b), c)
    assert FOLD.merge(a, a) == a


@given(same_parcel)
def test_a_state_does_not_depend_on_the_numbers_of_words(events: list[ScanEvent]) -> None:
    early, late = Words(), Words(["BJ", "SIGNED", "x", "SH", "GOT", "y"])
    one, other = fold(events, early)[0], fold(events, late)[0]
    for field in ("first_at", "last_at", "status", "status_at", "milestones", "flags", "offset_min", "_last_digest"):
        assert one[field] == other[field]
    assert early.text(one["facility"]) == late.text(other["facility"])
    assert early.text(one["code"]) == late.text(other["code"])


@given(same_parcel)
def test_each_field_is_what_it_says(events: list[ScanEvent]) -> None:
    """Against the definition, in plain Python over single scans."""
    words = Words()
    state = fold(events, words)[0]
    means = [(event, get_status(bundled_tables().find_status("yto", event.code))) for event in events]
    assert state["first_at"] == min(event.at.at_ms for event in events)
    assert state["last_at"] == max(event.at.at_ms for event in events)
    newest = {(event.code, event.facility) for event in events if event.at.at_ms == state["last_at"]}
    assert (words.text(state["code"]), words.text(state["facility"])) in newest
    said = [(event, status if status.phase >= 0 else get_status("unknown")) for event, status in means]
    best = max(said, key=lambda pair: (pair[1].phase, pair[0].at.at_ms, pair[1].precedence))
    assert (state["status"], state["status_at"]) == (best[1].number, best[0].at.at_ms)
    reached = {status.milestone for _, status in means if status.milestone}
    assert {name for bit, name in enumerate(MILESTONES) if state["milestones"] >> bit & 1} == reached
    assert bool(state["flags"] & UNKNOWN_CODE) == any(event.code == "WHO_KNOWS" for event in events)
    assert state["flags"] & 0xFF == np.bitwise_or.reduce([int(event.time_flags) for event in events])


@given(lists_of_scans, st.randoms())
@settings(max_examples=40)
def test_an_index_gives_the_same_states_however_scans_come(events: list[ScanEvent], rng: random.Random) -> None:
    """With corrections and voids too, before or after what they name."""
    corrected = [
        ScanEvent(carrier="yto", number=event.number, code=rng.choice(["SIGNED", VOID]), at=event.at, corrects=event.id)
        for event in rng.sample(events, k=min(3, len(events)))
    ]
    world = [*events, *corrected]
    once = _index([world])
    rng.shuffle(world)
    again = [*world, *rng.choices(world, k=4)]
    cuts = sorted(rng.sample(range(len(again) + 1), k=min(3, len(again))))
    frames = [again[a:b] for a, b in zip([0, *cuts], [*cuts, len(again)], strict=True)]
    assert _index(frames) == once


def _index(frames: list[list[ScanEvent]]) -> list[dict[str, object]]:
    log = MemoryLog()
    index = MemoryIndex(log, FOLD)
    for frame in frames:
        log.append(batch_of(frame))
    assert index.catch_up(log.position(), 0)
    return index.states(["YT1", "YT2", "YT3"]).to_pylist()


def test_a_stray_scan_after_delivery_does_not_bring_the_parcel_back() -> None:
    def at(minute: int, code: str) -> ScanEvent:
        return ScanEvent(
            carrier="yto", number="YT1", code=code, at=Instant(NOON + minute * 60_000, 480, OffsetSource.CARRIER)
        )

    words = Words()
    state = fold([at(1, "GOT"), at(9, "SIGNED"), at(12, "ARRIVAL")], words)[0]
    assert get_status(int(state["status"])).code == "delivered"
    assert state["status_at"] == NOON + 9 * 60_000
    assert state["last_at"] == NOON + 12 * 60_000
    back = fold([at(1, "GOT"), at(9, "SIGNED"), at(12, "TMS_RETURN")], words)[0]
    assert get_status(int(back["status"])).code == "return_initiated"


def test_a_void_alone_leaves_only_its_flag() -> None:
    void = ScanEvent(
        carrier="yto", number="YT1", code=VOID, at=Instant(NOON, 480, OffsetSource.CARRIER), corrects="0" * 16
    )
    state = fold([void], Words())[0]
    assert state["flags"] == CORRECTED
    assert (state["status"], state["milestones"], state["first_at"]) == (0, 0, NEVER_FIRST)
    assert FOLD.needs_timeline(np.array([state])).all()


def test_no_scans_fold_to_no_states() -> None:
    empty = batch_of([]).slice(0, 0)
    states = FOLD.fold(key_scans(empty, np.zeros(0, np.int64), Words()))
    assert len(states) == 0
    assert pa.array(states["first_at"]).to_pylist() == []
