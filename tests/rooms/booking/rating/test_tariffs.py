from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.booking.rating.cards import HANGZHOU, decline, example, lines, parcel, plain_card, price

from waypost.booking.rating.areas import Spot
from waypost.booking.rating.cards import (
    Area,
    Bounds,
    Bracket,
    Continued,
    Of,
    Surcharge,
    Tax,
    Volumetric,
    Weigh,
    Zone,
)
from waypost.booking.rating.shipments import Piece
from waypost.booking.rating.tariffs import Priced, Tariff

URUMQI, NANJING = Spot("CN", "新疆", "乌鲁木齐", "830000"), Spot("CN", "江苏省", "南京市", "210000")


# Worked by hand


def test_a_chinese_card_first_and_continued_weight() -> None:
    """2,350 g, rounded up to 2,400 g: 5.00 and two kilograms begun at 1.00; fuel is 6.5 % of 7.00, 0.455."""
    priced = price(example("hangzhou-express"), parcel(2350, NANJING))
    assert lines(priced) == [("carriage", 500), ("continued", 200), ("fuel", 46)]
    assert (priced.zone.name, priced.billed_g, priced.minor) == ("delta", 2400, 746)
    assert [(line.quantity, line.unit, line.rate, line.rule) for line in priced.lines] == [
        (1000, "g", "5.00 CNY", "zone delta: up to 1000 g"),
        (2, "steps", "1.00 CNY", "zone delta: each 1000 g beyond 1000 g"),
        (700, "minor units", "6.5 % of carriage", "surcharge 1: fuel"),
    ]


def test_a_chinese_card_far_with_peak_cod_and_remote() -> None:
    """18.00 and three at 12.00 make 54.00; 1.5 % of 1,000.00 is 15.00."""
    lhasa = Spot("CN", "西藏自治区", "拉萨市", "850000")
    shipment = parcel(3001, lhasa, cod_minor=100_000)
    priced = price(example("hangzhou-express"), shipment, date(2026, 11, 11))
    assert lines(priced) == [
        ("carriage", 1800),
        ("continued", 3600),
        ("fuel", 351),
        ("peak", 150),
        ("remote", 600),
        ("cod", 1500),
    ]


def test_a_brazilian_card() -> None:
    """720 x 300 x 200 mm at 6,000 count as 7,200 g: 52.30. One side is above 700 mm: 79.00."""
    start, end = Spot("BR", "SP", "São Paulo", "01310-100"), Spot("BR", "RJ", "Rio de Janeiro", "22750-001")
    shipment = parcel(2350, end, start, sides=(720, 300, 200), value_minor=20_000, currency="BRL")
    priced = price(example("estrela-encomenda"), shipment)
    # At risk 0.5 % of 200.00; insured what is above 25.63, at 1 %: 1.7437.
    assert lines(priced) == [("carriage", 5230), ("oversize", 7900), ("risk", 100), ("insurance", 174)]
    light = price(example("estrela-encomenda"), parcel(300, start, start, currency="BRL"))
    assert lines(light) == [("carriage", 1240), ("minimum", 260)]


def test_a_table_of_zones() -> None:
    """35 oz are 992 g: beyond 32 oz by one pound begun."""
    york, chicago = Spot("US", "NY", "New York", "10001"), Spot("US", "IL", "Chicago", "60601-1234")
    priced = price(example("union-ground"), parcel(992, chicago, york, currency="USD"))
    assert priced.zone.name == "5"
    assert lines(priced) == [("carriage", 830), ("continued", 95), ("residential", 35)]
    to_shop = parcel(453, chicago, york, currency="USD", is_residence=False, sides=(800, 100, 50))
    assert lines(price(example("union-ground"), to_shop)) == [("carriage", 670), ("oversize", 400), ("oversize", 1500)]
    assert decline(example("union-ground"), parcel(10, york, chicago))[0] == "not_served"


# Brackets and weights


