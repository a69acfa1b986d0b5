"""What it costs: cards come in beside a running server, a merchant quotes and books, the carrier's bill is checked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
from tests.journeys.test_merchants import draft, make_merchant, send, write_settings
from tests.rooms.app.commands import Commands

from waypost.testing.carriers.fakes import FAKES

CARD = """
account = "{account}"
version = "2026-1"
currency = "BRL"
time_zone = "America/Sao_Paulo"
valid_from = 2026-01-01

[[zones]]
name = "all"
to = [{{ country = "BR" }}]
brackets = [{{ up_to_g = 1000, price = {price} }}]
transit = {{ least = 2, usual = {days}, most = 9 }}
distance_km = 400

[[surcharges]]
kind = "fuel"
percent = 10
"""


def test_a_merchant_quotes_and_books_and_the_bill_is_checked(tmp_path: Path, start_server: Callable[..., Any]) -> None:
    home = tmp_path / "home"
    commands = Commands(home)
    with FAKES["correios"].kind() as fake:
        write_settings(home, fake)
        headers = make_merchant(home, "Estrela")
        server = start_server(home)
        order = msgspec.structs.replace(draft(fake, "SALE-1"), account="")
        with httpx.Client(base_url=server.address, headers=headers, timeout=30) as shop:

            def quote() -> Any:
                body = msgspec.json.encode([order])
                answer = shop.post("/v1/quotes", content=body, headers={"content-type": "application/json"})
                assert answer.status_code == 200, answer.text
                return answer.json()["quotes"][0]

            told = quote()
            assert told["quotes"] == []
            assert [(each["account"], each["code"]) for each in told["unquoted"]] == [("correios", "no_card")]

            for account, price, days in (("correios", "12.55", 3), ("nobody", "20.00", 3)):
                (tmp_path / f"{account}.toml").write_text(CARD.format(account=account, price=price, days=days), "utf-8")
            files = [str(tmp_path / f"{account}.toml") for account in ("correios", "nobody")]
            done = commands.call("rates", "import", *files, "--json")
            assert done.returncode == 0, done.stderr
            best = quote()["quotes"][0]
            # 12.55 and 10 % of it, 1.255, which is half a unit up.
            assert (best["account"], best["minor"], best["lines"][1]["minor"]) == ("correios", 1381, 126)

            chosen = msgspec.structs.replace(order, account=best["account"], service=best["service"])
            [entry] = send(shop, chosen)["entries"]
            booked = shop.post(f"/v1/orders/{entry['id']}/confirm").json()
            assert booked["state"] == "booked", booked["why"]
            number = booked["parcels"][0]["waybill"]["number"]
    bill = tmp_path / "bill.csv"
    bill.write_text(f"waybill,total,currency,carriage,fuel\n{number},13.81,BRL,12.55,1.26\n")
    right = commands.call("audit", "invoice", str(bill), "--account", "correios", "--json")
    assert right.returncode == 0, right.stderr
    assert [each["verdict"] for each in json.loads(right.stdout)["findings"]] == ["ok"]
    bill.write_text(f"waybill,total,currency,carriage,fuel\n{number},15.06,BRL,12.55,2.51\n")
    wrong = commands.call("audit", "invoice", str(bill), "--account", "correios")
    assert wrong.returncode == 1
    assert f"{number}: overbilled, 15.06 BRL billed, 13.81 BRL agreed; fuel 1.25 BRL" in wrong.stdout.decode()
    assert fake.sample.consignee.name not in (tmp_path / "journal").read_text()
