"""What the API says of pick-ups, as records, with one example each."""

import msgspec

from waypost.booking.issuing import Address
from waypost.booking.pickups import Pickup, PickupOrder, PickupState
from waypost.model.instants import format_utc


class PickupView(msgspec.Struct, frozen=True, kw_only=True):
    """A pick-up. `number` is the carrier's, `day` the one on which it comes; `why` of one that is not booked."""

    id: str
    state: PickupState
    account: str
    number: str
    day: str
    channel: str
    why: str
    made_at: str
    order: PickupOrder


class PickupPage(msgspec.Struct, frozen=True):
    """Some pick-ups, newest first; `next` is the cursor for more, None at the end."""

    pickups: list[PickupView]
    next: str | None


def view_pickup(kept: Pickup) -> PickupView:
    """As its merchant sees it."""
    told = {name: getattr(kept, name) for name in PickupView.__struct_fields__ if name != "made_at"}
    return PickupView(made_at=format_utc(kept.made_ms), **told)


PICKUP_SENT = PickupOrder(
    address=Address(
        name="Ann Example",
        company="Example Books",
        country="US",
        province="ID",
        city="Boise",
        street="100 Example St",
        postcode="83702",
        phone="2085550100",
    ),
    day="2026-11-24",
    parcels=12,
    weight_g=18_500,
    remark="Ring at the back",
    account="usps",
)
_EXAMPLE = PickupView(
    id="pic_1a2b3c4d5e6f7a8b",
    state=PickupState.BOOKED,
    account="usps",
    number="WTC100000001",
    day="2026-11-24",
    channel="usps carrier-pickup",
    why="",
    made_at="2026-11-23T15:04:00Z",
    order=PICKUP_SENT,
)
PICKUP_EXAMPLES: dict[type, msgspec.Struct] = {PickupView: _EXAMPLE, PickupPage: PickupPage([_EXAMPLE], None)}
