import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.track.records import keep_parcels
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
    timeline = world.get("/v1/parcels/WP100000001BR/timeline").text
    for private in ("ORDER-77", "fragile", "Guarulhos", "GRU", "courier Li", "13800001111"):
        assert private not in reply.text + timeline


LOOK_UPS = ["/v1/parcels?number=WP100000001BR", "/v1/parcels/WP100000001BR", "/v1/parcels/WP100000001BR/timeline"]


@pytest.mark.parametrize("path", LOOK_UPS)
def test_in_public_nobody_can_tell_how_many_scans_there_are(world: Any, path: str) -> None:
    for key in (None, world.carrier):
        assert world.get(path, key=key).json["as_of"] == {
            "position": None, "log_position": None, "lag": None, "complete": True,
        }  # fmt: skip
    assert world.get(path, key=world.operator).json["as_of"] == {
        "position": 10, "log_position": 10, "lag": 0, "complete": True,
    }  # fmt: skip


def test_scans_have_ids_and_unknown_codes_for_operators_only(world: Any) -> None:
    [wrong] = world.get("/v1/parcels/WP100000003BR/timeline", key=world.operator).json["timelines"][0]["scans"]
    world.keep(
        {"carrier": "waypost", "number": "WP100000003BR", "code": "picked_up", "at": "2026-11-21T11:00:00Z"}
        | {"facility": "GRU", "corrects": wrong["id"]}
    )
    for key, seen in ((world.operator, True), (None, False), (world.carrier, False)):
        reply = world.get("/v1/parcels/WP100000003BR/timeline", key=key)
        scans = reply.json["timelines"][0]["scans"]
        assert [(scan["status"], "corrected" in scan["flags"]) for scan in scans] == [
            *(("unknown", True), ("picked_up", False))
        ]
        assert [scan["code"] for scan in scans] == ["warp_drive_engaged" if seen else None, "picked_up"]
        assert [bool(scan["id"]) for scan in scans] == [seen, seen]
        assert [scan["corrects"] for scan in scans] == [None, wrong["id"] if seen else None]
        assert (wrong["id"] in reply.text, "warp_drive" in reply.text) == (seen, seen)


