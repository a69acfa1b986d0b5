"""What many ask for at the same moment is done for all of them at once, and one hinders no other."""

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from waypost.model.errors import StorageFull
from waypost.web.pools import Pool
from waypost.web.problems import Busy
from waypost.web.together import Together


class Acts:
    """Doubles numbers, and is held up until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.let_go = threading.Event()

    def double(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        assert self.let_go.wait(20)
        if 13 in items:
            raise ZeroDivisionError("13")
        if 99 in items:
            raise StorageFull("no room")
        return [item * 2 for item in items]


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool("test", 1, 8)
    yield pool
    pool.close()


async def crowd(acts: Acts, pool: Pool, *items: int, most: int = 8, gone: int | None = None) -> list[object]:
    """The first acts for itself alone; all others come while it is held up, and one of them goes away."""
    together = Together(pool, acts.double, most)
    asked = [asyncio.create_task(together.do(items[0]))]
    while not acts.batches:
        await asyncio.sleep(0)
    asked += [asyncio.create_task(together.do(item)) for item in items[1:]]
    await asyncio.sleep(0)
    if gone is not None:
        asked[gone].cancel()
        await asyncio.sleep(0)
    acts.let_go.set()
    told = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 20)
    return [type(each) if isinstance(each, BaseException) else each for each in told]


def test_those_who_wait_are_done_at_once(pool: Pool) -> None:
    acts = Acts()
    assert asyncio.run(crowd(acts, pool, 1, 2, 3, 4)) == [2, 4, 6, 8]
    assert acts.batches == [[1], [2, 3, 4]]


def test_one_that_fails_hinders_no_other(pool: Pool) -> None:
    acts = Acts()
    assert asyncio.run(crowd(acts, pool, 1, 13, 3)) == [2, ZeroDivisionError, 6]
    assert acts.batches == [[1], [13, 3], [13], [3]]


def test_what_holds_for_all_is_said_to_all_and_not_tried_again(pool: Pool) -> None:
    acts = Acts()
    assert asyncio.run(crowd(acts, pool, 1, 99, 3)) == [2, StorageFull, StorageFull]
    assert len(acts.batches) == 2


def test_one_who_has_gone_away_is_left_out(pool: Pool) -> None:
    acts = Acts()
    assert asyncio.run(crowd(acts, pool, 1, 2, 3, gone=1)) == [2, asyncio.CancelledError, 6]
    assert acts.batches == [[1], [3]]


def test_one_who_goes_away_while_it_is_done_hinders_nobody(pool: Pool) -> None:
    acts = Acts()
    assert asyncio.run(crowd(acts, pool, 1, 2, 3, gone=0)) == [asyncio.CancelledError, 4, 6]
    assert acts.batches == [[1], [2, 3]]


def test_more_than_may_wait_are_told_so(pool: Pool) -> None:
    acts = Acts()
    assert asyncio.run(crowd(acts, pool, 1, 2, 3, 4, most=2)) == [2, 4, 6, Busy]
    assert acts.batches == [[1], [2, 3]]


def test_it_goes_on_after_a_failure(pool: Pool) -> None:
    acts = Acts()
    acts.let_go.set()

    async def ask() -> int:
        together = Together(pool, acts.double, 8)
        with pytest.raises(ZeroDivisionError):
            await together.do(13)
        return await together.do(4)

    assert asyncio.run(ask()) == 8
