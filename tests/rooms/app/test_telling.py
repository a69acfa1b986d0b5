"""Telling beside the server: in order, to many at one time, and one endpoint's trouble is nobody else's."""

import io
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import update
from tests.rooms.care.endpoints import Got, open_endpoint, open_rude, say_nothing
from tests.rooms.care.world import World

from waypost.app.telling import Telling
from waypost.care.deliveries import DeliveryState
from waypost.care.records import webhooks
from waypost.care.tally import Tally
from waypost.care.turns import FAILURES
from waypost.web.destinations import Places
from waypost.web.journal import open_journal
from waypost.web.webhooks import WebhookSender

STATUSES = ("picked_up", "arrived_at_hub", "out_for_delivery", "delivered")


class Network(World):
    """The world with what runs beside a server. Its clock is the real one, for signatures have an age."""

    def __init__(self) -> None:
        super().__init__()
        self.clock.now_ms = time.time_ns() // 1_000_000
        self.told = io.StringIO()

    @contextmanager
    def telling(self, timeout_s: float = 5) -> Iterator[Telling]:
        sender = WebhookSender(Places(allow_http=True, allow_private=True), timeout_s, self.clock)
        running = Telling(
            self.teller, self.subscriptions, self.deliveries, sender, 64, self.clock, open_journal(self.told), Tally()
        )
        running.start()
        try:
            yield running
        finally:
            running.stop()
            sender.close()

    def states(self, webhook: str) -> list[DeliveryState]:
        page, _ = self.deliveries.list_page(webhook, None, None, 1000)
        return [each.state for each in page]


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    yield made
    made.close()


def wait_until(is_so: Callable[[], Any], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_many_parcels_are_told_at_one_time_and_each_in_order(network: Network) -> None:
    parcels = [f"WP{each}" for each in range(12)]
    lock, under_way, most = threading.Lock(), 0, 0

    def answer(got: Got) -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.01)  # as long as it takes others to come, if they may
        with lock:
            under_way -= 1
        return 204

    with open_endpoint(answer) as endpoint:
        for number in parcels:
            network.ship(network.estrela, f"SALE-{number}", number)
        webhook = network.subscribe(None, endpoint.url)
        for code in STATUSES:
            for number in parcels:
                network.move(number, code)
        with network.telling() as running:
            endpoint.wait_for(48)
            wait_until(lambda: network.states(webhook) == [DeliveryState.DELIVERED] * 48)
            assert running.get_standing().delivered == 48
        told: dict[str, list[str]] = defaultdict(list)
        for got in endpoint.got:
            told[got.data["waybill"]["number"]].append(got.data["status"])
        assert told == {number: list(STATUSES) for number in parcels}
        assert len({got.id for got in endpoint.got}) == 48
        assert most > 1


def test_a_slow_endpoint_and_a_broken_one_hold_up_nobody(network: Network) -> None:
    for each in range(30):
        network.ship(network.ming, f"M-{each}", f"MP{each}")
    network.ship(network.estrela, "SALE-1", "WP1")
    with open_rude(say_nothing) as deaf, open_endpoint(lambda got: 500) as broken, open_endpoint() as good:
        slow, bad = network.subscribe(network.ming, deaf), network.subscribe(network.ming, broken.url)
        network.subscribe(None, good.url)
        for each in range(30):
            network.move(f"MP{each}", "picked_up")
        with network.telling(timeout_s=20) as running:
            broken.wait_for(FAILURES)
            network.move("WP1", "picked_up")
            good.wait_for(1, seconds=10)
            network.move("WP1", "delivered")
            good.wait_for(2, seconds=10)
            wait_until(lambda: running.get_standing().alone == 1)
            tried = len(broken.got)
            assert FAILURES <= tried <= FAILURES + 3  # then it was left alone
            running.wake(bad)
            broken.wait_for(tried + 1)
        assert network.states(slow) == [DeliveryState.WAITING] * 30  # cut off: they are sent again after a start


def test_one_that_is_gone_is_paused_and_what_it_missed_waits(network: Network) -> None:
    network.ship(network.estrela, "SALE-1", "WP1")
    with open_endpoint(lambda got: 410) as endpoint:
        webhook = network.subscribe(None, endpoint.url)
        with network.telling() as running:
            network.move("WP1", "picked_up")
            endpoint.wait_for(1)
            wait_until(lambda: network.subscriptions.get(network.estrela, webhook).paused_ms)
            network.move("WP1", "delivered")
            wait_until(lambda: len(network.states(webhook)) == 2)
            assert len(endpoint.got) == 1
            endpoint.answer = lambda got: 204
            network.subscriptions.change(network.estrela, webhook, network.clock(), is_paused=False)
            running.wake(webhook)
            statuses = [got.data["status"] for got in endpoint.wait_for(3)]
    assert statuses == ["picked_up", "picked_up", "delivered"]
    assert "410" in network.told.getvalue()
    assert endpoint.url not in network.told.getvalue()


def test_what_was_cut_off_is_sent_after_the_next_start_under_the_same_id(network: Network) -> None:
    network.ship(network.estrela, "SALE-1", "WP1")
    got_it = threading.Event()

    def hang(got: Got) -> int:
        got_it.set()
        time.sleep(0.5)
        return 204

    with open_endpoint(hang) as endpoint:
        webhook = network.subscribe(None, endpoint.url)
        network.move("WP1", "picked_up")
        with network.telling():
            assert got_it.wait(10)
        assert network.states(webhook) == [DeliveryState.WAITING]
        endpoint.answer = lambda got: 204
        network.restart()
        with network.telling():
            wait_until(lambda: network.states(webhook) == [DeliveryState.DELIVERED])
        assert len({got.id for got in endpoint.wait_for(2)}) == 1


def test_trouble_with_the_records_is_told_and_nothing_is_lost(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.ship(network.estrela, "SALE-1", "WP1")
    monkeypatch.setattr("waypost.app.telling._TROUBLE_S", 0.05)
    turn = network.teller.turn
    failures = iter([True, True])

    def fail_twice(now_ms: int) -> Any:
        if next(failures, False):
            raise RuntimeError("the disk is sick")
        return turn(now_ms)

    monkeypatch.setattr(network.teller, "turn", fail_twice)
    with open_endpoint() as endpoint:
        network.subscribe(None, endpoint.url)
        network.move("WP1", "picked_up")
        with network.telling():
            endpoint.wait_for(1)
    assert network.told.getvalue().count("changes cannot be read for webhooks") == 2


def test_a_secret_that_does_not_open_holds_up_one_webhook_alone(network: Network) -> None:
    network.ship(network.estrela, "SALE-1", "WP1")
    with open_endpoint() as endpoint:
        damaged, _ = network.subscribe(None, endpoint.url), network.subscribe(None, endpoint.url)
        with network.records.begin() as connection:
            connection.execute(update(webhooks).where(webhooks.c.id == damaged).values(secret=b"\x00\x01" + bytes(40)))
        network.move("WP1", "picked_up")
        with network.telling():
            [got] = endpoint.wait_for(1)
            wait_until(lambda: network.deliveries.count_waiting() == 1)
    assert network.states(damaged) == [DeliveryState.WAITING]
    assert got.data["status"] == "picked_up"
    assert "a webhook is held up" in network.told.getvalue()
