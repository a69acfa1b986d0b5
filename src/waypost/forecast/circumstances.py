"""The circumstances of a trip when it is ordered: what may be known then, as columns for the trees.

What others took counts from the moment on at which it was known. Only who was cancelled later is known from the
beginning: when that was is not among what is known of trips.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from enum import StrEnum

import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.recent import recent_means, stays
from waypost.forecast.trips import Flags, Floats, Ints, Trips
from waypost.model.places import EARTH_KM


class Kind(StrEnum):
    """What a circumstance is about; each can be left out, to see what it brings."""

    CALENDAR = "calendar"  # hour, weekday, days of rest ahead
    PLACES = "places"  # from where to where, how far
    PARCEL = "parcel"  # weight, volume, value, freight, goods
    LATELY = "lately"  # how long parcels took that ended lately
    TRENDS = "trends"  # order trends: how many are inside, how many come now beside usual
    PROMISE = "promise"  # what somebody else promised, beside what they usually do
    PROMISED = "promised"  # the days that they promised, as they are


#: What Waypost learns from. How long others promise changes with their habits, so it is learnt from beside these only.
LEARNT = tuple(kind for kind in Kind if kind is not Kind.PROMISED)

#: What others promise on a lane is looked at over so many days.
_PROMISE_DAYS = 30.0

#: No parcel is on its way for so long and still to be counted on.
_LOST_DAYS, _LOST_HANDOVER_DAYS = 45.0, 20.0


class Circumstances(msgspec.Struct, frozen=True):
    """Columns by name, one value a trip; words as numbers.

    Attributes:
        columns: NaN where nothing is known.
        kinds: what each is about.
        words: the columns that are words, whose numbers have no order.
    """

    columns: Mapping[str, Floats]
    kinds: Mapping[str, Kind]
    words: frozenset[str]

    def names(self, kinds: Collection[Kind]) -> list[str]:
        """The columns of some kinds."""
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def table(self, names: Sequence[str], rows: Ints) -> pa.Table:
        """Some columns of some trips, as LightGBM takes them."""
        return pa.table({name: self.columns[name][rows] for name in names})


class _Gathering:
    def __init__(self) -> None:
        self.columns: dict[str, Floats] = {}
        self.kinds: dict[str, Kind] = {}
        self.words: set[str] = set()

    def add(self, kind: Kind, **columns: Floats | Ints | Flags) -> None:
        for name, values in columns.items():
            self.columns[name], self.kinds[name] = np.asarray(values, np.float64), kind

    def add_words(self, kind: Kind, **columns: Ints) -> None:
        self.add(kind, **columns)
        self.words |= set(columns)


def describe(trips: Trips, free_days: Collection[date] = ()) -> Circumstances:
    """The circumstances of all trips.

    Args:
        trips: in the order of being ordered; of those before, what had ended by then counts.
        free_days: public holidays where they go; Saturdays and Sundays are known.
    """
    found = _Gathering()
    _describe_calendar(found, trips, free_days)
    _describe_places(found, trips)
    _describe_parcel(found, trips)
    _describe_lately(found, trips)
    _describe_trends(found, trips)
    _describe_promise(found, trips)
    return Circumstances(found.columns, found.kinds, frozenset(found.words))


def _describe_calendar(found: _Gathering, trips: Trips, free_days: Collection[date]) -> None:
    day = np.floor(trips.local)
    weekday = (day + 3) % 7  # 1970 began on a Thursday
    hour = (trips.local - day) * 24
    found.add(Kind.CALENDAR, hour=hour, weekday=weekday, moment=weekday + hour / 24, day_of_year=_days_of_year(day))
    free = np.array([each.toordinal() - date(1970, 1, 1).toordinal() for each in free_days], np.float64)
    ahead = np.arange(1, 21)
    coming = day[:, None] + ahead
    rests = ((coming + 3) % 7 >= 5) | np.isin(coming, free)
    for days in (5, 10, 20):
        found.add(Kind.CALENDAR, **{f"rest_days_{days}": rests[:, :days].sum(1)})
    found.add(Kind.CALENDAR, handover_due_days=np.clip(trips.handover_due - trips.ordered, 0, 40))


def _days_of_year(day: Floats) -> Floats:
    stamps = day.astype(np.int64).astype("datetime64[D]")
    return np.asarray(stamps - stamps.astype("datetime64[Y]"), np.float64)


def _describe_places(found: _Gathering, trips: Trips) -> None:
    where = {
        f"{end}_{axis}": trips.numbers(f"{end}_{axis}")
        for end in ("origin", "destination")
        for axis in ("latitude", "longitude")
    }
    found.add(Kind.PLACES, **where, distance_km=_distance_km(*where.values()))
    origin, destination = (trips.words(f"{end}_region") for end in ("origin", "destination"))
    found.add_words(Kind.PLACES, origin_region=origin[0], destination_region=destination[0])
    same = np.asarray(origin[1])[origin[0]] == np.asarray(destination[1])[destination[0]]
    found.add(Kind.PLACES, same_region=same)


def _distance_km(latitude: Floats, longitude: Floats, other_latitude: Floats, other_longitude: Floats) -> Floats:
    """The great-circle distance."""
    a, b, c, d = np.radians([latitude, longitude, other_latitude, other_longitude])
    half = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(half)))


def _describe_parcel(found: _Gathering, trips: Trips) -> None:
    numbers = {name: trips.numbers(name) for name in ("pieces", "weight_g", "volume_cm3", "value", "freight")}
    found.add(Kind.PARCEL, **numbers)
    found.add(Kind.PARCEL, freight_per_g=numbers["freight"] / np.maximum(numbers["weight_g"], 50))
    found.add_words(Kind.PARCEL, goods=trips.words("goods")[0])


def _describe_lately(found: _Gathering, trips: Trips) -> None:
    """Logarithms of days from order to handover, from there to the door, and of both; drawn to those of wider areas."""
    every, region, lane, area, shipper = _keys(trips)
    whole, carried, waited = _logs(trips)
    known, asked = np.where(trips.is_void, np.inf, trips.delivered), trips.ordered
    handed_over = np.where(trips.is_void, np.inf, trips.handed_over)
    for days in (14, 45):
        for name, values in (("whole", whole), ("carried", carried)):
            of_all, _ = recent_means(every, values, known, asked, days, 0.0, 0)
            of_region, _ = recent_means(region, values, known, asked, days, of_all, 8)
            of_lane, _ = recent_means(lane, values, known, asked, days, of_region, 8)
            found.add(
                Kind.LATELY,
                **{f"{name}_{days}": of_all, f"{name}_region_{days}": of_region, f"{name}_lane_{days}": of_lane},
            )
        of_area, _ = recent_means(area, carried, known, asked, 2 * days, found.columns[f"carried_region_{days}"], 5)
        of_all, _ = recent_means(every, waited, handed_over, asked, days, 0.0, 0)
        of_shipper, count = recent_means(shipper, waited, handed_over, asked, 2 * days, of_all, 2)
        found.add(
            Kind.LATELY,
            **{f"carried_area_{days}": of_area, f"waited_{days}": of_all, f"waited_shipper_{days}": of_shipper},
        )
    found.add(Kind.LATELY, shipper_parcels=count)


def _describe_trends(found: _Gathering, trips: Trips) -> None:
    """How long parcels stay by Little's law, how many a shipper has waiting, and how many orders come beside usual."""
    every, region, lane, area, shipper = _keys(trips)
    ordered = np.where(trips.is_void, np.inf, trips.ordered)
    handed_over = np.where(trips.is_void, np.inf, trips.handed_over)
    delivered = np.where(trips.is_void, np.inf, trips.delivered)
    asked = trips.ordered
    for days in (7, 21):
        prior: Floats | float = 8.0
        for name, keys in (("", every), ("_region", region)):
            prior, _ = stays(keys, ordered, delivered, asked, days=days, most=_LOST_DAYS, prior=prior, weight=5)
            found.add(Kind.TRENDS, **{f"stay{name}_{days}": np.log(prior)})
        prior = 8.0
        for name, keys in (("", every), ("_region", region), ("_lane", lane), ("_area", area)):
            prior, _ = stays(keys, handed_over, delivered, asked, days=days, most=_LOST_DAYS, prior=prior, weight=5)
            found.add(Kind.TRENDS, **{f"stay_carried{name}_{days}": np.log(prior)})
        prior = 2.0
        for name, keys in (("", every), ("_shipper", shipper)):
            prior, waiting = stays(
                keys, ordered, handed_over, asked, days=days, most=_LOST_HANDOVER_DAYS, prior=prior, weight=2
            )
            found.add(Kind.TRENDS, **{f"stay_waiting{name}_{days}": np.log(prior)})
    found.add(Kind.TRENDS, shipper_waiting=waiting)
    for days in (3, 7):
        now, usual = (_orders(trips, asked - back) for back in (0, days)), _orders(trips, asked - days - 28)
        latest, before = now
        pace, pace_before = (latest - before + 5) / days, (before - usual + 5) / 28
        found.add(Kind.TRENDS, **{f"orders_{days}": np.log(pace / pace_before)})


