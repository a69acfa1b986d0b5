"""The merchant of the demo: accounts with carriers, what these charge, and orders to begin with."""

from datetime import date
from decimal import Decimal
from typing import Any

from waypost.app.wiring import House
from waypost.booking.issuing import Address, Item
from waypost.booking.orders import Order
from waypost.booking.pools import Pool, PoolKind
from waypost.booking.rating.cards import Area, Bracket, Card, Continued, Transit, Zone
from waypost.booking.rating.shelf import Shelf
from waypost.model.parties import PartyKind
from waypost.twin.telling import PREFIXES

NAME = "West Lake Tea (made up)"
#: Yuan for the first kilogram and for each further one, and days on the way; at home and abroad.
_PRICES = {"zto": ("7.50", "2.20", 3), "yto": ("8.00", "2.00", 3), "sto": ("7.20", "2.40", 4)}
_ABROAD = ("85.00", "52.00", 9)
#: The twin's own numbers have thirteen digits that begin with 0 to 8.
_OURS, _WIDTH, _MANY = "9", 12, 10**9


def accounts() -> dict[str, dict[str, Any]]:
    """The accounts of a demo, in the place of whatever real ones its settings may name."""
    return {carrier: {"carrier": carrier, "adapter": "neutral", "pool": f"demo-{carrier}"} for carrier in _PRICES}


def open_shop(house: House) -> str:
    """The party that the demo's merchant is, with all that it needs to ship; made if it is not there yet."""
    now, records = house.clock(), house.memory.records
    known = {pool.name for pool in house.pools.list_all()}
    for carrier, account in accounts().items():
        if account["pool"] not in known:
            house.pools.add(_pool(carrier, account["pool"]), now)
        Shelf(records).keep(_card(carrier), now)
    party = next((each.id for each in house.parties.list_all() if each.name == NAME), None)
    if party is None:
        party = house.parties.add(PartyKind.MERCHANT, NAME, now).id
        house.bookings.enter(party, list(enumerate(_ORDERS)))
    return party


def _pool(carrier: str, name: str) -> Pool:
    return Pool(
        name=name,
        carrier=carrier,
        branch="",
        kind=PoolKind.PLAIN,
        prefix=PREFIXES[carrier] + _OURS,
        suffix="",
        width=_WIDTH,
        first=1,
        last=_MANY,
        next=1,
        alarm=1_000,
    )


def _card(carrier: str) -> Card:
    zones = (("home", (Area("CN"),), _PRICES[carrier]), ("abroad", (), _ABROAD))
    return Card(
        account=carrier,
        version="made up",
        currency="CNY",
        time_zone="Asia/Shanghai",
        valid_from=date(2026, 1, 1),
        zones=tuple(
            Zone(
                name=name,
                to=to,
                brackets=(Bracket(1000, Decimal(first)),),
                continued=Continued(1000, Decimal(more)),
                transit=Transit(max(days - 2, 1), days, days + 3),
            )
            for name, to, (first, more, days) in zones
        ),
    )


_SENDER = Address(
    name="西湖茶行",
    country="CN",
    province="浙江省",
    city="杭州市",
    county="西湖区",
    street="龙井路1号",
    postcode="310013",
    phone="0571-00000001",
)


def _home(name: str, city: str, county: str, street: str, phone: str, province: str) -> Address:
    return Address(name=name, country="CN", province=province, city=city, county=county, street=street, phone=phone)


def _order(reference: str, consignee: Address, what: str, weight_g: int, fen: int, pieces: int = 1) -> Order:
    item = Item(description=what, quantity=pieces, weight_g=weight_g, value_minor=fen)
    return Order(
        reference=reference, sender=_SENDER, consignee=consignee, items=(item,), currency="CNY", choose="price"
    )


_ABROAD_TO = Address(
    name="Maria Example",
    country="US",
    province="CA",
    city="Los Angeles",
    street="1 Example Street",
    postcode="90001",
    phone="+1 213 555 0100",
)
_NEAR = _home("张晓", "杭州市", "余杭区", "文一西路1号", "0571-00000002", "浙江省")
_FAR = _home("李敏", "成都市", "武侯区", "人民南路1号", "028-00000003", "四川省")
_ORDERS = (
    _order("TEA-1001", _NEAR, "龙井茶 250 g", 300, 16800),
    _order("TEA-1002", _FAR, "普洱茶饼", 357, 23900, 2),
    _order("TEA-1003", _ABROAD_TO, "Green tea, 100 g tin", 160, 9900, 3),
)
