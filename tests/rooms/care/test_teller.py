"""Who is told of what: each change once, to its merchant alone, whatever crashes."""

import msgspec
import pytest
import sqlalchemy
from tests.rooms.care.world import HOME, World

from waypost.care import teller as telling
from waypost.care.deliveries import Delivery
from waypost.care.records import deliveries, reading
from waypost.model.errors import Gone


def statuses(found: list[Delivery]) -> list[str]:
    return [each.status for each in found]


def all_of(world: World, webhook: str) -> list[Delivery]:
    page, _ = world.deliveries.list_page(webhook, None, None, 1000)
    return sorted(page, key=lambda each: each.position)


def test_a_merchant_is_told_of_its_own_parcels_and_nobody_by_name(world: World) -> None:
    world.ship(world.estrela, "SALE-1", "WP1")
    world.ship(world.ming, "M-1", "WP2")
    own, other = world.subscribe(), world.subscribe(world.ming)
    world.move("WP1", "picked_up")
    world.move("WP2", "picked_up")
    world.move("STRANGE", "picked_up")
    assert world.tell() == 2
    [first], [second] = all_of(world, own), all_of(world, other)
    told = msgspec.json.decode(first.body)
    order = told["data"].pop("order")
    assert (told["type"], order["reference"]) == ("parcel.status", "SALE-1")
    assert told["data"] == {
        "piece": 1,
        "waybill": {"carrier": "waypost", "number": "WP1"},
        "status": "picked_up",
        "group": "pickup",
        "before": None,
        "at": "2026-11-22T09:01:00-03:00",
        "place": {"city": "Rio de Janeiro", "region": "RJ", "country": "BR"},
    }
    assert b"M-1" in second.body
    for secret in (HOME.name, HOME.street, "GIG"):
        assert secret.encode() not in first.body


def test_only_another_status_is_news_and_only_those_that_are_wanted(world: World) -> None:
    world.ship(world.estrela, "SALE-1", "WP1")
    every = world.subscribe()
    some = world.subscribe(None, "http://127.0.0.1:1/", "delivered")
    for code in ("picked_up", "arrived_at_hub", "arrived_at_hub", "warp_drive_engaged", "delivered"):
        world.move("WP1", code)
    world.tell()
    assert statuses(all_of(world, every)) == ["picked_up", "arrived_at_hub", "delivered"]
    assert statuses(all_of(world, some)) == ["delivered"]
    assert msgspec.json.decode(all_of(world, some)[0].body)["data"]["before"] == "arrived_at_hub"


def test_what_was_before_a_webhook_is_not_told(world: World) -> None:
    world.ship(world.estrela, "SALE-1", "WP1")
    world.move("WP1", "picked_up")
    world.tell()
    webhook = world.subscribe()
    world.move("WP1", "delivered")
    world.tell()
    assert statuses(all_of(world, webhook)) == ["delivered"]


def test_a_crash_between_reading_and_writing_loses_nothing_and_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ship(world.estrela, "SALE-1", "WP1")
    webhook = world.subscribe()
    for code in ("picked_up", "arrived_at_hub", "delivered"):
        world.move("WP1", code)
    assert world.teller.turn(world.clock(), 1).told == 1

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(telling, "_move", crash)  # the last statement before the commit
    with pytest.raises(KeyboardInterrupt):
        world.teller.turn(world.clock(), 1)
    monkeypatch.undo()
    world.restart()
    assert statuses(all_of(world, webhook)) == ["picked_up"]
    assert world.tell() == 2
    assert statuses(all_of(world, webhook)) == ["picked_up", "arrived_at_hub", "delivered"]


def test_what_is_read_twice_is_told_once_under_one_id(world: World) -> None:
    world.ship(world.estrela, "SALE-1", "WP1")
    webhook = world.subscribe()
    world.move("WP1", "picked_up")
    world.tell()
    before = all_of(world, webhook)
    with world.records.begin() as connection:
        connection.execute(sqlalchemy.update(reading).values(position=-1))
    assert world.tell() == 0
    assert all_of(world, webhook) == before
    with world.records.begin() as connection:
        connection.execute(sqlalchemy.delete(deliveries))
        connection.execute(sqlalchemy.update(reading).values(position=-1))
    world.clock.move(hours=1)
    assert world.tell() == 1
    assert [each.id for each in all_of(world, webhook)] == [each.id for each in before]


def test_what_has_gone_is_told_openly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ship(world.estrela, "SALE-1", "WP1")
    webhook = world.subscribe()
    for code in ("picked_up", "arrived_at_hub", "delivered"):
        world.move("WP1", code)
    read = world.memory.changes.read

    def forgotten(after: int, limit: int) -> object:
        if after + 1 < 2:
            raise Gone("changes before scan 2 went", start=2)
        return read(after, limit)

    monkeypatch.setattr(world.memory.changes, "read", forgotten)
    assert world.teller.turn(world.clock()).missed
    assert world.tell() == 1
    assert statuses(all_of(world, webhook)) == ["delivered"]
    assert world.subscriptions.get(world.estrela, webhook).missed_ms == world.clock()
    assert world.teller.count_gaps() == 1


def test_a_merchant_who_left_is_told_nothing(world: World) -> None:
    world.ship(world.estrela, "SALE-1", "WP1")
    webhook = world.subscribe()
    world.move("WP1", "picked_up")
    world.tell()
    assert [id_ for id_, *_ in world.deliveries.list_ready(world.clock())] == [webhook]
    world.parties.end(world.estrela, world.clock())
    world.move("WP1", "delivered")
    assert world.tell() == 0
    assert world.deliveries.list_ready(world.clock()) == []


def test_how_far_behind_it_is(world: World) -> None:
    world.ship(world.estrela, "SALE-1", "WP1")
    world.subscribe()
    world.move("WP1", "picked_up")
    world.move("WP1", "delivered")
    assert world.teller.find_lag() == 2
    world.tell()
    assert world.teller.find_lag() == 0
