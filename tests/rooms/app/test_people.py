"""`waypost admin person`, `audit` and `rotate-key`: as one uses them, also beside a running server."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from tests.rooms.app.commands import COMMAND, Commands

from waypost.testing.openid import FakeOpenId

GOOD = "correct horse battery"


@contextmanager
def serving(commands: Commands, port: int = 0) -> Iterator[str]:
    """A server over the home, and its address."""
    command = [*COMMAND, "serve", "--port", str(port), "--json"]
    with subprocess.Popen(command, env=commands.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            address: str = json.loads(b"".join(iter(server.stdout.readline, b"}\n")) + b"}")["address"]
            yield address
        finally:
            server.terminate()
    assert server.returncode == 0


def add(commands: Commands, *words: str, stdin: bytes = b"") -> Any:
    return commands.call("admin", "person", "add", *words, stdin=stdin)


def test_somebody_is_let_in_by_a_link(commands: Commands) -> None:
    done = add(commands, "Ann@example.org", "--name", "Ann Li")
    assert re.fullmatch(r"/welcome/[0-9a-f]{48}\n", done.stdout.decode())
    said = " ".join(done.stderr.decode().split())
    assert "[site] url" in said
    assert "good for once, within 72 hours" in said
    [listed] = commands.ask("admin", "person", "list")
    assert listed["id"].startswith("per_")
    told = {"login": "Ann@example.org", "name": "Ann Li", "roles": ["operator"], "has_password": False}
    assert {name: listed[name] for name in told} == told
    assert "no password yet" in commands.call("admin", "person", "list").stdout.decode()


def test_the_link_begins_with_the_address_of_the_network(commands: Commands) -> None:
    commands.home.mkdir(exist_ok=True)
    (commands.home / "waypost.toml").write_text('[site]\nurl = "https://p.example"\n')
    link = commands.ask("admin", "person", "add", "ann")["link"]
    assert link.startswith("https://p.example/welcome/")
    other = commands.ask("admin", "person", "invite", "ANN")["link"]
    assert other.startswith("https://p.example/welcome/")
    assert other != link


def test_a_password_comes_by_standard_input_and_never_else(commands: Commands) -> None:
    done = add(commands, "ann", "--password", stdin=f"{GOOD}\n".encode())
    assert done.stdout.decode().startswith("per_")
    assert commands.ask("admin", "person", "list")[0]["has_password"] is True
    weak = add(commands, "bob", "--password", stdin=b"short\n")
    assert (weak.returncode, b"fewer than 12" in weak.stderr) == (2, True)
    assert (add(commands, "bob", "--password").returncode, len(commands.ask("admin", "person", "list"))) == (2, 1)
    given = commands.call("admin", "person", "password", "ann", stdin=b"another one of them\n")
    assert given.stdout.decode().startswith("changed: the password of per_")
    for file in commands.home.rglob("*"):
        if file.is_file():
            assert GOOD.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "ann", "--role", "king"), 2, "Roles: operator, carrier, merchant"),
        (
            ("add", "ann", "--role", "carrier", "--carrier", "nope"),
            2,
            "--carrier: there is no carrier 'nope'. There are: ",
        ),
        (("add", "ann li"), 2, "no blanks"),
        (("add", "ann", "--role", "merchant"), 2, "belong to a party"),
        (("add", "ann", "--role", "merchant", "--party", "mer_x"), 1, "no merchant has the id 'mer_x'"),
        (("invite", "nobody"), 1, "nobody has the login 'nobody'"),
        (("end", "per_x"), 1, "nobody has the id 'per_x'"),
    ],
)
def test_what_cannot_be(commands: Commands, words: tuple[str, ...], code: int, said: str) -> None:
    commands.ask("admin", "make-key", "so that there is a home")
    assert said in commands.fail("admin", "person", *words, code=code)


def test_who_speaks_for_carriers_speaks_for_those_that_there_are(commands: Commands) -> None:
    commands.home.mkdir(exist_ok=True)
    (commands.home / "waypost.toml").write_text('[carriers.ruralpost]\nzone = "Asia/Shanghai"\n')
    carrier = ("--role", "carrier", "--carrier")
    assert commands.ask("admin", "person", "add", "ann", *carrier, "ruralpost")["carriers"] == ["ruralpost"]
    assert commands.ask("admin", "make-key", "rural", *carrier, "ruralpost")["carriers"] == ["ruralpost"]
    said = commands.fail("admin", "make-key", "x", *carrier, "nope", code=2)
    assert "there is no carrier 'nope'" in said
    assert "ruralpost" in said
    assert "yto" in said
    assert [each["login"] for each in commands.ask("admin", "person", "list")] == ["ann"]


def test_somebody_ends_and_is_forgotten(commands: Commands) -> None:
    id_ = commands.ask("admin", "person", "add", "ann")["id"]
    assert commands.ask("admin", "person", "end", "ann") == {"ended": id_, "sessions": 0, "forgotten": False}
    assert "ended 20" in commands.call("admin", "person", "list").stdout.decode()
    commands.ask("admin", "person", "end", id_, "--forget")
    assert commands.ask("admin", "person", "list")[0]["login"] == ""
    assert "(forgotten)" in commands.call("admin", "person", "list").stdout.decode()


def test_beside_a_server_from_the_link_to_the_end(commands: Commands) -> None:
    with serving(commands) as address, httpx.Client(base_url=address) as browser:
        link = commands.ask("admin", "person", "add", "ann", "--name", "Ann")["link"]
        answer = browser.post(link, data={"new": GOOD, "again": GOOD})
        assert (answer.status_code, answer.headers["location"]) == (303, "/operator")
        assert browser.get("/operator").status_code == 200
        assert browser.get("/v1/overview").status_code == 401
        assert browser.post("/login", data={"login": "ann", "password": "wrong"}).status_code == 401
        assert commands.ask("admin", "person", "end", "ann")["sessions"] == 1
        assert browser.get("/operator").status_code == 303
    lines = commands.ask("admin", "audit", "--what", "person.")
    assert [each["what"].partition(".")[2] for each in lines] == [
        "ended",
        "login_failed",
        "password_changed",
        "invited",
        "added",
    ]


@pytest.mark.heavy
def test_beside_a_server_a_provider_says_who_somebody_is(commands: Commands) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with FakeOpenId(f"http://127.0.0.1:{port}/login/openid/callback") as fake:
        commands.home.mkdir(exist_ok=True)
        (commands.home / "secret").write_text(fake.client_secret)
        (commands.home / "waypost.toml").write_text(
            f'[site]\nurl = "http://127.0.0.1:{port}"\n[login.openid]\nissuer = "{fake.issuer}"\n'
            f'client_id = "{fake.client_id}"\nclient_secret_file = "{commands.home}/secret"\nallow_http = true\n'
        )
        added = commands.ask("admin", "person", "add", "ann", "--openid", "42")
        assert (added["link"], added["has_password"]) == (None, False)
        with serving(commands, port) as address, httpx.Client(follow_redirects=True) as browser:
            page = browser.get(f"{address}/login/openid?next=/operator/pushes")
            assert (page.status_code, page.url.path, fake.wrongs) == (200, "/operator/pushes", [])
    [line] = commands.ask("admin", "audit", "--what", "person.logged_in")
    assert (line["of"], line["details"]) == (added["id"], {"how": "openid"})


def test_openid_needs_a_provider(commands: Commands) -> None:
    commands.ask("admin", "make-key", "so that there is a home")
    assert "no OpenID provider is set" in commands.fail("admin", "person", "add", "ann", "--openid", "42", code=2)


def test_a_key_is_rotated_and_bounded(commands: Commands) -> None:
    made = commands.ask("admin", "make-key", "export", "--scope", "read")
    id_ = made["key"][3:11]
    rotated = commands.ask("admin", "rotate-key", id_, "--overlap-hours", "1")
    assert rotated["key"].startswith(f"wp_{id_}")
    assert rotated["key"] != made["key"]
    with serving(commands) as address:
        for key, status in ((made["key"], 200), (rotated["key"], 200), (f"wp_{id_}{'0' * 40}", 401)):
            headers = {"authorization": f"Bearer {key}"}
            assert httpx.get(f"{address}/v1/facilities", headers=headers).status_code == status
        refused = httpx.put(f"{address}/v1/facilities", headers=headers | {"authorization": f"Bearer {made['key']}"})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    [listed] = [each for each in commands.ask("admin", "list-keys") if each["id"] == id_]
    assert listed["scope"] == "read"
    assert listed["last_used"] is not None
    assert listed["old_secret_ends"] == rotated["old_secret_ends"]
    told = commands.call("admin", "list-keys").stdout.decode()
    assert re.search(rf"{id_}.*read only  used 20.*old secret until", told)
    commands.ask("admin", "rotate-key", id_, "--overlap-hours", "0")
    assert "no key that works" in commands.fail("admin", "rotate-key", "0" * 8, code=1)
    assert "has not the scope" in commands.fail(
        "admin", "make-key", "x", "--role", "carrier", "--scope", "read", code=2
    )
    assert "Scopes: full, read, orders" in commands.fail("admin", "make-key", "x", "--scope", "some", code=2)


def test_the_trail_is_filtered_and_cut(commands: Commands) -> None:
    first = commands.ask("admin", "make-key", "one")["key"][3:11]
    commands.ask("admin", "make-key", "two")
    commands.ask("admin", "withdraw-key", first)
    told = commands.ask("admin", "audit")
    assert [each["what"] for each in told] == ["key.withdrawn", "key.made", "key.made"]
    assert all(each["who"] == "command" for each in told)
    assert commands.ask("admin", "audit", "--most", "1") == told[:1]
    assert commands.ask("admin", "audit", "--of", first) == [told[0], told[2]]
    assert commands.ask("admin", "audit", "--since", "2040-01-01T00:00:00Z") == []
    assert commands.ask("admin", "audit", "--until", "2040-01-01T00:00:00Z", "--what", "key.made") == told[1:]
    lines = commands.call("admin", "audit").stdout.decode().splitlines()
    assert re.fullmatch(rf"20\S+Z  command +key.withdrawn +{first}", lines[0])
    assert "--since" in commands.fail("admin", "audit", "--since", "yesterday", code=2)
