"""A consignee follows its parcel by a link of its own, sees who took it, and asks to be forgotten."""

import base64
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from tests.journeys.test_merchants import draft, make_merchant, send, write_settings
from tests.rooms.app.commands import Commands

from waypost.access.keys import Role
from waypost.app.settings import read_settings
from waypost.app.wiring import now_ms, open_house
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import FakeScan


def photo() -> str:
    exif = Image.Exif()
    exif[0x010F] = "Camera of a courier"
    to = io.BytesIO()
    Image.new("RGB", (80, 60), "tan").save(to, "JPEG", exif=exif)
    return base64.b64encode(to.getvalue()).decode()


def all_bytes(home: Path) -> bytes:
    """Whatever lies in a home, less the keys."""
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file() and path.name != "seal")


def test_a_consignee_follows_its_parcel_and_is_forgotten(tmp_path: Path, start_server: Callable[..., Any]) -> None:
    home = tmp_path / "home"
    with FAKES["correios"].kind() as fake:
        write_settings(home, fake)
        shop_key = make_merchant(home, "Estrela")
        with open_house(read_settings(home=home)) as house:
            courier = house.keys.make(Role.CARRIER, "courier", now_ms(), ["correios"])
        person = fake.sample.consignee
        server = start_server(home)
        fake.push_url = f"{server.address}/v1/carriers/correios/push"
        with httpx.Client(base_url=server.address, headers=shop_key, timeout=30) as shop:
            [entry] = send(shop, draft(fake, "SALE-1"))["entries"]
            [parcel] = shop.post(f"/v1/orders/{entry['id']}/confirm").json()["parcels"]
            number = parcel["waybill"]["number"]
            path = shop.get(f"/v1/orders/{entry['id']}/parcels/1/page").json()["path"]
            assert server.public.get(path, params={"lang": "en"}).status_code == 200

            last = FAKES["correios"].codes[-1]
            scan = FakeScan(code=last, at_ms=fake.clock() // 1000 * 1000 - 3_600_000)
            fake.move(number, scan)
            pushed = fake.push(number, scan)
            assert fake.is_thanked(pushed.status_code, pushed.content)
            told = {"number": number, "at": "2026-01-02T10:00:00-03:00", "received_by": "Vizinha Rosa"}
            proof = server.public.post(
                "/v1/carriers/correios/proofs",
                json=told | {"picture": photo()},
                headers={"authorization": f"Bearer {courier}", "idempotency-key": "1"},
            )
            assert proof.status_code == 200, proof.text
        server.kill()  # what was acknowledged is there

        server = start_server(home, server.key)
        until = time.monotonic() + 20
        while "Delivered" not in (page := server.public.get(path, params={"lang": "en"}).text):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert "Vizinha Rosa" in page
        assert "Estrela" in page
        assert person.name not in page
        image = server.public.get(f"{path}/proofs/{proof.json()['id']}/picture")
        assert Image.open(io.BytesIO(image.content)).size == (80, 60)
        assert b"Camera" not in image.content
        secrets = [person.name, person.street, person.phone, "Vizinha Rosa", "Camera of", path.removeprefix("/p/")]
        lying = all_bytes(home)
        assert [secret for secret in secrets if secret.encode() in lying] == []  # on disk it is sealed

        commands = Commands(home)
        ask, person_of = commands.ask, ("--name", person.name, "--phone", person.phone)
        assert ask("admin", "export-person", str(tmp_path / "export"), "--name", person.name)["orders"] == 1
        assert person.street in (tmp_path / "export" / "person.json").read_text()
        until = time.monotonic() + 20
        while commands.call("admin", "erase-person", *person_of, "--dry-run").returncode:
            assert time.monotonic() < until  # the parcel is on its way until the server has its index on disk
        erased = ask("admin", "erase-person", *person_of)
        assert len(erased["orders"]) == 1
        assert server.public.get(path).status_code == 404
        ask("admin", "export-person", str(tmp_path / "again"), "--name", person.name, code=1)
        with httpx.Client(base_url=server.address, headers=shop_key, timeout=30) as shop:
            left = shop.get(f"/v1/orders/{entry['id']}").json()
            assert (left["order"]["consignee"]["name"], left["parcels"][0]["waybill"]["number"]) == ("…", number)
            assert shop.get(f"/v1/orders/{entry['id']}/parcels/1/label").status_code == 409
            assert shop.get("/v1/proofs", params={"number": number}).json() == {"proofs": []}
        assert "Delivered" in server.public.get(f"/track/{number}", params={"lang": "en"}).text
    journal = (tmp_path / "journal").read_text()
    assert [secret for secret in secrets if secret in journal] == []
    assert "/p/{token}" in journal
