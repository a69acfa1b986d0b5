"""Blocking store calls run in threads, so many at a time and no more; the rest stands in a line of bounded length."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from waypost.web.problems import Busy

Answer = TypeVar("Answer")


class Pool:
    """Threads for one kind of call. A call whose asker has gone away while it stood in line is never made."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._most = threads + waiting
        self._inside = 0
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"web-{name}")

    async def run(self, call: Callable[..., Answer], *arguments: object) -> Answer:
        """Make a call in a thread and wait for its answer.

        Raises:
            Busy: too many stand in line already.
        """
        with self._lock:
            if self._inside >= self._most:
                raise Busy("more requests are waiting than can be served soon")
            self._inside += 1
        future = self._executor.submit(call, *arguments)
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let the calls that run come to their end, and make no others."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _leave(self, _: Future[Answer]) -> None:
        with self._lock:
            self._inside -= 1
