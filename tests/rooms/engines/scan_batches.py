"""Scans to fill a home with."""

import numpy as np
import pyarrow as pa

from waypost.model.instants import Instant, OffsetSource
from waypost.model.scans import ScanEvent, batch_of

NOON = 1_795_262_400_000


def event(place: int, *, parcels: int = 97) -> ScanEvent:
    """The scan at a place of an endless row of different ones, over some parcels in turn."""
    return ScanEvent(
        carrier="sf",
        number=f"P{place % parcels}",
        code="opcode:30",
        at=Instant(NOON + place * 60_000, 480, OffsetSource.CARRIER),
        facility=f"F{place % 7}",
        note=f"note {place}",
    )


def batch(start: int, count: int, *, parcels: int = 97) -> pa.RecordBatch:
    """Some of that row, one after the other."""
    return batch_of([event(int(place), parcels=parcels) for place in np.arange(start, start + count)])
