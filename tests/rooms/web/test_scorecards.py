"""Scorecards and unknown codes through the door."""

import csv
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from tests.rooms.web.conftest import NOW, scan
from tests.rooms.web.test_pages_operator import Browser

PATH = "/v1/carriers/scorecards"
HOSTILE = '<b>"X",1'


@pytest.fixture
def full(world: Any) -> Any:
    """Some live scans of a carrier whose clock runs three hours ahead, and a code that is not to be trusted."""
    world.now_ms = NOW - 3 * 3_600_000
    world.keep(*(scan(f"AH{n}", "picked_up", "2026-11-22T15:00:00Z", carrier="ahead") for n in range(25)))
    world.now_ms = NOW
    world.keep(scan("AH1", HOSTILE, "2026-11-22T14:00:00Z", carrier="ahead"))
    return world


def test_the_cards_need_an_operator(world: Any) -> None:
    assert world.get(PATH).status == 401
    assert world.get(PATH, key=world.carrier).status == 403
    assert world.get(f"{PATH}?since=yesterday", key=world.operator).status == 422
    assert Browser(world).get("/operator/carriers").status == 200


def test_the_cards_of_thirty_days_unless_told(full: Any) -> None:
    told = full.get(PATH, key=full.operator).json
    assert (told["since"], told["until"]) == ("2026-10-23T00:00:00Z", "2026-11-22T15:00:00Z")
    cards = {each["carrier"]: each for each in told["carriers"]}
    assert list(cards) == ["ahead", "waypost", "yto"]
    assert cards["ahead"]["shift"] == {"verdict": "ahead", "minutes": 180, "scans": 26}
    assert cards["ahead"]["early"] == {"count": 25, "of": 26, "share": 0.9615}
    short = full.get(f"{PATH}?since=2026-11-22T13:00:00Z&until=2026-11-22T14:30:00Z", key=full.operator).json
    assert [(each["carrier"], each["scans"]) for each in short["carriers"]] == [("ahead", 1)]


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-11-22T13:00:00Z&until=2026-11-22T12:59:59Z",
        "since=2026-11-22T13:00:00Z&until=2026-11-22T13:00:00Z",
        "until=2026-10-01T00:00:00Z",
    ],
)
def test_a_stretch_that_ends_before_it_begins_is_refused(full: Any, query: str) -> None:
    reply = full.get(f"{PATH}?{query}", key=full.operator)
    assert (reply.status, reply.json["code"]) == (422, "invalid")
    assert [each["where"] for each in reply.json["errors"]] == ["query.until"]
    assert "not after since, 2026-1" in reply.json["detail"]


@pytest.mark.parametrize("days", ["8", "seven", "-7", "030", "7%0a8", "%3Cb%3E"])
def test_days_that_there_are_no_cards_of_are_told(full: Any, days: str) -> None:
    browser = Browser(full)
    page = browser.get(f"/operator/carriers?days={days}")
    assert page.status == 400
    assert "is none of 7, 30, 90: these are the last 30 days" in page.text
    assert "25 of 26" in page.text
    assert "<b>" not in page.text
    assert browser.get(f"/operator/carriers.csv?days={days}").status == 400


def test_days_that_there_are_cards_of(full: Any) -> None:
    browser = Browser(full)
    for fine in ("7", "90", ""):
        assert "is none of" not in browser.get(f"/operator/carriers?days={fine}").text
        assert browser.get(f"/operator/carriers.csv?days={fine}").status == 200


def test_the_page_says_what_the_cards_say(full: Any) -> None:
    text = Browser(full).get("/operator/carriers").text
    assert "+3 hrs" in text or "+3 hr" in text
    assert "25 of 26" in text
    assert 'href="/operator/parcels?carrier=ahead"' in text
    assert 'href="#codes-ahead"' in text
    assert 'id="codes-ahead"' in text
    assert "<b>" not in text
    assert "&#34;&lt;b&gt;&#34;&#34;X&#34;&#34;,1&#34;,STATUS,2," in text
    assert "/operator/parcels/ahead/AH1" in text


def test_every_column_is_explained(full: Any) -> None:
    text = Browser(full).get("/operator/carriers").text
    explained = {line.split('"')[1] for line in text.split("<div ")[1:] if line.startswith('id="about-')}
    linked = {part.split('"')[0] for part in text.split('class="why" href="#')[1:]}
    assert linked == explained
    assert len(linked) == 15


@pytest.mark.parametrize("lang", ["en", "zh", "es", "pt"])
@pytest.mark.parametrize("path", ["/operator/carriers", "/operator/pushes"])
def test_the_pages_speak_every_language(full: Any, path: str, lang: str) -> None:
    reply = Browser(full).get(f"{path}?lang={lang}")
    assert reply.status == 200
    assert f'lang="{reply.headers["content-language"]}"' in reply.text


def test_a_network_without_scans_has_an_empty_page(make_world: Any) -> None:
    world = make_world()
    world.now_ms += 90 * 86_400_000
    assert "No carrier has sent a scan in this time" in Browser(world).get("/operator/carriers?days=7").text


def test_the_file_has_how_many_of_how_many(full: Any) -> None:
    reply = Browser(full).get("/operator/carriers.csv")
    assert reply.headers["content-type"].startswith("text/csv")
    rows = {row["carrier"]: row for row in csv.DictReader(io.StringIO(reply.text.removeprefix("\ufeff")))}
    assert (rows["ahead"]["early"], rows["ahead"]["early_of"], rows["ahead"]["shift_minutes"]) == ("25", "26", "180")
    assert rows["yto"]["p50_s"] != ""


def test_nobody_else_waits_for_the_cards(full: Any) -> None:
    """However many stretches are asked for at one time."""
    release, begun, inner = threading.Event(), threading.Event(), full.app._desk.insight.scorecards

    def wait(since_ms: int, until_ms: int | None) -> Any:
        begun.set()
        assert release.wait(30)
        return inner(since_ms, until_ms)

    msgspec.structs.force_setattr(full.app._desk.insight, "scorecards", wait)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(full.get, f"{PATH}?since=2026-11-2{day}T00:00:00Z", key=full.operator) for day in range(4)]
        try:
            assert begun.wait(10)
            assert Browser(full).get("/operator").status == 200
        finally:
            release.set()
        assert [each.result().status for each in asked] == [200] * 4
