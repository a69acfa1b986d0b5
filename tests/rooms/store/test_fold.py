"""Scans as numbers for a fold, and states and news as columns for those who ask."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.instants import Instant, OffsetSource, TimeFlag
from waypost.model.scans import SCAN_SCHEMA, ScanEvent, batch_of, events_of
from waypost.store.fold import KeyedScans, change_table, key_scans, state_table
from waypost.store.words import Vocabulary

RECORD = np.dtype([("facility", "<i4"), ("code", "<i4"), ("scans_at", "<i8"), ("_spare", "u1")])
NEWS = np.dtype([("scans_at", "<i8"), ("told", "u1")])


class CountingFold:
    """As little as a fold can be."""

    version = "1"
    dtype: np.dtype[np.void] = RECORD
    news: np.dtype[np.void] = NEWS
    earlier_news: tuple[np.dtype[np.void], ...] = ()
    words = ("facility", "code")
    news_words: Mapping[str, str] = MappingProxyType({})

    def blank(self, count: int) -> np.ndarray:
        raise NotImplementedError

    def fold(self, scans: KeyedScans, onto: np.ndarray | None = None) -> np.ndarray:
        raise NotImplementedError

    def merge(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def needs_timeline(self, states: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def tell(self, before: np.ndarray, after: np.ndarray, is_new: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def tell(positions: np.ndarray, scans: pa.Table, news: np.ndarray) -> pa.Table:
    return change_table(positions, scans, news, CountingFold(), Vocabulary())


def vocabulary(*, carriers: str = "", codes: str = "", facilities: str = "") -> Vocabulary:
    """Words that came in this order."""
    words = Vocabulary()
    for column, texts in (("carrier", carriers), ("code", codes), ("facility", facilities)):
        for text in texts.split():
            words.of(column).id_of(text)
    return words


def scan(place: int, facility: str | None) -> ScanEvent:
    return ScanEvent(
        carrier="sf" if place % 3 else "yto",
        number="A",
        code=f"c{place % 2}",
        at=Instant(place, place % 3, OffsetSource.REPORTED),
        facility=facility,
        corrects="0" * 16 if place % 5 == 0 else None,
        time_flags=TimeFlag(place % 4),
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, "H1", "c0"])), min_size=1, max_size=20))
def test_rows_of_a_key_come_side_by_side_in_their_order(rows: list[tuple[int, str | None]]) -> None:
    words, group = Vocabulary(), np.array([key for key, _ in rows], np.int64)
    events = [scan(place, facility) for place, (_, facility) in enumerate(rows)]
    keyed = key_scans(batch_of(events), group, words)
    order = sorted(range(len(rows)), key=lambda row: rows[row][0])
    assert keyed.group.tolist() == [rows[row][0] for row in order]
    assert keyed.at_ms.tolist() == order
    assert keyed.offset_min.tolist() == [row % 3 for row in order]
    assert keyed.time_flags.tolist() == [row % 4 for row in order]
    assert keyed.corrects.tolist() == [row % 5 == 0 for row in order]
    assert [words.facility.text(number) for number in keyed.facility] == [rows[row][1] for row in order]
    assert [words.code.text(number) for number in keyed.code] == [f"c{row % 2}" for row in order]
    assert [words.carrier.text(number) for number in keyed.carrier] == ["sf" if row % 3 else "yto" for row in order]
    assert keyed.words is words
    assert len(words.carrier) <= 2
    alone = [int(key_scans(batch_of([events[row]]), np.zeros(1, np.int64), words).digest[0]) for row in order]
    assert keyed.digest.tolist() == alone


def test_columns_are_of_the_types_that_compiled_folds_are_told() -> None:
    keyed = key_scans(batch_of([scan(0, "H1")]), np.zeros(1, np.int64), Vocabulary())
    assert {name: getattr(keyed, name).dtype.name for name in keyed.__struct_fields__ if name != "words"} == {
        "group": "int64",
        "at_ms": "int64",
        "offset_min": "int16",
        "time_flags": "uint8",
        "carrier": "int32",
        "code": "int32",
        "facility": "int32",
        "corrects": "bool",
        "digest": "uint64",
    }


def digest_of(words: Vocabulary, **fields: Any) -> int:
    plain: dict[str, Any] = {"carrier": "sf", "number": "A", "code": "x", "at": Instant(0, 0, OffsetSource.REPORTED)}
    return int(key_scans(batch_of([ScanEvent(**(plain | fields))]), np.zeros(1, np.int64), words).digest[0])


def test_digests_tell_apart_what_instants_do_not() -> None:
    early = Vocabulary()
    late = vocabulary(carriers="yto sf", codes="z y H1", facilities="z x y H1")
    variants: list[dict[str, Any]] = [
        {},
        {"code": "y"},
        {"facility": "H1"},
        {"facility": "x"},
        {"code": "H1", "facility": "x"},
        {"code": "H1", "facility": "H1"},
        {"at": Instant(0, 1, OffsetSource.REPORTED)},
        {"at": Instant(0, -1, OffsetSource.REPORTED)},
    ]
    digests = [digest_of(early, **fields) for fields in variants]
    assert len(set(digests)) == len(variants)
    assert [digest_of(late, **fields) for fields in variants] == digests
    alike: dict[str, Any] = {
        "note": "n",
        "recorded_at_ms": 1,
        "time_flags": TimeFlag(1),
        "number": "B",
        "carrier": "yto",
    }
    assert digest_of(early, **alike) == digests[0]


def test_digests_are_the_same_in_every_process() -> None:
    """They decide ties: with others, equal scans would fold into another state."""
    fields: dict[str, Any] = {"code": "GOT", "facility": "杭州中心", "at": Instant(0, 480, OffsetSource.REPORTED)}
    assert digest_of(Vocabulary(), **fields) == 17_629_194_174_450_402_540


@given(st.permutations(range(12)))
def test_digests_do_not_depend_on_the_order_in_which_scans_come(order: list[int]) -> None:
    events = [scan(place, f"H{place % 5}") for place in range(12)]
    group = np.zeros(12, np.int64)
    digests = key_scans(batch_of(events), group, Vocabulary()).digest
    shuffled = key_scans(batch_of([events[place] for place in order]), group, Vocabulary()).digest
    assert shuffled.tolist() == digests[order].tolist()


def test_states_become_columns_each_with_its_own_words() -> None:
    words = vocabulary(codes="X H1", facilities="H1 H2")
    states = np.array([(1, 2, 5, 9), (0, 0, 6, 9), (2, 1, 7, 9)], RECORD)
    carriers, counts = pa.array(["sf", "yto", "sf"]), np.array([2, 3, 1 << 40], np.int64)
    for each in (carriers, carriers.dictionary_encode()):
        table = state_table(each, pa.array(["A", "B", "C"]), counts, states, CountingFold(), words)
        assert table.to_pylist() == [
            {"carrier": "sf", "number": "A", "scans": 2, "facility": "H1", "code": "H1", "scans_at": 5},
            {"carrier": "yto", "number": "B", "scans": 3, "facility": None, "code": None, "scans_at": 6},
            {"carrier": "sf", "number": "C", "scans": 1 << 40, "facility": "H2", "code": "X", "scans_at": 7},
        ]
        assert table.field("carrier").type == table.field("number").type == pa.string()
        assert table.field("scans").type == table.field("scans_at").type == pa.int64()
        assert table.field("facility").type == table.field("code").type == pa.dictionary(pa.int32(), pa.string())


def test_tables_of_nothing_have_their_columns_too() -> None:
    """Engines join what several places answer: the types must not follow from the rows."""
    nothing, counts = pa.array([], pa.string()), np.zeros(0, np.int64)
    states = state_table(nothing, nothing, counts, np.zeros(0, RECORD), CountingFold(), Vocabulary())
    one = np.array([(1, 1, 5, 9)], RECORD)
    words = vocabulary(codes="X", facilities="H1")
    some = state_table(pa.array(["sf"]), pa.array(["A"]), np.ones(1, np.int64), one, CountingFold(), words)
    assert states.schema == some.schema
    assert pa.concat_tables([states, some]).num_rows == 1
    changes = tell(np.zeros(0, np.int64), SCAN_SCHEMA.empty_table(), np.zeros(0, NEWS))
    scans = pa.Table.from_batches([batch_of([scan(1, "H1")])])
    assert changes.schema == tell(np.array([4]), scans, np.array([(5, 1)], NEWS)).schema


def test_changes_are_the_scans_at_their_positions_and_the_news() -> None:
    events = [scan(1, "H1"), scan(2, None), scan(5, "H2")]
    scans = pa.Table.from_batches([batch_of(events)])
    news = np.array([(7, 1), (1, 255), (-1, 4)], NEWS)
    table = tell(np.array([4, 9, 1 << 40]), scans, news)
    assert table.column_names == ["position", *SCAN_SCHEMA.names, "scans_at", "told"]
    assert table.column("position").to_pylist() == [4, 9, 1 << 40]
    assert events_of(table) == events
    assert table.select(["scans_at", "told"]).to_pylist() == [
        {"scans_at": 7, "told": 1},
        {"scans_at": 1, "told": 255},
        {"scans_at": -1, "told": 4},
    ]


def test_as_many_scans_as_positions_and_news() -> None:
    scans = pa.Table.from_batches([batch_of([scan(1, "H1"), scan(2, "H1")])])
    with pytest.raises(pa.ArrowInvalid, match="expected length"):
        tell(np.array([4, 9]), scans, np.zeros(1, NEWS))
    with pytest.raises(pa.ArrowInvalid, match="expected length"):
        tell(np.array([4]), scans, np.zeros(2, NEWS))


class PlacingFold(CountingFold):
    """Tells a word."""

    news = np.dtype([("told", "u1"), ("was_at", "<i4")])
    news_words = MappingProxyType({"was_at": "facility"})


def test_words_of_news_are_told_as_text() -> None:
    scans = pa.Table.from_batches([batch_of([scan(1, "H1"), scan(2, None), scan(5, "H2")])])
    news = np.array([(1, 2), (1, 0), (1, 1)], PlacingFold.news)
    table = change_table(np.arange(3), scans, news, PlacingFold(), vocabulary(facilities="HX HY"))
    assert table.column("was_at").to_pylist() == ["HY", None, "HX"]
    assert table.column("facility").to_pylist() == ["H1", None, "H2"]
