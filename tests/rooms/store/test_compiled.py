"""What is compiled does what plain Python would do, and goes on where nothing can be kept."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from waypost.store.compiled import compiled, distinct, inlined, load_u64, store_u64, trailing_zeros

WORDS = st.integers(0, 2**64 - 1)

# Distinct numbers


def by_hand(numbers: list[int]) -> tuple[list[int], list[int]]:
    unique = list(dict.fromkeys(numbers))
    place_of = {number: place for place, number in enumerate(unique)}
    return [place_of[number] for number in numbers], unique


def found(numbers: npt.NDArray[np.int64]) -> tuple[list[int], list[int]]:
    places, unique = distinct(numbers)
    assert (places.dtype.name, unique.dtype.name) == ("int32", "int64")
    return places.tolist(), unique.tolist()


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2) | st.sampled_from([1 << 32, 7 << 40])))
def test_numbers_get_their_places_among_those_that_differ(numbers: list[int]) -> None:
    assert found(np.array(numbers, np.int64)) == by_hand(numbers)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 31, 32, 33, 64, 65, 1000, 100_000])
def test_however_many_differ(count: int) -> None:
    """Also beyond what the table holds at first; what came before it grew keeps its place, again and again."""
    rng = np.random.default_rng(count)
    unique = rng.permutation(np.arange(-count, count, 2, dtype=np.int64))
    again = rng.choice(unique, 2 * count) if count else unique
    numbers = np.concatenate([unique[: count // 2], unique[: count // 3], unique[count // 2 :], again])
    assert found(numbers) == by_hand(numbers.tolist())


@pytest.mark.parametrize("step", [1 << 16, 1 << 32, 1 << 48, 1 << 58, 0x9E3779B97F4A7C15 - (1 << 64)])
def test_numbers_that_are_alike_in_their_lower_bits(step: int) -> None:
    """As those of words are, packed in pairs: 0x9E37... turns them into one another's neighbours."""
    with np.errstate(over="ignore"):
        numbers = np.arange(-40, 40) * np.int64(step)
    assert found(np.concatenate([numbers, numbers[::-1]])) == by_hand([*numbers.tolist(), *numbers[::-1].tolist()])


def test_what_was_asked_about_is_left_as_it_was() -> None:
    numbers = np.arange(200, dtype=np.int64) % 50
    numbers.flags.writeable = False
    every_other = numbers[::2]
    assert found(every_other) == by_hand(every_other.tolist())
    places, unique = distinct(numbers)
    places[:], unique[:] = 0, 0
    assert found(numbers) == by_hand(numbers.tolist())


# Eight bytes at a time. Not `compiled`: machine code that was kept would not notice that what it is made of changed.
_load: Any = njit(lambda data, place: load_u64(data, place))
_store: Any = njit(lambda data, place, word: store_u64(data, place, word))
_zeros: Any = njit(lambda word: trailing_zeros(word))


@given(st.binary(min_size=8, max_size=40), st.data())
def test_eight_bytes_are_loaded_from_any_place(data: bytes, drawn: st.DataObject) -> None:
    place = drawn.draw(st.integers(0, len(data) - 8))
    assert int(_load(np.frombuffer(data, np.uint8), place)) == int.from_bytes(data[place : place + 8], "little")


@given(st.binary(min_size=8, max_size=40), WORDS, st.data())
def test_eight_bytes_are_stored_at_any_place_and_no_other_is_touched(
    data: bytes, word: int, drawn: st.DataObject
) -> None:
    place = drawn.draw(st.integers(0, len(data) - 8))
    array = np.frombuffer(data, np.uint8).copy()
    _store(array, place, np.uint64(word))
    assert array.tobytes() == data[:place] + struct.pack("<Q", word) + data[place + 8 :]
    assert int(_load(array, place)) == word


@pytest.mark.parametrize("place", range(8))
def test_the_place_need_not_be_a_multiple_of_eight(place: int) -> None:
    array = np.arange(16, dtype=np.uint8)
    assert int(_load(array, place)) == sum((place + byte) << 8 * byte for byte in range(8))
    assert int(_load(array[place:], 0)) == int(_load(array, place))


@given(st.integers(0, 63), WORDS)
def test_zeros_at_the_end_of_a_number(zeros: int, above: int) -> None:
    word = ((above << 1 | 1) << zeros) % (1 << 64)
    assert _zeros(np.uint64(word)) == zeros


def test_zero_ends_in_as_many_zeros_as_it_has_bits() -> None:
    assert _zeros(np.uint64(0)) == 64


# Compiling


@pytest.mark.parametrize("way", [compiled, inlined])
def test_what_has_no_file_is_compiled_all_the_same(way: Callable[[Any], Any]) -> None:
    """So it is where no folder may be written to: there is no place to keep the machine code."""
    names: dict[str, Any] = {}
    exec("def double(number):\n    return 2 * number", names)
    double = way(names["double"])
    assert double(21) == 42
    assert len(double.signatures) == 1
