"""Blooms: what was put in is found, little else is."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waypost.engines.local.arrays import U32, U64
from waypost.engines.local.blooms import add_to_bloom, blank_bloom, may_hold

#: As the specification of Parquet gives them.
SALTS = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)

hashes = st.integers(0, (1 << 64) - 1) | st.sampled_from([0, (1 << 32) - 1, 1 << 32, (1 << 64) - 1])


def filled(held: U64, numbers: int) -> U32:
    bloom = blank_bloom(numbers)
    add_to_bloom(bloom, held)
    return bloom


def ask(bloom: U32, asked: U64) -> list[bool]:
    found: list[bool] = may_hold(bloom, asked, np.ones(len(asked), np.bool_)).tolist()
    return found


def at_random(count: int, seed: int) -> U64:
    return np.random.default_rng(seed).integers(0, (1 << 64) - 1, count, np.uint64, endpoint=True)


def bits_of(hashed: int, blocks: int) -> tuple[int, list[int]]:
    """The block and its eight words with one bit each, as the specification of Parquet says."""
    words = [1 << ((hashed & 0xFFFFFFFF) * salt % (1 << 32) >> 27) for salt in SALTS]
    return (hashed >> 32) * blocks >> 32, words


@given(st.lists(hashes, max_size=40), st.lists(hashes, max_size=20), st.integers(0, 400))
@example([], [0], 0)
def test_a_bloom_is_that_of_parquet(held: list[int], others: list[int], numbers: int) -> None:
    bloom = filled(np.array(held, np.uint64), numbers)
    wanted = np.zeros_like(bloom)
    for hashed in held:
        block, words = bits_of(hashed, len(bloom))
        wanted[block] |= np.array(words, np.uint32)
    assert bloom.dtype == np.uint32
    assert bloom.tolist() == wanted.tolist()
    assert all(ask(bloom, np.array(held, np.uint64)))
    bloom.flags.writeable = False  # as one of a mapped run
    asked = [bits_of(hashed, len(bloom)) for hashed in others]
    found = [all(int(has) & word for has, word in zip(wanted[block], words, strict=True)) for block, words in asked]
    assert ask(bloom, np.array(others, np.uint64)) == found


@given(st.lists(st.tuples(hashes, st.booleans())))
def test_only_what_is_wanted_is_looked_for(rows: list[tuple[int, bool]]) -> None:
    asked, wanted = np.array([row[0] for row in rows], np.uint64), np.array([row[1] for row in rows], np.bool_)
    assert may_hold(filled(asked, len(rows)), asked, wanted).tolist() == wanted.tolist()


@pytest.mark.parametrize("numbers", [0, 1, 25, 26, 52, 1000, 100_000])
def test_its_size_is_ten_bits_a_number_in_whole_blocks(numbers: int) -> None:
    bloom = blank_bloom(numbers)
    assert bloom.shape == (max(1, (10 * numbers + 255) // 256), 8)
    assert not bloom.any()


@pytest.mark.parametrize("numbers", [1, 10, 100, 1_000, 20_000, 200_000])
def test_what_was_put_in_is_found_and_of_the_rest_less_than_one_in_fifty(numbers: int) -> None:
    blooms = [filled(at_random(numbers, seed), numbers) for seed in range(max(1, 2_000 // numbers))]
    for seed, bloom in enumerate(blooms[:20]):
        assert all(ask(bloom, at_random(numbers, seed)))
    others = at_random(200_000, 99)
    rate = np.mean([ask(bloom, part) for bloom, part in zip(blooms, others.reshape(len(blooms), -1), strict=True)])
    assert rate < 0.02
