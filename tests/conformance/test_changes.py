"""What every `Changes` does."""

import pyarrow as pa
import pytest
from tests.conformance.engines import FOLD, ForgetsError, Opened
from tests.conformance.small_worlds import NOON, append, big_batch, rows, scan

from waypost.model.scans import SCAN_SCHEMA, VOID
from waypost.store.protocols import Memory
from waypost.track.fold import NEVER_LAST, NEW_LAST, NEW_MILESTONE, NEW_PARCEL, NEW_STATUS
from waypost.track.statuses import get_status


def told(table: pa.Table) -> list[tuple[int, str, str, str | None]]:
    """Position, number, and the status after and before; none before a new parcel."""
    found = rows(table, "position", "number", "status", "before_status", "told")
    return [
        (position, number, get_status(now).code, None if bits & NEW_PARCEL else get_status(before).code)
        for position, number, now, before, bits in found
    ]


def test_there_are_none_at_first(memory: Memory) -> None:
    table = memory.changes.read(-1, 10)
    assert table.num_rows == 0
    assert table.column_names == ["position", *SCAN_SCHEMA.names, *(FOLD.news.names or ())]


def test_a_new_parcel_is_news_with_nothing_before(opened: Opened) -> None:
    append(opened.memory, scan("A1", facility="755A"))
    changes = opened.caught_up().changes.read(-1, 10)
    assert told(changes) == [(0, "A1", "picked_up", None)]
    assert rows(changes, "carrier", "facility", "at") == [("sf", "755A", NOON)]


def test_a_change_says_what_was_before(opened: Opened) -> None:
    append(opened.memory, scan("A1", facility="755A"))
    opened.caught_up()
    append(opened.memory, scan("A1", minute=5, code="opcode:30"))
    changes = opened.caught_up().changes.read(0, 10)
    assert told(changes) == [(1, "A1", "in_transit", "picked_up")]
    assert rows(changes, "code", "at", "told") == [("opcode:30", NOON + 300_000, NEW_STATUS | NEW_LAST | NEW_MILESTONE)]


def test_what_comes_together_is_told_once_at_the_last_new_scan_of_a_parcel(opened: Opened) -> None:
    append(opened.memory, scan("A1"))
    opened.caught_up()
    append(opened.memory, scan("A2"), scan("A1", minute=1), scan("A1", minute=2), scan("A2", minute=1), scan("A1"))
    changes = opened.caught_up().changes.read(-1, 10)
    assert [row[:2] for row in told(changes)] == [(0, "A1"), (3, "A1"), (4, "A2")]


def test_duplicates_are_no_news(opened: Opened) -> None:
    append(opened.memory, scan("A1"))
    opened.caught_up()
    append(opened.memory, scan("A1", note="again"))
    append(opened.memory, scan("A1", note="and again"), scan("A2"))
    assert rows(opened.caught_up().changes.read(-1, 10), "position", "number") == [(0, "A1"), (3, "A2")]


def test_what_does_not_move_the_state_is_no_news(opened: Opened) -> None:
    append(opened.memory, scan("A1"), scan("A1", minute=2, code="opcode:30"))
    opened.caught_up()
    append(opened.memory, scan("A1", minute=1))  # between the two: no field moves
    opened.caught_up()
    append(opened.memory, scan("A1", minute=3, code="opcode:30"))
    assert rows(opened.caught_up().changes.read(-1, 10), "position") == [(1,), (3,)]


def test_a_correction_is_news(opened: Opened) -> None:
    wrong = scan("A1", code="opcode:80", minute=5)
    append(opened.memory, scan("A1"), wrong)
    opened.caught_up()
    append(opened.memory, scan("A1", code=VOID, minute=6, corrects=wrong.id))
    changes = opened.caught_up().changes.read(-1, 10)
    assert told(changes) == [(1, "A1", "delivered", None), (2, "A1", "picked_up", "delivered")]


@pytest.mark.always
def test_a_reader_resumes_behind_its_cursor_and_misses_nothing(opened: Opened) -> None:
    for start in range(0, 200, 20):
        opened.memory.log.append(big_batch(start, 20, parcels=7))
        opened.caught_up()
    memory = opened.memory
    every = memory.changes.read(-1, 10_000).to_pylist()
    cursor, seen = -1, []
    while (table := memory.changes.read(cursor, 3)).num_rows:
        assert table.num_rows <= 3
        seen += table.to_pylist()
        cursor = seen[-1]["position"]
    assert seen == every
    assert len(seen) == 70
    positions = [row["position"] for row in seen]
    assert positions == sorted(set(positions))
    assert memory.changes.read(positions[-1], 10).num_rows == 0
    append(memory, scan("new"))
    opened.caught_up()
    assert rows(memory.changes.read(positions[-1], 10), "position", "number") == [(200, "new")]


def test_each_change_of_a_parcel_goes_on_where_the_one_before_ended(opened: Opened) -> None:
    codes = ["opcode:50", "opcode:30", "opcode:204", "opcode:80"]
    for step, code in enumerate(codes):
        append(opened.memory, *(scan(f"P{n}", minute=step, code=code) for n in range(5)))
        opened.caught_up()
    last: dict[str, str] = {}
    for _, number, now, before in told(opened.caught_up().changes.read(-1, 10_000)):
        assert last.get(number) == before
        last[number] = now
    states = opened.memory.index.states(list(last))
    assert {number: get_status(status).code for number, status in rows(states, "number", "status")} == last
    assert set(last.values()) == {"delivered"}


@pytest.mark.always
@pytest.mark.gap("reference", raises=ForgetsError)
def test_a_restart_neither_loses_nor_repeats_news(opened: Opened) -> None:
    for start in range(0, 100, 20):
        opened.memory.log.append(big_batch(start, 20, parcels=7))
        opened.caught_up()
    before = opened.caught_up().changes.read(-1, 1000).to_pylist()
    opened.restart()
    assert opened.caught_up().changes.read(-1, 1000).to_pylist() == before
    opened.memory.log.append(big_batch(90, 20, parcels=7))
    after = opened.caught_up().changes.read(-1, 1000).to_pylist()
    assert after[: len(before)] == before
    assert {row["position"] for row in after[len(before) :]} == set(range(113, 120))


def test_a_change_says_where_and_when_the_parcel_was_scanned_last_now_and_before(opened: Opened) -> None:
    names = ("position", "before_facility", "before_ms", "now_facility", "now_ms")
    append(opened.memory, scan("A1", facility="755A"))
    opened.caught_up()
    append(
        opened.memory, scan("A1", minute=5, facility="021B", code="opcode:30"), scan("A1", minute=3, facility="010C")
    )
    opened.caught_up()
    append(opened.memory, scan("A1", minute=4, facility="755A"), scan("A1", minute=7))
    told = rows(opened.caught_up().changes.read(-1, 10), *names)
    assert told == [
        (0, None, NEVER_LAST, "755A", NOON),
        (2, "755A", NOON, "021B", NOON + 300_000),
        (4, "021B", NOON + 300_000, None, NOON + 420_000),
    ]
