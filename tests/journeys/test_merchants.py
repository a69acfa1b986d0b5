"""A merchant ships: orders are booked over real processes and fakes, move, come back; crashes book nothing twice."""

import contextlib
import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from benchmarks.batch import go_through
from pypdf import PdfReader
from tests.rooms.app.commands import Commands
from tests.rooms.care.endpoints import open_endpoint

from waypost.access.keys import Role
from waypost.app.settings import read_settings
from waypost.app.wiring import now_ms, open_house
from waypost.booking.issuing import Item
from waypost.booking.orders import Order, PlannedParcel
from waypost.model.parties import PartyKind
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Fake, FakeScan

BOX = PlannedParcel(weight_g=450, length_mm=300, width_mm=200, height_mm=60)


def write_settings(home: Path, *fakes: Fake) -> None:
    home.mkdir()
    lines = []
    for fake in fakes:
        lines += [f"[accounts.{fake.name}]", f'carrier = "{fake.name}"', "per_minute = 60000"]
        lines += [f'url = "{fake.api_url}"', *(f'"{name}" = "{value}"' for name, value in fake.account().items())]
    (home / "waypost.toml").write_text("\n".join(lines), "utf-8")


def make_merchant(home: Path, name: str) -> dict[str, str]:
    with open_house(read_settings(home=home)) as house:
        party = house.parties.add(PartyKind.MERCHANT, name, now_ms())
        secret = house.keys.make(Role.MERCHANT, "shop", now_ms(), party=party.id)
    return {"authorization": f"Bearer {secret}"}


def draft(fake: Fake, reference: str) -> Order:
    sample = fake.sample
    return Order(
        reference=reference,
        sender=sample.sender,
        consignee=sample.consignee,
        items=(Item(description="Book", quantity=1, weight_g=400, value_minor=2599),),
        parcels=(BOX,),
        account=fake.name,
        currency=sample.currency,
        mailing_date=time.strftime("%Y-%m-%d", time.gmtime()),
    )


