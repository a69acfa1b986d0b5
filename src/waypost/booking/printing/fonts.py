"""Which font has a character, and how wide it is there.

Liberation Sans comes with Waypost and has the letters of Europe. Chinese needs a font of the machine.
"""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import uharfbuzz as hb

from waypost.model.errors import BadInput, SettingsError

_OURS = Path(__file__).parent / "faces"
#: Where Debian puts fonts with Chinese: pairs of a regular and a bold one, the best first.
DEBIAN = (
    (
        Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
        Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"),
    ),
    (Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"), None),
    (Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"), None),
)
_MEND = "Install a font that has it (Debian's fonts-noto-cjk has Chinese), or name a font file as `font` in `[labels]`."


class Face:
    """One face of a font file. What it answers is remembered.

    Attributes:
        path, index: the file, and which of its faces.
        hb_face: for making subsets.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SettingsError(f"there is no font file {path}", mend="Give the path of a .ttf, .otf or .ttc file.")
        blob = hb.Blob.from_file_path(str(path))
        if not hb.Face(blob).glyph_count:
            raise SettingsError(f"{path} is no font", mend="Give the path of a .ttf, .otf or .ttc file.")
        self.path = path
        self.index = _simplified(blob)
        self.hb_face = hb.Face(blob, self.index)
        self.upem: int = self.hb_face.upem
        self._font = hb.Font(self.hb_face)
        self._font.scale = (self.upem, self.upem)
        self.find_glyph = functools.cache(self._find_glyph)

    @property
    def name(self) -> str:
        """For PDF: no spaces."""
        return (self.hb_face.get_name(6, "en") or self.path.stem).replace(" ", "")

    def _find_glyph(self, char: str) -> tuple[int, float] | None:
        """The number of a glyph and its advance in ems."""
        glyph = self._font.get_nominal_glyph(ord(char))
        return (glyph, self._font.get_glyph_h_advance(glyph) / self.upem) if glyph else None

    def extents(self) -> tuple[int, int]:
        """Above and below the base line, in units of the font."""
        extents = self._font.get_font_extents("ltr")
        return extents.ascender, extents.descender

    def advance(self, glyph: int) -> float:
        """In ems."""
        return float(self._font.get_glyph_h_advance(glyph)) / self.upem


class Fonts:
    """The faces that text is set in.

    Args:
        faces: pairs of a regular and a bold face, or of a regular one and None; the first that has a character sets it.
    """

    def __init__(self, faces: Sequence[tuple[Face, Face | None]]) -> None:
        self._faces = tuple(faces)
        self.find = functools.cache(self._find)
        self._widths = functools.lru_cache(maxsize=4096)(self._width)

    def width(self, text: str, bold: bool, where: str = "") -> float:
        """In ems.

        Raises:
            BadInput: no font has a character of it; `where` is the field.
        """
        try:
            return self._widths(text, bold)
        except KeyError as error:
            raise _missing(error.args[0], where) from None

    def runs(self, text: str, bold: bool) -> Iterator[tuple[Face, str]]:
        """Its parts, each of one face."""
        start, face = 0, None
        for place, char in enumerate(text):
            here = self.find(char, bold)[0]
            if here is not face:
                if face is not None:
                    yield face, text[start:place]
                start, face = place, here
        if face is not None:
            yield face, text[start:]

    def _width(self, text: str, bold: bool) -> float:
        return sum(self.find(char, bold)[1] for char in text)

    def _find(self, char: str, bold: bool) -> tuple[Face, float]:
        for regular, heavy in self._faces:
            for face in (heavy, regular) if bold else (regular,):
                if face is not None and (found := face.find_glyph(char)):
                    return face, found[1]
        raise KeyError(char)


@functools.cache
def load_fonts(
    font: Path | None = None, bold: Path | None = None, places: tuple[tuple[Path, Path | None], ...] = DEBIAN
) -> Fonts:
    """Ours, then the font of the settings, then the first that is found in `places`. Loaded once for a process.

    Raises:
        SettingsError: what the settings name is no font.
    """
    faces: list[tuple[Face, Face | None]] = [_ours()]
    if font is not None:
        faces.append((Face(font), Face(bold) if bold is not None else None))
    for regular, heavy in places:
        if regular.is_file():
            faces.append((Face(regular), Face(heavy) if heavy is not None and heavy.is_file() else None))
            break
    return Fonts(faces)


@functools.cache
def _ours() -> tuple[Face, Face]:
    return Face(_OURS / "LiberationSans-Regular.ttf"), Face(_OURS / "LiberationSans-Bold.ttf")


def _simplified(blob: hb.Blob) -> int:
    """Which face of a collection draws characters as they are written in mainland China; the first if none says so."""
    for index in range(hb.Face(blob).count):
        name = hb.Face(blob, index).get_name(1, "en") or ""
        if name.endswith(" SC") and "Mono" not in name:
            return index
    return 0


def _missing(char: str, where: str) -> BadInput:
    return BadInput(f"no font here has {char!r} (U+{ord(char):04X})", where=where or None, mend=_MEND)
