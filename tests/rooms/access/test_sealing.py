"""Sealing: what was sealed opens where it belongs, and nowhere else."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.access.sealing import KEY_BYTES, Seal
from waypost.model.errors import StoreDamaged

OLD, NEW = b"\x01" * KEY_BYTES, b"\x02" * KEY_BYTES


def seal_with(keys: dict[int, bytes]) -> Seal:
    counter = itertools.count()
    return Seal(keys, lambda size: next(counter).to_bytes(size))


@given(st.binary(max_size=2_000), st.text())
def test_what_was_sealed_opens(text: bytes, belongs_to: str) -> None:
    seal = seal_with({1: OLD})
    sealed = seal.seal(text, belongs_to)
    assert seal.open(sealed, belongs_to) == text
    assert len(text) < 8 or text not in sealed


def test_equal_texts_are_sealed_differently() -> None:
    seal = seal_with({1: OLD})
    assert seal.seal(b"13800000000", "row") != seal.seal(b"13800000000", "row")


def test_a_changed_byte_is_told() -> None:
    seal = seal_with({1: OLD})
    sealed = seal.seal(b"a name", "row")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(StoreDamaged):
            seal.open(bytes(changed), "row")
    for size in range(len(sealed)):
        with pytest.raises(StoreDamaged):
            seal.open(sealed[:size], "row")


def test_a_text_opens_only_where_it_belongs() -> None:
    seal = seal_with({1: OLD})
    with pytest.raises(StoreDamaged, match="belongs to something else"):
        seal.open(seal.seal(b"a name", "row 1"), "row 2")


def test_a_new_key_seals_and_old_texts_still_open() -> None:
    sealed = seal_with({1: OLD}).seal(b"a name", "row")
    both = seal_with({1: OLD, 2: NEW})
    assert both.open(sealed, "row") == b"a name"
    again = both.seal(b"a name", "row")
    assert seal_with({2: NEW}).open(again, "row") == b"a name"
    with pytest.raises(StoreDamaged, match="key 1, which is gone"):
        seal_with({2: NEW}).open(sealed, "row")
