"""Print files: in order, whole, and with a word on what is not in them."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.rooms.booking.printing.readers import read_pdf

from waypost.booking.printing import ParcelLabel, Printer, merge_labels
from waypost.booking.printing.printer import CONTENT_TYPES
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput

Make = Callable[..., ParcelLabel]


def numbered(make: Make, number: str) -> ParcelLabel:
    return make(waybill=Waybill("yto", number), language="en")


def test_labels_come_in_order_and_bad_ones_are_told_of(make: Make, printer: Printer, tmp_path: Path) -> None:
    labels = [numbered(make, number) for number in ("YT3", "八", "YT1", "YT2")]
    pdf, zpl = io.BytesIO(), io.BytesIO()
    for merged in (
        merge_labels(iter(labels), printer, pdf, "pdf"),
        merge_labels(iter(labels), printer, zpl, "zpl"),
    ):
        assert merged.count == 3
        [refusal] = merged.refusals
        assert (refusal.index, refusal.where) == (1, "waybill.number")
        assert refusal.mend
    pages = read_pdf(pdf.getvalue(), tmp_path).split("\f")[:-1]
    assert [next(n for n in ("YT1", "YT2", "YT3") if n in page) for page in pages] == ["YT3", "YT1", "YT2"]
    formats = zpl.getvalue().decode().split("^XZ\n")[:-1]
    assert [each.count("^XA") for each in formats] == [1, 1, 1]
    assert [f"^FD{number}^FS" in each for number, each in zip(("YT3", "YT1", "YT2"), formats, strict=True)] == [
        True
    ] * 3


def test_without_a_good_label_there_is_no_file(make: Make, printer: Printer) -> None:
    to = io.BytesIO()
    merged = merge_labels([numbered(make, "八")], printer, to)
    assert (merged.count, len(merged.refusals), to.getvalue()) == (0, 1, b"")


def test_fonts_are_embedded_once(make: Make, printer: Printer) -> None:
    sizes = []
    for count in (1, 101):
        to = io.BytesIO()
        merge_labels([numbered(make, f"YT{n:012}") for n in range(count)], printer, to)
        sizes.append(len(to.getvalue()))
    assert (sizes[1] - sizes[0]) / 100 < 2000
    assert sizes[0] > 8000, "the subsets"


def test_the_same_label_is_the_same_file(make: Make, printer: Printer) -> None:
    for format, kind in CONTENT_TYPES.items():
        first, second = (printer.print_label(make(), format) for _ in range(2))  # type: ignore[arg-type]
        assert first == second
        assert first.content_type == kind


def test_another_resolution_is_refused(make: Make, printer: Printer) -> None:
    for format in ("png", "zpl"):
        with pytest.raises(BadInput, match="dpi: 600 dpi"):
            printer.print_label(make(), format, dpi=600)


def test_zpl_is_of_the_size_of_the_paper(make: Make, printer: Printer) -> None:
    assert b"^PW800^LL1440" in printer.print_label(make(), "zpl", "100x180").content
    assert b"^PW1200^LL1800" in printer.print_label(make(), "zpl", dpi=300).content


def test_commands_in_a_text_are_text(make: Make, printer: Printer) -> None:
    sent = printer.print_label(make(order_number="^XZ~JA_5E", language="en"), "zpl").content.decode()
    assert sent.count("^XZ") == 1
    assert "~" not in sent
    assert "_5EXZ_7EJA_5F5E" in sent