@pytest.mark.parametrize(
    ("weight_g", "minor"), [(1, 800), (1000, 800), (1001, 1200), (2000, 1200), (2001, 1600), (50_000, 20_400)]
)
def test_the_edges_of_brackets(weight_g: int, minor: int) -> None:
    assert price(plain_card(), parcel(weight_g)).minor == minor


def test_what_is_beyond_the_last_bracket_is_not_carried() -> None:
    zones = (Zone(name="all", brackets=(Bracket(1000, Decimal(8)), Bracket(3000, Decimal(9)))),)
    assert price(plain_card(zones=zones), parcel(3000)).minor == 900
    assert decline(plain_card(zones=zones), parcel(3001)) == (
        "too_heavy",
        "3001 g are billed; its prices end at 3000 g",
    )


@pytest.mark.parametrize(("weight_g", "billed_g"), [(1, 500), (500, 500), (501, 1000), (1499, 1500)])
def test_the_billed_weight_is_rounded_up(weight_g: int, billed_g: int) -> None:
    assert price(plain_card(round_up_g=500), parcel(weight_g)).billed_g == billed_g


def test_room_counts_as_weight() -> None:
    card = plain_card(volumetric=Volumetric(6000))
    assert price(card, parcel(100, sides=(300, 200, 100))).billed_g == 1000
    assert price(card, parcel(100, sides=(301, 200, 100))).billed_g == 1004  # 1003.3 g, rounded up
    assert price(card, parcel(2000, sides=(300, 200, 100))).billed_g == 2000
    assert price(plain_card(volumetric=Volumetric(6000, 301)), parcel(100, sides=(300, 200, 100))).billed_g == 100
    unmeasured = price(card, parcel(100, sides=(300, 200, 0)))
    assert unmeasured.billed_g == 100
    assert "not all sides are known" in unmeasured.notes[0]
    assert price(card, parcel(100, sides=(300, 200, 100))).notes == ()
    assert price(plain_card(), parcel(100)).notes == ()


def test_parcels_are_weighed_each_or_together() -> None:
    pieces = [Piece(600), Piece(600)]
    assert price(plain_card(), parcel(pieces=pieces)).minor == 1600
    assert price(plain_card(weigh=Weigh.CONSIGNMENT), parcel(pieces=pieces)).minor == 1200


def test_minima() -> None:
    card = plain_card(minimum_parcel=Decimal(10), minimum_consignment=Decimal(25))
    assert lines(price(card, parcel(pieces=[Piece(1), Piece(1)]))) == [
        ("carriage", 800),
        ("minimum", 200),
        ("carriage", 800),
        ("minimum", 200),
        ("minimum", 500),
    ]
    assert lines(price(card, parcel(10_000))) == [("carriage", 800), ("continued", 3600)]


# Surcharges


def surcharged(shipment: Any = None, day: date = date(2026, 8, 3), **said: Any) -> list[tuple[str, int]]:
    card = plain_card(surcharges=(Surcharge("extra", **said),), bounds=Bounds(cod=True))
    return lines(price(card, shipment or parcel(), day))[1:]


def test_a_surcharge_holds_on_its_days() -> None:
    said = {"amount": Decimal(1), "valid_from": date(2026, 8, 3), "valid_until": date(2026, 8, 4)}
    assert [surcharged(day=date(2026, 8, day), **said) for day in (2, 3, 4, 5)] == [
        [],
        [("extra", 100)],
        [("extra", 100)],
        [],
    ]


def test_a_surcharge_is_half_a_unit_up() -> None:
    assert surcharged(percent=Decimal("0.0624")) == [("extra", 0)]  # 0.4992
    assert surcharged(percent=Decimal("0.0625")) == [("extra", 1)]  # 0.5


