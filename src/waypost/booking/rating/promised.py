"""When what is quoted arrives, by what was learnt: what of a shipment a promise is asked for, and what it rests on."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import msgspec

from waypost.booking.rating.areas import Spot
from waypost.booking.rating.carbon import CityFinder
from waypost.booking.rating.shipments import Shipment
from waypost.forecast.promising import Ask, Promise, Promiser
from waypost.model.instants import DAY_MS, format_utc
from waypost.model.names import plain_name
from waypost.network.areas import plain_area_of

#: Says what makes promises now, or None and why there is nothing.
FindPromiser = Callable[[], tuple[Promiser | None, str]]

#: What was lately so holds for orders of so many days before and after.
_BEFORE_DAYS, _AFTER_DAYS = 1, 30


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What promises rest on: the version of what was learnt, and what was lately so as of an instant.

    Attributes:
        version: None if there are no promises; `why` says why.
    """

    version: int | None = None
    learnt_at: str | None = None
    as_of: str | None = None
    why: str = ""


class Promised:
    """Promises for shipments.

    Args:
        find: see `FindPromiser`.
        carriers: by account, as their scans name them.
    """

    def __init__(self, find: FindPromiser, carriers: Mapping[str, str]) -> None:
        self._find = find
        self._carriers = carriers

    @classmethod
    def by_nothing(cls) -> "Promised":
        """Promises nothing."""
        return cls(lambda: (None, "nothing was learnt to promise by"), {})

    def promise(
        self, shipment: Shipment, accounts: Sequence[str], at_ms: int, find_city: CityFinder
    ) -> tuple[dict[str, Promise], Basis]:
        """By account the promise for a shipment that is ordered at an instant, UTC milliseconds."""
        promiser, why = self._find()
        if promiser is None:
            return {}, Basis(why=why)
        origin = plain_area_of(shipment.sender.country, shipment.sender.province) or ""
        ordered_ms = _ordered_ms(shipment, at_ms, promiser.offset_of(origin))
        if not -_BEFORE_DAYS <= ordered_ms / DAY_MS - promiser.now <= _AFTER_DAYS:
            return {}, Basis(why=f"promises are for orders of today and the next {_AFTER_DAYS} days")
        several = sorted(set(accounts))
        asks = [ask_for(shipment, self._carriers.get(account, account), find_city) for account in several]
        return dict(zip(several, promiser.promise_all(asks, ordered_ms), strict=True)), basis_of(promiser)


def basis_of(promiser: Promiser) -> Basis:
    """What its promises rest on."""
    return Basis(
        version=promiser.version,
        learnt_at=promiser.trained.card.learnt_at,
        as_of=format_utc(round(promiser.now * DAY_MS)),
    )


def ask_for(shipment: Shipment, carrier: str, find_city: CityFinder) -> Ask:
    """What a promise for a shipment with a carrier is asked for."""
    start, end = shipment.sender, shipment.consignee
    return Ask(
        service=carrier,
        shipper=shipment.shipper,
        origin_region=plain_area_of(start.country, start.province) or "",
        origin_at=_find(start, find_city),
        destination_country=end.country,
        destination_region=plain_area_of(end.country, end.province) or "",
        destination_area=plain_name(end.city),
        destination_at=_find(end, find_city),
        weight_g=sum(piece.weight_g for piece in shipment.pieces) or None,
        pieces=len(shipment.pieces),
    )


def _ordered_ms(shipment: Shipment, at_ms: int, offset_min: int) -> int:
    """Now; noon at the sender's, on the day of handover, if that is a later one there."""
    zone = dt.timezone(dt.timedelta(minutes=offset_min))
    if shipment.day is None or shipment.day <= dt.datetime.fromtimestamp(at_ms / 1000, zone).date():
        return at_ms
    return round(dt.datetime.combine(shipment.day, dt.time(12), zone).timestamp() * 1000)


def _find(spot: Spot, find_city: CityFinder) -> tuple[float, float] | None:
    return find_city(spot.country, spot.province, spot.city) if spot.city else None
