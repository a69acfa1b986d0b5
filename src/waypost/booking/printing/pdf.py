"""Sheets as vector PDF, one page each; the fonts' used glyphs are embedded once for the whole file."""

import zlib
from typing import BinaryIO

import pydyf

from waypost.booking.printing.barcodes import DOT
from waypost.booking.printing.fonts import Face, Fonts
from waypost.booking.printing.marks import Bars, Box, Sheet, Square, Text
from waypost.booking.printing.subsets import embed

_POINT = 72 / 25.4  # of a millimetre


class PdfFile:
    """A file that grows page by page. Pages are kept packed, about 3 kB each."""

    def __init__(self, fonts: Fonts) -> None:
        self._fonts = fonts
        self._pdf = pydyf.PDF()
        self._resources = pydyf.Dictionary()
        self._pdf.add_object(self._resources)
        self._inks: dict[Face, _Ink] = {}

    def add(self, sheet: Sheet) -> None:
        """One more page."""
        content = zlib.compress(self._draw(sheet), 6)
        stream = pydyf.Stream([content], {"Filter": "/FlateDecode"})
        self._pdf.add_object(stream)
        size = pydyf.Array([0, 0, round(sheet.width * _POINT, 3), round(sheet.height * _POINT, 3)])
        self._pdf.add_page(
            pydyf.Dictionary(
                {
                    "Type": "/Page",
                    "Parent": self._pdf.pages.reference,
                    "MediaBox": size,
                    "Contents": stream.reference,
                    "Resources": self._resources.reference,
                }
            )
        )

    def write(self, to: BinaryIO) -> None:
        """The file. It is the end: no page comes after."""
        fonts = pydyf.Dictionary()
        for face, ink in self._inks.items():
            fonts[ink.name] = embed(self._pdf, face, ink.used).reference
        self._resources["Font"] = fonts
        self._pdf.write(to, compress=True)

    def _draw(self, sheet: Sheet) -> bytes:
        parts = [f"{_POINT:.6f} 0 0 {_POINT:.6f} 0 0 cm 0 g"]
        for mark in sheet.marks:
            match mark:
                case Text():
                    self._write(parts, mark, sheet.height)
                case Box():
                    parts.append(_rectangle(mark.x, mark.y, mark.width, mark.height, sheet.height) + " f")
                case Bars():
                    width = mark.dots * DOT
                    parts += [
                        _rectangle(mark.x + start * width, mark.y, dark * width, mark.height, sheet.height)
                        for start, dark in mark.code.bars
                    ]
                    parts.append("f")
                case Square():
                    side = mark.dots * DOT
                    parts += [
                        _rectangle(mark.x + start * side, mark.y + row * side, dark * side, side, sheet.height)
                        for row, runs in enumerate(mark.code.rows)
                        for start, dark in runs
                    ]
                    parts.append("f")
        return "\n".join(parts).encode()

    def _write(self, parts: list[str], text: Text, height: float) -> None:
        if text.white:
            parts.append("1 g")
        parts.append(f"BT {text.x:.3f} {height - text.y:.3f} Td")
        for face, run in self._fonts.runs(text.text, text.bold):
            ink = self._inks.get(face)
            if ink is None:
                ink = self._inks[face] = _Ink(face, f"F{len(self._inks)}")
            parts.append(f"/{ink.name} {text.size:g} Tf <{''.join(map(ink.hex, run))}> Tj")
        parts.append("ET 0 g" if text.white else "ET")


class _Ink:
    """What one face has written in a file."""

    def __init__(self, face: Face, name: str) -> None:
        self.name = name
        self.used: dict[int, str] = {}
        self._face = face
        self._hexes: dict[str, str] = {}

    def hex(self, char: str) -> str:
        written = self._hexes.get(char)
        if written is None:
            found = self._face.find_glyph(char)
            assert found is not None
            self.used.setdefault(found[0], char)
            written = self._hexes[char] = f"{found[0]:04X}"
        return written


def _rectangle(x: float, y: float, width: float, height: float, page: float) -> str:
    return f"{x:g} {page - y - height:g} {width:g} {height:g} re"
