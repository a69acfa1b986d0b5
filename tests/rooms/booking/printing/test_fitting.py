"""Text keeps to its box."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from waypost.booking.printing.fitting import LEADING, Part, fit_block, fit_line, wrap
from waypost.booking.printing.fonts import load_fonts
from waypost.model.errors import BadInput

FONTS = load_fonts(places=())
LETTERS = some.text(some.sampled_from("abc WM.,-ÉÑç019 "), max_size=120)


def test_a_line_shrinks_then_is_refused_or_cut() -> None:
    assert fit_line(FONTS, "short", False, 50.0, 5.0, 2.0, "f") == (5.0, "short")
    size, text = fit_line(FONTS, "somewhat longer", False, 20.0, 5.0, 2.0, "f")
    assert (2.0 <= size < 5.0, text) == (True, "somewhat longer")
    with pytest.raises(BadInput, match=r"^f: 60 characters do not go .* about \d\d characters fit"):
        fit_line(FONTS, "x" * 60, False, 20.0, 5.0, 2.0, "f")
    size, text = fit_line(FONTS, "x" * 60, False, 20.0, 5.0, 2.0, "f", may_cut=True)
    assert (size, text[-4:]) == (2.0, "x...")
    assert FONTS.width(text, False) * size <= 20.0


def test_words_stay_whole_and_chinese_breaks_anywhere_but_before_a_stop() -> None:
    assert wrap(FONTS, "one two three", False, 4.0, "f") == ["one two", "three"]
    assert wrap(FONTS, "aaaaaaaaaa", False, 2.0, "f") == ["aaa", "aaa", "aaa", "a"]


def test_a_block_shrinks_its_paragraphs_together() -> None:
    parts = [Part("a title", 6.0, "title", bold=True), Part("text " * 20, 4.0, "text")]
    lines = fit_block(FONTS, parts, 40.0, 20.0, 2.0)
    assert lines[0].size > lines[1].size
    assert sum(line.size for line in lines) * LEADING <= 20.0
    with pytest.raises(BadInput, match=r"^text: "):
        fit_block(FONTS, parts, 20.0, 8.0, 2.0)
    cut = fit_block(FONTS, parts, 20.0, 8.0, 2.0, may_cut=True)
    assert cut[-1].text.endswith("...")


@given(LETTERS, some.floats(3.0, 30.0))
def test_nothing_is_lost_and_nothing_is_wider(text: str, ems: float) -> None:
    lines = wrap(FONTS, text, False, ems, "f")
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(FONTS.width(line.rstrip(), False) <= ems + 1e-6 for line in lines)


@given(some.lists(LETTERS, max_size=4), some.floats(8.0, 60.0), some.floats(3.0, 40.0))
def test_a_block_keeps_to_its_box_whatever_it_says(texts: list[str], width: float, height: float) -> None:
    parts = [Part(text, 4.0, "f") for text in texts]
    lines = fit_block(FONTS, parts, width, height, 2.0, may_cut=True)
    assert sum(line.size for line in lines) * LEADING <= height + 1e-6
    assert all(FONTS.width(line.text.rstrip(), False) * line.size <= width + 1e-6 for line in lines)
