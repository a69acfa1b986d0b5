"""A parcel from Hangzhou to Beijing with YTO, as its pushes really come: twice, out of order, one wrong, one late."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

HANGZHOU = {"city": "Hangzhou", "region": "Zhejiang", "country": "CN"}
BEIJING = {"city": "Beijing", "region": "Beijing", "country": "CN"}
FACILITIES = [
    ("571001", "Hangzhou West outlet", "outlet", HANGZHOU),
    ("571900", "Hangzhou hub", "hub", HANGZHOU),
    ("010900", "Beijing hub", "hub", BEIJING),
    ("010017", "Chaoyang station", "station", BEIJING),
]
#       code         Shanghai time           facility
WAY = """
        GOT          2026-11-18 16:02:11     571001
        ARRIVAL      2026-11-18 20:40:00     571900
        DEPARTURE    2026-11-18 23:15:00     571900
        ARRIVAL      2026-11-20 04:31:00     010900
        DEPARTURE    2026-11-20 06:10:00     010900
        SENT_SCAN    2026-11-20 08:45:30     010017
        SIGNED       2026-11-20 10:12:07     010017
"""


def scans_of(way: str) -> list[dict[str, str]]:
    found = []
    for line in way.strip().splitlines():
        code, day, time, facility = line.split()
        at = f"{day} {time}"
        found.append({"carrier": "yto", "number": "YT8800112233445", "code": code, "at": at, "facility": facility})
    return found


def test_a_parcel_from_hangzhou_to_beijing(server: Any, start_server: Callable[..., Any], tmp_path: Path) -> None:
    places = [
        {"carrier": "yto", "code": code, "name": name, "kind": kind, "place": place}
        for code, name, kind, place in FACILITIES
    ]
    assert server.operator.put("/v1/facilities", json=places).status_code == 200
    got, arrival, departure, *rest = scans_of(WAY)

    # The first push brings the departure before the pick-up, and the pick-up twice.
    server.send([departure, got, got])
    assert status(server) == "departed_from_hub"
    server.send([arrival, got])
    assert [scan["code"] for scan in timeline(server)] == ["DEPARTURE", "ARRIVAL", "GOT"]

    # A hub scans it wrongly as delivered, and takes that back.
    wrong = got | {"code": "SIGNED", "at": "2026-11-19 09:00:00", "facility": "571900"}
    server.send([wrong])
    assert status(server) == "delivered"
    named = next(scan["id"] for scan in timeline(server) if scan["code"] == "SIGNED")
    server.send([wrong | {"code": "void", "at": "2026-11-19 09:05:00", "corrects": named}])
    assert status(server) == "departed_from_hub"
    assert flags(server, "SIGNED") >= {"corrected"}

    # The rest comes; the server dies in between without a word and starts again on the same home.
    server.send(rest[:2])
    server.kill()
    again = start_server(key=server.key)
    again.send(rest)
    assert status(again) == "delivered"
    seen = timeline(again)
    assert [scan["at"] for scan in seen if scan["code"] == "SIGNED" and "corrected" not in scan["flags"]] == [
        "2026-11-20T10:12:07+08:00"
    ]
    assert len(seen) == 9  # seven true ones, the wrong one, and the one that withdraws it
    # A stray scan after the delivery is shown and flagged, and does not bring the parcel back.
    again.send([arrival | {"at": "2026-11-20 11:00:00", "facility": "010900"}])
    assert status(again) == "delivered"
    assert "impossible" in timeline(again)[0]["flags"]
    page = again.public.get("/track/YT8800112233445", params={"lang": "en"}).text
    assert "Beijing" in page
    assert "YT8800112233445" in page
    assert "Chaoyang" not in page  # the city is public, the station is not

    again.stop()
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or server.key.encode() not in file.read_bytes(), file


def status(server: Any) -> str:
    parcels = server.operator.get("/v1/parcels/YT8800112233445").json()["parcels"]
    assert len(parcels) == 1
    return str(parcels[0]["status"])


def timeline(server: Any) -> list[dict[str, Any]]:
    answer = server.operator.get("/v1/parcels/YT8800112233445/timeline")
    assert answer.status_code == 200, answer.text
    scans: list[dict[str, Any]] = answer.json()["timelines"][0]["scans"]
    return scans


def flags(server: Any, code: str) -> set[str]:
    return {flag for scan in timeline(server) if scan["code"] == code for flag in scan["flags"]}
