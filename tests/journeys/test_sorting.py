"""A carrier without an API sorts by our codes: taught from a file, answered by a person, learnt from deliveries."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.journeys.test_merchants import make_merchant
from typer.testing import CliRunner

from waypost.app.cli import cli
from waypost.model.errors import HomeInUse

SETTINGS = """
[accounts.rural]
carrier = "ruralpost"
adapter = "neutral"
pool = "rural"

[carriers.ruralpost]
zone = "Asia/Shanghai"

[sorting]
carriers = ["ruralpost"]
threshold = 0.8
"""
ROADS = ("文三路", "莫干山路", "天目山路", "中山路", "解放路", "建国路")


def run(home: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, [*words, "--home", str(home)])
    assert done.exit_code == code, (done.output, done.exception)
    assert not isinstance(done.exception, HomeInUse)
    return done.output


def draft(reference: str, street: str, city: str = "杭州市", county: str = "西湖区") -> dict[str, Any]:
    sender = {"name": "店铺", "country": "CN", "province": "广东省", "city": "广州市", "street": "中山路 1 号"}
    goes_to = {
        "name": "王小明",
        "country": "CN",
        "province": "浙江省",
        "city": city,
        "county": county,
        "street": street,
    }
    items = [{"description": "书", "weight_g": 400}]
    return {"reference": reference, "sender": sender, "consignee": goes_to, "items": items}


def book(shop: httpx.Client, reference: str, *place: str) -> dict[str, Any]:
    [entry] = shop.post("/v1/orders", json=[draft(reference, *place)]).json()["entries"]
    booked: dict[str, Any] = shop.post(f"/v1/orders/{entry['id']}/confirm").json()
    assert booked["state"] == "booked", booked
    return booked


@pytest.mark.heavy
def test_codes_are_given_asked_for_and_learnt(tmp_path: Path, start_server: Callable[..., Any]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    numbers = ("--carrier", "ruralpost", "--first", "0", "--last", "99999", "--prefix", "RP")
    run(home, "admin", "pool", "add", "rural", *numbers)
    (home / "waypost.toml").write_text(SETTINGS, "utf-8")
    past = tmp_path / "past.csv"
    with past.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["address", "code", "delivered"])
        for each in range(600):
            road = each % 6
            address = f"浙江省杭州市西湖区{ROADS[road]}{each * 7 % 120 + 1}号 李四 13900001111"
            sheet.writerow([address, f"571-A{road % 2}-{road:02d}", f"2026-10-{each // 20 + 1:02d}"])
        sheet.writerow(["", "571", "2026-11-01"])
    tried = run(home, "sorting", "learn", str(past), "--carrier", "ruralpost", "--dry-run", code=1)
    assert "past.csv:602 address" in tried
    assert "tried: 600 deliveries" in tried
    assert "nothing was learnt" not in run(home, "sorting", "list")
    assert "version 0" in run(home, "sorting", "list")
    headers = make_merchant(home, "Estrela")

    server = start_server(home)
    assert "learnt: 600" in run(home, "sorting", "learn", str(past), "--carrier", "ruralpost", code=1)
    assert "known: 600" in run(home, "sorting", "learn", str(past), "--carrier", "ruralpost", code=1)
    with httpx.Client(base_url=server.address, headers=headers, timeout=30) as shop:
        booked = book(shop, "SALE-1", "中山路18号")
        assert booked["parcels"][0]["sort_code"] == "571-A1-03"
        zpl = shop.get(f"/v1/orders/{booked['id']}/parcels/1/label", params={"format": "zpl"})
        assert "571-A1-03" in zpl.text

        elsewhere = [book(shop, f"FAR-{each}", f"解放北路{each + 1}号", "绍兴市", "越城区") for each in range(40)]
        assert {each["parcels"][0]["sort_code"] for each in elsewhere} == {""}
        waiting = server.operator.get("/v1/sort-codes", params={"state": "manual"}).json()["sort_codes"]
        assert len(waiting) == 40
        assert waiting[0]["place"]["city"] == "绍兴市"
        assert "王小明" not in str(waiting)
        answer = server.operator.put(f"/v1/sort-codes/{waiting[0]['parcel']}", json={"code": "575-B2"})
        assert (answer.status_code, answer.json()["state"]) == (200, "answered")
        label = shop.get(f"/v1/orders/{waiting[0]['order']}/parcels/1/label", params={"format": "zpl"})
        assert "575-B2" in label.text
        wrong = server.operator.put(f"/v1/sort-codes/{waiting[0]['parcel']}", json={"code": "575 B2"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "bad_input")
        assert shop.get("/v1/sort-codes").status_code == 403

        sites = [
            {"carrier": "ruralpost", "code": code, "name": code, "kind": kind, "place": {"zone": "Asia/Shanghai"}}
            for code, kind in (("575", "hub"), ("B2", "outlet"))
        ]
        assert server.operator.put("/v1/facilities", json=sites).status_code == 200
        ways = [("arrived_at_hub", "575", "05"), ("arrived_at_destination", "B2", "08"), ("delivered", "B2", "12")]
        server.send(
            [
                {
                    "carrier": "ruralpost",
                    "number": order["parcels"][0]["waybill"]["number"],
                    "code": code,
                    "facility": place,
                    "at": f"2026-11-21T{hour}:00:00+08:00",
                }
                for order in elsewhere
                for code, place, hour in ways
            ]
        )
    server.stop()
    server = start_server(home, server.key)  # it learns when it starts, and then every hour
    listed = ""
    for _ in range(200):
        listed = run(home, "sorting", "list")
        if "version 2" in listed:
            break
    assert "640 deliveries learnt, 39 wait for a person" in listed
    with httpx.Client(base_url=server.address, headers=headers, timeout=30) as shop:
        again = book(shop, "FAR-99", "解放北路99号", "绍兴市", "越城区")
        told = server.operator.get("/v1/sort-codes", params={"limit": 100}).json()["sort_codes"][-1]
        assert told["waybill"]["number"] == again["parcels"][0]["waybill"]["number"]
        assert told["guess"] == "575-B2"
    server.stop()
    assert "learnt 40 parcels of ruralpost anew" in run(home, "sorting", "rebuild", "ruralpost")
    journal = (tmp_path / "journal").read_text()
    assert "解放北路" not in journal
    assert "addresses were shown for sort codes" in journal
