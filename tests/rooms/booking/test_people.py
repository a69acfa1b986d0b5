"""Who is sought among orders, and what an order says without people."""

import msgspec
import pytest

from waypost.booking.issuing import Address, Item
from waypost.booking.orders import Order
from waypost.booking.people import Sought, erase_people, nothing_of
from waypost.model.errors import BadInput

SHOP = Address(name="Loja Estrela", company="Estrela Ltda", country="BR", street="Rua 1", city="São Paulo")
MARIA = Address(
    name="Maria  da Silva",
    country="BR",
    street="Av. Atlântica 7",
    city="Rio de Janeiro",
    province="RJ",
    county="Copacabana",
    postcode="22010-000",
    phone="+55 (21) 95000-1234",
    email="Maria@Example.org",
)
ORDER = Order(
    reference="SALE-1",
    sender=SHOP,
    consignee=MARIA,
    items=(Item(description="Insulin pens", sku="INS-5", quantity=2, weight_g=90, value_minor=1200, hs_code="300431"),),
    currency="BRL",
    remark="Maria is at home after six",
    cod_minor=2400,
)
BODY = msgspec.json.encode(ORDER)


@pytest.mark.parametrize(
    "sought",
    [
        Sought(name="maria da silva"),
        Sought(name="ＭＡＲＩＡ　DA SILVA"),
        Sought(name="estrela ltda"),
        Sought(phone="021 95000-1234"),
        Sought(phone="0055 21 95000 1234"),
        Sought(phone="95000-1234"),
        Sought(email=" maria@example.ORG "),
        Sought(reference="SALE-1"),
        Sought(name="Maria da Silva", phone="21950001234", email="maria@example.org", reference="SALE-1"),
    ],
)
def test_a_person_is_found_however_it_is_written(sought: Sought) -> None:
    sought.check()
    assert sought.is_in(BODY)


@pytest.mark.parametrize(
    "sought",
    [
        Sought(name="Maria"),
        Sought(phone="22 95000-1234"),
        Sought(phone="395000-1234"),
        Sought(email="aria@example.org"),
        Sought(reference="SALE-11"),
        Sought(name="Maria da Silva", phone="21 95000-9999"),
        Sought(name="Loja Estrela", email="maria@example.org"),  # of two people
    ],
)
def test_another_person_is_not(sought: Sought) -> None:
    sought.check()
    assert not sought.is_in(BODY)


@pytest.mark.parametrize("sought", [Sought(), Sought(name=" "), Sought(phone="123456"), Sought(phone="abc")])
def test_nobody_is_not_sought(sought: Sought) -> None:
    with pytest.raises(BadInput):
        sought.check()


def test_who_is_sought_does_not_reach_a_journal() -> None:
    assert "Maria" not in repr(Sought(name="Maria", phone="+5521950001234"))


def test_a_name_is_found_in_whatever_carriers_send() -> None:
    spellings = Sought(name="王小明", phone="138 0000-1111").list_spellings()
    for sent in (
        '{"name":"王小明"}'.encode(),
        b'{"name":"\\u738b\\u5c0f\\u660E"}',
        b"logistics=%7b%22name%22%3a%22%E7%8E%8B%E5%B0%8F%E6%98%8E%22%7d",
        b"tel=13800001111",
    ):
        assert any(spelling in sent.lower() for spelling in spellings), sent
    assert not any(spelling in b"tel=13800001112 \\u738b" for spelling in spellings)
    assert b"maria+silva" in Sought(name="Maria Silva").list_spellings()


def test_orders_spell_a_person_as_they_do() -> None:
    sought = Sought(name="MariadaSilva")
    assert b"maria@example.org" in sought.list_spellings([ORDER])
    assert b"loja estrela" not in sought.list_spellings([ORDER])
    assert Sought(reference="SALE-1").list_spellings([ORDER]) == []  # it says not who is meant


def test_what_is_left_names_nobody() -> None:
    left = erase_people(ORDER)
    text = msgspec.json.encode(left).decode()
    for gone in ("Maria", "Estrela", "Atl", "Copacabana", "1234", "xample", "22010", "Insulin", "INS-5", "Rua"):
        assert gone not in text
    assert (left.consignee.country, left.consignee.province, left.consignee.city) == ("BR", "RJ", "Rio de Janeiro")
    assert left.consignee.postcode == "220"
    [item] = left.items
    assert (item.quantity, item.weight_g, item.value_minor, item.hs_code) == (2, 90, 1200, "300431")
    assert (left.reference, left.cod_minor, left.currency) == ("SALE-1", 2400, "BRL")
    assert msgspec.json.decode(text, type=Order) == left  # it is kept, and read again
    assert erase_people(left) == left


def test_what_nobody_can_open_is_shown_as_nothing() -> None:
    nothing = nothing_of("SALE-1")
    assert msgspec.json.decode(msgspec.json.encode(nothing), type=Order) == nothing
