"""A carrier without an API: a signed push, a CSV upload, a sheet in its folder, a delivery at the counter."""

import datetime as dt
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from openpyxl import Workbook
from tests.rooms.app.commands import Commands

from waypost.testing.carriers.neutral import FakeNeutral

HOUR_MS = 3_600_000
NUMBER = "RP0000000012"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def make_home(home: Path, folder: Path, fake: FakeNeutral) -> str:
    """A home with the carrier's account, and a key of the carrier's."""
    home.mkdir()
    folder.mkdir()
    settings = f"""
[accounts.rural]
carrier = "ruralpost"
adapter = "neutral"
folder = "{folder}"
secret = "{fake.secrets[0]}"

[carriers.ruralpost]
zone = "Asia/Shanghai"
"""
    (home / "waypost.toml").write_text(settings, "utf-8")
    words = ("admin", "make-key", "Hilltop", "--role", "carrier", "--carrier", "ruralpost")
    return str(Commands(home).ask(*words)["key"])


def row(code: str, at: dt.datetime, **more: str) -> dict[str, str]:
    return {"number": NUMBER, "code": code, "at": at.isoformat(), "facility": "HILL-01"} | more


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, [each.name for each in path.parent.parent.rglob("*")]
        time.sleep(0.1)  # another process works


@pytest.mark.heavy
def test_a_carrier_without_an_api(tmp_path: Path, start_server: Callable[..., Any]) -> None:
    home, folder = tmp_path / "home", tmp_path / "rural"
    fake = FakeNeutral()
    key = make_home(home, folder, fake)
    server = start_server(home)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    url = f"{server.address}/v1/carriers/rural/push"

    # pushed: the parcel is picked up; a row of another carrier is refused, and a forged push leaves nothing
    rows = [row("picked_up", now - dt.timedelta(hours=30)), row("delivered", now, carrier="yto")]
    pushed = fake.sign(json.dumps(rows).encode())
    receipt = fake.send(pushed, url).json()
    assert (receipt["accepted"], receipt["refused"]) == (1, 1)
    assert (receipt["refusals"][0]["row"], receipt["refusals"][0]["field"]) == (1, "carrier")
    forged = msgspec.structs.replace(pushed, body=pushed.body.replace(b"picked_up", b"delivered"))
    answer = fake.send(forged, url)
    assert (answer.status_code, answer.json()["code"]) == (401, "forged")

    # uploaded: it leaves the hill; a row of another carrier and one without a time are told by their lines
    carrier = httpx.Client(base_url=server.address, timeout=30, headers={"authorization": f"Bearer {key}"})
    sheet = "number,status,time,carrier\n"
    sheet += f"{NUMBER},departed_from_hub,{(now - dt.timedelta(hours=20)).isoformat()},\n"
    sheet += f"{NUMBER},delivered,{now.isoformat()},yto\n{NUMBER},delivered,2026-02-30 08:00,\n"
    sent = carrier.post("/v1/carriers/rural/files", content=sheet.encode(), headers={"content-type": "text/csv"})
    told = sent.json()
    assert (sent.status_code, told["accepted"], told["refused"]) == (200, 1, 2)
    assert [(each["line"], each["field"]) for each in told["refusals"]] == [(3, "carrier"), (4, "at")]

    # put into the folder: it is out for delivery
    book = Workbook()
    book.active.append(["运单号", "状态", "时间"])
    local = (now - dt.timedelta(hours=2)).astimezone(dt.timezone(dt.timedelta(hours=8))).replace(tzinfo=None)
    book.active.append([NUMBER, "out_for_delivery", local])
    book.active.append([1.5e17, "delivered", local])
    book.save(tmp_path / "Monday.xlsx")
    (tmp_path / "Monday.xlsx").rename(folder / "Monday.xlsx")
    day = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d")
    wait_for(folder / "done" / f"{day} Monday.xlsx")
    refused = (folder / "done" / f"{day} Monday.xlsx.refused.csv").read_text("utf-8-sig")
    assert "format the column as text" in refused
    assert not (folder / "Monday.xlsx").exists()

    # confirmed at the counter: it is delivered
    answer = carrier.post("/v1/scans", json=[row("delivered", now, carrier="yto")])
    assert (answer.status_code, answer.json()["code"]) == (422, "all_refused")
    with httpx.Client(base_url=server.address, timeout=30) as browser:
        assert browser.get("/carrier").headers["location"].startswith("/carrier/login")
        assert browser.post("/carrier/login", data={"key": key}).status_code == 303
        before = browser.get("/carrier", params={"lang": "en"}).text
        assert "Monday.xlsx" in before
        assert "partly taken" in before
        form = {"code": "delivered", "facility": "HILL-01", "numbers": f"{NUMBER}\nＲＰ３"}
        page = browser.post("/carrier/scans", params={"lang": "en"}, data=form).text
        assert "1 scan taken, 1 refused" in page
        assert "UTC+8" in page
        foreign = browser.post("/carrier/scans", data=form, headers={"origin": "https://elsewhere.example"})
        assert foreign.status_code == 403
        assert browser.get("/operator").status_code == 303
    carrier.close()
    page = server.public.get(f"/track/{NUMBER}", params={"lang": "en"})
    assert "Delivered" in page.text
    answer = server.operator.get(f"/v1/parcels/{NUMBER}")
    assert answer.status_code == 200, answer.text
    [parcel] = answer.json()["parcels"]
    assert (parcel["carrier"], parcel["status"], parcel["scans"]) == ("ruralpost", "delivered", 4)
    fake.stop()
