"""Promises and arrivals at any time: with the version in use, and with how things go, looked at anew now and then."""

from collections.abc import Callable

from waypost.forecast.fresh import Fresh
from waypost.forecast.lookout import Lookout
from waypost.forecast.models import Models
from waypost.forecast.promising import Promiser, find_first_day
from waypost.forecast.reasons import Weather
from waypost.forecast.steps import Steps
from waypost.forecast.trips import Trips
from waypost.forecast.watch import Watch
from waypost.model.errors import Conflict, WaypostError
from waypost.model.instants import DAY_MS, format_utc, parse_instant
from waypost.network.areas import Areas
from waypost.network.timetable import Timetable


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
            Conflict: as `open`; or too little was known then.
        """
        return self._make_at(at_ms)[1]

    def _make_at(self, at_ms: int) -> tuple[int, Promiser]:
        found = self._models.find_in_use()
        if found is None:
            raise _nothing()
        version, trained = found
        learnt_ms = parse_instant(trained.card.learnt_at).at_ms
        try:
            return version, Promiser(trained, self._read_trips(at_ms), at_ms / DAY_MS, version)
        except Conflict:
            if at_ms >= learnt_ms:
                raise
        first = find_first_day(trained, self._read_trips(learnt_ms))
        mend = (
            "Give a later one." if first is None else f"From {format_utc(round(first * DAY_MS))} on there was enough."
        )
        raise Conflict(f"too little was known of parcels by {format_utc(at_ms)} to promise by", mend=mend)

    def _get_version(self) -> int:
        version = self._models.find_version()
        if version is None:
            raise _nothing()
        return version


class Lookouts(Fresh[Lookout]):
    """Keeps a lookout ready. `open` raises `Conflict` if nothing was learnt of parcels on their way, or none is.

    Args:
        read_steps: the scans known at an instant, UTC milliseconds, of parcels of the last weeks.
        read_areas: those of the network.
        read_timetable: the departures of these weeks, as they are known then; None if the network has none.
        read_weather: what is asked of the weather of these weeks; None if none is kept.
        age_ms: how old how things go may be.
    """

    def __init__(
        self,
        models: Models,
        read_steps: Callable[[int], Steps],
        read_areas: Callable[[], Areas],
        read_timetable: Callable[[int], Timetable | None],
        read_weather: Callable[[int], Weather | None],
        clock: Callable[[], int],
        age_ms: int,
    ) -> None:
        super().__init__("lookouts", self._get_version, self._make_at, clock, age_ms)
        self._models = models
        self._read_steps = read_steps
        self._read_areas = read_areas
        self._read_timetable = read_timetable
        self._read_weather = read_weather
        self._clock = clock
        self._too_old_days = (DAY_MS + age_ms) / DAY_MS

    def find(self) -> Lookout | None:
        """What can be asked just now; nobody waits. None if there is nothing, or nothing new enough.

        Raises:
            StoreError: the records cannot say which version is in use.
        """
        try:
            found = self.glance()
        except Conflict:
            return None
        return found if found is not None and self._clock() / DAY_MS - found.now < self._too_old_days else None

    def at(self, at_ms: int) -> Lookout:
        """One at another instant, by the version that is in use now.

        Raises:
            Conflict: as `open`.
        """
        return self._make_at(at_ms)[1]

    def _make_at(self, at_ms: int) -> tuple[int, Lookout]:
        found = self._models.find_in_use()
        if found is None or not found[1].watch:
            raise _nothing_watched("" if found is None else f": {found[1].card.unwatched}")
        version, trained = found
        watch, steps = Watch.from_bytes(trained.watch), self._read_steps(at_ms)
        if not len(steps):
            raise Conflict("no parcel was scanned in the last weeks", mend="Import newer scans.")
        return version, Lookout(
            watch,
            steps,
            at_ms / DAY_MS,
            self._read_areas(),
            version=version,
            learnt_at=trained.card.learnt_at,
            timetable=self._read_timetable(at_ms),
            weather=self._read_weather(at_ms),
        )

    def _get_version(self) -> int:
        version = self._models.find_version()
        if version is None:
            raise _nothing_watched("")
        return version


def _nothing_watched(why: str) -> Conflict:
    return Conflict(f"nothing was learnt to say when parcels arrive by{why}", mend="`waypost train` learns it.")


def _nothing() -> Conflict:
    return Conflict("nothing was learnt to promise by", mend="`waypost train` learns from the scans of the home.")
