"""Readers that see a label as a scanner and a person do."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image


def needs(tool: str, package: str) -> str:
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"no {tool}: install Debian's {package}")
    return path


#: Scanners of parcels are set so, too: one line of dots through small letters can be a code of the supermarket.
_PRINTED = zxingcpp.BarcodeFormats(
    [zxingcpp.BarcodeFormat.Code128, zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix]
)


def scan(picture: Image.Image) -> list[str]:
    return sorted(code.text for code in zxingcpp.read_barcodes(picture.convert("L"), formats=_PRINTED))


def open_png(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def render_pdf(content: bytes, folder: Path, dpi: int = 203) -> list[Image.Image]:
    """Its pages as a printer of that resolution gets them."""
    tool = needs("pdftoppm", "poppler-utils")
    (folder / "sheet.pdf").write_bytes(content)
    subprocess.run([tool, "-r", str(dpi), "-gray", folder / "sheet.pdf", folder / "page"], check=True, timeout=250)
    return [Image.open(path) for path in sorted(folder.glob("page*.pgm"))]


def read_pdf(content: bytes, folder: Path) -> str:
    """Its text."""
    tool = needs("pdftotext", "poppler-utils")
    (folder / "text.pdf").write_bytes(content)
    command = [tool, "-layout", str(folder / "text.pdf"), "-"]
    return subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout
