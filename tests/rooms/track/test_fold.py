"""The laws of the fold: any order, any duplicates, any split gives the same state; and what is told of it."""

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.drawing import examples
from tests.rooms.track.random_worlds import CODES

from waypost.model.instants import Instant, OffsetSource, TimeFlag
from waypost.model.scans import VOID, ScanEvent, batch_of
from waypost.store.fold import key_scans
from waypost.store.memory import MemoryIndex, MemoryLog
from waypost.store.words import Vocabulary
from waypost.track.fold import (
    CORRECTED,
    NEVER_FIRST,
    NEVER_LAST,
    NEW_FIRST,
    NEW_FLAG,
    NEW_LAST,
    NEW_MILESTONE,
    NEW_PARCEL,
    NEW_STATUS,
    NEWS,
    UNKNOWN_CODE,
    StatusFold,
)
from waypost.track.statuses import MILESTONES, UNKNOWN, get_status
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


def happened(minute: int, code: str, facility: str | None = None, flags: int = 0) -> ScanEvent:
    at = Instant(NOON + minute * 60_000, 480, OffsetSource.CARRIER)
    return ScanEvent(carrier="yto", number="YT1", code=code, at=at, facility=facility, time_flags=TimeFlag(flags))


def fold(events: list[ScanEvent], words: Vocabulary) -> np.ndarray:
    return FOLD.fold(key_scans(batch_of(events), np.zeros(len(events), np.int64), words))


@given(same_parcel, st.randoms())
def test_order_and_duplicates_do_not_matter(events: list[ScanEvent], rng: random.Random) -> None:
    words = Vocabulary()
    state = fold(events, words)
    shuffled = [*events, *rng.choices(events, k=5)]
    rng.shuffle(shuffled)
    assert fold(shuffled, words) == state


@given(same_parcel, st.randoms())
def test_any_split_merged_in_any_way_gives_the_same(events: list[ScanEvent], rng: random.Random) -> None:
    words = Vocabulary()
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
    words = Vocabulary()
    a, b, c = fold(first, words), fold(second, words), fold(third, words)
    assert FOLD.merge(a, b) == FOLD.merge(b, a)
    assert FOLD.merge(a, FOLD.merge(b, c)) == FOLD.merge(FOLD.merge(a, b), c)
    assert FOLD.merge(a, a) == a


@given(same_parcel, same_parcel)
def test_to_fold_onto_a_state_is_to_fold_and_merge(first: list[ScanEvent], second: list[ScanEvent]) -> None:
    words = Vocabulary()
    a, b = fold(first, words), fold(second, words)
    kept = a.copy()
    keyed = key_scans(batch_of(second), np.zeros(len(second), np.int64), words)
    assert FOLD.fold(keyed, a) == FOLD.merge(a, b) == fold(first + second, words)
    assert a == kept


@given(same_parcel)
def test_the_state_of_no_scans_changes_nothing(events: list[ScanEvent]) -> None:
    words = Vocabulary()
    state, blank = fold(events, words), FOLD.blank(1)
    assert FOLD.merge(blank, state) == FOLD.merge(state, blank) == state
    keyed = key_scans(batch_of(events), np.zeros(len(events), np.int64), words)
    assert FOLD.fold(keyed, blank) == state
    assert len(FOLD.blank(0)) == 0