def _describe_promise(found: _Gathering, trips: Trips) -> None:
    """What a carrier or marketplace promised when it was ordered: beside its usual promise on the lane, in logarithms.

    As days alone it would mislead: once promises get longer or shorter everywhere, that says little of the parcels.
    """
    every, _, lane, _, _ = _keys(trips)
    promised = np.where(np.isfinite(trips.promised), trips.promised, np.nan)
    days = promised - trips.ordered
    logs = np.log(np.maximum(days, 1.0))
    made = np.where(trips.is_void, np.inf, trips.ordered)
    of_all, _ = recent_means(every, logs, made, trips.ordered, _PROMISE_DAYS, 0.0, 0)
    of_lane, _ = recent_means(lane, logs, made, trips.ordered, _PROMISE_DAYS, of_all, 5)
    # The end of a day belongs to that day.
    weekday = (np.floor(promised + trips.local - trips.ordered - 0.5) + 3) % 7
    found.add(Kind.PROMISE, promised_beside_usual=logs - of_lane, promised_weekday=weekday)
    found.add(Kind.PROMISED, promised_days=days)


def _orders(trips: Trips, until: Floats) -> Ints:
    return np.searchsorted(trips.ordered, until)


def _keys(trips: Trips) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Numbers for: all, the region it goes to, the lane between regions, the area it goes to, the shipper."""
    origin, origins = trips.words("origin_region")
    region, _ = trips.words("destination_region")
    area, areas = trips.words("destination_area")
    shipper, _ = trips.words("shipper")
    return np.zeros_like(region), region, region * len(origins) + origin, region * len(areas) + area, shipper


def _logs(trips: Trips) -> tuple[Floats, Floats, Floats]:
    """Logarithms of days from order to door, from handover to door, and from order to handover; NaN if not known."""
    with np.errstate(invalid="ignore"):  # never minus never
        whole = trips.delivered - trips.ordered
        carried = trips.delivered - trips.handed_over
        waited = trips.handed_over - trips.ordered
    return (
        np.where(np.isfinite(whole), np.log(np.maximum(np.nan_to_num(whole, posinf=1), 0.5)), np.nan),
        np.where(np.isfinite(carried), np.log(np.maximum(np.nan_to_num(carried, posinf=1), 0.2)), np.nan),
        np.where(np.isfinite(waited), np.log(np.maximum(np.nan_to_num(waited, posinf=1), 0.02) + 0.3), np.nan),
    )
