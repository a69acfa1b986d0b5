"""What is examined, and what all questions of the exam have in common."""

import datetime as dt
import itertools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from waypost.booking.issuing import Issued, Item, LabelReader, WaybillIssuer, WaybillOrder
from waypost.booking.pickups import PickupIssuer
from waypost.booking.rating.asking import RateSource
from waypost.model.carriage import Waybill
from waypost.model.guarded import Guarded
from waypost.testing.carriers.faking import Fake, FakeScan
from waypost.track.carriers import Asked, PushReader, TrackSource
from waypost.track.intake import ZoneFinder

HOUR_MS = 3_600_000
_count = itertools.count(1)


def make_reference() -> str:
    """A reference that no other order has."""
    return f"WAYPOST{next(_count):09d}"


class Candidate(Guarded, frozen=True, kw_only=True):
    """What is examined: an adapter's parts, made for an account at the fake; None for what it does not do.

    Attributes:
        operations: what the adapter says that it does: `book`, `cancel`, `print`, `track`, `subscribe`, `push`,
            `rates`, `pickup`.
        codes: of the carrier's, in the order in which they happen to a parcel: picked up, under way, delivered.
        zone_of: as the house finds the zones of stamps without an offset.
        secrets: of the account, by name: what nobody may be told.
        labels: reads papers that the carrier sends by itself.
        rates: tells what the carrier asks. `pickups` has it come.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("operations", "codes")

    fake: Fake
    operations: frozenset[str]
    issuer: WaybillIssuer | None
    source: TrackSource | None
    reader: PushReader | None
    codes: tuple[str, str, str]
    zone_of: ZoneFinder
    secrets: Mapping[str, str] = {}
    labels: LabelReader | None = None
    rates: RateSource | None = None
    pickups: PickupIssuer | None = None


class Wrong(Exception):
    """What an adapter did wrong."""


def write_order(fake: Fake, **changed: Any) -> WaybillOrder:
    """An order of a parcel, each with a reference of its own."""
    sample = fake.sample
    told: dict[str, Any] = {
        "reference": make_reference(),
        "sender": sample.sender,
        "consignee": sample.consignee,
        "items": [Item(description="书 + 笔", quantity=2, weight_g=400, value_minor=2599)],
        "weight_g": 1_250,
        "length_mm": 250,
        "width_mm": 160,
        "height_mm": 60,
        "currency": sample.currency,
        "mailing_date": dt.datetime.fromtimestamp(fake.clock() / 1000, dt.UTC).date().isoformat(),
    }
    return WaybillOrder(**told | changed)


def book_one(candidate: Candidate) -> Issued:
    """A waybill; where it is got in another way, one that the carrier made up."""
    if candidate.issuer is not None:
        return candidate.issuer.book(write_order(candidate.fake))
    parcel = candidate.fake.make(make_reference())
    return Issued(waybill=Waybill(candidate.fake.name, parcel.number), reference=parcel.reference, channel="made up")


def draft_scans(candidate: Candidate) -> tuple[FakeScan, FakeScan, FakeScan]:
    """What happens to a parcel: picked up, under way, delivered. The carrier does not hear of it yet."""
    begun_ms = candidate.fake.clock() // 1000 * 1000 - 30 * HOUR_MS
    first, second, third = candidate.codes
    cities = itertools.cycle(candidate.fake.sample.cities)
    return (
        FakeScan(code=first, at_ms=begun_ms, city=next(cities)),
        FakeScan(code=second, at_ms=begun_ms + 7 * HOUR_MS + 61_000, city=next(cities)),
        FakeScan(code=third, at_ms=begun_ms + 26 * HOUR_MS, city=next(cities)),
    )


def ask_after(candidate: Candidate, number: str) -> Asked:
    """How scans of a waybill are asked for."""
    return Asked(number=number, phone_tail=candidate.fake.parcels[number].phone[-4:] or None)


def want(holds: bool, why: str) -> None:
    """See that something holds; else it is wrong."""
    if not holds:
        raise Wrong(why)


def fails(kind: type[Any], act: Callable[[], object]) -> Any:
    """The error of a kind that an act has to end in."""
    try:
        given = act()
    except kind as error:
        return error
    raise Wrong(f"{kind.__name__} was due, and it gave {given!r:.80}")
