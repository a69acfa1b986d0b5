"""What every `History` does."""

import threading
from typing import Any

import ibis
import pyarrow as pa
import pytest
from tests.conformance.engines import ForgetsError, Opened
from tests.conformance.small_worlds import NOON, append, big_batch, rows, scan

from waypost.model.instants import OffsetSource, TimeFlag
from waypost.model.scans import SCAN_SCHEMA, events_of, scan_ids
from waypost.store.protocols import Memory


def test_no_scans_are_a_table_without_rows(memory: Memory) -> None:
    found = memory.history.run(lambda scans: scans)
    assert found.num_rows == 0
    assert found.column_names == SCAN_SCHEMA.names
    assert memory.history.run(lambda scans: scans.count()).column(0).to_pylist() == [0]
    assert memory.history.position() == 0


def test_every_field_is_there(opened: Opened) -> None:
    full = scan(
        "A1",
        facility="755A",
        note="已签收 '",
        corrects="0" * 16,
        time_flags=TimeFlag.YEAR_ASSUMED,
        recorded_at_ms=NOON + 7,
    )
    bare = scan("A2", minute=-5_000_000, offset_min=-210)
    append(opened.memory, full, bare)
    found = opened.caught_up().history.run(lambda scans: scans.order_by("number"))
    assert found.column("at").type == pa.timestamp("ms", "UTC")
    assert [field.type for field in found.schema if field.name in ("carrier", "code", "facility")] == [pa.string()] * 3
    assert events_of(found) == [full, bare]
    assert scan_ids(found) == [full.id, bare.id]
    assert found.column("offset_source").to_pylist() == [int(OffsetSource.CARRIER)] * 2


def test_duplicates_are_left_out(opened: Opened) -> None:
    append(opened.memory, scan("A1", note="first"), scan("A1", note="again"))
    append(opened.memory, scan("A2"), scan("A1"))
    opened.caught_up()
    append(opened.memory, scan("A2"), scan("A3"))
    memory = opened.caught_up()
    found = memory.history.run(lambda scans: scans.order_by("number"))
    assert rows(found, "number", "note") == [("A1", "first"), ("A2", None), ("A3", None)]
    assert memory.history.position() == 6


def test_questions_group_filter_and_reckon_with_time(opened: Opened) -> None:
    for start in range(0, 600, 60):
        opened.memory.log.append(big_batch(start, 60))
    memory = opened.caught_up()

    def per_hour_at_f3(scans: Any) -> Any:
        there = scans.filter(scans.facility == "F3")
        hours = there.group_by(hour=there.at.truncate("h"))
        return hours.agg(scans=there.count(), parcels=there.number.nunique()).order_by("hour")

    per_hour = memory.history.run(per_hour_at_f3)
    of_f3 = [n for n in range(600) if n % 7 == 3]
    assert per_hour.column("scans").to_pylist() == [len([n for n in of_f3 if n // 60 == hour]) for hour in range(10)]
    assert [value.hour for value in per_hour.column("hour").to_pylist()] == [(12 + hour) % 24 for hour in range(10)]
    assert sum(per_hour.column("parcels").to_pylist()) == len({(n // 60, n % 97) for n in of_f3})


def test_the_hour_is_that_of_utc_and_local_time_is_reckoned_from_the_offset(opened: Opened) -> None:
    append(opened.memory, scan("A1", offset_min=480))  # noon in UTC
    found = opened.caught_up().history.run(
        lambda scans: scans.select(
            utc=scans.at.hour(), local=(scans.at + scans.offset_min.cast("int64").as_interval("m")).hour()
        )
    )
    assert found.to_pylist() == [{"utc": 12, "local": 20}]


def test_a_table_of_the_asker_can_be_joined(opened: Opened) -> None:
    append(opened.memory, scan("A1"), scan("A2", code="opcode:80"), scan("A3", code="who-knows"))
    meanings = ibis.memtable(pa.table({"code": ["opcode:50", "opcode:80"], "means": ["picked up", "delivered"]}))
    found = opened.caught_up().history.run(
        lambda scans: scans.left_join(meanings, "code").select("number", "means").order_by("number")
    )
    assert rows(found, "number", "means") == [("A1", "picked up"), ("A2", "delivered"), ("A3", None)]


def test_a_single_number_is_a_table_of_one_row(opened: Opened) -> None:
    opened.memory.log.append(big_batch(0, 130))
    found = opened.caught_up().history.run(lambda scans: scans.at.max())
    assert found.num_rows == 1
    assert found.column(0).cast(pa.int64()).to_pylist() == [NOON + 129 * 60_000]


def test_the_texts_of_others_are_values_not_sql(opened: Opened) -> None:
    nasty = "'); DROP TABLE scans; --"
    append(opened.memory, scan("A1", note=nasty), scan("A2", note="%"))
    found = opened.caught_up().history.run(lambda scans: scans.filter(scans.note == nasty).select("number"))
    assert found.column("number").to_pylist() == ["A1"]


@pytest.mark.always
def test_many_ask_while_scans_come(opened: Opened) -> None:
    """Every answer is of one moment: as many scans as their minutes reach, and never fewer than before."""
    memory, wrong = opened.memory, []

    def ask() -> None:
        seen = 0
        while seen < 1000:
            at_least = memory.history.position()
            found = memory.history.run(lambda scans: scans.aggregate(n=scans.count(), last=scans.at.max()))
            [(count, last)] = rows(found, "n", "last")
            minutes = 0 if last is None else (last - NOON) // 60_000 + 1
            if minutes != count or count < max(seen, at_least):
                wrong.append((seen, at_least, count, last))
                return
            seen = count

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for start in range(0, 1000, 25):
        memory.log.append(big_batch(start, 25))
    opened.caught_up()
    for asker in askers:
        asker.join(60)
    assert wrong == []


@pytest.mark.gap("reference", raises=ForgetsError)
def test_everything_is_there_once_after_restarts(opened: Opened) -> None:
    for start in range(0, 1000, 40):
        opened.memory.log.append(big_batch(start - min(start, 10), 40))
        if start % 200 == 160:
            opened.restart()
    memory = opened.caught_up()
    found = memory.history.run(lambda scans: scans)
    kept = {n for start in range(0, 1000, 40) for n in range(start - min(start, 10), start - min(start, 10) + 40)}
    assert sorted(event.at.at_ms for event in events_of(found)) == [NOON + n * 60_000 for n in sorted(kept)]
    timelines = memory.index.timelines([f"P{n}" for n in range(97)])
    assert sorted(scan_ids(timelines)) == sorted(scan_ids(found))
