"""The first sheet of an XLSX file as columns of text, every row with its number in the sheet.

Excel keeps numbers to 15 digits, and dates as numbers. So a waybill number that is kept as a number is taken only while
no digit of it can have been lost, and a date becomes the local stamp that people see.
"""

import datetime as dt
import itertools
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from waypost.feeds.stream import MEND_ARCHIVE, Meter, size_of
from waypost.feeds.tables import MOST_COLUMNS, Part, check_columns
from waypost.model.errors import BadInput
from waypost.track.feed import FileRefusal

#: How such files begin; other zip archives begin so too.
MARK = b"PK\x03\x04"
#: An old .xls, or a file behind a password.
OLD_MARK = b"\xd0\xcf\x11\xe0"
#: What all parts of a file may unpack to, and how many rows its sheet may have.
MOST_BYTES, MOST_ROWS = 64 << 20, 50_000
_PARTS, _ROWS = 1_000, 8_192
#: From here on Excel rounds.
INEXACT = 10**15

#: Others may ask for any memory to unpack a few bytes.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_ANEW = "Save it anew as .xlsx or .csv."
_ONE_SHEET = "Put the rows on the first sheet."
_AS_TEXT = "format the column as text and write the numbers in again"


class BadCellError(Exception):
    """A cell cannot be taken; why."""


def read_sheet(
    path: Path,
    meter: Meter,
    needed: Collection[str],
    known: Collection[str] | None,
    name_columns: Callable[[Sequence[str]], list[str]],
    text_of: Callable[[str, Any], str] | None = None,
) -> Iterator[Part]:
    """The rows of the first sheet, some at a time.

    Args:
        path: the file.
        meter: counts what has been read.
        needed, known: columns that have to be, and may be there; None for any.
        name_columns: what the words of the header mean.
        text_of: the text of a cell in a column, as far as it is certain; None: as scans want it.

    Raises:
        BadInput: it is no such file, unpacks to more than `MOST_BYTES`, or has other columns.
    """
    _check_parts(path)
    meter.read += size_of(path)
    row = 0
    try:
        for part in _read(path, needed, known, name_columns, text_of or _text_of):
            row = part.lines[-1] if part.lines else row
            yield part
    except BadInput:
        raise
    except Exception as error:  # whatever is odd in the XML comes out of the reader as it happens to
        why = f"cannot be read as XLSX{f' behind row {row}' if row else ''} ({_say(error)})"
        if not row:
            raise BadInput(why, where=path.name, mend=_ANEW) from None
        yield Part({}, [], [FileRefusal(path.name, row + 1, "", f"{why}; the rows before were read")], meter.share)


def _say(error: Exception) -> str:
    from waypost.feeds.cells import TooMuchError

    return str(error) if isinstance(error, TooMuchError) else f"{type(error).__name__}: {str(error)[:100]}"


