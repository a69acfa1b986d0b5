"""Watches through the door: what carriers are asked after, when and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import msgspec

from waypost.app.carriers import contract_at
from waypost.carriers.adapters import list_adapters
from waypost.model.instants import OffsetSource
from waypost.testing.carriers.faking import FakeScan, Trap
from waypost.testing.carriers.sto import FakeSto
from waypost.track.gaps import usual_gaps
from waypost.track.polling import Poller
from waypost.track.reception import Reception
from waypost.web.desk import Limits

PATH = "/v1/carriers/sto/watches"
JSON = {"content-type": "application/json"}
SHANGHAI = ("Asia/Shanghai", OffsetSource.CARRIER)
FORM = "application/x-www-form-urlencoded"


@contextmanager
def account_in(world: Any, per_hour: int = 3_600_000) -> Iterator[FakeSto]:
    """The world has an account at STO that can be asked."""
    with FakeSto(clock=lambda: world.now_ms) as fake:
        contract = contract_at(fake, list_adapters()["sto"])
        assert contract.source is not None
        world.pollers["sto"] = Poller(
            "sto",
            contract.source,
            per_hour,
            subscribes=False,
            memory=world.memory,
            tables=world.tables,
            reception=Reception(world.memory, lambda pairs: [SHANGHAI] * len(pairs), lambda: world.now_ms),
            watches=world.watches,
            clock=lambda: world.now_ms,
        )
        yield fake
        contract.caller.close()


def make(world: Any, fake: FakeSto, code: str = "收件") -> str:
    number = fake.make(f"ORDER{len(fake.parcels)}").number
    fake.move(number, FakeScan(code=code, at_ms=world.now_ms // 1000 * 1000 - 5 * 3_600_000))
    return number


def put(world: Any, *numbers: str, path: str = PATH) -> Any:
    body = msgspec.json.encode([{"number": number} for number in numbers])
    return world.ask("PUT", path, key=world.operator, headers=JSON, body=body)


def list_watches(world: Any, query: str = "") -> Any:
    reply = world.ask("GET", PATH + query, key=world.operator)
    assert reply.status == 200, reply.body
    return reply.json


def test_each_waybill_says_when_it_was_asked_when_it_is_next_and_why(make_world: Any) -> None:
    world = make_world()
    with account_in(world) as fake:
        going, ended = make(world, fake), make(world, fake, "签收")
        assert put(world, going, ended).json == {"begun": 2, "known": 0}
        assert put(world, going).json == {"begun": 0, "known": 1}
        found = {each["number"]: each for each in list_watches(world)["watches"]}
        assert (found[going]["last_checked"], found[going]["why"]) == (None, "turn")
        world.pollers["sto"].round(usual_gaps())
        page = list_watches(world)
        found = {each["number"]: each for each in page["watches"]}
        assert found[going]["last_checked"] == "2026-11-22T15:00:00Z"
        assert found[going]["next_check"] > "2026-11-22T15:00:00Z"
        assert (found[going]["why"], found[going]["told"]) == ("likely", "scans")
        assert 0 < found[going]["chance"] < 100
        assert (found[ended]["why"], found[ended]["next_check"], found[ended]["chance"]) == ("over", None, None)
        assert (page["account"]["watched"], page["account"]["due"], page["account"]["ended"]) == (1, 0, 1)
        form = urlencode({"key": world.operator, "next": "/operator"}).encode()
        signed_in = world.ask("POST", "/operator/login", headers={"content-type": FORM}, body=form)
        cookie = {"cookie": signed_in.cookies[0].split(";")[0]}
        html = world.get(f"/operator/parcels/sto/{going}", headers=cookie).body.decode()
        assert "Asking the carrier" in html
        assert f"with a chance of {found[going]['chance']}" in html


def test_an_account_tells_its_trouble(make_world: Any) -> None:
    world = make_world()
    with account_in(world) as fake:
        put(world, make(world, fake))
        fake.set(Trap.DOWN, Trap.DOWN, Trap.DOWN)
        world.pollers["sto"].round(usual_gaps())
        [account] = world.ask("GET", "/v1/carriers", key=world.operator).json["accounts"]
        assert "sto" in account["trouble"]
        assert 'waypost_poll_trouble{account="sto"} 1.0' in world.get("/metrics", key=world.operator).text
        [watch] = list_watches(world)["watches"]
        assert watch["why"] == "resting"
        assert watch["next_check"] == account["rests_until"] == "2026-11-22T15:01:00Z"


def test_without_a_budget_it_says_so(make_world: Any) -> None:
    world = make_world()
    with account_in(world, 0) as fake:
        put(world, make(world, fake))
        [watch] = list_watches(world)["watches"]
        assert (watch["why"], watch["next_check"]) == ("budget", None)


def test_a_list_goes_on_and_a_watch_ends(make_world: Any) -> None:
    world = make_world()
    with account_in(world):
        numbers = [f"77{place:013}" for place in range(5)]
        put(world, *numbers)
        first = list_watches(world, "?limit=3")
        second = list_watches(world, f"?limit=3&after={first['next']}")
        assert [each["number"] for page in (first, second) for each in page["watches"]] == numbers
        assert second["next"] is None
        assert (first["account"]["watched"], second["account"]) == (5, None)
        gone = world.ask("DELETE", f"{PATH}/{numbers[0]}", key=world.operator)
        assert (gone.status, gone.body) == (204, b"")
        assert world.ask("DELETE", f"{PATH}/{numbers[0]}", key=world.operator).status == 404
        assert len(list_watches(world)["watches"]) == 4


def test_what_is_no_waybill_is_refused_and_nothing_is_watched(make_world: Any) -> None:
    world = make_world(limits=Limits(batch_rows=10))
    with account_in(world):
        for body, status in (
            (b'[{"number":"770000000000001"},{"number":"a b"}]', 422),
            (b'[{"number":"770000000000001","phone_tail":"47"}]', 422),
            (b'[{"number":"770000000000001\\n"}]', 422),
            (b'[{"number":"770000000000001","phone_tail":"4711\\n"}]', 422),
            (b'[{"number":"770000000000001","name":"x"}]', 422),
            (b"[{", 400),
            (b"[" + b",".join([b'{"number":"1"}'] * 11) + b"]", 413),
        ):
            assert world.ask("PUT", PATH, key=world.operator, headers=JSON, body=body).status == status, body
        assert world.ask("PUT", PATH, key=world.operator, body=b"[]").status == 415
        assert list_watches(world)["watches"] == []
        assert put(world, "1", path="/v1/carriers/nobody/watches").json["code"] == "not_found"


def test_only_operators_see_and_ask(make_world: Any) -> None:
    world = make_world()
    with account_in(world):
        for method, path in (("GET", "/v1/carriers"), ("GET", PATH), ("PUT", PATH), ("DELETE", f"{PATH}/1")):
            assert world.ask(method, path, headers=JSON, body=b"[]").status == 401
            assert world.ask(method, path, key=world.carrier, headers=JSON, body=b"[]").status == 403
