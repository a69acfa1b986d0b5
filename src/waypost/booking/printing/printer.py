"""From what a label says to the bytes that are sent to a printer."""

import io
from typing import Literal

from waypost.booking.issuing import Label
from waypost.booking.printing.bitmaps import Rasters
from waypost.booking.printing.content import PackingSlip, ParcelLabel
from waypost.booking.printing.fonts import Fonts
from waypost.booking.printing.layout import Size, lay_out
from waypost.booking.printing.marks import Sheet
from waypost.booking.printing.masking import Masking, mask
from waypost.booking.printing.pdf import PdfFile
from waypost.booking.printing.png import print_png
from waypost.booking.printing.slips import Paper, lay_out_slip
from waypost.booking.printing.zpl import print_zpl

Format = Literal["pdf", "zpl", "png"]

CONTENT_TYPES: dict[str, str] = {"pdf": "application/pdf", "zpl": "application/zpl", "png": "image/png"}


class Printer:
    """Has the fonts, and remembers what it drew of them: one of it serves a process.

    Args:
        masking: what labels hide; None hides nothing.
    """

    def __init__(self, fonts: Fonts, masking: Masking | None = None) -> None:
        self.fonts = fonts
        self.rasters = Rasters(fonts)
        self._masking = masking

    def lay_out(self, label: ParcelLabel, size: Size = "100x150") -> Sheet:
        """A label, masked if that is asked.

        Raises:
            BadInput: a field cannot be printed, does not fit, or would tell what is masked.
        """
        if self._masking is not None:
            label = mask(label, self._masking)
        return lay_out(label, self.fonts, size)

    def print_label(
        self, label: ParcelLabel, format: Format = "pdf", size: Size = "100x150", *, dpi: int = 203
    ) -> Label:
        """One label. `dpi` is of the printer, for ZPL and PNG.

        Raises:
            BadInput: as `lay_out`.
        """
        sheet = self.lay_out(label, size)
        if format == "png":
            return Label(content=print_png(sheet, self.rasters, dpi), content_type=CONTENT_TYPES["png"])
        if format == "zpl":
            return Label(content=print_zpl([sheet], self.rasters, dpi), content_type=CONTENT_TYPES["zpl"])
        return self._pdf([sheet])

    def print_slip(self, slip: PackingSlip, paper: Paper = "a4") -> Label:
        """A packing slip, as PDF. It lies in the parcel, so it is not masked.

        Raises:
            BadInput: a field cannot be printed or does not fit.
        """
        return self._pdf(lay_out_slip(slip, self.fonts, paper))

    def _pdf(self, sheets: list[Sheet]) -> Label:
        file = PdfFile(self.fonts)
        for sheet in sheets:
            file.add(sheet)
        to = io.BytesIO()
        file.write(to)
        return Label(content=to.getvalue(), content_type=CONTENT_TYPES["pdf"])
