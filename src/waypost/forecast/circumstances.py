"""The circumstances of a trip when it is ordered: what may be known then, as columns for the trees.

What others took counts from the moment on at which it was known. Only who was cancelled later is known from the
beginning: when that was is not among what is known of trips.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.calendars import list_free_days
from waypost.forecast.exposure import expose
from waypost.forecast.lately import PROMISED_LANE, Recent, Topic, log_promised, look_back
from waypost.forecast.trips import Flags, Floats, Ints, Trips
from waypost.forecast.weather import Weather
from waypost.network.distances import great_circle_km


class Kind(StrEnum):
    """What a circumstance is about; each can be left out, to see what it brings."""

    CALENDAR = "calendar"  # hour, weekday, days of rest ahead
    PLACES = "places"  # from where to where, how far
    PARCEL = "parcel"  # weight, volume, value, freight, goods
    LATELY = "lately"  # how long parcels took that ended lately
    TRENDS = "trends"  # order trends: how many are inside, how many come now beside usual
    WEATHER = "weather"  # rain, gusts and heat at both ends, lately and as foretold
    PROMISE = "promise"  # what somebody else promised, beside what they usually do
    PROMISED = "promised"  # the days that they promised, as they are


#: What Waypost learns from. How long others promise changes with their habits, so it is learnt from beside these only.
LEARNT = tuple(kind for kind in Kind if kind is not Kind.PROMISED)


#: So many days ahead are looked at.
_MOST_AHEAD = 20

#: By column, the words that its numbers stand for.
Words = Mapping[str, Sequence[str]]


class Circumstances(msgspec.Struct, frozen=True):
    """Columns by name, one value a trip; words as numbers.

    Attributes:
        columns: NaN where nothing is known.
        kinds: what each is about.
        words: of each column of words, which its numbers stand for; the numbers have no order.
    """

    columns: Mapping[str, Floats]
    kinds: Mapping[str, Kind]
    words: Words

    def names(self, kinds: Collection[Kind]) -> list[str]:
        """The columns of some kinds."""
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def table(self, names: Sequence[str], rows: Ints) -> pa.Table:
        """Some columns of some trips, as LightGBM takes them."""
        return pa.table({name: self.columns[name][rows] for name in names})


class _Gathering:
    def __init__(self, words: Words | None) -> None:
        self.columns: dict[str, Floats] = {}
        self.kinds: dict[str, Kind] = {}
        self.words: dict[str, Sequence[str]] = {}
        self._given = words

    def add(self, kind: Kind, **columns: Floats | Ints | Flags) -> None:
        for name, values in columns.items():
            self.columns[name], self.kinds[name] = np.asarray(values, np.float64), kind

    def add_words(self, kind: Kind, name: str, trips: Trips, column: str) -> None:
        """A column of words, by the numbers that they were given before; a word that is new then is not known."""
        place, found = trips.words(column)
        numbers = place.astype(np.float64)
        self.words[name] = found
        if self._given is not None:
            self.words[name] = given = self._given[name]
            numbers_of = {word: number for number, word in enumerate(given)}
            numbers = np.array([numbers_of.get(word, np.nan) for word in found])[place]
        self.add(kind, **{name: numbers})


def describe(
    trips: Trips,
    *,
    recents: Mapping[str, Recent] | None = None,
    words: Words | None = None,
    weather: Weather | None = None,
) -> Circumstances:
    """The circumstances of all trips.

    Args:
        trips: in the order of being ordered; of those before, what had ended by then counts.
        recents: what was lately so, if it is known from elsewhere: see `moment.py`.
        words: the numbers that words were given when trees learnt.
        weather: where and when they go, as far as it is known; none has no columns.
    """
    found = _Gathering(words)
    _describe_calendar(found, trips)
    _describe_places(found, trips)
    _describe_parcel(found, trips)
    recents = look_back(trips, trips) if recents is None else recents
    for name, recent in recents.items():
        if recent.topic is not Topic.PROMISES:
            found.add(Kind.TRENDS if recent.topic is Topic.TRENDS else Kind.LATELY, **{name: recent.values})
    if weather is not None:
        found.add(Kind.WEATHER, **expose(trips, weather))
    _describe_promise(found, trips, recents[PROMISED_LANE].values)
    return Circumstances(found.columns, found.kinds, found.words)


def _describe_calendar(found: _Gathering, trips: Trips) -> None:
    day = np.floor(trips.local)
    weekday = (day + 3) % 7  # 1970 began on a Thursday
    hour = (trips.local - day) * 24
    found.add(Kind.CALENDAR, hour=hour, weekday=weekday, moment=weekday + hour / 24, day_of_year=_days_of_year(day))
    rests = _count_rests(day, *trips.words("destination_country"))
    for days in (5, 10, 20):
        found.add(Kind.CALENDAR, **{f"rest_days_{days}": rests(days)})
    found.add(Kind.CALENDAR, handover_due_days=np.clip(trips.handover_due - trips.ordered, 0, 40))


def _count_rests(day: Floats, country: Ints, countries: Sequence[str]) -> Callable[[int], Floats]:
    """How many of the days after a day nobody works where the trip goes: weekends, public holidays."""
    if not len(day):
        return lambda days: np.empty(0)
    first, last = int(day.min()), int(day.max()) + _MOST_AHEAD
    every = np.arange(first, last + 1)
    years = range(int(first / 366) + 1970, int(last / 365) + 1971)
    is_rest = np.empty((len(countries), len(every)), np.bool_)
    for place, name in enumerate(countries):
        free = [each for year in years for each in list_free_days(name, year)]
        is_rest[place] = ((every + 3) % 7 >= 5) | np.isin(every, free)
    until = np.c_[np.zeros(len(countries)), np.cumsum(is_rest, axis=1)]  # before each day
    at = (day - first).astype(np.int64) + 1
    return lambda days: np.asarray(until[country, at + days] - until[country, at])


def _days_of_year(day: Floats) -> Floats:
    stamps = day.astype(np.int64).astype("datetime64[D]")
    return np.asarray(stamps - stamps.astype("datetime64[Y]"), np.float64)


def _describe_places(found: _Gathering, trips: Trips) -> None:
    where = {
        f"{end}_{axis}": trips.numbers(f"{end}_{axis}")
        for end in ("origin", "destination")
        for axis in ("latitude", "longitude")
    }
    found.add(Kind.PLACES, **where, distance_km=great_circle_km(*where.values()))
    for end in ("origin", "destination"):
        found.add_words(Kind.PLACES, f"{end}_region", trips, f"{end}_region")
    origin, destination = (trips.table.column(f"{end}_region").fill_null("") for end in ("origin", "destination"))
    found.add(Kind.PLACES, same_region=np.asarray(pc.equal(origin, destination)))


def _describe_parcel(found: _Gathering, trips: Trips) -> None:
    numbers = {name: trips.numbers(name) for name in ("pieces", "weight_g", "volume_cm3", "value", "freight")}
    found.add(Kind.PARCEL, **numbers)
    found.add(Kind.PARCEL, freight_per_g=numbers["freight"] / np.maximum(numbers["weight_g"], 50))
    found.add_words(Kind.PARCEL, "goods", trips, "goods")
    found.add_words(Kind.PARCEL, "service", trips, "service")


def _describe_promise(found: _Gathering, trips: Trips, usual: Floats) -> None:
    """What a carrier or marketplace promised when it was ordered: beside its usual promise on the lane, in logarithms.

    As days alone it would mislead: once promises get longer or shorter everywhere, that says little of the parcels.
    """
    promised = np.where(np.isfinite(trips.promised), trips.promised, np.nan)
    # The end of a day belongs to that day.
    weekday = (np.floor(promised + trips.local - trips.ordered - 0.5) + 3) % 7
    found.add(Kind.PROMISE, promised_beside_usual=log_promised(trips) - usual, promised_weekday=weekday)
    found.add(Kind.PROMISED, promised_days=promised - trips.ordered)
