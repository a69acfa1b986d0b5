"""Sheets of orders that merchants hand in, CSV or XLSX, as columns of text under their own headings."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from waypost.booking.sheets import Table
from waypost.feeds.stream import ByteStream, Meter
from waypost.feeds.tables import Part, read_stream
from waypost.feeds.xlsx import INEXACT, MARK, OLD_MARK, BadCellError, read_sheet, written_in
from waypost.model.errors import BadInput


class OrderSheets:
    """The reader of sheets, as `booking` asks for it."""

    def read(self, path: Path) -> Iterator[Table]:
        """See `booking.sheets.TableReader`. Packed files are refused: a few bytes may be any number of rows."""
        with path.open("rb") as file:
            mark = file.read(4)
        if mark == OLD_MARK:
            raise BadInput("is an .xls of old, or has a password", where=path.name, mend="Save it as .xlsx or .csv.")
        for part in self._parts(path, is_workbook=mark == MARK):
            yield Table(part.columns, part.lines, part.refusals)

    def _parts(self, path: Path, *, is_workbook: bool) -> Iterator[Part]:
        if is_workbook:
            yield from read_sheet(path, Meter([path]), (), None, _name_blank, text_of=_text_of)
            return
        with ByteStream(path, Meter([path])) as stream:
            if stream.packing:
                raise BadInput(f"is packed with {stream.packing}", where=path.name, mend="Unpack it first.")
            yield from read_stream(stream, (), name_columns=_name_blank)


def _name_blank(header: Sequence[str]) -> list[str]:
    """What programs that write CSV leave blank, often at the end, is a column all the same, and nobody reads it."""
    return [heading or f"(column {place})" for place, heading in enumerate(header, 1)]


def _text_of(field: str, cell: Any) -> str:
    """The text of a cell as people read it: amounts are numbers here, and days have no time."""
    if (text := written_in(cell)) is not None:
        return text
    value = cell.value
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadCellError("is no text and no number")
    if abs(value) >= INEXACT or str(cell.number_format).startswith("00"):  # digits of it are not kept
        raise BadCellError("is kept as a number, of which digits may be lost: format the column as text")
    return str(int(value)) if value == int(value) else repr(value)
