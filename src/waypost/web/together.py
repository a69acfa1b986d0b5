"""What many requests ask of the store at the same moment is done for all of them at once.

One call is under way at a time; whoever comes meanwhile is in the next.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from waypost.model.errors import WaypostError
from waypost.web.pools import Pool
from waypost.web.problems import Busy

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """For calls that cost about the same for one as for many. It belongs to one event loop.

    Args:
        pool: whose thread makes the call.
        act: does it for some, and gives what each gets, in their order.
        most: so many may wait.
    """

    def __init__(self, pool: Pool, act: Callable[[Sequence[T]], Sequence[R]], most: int) -> None:
        self._pool = pool
        self._act = act
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._acting: asyncio.Task[None] | None = None

    async def do(self, item: T) -> R:
        """Have it done; what came of it. One whose asker has gone away while it waited is never done.

        Raises:
            Busy: too many wait already.
            Exception: whatever the act raised.
        """
        if len(self._waiting) >= self._most:
            raise Busy("more requests are waiting than can be served soon")
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, mine))
        if self._acting is None:
            self._acting = loop.create_task(self._act_while_some_wait())
        return await mine

    async def _act_while_some_wait(self) -> None:
        all_: list[tuple[T, asyncio.Future[R]]] = []
        try:
            while self._waiting:
                all_, self._waiting = self._waiting, []
                await self._act_for([each for each in all_ if not each[1].done()])
        finally:
            self._acting = None
            for _, theirs in all_:  # nobody waits for ever, whatever ended this
                theirs.cancel()

    async def _act_for(self, all_: Sequence[tuple[T, "asyncio.Future[R]"]]) -> None:
        if not all_:
            return
        try:
            got = await self._pool.run(self._act, [item for item, _ in all_])
        except Exception as error:
            if len(all_) > 1 and not isinstance(error, WaypostError):  # one of them hinders the others
                for each in all_:
                    await self._act_for([each])
                return
            for _, theirs in all_:
                if not theirs.done():
                    theirs.set_exception(error)
        else:
            for (_, theirs), one in zip(all_, got, strict=True):
                if not theirs.done():
                    theirs.set_result(one)
