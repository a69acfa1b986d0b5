"""Ways over HTTP, and the closures and delays that change them."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.web.conftest import Reply, World

from waypost.access.keys import Role
from waypost.feeds.timetables import TimetablesFeed
from waypost.model.parties import PartyKind

EXAMPLE = Path(__file__).parents[3] / "examples/timetables/timetable.csv"
ASKED = {"origin": "hilltop/CWB", "destination": "hilltop/MAO", "ready": "2026-11-22T12:00:00-03:00"}
CLOSED = {"kind": "closure", "why": "flooded", "facility": "hilltop/GRU", "until": "2026-11-25T00:00:00Z"}
LATE = {"kind": "delay", "why": "snow", "carrier": "azul", "service": "AD2410", "day": "2026-11-23", "minutes": 90}
ZONES = {"CWB": "America/Sao_Paulo", "GRU": "America/Sao_Paulo", "MAO": "America/Manaus"}


@pytest.fixture
def served(world: World) -> World:
    found = TimetablesFeed(EXAMPLE, lambda carrier, code: ZONES[code]).read()
    assert not found.refused
    world.timetables.keep(found.services, {})
    return world


def post(world: World, path: str, body: Any, key: str | None = None, **headers: str) -> Reply:
    sent = {"content-type": "application/json"} | headers
    return world.ask("POST", path, headers=sent, body=json.dumps(body).encode(), key=key or world.operator)


def arrivals(reply: Reply) -> list[str]:
    return [path["legs"][-1]["arrives_at"] for path in reply.json["paths"]]


def bound(world: World, *carriers: str) -> str:
    return world.keys.make(Role.CARRIER, "k", world.now_ms, carriers)


def test_the_first_and_the_last_way_and_all_that_are_best(served: World) -> None:
    assert arrivals(post(served, "/v1/paths", ASKED)) == ["2026-11-23T08:55:00-04:00"]
    due = {**ASKED, "ready": None, "due": "2026-11-24T09:00:00-04:00"}
    assert post(served, "/v1/paths", due).json["paths"][0]["legs"][0]["departs_at"] == "2026-11-23T20:00:00-03:00"
    assert len(arrivals(post(served, "/v1/paths", {**ASKED, "choices_within_h": 120}))) == 3
    here = post(served, "/v1/paths", {**ASKED, "destination": "hilltop/CWB"}).json
    assert here == {"paths": [{"legs": [], "chances": None}], "misfits": []}


def test_chances_by_what_was_seen(served: World) -> None:
    late = {"departing": [0, 0, 0, 200], "travelling": [0]}
    [path] = post(served, "/v1/paths", {**ASKED, "late": late}).json["paths"]
    chances = path["chances"]
    assert chances["legs"][0] == 1.0
    assert 0.5 < chances["holds"] < 1.0
    assert chances["arrives_p50"] == "2026-11-23T12:55:00Z"
    assert chances["arrives_p90"] > chances["arrives_p50"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({**ASKED, "destination": "hilltop/XXX"}, 404, "no service calls at"),
        ({**ASKED, "modes": ["ship"]}, 404, "no way from"),
        ({**ASKED, "modes": ["lorry"]}, 422, "none of truck"),
        ({**ASKED, "due": "2026-11-24T09:00:00-04:00"}, 400, "not both"),
        ({**ASKED, "ready": "tomorrow"}, 422, "body.ready"),
        ({**ASKED, "days": 61}, 422, "days"),
        ({**ASKED, "late": {"departing": []}}, 422, "departing"),
        ({"origin": "hilltop/CWB"}, 422, "destination"),
    ],
)
def test_what_cannot_be_asked_is_said(served: World, body: Any, status: int, words: str) -> None:
    reply = post(served, "/v1/paths", body)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    assert words in reply.text


def test_a_carrier_finds_ways_by_its_own_services(served: World) -> None:
    key = bound(served, "hilltop")
    [path] = post(served, "/v1/paths", ASKED, key).json["paths"]
    assert {leg["carrier"] for leg in path["legs"]} == {"hilltop"}
    assert post(served, "/v1/paths", {**ASKED, "carriers": ["azul"]}, key).status == 403
    merchant = served.keys.make(Role.MERCHANT, "k", served.now_ms, party=_merchant(served))
    assert post(served, "/v1/paths", ASKED, merchant).status == 403


def test_a_carrier_is_not_told_of_changes_of_others(served: World) -> None:
    made = post(served, "/v1/timetable-changes", LATE).json
    served.timetables.keep([], {}, replace=["azul"])
    assert post(served, "/v1/paths", ASKED).json["misfits"] == [made["id"]]
    assert post(served, "/v1/paths", ASKED, bound(served, "hilltop")).json["misfits"] == []
    assert served.get("/v1/timetable-changes", key=bound(served, "hilltop")).json["changes"] == []


def _merchant(world: World) -> str:
    return world.parties.add(PartyKind.MERCHANT, "Li", world.now_ms).id


def test_changes_hold_at_once_until_they_are_lifted(served: World) -> None:
    before = arrivals(post(served, "/v1/paths", ASKED))
    made = post(served, "/v1/timetable-changes", CLOSED).json
    assert (made["kind"], made["since"], made["until"]) == ("closure", "2026-11-22T15:00:00Z", "2026-11-25T00:00:00Z")
    assert made["who"].startswith("key:")
    assert arrivals(post(served, "/v1/paths", ASKED)) > before
    assert served.get("/v1/timetable-changes", key=served.operator).json["changes"] == [made]
    gone = served.ask("DELETE", f"/v1/timetable-changes/{made['id']}", key=served.operator)
    assert (gone.status, gone.body) == (204, b"")
    assert arrivals(post(served, "/v1/paths", ASKED)) == before
    again = served.ask("DELETE", f"/v1/timetable-changes/{made['id']}", key=served.operator)
    assert again.json["code"] == "not_found"


def test_a_delay_moves_the_way(served: World) -> None:
    made = post(served, "/v1/timetable-changes", LATE).json
    assert (made["service"], made["day"], made["minutes"], made["carrier"]) == ("AD2410", "2026-11-23", 90, "azul")
    assert arrivals(post(served, "/v1/paths", ASKED)) == ["2026-11-23T10:25:00-04:00"]


def test_a_carrier_changes_what_is_its_own(served: World) -> None:
    azul, hilltop = bound(served, "azul"), bound(served, "hilltop")
    assert post(served, "/v1/timetable-changes", CLOSED, azul).json["code"] == "forbidden"
    made = post(served, "/v1/timetable-changes", LATE, azul).json
    assert served.get("/v1/timetable-changes", key=hilltop).json["changes"] == []
    assert served.ask("DELETE", f"/v1/timetable-changes/{made['id']}", key=hilltop).status == 404
    assert served.ask("DELETE", f"/v1/timetable-changes/{made['id']}", key=azul).status == 204


def test_the_same_key_again_makes_one(served: World) -> None:
    headers = {"idempotency-key": "one"}
    first = post(served, "/v1/timetable-changes", CLOSED, **headers)
    assert post(served, "/v1/timetable-changes", CLOSED, **headers).json == first.json
    other = post(served, "/v1/timetable-changes", LATE, **headers)
    assert (other.status, other.json["code"]) == (422, "key_reused")
    assert len(served.get("/v1/timetable-changes", key=served.operator).json["changes"]) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"facility": None}, "body.facility"),
        ({"minutes": 5}, "body.minutes"),
        ({"destination": "hilltop/GRU"}, "destination: a lane does not lead to where it begins"),
        ({"until": "2039-11-22T00:00:00Z"}, "until: it ends in more than"),
        ({"until": "2026-11-20T00:00:00Z"}, "ends before it begins"),
        ({"facility": "hilltop/XXX"}, "no service calls"),
        ({"why": ""}, "why"),
        ({"kind": "flood"}, "kind"),
    ],
)
def test_a_change_that_cannot_be_is_refused(served: World, change: Any, words: str) -> None:
    reply = post(served, "/v1/timetable-changes", CLOSED | change)
    assert reply.status in (400, 404, 422)
    assert words in reply.text
    assert post(served, "/v1/timetable-changes", {**LATE, "minutes": None}).status == 422
    nothing = post(served, "/v1/timetable-changes", {**LATE, "minutes": 0})
    assert (nothing.status, nothing.json["detail"]) == (400, "minutes: a delay of 0 minutes changes nothing")
    assert served.get("/v1/timetable-changes", key=served.operator).json["changes"] == []
