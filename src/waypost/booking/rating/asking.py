"""What quotes ask of carriers that tell their own rates. The door `carriers` answers."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from waypost.booking.rating.shipments import Shipment


class CarrierRate(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier asks for a shipment at this account, in its own words.

    Attributes:
        charges: what it is made of, by the carrier's names, in minor units; sums to `minor`.
        usual_days: under way, if it says so.
    """

    service: str
    currency: str
    minor: int
    charges: Sequence[tuple[str, int]]
    usual_days: int | None = None


class RateSource(Protocol):
    """Asks one account's carrier for its rates."""

    def ask_rates(self, shipment: Shipment) -> Sequence[CarrierRate]:
        """What each of its services asks; none that does not carry it.

        Raises:
            track.carriers.CarrierError: says why there are none.
        """
        ...
