"""What can happen to a parcel, told once each. A story moves a journey's clock and leaves its scans."""

from collections.abc import Callable

from waypost.twin.cities import get_city, nearest_hub
from waypost.twin.journey import Journey
from waypost.twin.sites import AMERICAN_GATES, BRAZILIAN_GATES

Story = Callable[[Journey], None]


def _collect(way: Journey, *, booked: bool = False) -> None:
    """From the order to the courier who takes the parcel."""
    way.report("order_created")
    way.wait(0.1, 1.5)
    way.report("label_printed")
    if booked or way.rng.random() < 0.15:
        way.wait(0.1, 0.5)
        way.report("pickup_scheduled")
    way.wait_for(14.5, 20, way.origin)
    way.scan("picked_up", way.outlet(way.origin))


def _haul(way: Journey) -> None:
    """From the first outlet by way of the hubs to the last one."""
    first, last = way.hub(way.origin), way.hub(way.destination)
    way.drive(way.origin, first.city)
    way.scan("arrived_at_hub", first)
    way.wait(0.7, 4)
    if last.code != first.code:
        way.scan("departed_from_hub", first, last.name)
        way.drive(first.city, last.city)
        way.scan("arrived_at_hub", last)
        way.wait(0.6, 3)
    outlet = way.outlet(way.destination)
    way.scan("departed_from_hub", last, outlet.name)
    way.drive(last.city, way.destination)
    way.scan("arrived_at_destination" if way.carrier == "cainiao" else "arrived_at_hub", outlet)


def _go_out(way: Journey) -> None:
    way.wait(0.5, 1)
    way.wait_for(7.2, 10, way.destination)
    way.scan("out_for_delivery", way.outlet(way.destination))
    way.wait(0.6, 7)


def _domestic(way: Journey) -> None:
    _collect(way)
    _haul(way)
    _go_out(way)


def door(way: Journey) -> None:
    """Delivered at the door."""
    _domestic(way)
    way.scan("delivered", way.outlet(way.destination))


def locker(way: Journey) -> None:
    """Put into a locker or left at a station, collected later."""
    _domestic(way)
    role = way.rng.choice(("locker", "station"))
    way.scan("delivery_to_locker", way.site(role))
    way.wait(1, 4)
    way.wait_for(17, 21.5, way.destination)
    way.scan("delivered", way.site(role))


def second_try(way: Journey) -> None:
    """Nobody there; delivered the day after."""
    _domestic(way)
    way.scan("delivery_attempted", way.outlet(way.destination))
    way.wait(8, 10)
    _go_out(way)
    way.scan("delivered", way.outlet(way.destination))


def gatekeeper(way: Journey) -> None:
    """Somebody else signs."""
    _domestic(way)
    way.scan("signed_by_third_party", way.outlet(way.destination))


def forwarded(way: Journey) -> None:
    """Sent on by another way, then delivered."""
    _collect(way)
    first = way.hub(way.origin)
    way.drive(way.origin, first.city)
    way.scan("arrived_at_hub", first)
    way.wait(2, 9)
    way.scan("in_transit", first)
    way.drive(first.city, way.destination)
    way.scan("arrived_at_hub", way.outlet(way.destination))
    _go_out(way)
    way.scan("delivered", way.outlet(way.destination))


def held_up(way: Journey) -> None:
    """Stuck at a hub for days, then delivered, later than promised."""
    _collect(way)
    hub = way.hub(way.destination)
    way.drive(way.origin, hub.city)
    way.scan("arrived_at_hub", hub)
    way.wait(5, 12)
    way.scan("exception", hub)
    way.wait(70, 90)
    way.scan("departed_from_hub", hub, way.outlet(way.destination).name)
    way.drive(hub.city, way.destination)
    way.scan("arrived_at_hub", way.outlet(way.destination))
    _go_out(way)
    way.scan("delivered", way.outlet(way.destination))


