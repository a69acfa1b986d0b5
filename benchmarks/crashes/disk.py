"""A disk on which kills come half way."""

import time

from waypost.engines.local.disk import Disk

_PIECES, _LEAST_PIECE, _PAUSE_S = 8, 256, 0.0001


class PiecewiseDisk(Disk):
    """Writes a little at a time and takes its time, so that a kill leaves half of what was to be written."""

    def write(self, fd: int, data: bytes | memoryview) -> None:
        """See `Disk.write`."""
        rest = memoryview(data).cast("B") if len(data) else memoryview(b"")
        size = max(len(rest) // _PIECES, _LEAST_PIECE)
        for start in range(0, len(rest), size):
            super().write(fd, rest[start : start + size])
            time.sleep(_PAUSE_S)
