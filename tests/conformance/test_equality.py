"""Every engine gives what the reference gives, on random small worlds, however they are cut and restarted."""

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.engines import ENGINES, FOLD, Engine, ForgetsError, Opened
from tests.conformance.small_worlds import batch, worlds
from tests.drawing import examples

from waypost.engines.reference import open_reference
from waypost.model.scans import ScanEvent, in_order
from waypost.store.protocols import Memory

NUMBERS = ["A1", "A2", "A", "A~", "A!sf"]
OTHERS = [engine for engine in ENGINES if engine.name != "reference"]


def everything(memory: Memory) -> dict[str, Any]:
    """All that a memory tells, as plain values; the types of the columns too."""
    assert memory.index.catch_up(memory.log.position(), timeout_s=60)
    tables: dict[str, pa.Table] = {
        "states": memory.index.states(NUMBERS),
        "timelines": memory.index.timelines(NUMBERS),
        "pages": memory.index.page(None, 1000).sort_by([("number", "ascending"), ("carrier", "ascending")]),
        "changes": memory.changes.read(-1, 1000),
        "history": in_order(memory.history.run(lambda scans: scans)),
    }
    told: dict[str, Any] = {name: table.to_pylist() for name, table in tables.items()}
    told |= {f"{name} columns": table.schema.remove_metadata() for name, table in tables.items()}
    return told | {"positions": (memory.log.position(), memory.index.position(), memory.history.position())}


@pytest.mark.parametrize("engine", OTHERS, ids=lambda engine: engine.name)
@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(world=worlds(), restarts=st.sets(st.integers(0, 6), max_size=3))
def test_any_world(engine: Engine, world: list[list[ScanEvent]], restarts: set[int]) -> None:
    reference = open_reference(FOLD)
    with tempfile.TemporaryDirectory() as folder:
        opened = Opened(engine, Path(folder))
        for place, events in enumerate(world):
            for memory in (reference, opened.memory):  # what comes together is told together
                memory.log.append(batch(*events))
                assert memory.index.catch_up(memory.log.position(), timeout_s=60)
            if place in restarts:
                opened.restart()
        told = everything(opened.memory)
        opened.close()
    assert told == everything(reference)
    reference.close()


@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(world=worlds())
def test_any_cut_and_order_gives_the_same_states(engine: Engine, world: list[list[ScanEvent]]) -> None:
    """Scan by scan backwards, and all at once: what a parcel is does not depend on the way it came."""
    # Which of two equal scans came first decides its notes and flags; here all are alike in these.
    events = [event for events in world for event in events]
    plain = [
        ScanEvent(
            carrier=event.carrier,
            number=event.number,
            code=event.code,
            at=event.at,
            facility=event.facility,
            corrects=event.corrects,
        )
        for event in events
    ]
    told = []
    for batches in ([plain], [[event] for event in reversed(plain)]):
        with tempfile.TemporaryDirectory() as folder:
            memory = engine.open(Path(folder))
            for some in batches:
                memory.log.append(batch(*some))
            assert memory.index.catch_up(len(plain), timeout_s=60)
            told.append(
                sorted(memory.index.page(None, 1000).to_pylist(), key=lambda row: (row["number"], row["carrier"]))
            )
            memory.close()
    assert told[0] == told[1]


def test_the_reference_says_that_it_forgets(tmp_path: Path) -> None:
    reference = next(engine for engine in ENGINES if engine.name == "reference")
    with pytest.raises(ForgetsError, match="memory alone"):
        reference.reopen(tmp_path)
