"""Sheets as ZPL II: the printer's own barcodes, Latin text in its own font, all other text as pictures.

Nothing is asked of the printer but its scalable font 0 and UTF-8 (`^CI28`), which firmware since X.14 has.
"""

import functools
import re
from collections.abc import Iterable

from PIL import Image

from waypost.booking.printing.barcodes import DOT
from waypost.booking.printing.bitmaps import INK, Rasters
from waypost.booking.printing.marks import Bars, Box, Sheet, Square, Text
from waypost.booking.printing.png import dots_per_mm, module_dots

_OWN_FONT = re.compile("[\x20-\x7e\xa1-\xac\xae-\xff]*")  # Latin-1: more is not in every printer's font
#: How wide font 0 is beside ours, and what some characters have more, in ems; measured in a renderer of ZPL.
_NARROWER = 0.93
_WIDER = {"-": 0.5, "*": 0.13, **dict.fromkeys("ijl.,'![]", 0.06)}
_ESCAPED = str.maketrans({char: f"_{ord(char):02X}" for char in "^~_"})
_QUALITY = 200  # of ^BX: error correction of Data Matrix ECC 200
_SAME = re.compile(rb"(.)\1{2,}", re.S)


def print_zpl(sheets: Iterable[Sheet], rasters: Rasters, dpi: int = 203) -> bytes:
    """A print file: one format a sheet, in order.

    Raises:
        BadInput: another resolution than printers have.
    """
    dots = dots_per_mm(dpi)
    return b"".join(_format(sheet, rasters, dots) for sheet in sheets)


def _format(sheet: Sheet, rasters: Rasters, dots: int) -> bytes:
    parts = [f"^XA^CI28^PW{round(sheet.width * dots)}^LL{round(sheet.height * dots)}^LH0,0".encode()]
    for mark in sheet.marks:
        match mark:
            case Text() if _OWN_FONT.fullmatch(mark.text):
                parts.append(_own_text(mark, dots))
            case Text():
                parts.append(_pictured(mark, rasters, dots))
            case Box():
                parts.append(_box(mark, dots))
            case Bars():
                parts.append(_bars(mark, dots))
            case Square():
                parts.append(_square(mark, dots))
    parts.append(b"^XZ\n")
    return b"\n".join(parts)


def _own_text(text: Text, dots: int) -> bytes:
    """In font 0, squeezed where it would be wider than what was measured."""
    size = round(text.size * dots)
    wanted = text.width * _NARROWER + text.size * sum(_WIDER.get(char, 0.0) for char in text.text)
    across = min(size, int(size * text.width / wanted)) if wanted else size
    reverse = "^FR" if text.white else ""
    at = f"^FT{round(text.x * dots)},{round(text.y * dots)}"
    return f"{at}^A0N,{size},{across}{reverse}^FH^FD{text.text.translate(_ESCAPED)}^FS".encode()


def _pictured(text: Text, rasters: Rasters, dots: int) -> bytes:
    image, x, y = rasters.line(text, dots)
    found = image.getbbox()
    if found is None:
        return b""
    image = image.crop(found)
    reverse = "^FR" if text.white else ""
    return f"^FO{x + int(found[0])},{y + int(found[1])}{reverse}".encode() + _graphic(image)


def _graphic(image: Image.Image) -> bytes:
    """`^GFA` with runs of equal hexadecimal digits shortened, and rows that repeat the one above as a colon."""
    stride = (image.width + 7) // 8
    data = image.tobytes()
    rows = [data[row * stride : (row + 1) * stride].hex().upper().encode() for row in range(image.height)]
    packed = [
        b":" if place and row == rows[place - 1] else _SAME.sub(lambda run: _shorten(run[0]), _end(row))
        for place, row in enumerate(rows)
    ]
    total = stride * image.height
    return f"^GFA,{total},{total},{stride},".encode() + b"".join(packed) + b"^FS"


def _end(row: bytes) -> bytes:
    """White to the end of a row is a comma."""
    kept = row.rstrip(b"0")
    return kept + b"," if len(row) - len(kept) > 1 else row


@functools.lru_cache(maxsize=8192)
def _shorten(run: bytes) -> bytes:
    """How often, then the digit: z is 400 times, g to y are 20 to 380, G to Y are 1 to 19."""
    count, digit = len(run), run[:1]
    written = b"z" * (count // 400)
    count %= 400
    if count >= 20:
        written += bytes([ord("f") + count // 20])
    if count % 20:
        written += bytes([ord("F") + count % 20])
    return written + digit


def _picture(square: Square, module: int) -> Image.Image:
    image = Image.new("1", (square.code.side * module, square.code.side * module))
    for row, runs in enumerate(square.code.rows):
        for start, dark in runs:
            left, top = start * module, row * module
            image.paste(INK, (left, top, left + dark * module, top + module))
    return image


def _box(box: Box, dots: int) -> bytes:
    width, height = max(1, round(box.width * dots)), max(1, round(box.height * dots))
    return f"^FO{round(box.x * dots)},{round(box.y * dots)}^GB{width},{height},{min(width, height)}^FS".encode()


def _bars(bars: Bars, dots: int) -> bytes:
    module = module_dots(bars.dots, dots)
    spare = bars.code.width * (bars.dots * DOT * dots - module) / 2
    at = f"^FO{round(bars.x * dots + spare)},{round(bars.y * dots)}"
    height = round(bars.height * dots)
    if bars.code.kind == "gs1_128":  # begins in set C with FNC1, both of which have to be asked for
        mode, data = "N", f">;>8{bars.code.data}"
    else:
        mode, data = "A", bars.code.data.translate(_ESCAPED)
    return f"{at}^BY{module},3,{height}^BCN,{height},N,N,N,{mode}^FH^FD{data}^FS".encode()


def _square(square: Square, dots: int) -> bytes:
    module = module_dots(square.dots, dots)
    side = square.code.side
    spare = side * (square.dots * DOT * dots - module) / 2
    at = f"^FO{round(square.x * dots + spare)},{round(square.y * dots + spare)}"
    if not square.code.data.isascii():  # printers do not agree on how other letters go into one
        return at.encode() + _graphic(_picture(square, module))
    data = square.code.data.translate(_ESCAPED)
    if square.code.kind == "qr":
        # A QR code hangs lower by the height that ^BY gave last.
        return f"{at}^BY2,3,1^BQN,2,{module}^FH^FDMA,{data}^FS".encode()
    return f"{at}^BXN,{module},{_QUALITY}^FH^FD{data}^FS".encode()
