"""Many labels as one print file, in their order."""

from collections.abc import Iterable
from typing import BinaryIO, Literal

import msgspec

from waypost.booking.printing.content import ParcelLabel
from waypost.booking.printing.layout import Size
from waypost.booking.printing.pdf import PdfFile
from waypost.booking.printing.printer import Printer
from waypost.booking.printing.zpl import print_zpl
from waypost.model.errors import BadInput


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A label that is not in the file: which one, counted from 0, and why."""

    index: int
    reason: str
    where: str | None = None
    mend: str | None = None


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """How many labels the file has, and which are missing."""

    count: int
    refusals: tuple[Refusal, ...] = ()


def merge_labels(
    labels: Iterable[ParcelLabel],
    printer: Printer,
    to: BinaryIO,
    format: Literal["pdf", "zpl"] = "pdf",
    size: Size = "100x150",
    *,
    dpi: int = 203,
) -> Merged:
    """Write them all; one that cannot be printed is left out and told of. Without any good one nothing is written."""
    count = 0
    refusals = []
    pdf = PdfFile(printer.fonts)
    for index, label in enumerate(labels):
        try:
            sheet = printer.lay_out(label, size)
        except BadInput as error:
            refusals.append(Refusal(index=index, reason=error.message, where=error.where, mend=error.mend))
            continue
        count += 1
        if format == "zpl":
            to.write(print_zpl([sheet], printer.rasters, dpi))
        else:
            pdf.add(sheet)
    if count and format == "pdf":
        pdf.write(to)
    return Merged(count=count, refusals=tuple(refusals))
