"""A demo as `waypost demo` starts it, and a browser to look at it with."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright
from tests.once import made_once

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 740}}
LOCALES = {"en": "en-GB", "zh": "zh-CN", "es": "es-ES", "pt": "pt-BR"}


class Demo(msgspec.Struct):
    """Where the demo answers and lies, the operator's key, and numbers with what is special about them."""

    address: str
    key: str
    numbers: dict[str, str]
    home: Path

    def find(self, *words: str) -> str:
        """The number that is worth a look for a reason with these words."""
        return next(number for number, why in self.numbers.items() if all(word in why for word in words))


COMMAND = [sys.executable, "-c", "from waypost.app.cli import main; main()", "demo", "--port", "0", "--json"]


@contextmanager
def run_demo(home: Path, *more: str) -> Iterator[dict[str, Any]]:
    """A demo below a folder; gives what it tells of itself."""
    with (home / "journal").open("wb") as journal:
        process = subprocess.Popen(
            [*COMMAND, *more, "--home", str(home)], stdout=subprocess.PIPE, stderr=journal, text=True
        )
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if line == "}\n":
            break
    assert told, (home / "journal").read_text()
    try:
        yield json.loads(told)
    finally:
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, ""), (home / "journal").read_text()[-2000:]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    made = made_once(tmp_path_factory, "demo", make_demo)
    home = tmp_path_factory.mktemp("demo") / "home"
    shutil.copytree(made, home)
    with run_demo(home, "--still") as found:
        numbers = {each["number"]: each["why"] for each in found["worth_a_look"]}
        yield Demo(found["address"], found["key"], numbers, Path(found["home"]))


def make_demo(home: Path) -> None:
    """A demo that has its sample and has learnt."""
    home.mkdir()
    with run_demo(home, "--still"):
        pass


@pytest.fixture(scope="module")  # while it is open an event loop runs here, which other tests could not bear
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: install one of {', '.join(BROWSERS)}, and fonts-noto-cjk for Chinese")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--enable-unsafe-swiftshader"])
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, demo: Demo) -> Iterator[Open]:
    """Opens pages of the demo. Anything the page asks of another host, and any error it logs, fails the test."""
    contexts: list[BrowserContext] = []
    strange: list[str] = []

    def watch(request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(demo.address).netloc and not request.url.startswith(
            ("data:", "blob:")
        ):
            strange.append(request.url)

    def open_page(
        path: str, *, lang: str = "en", theme: str = "light", size: str = "desktop", operator: bool = False, **more: Any
    ) -> Page:
        context = browser.new_context(viewport=SIZES[size], locale=LOCALES[lang], color_scheme=theme, **more)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("request", watch)
        page.on("pageerror", lambda error: strange.append(str(error)))
        if operator:
            page.goto(f"{demo.address}/operator/login")
            page.fill("#key", demo.key)
            page.click("main button[type=submit]")
            page.wait_for_url(f"{demo.address}/operator")
        page.goto(f"{demo.address}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert strange == []
