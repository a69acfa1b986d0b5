"""CSV files as columns of text, every row with its line number; rows that cannot be read are refused one by one.

A block in which each line is one good row goes through the reader of the standard library at once. A block in which
anything is off is read again line by line, so that only the bad rows are lost.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from waypost.feeds.lines import BOM, LINES, LONGEST, Block, read_blocks
from waypost.feeds.stream import ByteStream, Meter
from waypost.model.errors import BadInput
from waypost.track.feed import FileRefusal

#: A quoted text may run over so many lines; a quote that is opened and never closed costs one row, not the file.
MOST_LINES = 100
#: A file with more columns is refused.
MOST_COLUMNS = 1000
#: By more cells too many or too few it cannot be told what a row was about.
_MOST_MOVED = 20


class Remains(msgspec.Struct, frozen=True):
    """What can still be made out of a row that was refused."""

    header: Sequence[str]
    cells: Sequence[str] = ()

    def may_say(self, column: str) -> list[str]:
        """What it may say in a column, first what stands in its place; nothing where that cannot be told.

        A comma too many or too few moves the cells behind it, and nobody knows where it stands.
        """
        moved = len(self.cells) - len(self.header)
        if column not in self.header or abs(moved) > _MOST_MOVED:
            return []
        place = self.header.index(column)
        places = sorted(range(place + min(moved, 0), place + max(moved, 0) + 1), key=lambda at: abs(at - place))
        texts = [self.cells[at].strip() if 0 <= at < len(self.cells) else "" for at in places]
        return [text for text in texts if text] if texts[0] else []


class Part(msgspec.Struct, frozen=True):
    """Some rows of a table.

    Attributes:
        columns: for each column of the header its texts; "" where there is none.
        lines: for each row the line on which it begins.
        refusals: rows that could not be read.
        share: how much of all input has been read.
        remains: of CSV, what is left of each row that was refused.
    """

    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    refusals: list[FileRefusal]
    share: float
    remains: Sequence[Remains] = ()


def read_table(
    path: Path, meter: Meter, needed: Collection[str], known: Collection[str] | None = None, lines: int = LINES
) -> Iterator[Part]:
    """A CSV file with a header, part by part. The columns may stand in any order.

    Args:
        path: plain or packed, see `ByteStream`.
        meter: counts what has been read.
        needed: columns that have to be there.
        known: columns that may be there; None for any.
        lines: about how many lines a part should have.

    Raises:
        BadInput: the file cannot be read, or its columns are others.
    """
    with ByteStream(path, meter) as stream:
        yield from read_stream(stream, needed, known, lines)


def read_stream(
    stream: ByteStream,
    needed: Collection[str],
    known: Collection[str] | None = None,
    lines: int = LINES,
    name_columns: Callable[[list[str]], list[str]] = list,
) -> Iterator[Part]:
    """As `read_table`, of a file that is open already; `name_columns` says what the words of its header mean."""
    reader: _Reader | None = None
    for block in read_blocks(stream, lines):
        if reader is None:
            if block.refusals and block.refusals[0].line == 1:
                message = f"has no line of column names that can be read: {block.refusals[0].reason}"
                raise BadInput(message, where=stream.name, mend=_mend(needed, known))
            head, _, data = block.data.partition(b"\n")
            reader = _Reader(stream.name, _read_header(stream.name, head, needed, known, name_columns))
            block = Block(block.line + 1, data, block.refusals)
        yield reader.read(block, stream.meter.share)
    if reader is not None and (last := reader.finish()).refusals:
        yield last


def list_columns(stream: ByteStream) -> list[str]:
    """The column names that a file begins with; none if it does not."""
    try:
        return _parse_header(stream.start.removeprefix(BOM).partition(b"\n")[0])
    except ValueError:
        return []


def _parse_header(head: bytes) -> list[str]:
    """The names of the columns; ValueError if it is no line of a table."""
    try:
        return [text.strip() for text in next(csv.reader([head.decode("utf-8").rstrip("\r")], strict=True))]
    except (csv.Error, StopIteration) as error:
        raise ValueError(str(error)) from None


def _read_header(
    name: str,
    head: bytes,
    needed: Collection[str],
    known: Collection[str] | None,
    name_columns: Callable[[list[str]], list[str]],
) -> list[str]:
    try:
        header = name_columns(_parse_header(head))
    except ValueError:
        message = "does not begin with a line of column names."
        raise BadInput(message, where=name, mend=_mend(needed, known)) from None
    check_columns(name, header, needed, known)
    return header


def check_columns(
    name: str, header: Sequence[str], needed: Collection[str], known: Collection[str] | None = None
) -> None:
    """See that a table has the columns it should have.

    Raises:
        BadInput: names the file, the columns found and those expected.
    """
    if len(header) > MOST_COLUMNS:
        message = f"has {len(header)} columns; no table has more than {MOST_COLUMNS}."
        raise BadInput(message, where=name, mend=_mend(needed, known))
    missing = [column for column in needed if column not in header]
    unknown = [column for column in header if known is not None and column not in known]
    twice = sorted(column for column, times in Counter(header).items() if times > 1)
    wrong = [
        f"{verb} {_name(columns)}"
        for verb, columns in (("lacks", missing), ("does not know", unknown), ("has twice", twice))
        if columns
    ]
    if wrong:
        message = f"has other columns: it {' and '.join(wrong)}; found: {_name(header)}."
        raise BadInput(message, where=name, mend=_mend(needed, known))


def _mend(needed: Collection[str], known: Collection[str] | None) -> str:
    if not needed and known is None:
        return "Begin it with a line of column names, each of which stands there once."
    return f"Expected: {', '.join(needed)}" + ("" if known is None else f"; known: {', '.join(known)}") + "."


def _name(columns: Sequence[str]) -> str:
    """Column names for a message; a file of another kind may have anything for a header."""
    shown = ", ".join(repr(column[:40]) for column in columns[:40]) or "nothing"
    return shown if len(columns) <= 40 else f"{shown} and {len(columns) - 40} more"


#: What the reader of the standard library says, in our words.
_REASONS = {
    "',' expected after '\"'": "has text behind a closing quote; a quote inside a quoted field is written twice",
    "new-line character seen in unquoted field": "has a carriage return outside quotes",
    "field larger than field limit": "has a field of more than 131072 characters",
}
#: What it says of a quote that is still open at the end.
_ENDS_OPEN = "unexpected end of data"
#: How bytes that are no UTF-8 come out of `surrogateescape`.
_ESCAPED = re.compile("[\udc80-\udcff]")


class _OpenQuoteError(Exception):
    """The record goes on in the next line."""


class _BadRowError(Exception):
    """The record cannot be read; which field it is about, if any, and why."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.reason, self.field = reason, field


