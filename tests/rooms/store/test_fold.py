"""Scans as numbers for a fold, and states as columns for those who ask."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.instants import Instant, OffsetSource, TimeFlag
from waypost.model.scans import ScanEvent, batch_of
from waypost.store.fold import KeyedScans, change_table, key_scans, state_table
from waypost.store.words import Words

RECORD = np.dtype([("facility", "<i4"), ("scans_at", "<i8"), ("_spare", "u1")])


class CountingFold:
    """As little as a fold can be."""

    version = "1"
    dtype = RECORD
    words = ("facility",)

    def fold(self, scans: KeyedScans) -> np.ndarray:
        raise NotImplementedError

    def merge(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def needs_timeline(self, states: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def is_news(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def scan(place: int, facility: str | None) -> ScanEvent:
    return ScanEvent(
        carrier="sf",
        number="A",
        code=f"c{place % 2}",
        at=Instant(place, place % 3, OffsetSource.REPORTED),
        facility=facility,
        corrects="0" * 16 if place % 5 == 0 else None,
        time_flags=TimeFlag(place % 4),
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, "H1", "H2"])), min_size=1, max_size=20))
def test_rows_of_a_key_come_side_by_side_in_their_order(rows: list[tuple[int, str | None]]) -> None:
    words, group = Words(), np.array([key for key, _ in rows], np.int64)
    events = [scan(place, facility) for place, (_, facility) in enumerate(rows)]
    keyed = key_scans(batch_of(events), group, words)
    order = sorted(range(len(rows)), key=lambda row: rows[row][0])
    assert keyed.group.tolist() == [rows[row][0] for row in order]
    assert keyed.at_ms.tolist() == order
    assert keyed.offset_min.tolist() == [row % 3 for row in order]
    assert keyed.time_flags.tolist() == [row % 4 for row in order]
    assert keyed.corrects.tolist() == [row % 5 == 0 for row in order]
    assert [words.text(number) for number in keyed.facility] == [rows[row][1] for row in order]
    assert [words.text(number) for number in keyed.code] == [f"c{row % 2}" for row in order]


def test_digests_tell_apart_what_instants_do_not() -> None:
    def digest(words: Words, **fields: object) -> int:
        given = {"carrier": "sf", "number": "A", "code": "x", "at": Instant(0, 0, OffsetSource.REPORTED)}
        return int(key_scans(batch_of([ScanEvent(**(given | fields))]), np.zeros(1, np.int64), words).digest[0])

    early, late = Words(), Words(["z", "y", "H1"])
    variants = [
        {},
        {"code": "y"},
        {"facility": "H1"},
        {"facility": "x"},
        {"code": "H1", "facility": "x"},
        {"at": Instant(0, 1, OffsetSource.REPORTED)},
        {"at": Instant(0, -1, OffsetSource.REPORTED)},
    ]
    digests = [digest(early, **fields) for fields in variants]
    assert len(set(digests)) == len(variants)
    assert [digest(late, **fields) for fields in variants] == digests
    alike = {"note": "n", "recorded_at_ms": 1, "time_flags": TimeFlag(1), "number": "B"}
    assert digest(early, **alike) == digests[0]


def test_states_become_columns() -> None:
    words = Words(["H1"])
    states = np.array([(1, 5, 9), (0, 6, 9)], RECORD)
    table = state_table([("A", "sf"), ("B", "yto")], [2, 3], states, CountingFold(), words)
    assert table.to_pylist() == [
        {"carrier": "sf", "number": "A", "scans": 2, "facility": "H1", "scans_at": 5},
        {"carrier": "yto", "number": "B", "scans": 3, "facility": None, "scans_at": 6},
    ]
    assert table.field("facility").type == pa.dictionary(pa.int32(), pa.string())


def test_changes_become_columns_with_nothing_before_a_new_parcel() -> None:
    words = Words(["H1", "H2"])
    before, after = np.array([(1, 5, 0), (0, 0, 0)], RECORD), np.array([(2, 7, 0), (1, 1, 0)], RECORD)
    is_new = np.array([False, True])
    table = change_table([("A", "sf"), ("B", "yto")], [4, 9], is_new, before, after, CountingFold(), words)
    assert table.to_pylist() == [
        {
            "position": 4,
            "carrier": "sf",
            "number": "A",
            "facility": "H2",
            "scans_at": 7,
            "before_facility": "H1",
            "before_scans_at": 5,
        },
        {
            "position": 9,
            "carrier": "yto",
            "number": "B",
            "facility": "H1",
            "scans_at": 1,
            "before_facility": None,
            "before_scans_at": None,
        },
    ]
