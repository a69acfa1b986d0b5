"""A merchant is told: a parcel moves by pushes of its carrier, and each status arrives signed, in order, once."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.journeys.test_merchants import draft, make_merchant, send, write_settings
from tests.rooms.care.endpoints import Endpoint, Got, open_endpoint

from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import FakeScan


def book(shop: httpx.Client, fake: Any, reference: str) -> tuple[str, str]:
    """The id of an order, and the number that its carrier gave it."""
    [entry] = send(shop, draft(fake, reference))["entries"]
    booked = shop.post(f"/v1/orders/{entry['id']}/confirm").json()
    assert booked["state"] == "booked", booked["why"]
    return entry["id"], booked["parcels"][0]["waybill"]["number"]


def wait_until_delivered(shop: httpx.Client, webhook: str, count: int) -> Any:
    until = time.monotonic() + 60
    while True:
        page = shop.get(f"/v1/webhooks/{webhook}/deliveries").json()
        if [each["state"] for each in page["deliveries"]] == ["delivered"] * count:
            return page
        assert time.monotonic() < until, page
        time.sleep(0.05)


def check_told(endpoint: Endpoint, secret: str, order: str, number: str, statuses: list[str]) -> None:
    """Each status came, in order; what came twice came under one id."""
    told: dict[str, Got] = {}
    for got in endpoint.got:
        news = got.is_signed_by(secret)
        assert news["type"] == "parcel.status"
        assert news["data"]["order"] == {"id": order, "reference": "SALE-1"}
        assert news["data"]["waybill"] == {"carrier": "correios", "number": number}
        told.setdefault(got.id, got)
    assert [got.data["status"] for got in told.values()] == statuses
    assert [got.data["before"] for got in told.values()] == [None, *statuses[:-1]]


@pytest.mark.heavy
def test_each_status_arrives_signed_and_in_order_whatever_crashes(
    tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    home = tmp_path / "home"
    is_well = True
    with FAKES["correios"].kind() as fake, open_endpoint(lambda got: 204 if is_well else 503) as endpoint:
        write_settings(home, fake)
        with (home / "waypost.toml").open("a") as file:
            file.write("\n[webhooks]\nallow_http = true\nallow_private = true\n")
        headers, others = make_merchant(home, "Estrela"), make_merchant(home, "Ming")
        server = start_server(home)

        def connect() -> httpx.Client:
            fake.push_url = f"{server.address}/v1/carriers/correios/push"
            return httpx.Client(base_url=server.address, headers=headers, timeout=30)

        with connect() as shop, httpx.Client(base_url=server.address, headers=others, timeout=30) as other:
            made = shop.post("/v1/webhooks", json={"url": endpoint.url}).json()
            webhook, secret = made["webhook"]["id"], made["secret"]
            with open_endpoint() as strange:
                assert other.post("/v1/webhooks", json={"url": strange.url}).status_code == 200
                order, number = book(shop, fake, "SALE-1")
                first, second, third = FAKES["correios"].codes
                begun_ms = fake.clock() // 1000 * 1000 - 40 * 3_600_000

                def move(code: str, hours: int) -> None:
                    scan = FakeScan(code=code, at_ms=begun_ms + hours * 3_600_000)
                    fake.move(number, scan)
                    pushed = fake.push(number, scan)
                    assert fake.is_thanked(pushed.status_code, pushed.content)

                move(first, 0)
                endpoint.wait_for(1)
                is_well = False
                move(second, 1)
                endpoint.wait_for(2)
                server.kill()  # tried in vain, and nothing of it is written down perhaps
        is_well = True
        server = start_server(home, server.key)
        with connect():
            endpoint.wait_for(3)
            move(third, 2)
            server.kill()  # thanked for, and nobody told of it yet
        server = start_server(home, server.key)
        with connect() as shop:
            page = wait_until_delivered(shop, webhook, 3)
            statuses = [each["status"] for each in page["deliveries"]][::-1]
            assert statuses[-1] == "delivered"
            check_told(endpoint, secret, order, number, statuses)
            assert strange.got == []
            assert fake.sample.consignee.name.encode() not in b"".join(got.body for got in endpoint.got)

            replayed = shop.post(f"/v1/webhooks/{webhook}/replay", params={"after": endpoint.got[0].id}).json()
            assert replayed == {"replayed": 2}
            count = len(endpoint.got)
            again = endpoint.wait_for(count + 2)[count:]
            assert [got.data["status"] for got in again] == statuses[1:]
            numbers = server.operator.get("/metrics").text
            assert "waypost_webhook_gaps_total 0.0" in numbers
            assert "waypost_webhook_left_alone 0.0" in numbers
        journal = (tmp_path / "journal").read_text()
        assert secret not in journal
        assert endpoint.url not in journal
