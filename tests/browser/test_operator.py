import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

Open = Callable[..., Page]


def overview_of(page: Page, demo: Any) -> Any:
    reply = page.request.get(f"{demo.address}/v1/overview", headers={"Authorization": f"Bearer {demo.key}"})
    assert reply.ok
    return reply.json()


def test_a_wrong_key_is_told_and_a_right_one_lets_in(open_page: Open, demo: Any) -> None:
    page = open_page("/operator/parcels?status=delivered")
    expect(page.get_by_role("heading", level=1)).to_have_text("Operator sign-in")
    page.get_by_label("Operator's key").fill("wp_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not an operator's key")
    page.get_by_label("Operator's key").fill(demo.key)
    page.get_by_role("button", name="Sign in").click()
    assert page.url == f"{demo.address}/operator/parcels?status=delivered"
    expect(page.get_by_label("Status", exact=True)).to_have_value("delivered")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Operator's key")).to_be_visible()
    page.goto(f"{demo.address}/operator")
    expect(page.get_by_label("Operator's key")).to_be_visible()


@pytest.mark.parametrize(
    ("lang", "title", "unit"), [("en", "Overview", "Parcels by status"), ("zh", "总览", "各状态包裹数")]
)
def test_the_overview_says_what_the_api_says(open_page: Open, demo: Any, lang: str, title: str, unit: str) -> None:
    page = open_page("/operator", lang=lang, operator=True)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_role("heading", name=unit)).to_be_visible()
    overview = overview_of(page, demo)
    expect(page.locator(".tile dd").first).to_contain_text(f"{overview['parcels']:,}")
    expect(page.locator(".bars tbody tr")).to_have_count(len(overview["statuses"]))
    counts = [int(text.replace(",", "")) for text in page.locator(".bars td.count").all_text_contents()]
    assert counts == [each["parcels"] for each in overview["statuses"]]
    bars = page.locator("svg.chart rect")
    assert bars.count() >= len(overview["hours"])
    page.locator("summary").last.click()
    expect(page.locator(".tall tbody tr")).to_have_count(bars.count())
    for each in overview["unknown_codes"]:
        expect(page.locator("code", has_text=each["code"])).to_be_visible()


def test_from_a_count_to_the_parcels_to_one_of_them(open_page: Open, demo: Any, tmp_path: Path) -> None:
    page = open_page("/operator", operator=True)
    row = page.locator(".bars tbody tr", has_text="Held by customs").or_(
        page.locator(".bars tbody tr", has_text="Declared to customs")
    )
    page.locator("summary").first.click()
    count = int(row.first.locator(".count").inner_text())
    label = row.first.get_by_role("link").inner_text()
    row.first.get_by_role("link").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(count)
    assert {text.strip() for text in page.locator("tbody tr td:nth-child(3)").all_inner_texts()} == {label}

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export as CSV").click()
    downloading.value.save_as(tmp_path / "parcels.csv")
    exported = list(csv.DictReader(io.StringIO((tmp_path / "parcels.csv").read_text("utf-8-sig"))))
    numbers = page.locator("tbody a.number").all_inner_texts()
    assert [each["number"] for each in exported] == numbers

    page.locator("tbody a.number").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(numbers[0])
    assert page.locator("table.scans tbody tr").count() == int(exported[0]["scans"])


def test_a_correction_is_seen_whole(open_page: Open, demo: Any) -> None:
    number = demo.find("corrected")
    page = open_page(f"/operator/parcels?prefix={number}", operator=True)
    page.get_by_role("link", name=number).click()
    struck = page.locator("tr.struck")
    expect(struck).to_have_count(1)
    expect(page.get_by_text("Corrects ")).to_have_count(1)
    assert struck.locator("code").last.inner_text() in page.get_by_text("Corrects ").inner_text()


def test_pages_on_a_phone(open_page: Open, demo: Any) -> None:
    page = open_page("/operator", operator=True, size="phone")
    number = demo.find("two carriers")
    for path in [
        "/operator",
        "/operator/carriers",
        "/operator/pushes",
        "/operator/parcels",
        f"/operator/parcels?prefix={number}",
    ]:
        page.goto(f"{demo.address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
    page.get_by_role("link", name=number).click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_from_a_carrier_to_a_code_nobody_knows_to_its_parcel(open_page: Open, demo: Any) -> None:
    page = open_page("/operator", operator=True)
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Carriers").click()
    reply = page.request.get(f"{demo.address}/v1/carriers/scorecards", headers={"Authorization": f"Bearer {demo.key}"})
    cards = reply.json()["carriers"]
    rows = page.locator(".cards tbody tr")
    expect(rows).to_have_count(len(cards))
    for place, card in enumerate(cards):
        expect(rows.nth(place).locator("th")).to_contain_text(f"{card['scans']:,} scan")
    unknown = [(card["carrier"], code) for card in cards for code in card["unknown_codes"]]
    assert unknown
    carrier, code = unknown[0]
    line = page.locator("tr", has=page.locator("code.copy", has_text=code["code"])).first
    expect(line).to_contain_text(f"{carrier}.csv")
    line.get_by_role("link", name=code["number"]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(code["number"])
    expect(page.locator("table.scans code", has_text=code["code"]).first).to_be_visible()


def test_a_figure_is_explained_where_it_stands(open_page: Open, demo: Any) -> None:
    page = open_page("/operator/carriers", operator=True)
    for heading in page.locator("a.why").all():
        told = heading.get_attribute("title")
        target = page.locator(str(heading.get_attribute("href")))
        assert told
        expect(target).to_contain_text(told)
