"""Request bodies: read in pieces, unpacked as they come, never beyond the limits of size and time."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from waypost.model.errors import BadInput, TooLarge
from waypost.web.problems import Busy, CutOff, SlowBody, Unsupported

Receive = Callable[[], Awaitable[Any]]

#: So much is unpacked at a time: a bomb is noticed before it has gone off.
_PIECE = 256 << 10

#: Each member of a gzip costs time, however little is in it.
_MOST_MEMBERS = 1_000


class Allowance:
    """How many bytes all bodies together may still take up."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> None:
        """Take some.

        Raises:
            Busy: there are not so many left.
        """
        if size > self.left:
            raise Busy("too many bodies are being read at this moment")
        self.left -= size

    def give_back(self, size: int) -> None:
        """Give some back."""
        self.left += size


class Body:
    """The body of one request, as bytes, for as long as the `async with` lasts.

    Args:
        headers: lower-case names.
        limit: most bytes, packed and unpacked.
        seconds: until all of it has to be here.
        allowance: where room for it is taken from.
    """

    def __init__(
        self, receive: Receive, headers: Mapping[str, str], *, limit: int, seconds: float, allowance: Allowance
    ) -> None:
        self._receive = receive
        self._headers = headers
        self._limit = limit
        self._seconds = seconds
        self._allowance = allowance
        self._taken = 0

    async def __aenter__(self) -> bytes:
        encoding = self._headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "", "gzip", "x-gzip"):
            raise Unsupported(f"Content-Encoding {encoding[:40]!r} is not read: use gzip or none")
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length[:18]) > self._limit:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._seconds):
                whole = await self._read(_Gunzip(self._limit) if "gzip" in encoding else None)
        except TimeoutError:
            self._give_back()
            raise SlowBody(f"the body was not here after {self._seconds:g} s") from None
        except BaseException:
            self._give_back()
            raise
        return bytes(whole)

    async def __aexit__(self, *_: object) -> None:
        self._give_back()

    async def _read(self, unpack: "_Gunzip | None") -> bytearray:
        whole = bytearray()
        packed = 0
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CutOff("the body broke off, or its chunks cannot be told apart")
            piece, more = message.get("body", b""), message.get("more_body", False)
            packed += len(piece)
            for part in unpack.pieces(piece) if unpack else (piece,):
                if max(len(whole) + len(part), packed) > self._limit:
                    raise self._too_large()
                self._allowance.take(len(part))
                self._taken += len(part)
                whole += part
        if unpack:
            unpack.finish()
        return whole

    def _give_back(self) -> None:
        self._allowance.give_back(self._taken)
        self._taken = 0

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body is larger than {self._limit} bytes", mend="Send smaller batches.")


class _Gunzip:
    """Unpacks gzip, of one member or of several, in pieces of bounded size."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._member = zlib.decompressobj(wbits=31)
        self._members = 1

    def pieces(self, packed: bytes) -> list[bytes]:
        out: list[bytes] = []
        size = 0
        while True:
            if self._member.eof:
                if not packed:
                    return out
                self._member = zlib.decompressobj(wbits=31)
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    raise BadInput(
                        f"the gzip body has more than {_MOST_MEMBERS} members", where="body", mend="Pack it in one go."
                    )
            try:
                piece = self._member.decompress(packed, _PIECE)
            except zlib.error as error:
                raise BadInput(f"the body is no gzip: {error}", where="body") from None
            out.append(piece)
            size += len(piece)
            if size > self._limit:  # the caller refuses it; no need to unpack the rest
                return out
            packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if not packed and len(piece) < _PIECE:
                return out

    def finish(self) -> None:
        if not self._member.eof:
            raise BadInput("the gzip body ends in the middle", where="body", mend="Send all of it.")