def test_each_group_is_folded_onto_its_own_state() -> None:
    words = Vocabulary()
    onto = np.concatenate([fold([happened(minute, "GOT")], words) for minute in (1, 2, 3, 4)])
    events = [happened(9, "SIGNED"), happened(7, "ARRIVAL"), happened(8, "DEPARTURE")]
    states = FOLD.fold(key_scans(batch_of(events), np.array([2, 0, 0]), words), onto)
    assert [get_status(int(number)).code for number in states["status"]] == [
        "departed_from_hub",
        "picked_up",
        "delivered",
        "picked_up",
    ]
    assert ((states["first_at"] - NOON) // 60_000).tolist() == [1, 2, 3, 4]
    assert (states[[1, 3]] == onto[[1, 3]]).all()


def test_a_state_is_laid_out_as_an_index_may_keep_it() -> None:
    assert FOLD.dtype.itemsize % 8 == 0
    assert all(kind[1][0] in "<|" for kind in FOLD.dtype.descr + FOLD.news.descr)
    assert set(FOLD.words) < set(FOLD.dtype.names or ())


@given(same_parcel)
def test_a_state_does_not_depend_on_the_numbers_of_words(events: list[ScanEvent]) -> None:
    early, late = Vocabulary(), Vocabulary()
    for text in ("BJ", "SIGNED", "x", "SH", "GOT", "yto"):
        for column in ("carrier", "code", "facility"):
            late.of(column).id_of(text)
    one, other = fold(events, early)[0], fold(events, late)[0]
    for field in ("first_at", "last_at", "status", "status_at", "milestones", "flags", "offset_min", "_last_digest"):
        assert one[field] == other[field]
    assert early.facility.text(one["facility"]) == late.facility.text(other["facility"])
    assert early.code.text(one["code"]) == late.code.text(other["code"])


@given(same_parcel)
def test_each_field_is_what_it_says(events: list[ScanEvent]) -> None:
    """Against the definition, in plain Python over single scans."""
    words = Vocabulary()
    state = fold(events, words)[0]
    means = [(event, get_status(bundled_tables().find_status("yto", event.code))) for event in events]
    assert state["first_at"] == min(event.at.at_ms for event in events)
    assert state["last_at"] == max(event.at.at_ms for event in events)
    newest = {
        (event.code, event.facility, event.at.offset_min) for event in events if event.at.at_ms == state["last_at"]
    }
    told = words.code.text(state["code"]), words.facility.text(state["facility"]), state["offset_min"]
    assert told in newest
    said = [(event, status if status.phase >= 0 else get_status("unknown")) for event, status in means]
    best = max(said, key=lambda pair: (pair[1].phase, pair[0].at.at_ms, pair[1].precedence))
    assert (state["status"], state["status_at"]) == (best[1].number, best[0].at.at_ms)
    reached = {status.milestone for _, status in means if status.milestone}
    assert {name for bit, name in enumerate(MILESTONES) if state["milestones"] >> bit & 1} == reached
    assert bool(state["flags"] & UNKNOWN_CODE) == any(event.code == "WHO_KNOWS" for event in events)
    assert state["flags"] & 0xFF == np.bitwise_or.reduce([int(event.time_flags) for event in events])


@given(lists_of_scans, st.randoms())
@settings(max_examples=examples(40))
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


def _index(frames: list[list[ScanEvent]]) -> Any:
    log = MemoryLog()
    index = MemoryIndex(log, FOLD)
    for frame in frames:
        log.append(batch_of(frame))
    assert index.catch_up(log.position(), 0)
    return index.states(["YT1", "YT2", "YT3"]).to_pylist()


def test_a_stray_scan_after_delivery_does_not_bring_the_parcel_back() -> None:
    words = Vocabulary()
    state = fold([happened(1, "GOT"), happened(9, "SIGNED"), happened(12, "ARRIVAL")], words)[0]
    assert get_status(int(state["status"])).code == "delivered"
    assert state["status_at"] == NOON + 9 * 60_000
    assert state["last_at"] == NOON + 12 * 60_000
    back = fold([happened(1, "GOT"), happened(9, "SIGNED"), happened(12, "TMS_RETURN")], words)[0]
    assert get_status(int(back["status"])).code == "return_initiated"


def test_a_void_alone_leaves_only_its_flag() -> None:
    void = ScanEvent(
        carrier="yto", number="YT1", code=VOID, at=Instant(NOON, 480, OffsetSource.CARRIER), corrects="0" * 16
    )
    state = fold([void], Vocabulary())[0]
    assert state["flags"] == CORRECTED
    assert (state["status"], state["milestones"], state["first_at"]) == (0, 0, NEVER_FIRST)
    assert FOLD.needs_timeline(np.array([state])).all()


def test_no_scans_fold_to_no_states() -> None:
    empty = batch_of([]).slice(0, 0)
    states = FOLD.fold(key_scans(empty, np.zeros(0, np.int64), Vocabulary()))
    assert len(states) == 0
    assert pa.array(states["first_at"]).to_pylist() == []


# News


def tell(before: list[ScanEvent], more: list[ScanEvent]) -> Any:
    """What is told of a parcel that had some scans when more come."""
    words = Vocabulary()
    was, now = fold(before, words), fold(before + more, words)
    return FOLD.tell(was, now, np.array([False]))[0]


WITHDRAWAL = ScanEvent(
    carrier="yto", number="YT1", code=VOID, at=Instant(NOON, 480, OffsetSource.CARRIER), corrects="0" * 16
)


@pytest.mark.parametrize(
    ("before", "more", "told"),
    [
        pytest.param(
            [happened(1, "DEPARTURE"), happened(3, "ARRIVAL"), happened(9, "WHO_KNOWS")],
            happened(5, "DEPARTURE"),
            NEW_STATUS,
            id="a late scan says how it stands, behind a code that nobody knows",
        ),
        pytest.param([happened(3, "ARRIVAL")], happened(5, "ARRIVAL"), NEW_LAST, id="later, and nothing else"),
        pytest.param(
            [happened(1, "ARRIVAL"), happened(3, "DEPARTURE")],
            happened(2, "GOT"),
            NEW_MILESTONE,
            id="a late scan fills in a step",
        ),
        pytest.param(
            [happened(1, "ARRIVAL"), happened(5, "ARRIVAL")],
            happened(3, "ARRIVAL", flags=TimeFlag.REPEATED_HOUR),
            NEW_FLAG,
            id="a doubtful stamp in between",
        ),
        pytest.param(
            [happened(1, "ARRIVAL"), happened(5, "ARRIVAL")],
            happened(3, "WHO_KNOWS"),
            NEW_FLAG,
            id="a code that nobody knows in between",
        ),
        pytest.param([happened(1, "GOT")], WITHDRAWAL, NEW_FLAG, id="a withdrawal"),
        pytest.param([happened(5, "GOT"), happened(9, "ARRIVAL")], happened(1, "GOT"), NEW_FIRST, id="earlier"),
        pytest.param(
            [happened(5, "GOT")], happened(9, "SIGNED"), NEW_STATUS | NEW_LAST | NEW_MILESTONE, id="a step forward"
        ),
        pytest.param(
            [happened(5, "SIGNED")], happened(9, "ARRIVAL"), NEW_LAST | NEW_MILESTONE, id="a stray scan afterwards"
        ),
        pytest.param(
            [happened(5, "WHO_KNOWS")], happened(1, "GOT"), NEW_STATUS | NEW_MILESTONE | NEW_FIRST, id="known at last"
        ),
        pytest.param(
            [WITHDRAWAL],
            happened(1, "GOT", flags=1),
            NEW_STATUS | NEW_LAST | NEW_MILESTONE | NEW_FLAG | NEW_FIRST,
            id="all but a new parcel",
        ),
        pytest.param([happened(5, "GOT"), happened(9, "GOT")], happened(7, "GOT"), 0, id="in between, nothing moves"),
        pytest.param([happened(5, "GOT", "HZ")], happened(5, "GOT", "HZ"), 0, id="the same again"),
        pytest.param([WITHDRAWAL], WITHDRAWAL, 0, id="withdrawn already"),
    ],
)
def test_each_bit_tells_of_what_moved(before: list[ScanEvent], more: ScanEvent, told: int) -> None:
    news = tell(before, [more])
    assert news["told"] == told
    assert news["before_status"] == fold(before, Vocabulary())[0]["status"]
    assert news["status"] == fold([*before, more], Vocabulary())[0]["status"]


def test_within_one_instant_the_last_scan_is_new_only_where_it_wins_the_tie() -> None:
    one, other = happened(5, "GOT", "HZ"), happened(5, "GOT", "SH")
    assert sorted([tell([one], [other])["told"], tell([other], [one])["told"]]) == [0, NEW_LAST]


@given(same_parcel, same_parcel)
def test_a_bit_is_set_where_and_only_where_its_fields_moved(first: list[ScanEvent], more: list[ScanEvent]) -> None:
    words = Vocabulary()
    was, now = fold(first, words)[0], fold(first + more, words)[0]
    fields_of = {
        NEW_STATUS: ["status"],
        NEW_LAST: ["last_at", "facility", "code", "offset_min"],
        NEW_MILESTONE: ["milestones"],
        NEW_FLAG: ["flags"],
        NEW_FIRST: ["first_at"],
    }
    moved = {bit for bit, fields in fields_of.items() if any(was[field] != now[field] for field in fields)}
    news = FOLD.tell(np.array([was]), np.array([now]), np.array([False]))[0]
    assert (news["told"], news["status"], news["before_status"]) == (sum(moved), now["status"], was["status"])
    assert FOLD.tell(np.array([now]), np.array([now]), np.array([False]))["told"] == 0


@given(same_parcel, same_parcel)
def test_a_new_parcel_is_told_as_new_and_nothing_of_what_was_before(
    events: list[ScanEvent], strangers: list[ScanEvent]
) -> None:
    """Whatever stands in the place of what was before: nothing, or a state of another parcel, or its own."""
    words = Vocabulary()
    state = fold(events, words)
    before = np.concatenate([FOLD.blank(1), np.zeros(1, FOLD.dtype), fold(strangers, words), state])
    news = FOLD.tell(before, np.repeat(state, 4), np.ones(4, np.bool_))
    now = state[0]
    bare = (now["status"], UNKNOWN, NEW_PARCEL, now["facility"], 0, now["last_at"], NEVER_LAST)
    assert news.tolist() == [bare] * 4


def test_a_new_parcel_of_which_nothing_is_known_is_told_too() -> None:
    states = np.concatenate([fold([WITHDRAWAL], Vocabulary()), fold([happened(1, "WHO_KNOWS")], Vocabulary())])
    news = FOLD.tell(FOLD.blank(2), states, np.ones(2, np.bool_))
    assert news[["status", "before_status", "told"]].tolist() == [(UNKNOWN, UNKNOWN, NEW_PARCEL)] * 2


@given(st.lists(st.tuples(same_parcel, same_parcel, st.booleans()), min_size=1, max_size=6))
@settings(max_examples=examples(30))
def test_parcels_are_told_one_by_one(parcels: list[tuple[list[ScanEvent], list[ScanEvent], bool]]) -> None:
    words = Vocabulary()
    before = np.concatenate([fold(first, words) for first, _, _ in parcels])
    after = np.concatenate([fold(first + more, words) for first, more, _ in parcels])
    is_new = np.array([new for _, _, new in parcels])
    kept = before.copy(), after.copy(), is_new.copy()
    news = FOLD.tell(before, after, is_new)
    assert news.dtype == FOLD.news
    alone = [
        FOLD.tell(before[row : row + 1], after[row : row + 1], is_new[row : row + 1])[0] for row in range(len(news))
    ]
    assert news.tolist() == [row.tolist() for row in alone]
    for given_one, kept_one in zip((before, after, is_new), kept, strict=True):
        assert (given_one == kept_one).all()


def test_of_no_parcels_nothing_is_told() -> None:
    news = FOLD.tell(FOLD.blank(0), FOLD.blank(0), np.zeros(0, np.bool_))
    assert (len(news), news.dtype) == (0, NEWS)


def test_the_record_of_news_stays() -> None:
    """Files on disk hold it, and readers of changes go by its bits."""
    assert NEWS.descr == [
        ("status", "|u1"),
        ("before_status", "|u1"),
        ("told", "|u1"),
        ("now_facility", "<i4"),
        ("before_facility", "<i4"),
        ("now_ms", "<i8"),
        ("before_ms", "<i8"),
    ]
    assert [kind.descr for kind in FOLD.earlier_news] == [NEWS.descr[:3]]
    assert (NEW_PARCEL, NEW_STATUS, NEW_LAST, NEW_MILESTONE, NEW_FLAG, NEW_FIRST) == (1, 2, 4, 8, 16, 32)
