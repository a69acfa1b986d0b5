from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.rooms.booking.rating.cards import HANGZHOU, example, parcel, plain_card

from waypost.booking.rating.areas import Spot
from waypost.booking.rating.asking import CarrierRate
from waypost.booking.rating.carbon import emit, great_circle_km
from waypost.booking.rating.cards import Bracket, Carbon, Mode, Transit, Zone
from waypost.booking.rating.quotes import Prefer, Quoter, Source, choose
from waypost.booking.rating.shipments import Shipment
from waypost.model.errors import TooMany
from waypost.model.instants import parse_instant

AT = parse_instant("2026-08-03T10:00:00+08:00").at_ms


def card(account: str, price: str, days: int | None = 2, **more: Any) -> Any:
    transit = None if days is None else Transit(days, days, days)
    zone = Zone(name="all", brackets=(Bracket(30_000, Decimal(price)),), transit=transit, distance_km=1000)
    return plain_card(account=account, zones=(zone,), **more)


def nowhere(*_: str) -> None:
    return None


def quote(cards: Sequence[Any], shipment: Shipment | None = None, prefer: Prefer = Prefer.BEST, **more: Any) -> Any:
    find = more.pop("find", nowhere)
    return Quoter(cards, find, more.pop("sources", None), more.pop("accounts", ())).quote(
        shipment or parcel(), more.pop("at_ms", AT), prefer, **more
    )


def names(quoted: Any) -> list[str]:
    return [each.account for each in quoted.quotes]


CARDS = [
    card("slow", "5", 6, carbon=Carbon(Mode.ROAD, Decimal(60), "x 2026")),
    card("fast", "20", 1, carbon=Carbon(Mode.AIR, Decimal(900), "x 2026")),
    card("fair", "9", 2, carbon=Carbon(Mode.ROAD, Decimal(100), "x 2026")),
    card("silent", "7", None),
]


@pytest.mark.parametrize(
    ("prefer", "order"),
    [
        (Prefer.PRICE, ["slow", "silent", "fair", "fast"]),
        (Prefer.ARRIVAL, ["fast", "fair", "slow", "silent"]),
        (Prefer.CO2, ["slow", "fair", "silent", "fast"]),
        (Prefer.BEST, ["fair", "fast", "slow", "silent"]),
    ],
)
def test_what_comes_first(prefer: Prefer, order: list[str]) -> None:
    quoted = quote(CARDS, prefer=prefer)
    assert names(quoted) == order
    assert quoted.sorted_by
    assert choose(quoted.quotes[::-1], prefer) == quoted.quotes[0]
    assert choose([], prefer) is None


def test_prices_are_compared_within_a_currency() -> None:
    cards = [card("a", "9"), card("b", "8"), card("c", "1", currency="USD")]
    assert names(quote(cards, prefer=Prefer.PRICE)) == ["b", "a", "c"]


def test_why_a_service_is_missing() -> None:
    cards = [card("a", "9"), card("b", "9", valid_from=date(2026, 8, 4)), plain_card(account="c")]
    quoted = quote(cards, parcel(to=Spot("BR")), accounts=["a", "d"])
    assert names(quoted) == ["a"]
    assert [(each.account, each.code, each.why) for each in quoted.unquoted] == [
        ("b", "no_card", "no card of it holds on 2026-08-03"),
        ("c", "not_served", "no zone of the card has this way"),
        ("d", "no_card", "no rate card was imported for this account"),
    ]


def test_an_order_that_names_its_account_or_service() -> None:
    cards = [card("a", "9"), card("a", "8", service="air"), card("b", "7", service="air")]
    assert names(quote(cards, account="a")) == ["a", "a"]
    assert [(each.account, each.service) for each in quote(cards, service="air").quotes] == [("b", "air"), ("a", "air")]
    assert names(quote(cards, account="a", service="air")) == ["a"]
    assert quote(cards, account="moon", accounts=["moon"]).unquoted[0].code == "no_card"
    [missing] = quote(cards, account="b", service="sea").unquoted
    assert (missing.account, missing.service, missing.code) == ("b", "sea", "no_card")
    assert quote([]).unquoted[0].why == "no rate card is there for what the order names"


