"""Promises for parcels that are ordered now: from what was learnt, and from what was lately so."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.circumstances import describe
from waypost.forecast.lately import Per
from waypost.forecast.moment import Moment
from waypost.forecast.training import Trained
from waypost.forecast.trips import Floats, Ints, Trips, make_trips, number_rows
from waypost.model.errors import Conflict
from waypost.model.instants import DAY_MS

#: The window of a promise is from the first of these to the last; the middle is as likely before as after.
WINDOW = (0.1, 0.5, 0.8, 0.9)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a promise is asked for, as trips know it; "" and None where it is not known.

    Attributes:
        service: the carrier, or one of its services.
        origin_region, destination_region: as `past.area_of` writes them; `destination_area` is the plain city.
        offset_min: local minus UTC at the origin.
    """

    service: str = ""
    shipper: str = ""
    offset_min: int = 0
    origin_region: str = ""
    origin_at: tuple[float, float] | None = None
    destination_country: str = ""
    destination_region: str = ""
    destination_area: str = ""
    destination_at: tuple[float, float] | None = None
    weight_g: float | None = None
    pieces: int | None = None
    value: float | None = None


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

    def __init__(self, trained: Trained, trips: Trips, now: float) -> None:
        self.trained = trained
        self.now = now
        self._moment = Moment(trips, now)
        self._shape = trained.foresee(trips).shape(now, WINDOW)
        if np.isnan(self._shape).any():
            raise Conflict(
                "Too few parcels came to their end lately to say how wide promises have to be.",
                mend="Import newer scans, then `waypost train`.",
            )

    def promise(self, asked: Trips) -> Promised:
        """Promise trips that are ordered now."""
        facts = describe(asked, recents=self._moment.look_up(asked), words=self.trained.words)
        middle, spread = self.trained.transit.foresee(facts, np.arange(len(asked)))
        days = np.exp(middle[:, None] + spread[:, None] * self._shape)
        seen = {per: self._moment.count(asked, per) for per in (Per.LANE, Per.REGION)}
        return Promised(days, seen[Per.LANE], seen[Per.REGION])

    def promise_all(self, asks: Sequence[Ask]) -> Promised:
        """Promise what is asked for."""
        return self.promise(read_asks(asks, self.now))


def read_asks(asks: Sequence[Ask], now: float) -> Trips:
    """What is asked for as trips that are ordered now, in their order."""
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
    return make_trips(columns | {"offset_min": np.array([ask.offset_min for ask in asks], np.int16)})
