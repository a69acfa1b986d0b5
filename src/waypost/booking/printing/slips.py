"""Packing slips on A4 and A6: whom it is for, what should be in the parcel, on as many pages as that takes."""

from typing import Final, Literal

import msgspec

from waypost.booking.issuing import Address, Item
from waypost.booking.printing.barcodes import make_code128
from waypost.booking.printing.captions import CAPTIONS, Captions
from waypost.booking.printing.content import PackingSlip, as_printed, check_slip, find_language
from waypost.booking.printing.fitting import LEADING, Part, wrap
from waypost.booking.printing.fonts import Fonts
from waypost.booking.printing.layout import address_lines, name_and_phone
from waypost.booking.printing.marks import Sheet
from waypost.booking.printing.pen import Area, Pen
from waypost.model.measures import Money

Paper = Literal["a4", "a6"]


class _Measures(msgspec.Struct, frozen=True):
    """Of one paper, mm."""

    width: float
    height: float
    margin: float
    text: float
    head: float  # of the first page
    right: tuple[float, float, float]  # widths of the columns quantity, value, total


_PAPERS: Final = {
    "a4": _Measures(210.0, 297.0, 12.0, 3.5, 78.0, (18.0, 34.0, 36.0)),
    "a6": _Measures(105.0, 148.0, 4.0, 2.5, 50.0, (9.0, 19.0, 20.0)),
}


class _Row(msgspec.Struct, frozen=True):
    """One line of the table: the first of an item has its number and figures."""

    text: str
    place: int | None = None
    item: Item | None = None


def lay_out_slip(slip: PackingSlip, fonts: Fonts, paper: Paper = "a4") -> list[Sheet]:
    """Its pages.

    Raises:
        BadInput: a field cannot be printed or does not fit, and how to mend that.
    """
    check_slip(slip)
    measures, words = _PAPERS[paper], CAPTIONS[find_language(slip)]
    page = Area(0.0, 0.0, measures.width, measures.height).inset(measures.margin, measures.margin)
    line = measures.text * LEADING + 0.5
    rows = _rows(slip, fonts, measures, page.width)
    head_height = measures.head if slip.waybill is not None else measures.head - measures.text * 7.0
    closing = 4 * line + (4 * line if slip.note else 0.0)  # total, note, page number
    pages = _paginate(rows, page.height, head_height, line, closing)
    sheets = []
    for number, part in enumerate(pages):
        pen = Pen(fonts, measures.width, measures.height)
        rest = page
        if number == 0:
            head, rest = rest.take_top(head_height)
            _head(pen, head, slip, words, measures)
        rest = _table(pen, rest, part, slip, words, measures)
        if number == len(pages) - 1:
            _closing(pen, rest, slip, words, measures)
        foot = Area(page.x, page.y + page.height - line, page.width, line)
        text = f"{words.page} {number + 1}/{len(pages)}  {words.order} {slip.order_number}"
        pen.line(foot, text, measures.text, "order_number", least=1.75, align=1.0, may_cut=True)
        sheets.append(pen.sheet())
    return sheets


def _rows(slip: PackingSlip, fonts: Fonts, measures: _Measures, width: float) -> list[_Row]:
    rows = []
    room = (width - measures.text * 2.5 - sum(measures.right) - 2.0) / measures.text
    for place, item in enumerate(slip.items):
        where = f"items[{place}].description"
        lines = wrap(fonts, as_printed(f"{item.sku} {item.description}").strip(), False, room, where) or [""]
        rows += [_Row(text) if later else _Row(text, place, item) for later, text in enumerate(lines)]
    return rows


def _paginate(rows: list[_Row], height: float, head: float, line: float, closing: float) -> list[list[_Row]]:
    """Rows of each page; the last has room for what closes the slip."""
    pages: list[list[_Row]] = [[]]
    for row in rows:
        room = int((height - (head if len(pages) == 1 else 0.0) - 2 * line - line) / line)
        if len(pages[-1]) >= room:
            pages.append([])
        pages[-1].append(row)
    used = (len(pages[-1]) + 2) * line + (head if len(pages) == 1 else 0.0)
    if used + closing > height:  # the total never stands on a page alone
        last = max(place for place, row in enumerate(pages[-1]) if row.item is not None or place == 0)
        pages.append(pages[-1][last:])
        del pages[-2][last:]
    return [page for page in pages if page]


