"""Logs in a folder, written and read."""

import os
import struct
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.rooms.engines.scan_batches import batch, event

from waypost.engines.local.disk import Disk
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.segments import list_segments
from waypost.model.scans import ScanEvent, events_of


def read(log: SegmentLog, position: int = 0) -> list[ScanEvent]:
    return [event for frame in log.read(position) for event in events_of(frame.scans)]


def events(start: int, count: int) -> list[ScanEvent]:
    return [event(place) for place in range(start, start + count)]


def write(folder: Path, *counts: int, **options: Any) -> list[int]:
    """Append that many scans each; returns the sizes of the last segment, after its header and after each append."""
    sizes = []
    with closing(SegmentLog(folder, **options)) as log:
        for count in counts:
            log.append(batch(log.position(), count))
            sizes.append(list_segments(folder)[-1].stat().st_size)
    return sizes


def frame(position: int, rows: int, payload: bytes) -> bytes:
    """A frame whose check is right, whatever is in it."""
    head = struct.pack("<4sIQQ", b"scan", rows, position, len(payload))
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


class HastyDisk(Disk):
    """Syncs nothing: for tests that open the same log thousands of times."""

    def sync(self, fd: int) -> None:
        pass

    def cut(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def sync_folder(self, folder: Path) -> None:
        pass
