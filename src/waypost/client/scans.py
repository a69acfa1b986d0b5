"""Scans: what carriers and operators send."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from waypost.client.calling import Caller
from waypost.client.problems import Problem, RowRefusal
from waypost.model.decoding import decode

_NDJSON = "application/x-ndjson"
#: One request has so many scans and bytes at most: far from the limits of a server.
_AT_ONCE, _BYTES_AT_ONCE = 10_000, 4 << 20


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of scans that were sent.

    Attributes:
        accepted: on disk there; those that were sent before count too, and change nothing.
        refused: and why, by row from 0 in what was sent.
        end: a look-up that has to see all of them sends this as `min_position`; None if none was taken.
    """

    accepted: int
    refused: int
    refusals: Sequence[RowRefusal]
    end: int | None


class _Receipt(msgspec.Struct, frozen=True, kw_only=True):
    position: int
    accepted: int
    refused: int
    refusals: Sequence[RowRefusal]


class Scans:
    """Sends scans, with an operator's or a carrier's key."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def send(self, scans: Iterable[Mapping[str, Any] | bytes], *, carrier: str | None = None) -> Taken:
        """Send scans, as many as there are, some at a time. Repeating it is safe: a scan is known by its content.

        Args:
            scans: as docs/reference/scan-format.md has them; bytes are lines of JSON, such as of a file.
            carrier: of those that name none.

        Raises:
            Problem, Unreachable: scans before were taken, and count once if they are sent again.
        """
        accepted, refusals, first, end = 0, list[RowRefusal](), 0, None
        for lines in _batches(scans):
            receipt = self._send(lines, carrier)
            accepted += receipt.accepted
            refusals += [msgspec.structs.replace(each, row=first + each.row) for each in receipt.refusals]
            if receipt.accepted:
                end = receipt.position + receipt.accepted
            first += len(lines)
        return Taken(accepted=accepted, refused=len(refusals), refusals=refusals, end=end)

    def _send(self, lines: list[bytes], carrier: str | None) -> _Receipt:
        try:
            answer = self._caller.ask(
                "POST", "/v1/scans", {"carrier": carrier}, body=b"\n".join(lines), media_type=_NDJSON
            )
        except Problem as error:
            if error.code != "all_refused":
                raise
            return _Receipt(position=0, accepted=0, refused=len(error.refusals), refusals=error.refusals)
        return decode(answer.content, _Receipt)


def _batches(scans: Iterable[Mapping[str, Any] | bytes]) -> Iterator[list[bytes]]:
    lines: list[bytes] = []
    size = 0
    for scan in scans:
        line = scan.strip() if isinstance(scan, bytes) else msgspec.json.encode(scan)
        if lines and (len(lines) == _AT_ONCE or size + len(line) >= _BYTES_AT_ONCE):
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield lines
