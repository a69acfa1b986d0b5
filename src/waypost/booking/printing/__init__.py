"""Labels and packing slips: one layout, printed as PDF, ZPL II and PNG. No clock and no records: see `Printer`."""

from waypost.booking.printing.content import PackingSlip as PackingSlip
from waypost.booking.printing.content import ParcelLabel as ParcelLabel
from waypost.booking.printing.fonts import load_fonts as load_fonts
from waypost.booking.printing.masking import Masking as Masking
from waypost.booking.printing.merging import merge_labels as merge_labels
from waypost.booking.printing.printer import Printer as Printer
