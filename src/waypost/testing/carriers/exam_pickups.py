"""The exam's questions of pick-ups: one asking is one courier, on the worst of days too; who is told stays away."""

import datetime as dt
from collections.abc import Callable

from waypost.booking.pickups import PickupOrder
from waypost.testing.carriers.candidate import Candidate, fails, want
from waypost.testing.carriers.faking import Trap
from waypost.track.carriers import CarrierError, CarrierPuzzling, CarrierRefused, InDoubt


def _order(candidate: Candidate) -> PickupOrder:
    day = dt.datetime.fromtimestamp(candidate.fake.clock() / 1000, dt.UTC).date() + dt.timedelta(days=1)
    sender = candidate.fake.sample.sender
    return PickupOrder(address=sender, day=day.isoformat(), parcels=3, weight_g=4_200, remark="Ring twice")


def _known(candidate: Candidate) -> set[str]:
    """The numbers of the pick-ups that the carrier has: a fake whose carrier comes keeps them as `pickups`."""
    return {*getattr(candidate.fake, "pickups")}  # noqa: B009 - not every fake has them


def _comes(candidate: Candidate) -> None:
    assert candidate.pickups is not None
    order, before = _order(candidate), _known(candidate)
    fetched = candidate.pickups.fetch(order)
    want(_known(candidate) - before == {fetched.number}, f"the carrier knows no {fetched.number}")
    want(fetched.day == order.day, f"it was to come on {order.day}, and comes on {fetched.day}")
    want(candidate.fake.name in fetched.channel, f"the channel {fetched.channel!r} does not name the carrier")
    candidate.pickups.cancel_pickup(fetched.number)
    want(_known(candidate) == before, "it was cancelled, and comes all the same")
    number = fetched.number
    fails(CarrierRefused, lambda: candidate.pickups.cancel_pickup(number))  # type: ignore[union-attr]


def _comes_once(candidate: Candidate) -> None:
    assert candidate.pickups is not None
    for trap in (Trap.RESET, Trap.TIMED_OUT, Trap.EMPTY, Trap.HTML):
        before, told = _known(candidate), None
        candidate.fake.set(trap)
        try:
            told = candidate.pickups.fetch(_order(candidate))
        except CarrierError as error:
            is_open = isinstance(error, InDoubt | CarrierPuzzling)
            want(is_open or _known(candidate) == before, f"after {trap} it comes, and it is said that it does not")
        candidate.fake.clear()
        want(len(_known(candidate) - before) <= 1, f"after {trap} it comes more than once")
        want(told is None or told.number in _known(candidate), f"after {trap} it is told that it comes, and does not")


PICKUPS: tuple[tuple[str, str, Callable[[Candidate], None]], ...] = (
    ("pickup", "has the carrier come, and not come", _comes),
    ("pickup", "has it come once, through a cut line too", _comes_once),
)
