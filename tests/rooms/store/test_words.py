"""Words: each text once, under a number; digests of the text alone."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.store.words import OTHER, Vocabulary, Words

SOME = ["", "a", "b", "杭州", "a\n"]
TEXTS = st.lists(st.none() | st.sampled_from(SOME), max_size=12)


def test_numbers_come_in_order_and_stay() -> None:
    words = Words(["b", "a"])
    assert [words.id_of(text) for text in ("a", "b", "c", "a")] == [2, 1, 3, 2]
    assert [words.text(number) for number in range(4)] == [None, "b", "a", "c"]
    assert len(words) == 3


def test_what_came_after_a_number_in_order() -> None:
    words = Words(["b", "", "a"])
    assert list(words.since(0)) == ["b", "", "a"]
    assert list(words.since(2)) == ["a"]
    assert list(words.since(3)) == []
    kept = len(words)
    for text in ("a", "d", "", "c"):
        words.id_of(text)
    assert list(words.since(kept)) == ["d", "c"]
    assert list(Words().since(0)) == []


@given(st.lists(st.sampled_from(SOME), max_size=12), st.integers(0, 5))
def test_words_are_made_again_from_what_was_written(texts: list[str], kept: int) -> None:
    words = Words(texts)
    kept = min(kept, len(words))
    again = Words([*list(words.since(0))[:kept], *words.since(kept)])
    assert [again.find(text) for text in SOME] == [words.find(text) for text in SOME]
    assert len(again) == len(words)


def test_to_find_a_text_gives_it_no_number() -> None:
    words = Words(["b", ""])
    assert [words.find(text) for text in ("b", "", "a", "B", "b ")] == [1, 2, 0, 0, 0]
    assert len(words) == 2
    assert words.id_of("a") == 3


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


@given(st.lists(st.integers(0, 40), max_size=80))
def test_texts_are_a_sound_column_with_nulls_wherever_none_was(numbers: list[int]) -> None:
    """The first, the last, all or none of them null, and more words than the first table of `distinct` holds."""
    words = Words(f"w{number}" for number in range(1, 41))
    column = words.texts(np.array(numbers, np.int32))
    column.validate(full=True)
    assert column.to_pylist() == [f"w{number}" if number else None for number in numbers]
    assert column.type == pa.dictionary(pa.int32(), pa.string())
    assert column.null_count == numbers.count(0)
    assert column.dictionary.to_pylist() == [f"w{number}" for number in dict.fromkeys(numbers) if number]


def test_an_empty_text_is_a_text() -> None:
    words = Words()
    numbers = words.ids(pa.array(["", None, ""]))
    assert numbers.tolist() == [1, 0, 1]
    assert words.texts(numbers).to_pylist() == ["", None, ""]


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
    assert a[0] == int.from_bytes(hashlib.blake2b(b"a", digest_size=8).digest(), "little")


@pytest.mark.parametrize("count", [1023, 1024, 1025, 5000])
def test_digests_stay_when_words_get_many(count: int) -> None:
    texts = [f"w{number}" for number in range(count)]
    words = Words(texts[:3])
    first = words.digests(np.array([1, 2, 3], np.int32)).tolist()
    for text in texts:
        words.id_of(text)
    digests = words.digests(np.arange(count + 1, dtype=np.int32)).tolist()
    assert digests[:4] == [0, *first]
    backwards = Words(reversed(texts)).digests(np.arange(count, -1, -1, dtype=np.int32)).tolist()
    assert [*backwards[-1:], *backwards[:-1]] == digests
    assert len(set(digests)) == count + 1


def test_a_number_that_no_text_has_is_an_error() -> None:
    words = Words(["a"])
    with pytest.raises(IndexError):
        words.text(2)
    with pytest.raises(IndexError):
        words.texts(np.array([1, 2], np.int32))


def test_when_there_are_too_many_all_further_ones_share_a_number() -> None:
    words = Words(["a", "b"], most=3)
    assert [words.id_of(text) for text in ("c", "d", "e", "a", "d", OTHER)] == [3, 4, 4, 1, 4, 4]
    assert [words.text(number) for number in range(5)] == [None, "a", "b", "c", OTHER]
    assert [words.find(text) for text in ("c", "d", "e", OTHER)] == [3, 0, 0, 4]
    assert (len(words), list(words.since(2))) == (4, ["c", OTHER])
    column = pa.array(["f", "a", None, "d", "f"])
    assert words.ids(column).tolist() == [4, 1, 0, 4, 4]
    assert words.texts(words.ids(column)).to_pylist() == [OTHER, "a", None, OTHER, OTHER]


def test_what_others_are_called_is_a_word_like_any_before_there_are_too_many() -> None:
    words = Words([OTHER, "a"], most=2)
    assert [words.id_of(text) for text in (OTHER, "b", "c", "a")] == [1, 1, 1, 2]
    assert len(words) == 2


@given(st.lists(st.sampled_from([*SOME, OTHER]), max_size=12), st.integers(1, 6))
def test_what_had_too_many_is_made_again_from_what_was_written(texts: list[str], most: int) -> None:
    words = Words(texts, most=most)
    again = Words(words.since(0), most=most)
    assert [again.id_of(text) for text in [*texts, "new"]] == [words.id_of(text) for text in [*texts, "new"]]
    assert list(again.since(0)) == list(words.since(0))
    assert len(words) <= most + 1


def test_the_numbers_of_words_fit_into_their_bits() -> None:
    """That of all others, the last one, too."""
    assert {column: (most + 1).bit_length() for column, most in Vocabulary.MOST.items()} == {
        "carrier": 16,
        "code": 16,
        "facility": 23,
    }


def test_a_vocabulary_says_of_which_words_it_has_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Vocabulary, "MOST", {"carrier": 2, "code": 4, "facility": 10})
    words = Vocabulary()
    assert (words.full(), words.full(0.5)) == ([], [])
    for column, text in (("carrier", "sf"), ("code", "GOT"), ("facility", "HGH"), ("code", "ARRIVAL")):
        words.of(column).id_of(text)
    assert (words.full(), words.full(0.5), words.full(0.1)) == (
        [],
        ["carrier", "code"],
        ["carrier", "code", "facility"],
    )
    assert [words.of("carrier").id_of(text) for text in ("yto", "zto", "sto")] == [2, 3, 3]
    assert words.full() == ["carrier"]
    assert [words.of("code").id_of(text) for text in "abc"] == [3, 4, 5]
    assert words.full() == ["carrier", "code"]
    assert [words.of("facility").id_of(text) for text in "abc"] == [2, 3, 4]


def test_each_column_has_words_of_its_own() -> None:
    words = Vocabulary()
    assert [words.of(column).id_of("HGH") for column in ("carrier", "code", "facility")] == [1, 1, 1]
    assert words.facility.id_of("PVG") == 2
    assert [words.of(column) for column in ("carrier", "code", "facility")] == [
        words.carrier,
        words.code,
        words.facility,
    ]
    assert [len(each) for each in (words.carrier, words.code, words.facility)] == [1, 1, 2]
    assert (words.code.find("PVG"), words.of("facility").text(2)) == (0, "PVG")


@pytest.mark.parametrize("column", ["number", "note", "corrects", "Carrier", ""])
def test_no_other_column_has_words(column: str) -> None:
    with pytest.raises(KeyError):
        Vocabulary().of(column)
