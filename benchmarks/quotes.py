"""How fast orders are quoted on one core: made-up orders over made-up rate cards, every line of every price.

Half of the cards are like a Chinese courier's (areas by province, first and continued weight), half like a post's
(zones by postcode, twenty brackets), each with a fuel surcharge, a remote area and a peak season. Every order goes to
another place; a second round over the same places shows what remembered ways gain. Totals are held against their lines.
"""

import argparse
import random
import time
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from waypost.booking.rating.areas import Spot
from waypost.booking.rating.cards import (
    Area,
    Bracket,
    Card,
    Continued,
    Handover,
    Surcharge,
    Transit,
    Volumetric,
    Zone,
)
from waypost.booking.rating.quotes import Quoter
from waypost.booking.rating.shipments import Piece, Shipment

_AT_MS = 1_795_352_640_000
_PROVINCES = [f"province {number}" for number in range(31)]


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    chance = random.Random(args.seed)
    cards = [_courier(chance, number) if number % 2 else _post(chance, number) for number in range(args.services)]
    shipments = [_shipment(chance) for _ in range(args.orders)]
    quoter = Quoter(cards, _find_city)
    figures: dict[str, Any] = {"services": args.services, "orders": args.orders}
    for name in ("new places", "known places"):
        figures[name] = _measure(quoter, shipments)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
        return
    table = Table("orders to", "seconds", "quotes a second", "with a price", title=f"{args.services} services")
    for name in ("new places", "known places"):
        told = figures[name]
        table.add_row(name, f"{told['seconds']:.2f}", f"{told['quotes_per_s']:,}", f"{told['priced']:,}")
    Console().print(table)


def _measure(quoter: Quoter, shipments: list[Shipment]) -> dict[str, Any]:
    seconds, priced, asked = 0.0, 0, 0
    for shipment in shipments:
        begun = time.process_time()
        quoted = quoter.quote(shipment, _AT_MS)
        seconds += time.process_time() - begun
        priced += len(quoted.quotes)
        asked += len(quoted.quotes) + len(quoted.unquoted)
        for quote in quoted.quotes:
            if sum(line.minor for line in quote.lines) != quote.minor:
                raise SystemExit(f"the lines do not sum up: {quote}")
    return {"seconds": round(seconds, 3), "quotes_per_s": round(asked / seconds), "priced": priced}


def _courier(chance: random.Random, number: int) -> Card:
    provinces = _PROVINCES[:]
    chance.shuffle(provinces)
    zones = [
        Zone(
            name=str(place),
            to=(Area("CN", tuple(provinces[place * 4 : place * 4 + 4])),),
            brackets=(Bracket(1000, Decimal(5 + place)),),
            continued=Continued(1000, Decimal(1 + place)),
            transit=Transit(1, 1 + place // 2, 2 + place),
        )
        for place in range(8)
    ]
    return _card(f"courier-{number:02}", tuple(zones), Volumetric(8000), chance)


def _post(chance: random.Random, number: int) -> Card:
    zones = [
        Zone(
            name=str(place),
            to=(Area("CN", postcodes=(f"{place * 100:03}-{place * 100 + 99:03}",)),),
            brackets=tuple(Bracket(500 * step, Decimal(4 + place + step) / 2) for step in range(1, 21)),
            continued=Continued(1000, Decimal(2)),
            transit=Transit(2, 3 + place // 2, 5 + place),
        )
        for place in range(10)
    ]
    return _card(f"post-{number:02}", tuple(zones), Volumetric(6000, 300), chance)


def _card(account: str, zones: tuple[Zone, ...], volumetric: Volumetric, chance: random.Random) -> Card:
    return Card(
        account=account,
        version="1",
        currency="CNY",
        valid_from=date(2026, 1, 1),
        time_zone="Asia/Shanghai",
        zones=zones,
        round_up_g=100,
        volumetric=volumetric,
        surcharges=(
            Surcharge("fuel", percent=Decimal(chance.randint(50, 150)) / 10),
            Surcharge("remote", amount=Decimal(6), to=(Area("CN", postcodes=("830000-859999", "7377*")),)),
            Surcharge("peak", amount=Decimal(1), valid_from=date(2026, 11, 1), valid_until=date(2026, 11, 30)),
        ),
        handover=Handover(weekdays=(1, 2, 3, 4, 5, 6)),
    )


def _shipment(chance: random.Random) -> Shipment:
    city = chance.randrange(2000)
    postcode = f"{chance.randrange(10**6):06}"
    sides = sorted((chance.randint(100, 500) for _ in range(3)), reverse=True)
    return Shipment(
        sender=Spot("CN", _PROVINCES[0], "city 0", "310000"),
        consignee=Spot("CN", _PROVINCES[city % 31], f"city {city}", postcode),
        pieces=[Piece(chance.randint(100, 15_000), *sides)],
    )


def _find_city(country: str, province: str, city: str) -> tuple[float, float]:
    number = int(city.removeprefix("city "))
    return 20.0 + number % 25, 90.0 + number % 35


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench quotes", description=__doc__)
    add = parser.add_argument
    add("--orders", type=int, default=10_000, help="that are quoted (default: %(default)s)")
    add("--services", type=int, default=20, help="with a rate card each (default: %(default)s)")
    add("--seed", type=int, default=1, help="of what is made up (default: %(default)s)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
