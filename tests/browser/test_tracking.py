from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

Open = Callable[..., Page]


def parcel_of(page: Page, demo: Any, number: str) -> Any:
    """What the API says of a number."""
    reply = page.request.get(f"{demo.address}/v1/parcels/{number}")
    assert reply.ok
    return reply.json()["parcels"][0]


def scans_of(page: Page, demo: Any, number: str) -> Any:
    reply = page.request.get(f"{demo.address}/v1/parcels/{number}/timeline")
    assert reply.ok
    return reply.json()["timelines"][0]["scans"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize(
    ("lang", "asks", "delivered"), [("en", "Where is my parcel?", "Delivered"), ("zh", "我的包裹到哪了？", "已签收")]
)
def test_a_number_is_typed_and_its_way_is_shown(
    open_page: Open, demo: Any, lang: str, asks: str, delivered: str, size: str, theme: str
) -> None:
    number = demo.find("delivered within China")
    page = open_page("/", lang=lang, size=size, theme=theme)
    expect(page.get_by_role("heading", level=1)).to_have_text(asks)
    page.get_by_role("textbox").fill(number)
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("heading", level=2)).to_have_text(delivered)
    expect(page.locator("li[class=done]")).to_have_count(5)
    scans = [scan for scan in scans_of(page, demo, number) if "corrected" not in scan["flags"]]
    times = page.locator(".row time")
    expect(times).to_have_count(len(scans))
    assert [time.get_attribute("datetime") for time in times.all()] == [scan["at"] for scan in scans]
    assert [time.inner_text() for time in times.all()] == [scan["at"][11:16] for scan in scans]
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(246, 247, 249)", "dark": "rgb(11, 18, 32)"}[theme]
    assert page.evaluate("document.documentElement.scrollWidth") == {"phone": 360, "desktop": 1280}[size]


def test_it_works_without_scripts(open_page: Open, demo: Any) -> None:
    page = open_page(f"/track/{demo.find('out for delivery')}", java_script_enabled=False)
    expect(page.get_by_role("heading", level=2)).to_have_text("Out for delivery")
    expect(page.locator("li[aria-current=step]")).to_contain_text("Out for delivery")


def test_two_carriers_and_a_border(open_page: Open, demo: Any) -> None:
    number = demo.find("two carriers")
    page = open_page(f"/track/{number}")
    parcel = parcel_of(page, demo, number)
    assert len(parcel["numbers"]) == 2
    expect(page.locator(".further")).to_contain_text(parcel["numbers"][1]["number"])
    expect(page.locator(".handover")).to_have_count(1)
    expect(page.locator(".handover")).to_contain_text("Handed over from")
    expect(page.get_by_role("list", name="Progress").get_by_role("listitem")).to_have_count(6)
    offsets = set(page.locator(".row-time small").all_inner_texts())
    assert "UTC+8" in offsets
    assert len(offsets) > 1


def test_many_numbers_pasted_at_once(open_page: Open, demo: Any) -> None:
    page = open_page("/")
    page.get_by_label("Tracking numbers").fill("\n".join(demo.numbers) + ", NOPE1234567")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article")).to_have_count(len(demo.numbers) + 1)
    expect(page.get_by_role("status")).to_contain_text("1 not known")
    first = page.get_by_role("article").first
    expect(first.locator(".row").first).to_be_hidden()
    first.get_by_text("Timeline").click()
    expect(first.locator(".row").first).to_be_visible()


def test_the_language_switch_stays_with_the_parcel(open_page: Open, demo: Any) -> None:
    number = demo.find("delivered within China")
    page = open_page(f"/track/{number}")
    for name, word, tag in [
        ("中文", "已签收", "zh-Hans"),
        ("Português", "Entregue", "pt-BR"),
        ("Español", "Entregado", "es"),
    ]:
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=2)).to_have_text(word)
        expect(page.locator("html")).to_have_attribute("lang", tag)
        expect(page.get_by_role("textbox")).to_have_value(number)
    page.get_by_role("main").get_by_role("button").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")


def test_by_keyboard_alone(open_page: Open) -> None:
    page = open_page("/track/NOPE1234567")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "2px"


@pytest.mark.parametrize("lang", ["en", "zh", "es", "pt"])
def test_nothing_runs_over_the_edge_of_a_phone(open_page: Open, demo: Any, lang: str) -> None:
    page = open_page("/", lang=lang, size="phone")
    for path in ["/", *(f"/track/{number}" for number in demo.numbers), "/track/" + "W" * 64, "/docs", "/nowhere"]:
        page.goto(f"{demo.address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path


def test_on_paper_there_is_the_parcel_and_no_form(open_page: Open, demo: Any) -> None:
    page = open_page(f"/track/{demo.find('out for delivery')}")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=2)).to_be_visible()
    expect(page.locator("form")).to_be_hidden()
    expect(page.get_by_role("navigation")).to_be_hidden()
    assert page.pdf().startswith(b"%PDF-")


def test_the_whole_page_is_small(open_page: Open, demo: Any) -> None:
    page = open_page("/")
    path = f"/track/{demo.find('two carriers')}"
    fetched: set[str] = set()
    page.on("response", lambda reply: fetched.add(reply.url))
    page.goto(f"{demo.address}{path}", wait_until="networkidle")
    assert f"{demo.address}{path}" in fetched
    assert len(fetched) <= 3, fetched
    sizes = {url: len(httpx.get(url).content) for url in fetched}
    assert sum(sizes.values()) < 60_000, sizes
