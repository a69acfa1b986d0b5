import asyncio
import threading

import pytest

from waypost.web.pools import Pool
from waypost.web.problems import Busy


def test_so_many_at_once_and_no_more() -> None:
    pool, release, begun = Pool("test", threads=1, waiting=1), threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        assert release.wait(10)
        return "done"

    async def run() -> list[str]:
        first = asyncio.create_task(pool.run(work))
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.create_task(pool.run(work))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await pool.run(work)
        release.set()
        answers = [await first, await second]
        answers.append(await pool.run(work))
        return answers

    assert asyncio.run(run()) == ["done"] * 3
    pool.close()


def test_a_call_nobody_waits_for_any_more_is_not_made() -> None:
    pool, release, begun = Pool("test", threads=1, waiting=1), threading.Event(), threading.Event()
    made: list[str] = []

    def block() -> None:
        begun.set()
        assert release.wait(10)

    async def run() -> None:
        first = asyncio.create_task(pool.run(block))
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.create_task(pool.run(made.append, "late"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        release.set()
        await first
        await pool.run(made.append, "next")  # there is room for it: the cancelled one has left the line

    asyncio.run(run())
    assert made == ["next"]
    pool.close()


def test_an_error_of_the_call_is_the_askers() -> None:
    pool = Pool("test", threads=1, waiting=0)

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(pool.run(fail))
    pool.close()
