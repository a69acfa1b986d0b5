"""Text that keeps to its box: smaller first, then on more lines, then refused or cut, as its field allows."""

from collections.abc import Sequence

import msgspec

from waypost.booking.printing.barcodes import DOT
from waypost.booking.printing.fonts import Fonts
from waypost.model.errors import BadInput

LEADING = 1.2  #: from line to line, in ems
#: What may not begin a line of Chinese.
_CLOSING = frozenset("，。、；：？！）》」』】〉…—%,.;:?!)]}")
_MORE = "..."
_STEP = 0.04  # of the size, from try to try


def fit_line(
    fonts: Fonts, text: str, bold: bool, width: float, size: float, least: float, where: str, *, may_cut: bool = False
) -> tuple[float, str]:
    """The size, at most `size`, at which a line goes into `width` mm, and the line.

    Raises:
        BadInput: it does not at `least`, and may not be cut; or no font has a character of it.
    """
    ems = fonts.width(text, bold, where)
    if ems * size <= width:
        return size, text
    fitting = _whole_dots(width / ems)
    if fitting >= least:
        return fitting, text
    if not may_cut:
        raise _too_long(text, int(len(text) * width / (ems * least)), where)
    return least, _cut(fonts, text, bold, width / least, where)


class Part(msgspec.Struct, frozen=True):
    """A paragraph: how large it would be at most, and the field that it is."""

    text: str
    size: float
    where: str
    bold: bool = False


class Line(msgspec.Struct, frozen=True):
    """One line of a paragraph, at the size that was found."""

    text: str
    size: float
    where: str
    bold: bool


def fit_block(
    fonts: Fonts, parts: Sequence[Part], width: float, height: float, least: float, *, may_cut: bool = False
) -> list[Line]:
    """The lines of paragraphs in a box, each made smaller by the same share, none below `least`.

    Raises:
        BadInput: they do not go in and may not be cut; the longest is named. Or no font has a character.
    """
    share = 1.0
    while True:
        lines = _lines(fonts, parts, width, share, least)
        taken = sum(line.size for line in lines) * LEADING
        if taken <= height + 1e-6:
            return lines
        if all(line.size <= least for line in lines):
            break
        share -= _STEP
    room = max(1, int((height + 1e-6) / (LEADING * least)))
    if not may_cut:
        longest = max(parts, key=lambda part: len(part.text))
        spare = sum(len(line.text) for line in lines[room:])
        raise _too_long(longest.text, max(1, len(longest.text) - spare), longest.where)
    last = lines[room - 1]
    text = _cut(fonts, last.text + _MORE, last.bold, width / last.size, last.where)
    return [*lines[: room - 1], msgspec.structs.replace(last, text=text)]


def _lines(fonts: Fonts, parts: Sequence[Part], width: float, share: float, least: float) -> list[Line]:
    lines = []
    for part in parts:
        size = max(min(least, part.size), _whole_dots(part.size * share))
        lines += [
            Line(line, size, part.where, part.bold)
            for line in wrap(fonts, part.text, part.bold, width / size, part.where)
        ]
    return lines


def wrap(fonts: Fonts, text: str, bold: bool, ems: float, where: str) -> list[str]:
    """Lines of at most `ems`: broken at spaces, between Chinese characters, and where nothing else helps anywhere."""
    if fonts.width(text, bold, where) <= ems:
        return [text] if text else []
    lines: list[str] = []
    line, used = "", 0.0
    for part in _parts(text):
        ems_of_part = fonts.width(part, bold, where)
        if used + fonts.width(part.rstrip(), bold, where) <= ems + 1e-9:
            line, used = line + part, used + ems_of_part
            continue
        if line.strip():
            lines.append(line.rstrip())
        line, used = "", 0.0
        for char in part:
            advance = fonts.find(char, bold)[1]
            if line and used + advance > ems and char != " ":
                lines.append(line)
                line, used = "", 0.0
            line, used = line + char, used + advance
    if line.strip():
        lines.append(line.rstrip())
    return lines


def _parts(text: str) -> list[str]:
    """What may not be torn: words with the spaces after them, single Chinese characters with what closes after them."""
    parts: list[str] = []
    for char in text:
        last = parts[-1] if parts else ""
        joins = char == " " or (
            bool(last) and not last.endswith(" ") and (char in _CLOSING or not (_is_wide(char) or _is_wide(last[-1])))
        )
        if last and joins:
            parts[-1] += char
        else:
            parts.append(char)
    return parts


def _is_wide(char: str) -> bool:
    return char >= "\u2e80"


def _cut(fonts: Fonts, text: str, bold: bool, ems: float, where: str) -> str:
    while text and fonts.width(text + _MORE, bold, where) > ems:
        text = text[:-1]
    return text.removesuffix(_MORE).rstrip() + _MORE


def _whole_dots(size: float) -> float:
    return int(size / DOT + 1e-6) * DOT


def _too_long(text: str, fits: int, where: str) -> BadInput:
    return BadInput(
        f"{len(text)} characters do not go into their place on the paper",
        where=where,
        mend=f"Shorten it: about {fits} characters fit.",
    )
