"""What every `ScanLog` does."""

import threading

import pyarrow as pa
import pytest
from tests.conformance.engines import ForgetsError, Opened
from tests.conformance.small_worlds import NOON, append, batch, big_batch, scan

from waypost.model.errors import BadInput
from waypost.model.instants import Instant, OffsetSource, TimeFlag
from waypost.model.scans import SCAN_SCHEMA, ScanEvent, empty_batch, events_of
from waypost.store.protocols import Memory


def read(memory: Memory, position: int = 0) -> list[ScanEvent]:
    return [event for frame in memory.log.read(position) for event in events_of(frame.scans)]


def test_an_empty_log_ends_at_zero(memory: Memory) -> None:
    assert (memory.log.start(), memory.log.position()) == (0, 0)
    assert list(memory.log.read(0)) == []


def test_a_log_that_nothing_went_from_begins_at_zero(memory: Memory) -> None:
    for first in range(0, 1500, 150):
        memory.log.append(big_batch(first, 150))
    assert memory.log.start() == 0
    assert next(memory.log.read(memory.log.start())).position == 0


def test_positions_count_scans(memory: Memory) -> None:
    assert append(memory, scan("A1"), scan("A2"), scan("A3")) == 0
    assert append(memory, scan("A4")) == 3
    assert memory.log.position() == 4
    assert [(frame.position, frame.end) for frame in memory.log.read(0)] == [(0, 3), (3, 4)]


def test_nothing_appended_is_nothing_kept(memory: Memory) -> None:
    append(memory, scan())
    assert memory.log.append(empty_batch()) == 1
    assert memory.log.position() == 1
    assert len(list(memory.log.read(0))) == 1


def test_every_field_comes_back(memory: Memory) -> None:
    full = ScanEvent(
        carrier="yto",
        number="YT!~ 7",
        code="状态",
        at=Instant(NOON - 62_000_000_001, -210, OffsetSource.FACILITY),
        facility="",
        note="\U0001f4e6 '\"<b>\n",
        corrects="0123456789abcdef",
        time_flags=TimeFlag(5),
        recorded_at_ms=NOON + 1,
    )
    bare = scan(facility=None, note=None)
    append(memory, full, bare)
    assert read(memory) == [full, bare]
    assert all(frame.scans.schema == SCAN_SCHEMA for frame in memory.log.read(0))


def test_a_slice_of_a_large_batch_is_kept_as_what_it_shows(memory: Memory) -> None:
    whole = big_batch(0, 500)
    memory.log.append(whole.slice(123, 45))
    assert read(memory) == events_of(whole.slice(123, 45))


@pytest.mark.parametrize("start", [0, 1, 149, 150, 151, 740, 1499])
def test_reading_begins_anywhere(memory: Memory, start: int) -> None:
    for first in range(0, 1500, 150):
        memory.log.append(big_batch(first, 150))
    frames = list(memory.log.read(start))
    assert frames[0].position == start
    assert [frame.end for frame in frames[:-1]] == [frame.position for frame in frames[1:]]
    assert read(memory, start) == events_of(big_batch(start, 1500 - start))


def test_reading_from_the_end_or_beyond_gives_nothing(memory: Memory) -> None:
    memory.log.append(big_batch(0, 10))
    assert list(memory.log.read(10)) == []
    assert list(memory.log.read(11)) == []


def test_reading_stops_at_the_end_of_the_time_of_the_call(memory: Memory) -> None:
    memory.log.append(big_batch(0, 10))
    frames = memory.log.read(0)
    first = next(frames)
    memory.log.append(big_batch(10, 10))
    assert [first.position, *(frame.position for frame in frames)] == [0]


def test_many_threads_append_at_once(memory: Memory) -> None:
    """Each caller gets the position of its own first scan; nothing is lost, doubled or mixed up."""
    found: dict[int, tuple[str, int]] = {}

    def write(name: str) -> None:
        for turn in range(20):
            events = [scan(f"{name}-{turn}", minute=minute) for minute in range(1 + turn % 3)]
            found[append(memory, *events)] = (f"{name}-{turn}", len(events))

    threads = [threading.Thread(target=write, args=(f"T{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = read(memory)
    assert len(events) == memory.log.position() == sum(rows for _, rows in found.values())
    assert len(found) == 160
    for position, (number, rows) in found.items():
        assert [event.number for event in events[position : position + rows]] == [number] * rows


def test_reading_while_writing_shows_a_whole_beginning(memory: Memory) -> None:
    def write() -> None:
        for start in range(0, 4000, 40):
            memory.log.append(big_batch(start, 40))

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while writer.is_alive() or seen < 4000:
        for frame in memory.log.read(seen):
            assert events_of(frame.scans) == events_of(big_batch(seen, frame.scans.num_rows))
            seen = frame.end
    writer.join()
    assert seen == 4000


@pytest.mark.gap("reference", raises=ForgetsError)
def test_what_was_acknowledged_is_there_after_a_restart(opened: Opened) -> None:
    for start in range(0, 1000, 100):
        opened.memory.log.append(big_batch(start, 100))
    opened.restart()
    assert opened.memory.log.position() == 1000
    assert read(opened.memory) == events_of(big_batch(0, 1000))
    assert append(opened.memory, scan("new")) == 1000
    assert [event.number for event in read(opened.memory, 1000)] == ["new"]


def _with(name: str, column: pa.Array) -> pa.RecordBatch:
    good = batch(scan(), scan("A2"))
    return good.set_column(SCAN_SCHEMA.get_field_index(name), SCAN_SCHEMA.field(name), column)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (_with("number", pa.array(["A1", None])), "number"),
        (_with("number", pa.array(["A1", "A\0sf"])), "number"),
        (_with("facility", pa.array(["H\0", None]).dictionary_encode()), "facility"),
        (_with("at", pa.array([0, None], pa.timestamp("ms", "UTC"))), "at"),
        (batch(scan()).drop_columns(["note"]), "columns"),
        (batch(scan()).rename_columns(["x", *SCAN_SCHEMA.names[1:]]), "columns"),
    ],
)
def test_what_no_index_could_take_in_is_refused(memory: Memory, wrong: pa.RecordBatch, where: str) -> None:
    with pytest.raises(BadInput, match=where):
        memory.log.append(wrong)
    assert memory.log.position() == 0
