"""Words: each text once, under a number; digests of the text alone."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.store.words import Words

TEXTS = st.lists(st.none() | st.sampled_from(["", "a", "b", "杭州", "a\n"]), max_size=12)


def test_numbers_come_in_order_and_stay() -> None:
    words = Words(["b", "a"])
    assert [words.id_of(text) for text in ("a", "b", "c", "a")] == [2, 1, 3, 2]
    assert [words.text(number) for number in range(4)] == [None, "b", "a", "c"]
    assert len(words) == 3
    assert list(words.since(0)) == ["b", "a", "c"]
    assert list(words.since(2)) == ["c"]
    assert list(words.since(3)) == []


@given(TEXTS)
def test_a_column_goes_to_numbers_and_back(texts: list[str | None]) -> None:
    words = Words(["x"])
    columns = [
        pa.array(texts, pa.string()),
        pa.array(texts, pa.string()).dictionary_encode(),
        pa.chunked_array([pa.array(part, pa.string()).dictionary_encode() for part in (texts, texts[:2])]),
    ]
    for column in columns:
        numbers = words.ids(column)
        assert numbers.dtype == np.int32
        assert words.texts(numbers).to_pylist() == column.to_pylist()
        assert [number == 0 for number in numbers] == [text is None for text in column.to_pylist()]
    assert words.texts(np.zeros(0, np.int32)).type == pa.dictionary(pa.int32(), pa.string())


def test_a_slice_and_unused_words_of_a_dictionary() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([2, None, 0, 2], pa.int32()), ["a", "unused", "c"])
    words = Words()
    assert words.texts(words.ids(column.slice(1))).to_pylist() == [None, "a", "c"]


def test_digests_depend_on_the_text_alone() -> None:
    one, other = Words(["a", "b"]), Words(["z", "b", "a"])
    a, b = one.digests(np.array([1, 2, 0], np.int32)), other.digests(np.array([3, 2, 0], np.int32))
    assert a.tolist() == b.tolist()
    assert a.dtype == np.uint64
    assert len(set(a.tolist())) == 3
    assert a[2] == 0


def test_a_number_that_no_text_has_is_an_error() -> None:
    with pytest.raises(IndexError):
        Words(["a"]).text(2)
