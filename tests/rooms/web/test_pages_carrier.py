"""The carrier's page: what is confirmed, handed in and shown, for those alone whom the key speaks for."""

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from openpyxl import Workbook

from waypost.access.keys import Role
from waypost.model.places import Facility, FacilityKind, Place
from waypost.web.desk import Limits
from waypost.web.pages.carrier import CODES, MOST_NUMBERS
from waypost.web.pages.languages import get_language

HOSTILE = "<img src=x onerror=alert(1)>"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Browser:
    """Somebody at a carrier's counter, who has signed in."""

    def __init__(self, world: Any, *carriers: str) -> None:
        self.world = world
        self.key = world.keys.make(Role.CARRIER, "Hilltop", 1, carriers)
        body = urlencode({"key": self.key, "next": "/carrier"}).encode()
        form = {"content-type": "application/x-www-form-urlencoded"}
        [cookie] = world.ask("POST", "/carrier/login", headers=form, body=body).cookies
        assert "Path=/carrier;" in cookie
        self.cookie = {"cookie": cookie.split(";")[0]}

    def get(self, path: str = "/carrier?lang=en") -> Any:
        return self.world.ask("GET", path, headers=self.cookie)

    def confirm(self, numbers: str, headers: dict[str, str] | None = None, **form: str) -> Any:
        body = urlencode({"code": "delivered", "numbers": numbers} | form).encode()
        headers = self.cookie | {"content-type": "application/x-www-form-urlencoded"} | (headers or {})
        return self.world.ask("POST", "/carrier/scans?lang=en", headers=headers, body=body)

    def hand_in(self, content: bytes, name: str = "Monday.csv", **fields: str) -> Any:
        parts = [
            f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}' for key, text in fields.items()
        ]
        head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        body = "\r\n".join([*parts, f"{head}Content-Type: x/y\r\n\r\n"]).encode() + content + b"\r\n--edge--\r\n"
        headers = self.cookie | {"content-type": "multipart/form-data; boundary=edge"}
        return self.world.ask("POST", "/carrier/files?lang=en", headers=headers, body=body)


@pytest.fixture
def world(make_world: Any) -> Iterator[Any]:
    return make_world(limits=Limits(file_bytes=200_000, wait_s=0.02))  # type: ignore[no-any-return]


def scans_of(world: Any, number: str) -> list[dict[str, Any]]:
    assert world.memory.index.catch_up(world.memory.log.position(), 30)
    return world.memory.index.timelines([number]).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", ["/carrier", "/carrier/files/x/refused.csv"])
def test_every_page_needs_a_carriers_session(world: Any, path: str) -> None:
    reply = world.ask("GET", path)
    assert (reply.status, reply.headers["location"].split("?")[0]) == (303, "/carrier/login")
    for key in (world.operator, "wp_nonsense"):
        body = urlencode({"key": key}).encode()
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert world.ask("POST", "/carrier/login", headers=form, body=body).status == 401
    browser = Browser(world)
    assert world.ask("GET", "/operator", headers=browser.cookie).status == 303


