"""Where things stand on a label: 100 x 150 mm in one part, 100 x 180 mm in two with a stub to tear off."""

import functools
from typing import Final, Literal

from babel import Locale

from waypost.booking.issuing import Address
from waypost.booking.printing.barcodes import Linear, make_code128, make_gs1, make_square
from waypost.booking.printing.captions import CAPTIONS, Captions
from waypost.booking.printing.content import ParcelLabel, as_printed, check_label, find_language, is_chinese
from waypost.booking.printing.fitting import Part
from waypost.booking.printing.fonts import Fonts
from waypost.booking.printing.marks import Sheet
from waypost.booking.printing.pen import NO_BREAK, SMALL, Area, Pen
from waypost.model.errors import BadInput
from waypost.model.measures import Money

Size = Literal["100x150", "100x180"]
Shares = tuple[float, float]

WIDTH: Final = 100.0  #: mm
MARGIN: Final = 2.0
STUB_AT: Final = 110.0  #: where paper of 100 x 180 mm is perforated

_HEIGHTS: dict[str, float] = {"100x150": 150.0, "100x180": 180.0}
#: What the consignee takes of the height, and the sender of the rest; the next if addresses do not go in.
_SHARES: dict[str, tuple[Shares, ...]] = {
    "100x150": ((0.42, 0.36), (0.5, 0.5), (0.58, 0.6)),
    "100x180": ((0.52, 0.5), (0.56, 0.5), (0.5, 0.56)),
}
_PAD = 1.0  # between a line and what stands beside it
_FOOT = 3.5
_SQUARE = 24.0
_HEAD_LEAST = 3.75  # carrier and service stand on two lines rather than smaller


def lay_out(label: ParcelLabel, fonts: Fonts, size: Size = "100x150") -> Sheet:
    """The sheet.

    Raises:
        BadInput: a field cannot be printed or does not fit, and how to mend that.
    """
    check_label(label)
    refused: BadInput | None = None
    for shares in _SHARES[size]:
        try:
            return _draw(label, fonts, size, shares)
        except BadInput as error:
            refused = refused or error
            if not (error.where or "").startswith(("consignee.", "sender.")):
                break
    assert refused is not None
    raise refused


def _draw(label: ParcelLabel, fonts: Fonts, size: Size, shares: Shares) -> Sheet:
    height = _HEIGHTS[size]
    pen = Pen(fonts, WIDTH, height)
    words = CAPTIONS[find_language(label)]
    code = _main_code(label)
    whole = Area(0.0, 0.0, WIDTH, height)
    if size == "100x180":
        upper, lower = whole.take_top(STUB_AT)
        _main_part(pen, upper.inset(MARGIN, MARGIN), label, words, code, shares, is_tight=True)
        _stub(pen, lower, label, words, code)
    else:
        _main_part(pen, whole.inset(MARGIN, MARGIN), label, words, code, shares, is_tight=False)
    return pen.sheet()


def _main_code(label: ParcelLabel) -> Linear:
    """The waybill's number; where that is the SSCC itself, under its identifier."""
    if label.sscc and label.waybill.number in (label.sscc, "00" + label.sscc):
        return make_gs1(label.sscc, "sscc")
    return make_code128(label.waybill.number, "waybill.number")


def _has_other_sscc(label: ParcelLabel, code: Linear) -> bool:
    return bool(label.sscc) and code.kind != "gs1_128"


def _as_read(label: ParcelLabel, code: Linear) -> str:
    """What people read under the bars."""
    return f"(00) {label.sscc}" if code.kind == "gs1_128" else label.waybill.number


def _main_part(
    pen: Pen, area: Area, label: ParcelLabel, words: Captions, code: Linear, shares: Shares, *, is_tight: bool
) -> None:
    head, rest = area.take_top(9.0 if is_tight else 11.0)
    _head(pen, head, label, words)
    if label.sort_code:
        band, rest = rest.take_top(16.0 if is_tight else 18.0)
        pen.rule(band.x, band.y, band.width)
        pen.line(band.inset(_PAD, 0.5), label.sort_code, 14.5, "sort_code", least=5.0, bold=True, align=0.5)
    if label.bag_place:
        band, rest = rest.take_top(7.0)
        _bag(pen, band, label, words)
    band, rest = rest.take_top(22.0 if is_tight else 26.0)
    _barcode(pen, band, code, _as_read(label, code), "waybill.number")
    foot_at = rest.height - _FOOT
    rest, foot = rest.take_top(foot_at)
    _foot(pen, foot, label, words)
    if _has_other_sscc(label, code) and not is_tight:
        rest, band = rest.take_top(rest.height - 19.0)
        _barcode(pen, band, make_gs1(label.sscc, "sscc"), f"(00) {label.sscc}", "sscc")
    to, rest = rest.take_top(_whole(rest.height * shares[0]))
    _party(pen, to, label.consignee, label.sender, words.to, "consignee", is_big=True)
    sent_by, rest = rest.take_top(_whole(rest.height * shares[1]))
    _party(pen, sent_by, label.sender, label.consignee, words.sent_by, "sender")
    _details(pen, rest, label, words, is_tight=is_tight)


