"""The world of this room's tests."""

from collections.abc import Iterator

import pytest
from tests.rooms.care.world import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()
