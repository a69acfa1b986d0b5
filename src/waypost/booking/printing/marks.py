"""What a sheet of paper bears. Millimetres from its upper left corner; all outputs draw the same marks."""

from typing import Final

import msgspec

from waypost.booking.printing.barcodes import DOT, Linear, Matrix

THIN: Final = 2 * DOT  #: a line, mm


class Text(msgspec.Struct, frozen=True):
    """One line of text. `x` and `y` are where its base line begins; `size` is an em; `white` stands on black.

    `width` is what it takes, so that a printer's own font is not wider.
    """

    x: float
    y: float
    size: float
    text: str
    width: float
    bold: bool = False
    white: bool = False


class Box(msgspec.Struct, frozen=True):
    """Black, filled. A line is a thin one."""

    x: float
    y: float
    width: float
    height: float


class Bars(msgspec.Struct, frozen=True):
    """A linear code whose first bar begins at `x`; a module is `dots` dots wide."""

    x: float
    y: float
    height: float
    dots: int
    code: Linear


class Square(msgspec.Struct, frozen=True):
    """A square code without its quiet zone."""

    x: float
    y: float
    dots: int
    code: Matrix


Mark = Text | Box | Bars | Square


class Sheet(msgspec.Struct, frozen=True):
    """One side of paper."""

    width: float
    height: float
    marks: tuple[Mark, ...]
