"""What many ask for at the same moment is done once for all of them: whoever comes first does it for those who wait."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from waypost.model.errors import WaypostError

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Safe to use from many threads, for acts that cost about the same for one as for many.

    Args:
        act: does it for some, and gives what each gets, in their order.
    """

    def __init__(self, act: Callable[[Sequence[T]], Sequence[R]]) -> None:
        self._act = act
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[T, R]] = []
        self._is_acting = False

    def do(self, item: T) -> R:
        """Have it done; what came of it.

        Raises:
            Exception: whatever the act raised.
        """
        mine = _Waiting[T, R](item)
        with self._lock:
            self._waiting.append(mine)
            acts, self._is_acting = not self._is_acting, True
        if not acts:
            mine.turn.wait()  # it is done, or it is mine to do
        if not mine.is_done:
            self._act_for_those_who_wait()
        if mine.error is not None:
            raise mine.error
        return mine.got[0]

    def _act_for_those_who_wait(self) -> None:
        with self._lock:
            all_, self._waiting = self._waiting, []
        try:
            self._act_for(all_)
        finally:
            with self._lock:
                heirs = self._waiting[:1]
                self._is_acting = bool(heirs)
            for each in (*all_, *heirs):
                each.turn.set()

    def _act_for(self, waiting: Sequence["_Waiting[T, R]"]) -> None:
        try:
            got = self._act([each.item for each in waiting])
        except Exception as error:
            if len(waiting) > 1 and not isinstance(error, WaypostError):  # one of them hinders the others
                for each in waiting:
                    self._act_for([each])
                return
            for each in waiting:
                each.error, each.is_done = error, True
        else:
            for each, one in zip(waiting, got, strict=True):
                each.got, each.is_done = (one,), True


class _Waiting(Generic[T, R]):
    def __init__(self, item: T) -> None:
        self.item = item
        self.got: tuple[R, ...] = ()
        self.error: Exception | None = None
        self.is_done = False
        self.turn = threading.Event()
