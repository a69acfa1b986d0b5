import json
from collections.abc import Callable
from typing import Any

import pytest

from waypost.web.desk import Limits

PEK = {"carrier": "waypost", "code": "PEK", "name": "Capital hub", "kind": "hub"}
PLACE = {
    "city": "北京",
    "region": "BJ",
    "country": "CN",
    "latitude": 40.08,
    "longitude": 116.6,
    "zone": "Asia/Shanghai",
}


def put(world: Any, value: object, **more: Any) -> Any:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = {"content-type": "application/json"} | more.pop("headers", {})
    return world.ask("PUT", "/v1/facilities", headers=headers, body=body, **{"key": world.operator} | more)


def test_facilities_are_kept_and_listed(world: Any) -> None:
    reply = put(world, [PEK | {"place": PLACE}])
    assert (reply.status, reply.json) == (200, {"kept": 1})
    first = world.get("/v1/facilities?limit=2", key=world.operator).json
    assert [each["code"] for each in first["facilities"]] == ["CAN", "GRU"]
    rest = world.get(f"/v1/facilities?limit=2&after={first['next']}", key=world.operator).json
    assert rest == {"facilities": [PEK | {"place": PLACE}], "next": None}
    assert world.get("/v1/facilities?carrier=yto", key=world.operator).json["facilities"] == []


@pytest.mark.parametrize("after", ["waypost/CAN", "!!", "", "W10", "a" * 2000])
def test_a_cursor_that_is_none_of_ours_is_refused(world: Any, after: str) -> None:
    reply = world.get(f"/v1/facilities?after={after}", key=world.operator)
    assert (reply.status, reply.json["code"]) == (400, "bad_input")
    assert reply.json["detail"] == "after: this cursor is none of ours"


def test_a_facility_of_the_longest_code_can_be_gone_on_behind(world: Any) -> None:
    put(world, [PEK | {"code": "\U0001f69a" * 128}, PEK | {"code": "\U0001f69a" * 127 + "\U0001f69b"}])
    first = world.get("/v1/facilities?limit=3", key=world.operator).json
    rest = world.get(f"/v1/facilities?limit=3&after={first['next']}", key=world.operator).json
    assert [each["code"][-1] for each in rest["facilities"]] == ["\U0001f69b"]


def test_kept_again_is_brought_up_to_date(world: Any) -> None:
    put(world, [PEK])
    put(world, [PEK | {"name": "Capital airport"}])
    listed = world.get("/v1/facilities", key=world.operator).json["facilities"]
    assert [each["name"] for each in listed if each["code"] == "PEK"] == ["Capital airport"]


@pytest.mark.parametrize(
    ("facility", "status", "said"),
    [
        (PEK | {"kind": "warehouse"}, 422, "$[1].kind"),
        (PEK | {"nmae": "x"}, 422, "$[1]"),
        (PEK | {"carrier": "Not A Code"}, 422, "$[1].carrier"),
        (PEK | {"name": "n" * 201}, 422, "$[1].name"),
        (PEK | {"place": {"latitude": "north"}}, 422, "$[1].place.latitude"),
        ({"carrier": "waypost"}, 422, "$[1]"),
        (PEK | {"name": "Capital\nhub"}, 400, "the name has control characters"),
        (PEK | {"code": "PEK\x00"}, 400, "the code has control characters"),
        (PEK | {"place": {"city": "Bei\x1bjing"}}, 400, "the city has control characters"),
        (PEK | {"place": {"region": "\u2029"}}, 400, "the region has control characters"),
        (PEK | {"place": {"latitude": 91.0}}, 400, "off the globe"),
        (PEK | {"place": {"zone": "Asia/Atlantis"}}, 400, "unknown time zone"),
        (PEK | {"place": {"country": "Brasil"}}, 400, "no ISO 3166-1"),
    ],
)
def test_one_that_cannot_be_is_named_and_none_is_kept(world: Any, facility: Any, status: int, said: str) -> None:
    reply = put(world, [PEK | {"code": "GOOD"}, facility])
    assert reply.status == status, reply.text
    told = reply.json["errors"][0]["where"] if status == 422 else reply.json["detail"]
    assert said in told
    assert "GOOD" not in world.get("/v1/facilities", key=world.operator).text


@pytest.mark.parametrize("body", [b"[{", b"\xff", b"", b"[]]"])
def test_a_body_that_is_no_json(world: Any, body: bytes) -> None:
    reply = put(world, body)
    assert (reply.status, reply.json["code"]) == (400, "bad_input")


def test_facilities_have_limits_too(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(facilities_at_once=1, body_bytes=1000))
    assert put(world, [PEK, PEK]).status == 413
    assert put(world, b" " * 1001).status == 413
    assert put(world, [PEK], headers={"content-type": "text/plain"}).status == 415


def test_facilities_are_for_operators(world: Any) -> None:
    assert put(world, [PEK], key=None).status == 401
    assert put(world, [PEK], key=world.carrier).status == 403
    assert world.get("/v1/facilities").status == 401


def test_statuses_have_words_in_every_language(world: Any) -> None:
    statuses = {each["code"]: each for each in world.get("/v1/statuses").json["statuses"]}
    assert len(statuses) == 35
    delivered = statuses["delivered"]
    assert (delivered["group"], delivered["shape"], delivered["milestone"]) == ("delivery", "done", "delivered")
    assert {code: words["label"] for code, words in delivered["phrases"].items()} == {
        "en": "Delivered",
        "zh": "已签收",
        "es": "Entregado",
        "pt": "Entregue",
    }


def test_the_overview_counts(world: Any) -> None:
    assert world.get("/v1/overview").status == 401
    overview = world.get("/v1/overview", key=world.operator).json
    assert (overview["scans"], overview["parcels"]) == (10, 6)
    assert {"status": "delivered", "shape": "done", "parcels": 2} in overview["statuses"]
    assert [(each["facility"], each["scans"]) for each in overview["facilities"]] == [("GRU", 5), ("CAN", 2)]
    assert [(each["carrier"], each["code"]) for each in overview["unknown_codes"]] == [
        ("waypost", "warp_drive_engaged")
    ]
