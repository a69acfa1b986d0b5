import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from waypost.model.errors import StorageFull, StoreDamaged
from waypost.track.overview import Overview
from waypost.web.desk import Health, Limits, Site
from waypost.web.door import headers_in
from waypost.web.problems import Busy

MakeWorld = Callable[..., Any]


@pytest.mark.parametrize(
    "path", ["/", "/track/WP100000001BR", "/v1/parcels/NOPE", "/nowhere", "/static/style.css", "/operator", "/healthz"]
)
def test_every_answer_has_the_security_headers(world: Any, path: str) -> None:
    headers = world.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert len(headers["x-request-id"]) == 32
    assert not any(name.startswith("access-control") for name in headers)


def test_nothing_at_a_path(world: Any) -> None:
    reply = world.get("/v2/parcels")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json == {
        "type": "urn:waypost:problem:no_such_path",
        "title": "Nothing answers at this path",
        "status": 404,
        "detail": "nothing answers at this path",
        "instance": f"urn:waypost:request:{reply.headers['x-request-id']}",
        "code": "no_such_path",
        "mend": "/docs lists the paths.",
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/scans", "POST, GET"),
        ("POST", "/v1/parcels", "GET"),
        ("PATCH", "/v1/facilities", "GET, PUT"),
        ("OPTIONS", "/v1/parcels/X", "GET"),
        ("POST", "/track", "GET"),
        ("GET", "/operator/logout", "POST"),
        ("PROPFIND", "/", "GET"),
    ],
)
def test_a_method_that_is_not_possible_names_those_that_are(world: Any, method: str, path: str, allowed: str) -> None:
    reply = world.ask(method, path)
    assert (reply.status, reply.json["code"], reply.headers["allow"]) == (405, "wrong_method", allowed)


def test_head_is_get_without_the_body(world: Any) -> None:
    reply, whole = world.ask("HEAD", "/healthz"), world.get("/healthz")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == str(len(whole.body))


def test_a_fault_of_ours_keeps_its_inside_to_itself(make_world: MakeWorld) -> None:
    def fail() -> Overview:
        raise RuntimeError("the password is swordfish")

    world = make_world(overview=fail)
    reply = world.get("/v1/overview", key=world.operator)
    assert (reply.status, reply.json["code"]) == (500, "unexpected")
    assert "swordfish" not in reply.text
    assert "Traceback" not in reply.text
    lines = [json.loads(line) for line in world.journal.getvalue().splitlines()]
    [failure] = [line for line in lines if line["event"] == "failure"]
    assert f"urn:waypost:request:{failure['request']}" == reply.json["instance"]
    assert "RuntimeError: the password is swordfish" in failure["exception"]


def test_people_get_a_page_and_programs_a_document(world: Any) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-language": "zh-CN,zh;q=0.9"}
    page = world.get("/nowhere", headers=browser)
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "页面不存在" in page.text
    assert page.headers["x-request-id"] in page.text
    assert "There is no such page" in world.get("/nowhere?lang=en", headers=browser).text
    assert world.get("/v1/nowhere", headers=browser).headers["content-type"] == "application/problem+json"


def test_headers_have_a_limit(world: Any) -> None:
    reply = world.get("/healthz", headers={"x-filler": "x" * 40_000})
    assert (reply.status, reply.json["code"]) == (431, "headers_too_large")


