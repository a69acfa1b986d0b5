"""Live scans are checked, kept and acknowledged."""

import msgspec
import pyarrow as pa
import pytest

from waypost.model.errors import StorageFull
from waypost.model.instants import OffsetSource
from waypost.model.scans import events_of
from waypost.store.protocols import Memory
from waypost.testing import Clock
from waypost.track.reception import Reception
from waypost.track.wire import Rows, empty_rows, read_ndjson


def reception(memory: Memory, clock: Clock) -> Reception:
    return Reception(memory, lambda pairs: [("Asia/Shanghai", OffsetSource.CARRIER)] * len(pairs), clock)


def sent(*numbers: str, at: str = "2026-11-20 10:00") -> Rows:
    rows = [{"carrier": "yto", "number": number, "code": "GOT", "at": at} for number in numbers]
    return read_ndjson(b"\n".join(map(msgspec.json.encode, rows)), 100)


def test_a_receipt_says_what_became_of_the_rows(memory: Memory) -> None:
    clock = Clock("2026-11-20T03:00:00Z")
    desk = reception(memory, clock)
    first = desk.receive(sent("YT1", "圆通", "YT2"))
    assert (first.position, first.accepted, first.refused, first.end) == (0, 2, 1, 2)
    assert [(each.row, each.field) for each in first.refusals] == [(1, "number")]
    clock.move(hours=1)
    second = desk.receive(sent("YT3"))
    assert (second.position, second.accepted, second.refused, second.refusals) == (2, 1, 0, [])
    kept = [event for frame in memory.log.read(0) for event in events_of(frame.scans)]
    assert [event.number for event in kept] == ["YT1", "YT2", "YT3"]
    assert memory.index.catch_up(second.end, 5)
    recorded = [event.recorded_at_ms for event in kept]
    assert recorded == [clock.now_ms - 3_600_000, clock.now_ms - 3_600_000, clock.now_ms]
    assert memory.index.states(["YT1", "YT2", "YT3"]).num_rows == 3


def test_a_batch_sent_again_is_accepted_and_changes_nothing(memory: Memory) -> None:
    desk = reception(memory, Clock())
    assert memory.index.catch_up(desk.receive(sent("YT1")).end, 5)
    before = memory.index.timelines(["YT1"]).drop_columns("recorded_at")
    again = desk.receive(sent("YT1"))
    assert memory.index.catch_up(again.end, 5)
    assert (again.accepted, again.refused) == (1, 0)
    assert memory.index.timelines(["YT1"]).drop_columns("recorded_at").equals(before)


def test_a_receipt_says_whether_look_ups_show_it(memory: Memory) -> None:
    desk = reception(memory, Clock())
    assert desk.receive(sent("YT1")).indexed is False
    assert memory.index.catch_up(1, 5)
    assert desk.receive(empty_rows()).indexed is True


@pytest.mark.parametrize("rows", [empty_rows(), sent("圆通")])
def test_nothing_good_is_nothing_kept(memory: Memory, rows: Rows) -> None:
    receipt = reception(memory, Clock()).receive(rows)
    assert (receipt.position, receipt.accepted, receipt.refused) == (0, 0, rows.sent)
    assert memory.log.position() == 0


def test_the_clock_decides_what_lies_ahead(memory: Memory) -> None:
    clock = Clock("2026-11-17T00:00:00Z")
    desk = reception(memory, clock)
    assert desk.receive(sent("YT1")).refusals[0].reason == "lies more than two days ahead of now"
    clock.move(days=2)
    assert desk.receive(sent("YT1")).accepted == 1


def test_the_sender_is_the_carrier_of_rows_that_name_none(memory: Memory) -> None:
    rows = read_ndjson(b'{"number":"YT1","code":"GOT","at":"2026-11-20T10:00:00Z"}', 10)
    assert reception(memory, Clock()).receive(rows, carrier="zto").accepted == 1
    [frame] = memory.log.read(0)
    assert frame.scans.column("carrier").to_pylist() == ["zto"]


def test_a_full_disk_is_told_and_nothing_is_acknowledged(memory: Memory) -> None:
    class FullLog:
        def append(self, scans: pa.RecordBatch) -> int:
            raise StorageFull("No room left for the log.")

        read, position = memory.log.read, memory.log.position

    full = msgspec.structs.replace(memory, log=FullLog())
    with pytest.raises(StorageFull):
        reception(full, Clock()).receive(sent("YT1"))
