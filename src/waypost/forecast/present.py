"""Promises at any time: with the version that is in use, and with what was lately so, looked at anew now and then."""

import threading
from collections.abc import Callable

from waypost.forecast.models import Models
from waypost.forecast.promising import Promiser, find_first_day
from waypost.forecast.trips import Trips
from waypost.model.errors import Conflict, WaypostError
from waypost.model.instants import DAY_MS, format_utc, parse_instant


class Promises:
    """Keeps a promiser ready.

    Whoever asks first waits until it is; later ones are answered by the one that is there while another is made, also
    of another version.

    Args:
        read_trips: the trips known at an instant, UTC milliseconds.
        age_ms: how old what was lately so may be.

    Attributes:
        note: told what went wrong while another was made beside; raises it in that thread if nobody is set to be told.
    """

    def __init__(
        self,
        models: Models,
        read_trips: Callable[[int], Trips],
        clock: Callable[[], int],
        age_ms: int,
    ) -> None:
        self._models = models
        self._read_trips = read_trips
        self._clock = clock
        self._age_ms = age_ms
        self.note: Callable[[Exception], None] | None = None
        self._ready: Promiser | None = None
        self._tried_ms = 0
        self._tried_version: int | None = None
        self._failed: WaypostError | None = None
        self._one_makes = threading.Lock()

    def open(self) -> Promiser:
        """What makes promises now.

        Raises:
            Conflict: nothing was trained yet, or too little came to its end lately.
            StoreError: what was learnt cannot be read.
        """
        version = self._models.find_version()
        if version is None:
            raise _nothing()
        ready = self._ready
        if ready is None:
            with self._one_makes:
                return self._ready or self._make_first(version)
        is_old = self._clock() - self._tried_ms >= self._age_ms or version not in (ready.version, self._tried_version)
        if is_old and self._one_makes.acquire(blocking=False):
            threading.Thread(target=self._make_beside, args=(version,), name="promises", daemon=True).start()
        return ready

    def _make_first(self, version: int) -> Promiser:
        """What failed is not tried again at once: it takes long, and those who ask would wait one after another."""
        is_new = version != self._tried_version or self._clock() - self._tried_ms >= self._age_ms
        if self._failed is not None and not is_new:
            raise self._failed
        try:
            return self._make(version)
        except WaypostError as error:
            self._failed = error
            raise

    def find(self) -> tuple[Promiser | None, str]:
        """The same; or None, and why."""
        try:
            return self.open(), ""
        except WaypostError as error:
            return None, error.message

    def at(self, at_ms: int) -> Promiser:
        """What would have made promises at an instant, by the version that is in use now.

        Raises:
            Conflict: as `open`; or too little was known then.
        """
        found = self._models.find_in_use()
        if found is None:
            raise _nothing()
        version, trained = found
        learnt_ms = parse_instant(trained.card.learnt_at).at_ms
        try:
            return Promiser(trained, self._read_trips(at_ms), at_ms / DAY_MS, version)
        except Conflict:
            if at_ms >= learnt_ms:
                raise
        first = find_first_day(trained, self._read_trips(learnt_ms))
        mend = (
            "Give a later one." if first is None else f"From {format_utc(round(first * DAY_MS))} on there was enough."
        )
        raise Conflict(f"too little was known of parcels by {format_utc(at_ms)} to promise by", mend=mend)

    def _make(self, version: int) -> Promiser:
        self._tried_ms, self._tried_version = self._clock(), version
        made = self._ready = self.at(self._tried_ms)
        self._failed = None
        return made

    def _make_beside(self, version: int) -> None:
        try:
            self._make(version)
        except Exception as error:  # those who ask go on with the one that is there, which says how old it is
            if self.note is None:
                raise
            self.note(error)
        finally:
            self._one_makes.release()


def _nothing() -> Conflict:
    return Conflict("nothing was learnt to promise by", mend="`waypost train` learns from the scans of the home.")
