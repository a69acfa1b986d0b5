import csv
import io
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from waypost.access.keys import SESSION_MS, Role, Scope
from waypost.track.overview import Overview
from waypost.web.desk import Limits, Site

FORM = {"content-type": "application/x-www-form-urlencoded"}
HOSTILE = "<script>alert(1)</script>'\";--"
EMPTY = Overview(statuses=[], hours=[], facilities=[], lanes=[], unknown_codes=[], scans=0, parcels=0, position=0)


def sign_in(world: Any, key: str | None = None, target: str = "/operator", **more: Any) -> Any:
    body = urlencode({"key": key or world.operator, "next": target}).encode()
    headers = FORM | more.pop("headers", {})
    return world.ask("POST", "/operator/login", headers=headers, body=body, **more)


class Browser:
    """An operator who has signed in."""

    def __init__(self, world: Any) -> None:
        self._world = world
        [cookie] = sign_in(world).cookies
        self.cookie = {"cookie": cookie.split(";")[0]}

    def get(self, path: str, **more: Any) -> Any:
        return self._world.get(path, headers=self.cookie | more.pop("headers", {}), **more)


@pytest.fixture
def browser(world: Any) -> Browser:
    return Browser(world)


PAGES = [
    *("/operator", "/operator/carriers", "/operator/carriers.csv", "/operator/pushes", "/operator/audit"),
    *("/operator/parcels", "/operator/parcels.csv", "/operator/parcels/waypost/WP100000001BR"),
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_needs_a_session(world: Any, path: str) -> None:
    reply = world.get(f"{path}?prefix=A%26B")
    assert (reply.status, reply.headers["location"]) == (
        303,
        f"/operator/login?next={quote(f'{path}?prefix=A%26B', safe='')}",
    )
    assert world.get(path, headers={"cookie": "waypost_session=guessed"}).status == 303
    assert world.get(path, key=world.operator).status == 303  # keys are for programs, cookies for people


def test_signing_in_and_out(world: Any) -> None:
    form = world.get("/operator/login?next=/operator/parcels")
    assert 'name="next" value="/operator/parcels"' in form.text
    assert 'type="password"' in form.text
    reply = sign_in(world, target="/operator/parcels")
    assert (reply.status, reply.headers["location"]) == (303, "/operator/parcels")
    [cookie] = reply.cookies
    assert re.fullmatch(r"waypost_session=[0-9a-f]{64}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict", cookie)
    sent = {"cookie": cookie.split(";")[0]}
    assert world.get("/operator", headers=sent).status == 200
    left = world.ask("POST", "/operator/logout", headers=sent)
    assert (left.status, left.headers["location"]) == (303, "/operator/login")
    assert left.cookies == ["waypost_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"]
    assert world.get("/operator", headers=sent).status == 303


@pytest.mark.parametrize("lang", ["en", "zh", "es", "pt"])
def test_a_key_that_is_good_for_programs_alone_is_told_so(world: Any, lang: str) -> None:
    secret = world.keys.make(Role.OPERATOR, "reads", world.now_ms, scope=Scope.READ)
    reply = sign_in(world, secret, headers={"accept-language": lang})
    assert (reply.status, reply.cookies) == (403, [])
    [warning] = re.findall(r'role="alert"><p>(.*?)</p>', reply.text)
    assert "read" in warning
    assert "full" in warning
    wrong = sign_in(world, "wp_wrong", headers={"accept-language": lang})
    assert wrong.status == 401
    assert warning not in wrong.text


def test_a_session_ends(world: Any, browser: Browser) -> None:
    world.now_ms += SESSION_MS - 1000
    assert browser.get("/operator/parcels").status == 200
    world.now_ms += 12_000  # a session is believed for some seconds without asking
    assert browser.get("/operator/parcels").status == 303


def test_over_tls_the_cookie_is_for_tls_only(make_world: Callable[..., Any]) -> None:
    world = make_world(site=Site(trusted_proxies=("10.0.0.1",)))
    by_proxy = {"headers": {"x-forwarded-proto": "https"}, "client": ("10.0.0.1", 1)}
    assert sign_in(world, **by_proxy).cookies[0].endswith("; Secure")
    by_stranger = {"headers": {"x-forwarded-proto": "https"}, "client": ("10.0.0.2", 1)}
    assert not sign_in(world, **by_stranger).cookies[0].endswith("; Secure")


@pytest.mark.parametrize("kind", ["wrong", "carrier"])
def test_a_key_that_is_no_operators(world: Any, kind: str) -> None:
    reply = sign_in(world, key="wp_guessed" if kind == "wrong" else world.carrier)
    assert (reply.status, reply.cookies) == (401, [])
    assert "This is not an operator&#39;s key of this network." in reply.text


def test_guessing_is_slow(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(guesses_burst=3, guesses_per_min=6))
    assert [sign_in(world, key=f"wp_{place}").status for place in range(5)] == [401, 401, 401, 429, 429]
    assert sign_in(world).status == 303  # a right key is always right
    assert world.get("/v1/overview", key="wp_9").status == 429
    assert sign_in(world, client=("198.51.100.1", 1)).status == 303
    world.now_ms += 10_000
    assert sign_in(world).status == 303


def test_guessing_with_one_address_does_not_lock_out_a_known_key(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(guesses_burst=2))
    assert world.get("/v1/facilities", key=world.operator).status == 200
    assert [world.get("/v1/facilities", key=f"wp_{place}").status for place in range(3)] == [401, 401, 429]
    assert world.get("/v1/facilities", key=world.operator).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_forms_on_other_sites_are_refused(world: Any, headers: dict[str, str]) -> None:
    reply = sign_in(world, headers=headers)
    assert (reply.status, reply.cookies) == (403, [])
    problem = world.ask("POST", "/operator/logout", headers=headers)
    assert (problem.status, problem.json["code"]) == (403, "foreign_form")
    assert problem.json["title"] == "This form came from another site"


def test_forms_of_our_own_are_taken(world: Any) -> None:
    assert sign_in(world, headers={"origin": "http://test", "sec-fetch-site": "same-origin"}).status == 303


@pytest.mark.parametrize(
    "target",
    [
        *(
            "https://evil.example/operator",
            "//evil.example/operator",
            "/\\evil.example",
            "javascript:alert(1)",
            "/track",
        ),
        *("/operatorevil", "/operator/../..//evil.example\\", "/operator/\r\nset-cookie:a=b", ""),
    ],
)
def test_after_signing_in_nobody_is_sent_elsewhere(world: Any, target: str) -> None:
    assert sign_in(world, target=target).headers["location"] == "/operator"


def test_the_form_has_limits(world: Any) -> None:
    body = b"key=" + b"x" * 20_000
    assert world.ask("POST", "/operator/login", headers=FORM, body=body).status == 413
    assert world.ask("POST", "/operator/login", headers={"content-type": "application/json"}, body=b"{}").status == 415
    assert world.ask("POST", "/operator/login", headers=FORM, body=b"\xff\xfe=%ff&key=%ff").status == 401
    fields = b"&".join(b"f=1" for _ in range(1000))
    assert world.ask("POST", "/operator/login", headers=FORM, body=fields).status == 400


def test_the_overview(browser: Browser) -> None:
    reply = browser.get("/operator")
    assert reply.status == 200
    for text in [
        "Parcels by status",
        "Up to date: 10 scans",
        "newest 19 hours ago",
        "Released by customs",
        "Guarulhos gateway",
        "<code>warp_drive_engaged</code>",
        "A lane shows once five parcels have run over it",
        'href="/operator/parcels?status=delivered"',
        'href="/operator/parcels?facility=GRU&amp;carrier=waypost"',
        '<title id="chart-title">Scans per hour</title>',
        "From Tue, 10 Nov 2026 01:00 to Sat, 21 Nov 2026 19:00 UTC",
    ]:
        assert text in reply.text, text
    assert reply.headers["cache-control"] == "private, no-store"
    assert "已揽收" in browser.get("/operator?lang=zh").text


def test_an_empty_network_says_what_to_do(make_world: Callable[..., Any]) -> None:
    world = make_world(overview=lambda: EMPTY)
    text = Browser(world).get("/operator").text
    assert "No scans yet" in text
    assert "waypost import olist FOLDER" in text
    assert "http://test/v1/scans" in text


def test_the_list_and_its_filters(browser: Browser) -> None:
    whole = browser.get("/operator/parcels")
    numbers = re.findall(r'<a class="number" href="([^"]+)">([^<]+)</a>', whole.text)
    assert [number for _, number in numbers] == [
        *("SHARED01", "SHARED01", "WP100000001BR", "WP100000002BR", "WP100000003BR")
    ]
    assert numbers[2][0] == "/operator/parcels/waypost/WP100000001BR"
    assert "Guarulhos gateway" in whole.text
    some = browser.get("/operator/parcels?status=delivered&carrier=yto&prefix=&since=2026-11-20&until=2026-11-20")
    assert re.findall(r'class="number" href="[^"]+">([^<]+)<', some.text) == ["SHARED01"]
    assert '<option value="delivered" selected>' in some.text
    assert 'value="2026-11-20"' in some.text
    assert "No parcel fits" in browser.get("/operator/parcels?prefix=NONE").text


def test_the_list_goes_page_by_page(world: Any) -> None:
    rows = [
        {"carrier": "waypost", "number": f"PAGE{place:04d}", "code": "picked_up", "at": "2026-11-22T10:00:00Z"}
        for place in range(120)
    ]
    world.keep(*rows)
    browser = Browser(world)
    path, seen = "/operator/parcels?prefix=PAGE&lang=es", []
    while path:
        text = browser.get(path).text
        seen += re.findall(r'class="number" href="[^"]+">([^<]+)<', text)
        found = re.search(r'rel="next" href="([^"]+)"', text)
        path = found.group(1).replace("&amp;", "&") if found else ""
    assert seen == [row["number"] for row in rows]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=yesterday", "is no day"),
        ("status=flying", "no status fits"),
        ("after=!!", "this cursor is none of ours"),
    ],
)
def test_filters_that_cannot_be_used_are_said_on_the_page(browser: Browser, query: str, said: str) -> None:
    reply = browser.get(f"/operator/parcels?{query}")
    assert (reply.status, reply.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert said in reply.text


def test_the_list_as_a_file(world: Any) -> None:
    world.keep({"carrier": "waypost", "number": "=1+1", "code": "picked_up", "at": "2026-11-22T10:00:00Z"})
    reply = Browser(world).get("/operator/parcels.csv?carrier=waypost")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="parcels.csv"' in reply.headers["content-disposition"]
    assert reply.body.startswith(b"\xef\xbb\xbfcarrier,number,")
    rows = list(csv.DictReader(io.StringIO(reply.body.decode("utf-8-sig"))))
    assert [row["number"] for row in rows] == [
        *("'=1+1", "SHARED01", "WP100000001BR", "WP100000002BR", "WP100000003BR")
    ]
    assert (rows[2]["order_number"], rows[2]["city"], rows[2]["weight_g"]) == ("ORDER-77", "São Paulo", "1250")


def test_the_file_has_a_limit(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(export_rows=500))
    world.keep(
        *(
            {"carrier": "waypost", "number": f"ROW{place:04d}", "code": "picked_up", "at": "2026-11-22T10:00:00Z"}
            for place in range(1200)
        )
    )
    rows = Browser(world).get("/operator/parcels.csv?prefix=ROW").text.splitlines()
    assert len(rows) == 1 + 500


def test_one_parcel_with_all_that_is_known(browser: Browser) -> None:
    text = browser.get("/operator/parcels/waypost/WP100000001BR").text
    for part in [
        "Released by customs",
        "ORDER-77",
        "1,250 g",
        "fragile, for the operator only",
        "Guarulhos gateway",
        "<code>SENT_SCAN</code>",
        "by courier Li …",
        "UTC+8 · by carrier",
        "UTC−3 · as sent",
        "late report",
        "YTO Express YT8800000000001",
    ]:
        assert part in text, part
    assert browser.get("/operator/parcels/yto/YT8800000000001").status in (200, 404)


def test_of_very_many_scans_the_page_says_how_many_it_leaves_out(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/operator/parcels/waypost/WP100000001BR"
    assert "not shown" not in browser.get(path).text
    monkeypatch.setattr("waypost.track.parcels.MOST_SHOWN", 2)
    assert "3 older scans are not shown." in browser.get(path).text


def test_a_corrected_scan_is_struck_through(world: Any) -> None:
    timeline = world.get("/v1/parcels/WP100000002BR/timeline", key=world.operator).json["timelines"][0]["scans"]
    row = {"carrier": "waypost", "number": "WP100000002BR", "at": "2026-11-20T15:00:00Z"}
    world.keep(row | {"code": "void", "corrects": timeline[0]["id"]})
    text = Browser(world).get("/operator/parcels/waypost/WP100000002BR").text
    assert text.count('<tr class="struck">') == 1
    assert f"Corrects {timeline[0]['id']}" in text


def test_no_such_parcel(browser: Browser) -> None:
    reply = browser.get("/operator/parcels/waypost/NOPE0001", headers={"accept": "text/html"})
    assert reply.status == 404
    assert "Nothing is known under that name" in reply.text


def test_everything_is_escaped(world: Any) -> None:
    row = {"carrier": "waypost", "number": "<b>EVIL</b>", "at": "2026-11-22T10:00:00Z"}
    world.keep(row | {"code": HOSTILE, "facility": HOSTILE, "note": HOSTILE})
    world.ask(
        "PUT",
        "/v1/facilities",
        headers={"content-type": "application/json"},
        body=(b'[{"carrier": "waypost", "code": "GRU", "kind": "hub", "name": "<script>alert(2)</script>"}]'),
        key=world.operator,
    )
    browser = Browser(world)
    query = quote(HOSTILE)
    for path in [
        *("/operator", "/operator/parcels", "/operator/parcels/waypost/<b>EVIL</b>"),
        *(f"/operator/parcels?{name}={query}" for name in ("prefix", "carrier", "status", "facility", "since", "lang")),
        f"/operator/login?next={query}",
    ]:
        text = browser.get(path, headers={"accept": "text/html"}).text
        assert "<script" not in text, path
        assert "<b>" not in text, path
    assert "&lt;b&gt;EVIL&lt;/b&gt;" in browser.get("/operator/parcels").text
    assert browser.get("/operator/parcels/waypost/<b>EVIL</b>").status == 200


def test_addresses_that_are_none_do_no_harm(world: Any) -> None:
    assert world.ask("GET", "/operator/login?next=//[x").status == 200
    refused = world.ask("POST", "/operator/login", headers={"origin": "http://[x", "host": "here"}, body=b"key=x")
    assert refused.status == 403