def test_bounds_of_a_percentage() -> None:
    many = parcel(cod_minor=10_000)
    said: dict[str, Any] = {"percent": Decimal(1), "of": Of.COD}
    assert surcharged(many, **said) == [("extra", 100)]
    assert surcharged(many, **said, minimum=Decimal(4)) == [("extra", 400)]
    assert surcharged(many, **said, maximum=Decimal("0.5")) == [("extra", 50)]
    assert surcharged(many, **said, free_up_to=Decimal(40)) == [("extra", 60)]
    assert surcharged(many, **said, free_up_to=Decimal(100), minimum=Decimal(4)) == []
    assert surcharged(parcel(), **said, minimum=Decimal(4)) == []


@pytest.mark.parametrize(
    ("said", "without", "with_"),
    [
        ({"weight_over_g": 1000}, Piece(1000), Piece(1001)),
        ({"side_over_mm": 700}, Piece(1, 700, 1, 1), Piece(1, 701, 1, 1)),
        ({"girth_over_mm": 3000}, Piece(1, 1000, 500, 500), Piece(1, 1001, 500, 500)),
    ],
)
def test_parcels_that_stand_out(said: dict[str, Any], without: Piece, with_: Piece) -> None:
    assert surcharged(parcel(pieces=[without]), amount=Decimal(3), **said) == []
    mixed = parcel(pieces=[without, with_, with_])
    assert ("extra", 600) in surcharged(mixed, amount=Decimal(3), **said)
    assert ("extra", 300) in surcharged(mixed, amount=Decimal(3), each=Weigh.CONSIGNMENT, **said)


def test_where_and_to_whom() -> None:
    said: dict[str, Any] = {"amount": Decimal(1), "to": (Area("CN", postcodes=("83*",)),)}
    assert surcharged(parcel(to=URUMQI), **said) == [("extra", 100)]
    assert surcharged(parcel(), **said) == []
    assert surcharged(parcel(is_residence=False), amount=Decimal(1), residential=True) == []
    assert surcharged(parcel(is_residence=True), amount=Decimal(1), residential=True) == [("extra", 100)]


def test_a_percentage_of_all_before_and_the_tax_of_all() -> None:
    surcharges = (Surcharge("fuel", percent=Decimal(10)), Surcharge("peak", percent=Decimal(10), of=Of.SUBTOTAL))
    card = plain_card(surcharges=surcharges, tax=Tax("VAT", Decimal(6)))
    assert lines(price(card, parcel())) == [("carriage", 800), ("fuel", 80), ("peak", 88), ("tax", 58)]


# What is not carried


@pytest.mark.parametrize(
    ("bounds", "shipment", "told"),
    [
        (Bounds(most_parcels=1), parcel(pieces=[Piece(1), Piece(1)]), ("too_many_parcels", "at most 1 parcels")),
        (Bounds(most_weight_g=999), parcel(1000), ("too_heavy", "1000 g; at most 999 g a parcel")),
        (Bounds(most_side_mm=99), parcel(sides=(100, 1, 1)), ("too_large", "100 mm; no side above 99 mm")),
        (Bounds(most_girth_mm=9), parcel(sides=(6, 1, 1)), ("too_large", "a girth of 10 mm; at most 9 mm")),
        (Bounds(), parcel(cod_minor=1), ("no_cod", "collects nothing at the door")),
        (
            Bounds(cod=True),
            parcel(cod_minor=1, currency="BRL"),
            ("other_currency", "amounts are in BRL, and the card in CNY"),
        ),
        (
            Bounds(cod=True, most_cod=Decimal(1)),
            parcel(cod_minor=101),
            ("cod_too_high", "collects at most 1.00 CNY"),
        ),
        (Bounds(most_value=Decimal(1)), parcel(value_minor=101), ("value_too_high", "is liable for at most 1.00 CNY")),
    ],
)
def test_bounds(bounds: Bounds, shipment: Any, told: tuple[str, str]) -> None:
    assert decline(plain_card(bounds=bounds), shipment) == told


