"""Random consignments printed three ways: every barcode is read back, nothing leaves the paper, texts are there."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests.rooms.booking.printing.consignments import draw_label, expected
from tests.rooms.booking.printing.readers import needs, open_png, read_pdf, render_pdf, scan

from waypost.booking.printing import Printer, merge_labels
from waypost.booking.printing.layout import Size
from waypost.booking.printing.png import draw

SIZES: tuple[Size, ...] = ("100x150", "100x180")
RENDER = """
const fs = require("node:fs");
(async () => {
  const {ready} = require(process.argv[2]);
  const {api} = await ready;
  const [width, height, dots] = process.argv[4].split("x").map(Number);
  const pictures = await api.zplToBase64MultipleAsync(fs.readFileSync(process.argv[3], "utf8"), width, height, dots);
  process.stdout.write(JSON.stringify(pictures), () => process.exit(0));
})();
"""


def count(heavy: bool) -> int:
    return 500 if heavy else 20


@pytest.mark.parametrize("size", SIZES)
def test_every_barcode_of_a_pdf_is_read_back(printer: Printer, heavy: bool, tmp_path: Path, size: Size) -> None:
    labels = [draw_label(seed) for seed in range(count(heavy) // 2)]
    to = io.BytesIO()
    merged = merge_labels(labels, printer, to, "pdf", size)
    assert (merged.count, merged.refusals) == (len(labels), ())
    pages = render_pdf(to.getvalue(), tmp_path)
    assert [scan(page) for page in pages] == [expected(label, size) for label in labels]


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("size", SIZES)
def test_every_barcode_of_a_png_is_read_back(printer: Printer, heavy: bool, size: Size, dpi: int) -> None:
    for seed in range(count(heavy) // 4):
        label = draw_label(seed)
        picture = open_png(printer.print_label(label, "png", size, dpi=dpi).content)
        assert scan(picture) == expected(label, size), seed


@pytest.mark.heavy
@pytest.mark.timeout(900)  # a fifth of a second for each picture of the renderer, on a quiet machine
@pytest.mark.parametrize("size", SIZES)
def test_every_barcode_of_zpl_is_read_back(printer: Printer, renderer: Path, tmp_path: Path, size: Size) -> None:
    labels = [draw_label(seed) for seed in range(count(heavy=True) // 2)]
    for start in range(0, len(labels), 50):
        to = io.BytesIO()
        batch = labels[start : start + 50]
        assert merge_labels(batch, printer, to, "zpl", size).count == len(batch)
        pictures = render_zpl(to.getvalue(), renderer, tmp_path, size)
        assert [scan(picture) for picture in pictures] == [expected(label, size) for label in batch]


@pytest.mark.heavy
def test_every_barcode_of_zpl_for_300_dpi_is_read_back(printer: Printer, renderer: Path, tmp_path: Path) -> None:
    labels = [draw_label(seed) for seed in range(50)]
    to = io.BytesIO()
    merge_labels(labels, printer, to, "zpl", dpi=300)
    pictures = render_zpl(to.getvalue(), renderer, tmp_path, "100x150", 12)
    assert [scan(picture) for picture in pictures] == [expected(label, "100x150") for label in labels]


@pytest.mark.heavy
def test_text_in_the_font_of_the_printer_stays_on_the_paper(printer: Printer, renderer: Path, tmp_path: Path) -> None:
    labels = [draw_label(seed) for seed in range(100)]
    to = io.BytesIO()
    merge_labels(labels, printer, to, "zpl")
    for label, picture in zip(labels, render_zpl(to.getvalue(), renderer, tmp_path, "100x150"), strict=True):
        assert_margins(picture, label.reference)


def test_nothing_stands_in_the_margins(printer: Printer) -> None:
    for seed in range(100):
        sheet = printer.lay_out(draw_label(seed))
        assert_margins(draw(sheet, printer.rasters, 8), str(seed))


def test_a_pdf_says_all_of_it(printer: Printer, tmp_path: Path) -> None:
    for seed in range(10):
        label = draw_label(seed)
        text = "".join(read_pdf(printer.print_label(label).content, tmp_path).split())
        for field in (
            label.waybill.number,
            label.sort_code,
            label.consignee.name,
            label.sender.phone,
            label.order_number,
        ):
            assert "".join(field.split()) in text, field
        # Lines that begin beside the badge may come apart; every character of the street is there.
        assert set(label.consignee.street.replace(" ", "")) <= set(text)


def assert_margins(picture: Image.Image, what: str) -> None:
    """2 mm all around, but for the dashes where a stub is torn off."""
    ink = picture.convert("L").point(lambda value: 255 if value < 128 else 0)
    left, top, right, bottom = ink.getbbox() or (99, 99, 0, 0)
    assert left >= 16, what
    assert top >= 16, what
    assert right <= picture.width - 16, what
    assert bottom <= picture.height - 16, what


def render_zpl(content: bytes, renderer: Path, folder: Path, size: str, dots: int = 8) -> list[Image.Image]:
    (folder / "labels.zpl").write_bytes(content)
    (folder / "render.cjs").write_text(RENDER)
    command = ["node", str(folder / "render.cjs"), str(renderer), str(folder / "labels.zpl"), f"{size}x{dots}"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=280).stdout
    return [Image.open(io.BytesIO(base64.b64decode(picture))) for picture in json.loads(told)]


@pytest.fixture(scope="session")
def renderer() -> Path:
    """The npm package zpl-renderer-js, as scripts/setup installs it."""
    needs("node", "nodejs")
    found = Path(sys.prefix) / "zpl/node_modules/zpl-renderer-js"
    if not found.is_dir():
        pytest.skip("no zpl-renderer-js: scripts/setup installs it where npm is")
    return found
