"""Something that takes long to make and is kept ready: one is there while another is made beside."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from waypost.model.errors import Conflict, WaypostError

Thing = TypeVar("Thing")

#: Where there is none yet, it is tried again this long after it failed, and not before ten times what that took.
RETRY_MS = 60_000
_PATIENCE = 10


class Fresh(Generic[Thing]):
    """Keeps one thing ready.

    Whoever opens it first waits until it is; later ones are answered by the one that is there while another is made,
    once it is old or another version is in use.

    Args:
        name: of the threads that make it.
        find_version: which version it has to be of.
        make: makes one; says of which version it is.
        clock: now, in UTC milliseconds.
        age_ms: how old it may be.

    Attributes:
        note: told what went wrong while one was made beside, but not that there is nothing to make the first of;
            raises it in that thread if nobody is set to be told.
    """

    def __init__(
        self,
        name: str,
        find_version: Callable[[], int],
        make: Callable[[int], tuple[int, Thing]],
        clock: Callable[[], int],
        age_ms: int,
    ) -> None:
        self._name = name
        self._find_version = find_version
        self._make_one = make
        self._clock = clock
        self._age_ms = age_ms
        self.note: Callable[[Exception], None] | None = None
        self._ready: tuple[int, Thing] | None = None
        self._tried_ms = 0
        self._failed_ms = 0
        self._tried_version: int | None = None
        self._failed: WaypostError | None = None
        self._one_makes = threading.Lock()

    def open(self) -> Thing:
        """It, be it made now.

        Raises:
            WaypostError: as `find_version` and `make` do.
        """
        version = self._find_version()
        if self._ready is None:
            with self._one_makes:
                return self._make_first(version) if self._ready is None else self._ready[1]
        self._make_another(version)
        return self._ready[1]

    def glance(self) -> Thing | None:
        """It if it is there; nobody waits. Where there is none one is made beside, for those who look later.

        Raises:
            WaypostError: as `find_version` does.
        """
        self._make_another(self._find_version())
        return None if self._ready is None else self._ready[1]

    def _make_another(self, version: int) -> None:
        if self._is_due(version) and self._one_makes.acquire(blocking=False):
            try:
                threading.Thread(target=self._make_beside, args=(version,), name=self._name, daemon=True).start()
            except RuntimeError as error:  # the machine has no thread left
                self._one_makes.release()  # or none would ever be made
                if self.note is None:
                    raise
                self.note(error)

    def _is_due(self, version: int) -> bool:
        known = (self._tried_version, None if self._ready is None else self._ready[0])
        return self._clock() - self._tried_ms >= self._get_rest_ms() or version not in known

    def _get_rest_ms(self) -> int:
        """For so long it is not tried again. What was missing may be there soon, and nobody is answered before."""
        if self._ready is not None or self._failed is None:
            return self._age_ms
        return min(self._age_ms, max(RETRY_MS, _PATIENCE * (self._failed_ms - self._tried_ms)))

    def _make_first(self, version: int) -> Thing:
        """What failed is not tried again at once: it takes long, and those who ask would wait one after another."""
        if self._failed is not None and not self._is_due(version):
            raise self._failed.with_traceback(None)  # it would grow by each who asks
        try:
            return self._make(version)
        except WaypostError as error:
            self._fail(error)
            raise

    def _make(self, version: int) -> Thing:
        self._tried_ms, self._tried_version = self._clock(), version
        self._ready = self._make_one(self._tried_ms)
        self._failed = None
        return self._ready[1]

    def _fail(self, error: WaypostError) -> None:
        self._failed, self._failed_ms = error, self._clock()

    def _make_beside(self, version: int) -> None:
        try:
            self._make(version)
        except Exception as error:  # those who ask go on with the one that is there, which says how old it is
            is_first = self._ready is None
            if is_first and isinstance(error, WaypostError):
                self._fail(error)  # who opens it is told
            if is_first and isinstance(error, Conflict):
                return  # there is nothing to make it of yet
            if self.note is None:
                raise
            self.note(error)
        finally:
            self._one_makes.release()
