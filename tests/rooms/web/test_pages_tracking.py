import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote

import pytest

from waypost.web.desk import Limits

HOSTILE = "<script>alert(1)</script>'\";DROP TABLE parcels;--"


class _Texts(HTMLParser):
    """The texts of a page, and its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(" ".join(data.split()))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def read(reply: Any) -> _Texts:
    assert reply.headers["content-type"] == "text/html; charset=utf-8", reply.text
    page = _Texts()
    page.feed(reply.text)
    return page


def test_the_start_page_asks_for_numbers(world: Any) -> None:
    reply = world.get("/")
    page = read(reply)
    assert reply.status == 200
    assert "Where is my parcel?" in page.texts
    assert ("textarea", "n") in [(tag, names.get("name")) for tag, names in page.tags]
    assert "noindex" not in reply.text
    assert "<script" not in reply.text
    assert " style=" not in reply.text


def test_one_parcel_from_the_first_scan_to_the_last(world: Any) -> None:
    reply = world.get("/track/WP100000001BR")
    texts = read(reply).texts
    assert reply.status == 200
    for text in [
        "Released by customs",
        "Customs has released the parcel.",
        "Sat, 21 Nov 2026 16:45 UTC−3",
        "São Paulo, Brazil",
        "Last scan 19 hours ago",
        "Promised by Wed, 25 Nov 2026",
        "Guangzhou, China → São Paulo, Brazil",
        "YTO Express YT8800000000001",
        "Saturday, 21 November 2026",
        "Tuesday, 10 November 2026",
        "Handed over from waypost to YTO Express",
        "UTC+8",
    ]:
        assert text in texts, text
    assert texts.index("Saturday, 21 November 2026") < texts.index("Tuesday, 10 November 2026")
    steps = [names for tag, names in read(reply).tags if tag == "li" and names.get("class") in ("done", "now", "ahead")]
    assert [step["class"] for step in steps] == ["done", "done", "done", "now", "ahead", "ahead"]
    assert [step.get("aria-current") for step in steps].count("step") == 1
    assert reply.headers["x-robots-tag"] == "noindex"
    assert '<meta name="robots" content="noindex">' in reply.text
    assert 'title="2026-11-21T19:45:00Z"' in reply.text


def test_nothing_private_is_on_the_page(world: Any) -> None:
    for path in ("/track/WP100000001BR", "/track/ORDER-77", "/track?n=YT8800000000001,WP100000001BR"):
        text = world.get(path).text
        assert "Released by customs" in text
        for private in ("fragile", "Guarulhos", "GRU", "Li …", "1,250", "par_", world.operator):
            assert private not in text, (path, private)


@pytest.mark.parametrize(
    ("lang", "tag", "texts"),
    [
        ("zh", "zh-Hans", ["我的包裹到哪了？", "海关放行", "承诺送达：2026年11月25日周三", "由 waypost 转交 圆通速递"]),
        ("es", "es", ["¿Dónde está mi paquete?", "Liberado por la aduana", "Prometido para el mié, 25 nov 2026"]),
        (
            "pt",
            "pt-BR",
            ["Onde está meu pacote?", "Prometido para qua., 25 de nov. de 2026", "Último registro há 19 horas"],
        ),
    ],
)
def test_the_page_in_other_languages(world: Any, lang: str, tag: str, texts: list[str]) -> None:
    by_link = world.get(f"/track/WP100000001BR?lang={lang}")
    by_header = world.get("/track/WP100000001BR", headers={"accept-language": f"{tag},en;q=0.3"})
    for reply in (by_link, by_header):
        page = read(reply)
        assert ("html", {"lang": tag}) in page.tags
        assert reply.headers["content-language"] == tag
        for text in texts:
            assert text in page.texts, text
    assert f'name="lang" value="{lang}"' in by_link.text  # the next question stays in it
    assert "Accept-Language" in by_header.headers["vary"]


def test_the_switch_keeps_the_numbers(world: Any) -> None:
    page = read(world.get("/track?n=WP100000001BR%2CSHARED01&lang=es"))
    links = {names["hreflang"]: names["href"] for tag, names in page.tags if tag == "a" and "hreflang" in names}
    assert links["zh-Hans"] == "/track?n=WP100000001BR%2CSHARED01&lang=zh"


def test_many_numbers_at_once(world: Any) -> None:
    typed = quote("WP100000001BR\nWP100000002BR SHARED01,NOPE0001")
    reply = world.get(f"/track?n={typed}")
    page = read(reply)
    assert "2 on the way · 2 delivered · 1 not known" in page.texts
    assert "Carriers use numbers again: 2 parcels bear SHARED01." in page.texts
    assert sum(tag == "article" for tag, _ in page.tags) == 5
    ids = [names["id"] for _, names in page.tags if "id" in names]
    assert len(ids) == len(set(ids))
    assert "WP100000001BR\nWP100000002BR\nSHARED01\nNOPE0001</textarea>" in reply.text


def test_one_of_many_leads_to_all_of_it(world: Any) -> None:
    page = read(world.get("/track?n=WP100000001BR,WP100000002BR&lang=en"))
    [link] = [names["href"] for tag, names in page.tags if tag == "a" and "carrier=" in (names.get("href") or "")]
    assert link == "/track/WP100000001BR?carrier=waypost&lang=en"
    assert "See all 5 scans" in page.texts
    assert "Tuesday, 10 November 2026" in read(world.get(str(link))).texts


@pytest.mark.parametrize("carrier", ["waypost", "yto", "nobody"])
def test_a_number_is_charged_once_also_where_the_carrier_has_no_such_parcel(
    make_world: Callable[..., Any], carrier: str
) -> None:
    world = make_world(limits=Limits(numbers_burst=2, numbers_per_min=1))
    path = f"/track?n=WP100000001BR,WP100000002BR&carrier={carrier}"
    reply = world.get(path)
    assert (reply.status, "Released by customs" in reply.text) == (200, True)
    assert world.get(path).status == 429


def test_one_carriers_parcel_of_a_shared_number(world: Any) -> None:
    page = read(world.get("/track/SHARED01?carrier=yto"))
    assert [sum(tag == "article" for tag, _ in page.tags), "Delivered" in page.texts] == [1, True]
    assert sum(tag == "article" for tag, _ in read(world.get("/track/SHARED01?carrier=nobody")).tags) == 2


def test_an_unknown_number_says_what_to_do(world: Any) -> None:
    page = read(world.get("/track/1Z999AA10123456784"))
    for text in (
        "No scan of this number yet",
        "It has the form of a number of this carrier:",
        "UPS",
        "What you can do:",
    ):
        assert text in page.texts
    assert "It does not have the form of any carrier's number that we know." in read(world.get("/track/NOPE0001")).texts


def test_more_numbers_than_can_be_shown(world: Any) -> None:
    page = read(world.get("/track?n=" + ",".join(f"NUMBER{place:03d}" for place in range(33))))
    assert "Only the first 30 numbers are shown; 3 numbers were left out." in page.texts
    assert sum(tag == "article" for tag, _ in page.tags) == 30


def test_a_number_of_ten_thousand_characters(world: Any) -> None:
    reply = world.get("/track/" + "9" * 10_000)
    assert reply.status == 200
    assert "That is no tracking number: none has more than 64 characters." in read(reply).texts
    assert len(reply.body) < 8000


@pytest.mark.parametrize("typed", ["包裹", "🚚🚚🚚🚚🚚🚚", "１２３４５６７８９０", "\x00\x07", "%ff", "a" * 64])
def test_odd_texts_are_numbers_that_nobody_knows(world: Any, typed: str) -> None:
    reply = world.get(f"/track?n={quote(typed)}")
    assert reply.status == 200
    assert "No scan of this number yet" in reply.text


@pytest.mark.parametrize("path", ["/track", "/track?n=", "/track?n=%20%0A,"])
def test_nothing_asked_leads_to_the_start(world: Any, path: str) -> None:
    reply = world.get(path)
    assert (reply.status, reply.headers["location"]) == (303, "/")


def test_what_was_sent_is_shown_escaped(world: Any) -> None:
    row = {"carrier": "waypost", "number": "EVIL01", "at": "2026-11-22T10:00:00Z"}
    world.keep(row | {"code": HOSTILE[:60], "facility": HOSTILE, "note": HOSTILE})
    for path in (
        "/track/EVIL01",
        f"/track?n={quote(HOSTILE)}",
        f"/track/EVIL01?lang={quote(HOSTILE)}",
        f"/{quote(HOSTILE)}",
    ):
        reply = world.get(unquote(path) if path.startswith("/%") else path, headers={"accept": "text/html"})
        assert "<script" not in reply.text, path
        assert not re.search(r"<[^>]*\son\w+=|javascript:", reply.text), path
    again = world.get(f"/track?n={quote(HOSTILE)}").text
    assert html.escape("<script>alert(1)</script>") in again


def test_a_corrected_scan_is_gone_and_said_so(world: Any) -> None:
    [wrong] = [
        scan["id"]
        for scan in world.get("/v1/parcels/WP100000002BR/timeline", key=world.operator).json["timelines"][0]["scans"]
        if scan["status"] == "delivered"
    ]
    world.keep(
        {
            "carrier": "waypost",
            "number": "WP100000002BR",
            "code": "delivery_attempted",
            "at": "2026-11-20T14:03:00-03:00",
            "facility": "GRU",
            "corrects": wrong,
        }
    )
    texts = read(world.get("/track/WP100000002BR")).texts
    assert "Delivery attempted" in texts
    assert "The parcel has been delivered." not in texts
    assert "The carrier corrected 1 earlier scan, which is not shown." in texts


def test_of_a_code_that_nobody_knows_only_that_it_came_is_shown(world: Any) -> None:
    reply = world.get("/track/WP100000003BR")
    assert read(reply).texts.count("Update received") == 2  # as the status, and in the timeline
    assert "warp" not in reply.text


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("en", "More parcels bear SHARED01 than fit here: the first 1 are shown."),
        ("zh", "使用单号 SHARED01 的包裹较多，此处仅显示前 1 个。"),
        ("es", "SHARED01 lo llevan más paquetes de los que caben aquí: se muestran los primeros 1."),
        ("pt", "Há mais pacotes com SHARED01 do que cabem aqui: são mostrados os primeiros 1."),
    ],
)
def test_more_parcels_than_are_shown(world: Any, monkeypatch: pytest.MonkeyPatch, lang: str, sentence: str) -> None:
    path = f"/track/SHARED01?lang={lang}"
    assert sentence not in read(world.get(path)).texts
    monkeypatch.setattr("waypost.web.pages.tracking._MOST_PARCELS", 1)
    page = read(world.get(path))
    assert sentence in page.texts
    assert sum(tag == "article" for tag, _ in page.tags) == 1


def test_pages_are_small(world: Any) -> None:
    rows = [
        {
            "carrier": "waypost",
            "number": "LONG01",
            "code": "arrived_at_hub",
            "at": f"2026-10-{day:02d}T{hour:02d}:00:00Z",
            "facility": "GRU",
        }
        for day in range(1, 31)
        for hour in range(0, 24, 6)
    ]
    world.keep(*rows)
    sheet = len(world.get("/static/style.css").body)
    for path in ("/", "/track/WP100000001BR", "/track?n=" + ",".join(["WP100000001BR", "WP100000002BR", "SHARED01"])):
        assert len(world.get(path).body) + sheet < 40_000, path
    assert len(world.get("/track/LONG01").body) + sheet < 120_000


def test_public_look_ups_are_limited(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(numbers_burst=2))
    browser = {"accept": "text/html"}
    assert world.get("/track?n=NUMBER01,NUMBER02", headers=browser).status == 200
    reply = world.get("/track/NUMBER01", headers=browser)
    assert (reply.status, reply.headers["retry-after"]) == (429, "1")
    assert "Too many requests in a short time" in read(reply).texts
    assert world.get("/", headers=browser).status == 200


def test_assets_last_as_long_as_they_stay_the_same(world: Any) -> None:
    [link] = [names["href"] for tag, names in read(world.get("/")).tags if names.get("rel") == "stylesheet"]
    lasting, plain = world.get(str(link)), world.get("/static/style.css")
    assert (lasting.status, lasting.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in lasting.headers["cache-control"]
    assert plain.headers["cache-control"] == "no-cache"
    for name in ("../desk.py", "..%2fdesk.py", "desk.py", ""):
        assert world.get(f"/static/{name}").status == 404


def test_robots_are_told(world: Any) -> None:
    assert "Disallow: /track/" in world.get("/robots.txt").text


def test_the_api_is_listed(world: Any) -> None:
    texts = read(world.get("/docs")).texts
    for text in ("POST /v1/scans", "GET /v1/parcels/{number}", "storage_full", "/v1/openapi.json"):
        assert text in texts
