"""What the API says of arrivals, as records, with one example each."""

import msgspec

from waypost.forecast.arrivals import SilentGroup
from waypost.forecast.reasons import ReasonCode
from waypost.track.views import Freshness, PlaceView
from waypost.web.arriving import ArrivalView, Basis, Lack, ReasonView


class ParcelArrival(msgspec.Struct, frozen=True):
    """When one of the parcels that bear a number arrives; or `arrival` is None and `why` says why."""

    parcel_id: str
    carrier: str
    number: str
    status: str
    arrival: ArrivalView | None
    why: Lack | None


class ArrivalAnswer(msgspec.Struct, frozen=True):
    """When the parcels that bear a number arrive, and what that rests on.

    Attributes:
        more: so many further parcels bear it.
        basis: what was learnt, and how parcels went lately.
        as_of: how far look-ups are behind what was sent.
    """

    number: str
    parcels: list[ParcelArrival]
    more: int
    basis: Basis
    as_of: Freshness


class EndangeredParcel(msgspec.Struct, frozen=True):
    """A parcel on its way; `status` and `place` are those of its newest scan."""

    carrier: str
    number: str
    status: str
    place: PlaceView | None
    risk: float
    arrival: ArrivalView


class ArrivalPage(msgspec.Struct, frozen=True):
    """Some parcels on their way, the most endangered first.

    Attributes:
        basis: all is as of `lately_as_of`.
        on_their_way: how many there are in all of those that are looked at, wanted or not.
        shares: each of these stands for so many: of more scans than can be looked at, a share of the parcels is.
        groups: parcels that fell silent together, with the first page; of each at most 100 are named.
        next: the cursor for more, None at the end.
    """

    basis: Basis
    on_their_way: int
    shares: int
    parcels: list[EndangeredParcel]
    groups: list[SilentGroup]
    next: str | None


_BASIS = Basis(4, "2026-11-22T03:00:00Z", "2026-11-26T07:41:12Z")
_HANGZHOU = PlaceView(facility="HZ-01", name="Hangzhou hub", city="Hangzhou", region="ZJ", country="CN")
_ARRIVAL = ArrivalView(
    p10_at="2026-11-26T14:05:00+08:00",
    p50_at="2026-11-26T15:40:00+08:00",
    p80_at="2026-11-26T17:10:00+08:00",
    p90_at="2026-11-26T18:02:00+08:00",
    scanned_at="2026-11-26T08:12:00+08:00",
    promised_by="2026-11-25T20:00:00+08:00",
    likely_late=True,
    reasons=[
        ReasonView(
            code=ReasonCode.MISSED_CUTOFF, hours=12.0, at="2026-11-23T22:00:00+08:00", place=PlaceView(city="Hangzhou")
        )
    ],
    next_scan_by=None,
    wrong=None,
    late=None,
    given_up=None,
)
_ENDANGERED = msgspec.structs.replace(
    _ARRIVAL,
    reasons=[msgspec.structs.replace(_ARRIVAL.reasons[0], place=_HANGZHOU)],
    next_scan_by="2026-11-26T13:20:00+08:00",
    wrong=0.012,
    late=0.9813,
    given_up=False,
)
_GROUP = SilentGroup(
    kind="leg",
    facility="yto/HZ-01",
    towards="yto/SH-02",
    vehicle=None,
    departed_at=None,
    since="2026-11-25T03:10:00Z",
    silent=12,
    expected=1.38,
    parcels=["yto/YT8812345678901"],
)
ARRIVAL_EXAMPLES: dict[type, msgspec.Struct] = {
    ArrivalAnswer: ArrivalAnswer(
        "YT8812345678901",
        [ParcelArrival("pcl_4b1c7f2d90ab33e1", "yto", "YT8812345678901", "out_for_delivery", _ARRIVAL, None)],
        0,
        _BASIS,
        Freshness(None, None, None, True),
    ),
    ArrivalPage: ArrivalPage(
        _BASIS,
        5_120,
        1,
        [EndangeredParcel("yto", "YT8812345678901", "out_for_delivery", _HANGZHOU, 0.9813, _ENDANGERED)],
        [_GROUP],
        None,
    ),
}
