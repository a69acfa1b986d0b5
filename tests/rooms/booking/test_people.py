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


@pytest.mark.parametrize(
    "sent",
    [
        '{"name":"王小明"}'.encode(),
        '{"name":"王 小明先生"}'.encode(),
        b'{"name":"\\u738b\\u5c0f\\u660E"}',
        b"<name>&#29579;&#23567;&#x660e;</name>",
        b"logistics=%7b%22name%22%3a%22%E7%8E%8B%E5%B0%8F%E6%98%8E%22%7d",
        b"logistics=%7b%22name%22%3a%22%5cu738b%5cu5c0f%5cu660e%22%7d",
        b"tel=13800001111",
        b"tel=%2B86138-0000-1111",
        b'{"tel":"0086 138 0000 1111"}',
        "单号YT77已签收".encode(),
        b'{"note":"\\nYT77"}',
        b"no=RX-1",
    ],
)
def test_somebody_is_found_in_whatever_carriers_send(sent: bytes) -> None:
    assert Sought(name="王小明", phone="138 0000-1111").mentions(numbers=["YT77", "RX-1"]).is_in(sent)


@pytest.mark.parametrize(
    "sent",
    [
        b"tel=13800001112",
        b"\\u738b",
        b"number=138000011110",
        b"id=9999999999999913800001111",
        b"YT770 XYT77 ARX-1",
        "王小红".encode(),
    ],
)
def test_others_are_not(sent: bytes) -> None:
    assert not Sought(name="王小明", phone="138 0000-1111").mentions(numbers=["YT77", "RX-1"]).is_in(sent)


@pytest.mark.parametrize("name", ["Li", "Ng", "Wu", "Ana", "Max", "LI", "王"])
def test_a_short_name_is_not_enough_by_itself(name: str) -> None:
    assert Sought(name=name).mentions().is_nothing
    for sent in ("DELIVERED", f"{name.upper()}MIT wuhan maximum banana engine", f"to {name}"):
        assert not Sought(name=name, phone="13800001111").mentions().is_in(sent.encode())
    assert Sought(name=name, phone="13800001111").mentions().is_in(f"{name} 13800001111".encode())


def test_a_latin_name_ends_where_its_word_does() -> None:
    maria = Sought(name="Maria Silva", email="ana@example.org").mentions()
    for sent in (
        "收件人Maria Silva先生",
        "to+MARIA++SILVA",
        "%22maria%20silva%22",
        '"\\tMaria Silva"',
        "<ana@example.org>",
    ):
        assert maria.is_in(sent.encode()), sent
    for sent in (
        "Maria Silvana",
        "Annamaria Silva",
        "éMaria Silva",
        "mariana@example.org",
        "ana@example.org.br",
        "Maria",
    ):
        assert not maria.is_in(sent.encode()), sent


def test_orders_spell_a_person_as_they_do() -> None:
    mentions = Sought(name="MariadaSilva").mentions([ORDER])
    assert mentions.is_in(b"mail: maria@example.org")
    assert not mentions.is_in(b"Loja Estrela")
    assert Sought(reference="SALE-1").mentions([ORDER]).is_nothing  # it says not who is meant


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
