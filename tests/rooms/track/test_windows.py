"""Sixty-four bytes at once, each as if it were looked at alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba.core.errors import NumbaError

from waypost.store.compiled import Number
from waypost.track.found import U8
from waypost.track.windows import WINDOW, between, lean


@lean
def _look(data: U8, place: Number, least: Number, most: Number) -> Number:
    return between(data, place, least, most)


@lean
def _look_for_digits(data: U8, place: Number) -> Number:
    return between(data, place, 0x30, 0x39)


@given(st.binary(min_size=WINDOW + 9, max_size=WINDOW + 9), st.integers(0, 9), st.integers(0, 255), st.integers(0, 255))
def test_a_bit_for_each_byte_in_the_range(text: bytes, place: int, one: int, other: int) -> None:
    data, least, most = np.frombuffer(text, np.uint8), min(one, other), max(one, other)
    window = text[place : place + WINDOW]
    assert _look(data, place, least, most) == sum(1 << at for at, byte in enumerate(window) if least <= byte <= most)
    assert _look_for_digits(data, place) == sum(1 << at for at, byte in enumerate(window) if byte in b"0123456789")


def test_what_makes_arrays_is_not_lean() -> None:
    with pytest.raises(NumbaError, match="Only accept returning of array"):
        _make(3)


@lean
def _make(many: Number) -> Number:
    return np.zeros(many, np.int64).sum()
