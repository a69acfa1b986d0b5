"""Control characters: one rule for everything that is kept, whichever machine looks."""

import unicodedata

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from waypost.model.texts import CONTROL, has_control


@pytest.mark.parametrize(
    "character",
    ["\0", "\t", "\n", "\r", "\x1b", "\x1f", "\x7f", "\x80", "\x9f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066"],
)
def test_control_characters_are_found_anywhere(character: str) -> None:
    assert has_control(character)
    assert has_control(f"Hub{character}")
    assert has_control(f"圆通{character}São Paulo")


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "~", "\xa0", "São Paulo", "圆通速递", "🚚", "\u3000", "a'b\"c\\"],
        *["محمد \u200fعلي", "\u200eDavid דוד", "می\u200cخواهم", "👩\u200d👧", "क्\u200dष"],
    ],
)
def test_what_people_write_is_none(text: str) -> None:
    assert not has_control(text)


def test_the_rule_is_that_of_unicode_and_the_same_on_columns() -> None:
    characters = [chr(code) for code in range(0x11000) if not 0xD800 <= code < 0xE000]
    found = [has_control(character) for character in characters]
    directions = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    assert found == [
        unicodedata.category(each) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(each) in directions
        for each in characters
    ]
    assert pc.match_substring_regex(pa.array(characters), CONTROL).to_pylist() == found
