"""What the API says of lanes, as records, with one example each."""

import msgspec

from waypost.forecast.lane_costs import Cost
from waypost.forecast.lanes import (
    Before,
    CarrierBefore,
    CarrierTimes,
    HourTimes,
    LaneDetail,
    LaneRow,
    Reached,
    Silence,
    Times,
    WeekTimes,
)
from waypost.track.scorecards import Part


class LanePage(msgspec.Struct, frozen=True):
    """Some lanes, most parcels first.

    Attributes:
        since, until: parcels that were handed over from the one to before the other.
        as_of: the newest scan; up to then it is known how they went.
        position: every scan below it was counted; None for carriers, whom the scans of others do not concern.
        undirected: parcels on their way of which nobody knows where to; they are on no lane.
        next: the cursor for more, None at the end.
    """

    since: str
    until: str
    as_of: str
    position: int | None
    undirected: int
    lanes: list[LaneRow]
    next: str | None


_TIMES = Times(
    parcels=412,
    delivered=380,
    on_the_way=29,
    gone=3,
    p50_h=41.5,
    p80_h=57.25,
    p90_h=68.0,
    on_time=Part.made(361, 384),
)
_COSTS = [Cost(currency="CNY", parcels=96, per_parcel_minor=540, per_kg_minor=410)]
_STRETCH = ("2026-08-24T00:00:00Z", "2026-11-22T15:00:00.001Z", "2026-11-22T15:00:00Z", 48_213)
_DETAIL = LaneDetail(
    origin="CN-ZJ",
    destination="CN-SH",
    since=_STRETCH[0],
    until=_STRETCH[1],
    as_of=_STRETCH[2],
    position=_STRETCH[3],
    undirected=12,
    carriers=[
        CarrierTimes(
            carrier="yto",
            times=_TIMES,
            curve=[Reached(22.0, 0.01), Reached(41.5, 0.5), Reached(68.0, 0.9)],
            weeks=[WeekTimes("2026-11-16", _TIMES)],
            costs=_COSTS,
        )
    ],
    hours=[HourTimes(1, 18, 52, 40.25, 63.0)],
    longest_gap_p50_h=13.5,
    longest_gap_p90_h=26.75,
    gaps=[Silence(carrier="yto", facility="Hangzhou", scans=801, total_h=7_212.5, p50_h=6.5, p90_h=19.25, most_h=71.0)],
    before=Before(
        since="2026-05-26T08:59:59.999Z",
        until="2026-08-24T00:00:00Z",
        carriers=[CarrierBefore(carrier="yto", times=_TIMES, costs=_COSTS)],
    ),
)
LANE_EXAMPLES: dict[type, msgspec.Struct] = {
    LanePage: LanePage(
        *_STRETCH,
        undirected=12,
        lanes=[LaneRow(carrier="yto", origin="CN-ZJ", destination="CN-SH", times=_TIMES, costs=_COSTS)],
        next=None,
    ),
    LaneDetail: _DETAIL,
}
