import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import TooLarge
from waypost.web.api.arrays import count_elements, refuse_long_array

TEXTS = st.text(st.sampled_from('\\"[]{},aé\n'), max_size=8)
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(VALUES, min_size=1, max_size=12), st.booleans(), st.sampled_from([None, 1]))
def test_every_element_is_counted_and_nothing_else(elements: list[Any], ascii_only: bool, indent: int | None) -> None:
    assert count_elements(json.dumps(elements, ensure_ascii=ascii_only, indent=indent).encode()) == len(elements)


@pytest.mark.parametrize("element", [{}, 0, [[], {}], "\\", '"', "],[", {"a,b": "{"}, ["x" * 99, None]])
def test_elements_beyond_one_look(element: object) -> None:
    assert count_elements(json.dumps([element] * 100_000).encode()) == 100_000


@pytest.mark.parametrize("end", [b"", b"}", b"]]]]{{{{", b'"', b"\\", b"\xff", b'"\\"]'])
def test_what_stands_before_a_break_is_counted(end: bytes) -> None:
    assert count_elements(b"[" + b'{"a":[1,2]},' * 50 + b"0" + end) >= 51


def test_as_many_as_the_limit_are_let_in() -> None:
    refuse_long_array(b"[]", 3, "scans")
    refuse_long_array(b'[{"a":1,"b":2},{"a":1,"b":2},{"note":",,,,"}]', 3, "scans")
    with pytest.raises(TooLarge, match="more than 3 scans at once"):
        refuse_long_array(b"[{},{},{},{}]", 3, "scans")


def test_counting_takes_little_more_than_the_body() -> None:
    body = b"[" + b"0," * 2_000_000 + b"0]"
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            refuse_long_array(body, 50_000, "scans")
        assert tracemalloc.get_traced_memory()[1] < 3 * len(body)
    finally:
        tracemalloc.stop()
