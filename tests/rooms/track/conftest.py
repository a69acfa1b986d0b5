"""A memory for each test that needs a whole one."""

from collections.abc import Iterator

import pytest

from waypost.engines.reference import open_reference
from waypost.store.protocols import Memory
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = open_reference(StatusFold(bundled_tables()))
    yield memory
    memory.close()
