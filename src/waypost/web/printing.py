"""Print files of whole jobs may take longer than an answer: they are begun once, and asked for until they are there."""

import asyncio
from collections.abc import Callable

from waypost.booking.papers import PrintFile
from waypost.booking.printing.layout import Size
from waypost.web.pools import Pool

#: One that nobody fetches is forgotten after so long; labels that carriers sent for it are kept, so it comes quickly.
_KEEP_MS = 120_000

_Key = tuple[str, str, Size | None]


class PrintRoom:
    """Prints in threads of its own, each job once at a time. For one event loop.

    Args:
        print_job: see `Papers.print_job`.
        ticks: milliseconds of a clock that nobody sets.
    """

    def __init__(
        self, print_job: Callable[[str, str, Size | None], PrintFile], pool: Pool, ticks: Callable[[], int]
    ) -> None:
        self._print_job = print_job
        self._pool = pool
        self._ticks = ticks
        self._begun: dict[_Key, asyncio.Task[PrintFile]] = {}
        self._done_ms: dict[_Key, int] = {}

    async def fetch(self, merchant: str, job: str, size: Size | None, *, within_s: float) -> PrintFile | None:
        """The print file of a job, or None if it is not there so soon: ask again.

        Raises:
            WaypostError: as printing does.
        """
        self._forget()
        key = merchant, job, size
        task = self._begun.get(key)
        if task is None:
            task = self._begun[key] = asyncio.create_task(self._pool.run(self._print_job, *key))
            task.add_done_callback(lambda _: self._done_ms.setdefault(key, self._ticks()))
        done, _ = await asyncio.wait({task}, timeout=within_s)
        if not done:
            return None
        if self._begun.get(key) is task:
            del self._begun[key]
            self._done_ms.pop(key, None)
        return task.result()

    def _forget(self) -> None:
        now_ms = self._ticks()
        for key in [key for key, done_ms in self._done_ms.items() if now_ms - done_ms > _KEEP_MS]:
            del self._done_ms[key]
            task = self._begun.pop(key)
            if not task.cancelled():
                task.exception()  # nobody asks for it any more
