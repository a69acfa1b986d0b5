"""Webhooks: whose they are, what they may be, and that their secrets are nobody else's."""

import pytest
import sqlalchemy
from tests.rooms.care.test_deliveries import ILL, fill, note
from tests.rooms.care.world import World

from waypost.access.sealed import drop_sealed, reseal
from waypost.access.sealing import Seal
from waypost.care.records import SEALED, webhooks
from waypost.care.subscriptions import MOST_WEBHOOKS, OVERLAP_MS, Webhook
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.model.instants import DAY_MS
from waypost.store.repeats import KeyReused

URL = "https://shop.example/hook?token=quiet"


def test_a_secret_is_shown_once_and_lies_sealed(world: World) -> None:
    made, secret = world.subscriptions.add(world.estrela, URL, [], world.clock())
    assert secret.startswith("whsec_")
    assert world.subscriptions.open_secrets(made.id, world.clock()) == [secret]
    with world.records.read() as connection:
        row = connection.execute(sqlalchemy.select(webhooks)).one()
    assert secret.removeprefix("whsec_").encode() not in bytes(row.secret)
    assert "quiet" not in repr(made)


def test_a_repeat_makes_no_other_and_gets_the_secret_for_a_day(world: World) -> None:
    def add(url: str = URL, id_: str = "whk_0011223344556677", asked: str = "ab" * 16) -> tuple[Webhook, str]:
        return world.subscriptions.add(world.estrela, url, [], world.clock(), id_=id_, asked=asked)

    first = add()
    assert add() == first
    assert len(first[0].id) <= 32
    with pytest.raises(KeyReused):
        add(asked="cd" * 16)
    assert add(id_="whk_0011223344556678")[0].id != first[0].id
    world.clock.now_ms += DAY_MS
    with pytest.raises(Conflict, match="told no more"):
        add()
    assert len(world.subscriptions.list_all(world.estrela)) == 2


def test_both_secrets_sign_for_a_day(world: World) -> None:
    made, first = world.subscriptions.add(world.estrela, URL, [], world.clock())
    _, second = world.subscriptions.rotate(world.estrela, made.id, world.clock())
    assert first != second
    assert world.subscriptions.open_secrets(made.id, world.clock()) == [second, first]
    world.clock.now_ms += OVERLAP_MS
    assert world.subscriptions.open_secrets(made.id, world.clock()) == [second]


def test_what_is_another_merchants_is_not_found(world: World) -> None:
    webhook = world.subscribe()
    subscriptions, now_ms = world.subscriptions, world.clock()
    assert subscriptions.list_all(world.ming) == []
    for act in (
        lambda: subscriptions.get(world.ming, webhook),
        lambda: subscriptions.change(world.ming, webhook, now_ms, is_paused=True),
        lambda: subscriptions.rotate(world.ming, webhook, now_ms),
        lambda: subscriptions.remove(world.ming, webhook),
    ):
        with pytest.raises(NotFound):
            act()
    assert [each.id for each in subscriptions.list_all(world.estrela)] == [webhook]
    assert subscriptions.get(world.estrela, webhook).paused_ms is None


def test_what_happens_during_a_pause_waits_and_has_all_its_time_after_it(world: World) -> None:
    webhook = fill(world, "WP1")
    [head] = world.list_due(webhook)
    note(world, head, ILL)
    world.subscriptions.change(world.estrela, webhook, world.clock(), is_paused=True)
    world.clock.move(days=3)
    world.ship(world.estrela, "SALE-2", "WP2")
    world.move("WP2", "picked_up")
    assert world.tell() == 1
    assert world.deliveries.list_ready(world.clock()) == []
    world.subscriptions.change(world.estrela, webhook, world.clock(), is_paused=False)
    assert [id_ for id_, *_ in world.deliveries.list_ready(world.clock())] == [webhook]
    again = next(each for each in world.list_due(webhook) if each.id == head.id)
    assert note(world, again, ILL) == []


def test_what_a_webhook_was_told_goes_with_it(world: World) -> None:
    webhook = fill(world, "WP1")
    world.subscriptions.remove(world.estrela, webhook)
    assert world.deliveries.count_waiting() == 0
    with pytest.raises(NotFound):
        world.subscriptions.open_secrets(webhook, world.clock())
    world.move("WP1", "returned")
    assert world.tell() == 0


@pytest.mark.parametrize("status", ["warped", "unknown", "void", "notice", ""])
def test_statuses_are_those_of_parcels(world: World, status: str) -> None:
    with pytest.raises(BadInput, match="statuses"):
        world.subscriptions.add(world.estrela, URL, ["delivered", status], world.clock())
    webhook = world.subscribe()
    with pytest.raises(BadInput, match="statuses"):
        world.subscriptions.change(world.estrela, webhook, world.clock(), statuses=[status])


def test_there_may_be_so_many(world: World) -> None:
    for _ in range(MOST_WEBHOOKS):
        world.subscribe()
    with pytest.raises(Conflict):
        world.subscribe()
    world.subscribe(world.ming)


def test_secrets_come_under_another_key_and_go_with_one_that_is_lost(world: World) -> None:
    made, secret = world.subscriptions.add(world.estrela, URL, [], world.clock())
    world.subscriptions.rotate(world.estrela, made.id, world.clock())
    world.seal = Seal({1: b"k" * 32, 2: b"n" * 32}, world.token)
    assert reseal(world.records, SEALED, world.seal) == 2
    assert world.subscriptions.open_secrets(made.id, world.clock())[1] == secret
    world.ship(world.estrela, "SALE-1", "WP1")
    world.move("WP1", "picked_up")
    assert world.tell() == 1
    assert drop_sealed(world.records, SEALED, 2) > 0
    assert world.subscriptions.list_all(world.estrela) == []
    assert world.deliveries.count_waiting() == 0