def _head(pen: Pen, area: Area, slip: PackingSlip, words: Captions, measures: _Measures) -> None:
    size = measures.text
    title, rest = area.take_top(size * 2.75)
    left, right = title.take_left(title.width * 0.5)
    pen.line(left, words.slip, size * 2, "order_number", bold=True)
    pen.line(right, slip.printed_at, size, "printed_at", least=1.75, align=1.0, may_cut=True)
    pen.rule(rest.x, rest.y, rest.width, 0.5)
    facts, rest = rest.take_top(size * LEADING * 2 + 2.0)
    first = f"{words.order} {slip.order_number}"
    second = f"{words.reference} {slip.reference}" if slip.reference else ""
    pen.block(
        Area(facts.x, facts.y + 1.0, facts.width, facts.height - 1.0),
        [Part(first, size * 1.1, "order_number", bold=True), Part(second, size, "reference")],
        least=1.75,
    )
    if slip.waybill is not None:
        rest, band = rest.take_top(rest.height - size * 5.5)
        bars, under = band.take_top(band.height - size * 1.5)
        pen.bars(bars, make_code128(slip.waybill.number, "waybill.number"), "waybill.number")
        pen.line(under, slip.waybill.number, size, "waybill.number", bold=True, align=0.5)
    half = rest.width / 2 - 2.0
    parties = (
        ("consignee", words.to, slip.consignee, rest.x),
        ("sender", words.sent_by, slip.sender, rest.x + half + 4),
    )
    for where, caption, who, x in parties:
        other = slip.sender if where == "consignee" else slip.consignee
        _party(pen, Area(x, rest.y + 1.0, half, rest.height - 3.0), who, other, caption, where, size)


def _party(pen: Pen, area: Area, who: Address, other: Address, caption: str, where: str, size: float) -> None:
    parts = [
        Part(caption, size * 0.8, where, bold=True),
        Part(name_and_phone(who), size, f"{where}.name", bold=True),
    ]
    parts.append(Part(who.company, size, f"{where}.company"))
    parts += [Part(line, size, f"{where}.street") for line in address_lines(who, other)]
    pen.block(area, parts, least=1.5)


def _table(pen: Pen, area: Area, rows: list[_Row], slip: PackingSlip, words: Captions, measures: _Measures) -> Area:
    """What is left under it."""
    size = measures.text
    line = size * LEADING + 0.5
    if not rows:
        return area
    heading, rest = area.take_top(line + 1.0)
    cells = _cells(heading, measures)
    texts = (words.number, words.description, words.quantity, words.value, words.total)
    for cell, heading_text, align in zip(cells, texts, (0.0, 0.0, 1.0, 1.0, 1.0), strict=True):
        pen.line(cell, heading_text, size, "items", least=1.0, bold=True, align=align)
    pen.rule(heading.x, heading.y + heading.height - 0.5, heading.width, 0.5)
    for row in rows:
        band, rest = rest.take_top(line)
        number, text, quantity, value, total = _cells(band, measures)
        pen.line(text, row.text, size, "items", least=1.0)
        if row.item is None or row.place is None:
            continue
        if row is not rows[0]:
            pen.rule(band.x, band.y, band.width, 0.125)
        where = f"items[{row.place}]"
        pen.line(number, str(row.place + 1), size, where, least=1.0)
        pen.line(quantity, str(row.item.quantity), size, f"{where}.quantity", least=1.25, align=1.0)
        if row.item.value_minor is not None:
            each = Money(row.item.value_minor, slip.currency)
            whole = Money(row.item.value_minor * row.item.quantity, slip.currency)
            pen.line(value, str(each), size, f"{where}.value_minor", least=1.25, align=1.0)
            pen.line(total, str(whole), size, f"{where}.value_minor", least=1.25, align=1.0)
    return rest


def _cells(band: Area, measures: _Measures) -> list[Area]:
    quantity, value, total = measures.right
    number, rest = band.take_left(measures.text * 2.5)
    text, rest = rest.take_left(rest.width - quantity - value - total)
    cells = [number, text.inset(0.5)]
    for width in (quantity, value, total):
        cell, rest = rest.take_left(width)
        cells.append(cell.inset(0.5))
    return cells


def _closing(pen: Pen, area: Area, slip: PackingSlip, words: Captions, measures: _Measures) -> None:
    size = measures.text
    line = size * LEADING + 0.5
    pen.rule(area.x, area.y, area.width, 0.5)
    band, rest = area.take_top(line + 1.0)
    pieces = sum(item.quantity for item in slip.items)
    text = f"{words.quantity} {pieces}"
    values = [(item.value_minor, item.quantity) for item in slip.items]
    if all(value is not None for value, _ in values):
        total = Money(sum((value or 0) * quantity for value, quantity in values), slip.currency)
        text += f"   {words.total} {total}"
    pen.line(band, text, size * 1.1, "items", bold=True, align=1.0)
    if slip.note:
        room = Area(rest.x, rest.y, rest.width, line * 4)
        pen.block(room, [Part(f"{words.note}: {slip.note}", size, "note")], least=1.75)
