"""Streams packed with gzip, xz or zstd, of one member or of several, unpacked in pieces of bounded size."""

import lzma
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

from isal import igzip_lib

from waypost.model.errors import BadInput

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: How far zstd may look back, as a power of two of bytes: in bodies as RFC 9659 has it, in files as the program `zstd`.
BODY_WINDOW_LOG, FILE_WINDOW_LOG = 23, 27

#: Enough for every preset of xz; a file may ask for more than the machine has.
_XZ_MEMORY = 1 << 28
#: Packed bytes that are handed on at a time: what a member leaves of them is copied.
_SLICE = 1 << 16


class Damaged(BadInput):
    """What was packed ends early, or cannot be unpacked from some place on."""


class _Engine(Protocol):
    """One member; what the standard library's decompressors have in common, and those of isal too."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


_GZIP_ERROR: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub says an instance
_ERRORS = (_GZIP_ERROR, lzma.LZMAError, zstd.ZstdError)


class Unpacking:
    """One packed stream that comes bit by bit.

    Args:
        packing: `gzip`, `xz` or `zstd`.
        piece: the most bytes that are unpacked at a time; so many are lost before a damage.
        window_log: how far zstd may look back, as a power of two of bytes.
        members: how many there may be; each costs time, however little is in it. None for any number.
    """

    def __init__(self, packing: str, piece: int, *, window_log: int, members: int | None = None) -> None:
        self._packing, self._piece, self._most = packing, piece, members
        self._open = _engines(window_log)[packing]
        self._engine: _Engine | None = None
        self._members = 0

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """What further packed bytes give, none of it empty.

        Raises:
            Damaged: they cannot be unpacked.
            BadInput: too many members.
        """
        for start in range(0, len(packed), _SLICE):
            yield from self._pieces(packed[start : start + _SLICE])

    def finish(self) -> None:
        """Say that nothing more comes.

        Raises:
            Damaged: something is missing.
        """
        if self._engine is None or not self._engine.eof:
            raise Damaged(f"the {self._packing} stream ends early")

    def _pieces(self, packed: bytes) -> Iterator[bytes]:
        while True:
            if self._engine is None or self._engine.eof:
                packed = packed.lstrip(b"\0") if self._members else packed  # what fills up a block of a tape
                if not packed:
                    return
                self._engine = self._next_member()
            try:
                piece = self._engine.decompress(packed, self._piece)
            except _ERRORS as error:
                raise Damaged(f"the {self._packing} stream is damaged ({str(error)[:80]})") from None
            if piece:
                yield piece
            if self._engine.eof:
                packed = self._engine.unused_data
            elif self._engine.needs_input:
                return
            else:
                packed = b""

    def _next_member(self) -> _Engine:
        self._members += 1
        if self._most is not None and self._members > self._most:
            message = f"the {self._packing} stream has more than {self._most} members"
            raise BadInput(message, mend="Pack it in one go.")
        return self._open()


def _engines(window_log: int) -> dict[str, Callable[[], _Engine]]:
    return {
        "gzip": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
        "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
        "zstd": lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: window_log}),
    }
