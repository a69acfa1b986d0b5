"""The exam's questions of rates: a price is added up to the cent, grows with the parcel, and a page is no price."""

import datetime as dt
from collections.abc import Callable, Sequence

from waypost.booking.rating.areas import Spot
from waypost.booking.rating.asking import CarrierRate
from waypost.booking.rating.shipments import Piece, Shipment
from waypost.testing.carriers.candidate import Candidate, fails, want
from waypost.testing.carriers.faking import Fake, Trap
from waypost.track.carriers import CarrierError


def _shipment(fake: Fake, *pieces: Piece) -> Shipment:
    ends = [
        Spot(address.country, address.province, address.city, address.postcode)
        for address in (fake.sample.sender, fake.sample.consignee)
    ]
    day = dt.datetime.fromtimestamp(fake.clock() / 1000, dt.UTC).date()
    return Shipment(sender=ends[0], consignee=ends[1], pieces=pieces, currency=fake.sample.currency, day=day)


def _ask(candidate: Candidate, *pieces: Piece) -> Sequence[CarrierRate]:
    assert candidate.rates is not None
    return candidate.rates.ask_rates(_shipment(candidate.fake, *pieces))


def _rates(candidate: Candidate) -> None:
    told = _ask(candidate, Piece(1_250, 250, 160, 60))
    want(bool(told), "no service has a rate")
    names = [rate.service for rate in told]
    want(len(set(names)) == len(names), f"a service has two rates: {names}")
    for rate in told:
        want(rate.minor > 0, f"{rate.service} costs {rate.minor}")
        summed = sum(minor for _, minor in rate.charges)
        want(summed == rate.minor, f"the charges of {rate.service} are {summed} together, and it costs {rate.minor}")
        want(rate.currency == candidate.fake.sample.currency, f"{rate.service} is told in {rate.currency}")


def _rates_of_several(candidate: Candidate) -> None:
    small, large = Piece(500, 200, 150, 50), Piece(4_000, 400, 300, 200)
    alone = {rate.service: rate.minor for rate in _ask(candidate, small)}
    heavy = {rate.service: rate.minor for rate in _ask(candidate, large)}
    together = {rate.service: rate.minor for rate in _ask(candidate, small, small, large)}
    want(bool(together), "three parcels have no rate")
    for service, minor in together.items():
        want(alone[service] < minor, f"three parcels cost no more than the smallest ({service})")
        want(alone[service] <= heavy[service], f"a heavier parcel costs less ({service})")


def _rates_on_bad_days(candidate: Candidate) -> None:
    for trap in (Trap.HTML, Trap.EMPTY):
        candidate.fake.set(*[trap] * 3)
        fails(CarrierError, lambda: _ask(candidate, Piece(1_250, 250, 160, 60)))
        candidate.fake.clear()


RATES: tuple[tuple[str, str, Callable[[Candidate], None]], ...] = (
    ("rates", "tells what each service asks, to the smallest coin", _rates),
    ("rates", "adds up what several parcels cost", _rates_of_several),
    ("rates", "takes no page for a price", _rates_on_bad_days),
)
