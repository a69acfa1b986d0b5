"""`POST /v1/quotes`."""

import json
from typing import Any

import msgspec
import pytest
from tests.rooms.booking.rating.cards import example

from waypost.access.keys import Role
from waypost.booking.rating.shelf import Shelf
from waypost.model.parties import PartyKind
from waypost.web.api.answers import ORDERS_SENT
from waypost.web.desk import Limits

ORDER: dict[str, Any] = msgspec.to_builtins(ORDERS_SENT[0])


@pytest.fixture
def merchant(world: Any) -> str:
    Shelf(world.memory.records).keep(example("estrela-encomenda"), 1)
    Shelf(world.memory.records).keep(example("hangzhou-express"), 1)
    return make_key(world)


def make_key(world: Any) -> str:
    party = world.parties.add(PartyKind.MERCHANT, "Estrela", 1)
    return str(world.keys.make(Role.MERCHANT, "tests", world.now_ms, party=party.id))


def ask(world: Any, orders: Any, key: str | None, query: str = "") -> Any:
    headers = {"content-type": "application/json"}
    return world.ask("POST", f"/v1/quotes{query}", headers=headers, body=json.dumps(orders).encode(), key=key)


def test_orders_are_quoted_and_nothing_is_kept(world: Any, merchant: str) -> None:
    free = ORDER | {"account": ""}
    reply = ask(world, [free], merchant)
    assert reply.status == 200, reply.text
    assert reply.json["at"] == "2026-11-22T15:00:00Z"
    [told] = reply.json["quotes"]
    [quote] = told["quotes"]
    assert (told["row"], told["reference"]) == (0, ORDER["reference"])
    assert (quote["account"], quote["currency"], quote["minor"], quote["zone"]) == (
        "correios",
        "BRL",
        2150,
        "southeast",
    )
    assert quote["lines"][0]["card"] == quote["card"] == "2026-1"
    # A Sunday: the carrier works from Monday on.
    assert quote["window"] == {
        "leaves": "2026-11-23",
        "earliest": "2026-11-26",
        "usual": "2026-11-27",
        "latest": "2026-12-01",
    }
    assert [(each["account"], each["code"]) for each in told["unquoted"]] == [
        ("yto-main", "not_served"),
        ("bare", "no_card"),
    ]
    assert world.get("/v1/orders", key=merchant).json["orders"] == []


def test_one_that_is_wrong_hinders_no_other(world: Any, merchant: str) -> None:
    wrong = [ORDER | {"items": []}, ORDER, ORDER | {"currency": ""}, ORDER | {"mailing_date": "2026-13-01"}]
    told = ask(world, wrong, merchant).json
    assert [each["row"] for each in told["quotes"]] == [1]
    assert [(each["row"], each["field"], each["reason"]) for each in told["refusals"]][1:] == [
        (2, "currency", "is missing: amounts are told"),
        (3, "mailing_date", "is no day of the calendar"),
    ]


def test_what_is_asked_for(world: Any, merchant: str) -> None:
    insured = ask(world, [ORDER], merchant, "?insured=true&prefer=price").json["quotes"][0]
    assert insured["sorted_by"] == "the lowest price first"
    assert [line["kind"] for line in insured["quotes"][0]["lines"]] == ["carriage", "insurance"]
    before = ask(world, [ORDER], merchant, "?at=2026-01-05T12:00:00Z").json["quotes"][0]
    assert before["quotes"] == []
    assert before["unquoted"][0]["why"] == "no card of it holds on 2026-01-05"
    named = ask(world, [ORDER | {"account": "yto-main"}], merchant).json["quotes"][0]
    assert [each["account"] for each in named["unquoted"]] == ["yto-main"]


def test_who_may_ask_and_how_much(world: Any, merchant: str, make_world: Any) -> None:
    assert ask(world, [], None).status == 401
    assert ask(world, [], world.carrier).status == 403
    assert ask(world, {}, merchant).status == 400
    assert ask(world, [ORDER], merchant, "?prefer=luck").status == 422
    assert ask(world, [ORDER], merchant, "?at=noon").status == 422
    assert ask(world, [{}] * 101, merchant).json["code"] == "too_large"
    assert world.ask("POST", "/v1/quotes", body=b"[]", key=merchant).status == 415
    small = make_world(limits=Limits(quotes_at_once=1))
    assert ask(small, [ORDER, ORDER], make_key(small)).status == 413


def test_the_example_is_taken(world: Any, merchant: str) -> None:
    described = world.get("/v1/openapi.json").json["paths"]["/v1/quotes"]["post"]
    sent = described["requestBody"]["content"]["application/json"]["examples"]["one"]["value"]
    told = ask(world, sent, merchant).json
    example_told = described["responses"]["200"]["content"]["application/json"]["examples"]["QuotesAnswer"]["value"]
    assert told.keys() == example_told.keys()
    assert told["quotes"][0].keys() == example_told["quotes"][0].keys()
    assert told["quotes"][0]["quotes"][0].keys() == example_told["quotes"][0]["quotes"][0].keys()
