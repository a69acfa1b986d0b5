"""Nothing on a label stands over anything else, whatever it says, and what matters most is largest."""

import random
from collections.abc import Callable, Iterator

import msgspec
import pytest
from tests.rooms.booking.printing.consignments import draw_label
from tests.rooms.booking.printing.test_slips import make as make_slip

from waypost.booking.issuing import Address
from waypost.booking.printing import ParcelLabel, Printer
from waypost.booking.printing.barcodes import DOT
from waypost.booking.printing.layout import Size, address_lines
from waypost.booking.printing.marks import Bars, Box, Mark, Sheet, Square, Text
from waypost.booking.printing.slips import lay_out_slip
from waypost.model.errors import BadInput

Make = Callable[..., ParcelLabel]
Bounds = tuple[float, float, float, float]
SIZES: tuple[Size, ...] = ("100x150", "100x180")


@pytest.mark.parametrize("size", SIZES)
def test_nothing_stands_over_anything_else(printer: Printer, size: Size) -> None:
    for seed in range(150):
        assert list(find_overlaps(printer.lay_out(draw_label(seed), size))) == [], seed


@pytest.mark.parametrize("size", SIZES)
def test_words_of_any_length_keep_their_place_or_are_refused(printer: Printer, size: Size) -> None:
    printed, refused = 0, []
    for seed in range(150):
        rng = random.Random(seed)
        label = draw_label(seed)

        def long(text: str, rng: random.Random = rng) -> str:
            return (text + " ") * rng.choice((1, 1, 2, 3, 8)) + text * rng.choice((0, 0, 1, 4))

        to = {name: long(getattr(label.consignee, name)) for name in ("name", "city", "street", "company")}
        told = {
            name: long(getattr(label, name)) for name in ("sort_code", "bag_place", "service", "remark", "order_number")
        }
        label = msgspec.structs.replace(label, consignee=msgspec.structs.replace(label.consignee, **to), **told)
        try:
            sheet = printer.lay_out(label, size)
        except BadInput as error:
            refused.append(error)
            continue
        printed += 1
        assert list(find_overlaps(sheet)) == [], seed
    assert printed > 20
    assert [error for error in refused if not (error.where and error.mend)] == []


def test_what_matters_most_is_largest(printer: Printer, make: Make) -> None:
    sheet = printer.lay_out(make(sort_code="310-A12 003", order_number="A-1"))
    sizes = {mark.text: mark.size for mark in sheet.marks if isinstance(mark, Text)}
    names = [
        next(size for text, size in sizes.items() if text.startswith(name)) for name in ("310-", "王小明", "样例商行")
    ]
    assert names == sorted(names, reverse=True)
    assert names[0] > 2 * names[1]
    assert min(sizes.values()) >= 2.25


def test_the_smallest_paper_has_no_overlaps_either(printer: Printer) -> None:
    for count in (1, 20, 100):
        for page in lay_out_slip(make_slip(count), printer.fonts, "a6"):
            assert list(find_overlaps(page)) == []


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        (
            {"country": "CN", "province": "北京市", "city": "北京市", "county": "朝阳区", "street": "样例路1号"},
            ["北京市朝阳区样例路1号", "CHINA"],
        ),
        (
            {"country": "BR", "province": "SP", "city": "São Paulo", "street": "Rua 1", "postcode": "01301-000"},
            ["Rua 1", "São Paulo SP 01301-000", "BRAZIL"],
        ),
        ({"country": "ES", "province": "Sevilla", "city": "Écija", "street": "C/ 1", "postcode": "41400"},
         ["C/ 1", "41400 Écija, Sevilla", "SPAIN"]),
        ({"country": "XX", "city": "Nowhere", "street": "1"}, ["1", "Nowhere", "XX"]),
    ],
)  # fmt: skip
def test_addresses_are_written_as_their_country_does(fields: dict[str, str], lines: list[str]) -> None:
    who = Address(name="x", **fields)
    abroad = Address(name="y", country="DE", city="Kiel", street="1")
    assert [line for line in address_lines(who, abroad) if line] == lines
    assert [line for line in address_lines(who, who) if line] == lines[:-1]


@pytest.mark.parametrize("size", SIZES)
def test_long_addresses_that_were_booked_are_printed(printer: Printer, make: Make, size: Size) -> None:
    long = Address(
        name="样例" * 10,
        country="CN",
        province="浙江省",
        city="杭州市",
        street="样例路甲乙丙丁" * 12,
        phone="13800001234",
    )
    sheet = printer.lay_out(
        make(consignee=long, sender=long, sort_code="310-A12 003", bag_place="杭州", remark="样例" * 30), size
    )
    assert list(find_overlaps(sheet)) == []


def test_badges_leave_room_for_the_carrier(printer: Printer, make: Make) -> None:
    told = {"pieces": 10**6, "piece": 10**6, "cod_minor": 100, "currency": "EUR", "is_return": True}
    sheet = printer.lay_out(make(carrier_name="Correos Express", service="Paq 24", language="es", **told))
    assert list(find_overlaps(sheet)) == []


def test_an_overlap_is_found() -> None:
    text = Text(10.0, 10.0, 4.0, "ab", 4.0)
    assert list(find_overlaps(Sheet(50.0, 50.0, (text, Text(13.0, 12.0, 4.0, "cd", 4.0)))))
    assert list(find_overlaps(Sheet(50.0, 50.0, (text, Box(0.0, 9.0, 50.0, 0.25)))))
    assert not list(find_overlaps(Sheet(50.0, 50.0, (text, Text(14.5, 10.0, 4.0, "cd", 4.0)))))


def find_overlaps(sheet: Sheet) -> Iterator[str]:
    placed = [(mark, bounds_of(mark)) for mark in sheet.marks]
    for place, (one, first) in enumerate(placed):
        for other, second in placed[place + 1 :]:
            boxes = isinstance(one, Box), isinstance(other, Box)
            whites = [mark for mark in (one, other) if isinstance(mark, Text) and mark.white]
            if all(boxes) or (any(boxes) and whites):
                continue
            if all(first[axis] < second[axis + 2] and second[axis] < first[axis + 2] for axis in (0, 1)):
                yield f"{one} {other}"


def bounds_of(mark: Mark) -> Bounds:
    match mark:
        case Text():
            return mark.x, mark.y - 0.74 * mark.size, mark.x + mark.width, mark.y + 0.15 * mark.size
        case Box():
            return mark.x, mark.y, mark.x + mark.width, mark.y + mark.height
        case Bars():
            quiet = 10 * mark.dots * DOT
            return mark.x - quiet, mark.y, mark.x + mark.code.width * mark.dots * DOT + quiet, mark.y + mark.height
        case Square():
            side = mark.code.room * mark.dots * DOT
            return mark.x, mark.y, mark.x + side, mark.y + side