def wrong_address(way: Journey) -> None:
    """The address is wrong; mended, then delivered."""
    _domestic(way)
    way.scan("address_issue", way.outlet(way.destination))
    way.wait(12, 30)
    _go_out(way)
    way.scan("delivered", way.outlet(way.destination))


def refused(way: Journey) -> None:
    """Refused at the door, goes all the way back."""
    _domestic(way)
    outlet = way.outlet(way.destination)
    way.scan("refused", outlet)
    way.wait(2, 6)
    way.scan("return_initiated", outlet)
    way.wait(3, 8)
    way.scan("in_return_transit", way.hub(way.destination))
    way.drive(way.destination, way.origin)
    way.wait(6, 20)
    way.wait_for(9, 18, way.origin)
    way.scan("returned_to_sender", way.outlet(way.origin))


def called_off(way: Journey) -> None:
    """Cancelled before anyone came for it."""
    way.report("order_created")
    way.wait(0.1, 1)
    way.report("label_printed")
    way.wait(0.3, 5)
    way.report("order_cancelled")


def missed_pick_up(way: Journey) -> None:
    """The courier comes in vain, and again the day after."""
    way.report("order_created")
    way.wait(0.1, 1)
    way.report("pickup_scheduled")
    way.wait_for(14, 19, way.origin)
    way.report("pickup_failed")
    way.wait(12, 14)
    way.report("pickup_scheduled")
    way.wait_for(14, 19, way.origin)
    way.scan("picked_up", way.outlet(way.origin))
    _haul(way)
    _go_out(way)
    way.scan("delivered", way.outlet(way.destination))


def _export(way: Journey) -> None:
    """Over Shenzhen and Hong Kong to the carrier of the other country."""
    _collect(way)
    first, border, gate = way.hub(way.origin), get_city("深圳"), get_city("香港")
    way.drive(way.origin, first.city)
    way.scan("arrived_at_hub", first)
    way.wait(1, 5)
    if first.city is not border:
        way.scan("departed_from_hub", first, way.hub(border).name)
        way.drive(first.city, border)
        way.scan("arrived_at_hub", way.hub(border))
        way.wait(2, 8)
    if way.carrier == "yunda":
        way.scan("customs_declared", way.site("customs", border))
        way.wait(2, 9)
        way.scan("customs_released", way.site("customs", border))
        way.wait(1, 2)
    way.drive(border, gate)
    way.scan("arrived_at_hub", way.site("gate", gate))
    way.wait(4, 16)
    way.scan("transferred_to_carrier", way.site("gate", gate))
    way.wait(0.2, 1)
    way.hand_over()


def _to_america(way: Journey) -> None:
    _export(way)
    gate = get_city(way.rng.choice(AMERICAN_GATES))
    way.fly(get_city("香港"), gate)
    way.scan("arrived_at_hub", way.site("gate", gate))
    way.wait(1, 6)
    way.scan("customs_declared", way.site("customs", gate))
    way.wait(3, 20)
    if way.rng.random() < 0.12:
        way.scan("customs_held", way.site("customs", gate))
        way.wait(12, 60)
    way.scan("customs_released", way.site("customs", gate))
    way.wait(0.5, 3)
    hub = nearest_hub(way.destination)
    if gate is not hub:
        way.drive(gate, hub)
    way.scan("in_transit", way.hub(way.destination))
    way.wait(1, 6)
    way.scan("departed_from_hub", way.hub(way.destination), way.site("outlet0").name)
    way.drive(hub, way.destination)
    way.scan("arrived_at_destination", way.site("outlet0"))
    way.wait(0.5, 2)
    way.wait_for(7.5, 10, way.destination)
    way.scan("out_for_delivery", way.site("outlet0"))
    way.wait(1, 8)


def america(way: Journey) -> None:
    """China, Hong Kong, United States: delivered."""
    _to_america(way)
    way.scan("delivered", way.site("outlet0"))


