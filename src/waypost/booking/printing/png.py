"""A sheet as a PNG of black dots, for printers that take pictures and for the screen."""

import io

from PIL import Image, ImageChops, ImageDraw

from waypost.booking.printing.barcodes import DOT
from waypost.booking.printing.bitmaps import INK, Rasters
from waypost.booking.printing.marks import Bars, Box, Sheet, Square, Text
from waypost.model.errors import BadInput

#: Dots to the millimetre, by what printers are called: 203 dpi are 8, 300 dpi are 12.
DOTS_PER_MM = {203: 8, 300: 12}


def dots_per_mm(dpi: int) -> int:
    """Of a printer.

    Raises:
        BadInput: no such printers.
    """
    if dpi not in DOTS_PER_MM:
        raise BadInput(f"{dpi} dpi", where="dpi", mend=f"Choose {' or '.join(map(str, DOTS_PER_MM))}.")
    return DOTS_PER_MM[dpi]


def print_png(sheet: Sheet, rasters: Rasters, dpi: int = 203) -> bytes:
    """The picture; its size in the file is that of the paper.

    Raises:
        BadInput: another resolution than printers have.
    """
    dots = dots_per_mm(dpi)
    to = io.BytesIO()
    image = draw(sheet, rasters, dots)
    image.save(to, "PNG", dpi=(dots * 25.4, dots * 25.4))
    return to.getvalue()


def draw(sheet: Sheet, rasters: Rasters, dots: int) -> Image.Image:
    """White is 1 here, as pictures have it."""
    ink = Image.new("1", (round(sheet.width * dots), round(sheet.height * dots)))
    pen = ImageDraw.Draw(ink)
    for mark in sheet.marks:
        match mark:
            case Text():
                rasters.draw(ink, mark, mark.x * dots, mark.y * dots, dots)
            case Box():
                _fill(pen, mark.x * dots, mark.y * dots, mark.width * dots, mark.height * dots)
            case Bars():
                module = module_dots(mark.dots, dots)
                spare = mark.code.width * (mark.dots * DOT * dots - module) / 2
                for start, dark in mark.code.bars:
                    left = round(mark.x * dots + spare) + start * module
                    _fill(pen, left, mark.y * dots, dark * module, mark.height * dots)
            case Square():
                module = module_dots(mark.dots, dots)
                spare = mark.code.side * (mark.dots * DOT * dots - module) / 2
                left, top = round(mark.x * dots + spare), round(mark.y * dots + spare)
                for row, runs in enumerate(mark.code.rows):
                    for start, dark in runs:
                        _fill(pen, left + start * module, top + row * module, dark * module, module)
    return ImageChops.invert(ink)


def module_dots(dots: int, per_mm: int) -> int:
    """How many dots of this printer a module has: whole ones, and never more than on 203 dpi in millimetres."""
    return max(1, int(dots * DOT * per_mm + 1e-6))


def _fill(pen: ImageDraw.ImageDraw, x: float, y: float, width: float, height: float) -> None:
    left, top = round(x), round(y)
    pen.rectangle((left, top, left + max(1, round(width)) - 1, top + max(1, round(height)) - 1), fill=INK)