def test_scans_are_confirmed_and_told_one_by_one(world: Any) -> None:
    browser = Browser(world, "yto")
    reply = browser.confirm("RP0000000012\nＲＰ３\nRP0000000020, RP0000000012", facility="HILL-01")
    assert reply.status == 200
    assert "2 scans taken, 1 refused" in reply.text
    assert "no waybill number" in reply.text
    assert world.memory.index.catch_up(world.memory.log.position(), 30)
    reply = browser.confirm("RP0000000012\nＲＰ３\nRP0000000020, RP0000000012", facility="HILL-01")  # changes nothing
    assert reply.text.count("Delivered</span>") == 2
    [scan] = scans_of(world, "RP0000000012")
    assert (scan["carrier"], scan["code"], scan["facility"]) == ("yto", "delivered", "HILL-01")
    assert (int(scan["at"].timestamp() * 1000), scan["offset_min"]) == (world.now_ms // 1000 * 1000, 480)


@pytest.mark.parametrize(
    ("zone", "offset"),
    [("", 480), ("Asia/Shanghai", 480)],  # yto writes in its own zone
)
def test_a_local_time_is_read_in_its_zone(world: Any, zone: str, offset: int) -> None:
    Browser(world, "yto").confirm("RP1", when="2026-11-20T14:05", zone=zone)
    [scan] = scans_of(world, "RP1")
    assert (scan["at"].isoformat(), scan["offset_min"]) == ("2026-11-20T06:05:00+00:00", offset)


def test_a_time_of_an_unknown_zone_is_refused_and_not_guessed(world: Any) -> None:
    browser = Browser(world, "ruralpost")
    assert "has no offset" in browser.confirm("RP1", when="2026-11-20T14:05").text
    assert browser.confirm("RP1", zone="Mars/Olympus").status == 422
    assert "Asia/Tokyo" in browser.confirm("RP1", when="2026-11-20T14:05", zone="Asia/Tokyo").text
    [scan] = scans_of(world, "RP1")
    assert scan["offset_min"] == 540


def test_nothing_of_another_carrier_is_shown(world: Any) -> None:
    """Neither after its name in a form, nor after one in a cookie."""
    place = Place(zone="Asia/Tokyo")
    hub = Facility(carrier="otherpost", code="SECRETHUB", name="Hidden", kind=FacilityKind.HUB, place=place)
    world.facilities.keep([hub])
    browser = Browser(world, "ruralpost")
    told = browser.confirm("X1", carrier="otherpost", facility="SECRETHUB")
    browser.cookie["cookie"] += "; waypost_place=carrier=otherpost%26facility=SECRETHUB"
    cookie = {"cookie": browser.cookie["cookie"].replace("%26", "&")}
    seen = world.ask("GET", "/carrier", headers=cookie)
    assert (told.status, seen.status) == (422, 200)
    for page in (told.text, seen.text):
        assert "Hidden" not in page
        assert "Asia/Tokyo" not in page


def test_a_key_speaks_for_its_own_carriers_alone(world: Any) -> None:
    browser, before = Browser(world, "ruralpost", "yto"), world.memory.log.position()
    assert browser.confirm("RP1", carrier="zto").status == 422
    assert browser.confirm("RP1").status == 422  # of two, one has to be named
    assert world.memory.log.position() == before
    assert browser.confirm("RP1", carrier="yto").status == 200
    assert Browser(world).confirm("RP2", carrier="zto").status == 200


def test_forms_of_other_sites_are_refused(world: Any) -> None:
    browser, before = Browser(world, "yto"), world.memory.log.position()
    for headers in ({"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}):
        assert browser.confirm("RP1", headers=headers).status == 403
    assert world.memory.log.position() == before


def test_more_numbers_than_fit_stay_in_the_field(world: Any) -> None:
    reply = Browser(world, "yto").confirm("\n".join(f"RP{number:08d}" for number in range(MOST_NUMBERS + 2)))
    assert f"{MOST_NUMBERS} scans taken" in reply.text
    assert f"RP{MOST_NUMBERS:08d}\nRP{MOST_NUMBERS + 1:08d}</textarea>" in reply.text
    assert "2 numbers are still in the field" in reply.text
    assert Browser(world, "yto").confirm(" \n").status == 422


def test_the_place_is_remembered(world: Any) -> None:
    browser = Browser(world, "yto")
    [cookie] = browser.confirm("RP1", facility="HILL & <01>").cookies
    assert "Path=/carrier" in cookie
    browser.cookie = {"cookie": f"{browser.cookie['cookie']}; {cookie.split(';')[0]}"}
    assert 'value="HILL &amp; &lt;01&gt;"' in browser.get().text


def test_a_file_is_handed_in_and_its_refused_rows_fetched(world: Any) -> None:
    browser = Browser(world, "ruralpost")
    sheet = "number,code,at,carrier\nRP1,delivered,2026-11-20T10:00+08:00,\nRP2,delivered,2026-11-20T10:00+08:00,yto\n"
    reply = browser.hand_in(sheet.encode(), name=f"C:\\\\x\\\\{HOSTILE}.csv")
    assert "1 scan taken, 1 refused" in reply.text
    assert HOSTILE not in reply.text
    link = reply.text.split('<p class="pager"><a href="')[1].split("?")[0]
    report = browser.get(link)
    assert "RP2,delivered" in report.body.decode("utf-8-sig")
    assert report.headers["content-type"].startswith("text/csv")
    assert "attachment" in report.headers["content-disposition"]
    assert Browser(world, "yto").get(link).status == 404
    assert "alert" in browser.get().text  # listed, and harmless
    assert "alert" not in Browser(world, "yto").get().text


def sheet() -> bytes:
    book, file = Workbook(), io.BytesIO()
    book.active.append(["单号", "状态", "时间", "时区"])
    book.active.append(["RP9", "delivered", "2026-11-20 10:00", "Asia/Shanghai"])
    book.save(file)
    return file.getvalue()


def test_a_sheet_of_excel_and_one_that_is_none(world: Any) -> None:
    browser = Browser(world, "ruralpost")
    for name in ("Monday.xlsx", "MONDAY.XLSX", "Monday", "Monday.csv"):
        assert "1 scan taken, none refused" in browser.hand_in(sheet(), name=name).text
    assert "cannot be read" in browser.hand_in(b"PK\x03\x04nonsense", name="x.xlsx").text
    assert browser.hand_in(b"").status == 422
    assert browser.hand_in(b"x" * 300_000).status == 413


@pytest.mark.parametrize("kind", ["text/csv", "multipart/form-data", "multipart/form-data; boundary=other"])
def test_what_is_no_form_with_a_file_is_refused(world: Any, kind: str) -> None:
    browser = Browser(world, "ruralpost")
    headers = browser.cookie | {"content-type": kind}
    assert world.ask("POST", "/carrier/files", headers=headers, body=b"--edge\r\n\r\nx").status in (400, 415)


@pytest.mark.parametrize("charset", ["no-such", "base64", "idna", "punycode", "utf-16", "x\0y"])
def test_a_form_of_an_unknown_charset_is_refused(world: Any, charset: str) -> None:
    browser = Browser(world, "ruralpost")
    head = f'--edge\r\nContent-Disposition: form-data; name="zone"\r\nContent-Type: text/plain; charset="{charset}"'
    body = f"{head}\r\n\r\nÄ.b\r\n--edge--\r\n".encode()
    headers = browser.cookie | {"content-type": "multipart/form-data; boundary=edge"}
    reply = world.ask("POST", "/carrier/files", headers=headers, body=body)
    assert reply.status == 400
    assert "UTF-8" in reply.text


def test_pushes_of_its_accounts_are_listed(world: Any) -> None:
    assert "No push yet" in Browser(world, "ruralpost").get().text


@pytest.mark.parametrize("code", ["en", "zh", "es", "pt"])
def test_the_page_speaks_every_language(world: Any, code: str) -> None:
    language = get_language(code)
    text = Browser(world, "yto").get(f"/carrier?lang={code}").text
    assert language.say("portal_confirm") in text
    assert all(language.phrase(each).label in text for each in CODES)


# the same over the API


def post_file(world: Any, key: str | None, content: bytes, kind: str = "text/csv", account: str = "rural") -> Any:
    return world.ask(
        "POST", f"/v1/carriers/{account}/files?name=Monday", headers={"content-type": kind}, body=content, key=key
    )


def test_a_file_over_the_api(world: Any) -> None:
    good = b"number,code,at\nRP1,delivered,2026-11-20T10:00+08:00\n"
    bound = world.keys.make(Role.CARRIER, "x", 1, ["ruralpost"])
    other = world.keys.make(Role.CARRIER, "x", 1, ["yto"])
    for key in (world.operator, world.carrier, bound):
        reply = post_file(world, key, good + b"RP2,delivered,never\n")
        assert (reply.status, reply.json["accepted"], reply.json["refused"]) == (200, 1, 1)
        assert (reply.json["refusals"][0]["line"], reply.json["refusals"][0]["field"]) == (3, "at")
    assert [(each.name, each.source) for each in world.app._desk.files.list_newest(["ruralpost"], 9)] == [
        ("Monday", "rural")
    ]
    told = [
        (post_file(world, None, good), 401, "not_allowed"),
        (post_file(world, other, good), 403, "forbidden"),
        (post_file(world, bound, good, account="nobody"), 403, "forbidden"),  # which accounts there are is not told
        (post_file(world, world.operator, good, account="nobody"), 404, "not_found"),
        (post_file(world, bound, good, kind="text/plain"), 415, "unsupported_media_type"),
        (post_file(world, bound, b"nonsense"), 400, "bad_input"),
        (post_file(world, bound, b"number,code,at\nRP2,delivered,never\n"), 422, "all_refused"),
        (post_file(world, bound, b"x" * 300_000), 413, "too_large"),
    ]
    assert [(reply.status, reply.json["code"]) for reply, *_ in told] == [(status, code) for _, status, code in told]


@pytest.mark.parametrize("name", ["list", "", "list.csv", "list.ndjson"])
@pytest.mark.parametrize("kind", [XLSX, "text/csv"])
def test_a_sheet_over_the_api_is_read_as_one_whatever_its_name(world: Any, name: str, kind: str) -> None:
    path = f"/v1/carriers/rural/files?name={name}"
    reply = world.ask("POST", path, headers={"content-type": kind}, body=sheet(), key=world.operator)
    assert (reply.status, reply.json["accepted"], reply.json["refused"]) == (200, 1, 0)


def test_scans_of_a_bound_key(world: Any) -> None:
    bound = world.keys.make(Role.CARRIER, "x", 1, ["ruralpost"])
    row = '{"number":"RP1","code":"delivered","at":"2026-11-20T10:00:00+08:00"%s}'
    body = "\n".join(row % more for more in ("", ',"carrier":"ruralpost"', ',"carrier":"yto"')).encode()
    headers = {"content-type": "application/x-ndjson"}
    reply = world.ask("POST", "/v1/scans", headers=headers, body=body, key=bound)
    assert (reply.status, reply.json["accepted"]) == (200, 2)
    assert [(each["row"], each["field"]) for each in reply.json["refusals"]] == [(2, "carrier")]
    free = world.ask("POST", "/v1/scans?carrier=zto", headers=headers, body=body, key=world.carrier)
    assert free.json["accepted"] == 3
    assert world.ask("POST", "/v1/scans?carrier=zto", headers=headers, body=body, key=bound).json["accepted"] == 1


def test_the_name_of_a_file_over_the_api(world: Any) -> None:
    """It is the sender's, and leads nowhere."""
    good = b"number,code,at\nRP1,delivered,2026-11-20T10:00+08:00\n"
    bound = world.keys.make(Role.CARRIER, "x", 1, ["ruralpost"])
    statuses = [
        world.ask(
            "POST", f"/v1/carriers/rural/files?name={name}", headers={"content-type": "text/csv"}, body=good, key=bound
        ).status
        for name in ("a.%00", "a%00.csv", "a%0Ab", "a%C2%85", "a.b%2Fc", "a.%F0%9F%93%A6", "...", "a.ndjson")
    ]
    assert statuses == [422] * 4 + [200] * 4


def test_a_file_of_any_name_is_handed_in(world: Any) -> None:
    browser = Browser(world, "ruralpost")
    good = b"number,code,at\nRP1,delivered,2026-11-20T10:00+08:00\n"
    for name in ("a.\0", "a.\x01csv", "a"):
        assert "1 scan taken, none refused" in browser.hand_in(good, name=name).text


@pytest.mark.parametrize(
    "told", ["&".join(f"a{n}=1" for n in range(12)), "facility=%00", "carrier=%0A&zone=%00", "=&="]
)
def test_a_place_that_cannot_be_read_is_forgotten(world: Any, told: str) -> None:
    browser = Browser(world, "yto")
    browser.cookie = {"cookie": f"{browser.cookie['cookie']}; waypost_place={told}"}
    assert browser.get().status == 200


def test_without_accounts_no_push_is_asked_for(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(type(world.app._desk.pushes.raw), "list_page", fail)
    assert Browser(world, "nobodys").get().status == 200


def test_reasons_are_in_the_language_of_the_page(world: Any) -> None:
    browser = Browser(world, "ruralpost")
    browser.cookie["accept-language"] = "zh"
    head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    body = f"{head}number,code,at\r\n,delivered,2026-11-20T10:00Z\r\nRP1\r\n--edge--\r\n".encode()
    headers = browser.cookie | {"content-type": "multipart/form-data; boundary=edge"}
    text = world.ask("POST", "/carrier/files", headers=headers, body=body).text
    assert "<td>缺失" in text  # of the row
    assert "<td>缺失" in browser.get("/carrier").text  # and of the file
    assert "is missing" not in text
    form = browser.cookie | {"content-type": "application/x-www-form-urlencoded"}
    text = world.ask("POST", "/carrier/scans", headers=form, body=b"numbers=%C3%A4&code=delivered").text
    assert "含有运单号不会有的字符" in text
