"""Consignees are told by mail: parcels move by pushes, the server is killed between, and each is told once."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.journeys.test_merchants import draft, make_merchant, send, write_settings
from tests.rooms.care.mail_server import OK, PASSWORD, USER, make_certificate, open_mail_server

from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import FakeScan

_COUNT = 6


def write_mail_settings(home: Path, port: int, certificate: Path) -> None:
    (home / "password").write_text(PASSWORD)
    with (home / "waypost.toml").open("a") as file:
        file.write(f"""
[site]
name = "Hilltop"
url = "https://parcels.example"

[mail]
host = "127.0.0.1"
port = {port}
ca_file = "{certificate}"
user = "{USER}"
password_file = "{home / "password"}"
from = "Hilltop <parcels@hilltop.example>"
per_minute = 6000
""")


def book(shop: httpx.Client, fake: Any, reference: str, email: str) -> str:
    order = draft(fake, reference)
    order = msgspec.structs.replace(order, consignee=msgspec.structs.replace(order.consignee, email=email))
    [entry] = send(shop, order)["entries"]
    booked = shop.post(f"/v1/orders/{entry['id']}/confirm").json()
    assert booked["state"] == "booked", booked["why"]
    number: str = booked["parcels"][0]["waybill"]["number"]
    return number


def wait_until_sent(shop: httpx.Client, count: int) -> Any:
    until = time.monotonic() + 60
    while True:
        page = shop.get("/v1/mail/notices").json()
        if [each["state"] for each in page["notices"]] == ["sent"] * count:
            return page
        assert time.monotonic() < until, page
        time.sleep(0.05)


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore:Session.login_data is deprecated")
def test_each_consignee_is_told_once_whatever_crashes(tmp_path: Path, start_server: Callable[..., Any]) -> None:
    home = tmp_path / "home"
    certificate, context = make_certificate(tmp_path)
    with FAKES["correios"].kind() as fake, open_mail_server(context, asks_user=True) as mail:
        write_settings(home, fake)
        write_mail_settings(home, mail.port, certificate)
        headers = make_merchant(home, "Estrela")
        server = start_server(home)

        def connect() -> httpx.Client:
            fake.push_url = f"{server.address}/v1/carriers/correios/push"
            return httpx.Client(base_url=server.address, headers=headers, timeout=30)

        def move(number: str, code: str, minutes_ago: int) -> None:
            scan = FakeScan(code=code, at_ms=fake.clock() // 1000 * 1000 - minutes_ago * 60_000)
            fake.move(number, scan)
            pushed = fake.push(number, scan)
            assert fake.is_thanked(pushed.status_code, pushed.content)

        first, _, last = FAKES["correios"].codes
        with connect() as shop:
            assert shop.patch("/v1/mail", json={"milestones": ["accepted", "delivered"]}).json()["is_served"]
            addresses = [f"c{each}@example.org" for each in range(_COUNT)]
            numbers = [book(shop, fake, f"SALE-{each}", to) for each, to in enumerate(addresses)]
            other = book(shop, fake, "SALE-other", "")
            for number in (*numbers, other):
                move(number, first, 30)
            mail.wait_for(_COUNT)
            wait_until_sent(shop, _COUNT)

            killed: list[str] = []

            def kill_in_the_middle(to: str) -> str:
                if len(killed) < 1 and to == addresses[2]:
                    killed.append(to)
                    server.kill()  # the mail is taken, and nobody knows
                return OK

            mail.at_data = kill_in_the_middle
            for number in (*numbers, other):
                if killed:
                    break
                move(number, last, 1)
                time.sleep(0.05)
            until = time.monotonic() + 30
            while not killed:
                assert time.monotonic() < until
                time.sleep(0.01)
        server = start_server(home, server.key)
        with connect() as shop:
            for number in (*numbers, other):
                move(number, last, 1)  # the carrier sends again what it was not thanked for; the rest is known
            page = wait_until_sent(shop, 2 * _COUNT)
            assert {each["to"] for each in page["notices"]} == {"c***@***.org"}
            server.kill()
        server = start_server(home, server.key)
        with connect() as shop:
            wait_until_sent(shop, 2 * _COUNT)
            numbers_told = server.operator.get("/metrics").text
            assert "waypost_mail_waiting 0.0" in numbers_told
            assert "waypost_mail_held 0.0" in numbers_told
            mails = mail.mails
            ids = [each["Message-ID"] for each in mails]
            assert len(set(ids)) == 2 * _COUNT
            twice = [to for to, id_ in zip(mail.to, ids, strict=True) if ids.count(id_) > 1]
            assert twice == killed * 2  # once more under the same id, and no other
            assert sorted({*mail.to}) == addresses

            own = re.search(
                r"https://parcels\.example(/p/[a-z2-7]+)\?lang=", mails[0].get_body(("plain",)).get_content()
            )
            assert own is not None
            assert server.public.get(own[1]).status_code == 200

            stop = re.search(r"<https://parcels.example(/mail/stop/[^>]+)>", mails[0]["List-Unsubscribe"])
            assert stop is not None
            done = httpx.post(server.address + stop[1], data={"List-Unsubscribe": "One-Click"})
            assert done.status_code == 200
            again = book(shop, fake, "SALE-again", mail.to[0])
            move(again, last, 1)
            until = time.monotonic() + 30
            while not (dead := shop.get("/v1/mail/notices?state=dead").json()["notices"]):
                assert time.monotonic() < until
                time.sleep(0.05)
            assert "wants none" in dead[0]["why"]
            assert len(mail.mails) == len(mails)
        told = (tmp_path / "journal").read_text() + server.operator.get("/metrics").text
        for secret in (*addresses, PASSWORD, stop[1], fake.sample.consignee.name):
            assert secret not in told
        kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
        assert addresses[1].encode() not in kept
