"""Alerts over HTTP."""

import csv
import io
import json
from typing import Any

import pytest
from tests.rooms.web.conftest import Reply, World

from waypost.care.alerts.findings import AlertKind, Finding, Severity
from waypost.forecast.arrivals import LikelyCause

CAUSE = LikelyCause(kind="hub", weight=0.9, carrier="yto", facility="yto/HZ-01", parcels=3)


def found(subject: str = "hub HZ-01", **more: Any) -> Finding:
    told: dict[str, Any] = {"kind": AlertKind.SILENCE, "severity": Severity.WARNING, "parcels": 3, "since_ms": 0}
    told |= {"carrier": "yto", "facility": "yto/HZ-01", "causes": [CAUSE], "numbers": ["yto/A", "yto/B", "sf/C/1"]}
    return Finding(subject=subject, **told | more)


@pytest.fixture
def alert(world: World) -> str:
    [id_] = world.alerts.note([], [found()], world.now_ms).raised
    return id_


def ask(world: World, path: str, **more: Any) -> Any:
    reply = world.get(path, key=world.operator, **more)
    assert reply.status == 200, reply.text
    return reply.json


def act(world: World, alert: str, what: str, **body: Any) -> Reply:
    headers = {"content-type": "application/json"}
    path = f"/v1/alerts/{alert}/{what}"
    return world.ask("POST", path, headers=headers, body=json.dumps(body).encode(), key=world.operator)


def test_the_queue_and_one_of_it(world: World, alert: str) -> None:
    [told] = ask(world, "/v1/alerts")["alerts"]
    assert (told["id"], told["kind"], told["severity"], told["state"]) == (alert, "silence", "warning", "open")
    assert (told["facility"], told["parcels"], told["version"]) == ("yto/HZ-01", 3, 1)
    assert (told["first_seen_at"], told["ended_at"]) == ("2026-11-22T15:00:00Z", None)
    assert told["causes"][0]["kind"] == "hub"
    one = ask(world, f"/v1/alerts/{alert}")
    assert one["alert"] == told
    assert [(each["what"], each["who"]) for each in one["acts"]] == [("raised", "waypost")]
    page = ask(world, f"/v1/alerts/{alert}/parcels?limit=2")
    assert page["parcels"] == [{"carrier": "sf", "number": "C/1"}, {"carrier": "yto", "number": "A"}]
    rest = ask(world, f"/v1/alerts/{alert}/parcels?after={page['next']}")
    assert rest == {"parcels": [{"carrier": "yto", "number": "B"}], "next": None}


def test_it_is_worked_off(world: World, alert: str) -> None:
    assert act(world, alert, "acknowledge", version=1).json["state"] == "acknowledged"
    mine = act(world, alert, "assign", version=2, assignee="me").json
    assert mine["assignee"].startswith("key:")
    assert ask(world, "/v1/alerts?assignee=me")["alerts"] == [mine]
    snoozed = act(world, alert, "snooze", version=3, until="2026-11-22T20:00:00+01:00").json
    assert (snoozed["state"], snoozed["snoozed_until"]) == ("snoozed", "2026-11-22T19:00:00Z")
    assert act(world, alert, "reopen", version=4).json["state"] == "open"
    assert act(world, alert, "assign", version=5, assignee=None).json["assignee"] is None
    assert act(world, alert, "resolve", version=6, note="fog").json["state"] == "resolved"
    assert ask(world, "/v1/alerts")["alerts"] == []
    assert [each["id"] for each in ask(world, "/v1/alerts?state=resolved&state=open")["alerts"]] == [alert]
    acts = ask(world, f"/v1/alerts/{alert}")["acts"]
    assert [each["version"] for each in acts] == list(range(1, 8))
    assert (acts[-1]["note"], acts[3]["until"]) == ("fog", "2026-11-22T19:00:00Z")
    deeds = ask(world, "/v1/audit?what=alert.")["deeds"]
    assert [each["what"].partition(".")[2] for each in deeds][:2] == ["resolved", "assigned"]


def test_a_second_click_does_no_harm_and_who_came_later_is_told(world: World, alert: str) -> None:
    first = act(world, alert, "acknowledge", version=1).json
    assert act(world, alert, "acknowledge", version=1).json == first
    late = act(world, alert, "resolve", version=1, note="done")
    assert (late.status, late.json["code"]) == (409, "conflict")
    assert "version 2" in late.json["detail"]


@pytest.mark.parametrize(
    ("what", "body", "status", "words"),
    [
        ("acknowledge", {}, 422, "version"),
        ("acknowledge", {"version": 1, "who": "me"}, 422, "who"),
        ("acknowledge", {"version": 0}, 422, "version"),
        ("resolve", {"version": 1, "note": ""}, 422, "note"),
        ("resolve", {"version": 1, "note": " "}, 400, "note"),
        ("snooze", {"version": 1, "until": "later"}, 422, "body.until"),
        ("snooze", {"version": 1, "until": "2020-01-01T00:00:00Z"}, 400, "to come"),
        ("assign", {"version": 1}, 422, "assignee"),
        ("assign", {"version": 1, "assignee": "a\u202eb"}, 400, "assignee"),
        ("reopen", {"version": 1}, 409, "is open"),
    ],
)
def test_what_cannot_be_done_is_said(world: World, alert: str, what: str, body: Any, status: int, words: str) -> None:
    reply = act(world, alert, what, **body)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    assert words in reply.text
    assert ask(world, f"/v1/alerts/{alert}")["alert"]["version"] == 1


def test_what_is_not_there_or_nonsense_is_said(world: World) -> None:
    key = world.operator
    assert world.get("/v1/alerts/alr_x", key=key).status == act(world, "alr_x", "reopen", version=1).status == 404
    assert world.get("/v1/alerts/alr_x/parcels", key=key).status == 404
    for query in ("state=lost", "kind=fire", "limit=0", "format=xml"):
        assert world.get(f"/v1/alerts?{query}", key=key).status == 422, query
    assert world.get("/v1/alerts?after=x", key=key).status == 400


def test_a_file_for_spreadsheets(world: World, alert: str) -> None:
    reply = world.get("/v1/alerts?format=csv", key=world.operator)
    assert reply.headers["content-type"].startswith("text/csv")
    [row] = csv.DictReader(io.StringIO(reply.body.decode("utf-8-sig")))
    assert (row["id"], row["severity"], row["parcels"], row["cause"]) == (alert, "warning", "3", "hub yto/HZ-01")
    assert ask(world, "/v1/audit?what=alerts.exported")["deeds"] != []
