"""Promises at any time: with the version that is in use, and with what was lately so, looked at anew now and then."""

from collections.abc import Callable

from waypost.forecast.fresh import Fresh
from waypost.forecast.models import Models
from waypost.forecast.promising import Promiser
from waypost.forecast.trips import Trips
from waypost.model.errors import Conflict, WaypostError
from waypost.model.instants import DAY_MS


class Promises(Fresh[Promiser]):
    """Keeps a promiser ready. `open` raises `Conflict` if nothing was trained, or too little came to its end lately.

    Args:
        read_trips: the trips known at an instant, UTC milliseconds.
        age_ms: how old what was lately so may be.
    """

    def __init__(
        self,
        models: Models,
        read_trips: Callable[[int], Trips],
        clock: Callable[[], int],
        age_ms: int,
    ) -> None:
        super().__init__("promises", self._get_version, self._make_at, clock, age_ms)
        self._models = models
        self._read_trips = read_trips

    def find(self) -> tuple[Promiser | None, str]:
        """What makes promises now; or None, and why."""
        try:
            return self.open(), ""
        except WaypostError as error:
            return None, error.message

    def at(self, at_ms: int) -> Promiser:
        """What would have made promises at an instant, by the version that is in use now.

        Raises:
            Conflict: as `open`.
        """
        return self._make_at(at_ms)[1]

    def _make_at(self, at_ms: int) -> tuple[int, Promiser]:
        found = self._models.find_in_use()
        if found is None:
            raise _nothing()
        return found[0], Promiser(found[1], self._read_trips(at_ms), at_ms / DAY_MS, found[0])

    def _get_version(self) -> int:
        version = self._models.find_version()
        if version is None:
            raise _nothing()
        return version


def _nothing() -> Conflict:
    return Conflict("nothing was learnt to promise by", mend="`waypost train` learns from the scans of the home.")
