"""Cells of XLSX sheets, row by row; one that cannot be read costs its own row only.

Few bytes can be made to unpack to many, and few of these to many times as much memory. So parts are read as streams
that break off where a text is longer, or a row has more in it, than anybody's sheet.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal
from zipfile import ZipFile, ZipInfo

from openpyxl.cell.read_only import EMPTY_CELL, ReadOnlyCell
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.functions import iterparse

#: A text of a cell takes at most so many bytes; Excel's are of 32,767 characters.
MOST_TEXT_BYTES = 1 << 20
#: So many tags may stand between two rows or shared texts, or in a part that has none of these: as Excel has styles.
MOST_TAGS = 200_000
#: Rows, or shared texts, of a part.
MOST_MARKS = 1_200_000
_MARK = re.compile(rb"<(?:[\w.-]+:)?(?:row|si)[\s/>]")
#: A mark that may be cut in two at the end of what was read.
_OVERLAP = 64


class TooMuchError(Exception):
    """A part breaks off; why."""


class _Part:
    """Reads a part of the archive, and breaks off where it is more than anybody's."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._end = b""
        self._run = self._tags = self._marks = 0

    def __enter__(self) -> "_Part":
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def read(self, size: int = -1) -> bytes:
        if size is not None and size >= 0:
            return self._check(self._source.read(size))
        return b"".join(iter(lambda: self._check(self._source.read(1 << 16)), b""))

    def _check(self, data: bytes) -> bytes:
        first = data.find(b"<")
        self._run += len(data) if first < 0 else first
        if self._run > MOST_TEXT_BYTES:
            raise TooMuchError(f"a cell has more than {MOST_TEXT_BYTES >> 20} MiB")
        if first >= 0:
            self._run = len(data) - data.rfind(b"<") - 1
        cut = len(self._end)
        looked_at, last = self._end + data, cut
        for mark in _MARK.finditer(looked_at):
            if mark.end() <= cut:  # counted before
                continue
            self._count(looked_at.count(b"<", last, max(mark.start(), last)))
            self._marks, self._tags, last = self._marks + 1, 0, max(mark.start(), last)
        self._count(looked_at.count(b"<", last))
        if self._marks > MOST_MARKS:
            raise TooMuchError(f"it has more than {MOST_MARKS} rows")
        self._end = looked_at[-_OVERLAP:]
        return data

    def _count(self, tags: int) -> None:
        self._tags += tags
        if self._tags > MOST_TAGS:
            raise TooMuchError(f"a row has more than {MOST_TAGS} tags")


class _Archive(ZipFile):
    def open(  # type: ignore[override]
        self, name: str | ZipInfo, mode: Literal["r"] = "r", pwd: bytes | None = None, *, force_zip64: bool = False
    ) -> Any:
        return _Part(super().open(name, mode, pwd, force_zip64=force_zip64))


class Sheet:
    """One sheet of cells; `parent` is its workbook, as cells look for their formats there."""

    def __init__(self, title: str, path: str, book: "Book") -> None:
        self.title, self.path, self.book = title, path, book
        self.parent = book.wb


class Book(ExcelReader):  # type: ignore[misc]
    """An open XLSX file, whatever its name ends in; only what its cells need is read of it."""

    wb: Any
    parser: Any

    def __init__(self, path: Path) -> None:  # its parent goes by the name
        self.archive = _Archive(path)
        self.valid_files = self.archive.namelist()
        self.read_only = self.data_only = True
        self.keep_vba = self.keep_links = self.rich_text = False
        self.shared_strings: list[str] = []
        self.sheets: list[Sheet] = []

    def __enter__(self) -> "Book":
        try:
            self.read_manifest()
            self.read_strings()
            self.read_workbook()
            apply_stylesheet(self.archive, self.wb)
            for sheet, relation in self.parser.find_sheets():
                if relation.target in self.valid_files and relation.Type.endswith("/worksheet"):
                    self.sheets.append(Sheet(sheet.name, relation.target, self))
        except BaseException:
            self.archive.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.archive.close()


class _Parser(WorkSheetParser):  # type: ignore[misc]
    """Hands a cell whose value is none of its type out as an error, where its parent would break off."""

    col_counter: int
    row_dimensions: dict[str, Any]

    def parse(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """The rows; what stands behind them, such as margins and marks of colour, is no concern of ours."""
        data = None
        for event, element in iterparse(self.source, ("start", "end")):
            if event == "start":
                data = element if element.tag == DATA_TAG else data
            elif element.tag == ROW_TAG:
                row = self.parse_row(element)
                (element if data is None else data).clear()
                self.row_dimensions.clear()
                yield row
            elif element.tag == DATA_TAG:
                return

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


def iterate_rows(sheet: Sheet, width: int) -> Iterator[tuple[int, list[Any]]]:
    """The rows as the sheet has them one after the other, with their numbers; as many cells of each as asked for.

    Numbers may repeat and go back, if no spreadsheet wrote them.
    """
    book = sheet.parent
    with sheet.book.archive.open(sheet.path) as source:
        parser = _Parser(
            source,
            sheet.book.shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for line, row in parser.parse():
            cells = [EMPTY_CELL] * width
            for cell in row:
                if 1 <= cell["column"] <= width:
                    place = cell["column"] - 1
                    if cells[place].value is not None:
                        cell |= {"value": "of two values", "data_type": "e"}
                    cells[place] = ReadOnlyCell(sheet, **cell)
            yield line, cells
