"""Requests that are repeated under a key: the same again gives what it made, another is refused, on every route."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.rooms.web.everybody import House, open_house

from waypost.web.api.pickup_answers import PICKUP_SENT


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        opened.world.accounts["correios"] = "correios"
        yield opened


def bodies_of(house: House) -> dict[str, tuple[str, str, Any, Any]]:
    """For each route that takes a key: who asks, where, and what; and something else that could be asked for too."""
    pickup = msgspec.to_builtins(PICKUP_SENT)
    proof = {"number": house.number, "at": "2026-11-22T11:00:00-03:00", "received_by": "Rosa"}
    closing = {"kind": "closure", "why": "flooded", "facility": "hilltop/GRU", "until": "2026-12-01T00:00:00Z"}
    hook = {"url": "https://shop.example/hook", "statuses": ["delivered"]}
    return {
        "/v1/webhooks": ("merchant", "/v1/webhooks", hook, hook | {"statuses": []}),
        "/v1/jobs": ("merchant", "/v1/jobs", {"orders": [house.booked]}, {"orders": [house.drafted]}),
        "/v1/pickups": ("merchant", "/v1/pickups", pickup, pickup | {"parcels": 99}),
        "/v1/timetable-changes": ("operator", "/v1/timetable-changes", closing, closing | {"why": "strike"}),
        "/v1/carriers/{account}/proofs": (
            *("operator", "/v1/carriers/correios/proofs"),
            *(proof, proof | {"received_by": "Ana"}),
        ),
    }


def send(house: House, who: str, path: str, body: bytes) -> Any:
    headers = {"content-type": "application/json", "idempotency-key": "tonight"}
    return house.world.ask("POST", path, headers=headers, body=body, key=house.keys[who])


def test_a_key_is_good_for_one_request_on_every_route(house: House) -> None:
    sent = bodies_of(house)
    for path, (who, asked, body, other) in sent.items():
        first = send(house, who, asked, json.dumps(body).encode())
        assert first.status == 200, (path, first.text)
        spelt = json.dumps(dict(reversed(body.items())), indent=1).encode()  # as another writer of JSON has it
        assert send(house, who, asked, spelt).json == first.json, path
        before = house.state()
        for refused in (send(house, who, asked, json.dumps(other).encode()), send(house, who, f"{asked}?a=1", spelt)):
            assert (refused.status, refused.json["code"]) == (422, "key_reused"), path
            assert "another content" in refused.json["detail"]
        assert house.state() == before
    described = house.world.get("/v1/openapi.json").json["paths"]
    takes_key = {
        path
        for path, route in described.items()
        if any(each["name"] == "Idempotency-Key" for each in route.get("post", {}).get("parameters", []))
    }
    assert takes_key == {*sent, "/v1/manifests", "/v1/scans"}  # a scan is known by its content


def test_a_manifest_of_another_account_is_not_handed_back(house: House) -> None:
    house.ask("merchant", "post", f"/v1/orders/{house.drafted}/confirm")
    first = send(house, "merchant", "/v1/manifests?account=correios", b"")
    assert first.status == 200, first.text
    assert send(house, "merchant", "/v1/manifests?account=correios", b"").json == first.json
    assert send(house, "merchant", "/v1/manifests", b"").json["code"] == "key_reused"


def test_what_came_to_nothing_does_not_use_a_key_up(house: House) -> None:
    who, path, body, _ = bodies_of(house)["/v1/pickups"]
    wrong = send(house, who, path, json.dumps(body | {"day": "2027-02-30"}).encode())
    assert (wrong.status, wrong.json["code"]) == (400, "bad_input")
    assert send(house, who, path, json.dumps(body).encode()).status == 200


def test_the_key_of_another_is_another(house: House) -> None:
    body = json.dumps({}).encode()
    mine, theirs = send(house, "merchant", "/v1/jobs", body), send(house, "other merchant", "/v1/jobs", body)
    assert (mine.status, theirs.status) == (200, 200)
    assert mine.json["id"] != theirs.json["id"]
