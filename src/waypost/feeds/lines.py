"""Streams as blocks of whole lines, each knowing its line number."""

from collections.abc import Iterator

import msgspec

from waypost.feeds.stream import MEND_CUT, ByteStream
from waypost.track.feed import FileRefusal

#: About as many lines as a block should have, and about the most bytes.
LINES, BYTES = 50_000, 1 << 22
#: A longer line is no row of any layout; it is passed over without ever being held.
LONGEST = 1 << 20

#: What some programs write before UTF-8.
BOM = b"\xef\xbb\xbf"


class Block(msgspec.Struct, frozen=True):
    """Some whole lines.

    Attributes:
        line: the number of the first of them in the file, counted from 1.
        data: the lines; the last one of a file may lack its line feed.
        refusals: what was passed over before them.
    """

    line: int
    data: bytes
    refusals: list[FileRefusal] = []


def read_blocks(stream: ByteStream, lines: int = LINES) -> Iterator[Block]:
    """All lines of a stream, block by block.

    A line that a cut left half is not among them: the last refusal says so and names it.

    Args:
        stream: read from its beginning to its end.
        lines: about how many a block should have.
    """
    line, rest, refusals, skipping = 1, b"", list[FileRefusal](), False
    for data in _big_pieces(stream, lines):
        if skipping:
            _, found, data = data.partition(b"\n")
            skipping = not found
            line += not skipping
            if skipping:
                continue
        end = data.rfind(b"\n") + 1
        whole, rest = (rest + data[:end], data[end:]) if end else (b"", rest + data)
        if whole:
            yield Block(line, whole, refusals)
            line, refusals = line + whole.count(b"\n"), []
        if len(rest) > LONGEST:
            reason = f"is longer than {LONGEST} bytes"
            refusals = [*refusals, FileRefusal(stream.name, line, "", reason, _shorten(rest))]
            rest, skipping = b"", True
    if stream.cut is not None:
        reason = f"{stream.cut}; all {line - 1} lines before this one were read. {MEND_CUT}"
        yield Block(line, b"", [*refusals, FileRefusal(stream.name, line, "", reason, _shorten(rest) or None)])
    elif rest or refusals:
        yield Block(line, rest, refusals)


def _big_pieces(stream: ByteStream, lines: int) -> Iterator[bytes]:
    """Blocks joined until they have so many lines or so many bytes, whichever comes first."""
    pieces, size, seen = list[bytes](), 0, 0
    for number, block in enumerate(stream.blocks()):
        pieces.append(block if number else block.removeprefix(BOM))
        size, seen = size + len(block), seen + block.count(b"\n")
        if seen >= lines or size >= BYTES:
            yield b"".join(pieces)
            pieces, size, seen = [], 0, 0
    yield b"".join(pieces)


def _shorten(data: bytes) -> str:
    return data[:60].decode("utf-8", "replace")
