"""Few parcels, few places, few instants: so that duplicates, corrections and shared numbers are likely."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from waypost.model.instants import Instant, OffsetSource, TimeFlag
from waypost.model.scans import VOID, ScanEvent, batch_of
from waypost.store.protocols import Memory

NOON = 1_795_262_400_000  # 2026-11-21T12:00:00Z
CODES = ["opcode:50", "opcode:30", "opcode:204", "opcode:80", "who-knows"]


def scan(number: str = "A1", **fields: Any) -> ScanEvent:
    """One scan of SF Express, picked up at noon unless told otherwise; `minute` moves it."""
    minute = fields.pop("minute", 0)
    at = Instant(NOON + minute * 60_000, fields.pop("offset_min", 480), OffsetSource.CARRIER)
    given = {"carrier": "sf", "number": number, "code": "opcode:50", "at": at}
    return ScanEvent(**(given | fields))


def batch(*events: ScanEvent) -> pa.RecordBatch:
    return batch_of(events)


def append(memory: Memory, *events: ScanEvent) -> int:
    return memory.log.append(batch_of(events))


def rows(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    """Some columns of a table as tuples; instants as milliseconds."""
    columns = [table.column(name) for name in names]
    plain = [column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in columns]
    return list(zip(*(column.to_pylist() for column in plain), strict=True))


scans = st.builds(
    lambda number, carrier, code, minute, offset, facility, note, flags: scan(
        number,
        carrier=carrier,
        code=code,
        minute=minute,
        offset_min=offset,
        facility=facility,
        note=note,
        time_flags=TimeFlag(flags),
        recorded_at_ms=None if note else NOON + minute,
    ),
    # The last ones could be taken for one another if keys were glued together carelessly.
    st.sampled_from(["A1", "A2", "A", "A~", "A!sf"]),
    st.sampled_from(["sf", "yto", "s"]),
    st.sampled_from(CODES),
    st.sampled_from([-5_000_000, -1, 0, 1, 2, 3]),
    st.sampled_from([480, 540, -210]),
    st.sampled_from([None, "", "755A", "杭州"]),
    st.sampled_from([None, "", "已签收"]),
    st.sampled_from([0, 0, 1, 4]),
)


@st.composite
def worlds(draw: st.DrawFn) -> list[list[ScanEvent]]:
    """Scans with duplicates and corrections, in any order, cut into batches."""
    events = draw(st.lists(scans, min_size=1, max_size=25))
    named = draw(st.lists(st.sampled_from(events), max_size=4))
    for place, wrong in enumerate(named):
        code = draw(st.sampled_from([VOID, "opcode:30"]))
        fields = {"number": wrong.number, "carrier": wrong.carrier, "code": code, "minute": place}
        events.append(scan(**fields, corrects=draw(st.sampled_from([wrong.id, events[-1].id, "0" * 16]))))
    events += draw(st.lists(st.sampled_from(events), max_size=6))
    return cut(draw(st.permutations(events)), draw(st.lists(st.integers(0, len(events)), max_size=5)))


def cut(events: Sequence[ScanEvent], places: Iterable[int]) -> list[list[ScanEvent]]:
    """The events in several batches, none of them empty."""
    edges = [0, *sorted(places), len(events)]
    return [list(events[start:stop]) for start, stop in itertools.pairwise(edges) if stop > start]


def big_batch(start: int, count: int, *, parcels: int = 97) -> pa.RecordBatch:
    """That many different scans, the ones from `start` on of an endless row of them, over some parcels in turn."""
    place = np.arange(start, start + count)
    return batch_of([scan(f"P{n % parcels}", minute=int(n), facility=f"F{n % 7}") for n in place])
