"""A merchant's console, before a demo whose couriers carry what is booked: an order is booked, printed and followed."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from tests.browser.conftest import Demo, run_demo
from tests.browser.test_console import BUILT

Open = Callable[..., Page]

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not BUILT.exists(), reason="the console is not built: ./scripts/setup console"),
]
#: A day of this world takes 48 s, and the next street is two or three of them away.
SPEED, ARRIVES_S = "1800", 360
SLOWLY_MS = 60_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("shop") / "home"
    home.mkdir()
    with run_demo(home, "--speed", SPEED) as found:
        yield Demo(found["address"], found["key"], {}, Path(found["home"]))


def assert_is_well(page: Page) -> None:
    """In both themes and on a phone: what stands there can be read, and nothing is too wide."""
    size = page.viewport_size
    assert size is not None
    for theme, shown in (("light", size), ("dark", size), ("dark", {"width": 360, "height": 740})):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size(shown)  # type: ignore[arg-type]
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size(size)


def test_an_order_is_booked_printed_and_followed_to_the_door(open_page: Open) -> None:
    page = open_page("/start", bypass_csp=True)
    page.get_by_role("button", name="Enter as merchant").click()
    expect(page.get_by_role("heading", name="Shipments")).to_be_visible(timeout=SLOWLY_MS)
    page.get_by_text("TEA-1001", exact=True).click()
    expect(page.get_by_role("heading", name="Order TEA-1001")).to_be_visible()
    assert_is_well(page)
    page.get_by_role("button", name="Book", exact=True).click()
    number = page.get_by_label("TEA-1001", exact=True).get_by_role("link").first
    expect(number).to_have_text(re.compile(r"^(77|78|YT)9\d{12}$"), timeout=SLOWLY_MS)
    with page.expect_download() as printed:
        page.get_by_role("button", name="Print the label").click()
    assert Path(printed.value.path()).read_bytes().startswith(b"%PDF")

    assert_is_well(page)
    waybill = number.inner_text()
    until_s = time.monotonic() + ARRIVES_S
    page.goto(f"{page.url.split('/merchant')[0]}/track/{waybill}")
    while not page.get_by_role("heading", name="Delivered", exact=True).is_visible():
        assert time.monotonic() < until_s, page.inner_text("main")
        page.wait_for_timeout(3_000)
        page.reload()


def test_offers_are_compared_and_the_best_is_booked(open_page: Open) -> None:
    page = open_page("/start", bypass_csp=True)
    page.get_by_role("button", name="Enter as merchant").click()
    page.get_by_role("link", name="New order").first.click()
    for end, name, city in (("Sender", "West Lake Tea", "杭州市"), ("Consignee", "Somebody", "上海市")):
        group = page.get_by_role("group", name=end)
        for label, text in (("Name", name), ("City", city), ("Street and house", "Example Road 1")):
            group.get_by_label(label, exact=True).fill(text)
    page.get_by_label("What it is").fill("Tea")
    page.get_by_role("button", name="Compare offers").click()
    offers = page.get_by_role("radio")
    expect(offers).to_have_count(3, timeout=SLOWLY_MS)
    expect(page.get_by_text("CN¥7.20")).to_be_visible()
    assert_is_well(page)
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("button", name="Print the label")).to_be_visible(timeout=SLOWLY_MS)