def _check_parts(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        why = f"is a damaged zip archive ({str(error)[:100]}), which an .xlsx is too"
        raise BadInput(why, where=path.name, mend="Fetch it again, or save it anew as .xlsx or .csv.") from None
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise BadInput("is a zip archive, and no .xlsx.", where=path.name, mend=MEND_ARCHIVE)
    if odd := [part.filename for part in parts if part.compress_type not in _PACKED]:
        raise BadInput(f"is packed otherwise than XLSX is: {odd[0][:60]!r}", where=path.name, mend=_ANEW)
    # no part unpacks to more than it claims here: its reader stops there
    if len(parts) > _PARTS or sum(part.file_size for part in parts) > MOST_BYTES:
        raise BadInput(
            f"unpacks to more than {MOST_BYTES >> 20} MiB",
            where=path.name,
            mend="Write it in several files, or as CSV.",
        )


def _read(
    path: Path,
    needed: Collection[str],
    known: Collection[str] | None,
    name_columns: Callable[[Sequence[str]], list[str]],
    text_of: Callable[[str, Any], str],
) -> Iterator[Part]:
    from waypost.feeds.cells import Book, iterate_rows  # takes a third of a second, and few need it

    with Book(path) as book:
        if not book.sheets:
            raise BadInput("has no sheet of cells, only charts or the like.", where=path.name, mend=_ONE_SHEET)
        sheet, *others = book.sheets
        line, cells = next(iterate_rows(sheet, MOST_COLUMNS + 1), (0, []))
        head = [cell.value for cell in cells] if line == 1 else []
        while head and head[-1] in (None, ""):
            head = head[:-1]
        header = name_columns([str("" if text is None else text).strip() for text in head])
        check_columns(path.name, header, needed, known)
        yield from _read_rows(path.name, iterate_rows(sheet, len(header)), header, text_of)
        if further := [each.title for each in others if _has_something(iterate_rows(each, 20))]:
            reason = f"has further sheets, which are not read: {', '.join(further)[:200]}"
            yield Part({name: [] for name in header}, [], [FileRefusal(path.name, 0, "", reason)], 1.0)


def _has_something(rows: Iterable[tuple[int, list[Any]]]) -> bool:
    return any(cell.value is not None for _, cells in itertools.islice(rows, 10) for cell in cells)


def _read_rows(
    name: str, numbered: Iterable[tuple[int, list[Any]]], header: list[str], text_of: Callable[[str, Any], str]
) -> Iterator[Part]:
    rows: list[list[str]] = []
    lines: list[int] = []
    refusals: list[FileRefusal] = []
    last = 0
    try:
        for count, (line, cells) in enumerate(numbered, 1):
            before, last = last, max(last, line)
            if count == 1 or all(cell.value in (None, "") for cell in cells):
                continue
            if max(line, count) > MOST_ROWS + 1:
                reason = f"and what follows are not read: a sheet has at most {MOST_ROWS} rows. Write several, or CSV"
                refusals.append(FileRefusal(name, MOST_ROWS + 2, "", reason))
                break
            if line <= before:  # its number is no place to find it by
                texts = [str(cell.value) for cell in cells if cell.value is not None]
                reason = f"a row {line} stands behind row {before}, and is not read: save the sheet anew"
                refusals.append(FileRefusal(name, 0, "", reason, ",".join(texts)[:60]))
                continue
            texts = []
            try:
                for field, cell in zip(header, cells, strict=False):
                    texts.append(text_of(field, cell))
            except (BadCellError, ValueError, ArithmeticError, LookupError) as error:
                # the others come of numbers without end, days of no calendar and styles that are not there
                why = str(error) if isinstance(error, BadCellError) else f"cannot be read: {_AS_TEXT}"
                value = str(cells[len(texts)].value)[:60]
                refusals.append(FileRefusal(name, line, header[len(texts)], why, value))
                continue
            rows.append(texts + [""] * (len(header) - len(texts)))
            lines.append(line)
            if len(rows) + len(refusals) >= _ROWS:
                yield _part(header, rows, lines, refusals)
                rows, lines, refusals = [], [], []
    except Exception:  # what was read before it broke off is good
        if lines:
            yield _part(header, rows, lines, refusals)
        raise
    yield _part(header, rows, lines, refusals)


def _part(header: list[str], rows: list[list[str]], lines: list[int], refusals: list[FileRefusal]) -> Part:
    return Part({name: [row[place] for row in rows] for place, name in enumerate(header)}, lines, refusals, 1.0)


def written_in(cell: Any) -> str | None:
    """The text of a cell that holds text or nothing; None of one that holds something else.

    Raises:
        BadCellError: it holds an error.
    """
    if isinstance(cell.value, str) and cell.data_type == "e":
        raise BadCellError(f"holds the error {cell.value}")
    return "" if cell.value is None else cell.value if isinstance(cell.value, str) else None


def _text_of(field: str, cell: Any) -> str:
    """The text of a cell, as far as it is certain."""
    if (text := written_in(cell)) is not None:
        return text
    value = cell.value
    if isinstance(value, dt.datetime) and field == "at":
        if "h" not in str(cell.number_format).lower():
            raise BadCellError("is a day without a time: write both, such as 2026-11-22 14:05")
        return (value + dt.timedelta(microseconds=500_000)).replace(microsecond=0).isoformat(" ")
    if field == "at":
        raise BadCellError("is no date with a time: format the column so, or write text such as 2026-11-22 14:05")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadCellError(f"is no text: {_AS_TEXT}")
    if field == "note":
        return str(value)
    if value != int(value) or abs(value) >= INEXACT:
        raise BadCellError(f"is kept as a number, of which digits may be lost: {_AS_TEXT}")
    if str(cell.number_format) not in ("General", "0", "#", "@"):
        raise BadCellError(f"is kept as a number that is shown otherwise: {_AS_TEXT}")
    return str(int(value))


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first sheet as they stand there, with their numbers, as far as `read_sheet` has read them."""
    from waypost.feeds.cells import Book, iterate_rows

    last = 0
    with Book(path) as book:
        rows = itertools.islice(iterate_rows(book.sheets[0], MOST_COLUMNS), MOST_ROWS + 2)
        while True:
            try:
                number, cells = next(rows)
            except Exception:  # it broke off here before, or ends
                return
            if number <= last:
                continue
            last, texts = number, ["" if cell.value is None else str(cell.value) for cell in cells]
            while texts and not texts[-1]:
                texts.pop()
            yield number, texts