def test_the_card_that_begins_last_holds_and_one_that_ends_lets_it_go() -> None:
    cards = [
        card("a", "5", version="base"),
        card("a", "9", version="peak", valid_from=date(2026, 8, 3), valid_until=date(2026, 8, 4)),
        card("a", "6", version="next", valid_from=date(2026, 9, 1)),
        card("a", "1", version="wrong", valid_from=date(2026, 9, 1)),
        card("a", "7", version="right", valid_from=date(2026, 9, 1), corrects="wrong"),
    ]
    held = []
    for day in (date(2026, 8, 2), date(2026, 8, 3), date(2026, 8, 4), date(2026, 8, 5), date(2025, 12, 31)):
        quoted = quote(cards[:3], parcel(day=day))
        held.append(quoted.quotes[0].card if quoted.quotes else quoted.unquoted[0].code)
    assert held == ["base", "peak", "peak", "base", "no_card"]
    assert quote([cards[0], *cards[3:]], parcel(day=date(2026, 9, 1))).quotes[0].card == "right"


def test_today_is_a_day_on_the_cards_clock() -> None:
    midnight = parse_instant("2026-08-04T00:30:00+08:00").at_ms
    starting = card("a", "5", valid_from=date(2026, 8, 4))
    assert names(quote([starting], at_ms=midnight)) == ["a"]
    assert names(quote([starting], at_ms=midnight - 3_600_000)) == []
    window = quote([starting], at_ms=midnight).quotes[0].window
    assert (window.leaves, window.usual) == (date(2026, 8, 4), date(2026, 8, 6))


def test_co2_by_hand() -> None:
    """2 kg over 1,000 km are 2 t·km; at 149.93 g they emit 299.86 g."""
    told = quote([card("a", "9")], parcel(2000)).quotes[0].co2
    assert told.grams == 300
    assert told.how.startswith("1000 km (distance of the zone), 149.93 g/t·km: UK Defra/DECC")
    assert emit(1, 1, 500_000_000) == 1
    assert emit(1, 1, 499_999_999) == 0


def test_the_distance_is_the_great_circle_where_cities_are_known() -> None:
    known = {"杭州市": (30.25, 120.17), "北京市": (39.90, 116.41)}
    quoted = quote([card("a", "9")], parcel(2000, Spot("CN", "北京", "北京市")), find=lambda *way: known.get(way[2]))
    assert quoted.quotes[0].co2.how.startswith("1126 km (great circle)")
    assert great_circle_km((0, 0), (0, 180)) == 20_015
    assert great_circle_km((10, 20), (10, 20)) == 0


def test_what_is_not_known_stays_unknown() -> None:
    [found] = quote([plain_card()]).quotes
    assert (found.co2.grams, found.co2.how) == (None, "neither the cities nor the zone tell how far it is")
    [found] = quote([card("a", "9", carbon=Carbon(Mode.AIR))]).quotes
    assert (found.co2.grams, found.co2.how) == (None, "no figure is known for air")
    assert quote([card("a", "9", None)]).quotes[0].window is None


class Carrier:
    def __init__(self, *rates: CarrierRate, error: Exception | None = None) -> None:
        self.rates = rates
        self.error = error

    def ask_rates(self, shipment: Shipment) -> Sequence[CarrierRate]:
        if self.error is not None:
            raise self.error
        return self.rates


def test_carriers_own_rates_stand_beside_the_cards() -> None:
    told = CarrierRate(
        service="GROUND", currency="CNY", minor=700, charges=[("postage", 650), ("fuel", 50)], usual_days=3
    )
    sources = {
        "usps": Carrier(told, msgspec.structs.replace(told, service="AIR")),
        "shut": Carrier(error=TooMany("ask later", retry_after_s=9)),
    }
    quoted = quote([card("a", "9")], parcel(day=date(2026, 8, 3)), Prefer.PRICE, sources=sources, accounts=["usps"])
    assert [(each.account, each.service, each.source) for each in quoted.quotes] == [
        ("usps", "AIR", Source.CARRIER),
        ("usps", "GROUND", Source.CARRIER),
        ("a", "", Source.CARD),
    ]
    assert quoted.quotes[0].window.usual == date(2026, 8, 6)
    assert sum(line.minor for line in quoted.quotes[0].lines) == 700
    assert [(each.account, each.code, each.why) for each in quoted.unquoted] == [("shut", "too_many", "ask later")]
    assert len(quote([], account="usps", service="AIR", sources=sources).quotes) == 1


def test_a_quoter_answers_the_same_however_often_it_is_asked() -> None:
    quoter = Quoter([example("hangzhou-express"), *CARDS], nowhere)
    first = [quoter.quote(parcel(weight, HANGZHOU), AT) for weight in (100, 2000, 40_000)]
    quoter.quote(parcel(), AT + 86_400_000)
    assert [quoter.quote(parcel(weight, HANGZHOU), AT) for weight in (100, 2000, 40_000)] == first