def test_hosts_can_be_named(make_world: MakeWorld) -> None:
    world = make_world(site=Site(allowed_hosts=("track.example", "[::1]")))
    for host, status in [
        ("track.example", 200),
        ("TRACK.example:8443", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
    ]:
        assert world.get("/healthz", headers={"host": host}).status == status, host
    assert world.get("/healthz", headers={"host": "evil.example"}).json["code"] == "misdirected"


def test_an_answer_that_takes_too_long_is_given_up(make_world: MakeWorld) -> None:
    leave = threading.Event()

    def wait() -> Overview:
        assert leave.wait(20)
        raise RuntimeError("too late to be seen")

    world = make_world(overview=wait, limits=Limits(request_s=0.05))
    reply = world.get("/v1/overview", key=world.operator)
    leave.set()
    assert (reply.status, reply.json["code"], reply.json["detail"]) == (503, "busy", "no answer within 0.05 s")


def test_the_address_of_a_client_behind_a_proxy(make_world: MakeWorld) -> None:
    world = make_world(limits=Limits(numbers_burst=1), site=Site(trusted_proxies=("10.0.0.0/8",)))
    proxy = ("10.0.0.1", 1)
    for address, status in [("198.51.100.1", 404), ("198.51.100.1", 429), ("198.51.100.2", 404)]:
        forwarded = {"x-forwarded-for": address}
        assert world.get("/v1/parcels/NOPE", headers=forwarded, client=proxy).status == status
    stranger = ("203.0.113.9", 1)
    for address, status in [("198.51.100.3", 404), ("198.51.100.4", 429)]:  # no proxy of ours: its word is nothing
        assert world.get("/v1/parcels/NOPE", headers={"x-forwarded-for": address}, client=stranger).status == status


def test_no_client_address_at_all(world: Any) -> None:
    assert world.get("/v1/parcels/NOPE", client=None).status == 404


def test_web_sockets_are_not_spoken(world: Any) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    asyncio.run(world.app({"type": "websocket"}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_the_journal_has_no_secrets(world: Any) -> None:
    world.get("/v1/parcels/WP100000001BR?lang=topsecret", key=world.operator)
    [line] = [json.loads(line) for line in world.journal.getvalue().splitlines()]
    assert {name: line[name] for name in ("event", "level", "method", "route", "status", "address")} == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/v1/parcels/{number:path}",
        "status": 200,
        "address": "203.0.113.0/24",
    }
    for secret in (world.operator, "topsecret", "WP100000001BR", "203.0.113.7"):
        assert secret not in world.journal.getvalue()
    assert line["key"] == world.operator[3:11]


def test_the_access_log_can_be_left_out(make_world: MakeWorld) -> None:
    world = make_world(site=Site(access_log=False))
    world.get("/healthz")
    assert world.journal.getvalue() == ""


def test_a_client_that_goes_away_is_no_failure(world: Any) -> None:
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return next(messages)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/scans",
        "query_string": b"",
        "headers": [
            (b"content-type", b"application/x-ndjson"),
            (b"authorization", b"Bearer " + world.carrier.encode()),
        ],
        "client": None,
    }
    asyncio.run(world.app(scope, receive, send))
    assert (sent[0]["status"], json.loads(sent[1]["body"])["code"]) == (400, "cut_off")
    [line] = [json.loads(line) for line in world.journal.getvalue().splitlines()]
    assert (line["status"], line["problem"], line["level"]) == (400, "cut_off", "info")


def test_repeated_headers_are_joined() -> None:
    headers = [(b"Accept", b"a"), (b"Cookie", b"x=1"), (b"accept", b"b"), (b"cookie", b"y=2")]
    assert headers_in({"headers": headers}) == {"accept": "a, b", "cookie": "x=1; y=2"}


def lines_of(world: Any) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, world.journal.getvalue().splitlines()) if line["event"] != "request"]


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [(StorageFull("no room on the disk"), "storage_full", 507), (Busy("too many at once"), "busy", 503)],
)
def test_what_was_to_be_expected_is_one_line_of_warning(
    make_world: MakeWorld, error: Exception, code: str, status: int
) -> None:
    def fail() -> Overview:
        raise error

    world = make_world(overview=fail)
    reply = world.get("/v1/overview", key=world.operator)
    assert (reply.status, reply.json["code"], "retry-after" in reply.headers) == (status, code, True)
    [line] = lines_of(world)
    assert (line["level"], line["event"], line["problem"]) == ("warning", "refused", code)
    assert (line["route"], line["request"]) == ("/v1/overview", reply.headers["x-request-id"])
    assert "exception" not in line
    assert line["detail"] == str(error)


def test_not_ready_is_one_line_of_warning(make_world: MakeWorld) -> None:
    world = make_world(health=lambda: Health(log_position=7, index_position=7, failures=("the index",)))
    reply = world.get("/readyz")
    assert (reply.status, reply.json["code"]) == (503, "not_ready")
    [line] = lines_of(world)
    assert (line["level"], line["event"], line["route"]) == ("warning", "not ready", "/readyz")
    assert (line["request"], "exception" in line) == (reply.headers["x-request-id"], False)


def test_damage_is_for_the_operator_to_mend(make_world: MakeWorld) -> None:
    def fail() -> Overview:
        raise StoreDamaged("history/7.parquet is not what was written.", mend="Move it out of the home.")

    world = make_world(overview=fail)
    reply = world.get("/v1/overview", key=world.operator)
    assert (reply.status, reply.json["code"], "retry-after" in reply.headers) == (503, "store_damaged", False)
    assert reply.json["title"] == reply.json["detail"] == "Stored bytes are damaged"
    assert "Asking again does not help" in reply.json["mend"]
    assert "parquet" not in reply.text
    [line] = lines_of(world)
    assert (line["level"], line["event"], line["route"]) == ("error", "failure", "/v1/overview")
    assert "history/7.parquet is not what was written. Move it out of the home." in line["exception"]
