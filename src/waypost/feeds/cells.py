"""Cells of XLSX sheets, row by row; one that cannot be read costs its own row only."""

from collections.abc import Iterator
from typing import Any

from openpyxl.cell.read_only import EMPTY_CELL, ReadOnlyCell
from openpyxl.worksheet._reader import VALUE_TAG, WorkSheetParser


class _Parser(WorkSheetParser):  # type: ignore[misc]
    """Hands a cell whose value is none of its type out as an error, where its parent would break off."""

    col_counter: int

    def parse_cell(self, element: Any) -> dict[str, Any]:
        column = self.col_counter
        try:
            cell: dict[str, Any] = super().parse_cell(element)
        except (ValueError, ArithmeticError, IndexError, UserWarning):  # the last one where warnings are errors
            value = element.find(VALUE_TAG)
            if value is None:
                raise
            text, value.text, self.col_counter = value.text, None, column
            cell = super().parse_cell(element) | {"value": text, "data_type": "e"}
        return cell


def iterate_rows(sheet: Any, width: int) -> Iterator[tuple[int, list[Any]]]:
    """The rows of a sheet that is opened to be read only, with their numbers; as many cells of each as asked for."""
    book, last = sheet.parent, 0
    with sheet._get_source() as source:
        parser = _Parser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for line, row in parser.parse():
            if line <= last:
                continue
            last, cells = line, [EMPTY_CELL] * width
            for cell in row:
                if 1 <= cell["column"] <= width:
                    cells[cell["column"] - 1] = ReadOnlyCell(sheet, **cell)
            yield line, cells
