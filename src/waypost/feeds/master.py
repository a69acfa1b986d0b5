"""Rows of master data, NDJSON or CSV: each becomes one thing, or is refused for one field."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from waypost.feeds.choosing import holds_objects
from waypost.feeds.fields import BadFieldError
from waypost.feeds.lines import read_blocks
from waypost.feeds.stream import ByteStream, Meter
from waypost.feeds.tables import Remains, read_stream
from waypost.model.decoding import decode
from waypost.track.feed import FileRefusal
from waypost.track.wire import UNREADABLE, refuse_json

ENDINGS = (".ndjson", ".jsonl", ".json", ".csv")

#: About as many rows as are made into things before they are handed on.
ROWS = 20_000

Made = TypeVar("Made")
#: A row as texts; a field that is missing is not there or "".
Row = dict[str, str]


class Batch(msgspec.Struct, Generic[Made], frozen=True):
    """What some rows became.

    Attributes:
        source: the file.
        made: the things.
        lines: on which line of the file each of them stands.
        refusals: the rows that became nothing.
        remains: what is left of each of them.
        share: how much of all input has been read.
    """

    source: str
    made: list[Made]
    lines: list[int]
    refusals: list[FileRefusal]
    remains: list[Remains]
    share: float


def read_master(
    paths: Sequence[Path], needed: Sequence[str], known: Sequence[str], make: Callable[[Row], Made]
) -> Iterator[Batch[Made]]:
    """The rows of some files made into things.

    Args:
        paths: see `choose_files`.
        needed: fields that a CSV file must have as columns; `make` refuses rows that lack them.
        known: all fields that there are.
        make: makes one thing of one row; refuses it with `BadFieldError`.

    Raises:
        BadInput: a file cannot be read or is of another layout.
    """
    meter = Meter(paths)
    for each in paths:
        with ByteStream(each, meter) as stream:
            rows = _read_ndjson(stream, known) if holds_objects(stream) else _read_csv(stream, needed, known)
            for numbered, refusals, remains in rows:
                made, lines = [], []
                for line, row in numbered:
                    try:
                        made.append(make(row))
                        lines.append(line)
                    except BadFieldError as error:
                        refusals.append(error.refusal(stream.name, line))
                        remains.append(Remains(tuple(row), tuple(row.values())))
                refusals.sort(key=lambda refusal: refusal.line)
                yield Batch(stream.name, made, lines, refusals, remains, meter.share)


Numbered = tuple[list[tuple[int, Row]], list[FileRefusal], list[Remains]]


def _read_csv(stream: ByteStream, needed: Sequence[str], known: Sequence[str]) -> Iterator[Numbered]:
    for part in read_stream(stream, needed, known, ROWS):
        names = tuple(part.columns)
        rows = zip(*part.columns.values(), strict=True)
        numbered = [(line, dict(zip(names, row, strict=True))) for line, row in zip(part.lines, rows, strict=True)]
        yield numbered, list(part.refusals), list(part.remains)


def _read_ndjson(stream: ByteStream, known: Sequence[str]) -> Iterator[Numbered]:
    for block in read_blocks(stream, ROWS):
        numbered, refusals = list[tuple[int, Row]](), list(block.refusals)
        remains = [Remains(())] * len(refusals)
        for line, text in enumerate(block.data.split(b"\n"), block.line):
            if not text.strip():
                continue
            try:
                values = decode(text)
            except UNREADABLE as error:
                refused = refuse_json(line, text, error)
                refusals.append(FileRefusal(stream.name, line, "", refused.reason, refused.value))
                remains.append(Remains(()))
                continue
            try:
                numbered.append((line, _read_object(values, text, known)))
            except BadFieldError as error:
                refusals.append(error.refusal(stream.name, line))
                fields = values if isinstance(values, dict) else {}
                remains.append(Remains(tuple(fields), [str(value) for value in fields.values()]))
        yield numbered, refusals, remains


def _read_object(values: object, text: bytes, known: Sequence[str]) -> Row:
    if not isinstance(values, dict):
        raise BadFieldError("", "is no JSON object", text.decode()[:60])
    row = {}
    for name, value in values.items():
        if name not in known:
            raise BadFieldError(name[:40], f"is no known field; known: {', '.join(known)}")
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            value = ";".join(value)
        if isinstance(value, bool | list | dict):
            raise BadFieldError(name, "is neither text nor a number", str(value)[:60])
        if value is not None:
            row[name] = str(value)
    return row
