"""Bars and squares, as modules: Code 128 (ISO/IEC 15417), GS1-128, QR code (18004) and Data Matrix (16022).

Sizes are whole dots of a printer with 8 dots to the millimetre (203 dpi), so that no module is printed thinner than
its neighbour.
"""

import functools
import re
from typing import Literal

import msgspec
import zint

from waypost.model.errors import BadInput

DOT = 0.125  #: mm

Kind = Literal["code128", "gs1_128", "datamatrix", "qr"]
Run = tuple[int, int]  #: first dark module, and how many

_QUIET_LINEAR = 10  # modules left and right, by the standards
_QUIET = {"datamatrix": 2, "qr": 4}  # modules around; one is enough for Data Matrix, two survive a crooked print
#: What goes into a symbol of each side without packing: bytes into QR codes (correction M), into Data Matrix bytes or
#: pairs of digits.
_PLAIN: dict[str, dict[int, int]] = {
    "qr": {21: 14, 25: 26, 29: 42, 33: 62, 37: 84, 41: 106, 45: 122, 49: 152, 53: 180, 57: 213},
    "datamatrix": {10: 3, 12: 5, 14: 8, 16: 12, 18: 18, 20: 22, 22: 30, 24: 36, 26: 44, 32: 62, 36: 86, 40: 114,
                   44: 144, 48: 174, 52: 204},
}  # fmt: skip
_PAIR = re.compile(r"[0-9]{2}|.", re.S)
_MODULES_LINEAR = (4, 3, 2)  # dots; 0.5 mm down to 0.25 mm
_MODULES_SQUARE = (6, 5, 4, 3)


class Linear(msgspec.Struct, frozen=True):
    """Bars.

    Attributes:
        data: what a scanner reads.
        width: in modules, without quiet zones.
        bars: the dark ones.
    """

    kind: Kind
    data: str
    width: int
    bars: tuple[Run, ...]


class Matrix(msgspec.Struct, frozen=True):
    """A square.

    Attributes:
        data: what a scanner reads.
        side: in modules, without the quiet zone.
        room: the side that a printer needs which packs data less well than we do.
        rows: their dark runs.
    """

    kind: Kind
    data: str
    side: int
    room: int
    rows: tuple[tuple[Run, ...], ...]


def make_code128(text: str, where: str) -> Linear:
    """Of printable ASCII.

    Raises:
        BadInput: it holds something else, or too much.
    """
    symbol = _encode(zint.Symbology.CODE128, text, where)
    return Linear("code128", text, symbol.width, _rows(symbol)[0])


def make_gs1(sscc: str, where: str) -> Linear:
    """A checked SSCC under its application identifier (00)."""
    symbol = _encode(zint.Symbology.GS1_128, f"[00]{sscc}", where)
    return Linear("gs1_128", f"00{sscc}", symbol.width, _rows(symbol)[0])


@functools.lru_cache(maxsize=256)
def make_square(kind: Literal["datamatrix", "qr"], text: str, where: str) -> Matrix:
    """Of any text; what is not Latin-1 goes as UTF-8.

    Raises:
        BadInput: it is too long.
    """
    symbology = zint.Symbology.QRCODE if kind == "qr" else zint.Symbology.DATAMATRIX
    symbol = _encode(symbology, text, where)
    return Matrix(kind, text, symbol.width, max(symbol.width, _plain_side(kind, text)), _rows(symbol))


def linear_module(code: Linear, width: float, where: str) -> int:
    """How many dots a module has, so that the bars and their quiet zones go into `width` mm.

    Raises:
        BadInput: not even the thinnest bars do.
    """
    room = int(width / DOT)
    for dots in _MODULES_LINEAR:
        if (code.width + 2 * _QUIET_LINEAR) * dots <= room:
            return dots
    raise BadInput(
        f"{len(code.data)} characters need bars thinner than printers of 203 dpi print",
        where=where,
        mend=f"Give a shorter number: {width:g} mm hold about {int((room / 2 - 55) / 11)} letters or twice the digits.",
    )


def square_module(code: Matrix, side: float, where: str) -> int:
    """As `linear_module`, for a square of `side` mm.

    Raises:
        BadInput: it does not go in.
    """
    room = int(side / DOT)
    for dots in _MODULES_SQUARE:
        if quiet_side(code) * dots <= room:
            return dots
    raise BadInput(
        f"{len(code.data)} characters make a square code of {code.side} modules, too fine for {side:g} mm",
        where=where,
        mend="Shorten it.",
    )


def quiet_side(code: Matrix) -> int:
    """Modules of its side with the quiet zones, at most."""
    return code.room + 2 * _QUIET[code.kind]


def _plain_side(kind: str, text: str) -> int:
    """Of a symbol that holds the text unpacked; 0 if none that is printed here does, or it is drawn by us anyway."""
    if not text.isascii():
        return 0
    size = len(_PAIR.findall(text)) if kind == "datamatrix" else len(text)
    return next((side for side, holds in _PLAIN[kind].items() if size <= holds), 0)


def _encode(symbology: zint.Symbology, text: str, where: str) -> zint.Symbol:
    symbol = zint.Symbol()
    symbol.symbology = symbology
    symbol.input_mode = zint.InputMode.GS1 if symbology == zint.Symbology.GS1_128 else zint.InputMode.UNICODE
    if symbology == zint.Symbology.DATAMATRIX:
        symbol.option_3 = zint.DataMatrixOptions.SQUARE
    elif symbology == zint.Symbology.QRCODE:
        symbol.option_1 = 2  # error correction M: 15 %
    if not text.isascii():
        symbol.eci = 26  # UTF-8
    try:
        symbol.encode(text)
    except RuntimeError as error:
        raise BadInput(
            f"no barcode holds this: {str(error).partition(': ')[2] or error}", where=where, mend="Shorten it."
        ) from None
    return symbol


def _rows(symbol: zint.Symbol) -> tuple[tuple[Run, ...], ...]:
    data = symbol.encoded_data
    stride, packed = data.nbytes // len(data), bytes(data)
    return tuple(
        _runs(int.from_bytes(packed[row * stride : (row + 1) * stride], "little"), symbol.width)
        for row in range(symbol.rows)
    )


def _runs(bits: int, width: int) -> tuple[Run, ...]:
    """The dark runs of a row whose first module is the lowest bit."""
    runs = []
    place = 0
    while bits:
        light = (bits & -bits).bit_length() - 1
        bits >>= light
        dark = (~bits & (bits + 1)).bit_length() - 1
        bits >>= dark
        runs.append((place + light, dark))
        place += light + dark
    assert place <= width
    return tuple(runs)