def _stays_open(line: bytes) -> bool:
    """Whether a quote that was open before a line is open behind it, known without reading the lines before again."""
    try:
        next(csv.reader(['"' + line.decode("utf-8", "surrogateescape").removesuffix("\r")], strict=True))
    except csv.Error as error:
        return str(error) == _ENDS_OPEN
    return False


def _split_anyhow(line: bytes) -> list[str]:
    """The cells of a line that is no good row, as far as they can be told apart."""
    try:
        return next(csv.reader([line.decode("utf-8", "replace").replace("\r", " ")]))
    except (csv.Error, StopIteration):
        return []


class _Reader:
    """Turns blocks into parts; remembers a record that a block leaves open."""

    def __init__(self, name: str, header: list[str]) -> None:
        self._name = name
        self._header = header
        self._open: list[tuple[int, bytes]] = []
        self._size = 0
        self._rows: list[list[str]] = []
        self._lines: list[int] = []
        self._refusals: list[FileRefusal] = []
        self._remains: list[Remains] = []

    def read(self, block: Block, share: float) -> Part:
        rows = None if self._open else self._read_quickly(block.data)
        lost = [Remains(self._header)] * len(block.refusals)
        if rows is not None:
            return self._part(rows, range(block.line, block.line + len(rows)), block.refusals, lost, share)
        lines = block.data.split(b"\n")
        if block.data.endswith(b"\n"):
            lines.pop()
        for number, line in enumerate(lines, block.line):
            self._add(number, line)
        self._refusals[:0], self._remains[:0] = block.refusals, lost
        return self._take(share)

    def finish(self) -> Part:
        """What was left open when the file ended."""
        while self._open:
            self._give_up("opens a quote that is never closed")
        return self._take(1.0)

    def _read_quickly(self, data: bytes) -> list[list[str]] | None:
        """The rows, if each line is a good one."""
        try:
            lines = data.decode("utf-8").split("\n")
            if not lines[-1]:
                lines.pop()
            reader = csv.reader(lines, strict=True)
            rows = list(reader)
        except (UnicodeDecodeError, csv.Error):
            return None
        width = len(self._header)
        good = reader.line_num == len(rows) == len(lines) and all(len(row) == width for row in rows)
        return rows if good else None

    def _add(self, number: int, line: bytes) -> None:
        """One more line: a record of its own, or one that an open record goes on in."""
        if not self._open and not line.strip():
            return
        self._open.append((number, line))
        self._size += len(line)
        if len(self._open) > 1 and _stays_open(line):
            if len(self._open) >= MOST_LINES or self._size > LONGEST:
                self._give_up("opens a quote that is not closed")
            return
        try:
            row = self._parse(b"\n".join(text for _, text in self._open))
        except _OpenQuoteError:
            return
        except _BadRowError as error:
            self._give_up(error.reason, error.field)
            return
        self._rows.append(row)
        self._lines.append(self._open[0][0])
        self._open.clear()
        self._size = 0

    def _give_up(self, reason: str, field: str = "") -> None:
        """Refuse the first line of what is open; the lines after it may be good rows."""
        (number, line), *others = self._open
        if others:
            reason, field = "opens a quote that is not closed where its field ends", ""
        self._refusals.append(FileRefusal(self._name, number, field, reason, line[:60].decode("utf-8", "replace")))
        self._remains.append(Remains(self._header, _split_anyhow(line)))
        self._open.clear()
        self._size = 0
        for each in others:
            self._add(*each)

    def _parse(self, record: bytes) -> list[str]:
        text = record.decode("utf-8", "surrogateescape").removesuffix("\r")
        try:
            row = next(csv.reader([text], strict=True))
        except csv.Error as error:
            message = str(error)
            if message == _ENDS_OPEN:
                raise _OpenQuoteError from None
            raise _BadRowError(_REASONS.get(re.split(r" - | \(", message)[0], message)) from None
        width = len(self._header)
        if len(row) < width:
            reason = f"has {len(row)} fields where the header has {width}: a comma too few, or the line breaks off"
            raise _BadRowError(reason, self._header[len(row)])
        if len(row) > width:
            raise _BadRowError(f"has {len(row)} fields where the header has {width}: a comma too many")
        if _ESCAPED.search(text):
            field = next(name for name, value in zip(self._header, row, strict=True) if _ESCAPED.search(value))
            raise _BadRowError("is not UTF-8", field)
        return row

    def _take(self, share: float) -> Part:
        part = self._part(self._rows, self._lines, self._refusals, self._remains, share)
        self._rows, self._lines, self._refusals, self._remains = [], [], [], []
        return part

    def _part(
        self,
        rows: list[list[str]],
        lines: Sequence[int],
        refusals: list[FileRefusal],
        remains: list[Remains],
        share: float,
    ) -> Part:
        columns = {name: [row[place] for row in rows] for place, name in enumerate(self._header)}
        return Part(columns, lines, refusals, share, remains)
