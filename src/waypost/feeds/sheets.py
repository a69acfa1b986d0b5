"""Files that carriers hand in: their scans, and lines as they stand there for reports of what was refused of them."""

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path

from waypost.feeds.arrow import FILE, STREAM
from waypost.feeds.lines import read_blocks
from waypost.feeds.scans import ScansFeed
from waypost.feeds.stream import ByteStream, Meter
from waypost.feeds.xlsx import MARK, read_rows
from waypost.model.errors import BadInput
from waypost.track.feed import Portion
from waypost.track.parquet import MAGIC

_LONGEST = 4_000


def read_originals(path: Path, lines: Collection[int]) -> dict[int, str]:
    """The text of some lines, by number; a row of a sheet as CSV.

    Raises:
        BadInput: the file cannot be read.
    """
    last = max(lines, default=0)
    found: dict[int, str] = {}
    for number, text in _number(path):
        if number in lines:
            found[number] = text[:_LONGEST]
        if number >= last:
            break
    return found


def _number(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as file:
        mark = file.read(4)
    if mark == MARK:
        for number, cells in read_rows(path):
            line = io.StringIO()
            csv.writer(line, lineterminator="").writerow(cells)
            yield number, line.getvalue()
    else:
        with ByteStream(path, Meter([path])) as stream:
            for block in read_blocks(stream):
                texts = block.data.decode("utf-8", "replace").split("\n")
                yield from enumerate((text.rstrip("\r") for text in texts), block.line)


class Sheets:
    """The reader of files that carriers hand in, as `track` asks for it: CSV, NDJSON and XLSX."""

    def read(self, path: Path, carrier: str) -> Iterator[Portion]:
        """See `SheetReader`. Packed and columnar files are refused: a few bytes may be any number of rows."""
        with path.open("rb") as file:
            mark = file.read(4)
        if mark != MARK:
            with ByteStream(path, Meter([path])) as stream:
                if stream.packing or stream.start.startswith((MAGIC, FILE, STREAM)):
                    raise BadInput("is no CSV or XLSX file", where=path.name, mend="Save it as one, not packed.")
        return ScansFeed(path, carrier).portions()

    def originals(self, path: Path, lines: Collection[int]) -> dict[int, str]:
        """See `track.files.SheetReader`."""
        return read_originals(path, lines)
