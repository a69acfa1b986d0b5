import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI

from waypost.access.keys import Role
from waypost.model.parties import PartyKind
from waypost.web.office import Office
from waypost.web.pages.console import add_console, read_built

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What a build leaves behind, in small."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Console</title>")
    (assets / "main-1.js").write_text("run()")
    (assets / "main-1.js.gz").write_bytes(gzip.compress(b"run()"))
    (tmp_path / "stamp").write_text("no file of ours")
    return tmp_path


@pytest.fixture
def world(make_world: Callable[..., Any], built: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def add(app: FastAPI, office: Office) -> None:
        add_console(app, office, built)

    monkeypatch.setattr("waypost.web.application.add_console", add)
    return make_world()


def sign_in(world: Any, target: str) -> Any:
    body = urlencode({"key": world.operator, "next": target}).encode()
    return world.ask("POST", "/operator/login", headers=FORM, body=body)


@pytest.mark.parametrize("path", ["/console", "/console/parcels/yto/YT1", "/console/lanes?origin=CN-ZJ"])
def test_every_screen_needs_a_session_and_comes_back_after_signing_in(world: Any, path: str) -> None:
    asked = world.get(path)
    assert (asked.status, asked.headers["location"].partition("?")[0]) == (303, "/operator/login")
    entered = sign_in(world, path)
    assert entered.headers["location"] == path
    page = world.get(path, headers={"cookie": entered.cookies[0].split(";")[0]})
    assert (page.status, page.headers["cache-control"]) == (200, "private, no-cache")
    assert "Console" in page.text


def test_merchants_sign_in_to_theirs_with_a_key(world: Any) -> None:
    party = world.parties.add(PartyKind.MERCHANT, "Estrela", world.now_ms).id
    asked = world.get("/merchant/create")
    assert (asked.status, asked.headers["location"].partition("?")[0]) == (303, "/merchant/login")

    def enter(key: str) -> Any:
        body = urlencode({"key": key, "next": "/merchant/create"}).encode()
        return world.ask("POST", "/merchant/login", headers=FORM, body=body)

    assert enter(world.operator).status == 401
    entered = enter(world.keys.make(Role.MERCHANT, "shop", world.now_ms, party=party))
    assert (entered.status, entered.headers["location"]) == (303, "/merchant/create")
    session = {"cookie": entered.cookies[0].split(";")[0], "x-waypost-page": "merchant"}
    assert "Console" in world.get("/merchant/create", headers=session).text
    assert world.get("/v1/orders", headers=session).json == {"orders": [], "next": None}
    assert world.get("/console", headers=session).status == 303
    left = world.ask("POST", "/merchant/logout", headers=FORM | session, body=b"")
    assert (left.status, left.headers["location"]) == (303, "/merchant/login")
    assert world.get("/v1/orders", headers=session).status == 401


def test_its_files_never_change_and_are_sent_packed(world: Any) -> None:
    plain = world.get("/console/assets/main-1.js")
    assert (plain.status, plain.body, plain.headers["content-type"]) == (
        200,
        b"run()",
        "text/javascript; charset=utf-8",
    )
    assert "immutable" in plain.headers["cache-control"]
    packed = world.get("/console/assets/main-1.js", headers={"accept-encoding": "deflate, gzip;q=0.5, br"})
    assert (packed.headers["content-encoding"], gzip.decompress(packed.body)) == ("gzip", b"run()")
    assert packed.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["gone.js", "main-1.js.gz", "index.html", "..%2Fstamp"])
def test_a_file_that_is_not_there_is_no_page(world: Any, name: str) -> None:
    reply = world.get(f"/console/assets/{name}")
    assert (reply.status, reply.json["code"]) == (404, "no_such_path")


def test_it_may_run_scripts_of_this_host_and_nothing_else(world: Any) -> None:
    policy = world.get("/console/assets/main-1.js").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "script-src" not in world.get("/consoles").headers["content-security-policy"]


def test_without_a_build_the_rest_answers(make_world: Callable[..., Any], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("waypost.web.pages.console.read_built", lambda _: read_built(tmp_path / "nothing"))
    world = make_world()
    cookie = {"cookie": sign_in(world, "/console").cookies[0].split(";")[0]}
    reply = world.get("/console", headers=cookie)
    assert (reply.status, reply.json["code"]) == (503, "not_built")
    assert "./scripts/setup console" in reply.json["mend"]
    assert world.get("/operator", headers=cookie).status == 200