def _head(pen: Pen, area: Area, label: ParcelLabel, words: Captions) -> None:
    """Who carries it and how, and what must be seen at once."""
    badges = []
    if label.pieces > 1:
        badges.append((f"{label.piece}/{label.pieces}", "piece"))
    if label.cod_minor:
        badges.append((words.cod, "currency"))
    if label.is_return:
        badges.append((words.is_return, "is_return"))
    right = area.x + area.width
    for text, where in badges:
        width = min(pen.fonts.width(text, True, where) * 4.75 + 3.0, 27.0)
        right -= width
        badge = Area(right, area.y + 0.5, width, area.height - 1.5)
        pen.box(badge)
        pen.line(badge.inset(1.25), text, 4.75, where, bold=True, white=True, align=0.5)
        right -= 1.0
    room = Area(area.x + _PAD, area.y, right - area.x - _PAD, area.height - 1.0)
    names = [as_printed(text) for text in (label.carrier_name, label.service) if text]
    is_short = pen.fonts.width("  ".join(names), True, "carrier_name and service") * _HEAD_LEAST < room.width
    lines = [names] if is_short else [[each] for each in names]
    for place, line in enumerate(lines):
        height = room.height / len(lines)
        part = Area(room.x, room.y + place * height, room.width, height)
        pen.line(part, "  ".join(line), 6.0, "carrier_name and service", bold=True, may_cut=True)


def _bag(pen: Pen, area: Area, label: ParcelLabel, words: Captions) -> None:
    pen.rule(area.x, area.y, area.width)
    inside = area.inset(_PAD)
    width = pen.line(inside, words.bag, 3.0, "bag_place")
    _, place = inside.take_left(width + 2.0)
    pen.line(place, label.bag_place, 5.5, "bag_place", least=3.0, bold=True)


def _barcode(pen: Pen, area: Area, code: Linear, number: str, where: str) -> None:
    pen.rule(area.x, area.y, area.width)
    bars, under = area.take_top(area.height - 6.0)
    bars = Area(bars.x, bars.y + 1.5, bars.width, bars.height - 1.5)
    pen.bars(bars, code, where)
    pen.line(under, number, 4.5, where, bold=True, align=0.5)


def _party(
    pen: Pen,
    area: Area,
    who: Address,
    other: Address,
    caption: str,
    where: str,
    *,
    is_big: bool = False,
    may_cut: bool = False,
) -> None:
    """Whom, in large, or from whom, in small."""
    pen.rule(area.x, area.y, area.width)
    side = 9.0 if is_big or not is_chinese(caption) else 7.0
    mark, inside = area.take_left(side + 2.0)
    badge = Area(mark.x + _PAD, mark.y + 1.5, side, side if is_chinese(caption) else side * (0.7 if is_big else 0.5))
    if is_big:
        pen.box(badge)
    else:
        pen.frame(badge)
    letters = 6.5 if is_chinese(caption) else 4.0
    pen.line(badge.inset(0.75), caption, letters, where, least=1.5, bold=True, align=0.5, white=is_big)
    inside = Area(inside.x, inside.y + 1.0, inside.width - _PAD, inside.height - 1.5)
    name = name_and_phone(who)
    lines = address_lines(who, other)
    if is_big:
        names = [Part(name, 6.25, f"{where}.name", bold=True), Part(who.company, 5.0, f"{where}.company", bold=True)]
        pen.block(inside, [*names, *(Part(line, 5.25, f"{where}.street") for line in lines)])
    else:
        names = [Part(f"{name}  {who.company}", 3.75, f"{where}.name", bold=True)]
        pen.block(inside, [*names, Part(", ".join(filter(None, lines)), 3.5, f"{where}.street")], may_cut=may_cut)


def name_and_phone(who: Address) -> str:
    """On one line if they fit; the number is never torn."""
    return f"{who.name}  {_whole_word(who.phone)}"


