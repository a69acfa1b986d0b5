"""What was pushed, as operators see it: anybody who opens a body stands in the journal."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.rooms.web.test_api_carriers import PATH, account_in, write_push
from tests.rooms.web.test_pages_operator import Browser

from waypost.track.carriers import Push
from waypost.track.pushes import Arrived, Outcome


@pytest.fixture
def pushed(make_world: Any) -> Iterator[Any]:
    """One push was taken, came again, and was forged."""
    world = make_world()
    with account_in(world) as fake:
        asked = write_push(world, fake)
        for body in (asked.body, asked.body, asked.body.replace(b"GOT", b"SIGNED")):
            world.ask("POST", PATH, headers=dict(asked.headers), body=body)
        yield world


def keep(world: Any, body: bytes, account: str = "yto", outcome: Outcome = Outcome.UNREADABLE, why: str = "") -> None:
    push = Push(headers={}, query="", body=body, received_ms=world.now_ms)
    world.pushes.raw.keep([Arrived(account, push, outcome, why=why)])


def opened_by(world: Any) -> list[dict[str, str]]:
    lines = [json.loads(line) for line in world.journal.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "a push was opened"]


def test_pushes_need_an_operator(pushed: Any) -> None:
    [push] = pushed.get("/v1/pushes", key=pushed.operator).json["pushes"]
    for path in ("/v1/pushes", f"/v1/pushes/{push['id']}"):
        assert pushed.get(path).status == 401
        assert pushed.get(path, key=pushed.carrier).status == 403
    assert pushed.get(f"/operator/pushes/{push['id']}").status == 303
    assert opened_by(pushed) == []


def test_a_body_is_opened_and_who_did_is_written_down(pushed: Any) -> None:
    [push] = pushed.get("/v1/pushes", key=pushed.operator).json["pushes"]
    assert (push["account"], push["outcome"], push["scans"], push["refused"], push["why"]) == ("yto", "taken", 1, 0, "")
    assert opened_by(pushed) == []
    told = pushed.get(f"/v1/pushes/{push['id']}", key=pushed.operator).json
    assert told["push"] == push
    assert told["encoding"] == "utf-8"
    assert "GOT" in told["body"]
    [line] = opened_by(pushed)
    assert line["push"] == push["id"]
    assert line["key"]
    Browser(pushed).get(f"/operator/pushes/{push['id']}")
    assert len(opened_by(pushed)) == 2
    assert "GOT" not in pushed.journal.getvalue()
    assert pushed.get("/v1/pushes/ffff", key=pushed.operator).status == 404
    assert len(opened_by(pushed)) == 2


def test_the_list_is_filtered_and_paged(pushed: Any) -> None:
    for place in range(3):
        keep(pushed, b"%d" % place, "sto-main", why="no scans")
    page = pushed.get("/v1/pushes?account=sto-main&limit=2", key=pushed.operator).json
    rest = pushed.get(f"/v1/pushes?account=sto-main&limit=2&after={page['next']}", key=pushed.operator).json
    assert (len(page["pushes"]), len(rest["pushes"]), rest["next"]) == (2, 1, None)
    taken = pushed.get("/v1/pushes?outcome=taken", key=pushed.operator).json["pushes"]
    assert [each["account"] for each in taken] == ["yto"]
    assert pushed.get("/v1/pushes?outcome=eaten", key=pushed.operator).status == 422
    assert pushed.get("/v1/pushes?after=guess", key=pushed.operator).status == 400


def test_a_body_that_is_no_text_comes_in_base64(pushed: Any) -> None:
    keep(pushed, b"\xff\xfe", "sto-main")
    [push] = pushed.get("/v1/pushes?account=sto-main", key=pushed.operator).json["pushes"]
    told = pushed.get(f"/v1/pushes/{push['id']}", key=pushed.operator).json
    assert (told["body"], told["encoding"]) == ("//4=", "base64")


def test_the_page_counts_by_outcome(pushed: Any) -> None:
    text = Browser(pushed).get("/operator/pushes").text
    assert counts_of(text) == ["1", "0", "0", "1", "0", "0", "1", "1", "0"]  # of a day, a week, and what left nothing
    pushed.now_ms += 2 * 86_400_000
    text = Browser(pushed).get("/operator/pushes").text
    assert counts_of(text) == ["0", "0", "0", "1", "0", "0", "1", "1", "0"]


def counts_of(text: str) -> list[str]:
    row = text.split('/operator/pushes?account=yto"')[1].split("</tr>")[0]
    return [re.sub("<[^>]*>", "", cell) for cell in re.findall(r'<td class="count">(.*?)</td>', row)]


def test_nothing_of_a_body_is_taken_for_a_page(pushed: Any) -> None:
    keep(pushed, b"<script>alert(1)</script>", why="<i>odd</i>")
    browser = Browser(pushed)
    assert "&lt;i&gt;odd&lt;/i&gt;" in browser.get("/operator/pushes").text
    [push] = pushed.get("/v1/pushes?outcome=unreadable", key=pushed.operator).json["pushes"]
    page = browser.get(f"/operator/pushes/{push['id']}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>" not in page


def test_a_filter_that_is_none_is_told(pushed: Any) -> None:
    reply = Browser(pushed).get("/operator/pushes?outcome=eaten")
    assert (reply.status, "there is no outcome" in reply.text) == (400, True)
    empty = Browser(pushed).get("/operator/pushes?account=nobody")
    assert (empty.status, "No push fits" in empty.text) == (200, True)
