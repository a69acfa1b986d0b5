"""Promises for parcels that are ordered now: from what was learnt, and from what was lately so."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.circumstances import describe
from waypost.forecast.lately import Per, Recent
from waypost.forecast.moment import Moment
from waypost.forecast.training import Trained
from waypost.forecast.trips import Floats, Ints, Trips, make_trips, number_rows
from waypost.model.errors import Conflict
from waypost.model.instants import DAY_MS, MINUTE_MS, format_utc
from waypost.network.areas import plain_area

#: The window of a promise is from the first of these to the last; the middle is as likely before as after.
WINDOW = (0.1, 0.5, 0.8, 0.9)

#: No promise is longer.
_MOST_DAYS = 3650.0
#: How many parcels a promise rests on is told in these steps: exact numbers are a carrier's own affair.
_STEPS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)

#: With fewer parcels of a lane, or of a region, a promise does not rest on it.
LEAST_SEEN = 5


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a promise is asked for, as trips know it; "" and None where it is not known.

    Attributes:
        service: the carrier, as scans name it.
        origin_region, destination_region: plain areas (`network.areas`); `destination_area` is the plain city.
        offset_min: local minus UTC at the origin; None: what it was for those that came from there.
    """

    service: str = ""
    shipper: str = ""
    offset_min: int | None = None
    origin_region: str = ""
    origin_at: tuple[float, float] | None = None
    destination_country: str = ""
    destination_region: str = ""
    destination_area: str = ""
    destination_at: tuple[float, float] | None = None
    weight_g: float | None = None
    pieces: int | None = None
    value: float | None = None


class RestsOn(StrEnum):
    """What a promise rests on."""

    LANE = "lane"  #: parcels of this carrier that went the same way lately
    REGION = "region"  #: parcels that went to the same region lately
    ALL = "all"  #: how far it is, and what all parcels took


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """When a parcel is there, RFC 3339: it is as likely before `p50_at` as after; one of ten comes after `p90_at`.

    Attributes:
        p10_at: one of ten comes before it.
        parcels: so many or more that came in the last 45 days it rests on, of its lane or of its region.
        held: the share of promises to this region that held at P90 when they were tested, and of how many; None if
            there were too few.
    """

    p10_at: str
    p50_at: str
    p80_at: str
    p90_at: str
    rests_on: RestsOn
    parcels: int
    held: float | None = None
    held_of: int = 0


class Promised(msgspec.Struct, frozen=True):
    """Promises, one a row.

    Attributes:
        days: after the order, a column a level of `WINDOW`.
        on_lane, on_region: how many parcels of the last 45 days it rests on: of its lane, of all that go to its region.
    """

    days: Floats
    on_lane: Ints
    on_region: Ints


class Promiser:
    """Makes promises at one instant, in days since 1970; make another when time has gone on.

    Args:
        trips: those of `past.read_past` until then.

    Raises:
        Conflict: too few promises came to their end lately to say how wide the next have to be.
    """

    def __init__(self, trained: Trained, trips: Trips, now: float, version: int = 0) -> None:
        self.trained = trained
        self.now = now
        self.version = version
        self._moment = Moment(trips, now)
        self._held = {plain_area(region): found for region, found in trained.card.regions.items()}
        regions = trips.table.column("origin_region").to_pylist()
        offsets: list[int] = trips.table.column("offset_min").to_pylist()
        self._offsets: dict[str | None, int] = dict(zip(regions, offsets, strict=True))  # the newest
        self._shape = trained.foresee(trips).shape(now, WINDOW)
        if np.isnan(self._shape).any():
            raise Conflict(
                "Too few parcels came to their end lately to say how wide promises have to be.",
                mend="Import newer scans, then `waypost train`.",
            )

    def promise(self, asked: Trips) -> Promised:
        """Promise trips that are ordered now."""
        facts = describe(asked, recents=self.look_up(asked), words=self.trained.words)
        days = np.minimum(self.trained.transit.foresee(facts, np.arange(len(asked))).windows(self._shape), _MOST_DAYS)
        seen = {per: self._moment.count(asked, per) for per in (Per.LANE, Per.REGION)}
        return Promised(days, seen[Per.LANE], seen[Per.REGION])

    def offset_of(self, region: str) -> int:
        """Local minus UTC, in minutes, of those that came from a region."""
        return self._offsets.get(region, 0)

    def look_up(self, asked: Trips) -> dict[str, Recent]:
        """What was lately so on the way of trips that are ordered now."""
        return self._moment.look_up(asked)

    def promise_all(self, asks: Sequence[Ask], at_ms: int) -> list[Promise]:
        """Promise what is asked for, to be ordered at an instant (UTC milliseconds) near to that of the promiser."""
        if not asks:
            return []
        told = self.promise(read_asks(asks, at_ms / DAY_MS, self._offsets))
        ends = np.round((at_ms + told.days * DAY_MS) / MINUTE_MS).astype(np.int64) * MINUTE_MS
        return [
            self._tell(ask, *row)
            for ask, *row in zip(asks, ends.tolist(), told.on_lane.tolist(), told.on_region.tolist(), strict=True)
        ]

    def _tell(self, ask: Ask, ends: list[int], on_lane: int, on_region: int) -> Promise:
        rests_on, parcels = RestsOn.ALL, 0
        if on_lane >= LEAST_SEEN:
            rests_on, parcels = RestsOn.LANE, on_lane
        elif on_region >= LEAST_SEEN:
            rests_on, parcels = RestsOn.REGION, on_region
        held, of = self._held.get(ask.destination_region, (None, 0))
        p10, p50, p80, p90 = (format_utc(end) for end in ends)
        return Promise(
            p10_at=p10,
            p50_at=p50,
            p80_at=p80,
            p90_at=p90,
            rests_on=rests_on,
            parcels=max((step for step in _STEPS if step <= parcels), default=0),
            held=held,
            held_of=of,
        )


def read_asks(asks: Sequence[Ask], now: float, offsets: Mapping[str | None, int]) -> Trips:
    """What is asked for as trips that are ordered now, in their order; `offsets` are those of regions of origin."""
    rows = len(asks)
    columns: dict[str, object] = {
        name: pa.array([getattr(ask, name) or None for ask in asks], pa.string())
        for name in (
            *("service", "shipper", "origin_region"),
            *("destination_country", "destination_region", "destination_area"),
        )
    }
    for name in ("weight_g", "value", "pieces"):
        columns[name] = [getattr(ask, name) for ask in asks]
    for end in ("origin", "destination"):
        places = [getattr(ask, f"{end}_at") or (None, None) for ask in asks]
        columns[f"{end}_latitude"], columns[f"{end}_longitude"] = zip(*places, strict=True) if places else ((), ())
    stamp = np.datetime64(round(now * DAY_MS), "ms")
    columns |= {"number": number_rows(rows), "ordered_at": np.full(rows, stamp), "is_void": np.zeros(rows, np.bool_)}
    offset = [offsets.get(ask.origin_region, 0) if ask.offset_min is None else ask.offset_min for ask in asks]
    return make_trips(columns | {"offset_min": np.array(offset, np.int16)})
