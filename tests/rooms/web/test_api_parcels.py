from collections.abc import Callable
from typing import Any

import pytest

from waypost.web.desk import Limits


def test_in_public_a_parcel_has_cities_and_nothing_else(world: Any) -> None:
    reply = world.get("/v1/parcels/WP100000001BR")
    assert reply.status == 200
    [parcel] = reply.json["parcels"]
    assert (parcel["status"], parcel["place"]) == (
        "customs_released",
        {"city": "São Paulo", "region": "SP", "country": "BR"},
    )
    assert (parcel["order_number"], parcel["weight_g"], parcel["note"]) == (None, None, None)
    assert reply.json["as_of"] == {"position": 10, "log_position": 10, "lag": 0}
    timeline = world.get("/v1/parcels/WP100000001BR/timeline").text
    for private in ("ORDER-77", "fragile", "Guarulhos", "GRU", "courier Li", "13800001111"):
        assert private not in reply.text + timeline


def test_an_operator_sees_all_of_it(world: Any) -> None:
    [parcel] = world.get("/v1/parcels/WP100000001BR", key=world.operator).json["parcels"]
    assert (parcel["order_number"], parcel["weight_g"], parcel["place"]["name"]) == (
        "ORDER-77",
        1250,
        "Guarulhos gateway",
    )
    [timeline] = world.get("/v1/parcels/WP100000001BR/timeline", key=world.operator).json["timelines"]
    assert [scan["place"] and scan["place"].get("facility") for scan in timeline["scans"]] == [
        *("GRU", "GRU", None, "CAN", "CAN")
    ]
    assert [scan["note"] for scan in timeline["scans"] if scan["note"]] == ["by courier Li …"]


def test_a_carriers_key_shows_what_is_public(world: Any) -> None:
    assert world.get("/v1/parcels/WP100000001BR", key=world.carrier).json["parcels"][0]["weight_g"] is None


def test_a_wrong_key_is_not_taken_for_none(world: Any) -> None:
    assert world.get("/v1/parcels/WP100000001BR", key="wp_guessed").status == 401


def test_a_number_is_a_list(world: Any) -> None:
    reply = world.get("/v1/parcels/SHARED01")
    assert [(each["carrier"], each["status"]) for each in reply.json["parcels"]] == [
        ("waypost", "picked_up"),
        ("yto", "delivered"),
    ]
    timelines = world.get("/v1/parcels/SHARED01/timeline?carrier=yto").json["timelines"]
    assert [timeline["carrier"] for timeline in timelines] == ["yto"]
    assert len(world.get("/v1/parcels/SHARED01/timeline").json["timelines"]) == 2


@pytest.mark.parametrize("number", ["wp100000001br", "YT8800000000001", "WP1000-00001BR", " WP100000001BR "])
def test_other_spellings_and_numbers_of_it(world: Any, number: str) -> None:
    [parcel] = world.get(f"/v1/parcels/{number}").json["parcels"]
    assert parcel["number"] == "WP100000001BR"


@pytest.mark.parametrize("path", ["/v1/parcels/1Z999AA10123456784", "/v1/parcels/1Z999AA10123456784/timeline"])
def test_an_unknown_number_says_whose_it_could_be(world: Any, path: str) -> None:
    reply = world.get(path)
    assert (reply.status, reply.json["code"], reply.json["carriers"]) == (404, "not_found", ["ups"])
    assert "1Z999AA10123456784" in reply.json["detail"]


def test_many_at_once_keep_their_order(world: Any) -> None:
    reply = world.get("/v1/parcels?number=NOPE&number=WP100000002BR&number=SHARED01")
    assert reply.status == 200
    assert [(each["asked"], len(each["parcels"])) for each in reply.json["found"]] == [
        *(("NOPE", 0), ("WP100000002BR", 1), ("SHARED01", 2))
    ]


def test_how_many_at_once(world: Any) -> None:
    many = "&".join(f"number=N{place}" for place in range(31))
    public = world.get(f"/v1/parcels?{many}")
    assert (public.status, public.json["errors"][0]["where"]) == (422, "number")
    assert "1 to 30 numbers" in public.json["detail"]
    assert world.get(f"/v1/parcels?{many}", key=world.operator).status == 200


@pytest.mark.parametrize("number", ["N" * 10_000, "%20", "N" * 65])
def test_what_can_be_no_number(world: Any, number: str) -> None:
    number = number.replace("%20", " ")
    reply = world.get(f"/v1/parcels/{number}")
    assert (reply.status, reply.json["code"]) == (422, "invalid")
    assert len(reply.body) < 1000


@pytest.mark.parametrize(
    "number", ["A/B", "';DROP TABLE parcels;--", "<script>", "\x00", "\ud7ff", "%", "..", "🚚" * 16]
)
def test_odd_numbers_are_looked_up_like_others(world: Any, number: str) -> None:
    reply = world.get(f"/v1/parcels/{number}")
    assert (reply.status, reply.json["code"]) == (404, "not_found"), reply.text


def test_public_look_ups_are_limited_by_address(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(numbers_burst=5, numbers_per_min=60))
    assert world.get("/v1/parcels?number=a&number=b&number=c").status == 200
    refused = world.get("/v1/parcels?number=a&number=b&number=c")
    assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (429, "too_many", "1")
    assert world.get("/v1/parcels/WP100000002BR", client=("198.51.100.1", 1)).status == 200
    assert world.get("/v1/parcels?number=a&number=b&number=c", key=world.operator).status == 200
    world.now_ms += 1000
    assert world.get("/v1/parcels?number=a&number=b&number=c").status == 200


def test_the_list_goes_page_by_page(world: Any) -> None:
    first = world.get("/v1/parcels?prefix=WP&limit=2", key=world.operator).json
    assert [each["number"] for each in first["parcels"]] == ["WP100000001BR", "WP100000002BR"]
    rest = world.get(f"/v1/parcels?prefix=WP&limit=2&after={first['next']}", key=world.operator).json
    assert ([each["number"] for each in rest["parcels"]], rest["next"]) == (["WP100000003BR"], None)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("status=delivered", ["SHARED01", "WP100000002BR"]),
        ("group=customs", ["WP100000001BR"]),
        ("carrier=yto&status=delivered", ["SHARED01"]),
        ("facility=GRU&since=2026-11-21T00:00:00Z", ["WP100000001BR", "WP100000003BR"]),
        ("until=2026-11-20T10:00:00+08:00&carrier=waypost", []),
    ],
)
def test_the_list_is_filtered(world: Any, query: str, numbers: list[str]) -> None:
    reply = world.get(f"/v1/parcels?{query}", key=world.operator)
    assert [each["number"] for each in reply.json["parcels"]] == numbers


def test_the_list_is_for_operators(world: Any) -> None:
    assert world.get("/v1/parcels").status == 401
    assert world.get("/v1/parcels", key=world.carrier).status == 403


@pytest.mark.parametrize("query", ["after=!!", "status=flying", "group=flying"])
def test_filters_that_cannot_be_used(world: Any, query: str) -> None:
    reply = world.get(f"/v1/parcels?{query}", key=world.operator)
    assert (reply.status, reply.json["code"]) == (400, "bad_input")


def test_a_plus_that_was_lost_in_the_address(world: Any) -> None:
    reply = world.get("/v1/parcels?since=2026-11-21T08:00:00 08:00&facility=GRU", key=world.operator)
    assert reply.status == 200
