"""Print files that take longer than an answer may."""

import asyncio
import threading

import pytest

from waypost.booking.papers import PrintFile
from waypost.booking.printing.layout import Size
from waypost.model.errors import Conflict
from waypost.web.pools import Pool
from waypost.web.printing import PrintRoom

FILE = PrintFile(content=b"%PDF-", labels=1, left=[])


class Press:
    """Prints when it is let go on."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.go_on = threading.Event()
        self.now_ms = 0
        self.error: Exception | None = None

    def print_job(self, merchant: str, job: str, size: Size | None) -> PrintFile:
        self.begun.append((merchant, job))
        assert self.go_on.wait(10)
        if self.error:
            raise self.error
        return FILE

    def open_room(self) -> tuple[PrintRoom, Pool]:
        pool = Pool("printing", 2, 10)
        return PrintRoom(self.print_job, pool, lambda: self.now_ms), pool


def test_what_takes_long_is_begun_once_and_there_when_it_is_asked_for_again() -> None:
    press = Press()

    async def ask() -> list[PrintFile | None]:
        room, pool = press.open_room()
        found = [
            await room.fetch("estrela", "job_1", None, within_s=0.02),
            await room.fetch("estrela", "job_1", None, within_s=0.02),
        ]
        press.go_on.set()
        found += await asyncio.gather(*(room.fetch("estrela", "job_1", None, within_s=10) for _ in range(2)))
        pool.close()
        return found

    assert asyncio.run(ask()) == [None, None, FILE, FILE]
    assert press.begun == [("estrela", "job_1")]


def test_one_merchant_does_not_get_what_another_prints() -> None:
    press = Press()
    press.go_on.set()

    async def ask() -> None:
        room, pool = press.open_room()
        await asyncio.gather(
            room.fetch("estrela", "job_1", None, within_s=10), room.fetch("ming", "job_1", None, within_s=10)
        )
        pool.close()

    asyncio.run(ask())
    assert sorted(press.begun) == [("estrela", "job_1"), ("ming", "job_1")]


def test_what_fails_says_so_to_who_asks_again_and_is_tried_anew_after() -> None:
    press = Press()
    press.error = Conflict("nothing of the job can be printed")

    async def ask() -> None:
        room, pool = press.open_room()
        assert await room.fetch("estrela", "job_1", None, within_s=0.02) is None
        press.go_on.set()
        with pytest.raises(Conflict):
            await room.fetch("estrela", "job_1", None, within_s=10)
        press.error = None
        assert await room.fetch("estrela", "job_1", None, within_s=10) == FILE
        pool.close()

    asyncio.run(ask())


def test_what_nobody_fetches_is_forgotten() -> None:
    press = Press()

    async def ask() -> None:
        room, pool = press.open_room()
        assert await room.fetch("estrela", "job_1", None, within_s=0.02) is None
        press.go_on.set()
        for _ in range(100):
            await asyncio.sleep(0.01)
        press.now_ms = 121_000
        assert await room.fetch("estrela", "job_2", None, within_s=10) == FILE
        assert await room.fetch("estrela", "job_1", None, within_s=10) == FILE
        pool.close()

    asyncio.run(ask())
    assert press.begun == [("estrela", "job_1"), ("estrela", "job_2"), ("estrela", "job_1")]
