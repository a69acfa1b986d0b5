"""What every `Changes` does."""

import pytest
from tests.conformance.engines import FOLD, ForgetsError, Opened
from tests.conformance.small_worlds import NOON, append, big_batch, rows, scan

from waypost.model.scans import VOID
from waypost.store.protocols import Memory


def test_there_are_none_at_first(memory: Memory) -> None:
    table = memory.changes.read(-1, 10)
    assert table.num_rows == 0
    shown = [name for name in FOLD.dtype.names or () if not name.startswith("_")]
    assert table.column_names == ["position", "carrier", "number", *shown, *(f"before_{name}" for name in shown)]


def test_a_new_parcel_is_news_with_nothing_before(opened: Opened) -> None:
    append(opened.memory, scan("A1", facility="755A"))
    changes = opened.caught_up().changes.read(-1, 10)
    assert rows(changes, "position", "carrier", "number", "facility", "last_at") == [(0, "sf", "A1", "755A", NOON)]
    assert all(
        changes.column(name).to_pylist() == [None] for name in changes.column_names if name.startswith("before_")
    )


def test_a_change_says_what_was_before(opened: Opened) -> None:
    append(opened.memory, scan("A1", facility="755A"))
    append(opened.memory, scan("A1", minute=5, code="opcode:30"))
    changes = opened.caught_up().changes.read(0, 10)
    names = ("position", "code", "before_code", "facility", "before_facility", "last_at", "before_last_at")
    assert rows(changes, *names) == [(1, "opcode:30", "opcode:50", None, "755A", NOON + 300_000, NOON)]


def test_one_batch_makes_one_change_a_parcel_at_its_last_new_scan(opened: Opened) -> None:
    append(opened.memory, scan("A1"))
    append(opened.memory, scan("A2"), scan("A1", minute=1), scan("A1", minute=2), scan("A2", minute=1), scan("A1"))
    changes = opened.caught_up().changes.read(-1, 10)
    assert rows(changes, "position", "number", "before_last_at") == [(0, "A1", None), (3, "A1", NOON), (4, "A2", None)]


def test_duplicates_are_no_news(opened: Opened) -> None:
    append(opened.memory, scan("A1"))
    append(opened.memory, scan("A1", note="again"))
    append(opened.memory, scan("A1", note="and again"), scan("A2"))
    assert rows(opened.caught_up().changes.read(-1, 10), "position", "number") == [(0, "A1"), (3, "A2")]


def test_what_does_not_move_the_state_is_no_news(opened: Opened) -> None:
    append(opened.memory, scan("A1"), scan("A1", minute=2, code="opcode:30"))
    append(opened.memory, scan("A1", minute=1))  # between the two: no field moves
    append(opened.memory, scan("A1", minute=3, code="opcode:30"))
    assert rows(opened.caught_up().changes.read(-1, 10), "position") == [(1,), (3,)]


def test_a_correction_is_news(opened: Opened) -> None:
    wrong = scan("A1", code="opcode:80", minute=5)
    append(opened.memory, scan("A1"), wrong)
    append(opened.memory, scan("A1", code=VOID, minute=6, corrects=wrong.id))
    changes = opened.caught_up().changes.read(-1, 10)
    assert rows(changes, "position", "code", "before_code") == [
        (1, "opcode:80", None),
        (2, "opcode:50", "opcode:80"),
    ]


def test_a_reader_resumes_behind_its_cursor_and_misses_nothing(opened: Opened) -> None:
    for start in range(0, 200, 20):
        opened.memory.log.append(big_batch(start, 20, parcels=7))
    memory = opened.caught_up()
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
    for start in range(0, 300, 30):
        opened.memory.log.append(big_batch(start, 30, parcels=4))
    last: dict[str, dict[str, object]] = {}
    shown = [name for name in FOLD.dtype.names or () if not name.startswith("_")]
    for row in opened.caught_up().changes.read(-1, 10_000).to_pylist():
        before = last.get(row["number"])
        assert [row[f"before_{name}"] for name in shown] == [before and before[name] for name in shown]
        last[row["number"]] = row
    states = opened.memory.index.states(list(last)).to_pylist()
    assert [{name: state[name] for name in shown} for state in states] == [
        {name: last[state["number"]][name] for name in shown} for state in states
    ]


@pytest.mark.gap("reference", raises=ForgetsError)
def test_a_restart_neither_loses_nor_repeats_news(opened: Opened) -> None:
    for start in range(0, 100, 20):
        opened.memory.log.append(big_batch(start, 20, parcels=7))
    before = opened.caught_up().changes.read(-1, 1000).to_pylist()
    opened.restart()
    assert opened.caught_up().changes.read(-1, 1000).to_pylist() == before
    opened.memory.log.append(big_batch(90, 20, parcels=7))
    after = opened.caught_up().changes.read(-1, 1000).to_pylist()
    assert after[: len(before)] == before
    assert {row["position"] for row in after[len(before) :]} == set(range(113, 120))
