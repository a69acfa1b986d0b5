"""Faces as PDF embeds them: only the glyphs that are used.

Text is written in the numbers that glyphs have in the whole font (Identity-H), so pages need not wait for the subset.
TrueType gets a map from those to the subset's. CFF fonts whose CIDs are those numbers keep them; other CFF fonts are
subset without numbering anew.
"""

import functools
import zlib
from collections.abc import Mapping

import pydyf
import uharfbuzz as hb

from waypost.booking.printing.cff import has_identity_charset
from waypost.booking.printing.fonts import Face
from waypost.model.errors import SettingsError

_UNUSED = (
    "GSUB",
    "GPOS",
    "GDEF",
    "cmap",
    "name",
    "OS/2",
    "post",
    "VORG",
    "BASE",
    "vhea",
    "vmtx",
    "kern",
    "gasp",
    "DSIG",
)
_BLOCK = 100  # entries that one block of a CMap may have


def embed(pdf: pydyf.PDF, face: Face, used: Mapping[int, str]) -> pydyf.Dictionary:
    """The font object for the glyphs used and the characters that they show.

    Raises:
        SettingsError: a font that PDF cannot take.
    """
    tables = set(face.hb_face.table_tags)
    name = _tag(used) + "+" + face.name
    program: dict[str, object]
    kind: dict[str, object]
    if "glyf" in tables:
        subset, mapping = _subset(face, used, keep_numbers=False)
        data = subset.blob.data
        program = {"FontFile2": _stream(pdf, data, {"Length1": len(data)}).reference}
        numbers = bytearray(2 * (max(used, default=0) + 1))
        for glyph, new in mapping.items():
            if glyph in used:
                numbers[2 * glyph : 2 * glyph + 2] = new.to_bytes(2)
        kind = {"Subtype": "/CIDFontType2", "CIDToGIDMap": _stream(pdf, bytes(numbers), {}).reference}
    elif "CFF " in tables:
        subset, _ = _subset(face, used, keep_numbers=not _is_numbered_by_cid(face))
        data = subset.reference_table("CFF ").data
        program = {"FontFile3": _stream(pdf, data, {"Subtype": "/CIDFontType0C"}).reference}
        kind = {"Subtype": "/CIDFontType0"}
    else:
        raise SettingsError(
            f"{face.path} has outlines of neither TrueType nor CFF",
            mend="Name a .ttf, .otf or .ttc file with outlines.",
        )
    descriptor = _describe(pdf, face, name, program)
    below = pydyf.Dictionary(
        {
            "Type": "/Font",
            **kind,
            "BaseFont": f"/{name}",
            "CIDSystemInfo": pydyf.Dictionary(
                {"Registry": pydyf.String("Adobe"), "Ordering": pydyf.String("Identity"), "Supplement": 0}
            ),
            "FontDescriptor": descriptor.reference,
            "W": _widths(face, used),
        }
    )
    pdf.add_object(below)
    font = pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": f"/{name}",
            "Encoding": "/Identity-H",
            "DescendantFonts": pydyf.Array([below.reference]),
            "ToUnicode": _stream(pdf, _characters(used), {}).reference,
        }
    )
    pdf.add_object(font)
    return font


@functools.cache
def _is_numbered_by_cid(face: Face) -> bool:
    return has_identity_charset(face.hb_face.reference_table("CFF ").data)


def _subset(face: Face, used: Mapping[int, str], *, keep_numbers: bool) -> tuple[hb.Face, dict[int, int]]:
    wanted = hb.SubsetInput()
    wanted.glyph_set.update(used)
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NO_LAYOUT_CLOSURE
    if keep_numbers:
        wanted.flags |= hb.SubsetFlags.RETAIN_GIDS | hb.SubsetFlags.CFF_IDENTITY_CHARSET
    for tag in _UNUSED:
        wanted.drop_table_tag_set.add(int.from_bytes(tag.encode().ljust(4)))
    plan = hb.SubsetPlan(face.hb_face, wanted)
    return plan.execute(), dict(plan.old_to_new_glyph_mapping)


def _describe(pdf: pydyf.PDF, face: Face, name: str, program: Mapping[str, object]) -> pydyf.Dictionary:
    scale = 1000 / face.upem
    ascender, descender = (round(each * scale) for each in face.extents())
    descriptor = pydyf.Dictionary(
        {
            "Type": "/FontDescriptor",
            "FontName": f"/{name}",
            "Flags": 4,
            "FontBBox": pydyf.Array([-1000, descender, 3000, ascender]),
            "ItalicAngle": 0,
            "Ascent": ascender,
            "Descent": descender,
            "CapHeight": round(ascender * 0.8),
            "StemV": 80,
            **program,
        }
    )
    pdf.add_object(descriptor)
    return descriptor


def _widths(face: Face, used: Mapping[int, str]) -> pydyf.Array:
    widths = pydyf.Array()
    for glyph in sorted(used):
        widths += [glyph, pydyf.Array([round(face.advance(glyph) * 1000)])]
    return widths


def _characters(used: Mapping[int, str]) -> bytes:
    """The CMap by which text is copied and searched."""
    lines = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
    ]
    entries = [f"<{glyph:04X}> <{char.encode('utf-16-be').hex().upper()}>" for glyph, char in sorted(used.items())]
    for start in range(0, len(entries), _BLOCK):
        block = entries[start : start + _BLOCK]
        lines += [f"{len(block)} beginbfchar", *block, "endbfchar"]
    lines.append("endcmap CMapName currentdict /CMap defineresource pop end end")
    return "\n".join(lines).encode()


def _stream(pdf: pydyf.PDF, data: bytes, extra: dict[str, object]) -> pydyf.Stream:
    stream = pydyf.Stream([zlib.compress(data)], {**extra, "Filter": "/FlateDecode"})
    pdf.add_object(stream)
    return stream


def _tag(used: Mapping[int, str]) -> str:
    """Six letters that tell subsets of one font apart."""
    number = zlib.crc32(repr(sorted(used)).encode())
    return "".join(chr(65 + number // 26**place % 26) for place in range(6))
