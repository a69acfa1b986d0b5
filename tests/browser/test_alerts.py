"""The queue of alerts in a browser: trouble comes up in it, and is worked off by keyboard."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.test_console import BUILT, ask

from waypost.care.alerts.book import AlertBook
from waypost.care.alerts.findings import AlertKind, Finding, Severity
from waypost.engines.local.home import open_records
from waypost.model.instants import MINUTE_MS, parse_instant

Open = Callable[..., Page]

pytestmark = pytest.mark.skipif(not BUILT.exists(), reason="the console is not built: ./scripts/setup console")


def raise_alert(page: Page, demo: Any, code: str) -> str:
    """Trouble of a kind that the server looks for seldom, so that it does not end meanwhile."""
    now_ms = parse_instant(ask(page, demo, "/v1/live")["as_of"]).at_ms
    finding = Finding(
        kind=AlertKind.UNKNOWN_CODES,
        subject=f"yto {code}",
        severity=Severity.WARNING,
        carrier="yto",
        since_ms=now_ms - 10 * MINUTE_MS,
        parcels=0,
        words={"code": code},
    )
    with closing(open_records(demo.home)) as records:
        [id_] = AlertBook(records, MINUTE_MS).note([], [finding], now_ms).raised
    return id_


def test_an_alert_is_worked_off_by_keyboard(open_page: Open, demo: Any) -> None:
    page = open_page("/console", operator=True)
    raised = raise_alert(page, demo, "ODD_ONE")
    page.goto(f"{demo.address}/console?kind=unknown_codes")
    head = page.locator("button.alert-head", has_text="yto: ODD_ONE")
    expect(head).to_contain_text("Unknown codes")
    expect(head).to_contain_text("nobody's")
    head.focus()
    page.keyboard.press("e")
    expect(head).to_contain_text("yours")
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-expanded", "true")
    assert f"alert={raised}" in page.url
    history = page.locator(".acts li")
    expect(history.nth(1)).to_contain_text("given to somebody · yours")
    expect(head).to_be_focused()
    page.keyboard.press("s")
    page.get_by_role("group", name="Put aside").get_by_role("button", name="4 h", exact=True).focus()
    page.keyboard.press("Enter")
    expect(head).to_contain_text("put aside")
    expect(head).to_be_focused()
    page.keyboard.press("r")
    page.get_by_label("What it was, or what was done").fill("the carrier has a new table")
    page.keyboard.press("Enter")
    expect(head).to_have_count(0)
    answer = ask(page, demo, f"/v1/alerts/{raised}")
    assert answer["alert"]["state"] == "resolved"
    assert answer["acts"][-1]["note"] == "the carrier has a new table"
    assert [each["what"] for each in answer["acts"]][-3:] == ["assigned", "snoozed", "resolved"]


def test_what_somebody_else_did_meanwhile_is_told_and_not_undone(open_page: Open, demo: Any) -> None:
    page = open_page("/console", operator=True)
    raised = raise_alert(page, demo, "ODD_TWO")
    page.goto(f"{demo.address}/console?kind=unknown_codes&alert={raised}")
    expect(page.locator("button.alert-head", has_text="yto: ODD_TWO")).to_be_visible()
    version = ask(page, demo, f"/v1/alerts/{raised}")["alert"]["version"]
    headers = {"Authorization": f"Bearer {demo.key}"}
    path = f"{demo.address}/v1/alerts/{raised}/assign"
    assert page.request.post(path, headers=headers, data={"version": version, "assignee": "night shift"}).ok
    page.get_by_role("button", name="Take it").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("button.alert-head", has_text="yto: ODD_TWO")).to_contain_text("night shift")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Take it").click()
    expect(page.locator("button.alert-head", has_text="yto: ODD_TWO")).to_contain_text("yours")
    acts = ask(page, demo, f"/v1/alerts/{raised}")["acts"]
    assert next(each["assignee"] for each in acts if each["what"] == "assigned") == "night shift"