def send(client: httpx.Client, *orders: Order) -> dict[str, Any]:
    answer = client.post(
        "/v1/orders", content=msgspec.json.encode(orders), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def wait_for(client: httpx.Client, job: str, seconds: float = 60) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while True:
        told: dict[str, Any] = client.get(f"/v1/jobs/{job}").json()
        if told["is_done"] or time.monotonic() > until:
            return told
        time.sleep(0.05)


def test_an_order_becomes_a_parcel_that_people_follow(tmp_path: Path, start_server: Callable[..., Any]) -> None:
    home = tmp_path / "home"
    with FAKES["correios"].kind() as fake:
        write_settings(home, fake)
        headers, others = make_merchant(home, "Estrela"), make_merchant(home, "Ming")
        server = start_server(home)
        fake.push_url = f"{server.address}/v1/carriers/correios/push"
        with (
            httpx.Client(base_url=server.address, headers=headers, timeout=30) as shop,
            httpx.Client(base_url=server.address, headers=others, timeout=30) as other,
        ):
            wrong = msgspec.structs.replace(draft(fake, "SALE-2"), account="dhl")
            told = send(shop, draft(fake, "SALE-1"), wrong)
            assert [refusal["field"] for refusal in told["refusals"]] == ["account"]
            [entry] = told["entries"]
            booked = shop.post(f"/v1/orders/{entry['id']}/confirm").json()
            assert booked["state"] == "booked", booked["why"]
            assert shop.post(f"/v1/orders/{entry['id']}/confirm").json() == booked
            [parcel] = booked["parcels"]
            number = parcel["waybill"]["number"]
            assert list(fake.parcels) == [number]
            label = shop.get(f"/v1/orders/{entry['id']}/parcels/1/label")
            assert label.status_code == 200, label.text
            assert label.content.startswith(b"%PDF-")

            for path in ("", "/parcels/1/label"):
                assert other.get(f"/v1/orders/{entry['id']}{path}").status_code == 404
            assert other.get("/v1/orders").json()["orders"] == []
            assert server.public.get(f"/v1/orders/{entry['id']}").status_code == 401
            assert server.operator.get(f"/v1/orders/{entry['id']}").status_code == 403

            first, second, third = FAKES["correios"].codes
            begun_ms = fake.clock() // 1000 * 1000 - 40 * 3_600_000
            for step, code in enumerate((first, second, third)):
                scan = FakeScan(code=code, at_ms=begun_ms + step * 3_600_000)
                fake.move(number, scan)
                pushed = fake.push(number, scan)
                assert fake.is_thanked(pushed.status_code, pushed.content)
            until = time.monotonic() + 20
            while (page := server.public.get("/track/SALE-1", params={"lang": "en"}).text) and "Delivered" not in page:
                assert time.monotonic() < until
                time.sleep(0.05)
            assert fake.sample.consignee.name not in page

            back = shop.post(f"/v1/orders/{entry['id']}/return").json()
            assert (back["state"], back["order"]["reference"]) == ("draft", "SALE-1-R")
            assert back["order"]["sender"] == booked["order"]["consignee"]
            again = shop.post(f"/v1/orders/{back['id']}/confirm").json()
            assert again["state"] == "booked"
            cancelled = shop.post(f"/v1/orders/{back['id']}/cancel").json()
            assert cancelled["state"] == "cancelled"
            assert fake.parcels[again["parcels"][0]["waybill"]["number"]].is_cancelled
        journal = (tmp_path / "journal").read_text()
        assert fake.sample.consignee.name not in journal
        assert fake.sample.consignee.street not in journal


@pytest.mark.heavy
def test_orders_whose_account_is_taken_out_of_the_settings_are_refused_and_say_so(
    tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    home = tmp_path / "home"
    with FAKES["yto"].kind() as fake:
        write_settings(home, fake)
        headers = make_merchant(home, "Estrela")
        server = start_server(home)
        with httpx.Client(base_url=server.address, headers=headers, timeout=30) as shop:
            [entry] = send(shop, draft(fake, "SALE-1"))["entries"]
        server.stop()
        (home / "waypost.toml").write_text("", "utf-8")
        server = start_server(home)
        with httpx.Client(base_url=server.address, headers=headers, timeout=30) as shop:
            job = shop.post("/v1/jobs", json={}).json()
            assert job["states"] == {"queued": 1}
            assert wait_for(shop, job["id"])["states"] == {"refused": 1}
            told = shop.get(f"/v1/orders/{entry['id']}").json()
        assert "'yto' is no account that books" in told["why"]
        assert fake.parcels == {}


@pytest.mark.parametrize(
    ("count", "kills"),
    [pytest.param(30, 1, id="30 orders"), pytest.param(10_000, 3, id="10,000 orders", marks=pytest.mark.heavy)],
)
@pytest.mark.timeout(900)
def test_a_batch_goes_on_after_kill_9_and_books_nothing_twice(count: int, kills: int, tmp_path: Path) -> None:
    told = go_through(tmp_path, count, kills, seed=count)  # raises if an order was lost or booked twice
    assert (told["orders"], told["kills"]) == (count, kills)


CARRIERS = ("yto", "zto", "sto", "yunda", "best", "correios")


def write_sheet(fakes: dict[str, Fake], count: int, bad: int) -> str:
    """Orders in turn over the carriers; the last ones are wrong, each in another way."""
    parts = ("name", "country", "province", "city", "county", "street", "postcode", "phone")
    head = ["reference", "account", "currency", "mailing_date", "weight_kg", "length_cm", "width_cm", "height_cm"]
    head += [f"{end}_{part}" for end in ("sender", "consignee") for part in parts]
    head += ["item_description", "item_quantity", "item_value"]
    wrong = [
        ("consignee_country", "Brazil"),
        ("item_quantity", "two"),
        ("account", "dhl"),
        ("consignee_name", ""),
        ("weight_kg", "1,5"),
    ]
    out = io.StringIO()
    sheet = csv.DictWriter(out, head)
    sheet.writeheader()
    for number in range(count):
        fake = fakes[CARRIERS[number % len(CARRIERS)]]
        row = {"reference": f"SALE-{number:04d}", "account": fake.name, "currency": fake.sample.currency}
        row |= {"mailing_date": time.strftime("%Y-%m-%d", time.gmtime()), "weight_kg": "0.45"}
        row |= {"length_cm": "30", "width_cm": "20", "height_cm": "6"}
        for end in ("sender", "consignee"):
            row |= {f"{end}_{part}": getattr(getattr(fake.sample, end), part) for part in parts}
        row |= {"item_description": "Book", "item_quantity": "1", "item_value": "25.99"}
        if number >= count - bad:
            field, value = wrong[number % len(wrong)]
            row[field] = value
        sheet.writerow(row)
    return out.getvalue()


CARD = """
account = "correios"
version = "2026-1"
currency = "BRL"
time_zone = "America/Sao_Paulo"
valid_from = 2026-01-01

[[zones]]
name = "all"
to = [{ country = "BR" }]
brackets = [{ up_to_g = 1000, price = 12.55 }]
transit = { least = 2, usual = 3, most = 9 }
"""


def move_all(server: Any, fakes: dict[str, Fake], gone: str) -> set[str]:
    """Every parcel but the one that was taken back is scanned for the first time; the numbers of those that were."""
    moved: set[str] = set()
    for name, fake in fakes.items():
        fake.push_url = f"{server.address}/v1/carriers/{name}/push"
        for number in fake.parcels:
            if number != gone:
                scan = FakeScan(code=FAKES[name].codes[0], at_ms=fake.clock() // 1000 * 1000 - 3_600_000)
                fake.move(number, scan)
                pushed = fake.push(number, scan)
                assert fake.is_thanked(pushed.status_code, pushed.content), pushed.text
                moved.add(number)
    return moved


@pytest.mark.parametrize(("orders", "bad"), [(30, 5), pytest.param(500, 20, marks=pytest.mark.heavy)])
@pytest.mark.timeout(300)
def test_a_sheet_of_orders_is_shipped_over_six_carriers(
    orders: int, bad: int, tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    home = tmp_path / "home"
    with contextlib.ExitStack() as stack:
        fakes = {name: stack.enter_context(FAKES[name].kind()) for name in CARRIERS}
        endpoint = stack.enter_context(open_endpoint())
        write_settings(home, *fakes.values())
        with (home / "waypost.toml").open("a") as file:
            file.write("\n[webhooks]\nallow_http = true\nallow_private = true\n")
        (tmp_path / "card.toml").write_text(CARD, "utf-8")
        headers = make_merchant(home, "Estrela")
        server = start_server(home)
        assert Commands(home).call("rates", "import", str(tmp_path / "card.toml")).returncode == 0
        shop = stack.enter_context(httpx.Client(base_url=server.address, headers=headers, timeout=60))
        secret = shop.post("/v1/webhooks", json={"url": endpoint.url}).json()["secret"]

        sheet = write_sheet(fakes, orders, bad).encode()
        told = shop.post("/v1/orders/files?name=today.csv", content=sheet, headers={"content-type": "text/csv"}).json()
        assert (told["orders"], told["rows"], told["refused"]) == (orders - bad, orders, bad)
        assert [refusal["line"] for refusal in told["refusals"]] == list(range(orders - bad + 2, orders + 2))
        fields = {refusal["field"] for refusal in told["refusals"]}
        assert fields == {"consignee_country", "item_quantity", "account", "consignee_name", "weight_kg"}

        asked = msgspec.json.encode([draft(fakes["correios"], "SALE-1")])
        [quoted] = shop.post("/v1/quotes", content=asked, headers={"content-type": "application/json"}).json()["quotes"]
        assert [(each["account"], each["minor"]) for each in quoted["quotes"]] == [("correios", 1255)]

        job = shop.post("/v1/jobs", json={}).json()
        done = wait_for(shop, job["id"], 120)
        assert done["states"] == {"booked": orders - bad}
        assert sum(len(fake.parcels) for fake in fakes.values()) == orders - bad

        printed = shop.get(f"/v1/jobs/{job['id']}/labels")
        assert printed.status_code == 200, printed.text
        later = len(fakes["zto"].parcels)  # ZTO sends its labels by itself
        pages = len(PdfReader(io.BytesIO(printed.content)).pages)
        assert (pages, int(printed.headers["x-left-out"])) == (orders - bad - later, later)

        first, second = [order for order in list_orders(shop) if order["order"]["account"] == "correios"][:2]
        taken_back = shop.post(f"/v1/orders/{first['id']}/cancel").json()
        gone = taken_back["parcels"][0]["waybill"]["number"]
        assert (taken_back["state"], fakes["correios"].parcels[gone].is_cancelled) == ("cancelled", True)

        handed = {name: shop.post("/v1/manifests", params={"account": name}).json() for name in CARRIERS}
        assert {name: each["manifest"]["parcels"] for name, each in handed.items()} == {
            name: len(fake.parcels) - (name == "correios") for name, fake in fakes.items()
        }
        assert shop.post("/v1/manifests", params={"account": "yto"}).status_code == 409
        sent = shop.get(f"/v1/manifests/{handed['sto']['manifest']['id']}", params={"format": "csv"}).text
        assert len(sent.splitlines()) == 1 + len(fakes["sto"].parcels)

        moved = move_all(server, fakes, gone)
        news = [got.is_signed_by(secret)["data"] for got in endpoint.wait_for(len(moved), 120)]
        assert {each["waybill"]["number"] for each in news} == moved
        assert {each["order"]["reference"] for each in news} <= {f"SALE-{number:04}" for number in range(orders)}

        back = shop.post(f"/v1/orders/{second['id']}/return").json()
        assert back["order"]["sender"] == second["order"]["consignee"]
        assert shop.post(f"/v1/orders/{back['id']}/confirm").json()["state"] == "booked"
        assert len(fakes["correios"].parcels) == handed["correios"]["manifest"]["parcels"] + 2


def list_orders(shop: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = shop.get("/v1/orders", params={"limit": 500} | ({"after": after} if after else {})).json()
        found += page["orders"]
        if (after := page["next"]) is None:
            return found
