"""Text in black dots, as a thermal head burns it: no greys, glyphs hinted to the grid."""

import functools

from PIL import Image, ImageDraw, ImageFont

from waypost.booking.printing.fonts import Face, Fonts
from waypost.booking.printing.marks import Text

INK = 255  #: a black dot, in pictures of ink
_KEPT_GLYPHS = 20_000  #: at some 100 bytes each
ABOVE = 1.0  #: em that a bitmap of a line goes above its base line
BELOW = 0.3  #: and below it

Glyph = tuple[Image.Image, int, int]


class Rasters:
    """Glyphs as bitmaps, kept while they are used."""

    def __init__(self, fonts: Fonts) -> None:
        self.fonts = fonts
        self._find = functools.lru_cache(maxsize=_KEPT_GLYPHS)(self._draw_glyph)

    def draw(self, image: Image.Image, text: Text, left: float, base: float, dots_per_mm: int) -> None:
        """Write text with its base line's beginning there, in dots.

        Every glyph begins where its place rounded to dots is, so a line is never wider than it was measured.
        """
        ink = 0 if text.white else INK
        pixels = round(text.size * dots_per_mm)
        at = left
        for char in text.text:
            glyph = self._find(char, text.bold, pixels)
            if glyph is not None:
                mask, across, down = glyph
                image.paste(ink, (round(at) + across, round(base) + down), mask)
            at += self.fonts.find(char, text.bold)[1] * text.size * dots_per_mm

    def line(self, text: Text, dots_per_mm: int) -> tuple[Image.Image, int, int]:
        """A line by itself, and where its corner lies on the sheet, in dots."""
        size = text.size * dots_per_mm
        left, base = text.x * dots_per_mm, text.y * dots_per_mm
        x, y = int(left) - 1, int(base - ABOVE * size)
        image = Image.new("1", (int(text.width * dots_per_mm) + 4, int((ABOVE + BELOW) * size) + 2))
        black = Text(text.x, text.y, text.size, text.text, text.width, text.bold)
        self.draw(image, black, left - x, base - y, dots_per_mm)
        return image, x, y

    def _draw_glyph(self, char: str, bold: bool, pixels: int) -> Glyph | None:
        font = _open(self.fonts.find(char, bold)[0], pixels)
        left, top, right, bottom = (int(each) for each in font.getbbox(char, mode="1", anchor="ls"))
        if right <= left or bottom <= top:
            return None
        mask = Image.new("1", (right - left, bottom - top))
        drawing = ImageDraw.Draw(mask)
        drawing.fontmode = "1"
        drawing.text((-left, -top), char, fill=INK, font=font, anchor="ls")
        return mask, left, top


@functools.lru_cache(maxsize=256)
def _open(face: Face, pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(face.path), pixels, face.index, layout_engine=ImageFont.Layout.BASIC)
