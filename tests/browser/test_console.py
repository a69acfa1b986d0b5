"""The console in a browser: each screen says what the API says, in both themes, on desktop and phone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

Open = Callable[..., Page]

BUILT = Path(__file__).resolve().parents[2] / "src/waypost/web/static/console/index.html"

pytestmark = pytest.mark.skipif(not BUILT.exists(), reason="the console is not built: ./scripts/setup console")

LOOKS = [("en", "light", "desktop"), ("zh", "dark", "phone")]
ALL_LOOKS = [
    (lang, theme, size) for lang in ("en", "zh") for theme in ("light", "dark") for size in ("desktop", "phone")
]
#: The map is drawn in software here.
MAP_MS = 60_000


def ask(page: Page, demo: Any, path: str) -> Any:
    reply = page.request.get(f"{demo.address}{path}", headers={"Authorization": f"Bearer {demo.key}"})
    assert reply.ok, reply.text()
    return reply.json()


def list_screens(demo: Any) -> dict[str, str]:
    """Each screen with a selector of something that has to be on it."""
    number = demo.find("two carriers")
    return {
        "/console": ".map[data-ready]",
        "/console?tab=flows": ".gauge",
        "/console/parcels": "[role=cell] a.number",
        "/console/parcels?risk=0.5": "[role=cell] a.number",
        f"/console/parcels?n={number},NOBODY1": "[role=cell] a.number",
        f"/console/parcels/yunda/{number}": ".rail li",
        "/console/lanes": "[role=cell]",
        "/console/lanes?from=CN-浙江&to=CN-广东": "table.weeks tbody tr",
        "/console/forecast": "main code",
    }


def test_signing_in_leads_back_to_the_screen(open_page: Open, demo: Any) -> None:
    page = open_page("/console/lanes?q=浙江")
    page.get_by_label("Operator's key").fill(demo.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lanes")
    assert page.url == f"{demo.address}/console/lanes?q={quote('浙江')}"
    rows = page.locator(".grid-body [role=row]")
    expect(rows.first).to_contain_text("浙江")


def test_the_tower_shows_the_network_as_it_is(open_page: Open, demo: Any) -> None:
    page = open_page("/console", operator=True)
    live = ask(page, demo, "/v1/live")
    assert live["counts"]["in_network"] > 100
    expect(page.locator("[data-count=in_network]")).to_have_text(f"{live['counts']['in_network']:,}")
    shown = page.locator(".gauge")
    expect(shown).to_have_count(len([each for each in live["statuses"] if each["parcels"] > 0]))
    table = page.get_by_role("table", name="Hubs")
    expect(table).to_have_attribute("aria-rowcount", str(len(live["facilities"]) + 1))
    drawn = table.locator(".grid-body [role=row]")
    assert 5 < drawn.count() < len(live["facilities"]), "only what is seen is drawn"
    alerts = ask(page, demo, "/v1/alerts")["alerts"]
    expect(page.locator("button.alert-head")).to_have_count(len(alerts))
    first = live["facilities"][0]
    page.get_by_placeholder("Filter by name, code or city").fill(first["facility"])
    expect(drawn.first).to_contain_text(first["name"])
    drawn.first.click()
    expect(page.locator(".side h2").first).to_have_text(first["name"])
    assert parse_qs(urlsplit(page.url).query)["hub"] == [f"{first['carrier']}/{first['facility']}"]
    page.wait_for_selector(".map[data-ready]", timeout=MAP_MS)
    page.get_by_role("link", name="Parcels scanned here last").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Parcels")
    found = ask(page, demo, f"/v1/parcels?facility={first['facility']}&carrier={first['carrier']}&limit=200")
    expect(page.locator("[data-rows]")).to_have_attribute("data-rows", str(len(found["parcels"])))


def test_the_map_is_drawn(open_page: Open, demo: Any) -> None:
    page = open_page("/console?view=china", operator=True)
    page.wait_for_selector(".map[data-ready]", timeout=MAP_MS)
    shot = page.locator(".map canvas").screenshot()
    assert len(set(shot[-20_000:])) > 200, "one colour would pack to next to nothing"
    assert len(shot) > 15_000


def test_a_parcel_is_found_from_anywhere_by_its_number(open_page: Open, demo: Any) -> None:
    number = demo.find("two carriers")
    page = open_page("/console/lanes", operator=True)
    expect(page.get_by_role("heading", level=1)).to_have_text("Lanes")
    page.keyboard.press("/")
    page.get_by_role("combobox", name="Waybill").fill(number)
    choice = page.get_by_role("dialog").get_by_role("option").first
    expect(choice).to_contain_text(number)
    page.get_by_role("combobox", name="Waybill").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(number)
    [timeline] = ask(page, demo, f"/v1/parcels/{number}/timeline?carrier=yunda")["timelines"]
    table = page.get_by_role("table", name="Scans")
    expect(table).to_have_attribute("aria-rowcount", str(len(timeline["scans"]) + 1))
    page.get_by_role("button", name="As the carrier sent it").click()
    expect(table.locator("code").first).to_have_text(timeline["scans"][0]["code"])
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Waybill").fill("ZZ-nobody-99")
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("Nothing is known")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_many_numbers_that_are_pasted(open_page: Open, demo: Any) -> None:
    numbers = [*list(demo.numbers)[:3], "NOBODY-1"]
    page = open_page("/console/parcels", operator=True)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("combobox", name="Waybill").fill(", ".join(numbers))
    page.get_by_role("option", name="4 numbers").click()
    for number in numbers:
        expect(page.locator(".grid-body", has_text=number)).to_be_visible()
    expect(page.locator(".grid-body", has_text="Nothing is known under this number.")).to_be_visible()


def test_a_lane_says_what_the_api_says(open_page: Open, demo: Any) -> None:
    page = open_page("/console/lanes", operator=True)
    lanes, after = [], ""
    while after is not None:
        found = ask(page, demo, f"/v1/lanes?limit=500{after and f'&after={quote(after)}'}")
        lanes, after = lanes + found["lanes"], found["next"]
    table = page.get_by_role("table", name="Lanes")
    expect(table).to_have_attribute("aria-rowcount", str(len(lanes) + 1))
    table.locator(".grid-body [role=row]").first.click()
    top = lanes[0]
    path = f"/v1/lanes/times?origin={quote(top['origin'])}&destination={quote(top['destination'])}"
    detail = ask(page, demo, path)
    rows = page.locator("table.weeks tbody tr")
    expect(rows).to_have_count(sum(1 + len(each["weeks"]) for each in detail["carriers"]))
    expect(rows.first).to_contain_text(str(detail["carriers"][0]["times"]["parcels"]))
    expect(page.locator(".chart-frame:has(canvas)")).to_have_count(2)
    with page.expect_download() as coming:
        page.get_by_role("button", name="CSV").first.click()
    head, *rest = coming.value.path().read_text("utf-8-sig").splitlines()
    assert head.startswith("carrier,")
    assert len(rest) == len(lanes)


def test_numbers_beyond_one_request_are_all_shown_and_a_failed_page_is_asked_for_again(
    open_page: Open, demo: Any
) -> None:
    page = open_page("/console", operator=True)
    numbers = [f"NOBODY{place}" for place in range(150)]
    refused = []

    def refuse_once(route: Any) -> None:
        if "NOBODY149" in route.request.url and not refused:
            refused.append(route.request.url)
            route.fulfill(status=503, body="{}")
        else:
            route.continue_()

    page.route("**/v1/parcels?**", refuse_once)
    page.goto(f"{demo.address}/console/parcels?n={','.join(numbers)}")
    rows = page.locator("[data-rows]")
    expect(rows).to_have_attribute("data-rows", "100")
    page.locator(".table-frame").evaluate("frame => frame.scrollTo(0, frame.scrollHeight)")
    page.get_by_role("button", name="Try again").click()
    expect(rows).to_have_attribute("data-rows", "150")
    assert len(refused) == 1


def test_a_number_of_another_carrier_is_not_taken_for_it(open_page: Open, demo: Any) -> None:
    number = demo.find("two carriers")
    page = open_page(f"/console/parcels/dhl/{number}", operator=True)
    expect(page.get_by_role("main")).to_contain_text("None of the parcels with the number")
    page.get_by_role("link", name=number).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(number)


def test_language_and_theme_are_kept(open_page: Open, demo: Any) -> None:
    page = open_page("/console/parcels", operator=True)
    page.get_by_label("Language").select_option("zh-Hant")
    expect(page.get_by_role("heading", level=1)).to_have_text("包裹")
    assert page.locator("html").get_attribute("lang") == "zh-Hant"
    expect(page.locator("select").nth(1).locator("option", has_text="海關扣留")).to_have_count(1)
    page.get_by_role("button", name="深色").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_label("語言")).to_have_value("zh-Hant")


def check(open_page: Open, demo: Any, lang: str, theme: str, size: str) -> None:
    page = open_page("/operator", lang=lang, theme=theme, size=size, operator=True)
    for path, something in list_screens(demo).items():
        page.goto(f"{demo.address}{path}")
        page.wait_for_selector(something, timeout=MAP_MS)
        width = page.evaluate("document.documentElement.clientWidth")
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"


@pytest.mark.parametrize(("lang", "theme", "size"), LOOKS)
def test_screens_have_nothing_that_axe_finds(open_page: Open, demo: Any, lang: str, theme: str, size: str) -> None:
    check(open_page, demo, lang, theme, size)


@pytest.mark.heavy
@pytest.mark.parametrize(("lang", "theme", "size"), [each for each in ALL_LOOKS if each not in LOOKS])
def test_nor_in_any_other_look(open_page: Open, demo: Any, lang: str, theme: str, size: str) -> None:
    check(open_page, demo, lang, theme, size)
