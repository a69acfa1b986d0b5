"""Promises and promised quotes, asked for through the door."""

from typing import Any

import msgspec
import pytest
from tests.rooms.booking.rating.cards import example
from tests.rooms.forecast.worlds import HUBS, imagine_scans
from tests.rooms.web.conftest import World

from waypost.access.keys import Role
from waypost.booking.rating.shelf import Shelf
from waypost.forecast.training import train
from waypost.model.instants import DAY_MS, parse_instant
from waypost.model.parties import PartyKind
from waypost.web.api.answers import ORDERS_SENT
from waypost.web.api.promise_answers import PROMISES_SENT
from waypost.web.desk import Limits

ORDER: dict[str, Any] = msgspec.to_builtins(ORDERS_SENT[0])
JSON = {"content-type": "application/json"}
WAY = {"sender": {"country": "CN", "province": "GD"}, "consignee": {"country": "CN", "province": "HB", "city": "Wuhan"}}


@pytest.fixture(scope="module")
def world() -> Any:
    world = World(Limits(promises_at_once=5, numbers_per_min=1e9))
    world.accounts["yto-1"] = "yto"
    world.facilities.keep(HUBS)
    world.memory.log.append(imagine_scans(world.now_ms, days=215))
    yield world
    world.close()


@pytest.fixture(scope="module")
def key(world: World) -> str:
    return world.keys.make(Role.MERCHANT, "shop", world.now_ms, party=world.parties.add(PartyKind.MERCHANT, "M", 0).id)


def ask(world: World, key: str | None, sent: Any, path: str = "/v1/promises") -> Any:
    return world.ask("POST", path, key=key, headers=JSON, body=msgspec.json.encode(sent))


@pytest.fixture(scope="module")
def trained(world: World, key: str) -> int:
    before = ask(world, key, [WAY])
    assert (before.status, before.json["code"]) == (409, "conflict")
    assert "waypost train" in before.json["mend"]
    version = world.models.keep(train(world.read_trips(world.now_ms), world.now_ms / DAY_MS), world.now_ms)
    world.models.promote(version, world.now_ms)
    return version


def test_a_merchant_is_promised(world: World, key: str, trained: int) -> None:
    answer = ask(world, key, [WAY | {"carrier": "yto", "weight_g": 500}, WAY | {"account": "yto-1", "weight_g": 500}])
    assert answer.status == 200, answer.text
    first, second = answer.json["promises"]
    assert [first["row"], second["row"]] == [0, 1]
    assert first["promise"] == second["promise"], "an account has its carrier"
    promise = first["promise"]
    assert promise["rests_on"] == "lane"
    assert "position" not in answer.text
    days = [(parse_instant(promise[f"p{level}_at"]).at_ms - world.now_ms) / DAY_MS for level in (10, 50, 80, 90)]
    assert days == sorted(days)
    assert 2 < days[1] < 6
    assert answer.json["promised"]["version"] == trained


def test_what_is_bad_is_told_beside_what_is_good(world: World, key: str, trained: int) -> None:
    sent = [
        WAY,
        WAY | {"account": "nobody"},
        WAY | {"account": "yto-1", "carrier": "yto"},
        {"sender": WAY["sender"]},
        WAY | {"carrier": "yt0"},
    ]
    answer = ask(world, key, sent)
    assert [each["row"] for each in answer.json["promises"]] == [0]
    assert [(each["row"], each["field"]) for each in answer.json["refusals"]] == [
        (1, "account"),
        (2, "carrier"),
        (3, ""),
        (4, "carrier"),
    ]
    assert answer.json["refusals"][-1]["reason"] == "'yt0' is no carrier of this network"
    assert ask(world, key, [WAY | {"weight": 3}]).json["refusals"][0]["row"] == 0


def test_what_no_parcel_had_is_said(world: World, key: str, trained: int) -> None:
    elsewhere = {"country": "CN", "province": "HB", "city": "Yichang"}
    told = ask(world, key, [WAY | {"carrier": "yto"}, WAY | {"carrier": "sto", "consignee": elsewhere}]).json[
        "promises"
    ]
    assert [each["promise"]["unknown"] for each in told] == [[], ["carrier", "destination.city"]]


def test_too_many_and_no_json_are_refused(world: World, key: str, trained: int) -> None:
    assert ask(world, key, [WAY] * 6).status == 413
    assert ask(world, key, WAY).json["code"] == "bad_input"
    assert world.ask("POST", "/v1/promises", key=key, headers=JSON, body=b"[").status == 400
    assert ask(world, None, [WAY]).status == 401
    assert ask(world, key, []).json["promises"] == []


def test_the_example_is_answered(world: World, key: str, trained: int) -> None:
    answer = ask(world, key, PROMISES_SENT)
    assert answer.json["promises"][0]["promise"]["rests_on"] == "all", "nobody went there"


def test_quotes_say_when_it_arrives(world: World, key: str, trained: int) -> None:
    Shelf(world.memory.records).keep(example("estrela-encomenda"), 1)
    order = ORDER | {"account": ""}
    answer = ask(world, key, [order], "/v1/quotes")
    [quoted] = answer.json["quotes"]
    [quote] = quoted["quotes"]
    assert quote["account"] == "correios"
    assert quote["promise"]["rests_on"] == "all", "nobody went there"
    assert quote["promise"]["unknown"][:2] == ["carrier", "origin.country"]
    assert answer.json["promised"]["version"] == trained
    later = ask(world, key, [order], "/v1/quotes?at=2026-12-29T12:00:00Z")
    assert later.json["quotes"][0]["quotes"][0]["promise"] is None
    assert "next 30 days" in later.json["promised"]["why"]
