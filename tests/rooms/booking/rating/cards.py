"""Cards for tests: those of the examples, and small ones written down here."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from waypost.booking.rating.areas import Spot
from waypost.booking.rating.cards import Area, Bracket, Card, Continued, Zone
from waypost.booking.rating.reading import read_card
from waypost.booking.rating.shipments import Piece, Shipment
from waypost.booking.rating.tariffs import Declined, Priced, Tariff

EXAMPLES = Path(__file__).parents[4] / "examples/rates"
DAY = date(2026, 8, 3)
HANGZHOU = Spot("CN", "浙江省", "杭州市", "310000")


def example(name: str) -> Card:
    path = EXAMPLES / f"{name}.toml"
    return read_card(path.name, path.read_bytes(), lambda other: (EXAMPLES / other).read_bytes())


def plain_card(**changed: Any) -> Card:
    """8.00 for a kilogram, 4.00 for each further one, anywhere in China."""
    told: dict[str, Any] = {
        "account": "yto-main",
        "version": "1",
        "currency": "CNY",
        "time_zone": "Asia/Shanghai",
        "valid_from": date(2026, 1, 1),
        "zones": (
            Zone(
                name="all",
                to=(Area("CN"),),
                brackets=(Bracket(1000, Decimal("8.00")),),
                continued=Continued(1000, Decimal("4.00")),
            ),
        ),
    }
    return Card(**told | changed)


def parcel(weight_g: int = 500, to: Spot = HANGZHOU, start: Spot = HANGZHOU, **more: Any) -> Shipment:
    sides = more.pop("sides", (0, 0, 0))
    return Shipment(sender=start, consignee=to, **{"pieces": [Piece(weight_g, *sides)], "currency": "CNY"} | more)


def price(card: Card, shipment: Shipment, day: date = DAY) -> Priced:
    priced = Tariff(card).price(shipment, day)
    assert isinstance(priced, Priced), priced
    assert sum(line.minor for line in priced.lines) == priced.minor
    assert {line.card for line in priced.lines} == {card.version}
    return priced


def decline(card: Card, shipment: Shipment, day: date = DAY) -> tuple[str, str]:
    declined = Tariff(card).price(shipment, day)
    assert isinstance(declined, Declined), declined
    return declined.code, declined.why


def lines(priced: Priced) -> list[tuple[str, int]]:
    return [(line.kind, line.minor) for line in priced.lines]
