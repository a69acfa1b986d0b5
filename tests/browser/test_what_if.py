"""What if in a browser, before a demo whose network lives: a hub is closed, and what that does is read."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from tests.browser.conftest import Demo, run_demo
from tests.browser.test_console import BUILT

Open = Callable[..., Page]

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not BUILT.exists(), reason="the console is not built: ./scripts/setup console"),
]
ANSWERED_MS = 180_000
#: A server that has just begun counts its facilities first.
COUNTED_MS = 60_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("living") / "home"
    home.mkdir()
    with run_demo(home) as found:
        yield Demo(found["address"], found["key"], {}, Path(found["home"]))


def test_a_hub_is_closed_and_the_difference_read(open_page: Open, demo: Any) -> None:
    page = open_page("/console", operator=True)
    page.get_by_role("link", name="What if").click()
    hub = page.get_by_label("Hub (carrier/code)")
    known = page.locator("#what-if-hubs option[value='yto/330100-H']")
    expect(known).to_have_count(1, timeout=COUNTED_MS)

    hub.fill("yto/nowhere")
    page.get_by_role("button", name="Ask the twin").click()
    expect(page.get_by_role("alert")).to_contain_text("the twin has no hub 'yto/nowhere'")

    hub.fill("yto/330100-H")
    page.get_by_role("button", name="Ask the twin").click()
    expect(page.get_by_role("columnheader", name="Difference")).to_be_visible(timeout=ANSWERED_MS)
    assert re.search(r"id=wif_[0-9a-f]{16}", page.url)
    expect(page.get_by_text(re.compile(r"^[\d,]+ parcels? hit\.$"))).to_be_visible()
    waiting = page.get_by_role("row").filter(has_text="Most waiting in all hubs")
    assert re.search(r"\+[\d,]+$", waiting.inner_text())
    hubs = page.get_by_role("table", name="Hubs where most differs")
    expect(hubs.get_by_role("row").nth(1)).to_contain_text("yto/330100-H")
    expect(page.get_by_role("button", name=re.compile("^Close a hub · 杭州市转运中心"))).to_have_attribute(
        "aria-current", "true"
    )

    for lang, theme, size in (("en", "dark", "phone"), ("zh", "light", "desktop"), ("zh", "dark", "phone")):
        other = open_page(
            page.url.removeprefix(demo.address), operator=True, lang=lang, theme=theme, size=size, bypass_csp=True
        )
        expect(other.get_by_text("yto/330100-H").last).to_be_visible()
        assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(other)
        assert found.violations_count == 0, found.generate_report()

    page.get_by_role("button", name="Let it be").click()
    expect(page.get_by_text("Nothing was asked yet.")).to_be_visible()