def america_missed(way: Journey) -> None:
    """Nobody home, waits at the post office, goes back unclaimed."""
    _to_america(way)
    way.scan("recipient_unavailable", way.site("outlet0"))
    way.wait(1, 3)
    way.scan("awaiting_pickup", way.site("outlet0"))
    way.wait(150, 170)
    way.scan("return_initiated", way.site("outlet0"))


def america_damaged(way: Journey) -> None:
    """Found damaged behind the border."""
    _export(way)
    gate = get_city(AMERICAN_GATES[0])
    way.fly(get_city("香港"), gate)
    way.scan("arrived_at_hub", way.site("gate", gate))
    way.wait(2, 9)
    way.scan("damaged", way.site("gate", gate))


def america_cleared(way: Journey) -> None:
    """Cleared in a word of its own."""
    _export(way)
    gate = get_city(AMERICAN_GATES[1])
    way.fly(get_city("香港"), gate)
    way.scan("arrived_at_hub", way.site("gate", gate))
    way.wait(1, 4)
    way.scan("customs_declared", way.site("customs", gate))
    way.wait(4, 9)
    way.scan("clearance_completed", way.site("customs", gate))


def _to_brazil(way: Journey, *, taxed: bool) -> None:
    _export(way)
    gate = get_city(way.rng.choice(BRAZILIAN_GATES))
    customs = way.site("customs", gate)
    way.fly(get_city("香港"), gate)
    way.scan("arrived_at_hub", way.site("gate", gate))
    way.wait(3, 12)
    way.scan("customs_declared", customs)
    way.wait(6, 30)
    if taxed:
        way.scan("customs_inspection", customs)
        way.wait(4, 20)
        way.scan("customs_held", customs)
        way.wait(8, 60)
        way.scan("notice", customs)
        way.wait(0.5, 3)
        way.scan("customs_duty_paid", customs)
        way.wait(3, 12)
    way.scan("customs_released", customs)
    way.wait(1, 5)
    way.scan("clearance_completed", customs)
    way.wait(1, 8)
    way.scan("departed_from_hub", way.site("gate", gate), way.hub(way.destination).name)
    way.drive(gate, nearest_hub(way.destination))
    way.wait(3, 14)
    way.scan("departed_from_hub", way.hub(way.destination), way.site("outlet0").name)
    way.drive(nearest_hub(way.destination), way.destination)
    way.scan("arrived_at_destination", way.site("outlet0"))
    way.wait(0.5, 2)
    way.wait_for(8, 11, way.destination)
    way.scan("out_for_delivery", way.site("outlet0"))
    way.wait(1, 7)


def brazil(way: Journey) -> None:
    """China, Hong Kong, Brazil: delivered without duty."""
    _to_brazil(way, taxed=False)
    way.scan("delivered", way.site("outlet0"))


def brazil_taxed(way: Journey) -> None:
    """The same with inspection and duty to pay."""
    _to_brazil(way, taxed=True)
    way.scan("delivered", way.site("outlet0"))


def brazil_missed(way: Journey) -> None:
    """Nobody home, collected at the agency."""
    _to_brazil(way, taxed=False)
    way.scan("recipient_unavailable", way.site("outlet0"))
    way.wait(2, 5)
    way.scan("awaiting_pickup", way.site("station"))
    way.wait(20, 40)
    way.wait_for(9, 17, way.destination)
    way.scan("delivered", way.site("station"))


def brazil_lost(way: Journey) -> None:
    """Not to be found."""
    _export(way)
    gate = get_city(BRAZILIAN_GATES[0])
    way.fly(get_city("香港"), gate)
    way.scan("arrived_at_hub", way.site("gate", gate))
    way.wait(40, 60)
    way.scan("lost", way.site("gate", gate))


#: Where the parcel of a story goes; those that are not named stay in China.
COUNTRIES: dict[Story, str] = {
    **dict.fromkeys((america, america_missed, america_damaged, america_cleared), "US"),
    **dict.fromkeys((brazil, brazil_taxed, brazil_missed, brazil_lost), "BR"),
}
