"""The clock of tests stands until it is moved."""

import pytest

from waypost.model.errors import BadInput
from waypost.model.instants import format_instant
from waypost.testing import Clock


def text(clock: Clock) -> str:
    return format_instant(clock(), 480)


def test_it_stands_until_it_is_moved() -> None:
    clock = Clock("2026-11-20T10:00:00+08:00")
    assert text(clock) == text(clock) == "2026-11-20T10:00:00+08:00"
    clock.move(days=1, hours=1.5, minutes=-15)
    assert text(clock) == "2026-11-21T11:15:00+08:00"
    clock.set("2026-01-01T00:00:00Z")
    assert text(clock) == "2026-01-01T08:00:00+08:00"


def test_two_clocks_begin_alike() -> None:
    assert Clock()() == Clock()()


def test_it_does_not_guess() -> None:
    with pytest.raises(BadInput, match="has no offset"):
        Clock("2026-11-20T10:00:00")
