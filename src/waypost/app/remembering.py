"""Answers that take long are remembered for some seconds."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

#: Of so many questions the answers are remembered.
_MOST_ANSWERS = 8


class Remembered(Generic[Asked, Answer]):
    """A function whose answers are remembered. One is worked out at a time, and who asks meanwhile waits.

    Args:
        read: takes arguments that can be keys, by their places alone.
        age_s: for so many seconds.
    """

    def __init__(self, read: Callable[Asked, Answer], age_s: float) -> None:
        self._read = read
        self._age_s = age_s
        self._answers: OrderedDict[tuple[object, ...], tuple[float, Answer]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, *asked: Asked.args, **none: Asked.kwargs) -> Answer:
        """What `read` answered not too long ago, or answers now."""
        with self._lock:
            kept = self._answers.get(asked)
            if kept is None or time.monotonic() >= kept[0]:
                found = self._read(*asked, **none)
                kept = self._answers[asked] = time.monotonic() + self._age_s, found
            self._answers.move_to_end(asked)
            while len(self._answers) > _MOST_ANSWERS:
                self._answers.popitem(last=False)
            return kept[1]
