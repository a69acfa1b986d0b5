"""Draws on one sheet: boxes are measured from the upper left corner, in millimetres, and kept to whole dots."""

from collections.abc import Sequence

import msgspec

from waypost.booking.printing.barcodes import (
    DOT,
    Linear,
    Matrix,
    linear_module,
    square_module,
)
from waypost.booking.printing.content import as_printed
from waypost.booking.printing.fitting import LEADING, Part, fit_block, fit_line
from waypost.booking.printing.fonts import Fonts
from waypost.booking.printing.marks import THIN, Bars, Box, Mark, Sheet, Square, Text

MIDDLE = 0.36  #: of a capital letter above its base line, in ems
NO_BREAK = "\u00a0"  #: a space at which no line is broken; it is drawn as a plain one
SMALL = 2.25  #: mm; smaller is not read at 203 dpi


class Area(msgspec.Struct, frozen=True):
    """A part of the sheet."""

    x: float
    y: float
    width: float
    height: float

    def take_left(self, width: float) -> "tuple[Area, Area]":
        """A column of it, and the rest."""
        return (
            Area(self.x, self.y, width, self.height),
            Area(self.x + width, self.y, self.width - width, self.height),
        )

    def take_top(self, height: float) -> "tuple[Area, Area]":
        """A band of it, and the rest."""
        return (
            Area(self.x, self.y, self.width, height),
            Area(self.x, self.y + height, self.width, self.height - height),
        )

    def inset(self, across: float, down: float = 0.0) -> "Area":
        """What is left inside margins."""
        return Area(self.x + across, self.y + down, self.width - 2 * across, self.height - 2 * down)


class Pen:
    """One sheet that is being drawn."""

    def __init__(self, fonts: Fonts, width: float, height: float) -> None:
        self.fonts = fonts
        self._width = width
        self._height = height
        self._marks: list[Mark] = []

    def sheet(self) -> Sheet:
        """What was drawn."""
        return Sheet(self._width, self._height, tuple(self._marks))

    def line(
        self,
        area: Area,
        text: str,
        size: float,
        where: str,
        *,
        least: float = SMALL,
        bold: bool = False,
        align: float = 0.0,
        white: bool = False,
        may_cut: bool = False,
    ) -> float:
        """One line, in the middle of the height; `align` is 0 left, 0.5 middle, 1 right. The width that it took."""
        text = as_printed(text).replace(NO_BREAK, " ").strip()
        if not text:
            return 0.0
        size = min(size, _dots(area.height / LEADING) * DOT)
        size, text = fit_line(self.fonts, text, bold, area.width, size, min(least, size), where, may_cut=may_cut)
        width = self.fonts.width(text, bold, where) * size
        y = area.y + area.height / 2 + MIDDLE * size
        self._marks.append(Text(_snap(area.x + (area.width - width) * align), _snap(y), size, text, width, bold, white))
        return width

    def block(self, area: Area, parts: Sequence[Part], *, least: float = SMALL, may_cut: bool = False) -> float:
        """Paragraphs from the top. The height that they took."""
        asked = [msgspec.structs.replace(each, text=text) for each in parts if (text := as_printed(each.text).strip())]
        taken = 0.0
        for line in fit_block(self.fonts, asked, area.width, area.height, least, may_cut=may_cut):
            y = area.y + taken + 0.5 * LEADING * line.size + MIDDLE * line.size
            width = self.fonts.width(line.text, line.bold, line.where) * line.size
            self._marks.append(
                Text(_snap(area.x), _snap(y), line.size, line.text.replace(NO_BREAK, " "), width, line.bold)
            )
            taken += LEADING * line.size
        return taken

    def box(self, area: Area) -> None:
        """Black."""
        self._marks.append(Box(_snap(area.x), _snap(area.y), _snap(area.width), _snap(area.height)))

    def frame(self, area: Area, thick: float = THIN) -> None:
        """A rectangle of lines, inside the area."""
        self.box(Area(area.x, area.y, area.width, thick))
        self.box(Area(area.x, area.y + area.height - thick, area.width, thick))
        self.box(Area(area.x, area.y + thick, thick, area.height - 2 * thick))
        self.box(Area(area.x + area.width - thick, area.y + thick, thick, area.height - 2 * thick))

    def rule(self, x: float, y: float, width: float, thick: float = THIN) -> None:
        """A line from left to right."""
        self.box(Area(x, y, width, thick))

    def dashes(self, x: float, y: float, width: float) -> None:
        """Where paper is torn."""
        at = x
        while at < x + width:
            self.box(Area(at, y, min(2.0, x + width - at), THIN))
            at += 3.5

    def bars(self, area: Area, code: Linear, where: str) -> None:
        """In the middle of the area, as wide as they go in."""
        dots = linear_module(code, area.width, where)
        x = _snap(area.x + (area.width - code.width * dots * DOT) / 2)
        self._marks.append(Bars(x, _snap(area.y), _snap(area.height), dots, code))

    def square(self, area: Area, code: Matrix, where: str) -> None:
        """In the middle of a square area, its quiet zone inside."""
        dots = square_module(code, area.width, where)
        margin = (area.width - code.room * dots * DOT) / 2
        self._marks.append(Square(_snap(area.x + margin), _snap(area.y + margin), dots, code))


def _dots(length: float) -> int:
    return int(length / DOT + 1e-6)


def _snap(length: float) -> float:
    return round(length / DOT) * DOT
