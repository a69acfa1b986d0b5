"""How parcels ended: by then what is kept of people is needed no more."""

from collections.abc import Mapping, Sequence

import msgspec

from waypost.model.carriage import Waybill
from waypost.model.instants import parse_instant
from waypost.track.parcels import Tracker
from waypost.track.statuses import get_status
from waypost.track.views import ParcelView

_OVER = ("delivered", "returned", "cancelled")
_AT_ONCE = 50


class Ending(msgspec.Struct, frozen=True):
    """How far a parcel is.

    Attributes:
        is_over: delivered, returned or cancelled, under whichever of its numbers.
        at_ms: since when, UTC milliseconds; of one that goes on, when it was last scanned. None if nobody knows.
    """

    is_over: bool
    at_ms: int | None


class Endings:
    """Looks up how parcels ended."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def find(self, waybills: Sequence[Waybill]) -> Mapping[Waybill, Ending]:
        """Of some waybills those that anything is known of."""
        found: dict[Waybill, Ending] = {}
        wanted = set(waybills)
        numbers = sorted({each.number for each in wanted})
        for start in range(0, len(numbers), _AT_ONCE):
            for answer in self._tracker.find(numbers[start : start + _AT_ONCE]):
                for parcel in answer.parcels:
                    borne = {Waybill(each.carrier, each.number) for each in parcel.numbers}
                    found |= dict.fromkeys(borne & wanted, _end(parcel))
        return found


def _end(parcel: ParcelView) -> Ending:
    is_over = get_status(parcel.status).milestone in _OVER
    at = parcel.status_at if is_over else parcel.last_at
    return Ending(is_over, None if at is None else parse_instant(at).at_ms)
