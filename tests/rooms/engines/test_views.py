"""Views: scans that became entries come back as they were, and mean to a fold what they meant before."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waypost.engines.local.entries import arrange, entries_of, join
from waypost.engines.local.slots import parcels_of
from waypost.engines.local.views import digests_of, instants_of, keyed, numbers_of, scans_of
from waypost.model.errors import BadInput
from waypost.model.instants import EARLIEST_MS, LATEST_MS, MAX_OFFSET_MIN, MIN_OFFSET_MIN, QUARTER_MIN
from waypost.model.scans import SCAN_SCHEMA, check_batch, empty_batch
from waypost.store.fold import KeyedScans, key_scans
from waypost.store.words import OTHER, Vocabulary

SEED = bytes(range(16))
NOON = 1_795_262_400_000  # 2026-11-21T12:00:00Z

Row = dict[str, Any]

SCAN: Row = {
    "carrier": "sf",
    "number": "A",
    "code": "a",
    "at": LATEST_MS,
    "offset_min": 480,
    "offset_source": 2,
    "time_flags": 255,
    "facility": None,
    "note": None,
    "corrects": None,
    "recorded_at": LATEST_MS,
}

anything = st.text(st.characters(codec="utf-8"), max_size=8)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
instants = (
    st.sampled_from([EARLIEST_MS, EARLIEST_MS + 1, NOON, NOON + 1, NOON + 65_536, LATEST_MS - 1, LATEST_MS])
    | st.integers(EARLIEST_MS, LATEST_MS)
    | st.integers(EARLIEST_MS // 1000, LATEST_MS // 1000).map(lambda second: second * 1000)
)

#: Scans of few parcels, so that duplicates are likely; everything else as far as it may go.
rows = st.fixed_dictionaries(
    {
        "carrier": st.sampled_from(["sf", "yto"]),
        "number": st.sampled_from(["A", "B", "", "杭州"]) | texts,
        "code": st.sampled_from(["a", "b"]) | texts,
        "at": instants,
        "offset_min": st.integers(MIN_OFFSET_MIN // QUARTER_MIN, MAX_OFFSET_MIN // QUARTER_MIN).map(
            QUARTER_MIN.__mul__
        ),
        "offset_source": st.integers(0, 15),
        "time_flags": st.integers(0, 255),
        "facility": st.none() | st.sampled_from(["", "755A"]) | texts,
        "note": st.none() | anything,
        "corrects": st.none()
        | st.sampled_from(["0" * 16, "f" * 16])
        | st.binary(min_size=8, max_size=8).map(bytes.hex),
        "recorded_at": st.none() | instants.filter(EARLIEST_MS.__ne__),
    }
)
few = st.fixed_dictionaries(
    {
        "carrier": st.sampled_from(["sf", "yto"]),
        "number": st.sampled_from(["A", "B", "C"]),
        "code": st.sampled_from(["a", "b"]),
        "at": st.sampled_from([NOON, NOON + 1, NOON + 65_536]),
        "offset_min": st.sampled_from([480, 540]),
        "offset_source": st.integers(0, 2),
        "time_flags": st.integers(0, 15),
        "facility": st.sampled_from([None, "", "755A"]),
        "note": st.sampled_from([None, "", "已签收"]),
        "corrects": st.sampled_from([None, None, "0" * 16, "00000000000000ff", "ff" + "0" * 14]),
        "recorded_at": st.sampled_from([None, NOON]),
    }
)


def batch_of(scans: list[Row]) -> pa.RecordBatch:
    columns = [pa.array([scan[field.name] for scan in scans], field.type) for field in SCAN_SCHEMA]
    return pa.record_batch(columns, schema=SCAN_SCHEMA)


@st.composite
def batches(draw: st.DrawFn, scans: st.SearchStrategy[Row] = rows, most: int = 8) -> pa.RecordBatch:
    """A part of a batch, whose dictionaries have their words in any order, and some that no scan uses."""
    before, inside, behind = (draw(st.lists(scans, max_size=size)) for size in (2, most, 2))
    batch = batch_of(before + inside + behind)
    for place, field in enumerate(SCAN_SCHEMA):
        if pa.types.is_dictionary(field.type):
            told = batch.column(place).to_pylist()
            words = draw(st.permutations([*dict.fromkeys(text for text in told if text is not None), "unused", "a"]))
            where = pa.array([None if text is None else words.index(text) for text in told], pa.int32())
            column = pa.DictionaryArray.from_arrays(where, pa.array(words, pa.string()))
            batch = batch.set_column(place, field, column)
    return batch.slice(len(before), len(inside))


def rows_of(scans: pa.RecordBatch | pa.Table) -> list[Row]:
    """Scans as plain rows, instants as milliseconds."""
    columns = []
    for column in scans.columns:
        whole = pa.chunked_array(column) if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
        columns.append(whole.cast(pa.int64()) if pa.types.is_timestamp(whole.type) else whole)
    return [
        dict(zip(SCAN_SCHEMA.names, row, strict=True)) for row in zip(*(c.to_pylist() for c in columns), strict=True)
    ]


# Scans and back


@given(batches(), st.binary(min_size=16, max_size=16))
@example(empty_batch(), SEED)
def test_scans_come_back_as_they_were(scans: pa.RecordBatch, seed: bytes) -> None:
    check_batch(scans)
    words = Vocabulary()
    entries = entries_of([scans], words, seed)
    told = scans_of(entries, words)
    told.validate(full=True)
    assert told.schema.equals(SCAN_SCHEMA)
    assert rows_of(told) == rows_of(scans)
    assert numbers_of(entries).to_pylist() == scans.column("number").to_pylist()
    assert instants_of(entries.words).tolist() == scans.column("at").cast(pa.int64()).to_pylist()
    for batch in told.to_batches():
        check_batch(batch)
    numbers = pa.field("number", pa.dictionary(pa.int32(), pa.string()), nullable=False)
    schema = SCAN_SCHEMA.set(SCAN_SCHEMA.get_field_index("number"), numbers)
    encoded = scans_of(entries, words, schema)
    encoded.validate(full=True)
    assert encoded.schema.equals(schema)
    assert rows_of(encoded) == rows_of(scans)


@given(st.lists(batches(most=5), min_size=1, max_size=3))
def test_scans_of_several_batches_come_back_by_one_vocabulary(parts: list[pa.RecordBatch]) -> None:
    words = Vocabulary()
    joined = join([entries_of([part], words, SEED) for part in parts])
    assert rows_of(scans_of(joined, words)) == [row for part in parts for row in rows_of(part)]


@given(batches())
def test_scans_in_order_are_the_same_scans(scans: pa.RecordBatch) -> None:
    words = Vocabulary()
    entries, came = arrange(entries_of([scans], words, SEED))
    before = rows_of(scans)
    assert rows_of(scans_of(entries, words)) == [before[place] for place in came]


def test_every_offset_comes_back() -> None:
    told = [SCAN | {"offset_min": each} for each in range(MIN_OFFSET_MIN, MAX_OFFSET_MIN + 1, QUARTER_MIN)]
    words = Vocabulary()
    assert rows_of(scans_of(entries_of([batch_of(told)], words, SEED), words)) == told


def full_but_for(count: int, columns: Sequence[str]) -> Vocabulary:
    """A vocabulary with room for so many words more in some columns."""
    words = Vocabulary()
    for column in columns:
        for number in range(words.MOST[column] - count):
            words.of(column).id_of(str(number))
    return words


def test_as_many_words_as_there_may_be_come_back() -> None:
    """Sixteen bits of an entry are for a carrier, and as many for a code."""
    words = full_but_for(2, ["carrier", "code"])
    told = [SCAN | {"carrier": name, "code": name} for name in ("0", "last but one", "last", "65000")]
    entries = entries_of([batch_of(told)], words, SEED)
    assert rows_of(scans_of(entries, words)) == told
    found = keyed(entries, np.arange(4, dtype=np.int32), words)
    most = words.MOST["code"]
    assert found.carrier.tolist() == found.code.tolist() == [1, most - 1, most, 65_001]


@pytest.mark.parametrize("column", ["carrier", "code"])
def test_a_word_too_many_is_told_as_another_and_spoils_nothing_else(column: str) -> None:
    words = full_but_for(1, [column])
    told = [SCAN | {column: name} for name in ("last", "one too many", "0", "two too many")]
    others = [SCAN | {column: name} for name in ("last", OTHER, "0", OTHER)]
    assert rows_of(scans_of(entries_of([batch_of(told)], words, SEED), words)) == others


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"recorded_at": EARLIEST_MS}, id="recorded at the earliest instant"),
        pytest.param({"corrects": "00000000000000AB"}, id="no scan id: capitals"),
        pytest.param({"corrects": "ab", "note": "已签收"}, id="no scan id: too short"),
        pytest.param({"corrects": "0" * 18, "note": "已签收"}, id="no scan id: too long"),
        pytest.param({"corrects": "that one"}, id="no scan id: no digits"),
        pytest.param({"offset_source": 16}, id="more than four bits of a source"),
        pytest.param({"note": "a\0b\n"}, id="a NUL in a note"),
    ],
)
def test_what_a_log_takes_comes_back(change: Row) -> None:
    scans = batch_of([SCAN | change])
    try:
        check_batch(scans)
    except BadInput:
        return
    words = Vocabulary()
    assert rows_of(scans_of(entries_of([scans], words, SEED), words)) == rows_of(scans)


# What a fold takes


def told_by(scans: KeyedScans) -> dict[str, tuple[np.dtype[Any], list[Any]]]:
    columns = {name: getattr(scans, name) for name in scans.__struct_fields__ if name != "words"}
    return {name: (column.dtype, column.tolist()) for name, column in columns.items()}


@given(batches())
@example(empty_batch())
def test_a_fold_is_given_what_it_is_given_of_the_scans(scans: pa.RecordBatch) -> None:
    words = Vocabulary()
    entries, came = arrange(entries_of([scans], words, SEED))
    _, parcel_of = parcels_of(entries.words)
    found = keyed(entries, parcel_of, words)
    assert told_by(found) == told_by(key_scans(scans.take(pa.array(came)), parcel_of.astype(np.int64), words))
    assert found.words is words


@given(batches())
def test_digests_depend_on_no_vocabulary(scans: pa.RecordBatch) -> None:
    """States are compared with those that others folded, whose words have other numbers."""
    words, others = Vocabulary(), Vocabulary()
    for text in ("z", "b", "755A", "a"):
        others.code.id_of(text), others.facility.id_of(text)
    entries = entries_of([scans], words, SEED)
    mine = keyed(entries, np.arange(len(entries), dtype=np.int32), words)
    theirs = key_scans(scans, np.arange(len(entries)), others)
    assert mine.digest.tolist() == theirs.digest.tolist()
    assert digests_of(mine.code, mine.facility, mine.offset_min, words).tolist() == theirs.digest.tolist()
