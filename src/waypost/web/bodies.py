"""Request bodies: read in pieces, unpacked as they come, never beyond the limits of size and time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from waypost.model.errors import BadInput, TooLarge
from waypost.track.unpacking import BODY_WINDOW_LOG, Damaged, Unpacking
from waypost.web.problems import Busy, CutOff, SlowBody, UnknownEncoding, Unsupported

Receive = Callable[[], Awaitable[Any]]

#: So much is unpacked at a time: a bomb is noticed before it has gone off.
_PIECE = 256 << 10

#: Each member of a gzip, and each frame of zstd, costs time, however little is in it.
_MOST_MEMBERS = 1_000

#: What a Content-Encoding says of a body.
_PACKINGS = {"identity": "", "": "", "gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}
#: Those that clients should be told of.
ENCODINGS = ("gzip", "zstd")


def media_type_of(headers: Mapping[str, str]) -> str:
    """What a body says that it is, without what stands beside it; "" if it says nothing."""
    return headers.get("content-type", "").split(";")[0].strip().lower()


def see_media_type(headers: Mapping[str, str], *taken: str) -> str:
    """The same of a body that has to be one of those that are taken.

    Raises:
        Unsupported: it is none.
    """
    if (kind := media_type_of(headers)) not in taken:
        raise Unsupported(f"Content-Type {kind[:60]!r} is not read here: use {', '.join(taken)}")
    return kind


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
        if encoding not in _PACKINGS:
            raise UnknownEncoding(encoding, ENCODINGS)
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length[:18]) > self._limit:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._seconds):
                whole = await self._read(_PACKINGS[encoding])
        except Damaged as error:
            self._give_back()
            raise BadInput(error.message, where="body", mend="Pack it again and send all of it.") from None
        except TimeoutError:
            self._give_back()
            raise SlowBody(f"the body was not here after {self._seconds:g} s") from None
        except BaseException:
            self._give_back()
            raise
        return bytes(whole)

    async def __aexit__(self, *_: object) -> None:
        self._give_back()

    async def _read(self, packing: str) -> bytearray:
        unpacking = Unpacking(packing, _PIECE, window_log=BODY_WINDOW_LOG, members=_MOST_MEMBERS) if packing else None
        whole = bytearray()
        packed = 0
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CutOff("the body broke off, or its chunks cannot be told apart")
            piece, more = message.get("body", b""), message.get("more_body", False)
            packed += len(piece)
            if packed > self._limit:
                raise self._too_large()
            for part in unpacking.pieces(piece) if unpacking else (piece,):
                if len(whole) + len(part) > self._limit:
                    raise self._too_large()
                self._allowance.take(len(part))
                self._taken += len(part)
                whole += part
        if unpacking:
            unpacking.finish()
        return whole

    def _give_back(self) -> None:
        self._allowance.give_back(self._taken)
        self._taken = 0

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body is larger than {self._limit} bytes", mend="Send smaller batches.")