def test_that_more_parcels_bear_a_number_is_said(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [f"/v1/parcels/{path}" for path in ("SHARED01", "SHARED01/timeline", "WP100000002BR")]
    assert [world.get(path).json["more"] for path in asked] == [0, 0, 0]
    monkeypatch.setattr("waypost.track.parcels.MOST_PARCELS", 1)
    assert [world.get(path).json["more"] for path in asked] == [1, 1, 0]
    assert [each["more"] for each in world.get("/v1/parcels?number=SHARED01&number=NOPE").json["found"]] == [1, 0]
    of_one_carrier = world.get("/v1/parcels/SHARED01/timeline?carrier=yto").json
    assert ([each["carrier"] for each in of_one_carrier["timelines"]], of_one_carrier["more"]) == (["yto"], 0)


@pytest.mark.parametrize(
    "path", ["/v1/parcels/SHARED01/timeline", "/track/SHARED01", "/track?n=SHARED01,WP100000001BR"]
)
def test_a_timeline_is_read_once(world: Any, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    reads: list[tuple[str, str]] = []
    timelines = world.memory.index.timelines

    def note(numbers: list[str], carrier: str, most: int) -> Any:
        reads.extend((carrier, number) for number in numbers)
        return timelines(numbers, carrier, most)

    monkeypatch.setattr(world.memory.index, "timelines", note)
    assert world.get(path).status == 200
    assert ("yto", "SHARED01") in reads
    assert len(reads) == len(set(reads))


@pytest.mark.parametrize("number", ["wp100000001br", "YT8800000000001", "WP1000-00001BR", " WP100000001BR "])
def test_other_spellings_and_numbers_of_it(world: Any, number: str) -> None:
    [parcel] = world.get(f"/v1/parcels/{number}").json["parcels"]
    assert parcel["number"] == "WP100000001BR"


@pytest.mark.parametrize("order", ["订单 7788", "Pedido Nº 7", "ORDER 7A"])
def test_an_order_number_with_blanks_and_letters_of_any_script(world: Any, order: str) -> None:
    waybill = Waybill("waypost", "WP100000002BR")
    with world.memory.records.begin() as connection:
        keep_parcels(connection, [Parcel(id=parcel_id(waybill), waybill=waybill, order_number=order)])
    for path in (f"/v1/parcels/{order}", f"/v1/parcels/{order}/timeline"):
        assert "WP100000002BR" in world.get(path).text, path
    [found] = world.get(f"/v1/parcels?number={quote(order)}").json["found"]
    assert [parcel["number"] for parcel in found["parcels"]] == ["WP100000002BR"]


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


@pytest.mark.parametrize(
    "path",
    [
        "/v1/parcels?" + "&".join(f"number=N{place}" for place in range(7)),
        "/track?n=" + "%0A".join(f"NUMBER{place}" for place in range(7)),
    ],
)
def test_each_number_of_a_public_look_up_is_charged(make_world: Callable[..., Any], path: str) -> None:
    world = make_world(limits=Limits(numbers_burst=15, numbers_per_min=60))
    assert [world.get(path).status for _ in range(3)] == [200, 200, 429]
    assert [world.get("/v1/parcels/WP100000002BR/timeline").status for _ in range(2)] == [200, 429]


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


@pytest.mark.parametrize("query", ["after=!!", "after=WP", "status=flying", "group=flying"])
def test_filters_that_cannot_be_used(world: Any, query: str) -> None:
    reply = world.get(f"/v1/parcels?{query}", key=world.operator)
    assert (reply.status, reply.json["code"]) == (400, "bad_input")


def test_a_plus_that_was_lost_in_the_address(world: Any) -> None:
    reply = world.get("/v1/parcels?since=2026-11-21T08:00:00 08:00&facility=GRU", key=world.operator)
    assert reply.status == 200


@pytest.mark.parametrize("beside", ["status=delivered", "carrier=yto", "limit=5", "nubmer=X&after=", "x" * 99 + "=1"])
def test_what_does_nothing_beside_a_number_is_refused(world: Any, beside: str) -> None:
    reply = world.get(f"/v1/parcels?number=SHARED01&{beside}")
    assert (reply.status, reply.json["code"]) == (422, "invalid")
    names = [part.split("=")[0] for part in beside.split("&")]
    assert [(wrong["where"], wrong["reason"]) for wrong in reply.json["errors"]] == [
        (f"query.{name[:40]}", "does not go with `number`") for name in names
    ]


def send_unseen(world: Any, number: str = "FRESH1") -> int:
    """Send a scan that look-ups do not show until somebody waits for it; the `min_position` of its receipt."""
    row = {"carrier": "waypost", "number": number, "code": "picked_up", "at": "2026-11-22T10:00:00Z"}
    receipt = world.post_scans([row], key=world.carrier).json
    assert receipt["indexed"] is False
    return int(receipt["position"] + receipt["accepted"])


def get_on_later(world: Any, monkeypatch: pytest.MonkeyPatch, asked: int) -> None:
    """Let the index come to the end of the log when it is asked for its position so many times."""
    index, calls = world.memory.index, iter(range(asked, 0, -1))
    position = index.position

    def get_on() -> int:
        if next(calls, 0) == 1:
            index.catch_up(world.memory.log.position(), 5)
        return int(position())

    monkeypatch.setattr(index, "position", get_on)


FRESH = ["/v1/parcels?number=FRESH1&", "/v1/parcels/FRESH1?", "/v1/parcels/FRESH1/timeline?"]


@pytest.mark.parametrize("path", FRESH)
@pytest.mark.parametrize("role", ["operator", "carrier"])
def test_who_sent_scans_may_wait_until_look_ups_show_them(
    world: Any, monkeypatch: pytest.MonkeyPatch, path: str, role: str
) -> None:
    position = send_unseen(world)
    get_on_later(world, monkeypatch, asked=4)
    reply = world.get(f"{path}min_position={position}", key=getattr(world, role))
    assert (reply.status, "picked_up" in reply.text) == (200, True)
    assert reply.json["as_of"]["complete"] is True
    assert reply.json["as_of"]["position"] == (position if role == "operator" else None)
    lines = world.get("/metrics", key=world.operator).text.splitlines()
    assert "waypost_reads_waited_total 1.0" in lines


def test_the_list_waits_as_well(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    position = send_unseen(world)
    assert world.get("/v1/parcels?prefix=FRESH", key=world.operator).json["parcels"] == []
    get_on_later(world, monkeypatch, asked=4)
    reply = world.get(f"/v1/parcels?prefix=FRESH&min_position={position}", key=world.operator)
    assert [each["number"] for each in reply.json["parcels"]] == ["FRESH1"]


@pytest.mark.parametrize("path", FRESH)
def test_an_older_state_is_never_passed_off_for_the_newest(make_world: Callable[..., Any], path: str) -> None:
    world = make_world(limits=Limits(wait_s=0.02))
    position = send_unseen(world)
    reply = world.get(f"{path}min_position={position}", key=world.carrier)
    assert (reply.status, reply.json["code"], reply.headers["retry-after"]) == (503, "not_yet", "1")
    assert reply.json["detail"] == f"look-ups did not show everything below position {position} within 0.02 s"
    assert "without min_position" in reply.json["mend"]
    assert world.memory.index.catch_up(position, 5)
    assert world.get(f"{path}min_position={position}", key=world.carrier).status == 200


def test_what_look_ups_show_already_needs_no_waiting(world: Any) -> None:
    send_unseen(world)  # the index is behind, but not for this caller
    for position in (0, 10):
        reply = world.get(f"/v1/parcels/WP100000001BR?min_position={position}", key=world.carrier)
        assert (reply.status, reply.json["as_of"]["complete"]) == (200, False)
    assert "waypost_reads_waited_total 0.0" in world.get("/metrics", key=world.operator).text.splitlines()


@pytest.mark.parametrize("path", [*FRESH, "/v1/parcels?prefix=FRESH&"])
def test_positions_are_not_for_the_public(world: Any, path: str) -> None:
    for position in (0, 10, 11):  # the answer tells nothing of where the log is
        reply = world.get(f"{path}min_position={position}")
        assert (reply.status, reply.json["code"]) == (401, "not_allowed")


def test_a_position_that_the_log_does_not_come_to(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(wait_s=0.02))
    for position in (11, 2**62):
        reply = world.get(f"/v1/parcels/SHARED01?min_position={position}", key=world.carrier)
        assert (reply.status, reply.json["errors"][0]["where"]) == (422, "query.min_position")
        assert "lies beyond the log" in reply.json["detail"]


@pytest.mark.parametrize("position", ["-1", "soon", "1e3", str(2**62 + 1), "9" * 5_000, ""])
def test_what_can_be_no_position(world: Any, position: str) -> None:
    reply = world.get(f"/v1/parcels/SHARED01?min_position={position}", key=world.carrier)
    assert (reply.status, reply.json["errors"][0]["where"]) == (422, "query.min_position")


def test_only_so_many_wait_at_one_time(make_world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(limits=Limits(waiting=2))
    path = f"/v1/parcels/FRESH1?min_position={send_unseen(world)}"
    replies: list[Any] = []
    asking = [threading.Thread(target=lambda: replies.append(world.get(path, key=world.carrier))) for _ in range(2)]
    for each in asking:
        each.start()
    until = time.monotonic() + 20
    while "waypost_reads_waited_total 2.0" not in world.get("/metrics", key=world.operator).text:
        assert time.monotonic() < until
    third = world.get(path, key=world.carrier)
    assert (third.status, third.json["code"]) == (503, "busy")
    assert world.memory.index.catch_up(11, 5)
    for each in asking:
        each.join(20)
    assert [reply.status for reply in replies] == [200, 200]
    path = f"/v1/parcels/FRESH2?min_position={send_unseen(world, 'FRESH2')}"
    get_on_later(world, monkeypatch, asked=4)
    assert world.get(path, key=world.carrier).status == 200