def test_zones_that_are_not_served() -> None:
    taiwan = Spot("CN", "台湾", "台北", "")
    assert decline(example("hangzhou-express"), parcel(to=taiwan)) == ("not_served", "goes by the cross-border service")
    assert decline(plain_card(), parcel(to=Spot("BR"))) == ("not_served", "no zone of the card has this way")
    silent = (Zone(name="x", served=False),)
    assert decline(plain_card(zones=silent), parcel()) == ("not_served", "zone x is not served")


def test_the_first_zone_that_fits_holds() -> None:
    def zone(name: str, *areas: Area) -> Zone:
        return Zone(name=name, to=areas, brackets=(Bracket(1000, Decimal(1)),))

    zones = (zone("city", Area("CN", cities=("杭州",))), zone("province", Area("CN", ("浙江",))), zone("rest"))
    tariff = Tariff(plain_card(zones=zones))
    spots = [HANGZHOU, Spot("CN", "浙江省", "宁波市"), Spot("CN", "江苏", "南京")] * 2  # the second time from memory
    assert [tariff.find_zone(HANGZHOU, spot).name for spot in spots] == ["city", "province", "rest"] * 2  # type: ignore[union-attr]


# Whatever the card

AMOUNTS = st.decimals(0, 500, places=2)


@st.composite
def cards(draw: Any) -> Any:
    ups = sorted(draw(st.sets(st.integers(1, 30_000), min_size=1, max_size=5)))
    prices = sorted(draw(st.lists(AMOUNTS, min_size=len(ups), max_size=len(ups))))
    zone = Zone(
        name="z",
        brackets=tuple(map(Bracket, ups, prices)),
        continued=Continued(draw(st.integers(1, 5000)), draw(AMOUNTS)),
    )
    surcharges = draw(
        st.lists(
            st.builds(
                Surcharge,
                st.sampled_from(["fuel", "peak", "cod", "insurance"]),
                amount=st.none() | AMOUNTS,
                percent=st.decimals(0, 50, places=4),
                of=st.sampled_from(Of),
                minimum=st.none() | AMOUNTS,
                maximum=st.none() | AMOUNTS,
                free_up_to=st.none() | AMOUNTS,
                weight_over_g=st.none() | st.integers(1, 40_000),
                each=st.sampled_from(Weigh),
            ),
            max_size=4,
        )
    )
    return plain_card(
        zones=(zone,),
        surcharges=tuple(surcharges),
        weigh=draw(st.sampled_from(Weigh)),
        round_up_g=draw(st.sampled_from([1, 100, 1000])),
        volumetric=draw(st.none() | st.builds(Volumetric, st.integers(4000, 9000))),
        minimum_parcel=draw(st.none() | AMOUNTS),
        minimum_consignment=draw(st.none() | AMOUNTS),
        tax=draw(st.none() | st.builds(Tax, st.just("VAT"), st.decimals(0, 30, places=2))),
        bounds=Bounds(cod=True),
    )


SIDES = st.lists(st.integers(0, 800), min_size=3, max_size=3).map(lambda sides: sorted(sides, reverse=True))
PIECES = st.lists(st.builds(lambda g, s: Piece(g, *s), st.integers(1, 60_000), SIDES), min_size=1, max_size=4)


@given(card=cards(), pieces=PIECES, cod=st.integers(0, 10**6), more_g=st.integers(1, 40_000))
def test_lines_sum_up_and_no_gram_makes_it_cheaper(card: Any, pieces: list[Piece], cod: int, more_g: int) -> None:
    shipment = parcel(pieces=pieces, cod_minor=cod, value_minor=cod // 2)
    priced = price(card, shipment)  # which adds the lines up
    assert all(type(line.minor) is int and line.minor >= 0 for line in priced.lines)
    assert Tariff(card).price(shipment, date(2026, 8, 3)) == priced
    heavier = [msgspec.structs.replace(pieces[0], weight_g=pieces[0].weight_g + more_g), *pieces[1:]]
    again = Tariff(card).price(msgspec.structs.replace(shipment, pieces=heavier), date(2026, 8, 3))
    assert isinstance(again, Priced)
    assert again.minor >= priced.minor
