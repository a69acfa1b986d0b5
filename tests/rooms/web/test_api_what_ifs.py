"""What-ifs over HTTP; the twin that answers is tested in `rooms/app`."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.rooms.web.conftest import Reply, World

from waypost.model.errors import BadInput, NotFound
from waypost.web.what_ifs import Cost, Difference, HubBacklog, Question, RunFigures, Stage, WhatIf

CLOSE = {"kind": "close_hub", "hub": "yto/330100", "until_hour": 6}
FIGURES = RunFigures(
    parcels=9,
    arrived=8,
    lost=1,
    kept_share=0.5,
    p50_h=30.0,
    p90_h=60.0,
    worst_backlog=4,
    cost=Cost(currency="CNY", all=6, linehaul=1, sorting=2, delivery=3),
)
DIFFERENCE = Difference(
    base=FIGURES,
    changed=msgspec.structs.replace(FIGURES, kept_share=0.25),
    hit=3,
    later=2,
    earlier=1,
    added=0,
    gone=0,
    first_hour_ms=1_795_305_600_000,
    backlogs=[HubBacklog(hub="yto/330100", name="杭州市", base=[1], changed=[4])],
)


class Answering:
    """Keeps questions, and answers when it is told to."""

    def __init__(self) -> None:
        self.kept: dict[str, WhatIf] = {}

    def ask(self, question: Question, who: str, now_ms: int) -> WhatIf:
        if any(getattr(each, "hub", "") == "yto/nowhere" for each in question.changes):
            raise BadInput("the twin has no hub 'yto/nowhere'")
        found = WhatIf(id=f"wif_{len(self.kept)}", question=question, who=who, asked_ms=now_ms)
        self.kept[found.id] = found
        return found

    def get(self, id_: str) -> WhatIf:
        if id_ not in self.kept:
            raise NotFound("there is none")
        return self.kept[id_]

    def list_all(self) -> list[WhatIf]:
        return list(reversed(self.kept.values()))

    def drop(self, id_: str) -> None:
        del self.kept[self.get(id_).id]


@pytest.fixture
def twin() -> Answering:
    return Answering()


@pytest.fixture
def asking(make_world: Callable[..., World], twin: Answering) -> World:
    return make_world(what_ifs=twin)


def ask(world: World, body: Any) -> Reply:
    headers = {"content-type": "application/json"}
    return world.ask("POST", "/v1/what-ifs", headers=headers, body=json.dumps(body).encode(), key=world.operator)


def test_a_question_waits_and_is_answered(asking: World, twin: Answering) -> None:
    reply = ask(asking, {"changes": [CLOSE], "from": "2026-11-20T08:00:00+08:00", "days": 2})
    assert (reply.status, reply.headers["location"]) == (202, "/v1/what-ifs/wif_0")
    assert reply.headers["retry-after"] == "2"
    assert (reply.json["stage"], reply.json["from"], reply.json["days"]) == ("waiting", "2026-11-20T00:00:00Z", 2.0)
    assert reply.json["who"].startswith("key:")
    assert reply.json["changes"] == [CLOSE | {"from_hour": 0.0, "until_hour": 6.0}]

    twin.kept["wif_0"] = msgspec.structs.replace(twin.kept["wif_0"], stage=Stage.DONE, share=1.0, answer=DIFFERENCE)
    done = asking.get("/v1/what-ifs/wif_0", key=asking.operator)
    assert (done.status, done.json["stage"]) == (200, "done")
    assert "retry-after" not in done.headers
    answer = done.json["answer"]
    assert (answer["base"]["kept_share"], answer["changed"]["kept_share"], answer["hit"]) == (0.5, 0.25, 3)
    assert answer["changed"]["cost"] == {"currency": "CNY", "all": 6, "linehaul": 1, "sorting": 2, "delivery": 3}
    assert (answer["first_hour"], answer["backlogs"][0]["changed"]) == ("2026-11-22T00:00:00Z", [4])
    [listed] = asking.get("/v1/what-ifs", key=asking.operator).json["what_ifs"]
    assert (listed["id"], listed["answer"]) == ("wif_0", None)


def test_without_a_day_it_is_today(asking: World) -> None:
    assert ask(asking, {"changes": [{"kind": "more_demand", "percent": 50}]}).json["from"] == "2026-11-22T00:00:00Z"


def test_it_can_be_let_be(asking: World) -> None:
    ask(asking, {"changes": [CLOSE]})
    assert asking.ask("DELETE", "/v1/what-ifs/wif_0", key=asking.operator).status == 204
    assert asking.get("/v1/what-ifs/wif_0", key=asking.operator).status == 404
    assert asking.ask("DELETE", "/v1/what-ifs/wif_0", key=asking.operator).status == 404


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({"changes": []}, 422, "changes"),
        ({"changes": [CLOSE] * 21}, 422, "changes"),
        ({"changes": [CLOSE], "days": 9}, 422, "days"),
        ({"changes": [CLOSE], "from": "today"}, 422, "from"),
        ({"changes": [{"kind": "sink_ship"}]}, 422, "kind"),
        ({"changes": [{"kind": "add_front", "latitude": 1e300}]}, 422, "changes[0]"),
        ({"changes": [CLOSE | {"hub": "yto/nowhere"}]}, 400, "nowhere"),
        ({"changes": [CLOSE | {"surplus": 1}]}, 422, "surplus"),
    ],
)
def test_what_cannot_be_is_refused(asking: World, twin: Answering, body: Any, status: int, where: str) -> None:
    reply = ask(asking, body)
    assert reply.status == status
    assert where in reply.text
    assert twin.kept == {}


def test_where_there_is_no_twin(world: World, asking: World) -> None:
    reply = ask(world, {"changes": [CLOSE]})
    assert (reply.status, reply.json["detail"]) == (404, "this network has no twin to ask")
    assert "waypost demo" in reply.json["mend"]
    assert world.get("/v1/me", key=world.operator).json["has_twin"] is False
    assert asking.get("/v1/me", key=asking.operator).json["has_twin"] is True