def address_lines(who: Address, other: Address) -> list[str]:
    """As its country writes it; the country itself if the parcel goes abroad."""
    country = _country(who.country) if who.country != other.country else ""
    if is_chinese(who.street + who.city):
        divisions = [each for each in (who.province, who.city, who.county) if each]
        text = "".join(each for place, each in enumerate(divisions) if each not in divisions[:place])
        return [f"{text}{who.street} {who.postcode}".rstrip(), country]
    if who.country in ("US", "CA", "AU", "BR"):
        town = f"{who.city} {who.province} {who.postcode}"
    else:
        town = " ".join(filter(None, (who.postcode, who.city)))
        town = ", ".join(filter(None, (town, who.province)))
    return [who.street, who.county, " ".join(town.split()), country]


@functools.cache
def _country(code: str) -> str:
    """In capitals and in English, as the post asks for it."""
    return str(Locale("en").territories.get(code, code)).upper()


def _details(pen: Pen, area: Area, label: ParcelLabel, words: Captions, *, is_tight: bool) -> None:
    pen.rule(area.x, area.y, area.width)
    inside = Area(area.x + _PAD, area.y + 1.0, area.width - 2 * _PAD, area.height - 1.0)
    if label.routing and not is_tight:
        inside = _routing(pen, inside, label)
    if label.cod_minor:
        band, inside = inside.take_top(7.0)
        pen.line(band, f"{words.cod}  {Money(label.cod_minor, label.currency)}", 5.5, "cod_minor", least=3.5, bold=True)
    texts = _facts(label, words)
    if is_tight:
        pen.line(inside, "   ".join(texts[:2]), 3.0, "order_number", may_cut=True)
        return
    pen.block(inside, [Part(text, 4.0, "items and remark") for text in texts], may_cut=True)


def _routing(pen: Pen, area: Area, label: ParcelLabel) -> Area:
    side = min(_SQUARE, area.height)
    left, right = area.take_left(area.width - side)
    code = make_square(label.square, label.routing, "routing")
    pen.square(Area(right.x, right.y, side, side), code, "routing")
    return left.take_left(left.width - _PAD)[0]


def _facts(label: ParcelLabel, words: Captions) -> list[str]:
    """What people look up, one line each."""
    weight = f"{label.weight_g / 1000:.2f} kg" if label.weight_g else ""
    pieces = f"{label.piece}/{label.pieces}"
    first = [(words.weight, weight), (words.piece, pieces)]
    rest = [
        (words.order, label.order_number),
        (words.reference, label.reference),
        (words.items, label.items),
        (words.remark, label.remark),
    ]
    return [
        "   ".join(f"{caption} {text}" for caption, text in first if text),
        *(f"{caption} {text}" for caption, text in rest if text),
    ]


def _foot(pen: Pen, area: Area, label: ParcelLabel, words: Captions) -> None:
    pen.rule(area.x, area.y, area.width)
    inside = area.inset(_PAD)
    left, right = inside.take_left(inside.width / 2)
    if label.printed_at:
        pen.line(left, f"{words.printed} {label.printed_at}", SMALL, "printed_at", may_cut=True)
    pen.line(right, label.reference, SMALL, "reference", align=1.0, may_cut=True)


def _stub(pen: Pen, area: Area, label: ParcelLabel, words: Captions, code: Linear) -> None:
    """What the outlet or the consignee keeps."""
    pen.dashes(0.0, area.y, WIDTH)
    area = area.inset(MARGIN, MARGIN)
    is_crowded = _has_other_sscc(label, code)
    band, rest = area.take_top(14.0 if is_crowded else 17.0)
    bars, under = band.take_top(band.height - 5.0)
    pen.bars(bars, code, "waybill.number")
    pen.line(under, _as_read(label, code), 4.0, "waybill.number", bold=True, align=0.5)
    to, rest = rest.take_top(13.0 if is_crowded else 15.0)
    _party(pen, to, label.consignee, label.sender, words.to, "consignee", may_cut=True)
    if is_crowded:
        band, rest = rest.take_top(16.5)
        _barcode(pen, band, make_gs1(label.sscc, "sscc"), f"(00) {label.sscc}", "sscc")
    else:
        sent_by, rest = rest.take_top(13.0)
        _party(pen, sent_by, label.sender, label.consignee, words.sent_by, "sender", may_cut=True)
    rest, foot = rest.take_top(rest.height - _FOOT)
    _foot(pen, foot, label, words)
    pen.rule(rest.x, rest.y, rest.width)
    inside = Area(rest.x + _PAD, rest.y + 1.0, rest.width - 2 * _PAD, rest.height - 1.0)
    if label.routing:
        inside = _routing(pen, inside, label)
    pen.block(inside, [Part(text, 3.0, "items and remark") for text in _facts(label, words)], may_cut=True)


def _whole_word(text: str) -> str:
    """Not broken at its spaces."""
    return text.replace(" ", NO_BREAK)


def _whole(length: float) -> float:
    return float(round(length * 2) / 2)
