"""axe-core on every page, in languages, themes and sizes; and that the page had something on it."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Open = Callable[..., Page]

LOOKS = [("en", "light", "desktop")]
ALL_LOOKS = [
    (lang, theme, size)
    for lang in ("en", "zh", "es", "pt")
    for theme in ("light", "dark")
    for size in ("desktop", "phone")
    if (lang, theme, size) not in LOOKS
]


def list_paths(demo: Any) -> dict[str, str]:
    """Each path with a selector of something that has to be on its page."""
    corrected = demo.find("corrected")
    paths = {f"/track/{number}": "article .steps li" for number in demo.numbers}
    return paths | {
        "/": "textarea",
        "/start": "tbody tr .sign",
        "/track?n=" + ",".join(demo.numbers): "article",
        "/track/1Z999AA10123456784": ".chips li",
        "/docs": "tbody tr",
        "/nowhere": "main h1",
        "/operator/login": "#key",
        "/login": "#login",
        "/operator": "svg.chart rect",
        "/operator/parcels": "tbody tr",
        "/operator/carriers": ".cards tbody tr",
        "/operator/carriers?days=7": ".legend",
        "/operator/pushes": ".empty",
        "/operator/audit": "tbody tr",
        "/operator/audit?who=nobody": ".empty",
        "/operator/pushes?outcome=never": "[role=alert]",
        "/operator/parcels?prefix=NOTHING": ".empty",
        "/operator/parcels?since=never": "[role=alert]",
        f"/operator/parcels/yto/{corrected}": ".struck",
    }


def check(open_page: Open, demo: Any, lang: str, theme: str, size: str) -> None:
    page = open_page("/operator", lang=lang, theme=theme, size=size, operator=True)
    for path, something in list_paths(demo).items():
        page.goto(f"{demo.address}{path}")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.locator(something).count() > 0, path
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"


@pytest.mark.parametrize(("lang", "theme", "size"), LOOKS)
def test_pages_have_nothing_that_axe_finds(open_page: Open, demo: Any, lang: str, theme: str, size: str) -> None:
    check(open_page, demo, lang, theme, size)


@pytest.mark.heavy
@pytest.mark.parametrize(("lang", "theme", "size"), ALL_LOOKS)
def test_nor_in_any_other_look(open_page: Open, demo: Any, lang: str, theme: str, size: str) -> None:
    check(open_page, demo, lang, theme, size)
