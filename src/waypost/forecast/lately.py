"""What was lately so on the way of a trip: how long parcels took that ended, and by Little's law those that did not.

Each of these circumstances hangs on one key of a trip (`Per`), and where nothing was seen under that key it is that of
its parent, a wider one. So those of an instant can be kept by key and be looked up (see `moment.py`).
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.recent import Asked, recent_means, stays
from waypost.forecast.trips import Flags, Floats, Ints, Trips

#: The name of the usual promise on a lane, and over how many days it is looked at.
PROMISED_LANE, _PROMISE_DAYS = "promised_lane", 30.0

#: No parcel is on its way for so long and still to be counted on.
_LOST_DAYS, _LOST_HANDOVER_DAYS = 45.0, 20.0


class Per(StrEnum):
    """What of a trip a recent circumstance hangs on."""

    EVERY = "every"  #: on nothing
    REGION = "region"  #: that it goes to
    AREA = "area"  #: that it goes to
    LANE = "lane"  #: the service, and the regions that it goes from and to
    SHIPPER = "shipper"


_COLUMNS: Mapping[Per, tuple[str, ...]] = {
    Per.EVERY: (),
    Per.REGION: ("destination_region",),
    Per.AREA: ("destination_region", "destination_area"),
    Per.LANE: ("service", "origin_region", "destination_region"),
    Per.SHIPPER: ("shipper",),
}


class Topic(StrEnum):
    """What a recent circumstance is about."""

    ENDS = "ends"  #: what ended lately
    TRENDS = "trends"  #: what is on its way, and how many come
    PROMISES = "promises"  #: what others promise


class Recent(msgspec.Struct, frozen=True):
    """One such circumstance.

    Attributes:
        topic: what it is about.
        parent: the circumstance that it is where nothing is known; 0 if None.
        values: one for each that was asked for.
    """

    per: Per
    topic: Topic
    parent: str | None
    values: Floats


def read_keys(trips: Trips, per: Per) -> pa.Array:
    """The key of each trip, in words."""
    names = _COLUMNS[per]
    if not names:
        return pa.array(np.full(len(trips), ""), pa.string())
    columns = [trips.table.column(name).combine_chunks().fill_null("") for name in names]
    return pc.binary_join_element_wise(*columns, "\x1f")


def look_back(known: Trips, asked: Trips) -> dict[str, Recent]:
    """What was known of the keys of trips when they were ordered.

    Args:
        known: of these, what had happened by then counts.
        asked: may be the same.
    """
    return _Looking(known, asked).look()


class _Looking:
    def __init__(self, known: Trips, asked: Trips) -> None:
        self._known = known
        self._at = asked.ordered
        self._keys: dict[Per, Ints] = {}
        self._asked: dict[Per, Asked] = {}
        for per in Per:
            both = [read_keys(known, per)] + ([] if asked is known else [read_keys(asked, per)])
            codes = np.asarray(pa.concat_arrays(both).dictionary_encode().indices).astype(np.int64)
            self._keys[per] = codes[: len(known)]
            self._asked[per] = Asked(codes[len(codes) - len(asked) :], asked.ordered)
        self._found: dict[str, Recent] = {}

    def look(self) -> dict[str, Recent]:
        self._look_at_ends()
        self._look_at_trends()
        self._look_at_promises()
        return self._found

    def _look_at_ends(self) -> None:
        """Logarithms of days from order to handover, from there to the door, and of both."""
        known = self._known
        whole, carried, waited = _logs(known)
        delivered = np.where(known.is_void, np.inf, known.delivered)
        handed_over = np.where(known.is_void, np.inf, known.handed_over)
        for days in (14, 45):
            for name, values in (("whole", whole), ("carried", carried)):
                self._mean(f"{name}_{days}", Per.EVERY, values, delivered, days, None, 0)
                self._mean(f"{name}_region_{days}", Per.REGION, values, delivered, days, f"{name}_{days}", 8)
                self._mean(f"{name}_lane_{days}", Per.LANE, values, delivered, days, f"{name}_region_{days}", 8)
            self._mean(f"carried_area_{days}", Per.AREA, carried, delivered, 2 * days, f"carried_region_{days}", 5)
            self._mean(f"waited_{days}", Per.EVERY, waited, handed_over, days, None, 0)
            shipper = self._mean(
                f"waited_shipper_{days}", Per.SHIPPER, waited, handed_over, 2 * days, f"waited_{days}", 2
            )
        self._found["shipper_parcels"] = Recent(Per.SHIPPER, Topic.ENDS, None, shipper)

    def _look_at_trends(self) -> None:
        """How long parcels stay by Little's law, how many a shipper has waiting, and how many orders come."""
        known = self._known
        ordered, handed_over, delivered = (
            np.where(known.is_void, np.inf, at) for at in (known.ordered, known.handed_over, known.delivered)
        )
        wide, narrow = ("", Per.EVERY), ("_region", Per.REGION)
        to_the_door = (wide, narrow, ("_lane", Per.LANE), ("_area", Per.AREA))
        for days in (7, 21):
            self._stay("stay", (wide, narrow), ordered, delivered, days, _LOST_DAYS, 8.0, 5)
            self._stay("stay_carried", to_the_door, handed_over, delivered, days, _LOST_DAYS, 8.0, 5)
            waiting = self._stay(
                "stay_waiting",
                (wide, ("_shipper", Per.SHIPPER)),
                ordered,
                handed_over,
                days,
                _LOST_HANDOVER_DAYS,
                2.0,
                2,
            )
        self._found["shipper_waiting"] = Recent(Per.SHIPPER, Topic.TRENDS, None, waiting)
        for days in (3, 7):
            latest, before, usual = (np.searchsorted(known.ordered, self._at - back) for back in (0, days, days + 28))
            pace, pace_before = (latest - before + 5) / days, (before - usual + 5) / 28
            self._found[f"orders_{days}"] = Recent(Per.EVERY, Topic.TRENDS, None, np.log(pace / pace_before))

    def _look_at_promises(self) -> None:
        """Logarithms of the days that others promise on a lane."""
        made, logs = np.where(self._known.is_void, np.inf, self._known.ordered), log_promised(self._known)
        of_all = f"{PROMISED_LANE} of all"
        self._mean(of_all, Per.EVERY, logs, made, _PROMISE_DAYS, None, 0, Topic.PROMISES)
        self._mean(PROMISED_LANE, Per.LANE, logs, made, _PROMISE_DAYS, of_all, 5, Topic.PROMISES)

    def _mean(
        self,
        name: str,
        per: Per,
        values: Floats,
        known_at: Floats,
        days: float,
        parent: str | None,
        weight: float,
        topic: Topic = Topic.ENDS,
    ) -> Floats:
        prior: Floats | float = 0.0 if parent is None else self._found[parent].values
        means, count = recent_means(
            self._keys[per], values, known_at, self._asked[per], days=days, prior=prior, weight=weight
        )
        self._found[name] = Recent(per, topic, parent, means)
        return count

    def _stay(
        self,
        name: str,
        levels: tuple[tuple[str, Per], ...],
        entered: Floats,
        left: Floats,
        days: float,
        most: float,
        usual: float,
        weight: float,
    ) -> Floats:
        """Logarithms of stays, each level drawn to one before; a lane and an area are both drawn to their region."""
        parents: dict[Per, tuple[str, Floats]] = {}
        for suffix, per in levels:
            parent = parents.get(Per.REGION) or parents.get(Per.EVERY)
            found, inside = stays(
                self._keys[per],
                entered,
                left,
                self._asked[per],
                days=days,
                most=most,
                prior=usual if parent is None else parent[1],
                weight=weight,
            )
            key = f"{name}{suffix}_{days}"
            self._found[key] = Recent(per, Topic.TRENDS, None if parent is None else parent[0], np.log(found))
            parents[per] = key, found
        return inside


def log_promised(trips: Trips) -> Floats:
    """Logarithms of the days that others promised; NaN where they did not."""
    return np.log(np.maximum(np.where(np.isfinite(trips.promised), trips.promised, np.nan) - trips.ordered, 1.0))


def _logs(trips: Trips) -> tuple[Floats, Floats, Floats]:
    """Logarithms of days from order to door, from handover to door, and from order to handover; NaN if not known."""
    with np.errstate(invalid="ignore"):  # never minus never
        whole = trips.delivered - trips.ordered
        carried = trips.delivered - trips.handed_over
        waited = trips.handed_over - trips.ordered
    return _log(whole, 0.5), _log(carried, 0.2), _log(waited, 0.02, 0.3)


def _log(days: Floats, least: float, more: float = 0.0) -> Floats:
    known: Flags = np.isfinite(days)
    return np.where(known, np.log(np.maximum(np.where(known, days, 1.0), least) + more), np.nan)
