"""Deliveries: tried for a day, ever more seldom, in the order of each parcel; then dead, until somebody asks."""

import pytest
from tests.rooms.care.world import DAY_MS, World

from waypost.care.deliveries import Delivery, DeliveryState
from waypost.care.patience import FIRST_MS, LAST_MS
from waypost.care.sending import Answer
from waypost.model.errors import NotFound

WELL, ILL = Answer(status=204), Answer(status=503, why="answers 503")


def fill(world: World, *parcels: str) -> str:
    """A webhook with three deliveries of each parcel."""
    webhook = world.subscribe()
    for number in parcels:
        world.ship(world.estrela, f"SALE-{number}", number)
    for code in ("picked_up", "arrived_at_hub", "delivered"):
        for number in parcels:
            world.move(number, code)
    assert world.tell() == 3 * len(parcels)
    return webhook


def note(world: World, delivery: Delivery, answer: Answer) -> list[Delivery]:
    return world.deliveries.note([(delivery, answer)], world.clock())


def test_the_next_of_a_parcel_waits_for_the_one_before(world: World) -> None:
    webhook = fill(world, "WP1", "WP2")
    due = world.list_due(webhook)
    assert [(each.waybill.number, each.status) for each in due] == [("WP1", "picked_up"), ("WP2", "picked_up")]
    note(world, due[0], ILL)
    note(world, due[1], WELL)
    assert [(each.waybill.number, each.status) for each in world.list_due(webhook)] == [("WP2", "arrived_at_hub")]
    assert world.deliveries.list_due(webhook, world.clock(), 9, [world.list_due(webhook)[0].id]) == []
    world.clock.now_ms += FIRST_MS
    [_, again] = world.list_due(webhook)
    assert (again.id, again.tries, again.answer, again.why) == (due[0].id, 1, 503, "answers 503")
    note(world, again, WELL)
    due = world.list_due(webhook)
    assert {(each.waybill.number, each.status) for each in due} == {
        ("WP1", "arrived_at_hub"),
        ("WP2", "arrived_at_hub"),
    }


def test_it_is_tried_ever_more_seldom_for_a_day_and_then_given_up(world: World) -> None:
    webhook = fill(world, "WP1")
    begun_ms = world.clock()
    [head] = world.list_due(webhook)
    pauses = []
    while head.status == "picked_up":
        dead = note(world, head, ILL)
        page, _ = world.deliveries.list_page(webhook, DeliveryState.WAITING, None, 9)
        next_ms = min(each.next_ms for each in page)
        if dead:
            break
        assert {each.next_ms for each in page} == {next_ms}  # those behind it are not looked at before
        pauses.append(next_ms - world.clock())
        world.clock.now_ms = next_ms
        [head] = world.list_due(webhook)
    assert pauses[:3] == [FIRST_MS, 3 * FIRST_MS, 9 * FIRST_MS]
    assert max(pauses) == LAST_MS
    assert DAY_MS - LAST_MS < world.clock() - begun_ms <= DAY_MS
    [given_up], _ = world.deliveries.list_page(webhook, DeliveryState.DEAD, None, 9)
    assert (given_up.id, given_up.ended_ms) == (head.id, world.clock())
    [behind] = world.list_due(webhook)
    assert behind.status == "arrived_at_hub"


def test_an_endpoint_may_say_when(world: World) -> None:
    webhook = fill(world, "WP1")
    [head] = world.list_due(webhook)
    note(world, head, Answer(status=429, why="answers 429", retry_s=900))
    world.clock.now_ms += 899_999
    assert world.list_due(webhook) == []
    world.clock.now_ms += 1
    assert [each.id for each in world.list_due(webhook)] == [head.id]


def test_a_dead_one_is_sent_once_more_if_its_merchant_asks(world: World) -> None:
    webhook = fill(world, "WP1")
    [head] = world.list_due(webhook)
    note(world, head, ILL)
    world.clock.move(days=2)
    [again] = world.list_due(webhook)
    assert [each.id for each in note(world, again, ILL)] == [head.id]
    assert world.deliveries.retry(webhook, head.id, world.clock()).state is DeliveryState.WAITING
    assert [each.id for each in world.list_due(webhook)] == [head.id]
    assert world.list_due(webhook)[0].begun_ms is None
    with pytest.raises(NotFound):
        world.deliveries.retry(world.subscribe(world.ming), head.id, world.clock())


def test_everything_behind_one_is_replayed_in_order_and_under_the_same_ids(world: World) -> None:
    webhook = fill(world, "WP1", "WP2")
    sent = []
    while due := world.list_due(webhook):
        sent += due
        world.deliveries.note([(each, WELL) for each in due], world.clock())
    assert world.deliveries.count_waiting() == 0
    assert world.deliveries.replay(webhook, world.clock(), after=sent[1].id) == 4
    again = []
    while due := world.list_due(webhook):
        again += due
        world.deliveries.note([(each, WELL) for each in due], world.clock())
    assert [each.id for each in again] == [each.id for each in sent[2:]]
    assert [each.body for each in again] == [each.body for each in sent[2:]]
    assert world.deliveries.replay(webhook, world.clock(), since_ms=sent[0].made_ms) == 6
    with pytest.raises(NotFound):
        world.deliveries.replay(webhook, world.clock(), after="msg_none")


def test_pages_hold_each_once(world: World) -> None:
    webhook = fill(world, "WP1", "WP2")
    found, after = [], None
    while True:
        page, after = world.deliveries.list_page(webhook, None, after, 4)
        found += page
        if after is None:
            break
    assert [each.position for each in found] == [5, 4, 3, 2, 1, 0]


def test_old_ones_go(world: World) -> None:
    webhook = fill(world, "WP1")
    assert world.deliveries.forget(world.clock()) == 0
    assert world.deliveries.forget(world.clock() + 1) == 3
    assert world.list_due(webhook) == []
