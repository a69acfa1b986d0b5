"""Cursors: what was written is read again, and nothing else is."""

import base64
import re
from typing import Annotated, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.cursors import LONGEST, read_cursor, write_cursor
from waypost.model.errors import BadInput


class Key(NamedTuple):
    name: str
    place: Annotated[int, msgspec.Meta(ge=0)]


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@given(st.text(max_size=40), st.integers(0, 1 << 62))
def test_what_was_written_is_read_again(name: str, place: int) -> None:
    cursor = write_cursor(Key(name, place))
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    assert read_cursor(cursor, Key) == Key(name, place)


def test_without_a_cursor_a_list_begins() -> None:
    assert read_cursor(None, Key) is None


def test_the_longest_key_has_room() -> None:
    key = ("y" * 32, "\U0001f69a" * 128)
    assert len(write_cursor(key)) < LONGEST
    assert read_cursor(write_cursor(key), tuple[str, str]) == key


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "!!!!", "é", "圆通", "%00", "//8A", "W10=W10="),
        encoded(b"[]"),
        encoded(b'["a"]'),
        encoded(b'["a",1,2]'),
        encoded(b'[1,"a"]'),
        encoded(b'["a",-1]'),
        encoded(b'["a",99999999999999999999999]'),
        encoded(b'["a",1.5]'),
        encoded(b'["\\ud800",1]'),
        encoded(b'["\xff",1]'),
        encoded(b'{"name":"a","place":1}'),
        encoded(b'["a",1]') + " ",
        encoded(b'["a",1]').replace("W", "W!", 1),
        encoded(b'["' + b"a" * LONGEST + b'",1]'),
        encoded(b"[" * 740),
    ],
)
def test_what_is_none_of_ours_is_refused_under_the_name_of_its_parameter(cursor: str) -> None:
    with pytest.raises(BadInput, match="after: this cursor is none of ours") as caught:
        read_cursor(cursor, Key)
    assert (caught.value.where, caught.value.status) == ("after", 400)
    assert len(str(caught.value)) < 120
