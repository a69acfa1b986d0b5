"""What many ask for at the same moment is done for all of them at once, and one hinders no other."""

import threading
from collections.abc import Sequence

import pytest

from waypost.model.errors import StorageFull
from waypost.track.together import Together


class Acts:
    """Doubles numbers, and is held up until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.let_go = threading.Event(), threading.Event()

    def double(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.begun.set()
        assert self.let_go.wait(20)
        if 13 in items:
            raise ZeroDivisionError("13")
        if 99 in items:
            raise StorageFull("no room")
        return [item * 2 for item in items]


def crowd(acts: Acts, *items: int) -> dict[int, object]:
    """The first acts for itself alone; all others come while it is held up."""
    together = Together(acts.double)
    came: dict[int, object] = {}

    def do(item: int) -> None:
        try:
            came[item] = together.do(item)
        except Exception as error:
            came[item] = type(error)

    threads = [threading.Thread(target=do, args=(item,)) for item in items]
    threads[0].start()
    assert acts.begun.wait(20)
    for thread in threads[1:]:
        thread.start()
    while len(together._waiting) < len(items) - 1:
        threads[-1].join(0.001)
    acts.let_go.set()
    for thread in threads:
        thread.join(20)
    return came


def test_those_who_wait_are_done_at_once() -> None:
    acts = Acts()
    assert crowd(acts, 1, 2, 3, 4) == {1: 2, 2: 4, 3: 6, 4: 8}
    assert [sorted(batch) for batch in acts.batches] == [[1], [2, 3, 4]]


def test_one_that_fails_hinders_no_other() -> None:
    acts = Acts()
    assert crowd(acts, 1, 13, 3) == {1: 2, 13: ZeroDivisionError, 3: 6}
    assert sorted(map(sorted, acts.batches)) == [[1], [3], [3, 13], [13]]


def test_what_holds_for_all_is_said_to_all_and_not_tried_again() -> None:
    acts = Acts()
    assert crowd(acts, 1, 99, 3) == {1: 2, 99: StorageFull, 3: StorageFull}
    assert len(acts.batches) == 2


def test_it_goes_on_after_a_failure() -> None:
    acts = Acts()
    acts.let_go.set()
    together = Together(acts.double)
    with pytest.raises(ZeroDivisionError):
        together.do(13)
    assert together.do(4) == 8
