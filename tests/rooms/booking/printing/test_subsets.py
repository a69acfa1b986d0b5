"""Fonts of every kind of outline are embedded with the glyphs that are used, and text can be copied from the page."""

from collections.abc import Callable
from pathlib import Path

import pytest
import uharfbuzz as hb
from tests.rooms.booking.printing.readers import read_pdf

from waypost.booking.printing import ParcelLabel, Printer, load_fonts
from waypost.booking.printing.cff import has_identity_charset
from waypost.booking.printing.fonts import DEBIAN

NOTO = DEBIAN[0][0]
FONTS = [
    NOTO,
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"),
]


@pytest.mark.parametrize("path", [path for path in FONTS if path.is_file()], ids=lambda path: path.stem)
def test_chinese_is_copied_from_a_page(make: Callable[..., ParcelLabel], tmp_path: Path, path: Path) -> None:
    content = Printer(load_fonts(font=path, places=())).print_label(make(remark="样例")).content
    text = read_pdf(content, tmp_path)
    assert "王小明" in text
    assert "样例路8号" in text
    assert len(content) < 60_000


@pytest.mark.skipif(not NOTO.is_file(), reason="no Noto Sans CJK here: install Debian's fonts-noto-cjk")
def test_a_charset_is_identity_or_not() -> None:
    face = hb.Face(hb.Blob.from_file_path(str(NOTO)), 2)
    assert has_identity_charset(face.reference_table("CFF ").data)
    for flags, is_identity in ((hb.SubsetFlags.DEFAULT, False), (hb.SubsetFlags.CFF_IDENTITY_CHARSET, True)):
        wanted = hb.SubsetInput()
        wanted.glyph_set.update([34, 35, 18, 23437])
        wanted.flags = flags
        assert has_identity_charset(hb.subset(face, wanted).reference_table("CFF ").data) is is_identity
