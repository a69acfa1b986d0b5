"""The network now, for all who watch: looked at once a second while anybody does, and sent to all as the same bytes."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable
from weakref import WeakSet

import msgspec
from structlog.typing import FilteringBoundLogger

from waypost.track.live_views import LivePatch, LiveView, find_patch
from waypost.web.pools import Pool
from waypost.web.problems import Busy

#: Patches that are kept for those who come back, and of these so many at most are sent one after another.
_KEPT, _AT_ONCE = 120, 30
_EVERY_S, _HEARTBEAT_S, _TROUBLE_S = 1.0, 15.0, 5.0
#: What was seen so long ago is not gone on from: who comes then is given all of it at once.
_STALE_S = 5.0
_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"


class Board:
    """What is watched. All but `look` happens in the loop of the server.

    Args:
        look: the network now.
        most: so many may watch.
        lasts_s: of one stream; who watches on asks anew.
    """

    def __init__(
        self,
        look: Callable[[], LiveView],
        most: int,
        lasts_s: float,
        journal: FilteringBoundLogger,
        every_s: float = _EVERY_S,
    ) -> None:
        self._look = look
        self._most = most
        self._lasts_s = lasts_s
        self._journal = journal
        self._every_s = every_s
        self._pool = Pool("live", 1, 1000)
        self._mark = secrets.token_hex(4)
        self._watching: WeakSet[asyncio.Event] = WeakSet()  # a stream that nobody begins to read goes of itself
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self._view: LiveView | None = None
        self._looked_s = 0.0
        self._number = 0
        self._patches: deque[bytes] = deque(maxlen=_KEPT)
        self._snapshot: tuple[int, bytes] = (0, b"")

    async def show(self) -> bytes:
        """The view as JSON: what those see who watch, or if nobody does, how it is this moment.

        Raises:
            Busy: too many ask.
        """
        if self._view is not None and self._is_going_on():
            return msgspec.json.encode(self._view)
        return await self._pool.run(lambda: msgspec.json.encode(self._look()))

    def watch(self, last_id: str | None) -> AsyncGenerator[bytes, None]:
        """The stream of one who watches, from behind an id on if that is still known. It counts from now on.

        Raises:
            Busy: too many watch, or the server stops.
        """
        if self._ended:
            raise Busy("the server stops")
        if len(self._watching) >= self._most:
            raise Busy(f"{self._most} watch the network live already, and no more may (live_listeners)")
        moved = asyncio.Event()
        self._watching.add(moved)
        return self._stream(moved, last_id)

    async def _stream(self, moved: asyncio.Event, last_id: str | None) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + self._lasts_s
        self._go()
        try:
            yield _RETRY
            place = self._find(last_id)
            while not self._ended and loop.time() < ends_s:
                moved.clear()
                frames, place = self._next(place)
                for frame in frames:
                    yield frame
                if not frames and not moved.is_set():
                    try:
                        await asyncio.wait_for(moved.wait(), min(_HEARTBEAT_S, max(ends_s - loop.time(), 0.0)))
                    except TimeoutError:
                        yield _HEARTBEAT
        finally:
            self._watching.discard(moved)

    def end(self) -> None:
        """Let all streams end."""
        self._ended = True
        self._wake()

    def close(self) -> None:
        """Look no more."""
        self._pool.close()

    def _is_going_on(self) -> bool:
        return self._task is not None and not self._task.done()

    def _go(self) -> None:
        if not self._is_going_on():
            if asyncio.get_running_loop().time() - self._looked_s > _STALE_S:
                self._view = None  # ids are counted on, so that none is another's
                self._patches.clear()
            self._task = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        """Look again and again until nobody watches."""
        loop = asyncio.get_running_loop()
        while self._watching and not self._ended:
            began_s, pause_s = loop.time(), self._every_s
            try:
                view, patch = await self._pool.run(self._look_on, self._view, self._number + 1)
            except Exception as error:  # those who watch see by its age that nothing new came
                self._journal.error("the network cannot be looked at", exc_info=error)
                pause_s = _TROUBLE_S
            else:
                self._view, self._number, self._looked_s = view, self._number + 1, loop.time()
                self._patches.append(patch)
                self._wake()
            await asyncio.sleep(max(began_s + pause_s - loop.time(), 0.0))

    def _look_on(self, before: LiveView | None, number: int) -> tuple[LiveView, bytes]:
        view = self._look()
        if before is None:
            return view, b""
        patch, seen = find_patch(before, view, number)
        return seen, self._frame(number, "patch", patch)

    def _wake(self) -> None:
        for each in self._watching:
            each.set()

    def _find(self, last_id: str | None) -> int | None:
        """How far one has come who was told of an id; None if that cannot be gone on from."""
        mark, _, number = (last_id or "").rpartition("-")
        is_known = mark == self._mark and number.isascii() and number.isdigit() and len(number) < 16
        return int(number) if is_known else None

    def _next(self, place: int | None) -> tuple[list[bytes], int | None]:
        """What comes behind a place, and where one is then. Who is too far behind is given all of it."""
        if self._view is None or place == self._number:
            return [], place
        behind = self._number - place if place is not None and place > 0 else len(self._patches) + 1
        if not 0 < behind <= min(_AT_ONCE, len(self._patches) - 1):
            return [self._whole()], self._number
        return list(self._patches)[-behind:], self._number

    def _whole(self) -> bytes:
        if self._snapshot[0] != self._number:
            assert self._view is not None
            self._snapshot = self._number, self._frame(self._number, "snapshot", self._view)
        return self._snapshot[1]

    def _frame(self, number: int, event: str, told: LiveView | LivePatch) -> bytes:
        return b"id: %s-%d\nevent: %s\ndata: %s\n\n" % (
            self._mark.encode(), number, event.encode(), msgspec.json.encode(told),
        )  # fmt: skip
