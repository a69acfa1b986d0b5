"""Packing slips: every line on some page, in order, with its sums."""

from pathlib import Path

import pytest
from tests.rooms.booking.printing.readers import read_pdf, render_pdf, scan

from waypost.booking.issuing import Address, Item
from waypost.booking.printing import PackingSlip, Printer
from waypost.booking.printing.slips import Paper, lay_out_slip
from waypost.model.carriage import Waybill

ANA = Address(name="Ana", country="BR", city="Recife", street="Rua 1", phone="+55 81 5550100")


def make(count: int, **different: object) -> PackingSlip:
    items = [Item(description=f"Article {n:03}", quantity=n, value_minor=150) for n in range(1, count + 1)]
    fields = {"order_number": "A-1", "sender": ANA, "consignee": ANA, "items": items, "currency": "BRL", **different}
    return PackingSlip(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("paper", ["a4", "a6"])
@pytest.mark.parametrize("count", [1, 17, 18, 19, 20, 44, 45, 46, 47, 48, 300])
def test_every_item_is_there_once_and_in_order(printer: Printer, tmp_path: Path, paper: Paper, count: int) -> None:
    text = read_pdf(printer.print_slip(make(count), paper).content, tmp_path)
    assert [line.split()[2] for line in text.splitlines() if "Article" in line] == [
        f"{n:03}" for n in range(1, count + 1)
    ]
    pieces = count * (count + 1) // 2
    pages = text.split("\f")[:-1]
    assert f"Qty {pieces}" in pages[-1]
    assert f"Total {pieces * 150 / 100:.2f} BRL" in pages[-1]
    assert "Article" in pages[-1], "the total does not stand alone"
    for number, page in enumerate(pages, 1):
        assert f"Page {number}/{len(pages)}" in page


def test_a_long_description_takes_lines_and_no_value_no_total(printer: Printer, tmp_path: Path) -> None:
    long = " ".join(f"word{n}" for n in range(250))
    items = [Item(description=long, quantity=2), Item(description="hat", value_minor=1)]
    text = read_pdf(printer.print_slip(make(0, items=items, note="Obrigado!"), "a6").content, tmp_path)
    assert all(f"word{n}" in text for n in range(250))
    assert "Total 0" not in text
    assert "Note: Obrigado!" in text


def test_a_line_begins_with_what_the_merchant_calls_it(printer: Printer, tmp_path: Path) -> None:
    content = printer.print_slip(make(0, items=[Item(description="hat", sku="HAT-7")])).content
    assert "HAT-7 hat" in read_pdf(content, tmp_path)


def test_the_number_of_the_waybill_is_read_back(printer: Printer, tmp_path: Path) -> None:
    content = printer.print_slip(make(3, waybill=Waybill("c", "AA123456785BR")), "a6").content
    assert scan(render_pdf(content, tmp_path)[0]) == ["AA123456785BR"]


def test_the_paper_has_its_size(printer: Printer) -> None:
    assert {(page.width, page.height) for page in lay_out_slip(make(100), printer.fonts, "a6")} == {(105.0, 148.0)}
