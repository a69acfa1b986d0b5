"""The carrier's page in a browser: by keyboard as a hand scanner types, and for everybody's eyes."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def key(demo: Any) -> str:
    words = [
        "admin",
        "make-key",
        "Hilltop",
        "--role",
        "carrier",
        "--carrier",
        "yto",
        "--json",
        "--home",
        str(demo.home),
    ]
    command = [sys.executable, "-c", "from waypost.app.cli import main; main()", *words]
    made = subprocess.run(command, capture_output=True, check=True, text=True)
    return str(json.loads(made.stdout)["key"])


@pytest.mark.parametrize(
    ("lang", "theme", "size"), [("en", "light", "desktop"), ("zh", "dark", "phone"), ("pt", "light", "phone")]
)
def test_scans_are_confirmed_by_keyboard(open_page: Open, key: str, lang: str, theme: str, size: str) -> None:
    page = open_page("/carrier", lang=lang, theme=theme, size=size, java_script_enabled=True)
    assert "/carrier/login" in page.url
    assert Axe().run(page).violations_count == 0
    page.keyboard.type(key)
    page.keyboard.press("Enter")
    expect(page.locator("#numbers")).to_be_focused()
    for number in ("YT7700000000011", "YT7700000000022", "ＹＴ３"):
        page.keyboard.type(number)
        page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("section[aria-labelledby=told] tbody tr")).to_have_count(3)
    expect(page.locator("#numbers")).to_be_focused()
    page.set_input_files(
        "#file", {"name": "a.csv", "mimeType": "text/csv", "buffer": b"number,code,at\nX,delivered,never\n"}
    )
    page.locator("section.counter").nth(1).locator("button").click()
    expect(page.locator("#filed")).to_be_visible()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width == 0, f"{width} px too wide"
