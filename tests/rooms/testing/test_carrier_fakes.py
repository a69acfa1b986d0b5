"""Fakes of carriers, held by requests and pushes that are written and verified here by hand."""

import base64
import copy
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

import httpx
import pytest

from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Asked, Fake, FakeScan, Repeat, Told, Trap, as_json
from waypost.testing.carriers.sto import FakeSto
from waypost.testing.carriers.yto import FakeYto
from waypost.testing.carriers.yunda import FakeYunda
from waypost.testing.carriers.zto import FakeZto

NOW_MS = 1_767_294_245_000  # 2026-01-02 03:04:05 in Shanghai
HOUR_MS = 3_600_000
SCAN = FakeScan(code="GOT", at_ms=NOW_MS, facility_code="571901")
FORM = "application/x-www-form-urlencoded;charset=UTF-8"
JSON = "application/json;charset=UTF-8"


def now() -> int:
    return NOW_MS


def md5(text: str) -> bytes:
    return hashlib.md5(text.encode()).digest()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def post(url: str, content: str | bytes, headers: dict[str, str]) -> httpx.Response:
    with httpx.Client(trust_env=False, verify=False, timeout=20) as http:
        return http.post(url, content=content.encode() if isinstance(content, str) else content, headers=headers)


def changed(value: dict[str, Any], path: str, new: Any) -> dict[str, Any]:
    """A copy with something else at a path such as `sender.name`; nothing there if it is None."""
    value = copy.deepcopy(value)
    *way, last = path.split(".")
    inner: Any = value
    for step in way:
        inner = inner[int(step) if step.isdigit() else step]
    if new is None:
        del inner[last]
    else:
        inner[last] = new
    return value


class Ears(Fake):
    """Whoever is pushed to: keeps what came, and answers what it is told to."""

    name: ClassVar[str] = "ears"

    def __init__(self, *answers: bytes) -> None:
        super().__init__()
        self.answers = list(answers)
        self.heard: list[Asked] = []

    def answer(self, asked: Asked) -> Told:
        self.heard.append(asked)
        return Told(body=self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


def test_each_fake_is_known_and_moves_parcels_in_its_own_codes() -> None:
    assert {"yto", "zto", "sto", "yunda"} <= FAKES.keys()
    for name, known in FAKES.items():
        fake = known.kind(clock=now)
        assert fake.name == name
        assert all(isinstance(value, str) for value in fake.account().values())
        first, second = fake.make("ORDER0000001"), fake.make("ORDER0000002")
        assert fake.make("ORDER0000001") is first
        assert first.number != second.number
        assert len(set(known.codes)) == 3
        fake.stop()


# YTO


YTO_ORDER = {
    "logisticsNo": "ORDER0000001",
    "weight": 1.25,
    "productCode": "PK",
    "startTime": "2026-01-02 09:00:00",
    "endTime": "2026-01-08 23:59:59",
    "goods": [{"name": "书 <1>", "quantity": 2, "weight": "0.4", "price": 25.99, "length": 0.3}],
    "increments": [{"type": 1, "amount": 99.5}],
} | {
    who + part: f"{part} 两"
    for who in ("sender", "recipient")
    for part in ("Name", "ProvinceName", "CityName", "CountyName", "Address", "Mobile")
}


@pytest.fixture
def yto() -> Iterator[FakeYto]:
    with FakeYto(clock=now, push_secret="of-the-pushes") as fake:
        yield fake


def ask_yto(fake: FakeYto, method: str, param: Any, /, *, as_form: bool = False, **other: Any) -> Any:
    """Ask; `other` is what is sent in place of the right thing, None for nothing."""
    text = param if isinstance(param, str) else compact(param)
    version = other.pop("version", "v1")
    secret = "of-the-pushes" if method == "subscribe_adapter" else "of-the-fake"
    signed = other.pop("signed", text + method + version + secret)
    envelope = {"param": text, "sign": b64(md5(signed)), "timestamp": str(NOW_MS), "format": "JSON"} | other
    envelope = {name: value for name, value in envelope.items() if value is not None}
    url = f"{fake.api_url}/{method}/{version}/aB3dE6/K99000001"
    body, kind = (urlencode(envelope), FORM) if as_form else (compact(envelope), JSON)
    answer = post(url, body, {"content-type": kind})
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("as_form", [False, True])
def test_yto_books_prints_and_cancels(yto: FakeYto, as_form: bool) -> None:
    booked = ask_yto(yto, "privacy_create_adapter", YTO_ORDER, as_form=as_form)
    number = booked["mailNo"]
    assert re.fullmatch("YT[0-9]{13}", number)
    assert booked["logisticsNo"] == "ORDER0000001"
    assert booked["shortAddress"].count("-") == 2
    assert ask_yto(yto, "privacy_create_adapter", YTO_ORDER, timestamp=NOW_MS)["mailNo"] == number
    printed = ask_yto(yto, "waybill_print_adapter", {"waybillNo": number})
    assert base64.b64decode(printed["data"]["pdfBase64"]).startswith(b"%PDF-")
    cancel = {"logisticsNo": "ORDER0000001", "cancelDesc": "不要了"}
    for _ in range(2):
        cancelled = ask_yto(yto, "korder_cancel_adapter", cancel)
        assert cancelled == {"customerCode": "K99000001", "logisticsNo": "ORDER0000001"}
    assert yto.parcels[number].is_cancelled
    assert yto.refused == []
    assert ask_yto(yto, "waybill_print_adapter", {"waybillNo": number}) == {"code": -1, "message": "运单不存在"}
    assert ask_yto(yto, "privacy_create_adapter", YTO_ORDER)["success"] is False


def test_yto_may_refuse_what_was_booked(yto: FakeYto) -> None:
    yto.on_repeat = Repeat.REFUSED
    ask_yto(yto, "privacy_create_adapter", YTO_ORDER)
    assert ask_yto(yto, "privacy_create_adapter", YTO_ORDER)["reason"] == "订单已存在"


@pytest.mark.parametrize(
    ("path", "new", "why"),
    [
        ("logisticsNo", "SHORT1", "7 to 50"),
        ("logisticsNo", 12345678, "7 to 50"),
        ("senderName", " ", "senderName is missing"),
        ("recipientCountyName", None, "recipientCountyName is missing"),
        ("recipientMobile", 13, "recipientMobile is missing"),
        ("weight", 1250, "kilograms"),
        ("weight", 1.2345, "kilograms"),
        ("weight", "1.25kg", "kilograms"),
        ("productCode", "XX", "PK or YZD"),
        ("goods", [{"name": "x"}] * 21, "20 at most"),
        ("goods", {"name": "x"}, "20 at most"),
        ("goods", [{}], "no name"),
        ("goods.0.quantity", 1.5, "pieces"),
        ("goods.0.weight", 400, "kilograms"),
        ("goods.0.length", 30, "metres"),
        ("goods.0.price", 25.999, "yuan"),
        ("increments.0.amount", 2, "3 to 20000 yuan"),
        ("increments.0.amount", 20001, "3 to 20000 yuan"),
        ("increments.0.type", 3, "1, 2 or 4"),
        ("increments", [{"type": 1, "amount": 5}, {"type": "2", "amount": 5}], "exclude each other"),
        ("increments", ["x"], "list of objects"),
        ("startTime", "2026-01-02T09:00:00", "yyyy-MM-dd"),
        ("startTime", None, "yyyy-MM-dd"),
        ("startTime", "2026-01-01 23:00:00", "six days"),
        ("endTime", "2026-01-09 00:00:00", "six days"),
        ("endTime", "2026-01-02 08:00:00", "six days"),
    ],
)
def test_yto_refuses_a_bad_order(yto: FakeYto, path: str, new: Any, why: str) -> None:
    told = ask_yto(yto, "privacy_create_adapter", changed(YTO_ORDER, path, new))
    assert told["success"] is False
    assert told["reason"]
    assert why in yto.refused[-1]
    assert yto.parcels == {}


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"timestamp": str(NOW_MS // 1000)}, "milliseconds"),
        ({"timestamp": str(NOW_MS + 601_000)}, "ten minutes"),
        ({"timestamp": NOW_MS - 601_000}, "ten minutes"),
        ({"timestamp": None}, "lacks ['timestamp']"),
        ({"format": None}, "lacks ['format']"),
        ({"format": "XML"}, "format has to be JSON"),
        ({"user_id": "x"}, "has ['user_id']"),
        ({"version": "v2"}, "no interface korder_cancel_adapter/v2"),
        ({"param": {"logisticsNo": "ORDER0000001"}}, "a text that holds JSON"),
    ],
)
def test_yto_refuses_a_bad_envelope(yto: FakeYto, other: dict[str, Any], why: str) -> None:
    told = ask_yto(yto, "korder_cancel_adapter", {"logisticsNo": "ORDER0000001", "cancelDesc": "x"}, **other)
    assert (told["success"], bool(told["reason"])) == (False, True)
    assert why in yto.refused[-1]


@pytest.mark.parametrize(
    ("signed", "why"),
    [
        ('{"NUMBER": "YT两"}track_query_adapterv1of-the-fake', "with blanks"),
        ('{"NUMBER":"YT\\u4e24"}track_query_adapterv1of-the-fake', "in place of letters"),
        ('{"NUMBER":"YT两"}track_query_adapterv1', "not that of the param"),
        ('{"NUMBER":"YT两"}track_query_adapterv2of-the-fake', "not that of the param"),
        ('{"NUMBER":"YT两"}of-the-fake', "not that of the param"),
    ],
)
def test_yto_refuses_a_wrong_signature(yto: FakeYto, signed: str, why: str) -> None:
    asked = {"NUMBER": "YT两"}
    told = {"success": False, "code": 401, "reason": "请求加密校验失败"}
    assert ask_yto(yto, "track_query_adapter", asked, signed=signed) == told
    assert why in yto.refused[-1]
    yto.says_success = False
    assert ask_yto(yto, "track_query_adapter", asked, signed=signed) == {"code": 401, "reason": "请求加密校验失败"}


def test_yto_takes_a_signature_over_any_text_that_was_sent(yto: FakeYto) -> None:
    assert ask_yto(yto, "track_query_adapter", '{ "NUMBER" :"YT\\u4e24"}')["code"] == "1001"


def test_yto_is_asked_under_its_own_paths(yto: FakeYto) -> None:
    for path in ("x/v1/aB3dE6/K99000001", "track_query_adapter/v1/aB3dE7/K99000001", "track_query_adapter/v1/aB3dE6/X"):
        assert post(f"{yto.api_url}/{path}", "{}", {"content-type": JSON}).json()["success"] is False
    assert len(yto.refused) == 3
    text = '{"NUMBER":"YT1"}'
    body = {"param": text, "timestamp": NOW_MS, "format": "JSON"}
    body["sign"] = b64(md5(f"{text}track_query_adapterv1of-the-fake"))
    told = post(f"{yto.api_url}/track_query_adapter/v1/aB3dE6/TEST", compact(body), {"content-type": JSON})
    assert told.json()["code"] == "1001"


def test_yto_tells_tracks(yto: FakeYto) -> None:
    number = yto.make("ORDER0000001").number
    empty = {"map": {number: []}, "code": "1001", "success": "true", "message": "查询结果为空。"}
    assert ask_yto(yto, "track_query_adapter", {"NUMBER": number}) == empty
    yto.move(number, FakeScan(code="SIGNED", at_ms=NOW_MS + HOUR_MS), SCAN)
    rows = ask_yto(yto, "track_query_adapter", {"Number": number})
    assert [(row["infoContent"], row["upload_Time"]) for row in rows] == [
        ("GOT", "2026-01-02 03:04:05"),
        ("SIGNED", "2026-01-02 04:04:05"),
    ]
    assert rows[0]["weight"] == 1.2
    assert "weight" not in rows[1]
    assert ask_yto(yto, "track_query_adapter", {"NUMBER": [number]})["success"] is False
    late = ask_yto(yto, "korder_cancel_adapter", {"logisticsNo": "ORDER0000001", "cancelDesc": "x"})
    assert late["reason"] == "已揽收，不能取消"
    unknown = ask_yto(yto, "korder_cancel_adapter", {"logisticsNo": "ORDER0000009", "cancelDesc": "x"})
    assert unknown["reason"] == "订单不存在"
    yto.set(Trap.QUOTA)
    assert ask_yto(yto, "track_query_adapter", {"NUMBER": number})["reason"] == "访问频率超限"


def test_yto_takes_subscriptions(yto: FakeYto) -> None:
    number = yto.make("ORDER0000001").number
    inner = {"clientId": "K99000001", "waybillNo": number, "txLogisticId": "ORDER0000001"}
    param = {"client_id": "K99000001", "msg_type": "online", "logistics_interface": compact(inner)}
    for _ in range(2):
        assert ask_yto(yto, "subscribe_adapter", param) == {"waybillNo": number, "success": True}
    assert yto.parcels[number].is_subscribed
    assert yto.refused == []
    for path, new, why in [
        ("client_id", None, "client_id"),
        ("client_id", "K99000002", "client_id"),
        ("msg_type", "on", "online or offline"),
        ("logistics_interface", inner, "a text"),
        ("logistics_interface", "x", "no JSON"),
        ("logistics_interface", compact(changed(inner, "clientId", "x")), "clientId"),
        ("logistics_interface", compact(changed(inner, "waybillNo", "YT1")), "no waybill"),
        ("logistics_interface", compact(changed(inner, "waybillNo", None)), "no waybill"),
        ("logistics_interface", compact(changed(inner, "txLogisticId", "ORDER0000002")), "not the reference"),
    ]:
        assert ask_yto(yto, "subscribe_adapter", changed(param, path, new))["success"] is False
        assert why in yto.refused[-1]
    tail = "subscribe_adapterv1of-the-fake"  # the secret of the other interfaces
    assert ask_yto(yto, "subscribe_adapter", param, signed=compact(param) + tail)["code"] == 401


def test_yto_pushes_xml_in_a_form(yto: FakeYto) -> None:
    parcel = yto.make("ORDER0000001")
    (asked,) = yto.write_pushes(parcel.number, SCAN)
    assert asked.headers["content-type"] == FORM
    fields = dict(parse_qsl(asked.body.decode(), keep_blank_values=True, strict_parsing=True))
    assert fields.keys() == {"logistics_interface", "data_digest", "clientId", "type"}
    assert (fields["clientId"], fields["type"]) == ("K99000001", "online")
    assert fields["data_digest"] == b64(md5(fields["logistics_interface"] + "of-the-pushes"))
    root = ElementTree.fromstring(fields["logistics_interface"])
    told = {part.tag: part.text for part in root}
    assert root.tag == "UpdateInfo"
    assert (told["mailNo"], told["txLogisticID"]) == (parcel.number, "ORDER0000001")
    assert (told["infoContent"], told["acceptTime"]) == ("GOT", "2026-01-02 03:04:05")
    assert "&" in str(told["remark"])
    yto.stamp_tail = ".0 CST"
    (asked,) = yto.write_pushes(parcel.number, SCAN)
    assert "2026-01-02+03%3A04%3A05.0+CST" in asked.body.decode()


def test_yto_wants_thanks_in_xml(yto: FakeYto) -> None:
    good = b"<Response><logisticProviderID>YTO</logisticProviderID><success>true</success></Response>"
    assert yto.is_thanked(200, good)
    assert yto.is_thanked(200, b'<?xml version="1.0" encoding="UTF-8"?>' + good)
    for status, body in [
        (500, good),
        (200, good.replace(b"true", b"false")),
        (200, b"<Response/>"),
        (200, b"<success>true</success>"),
        (200, b'{"success":true}'),
        (200, b""),
    ]:
        assert not yto.is_thanked(status, body)
    with Ears(good) as ears:
        yto.push_url = f"{ears.url}/v1/carriers/yto/push"
        yto.move(yto.make("ORDER0000001").number, SCAN, SCAN)
        assert yto.push(yto.make("ORDER0000001").number).content == good
        assert [heard.path for heard in ears.heard] == ["/v1/carriers/yto/push"] * 2


# ZTO


ZTO_SIDE = {"Name": "两", "Province": "浙江省", "City": "杭州市", "District": "萧山区", "Address": "x 1"}
ZTO_ORDER = {
    "partnerType": "2",
    "orderType": "2",
    "partnerOrderCode": "ORDER0000001",
    "accountInfo": {"accountId": "KDGJ990000001", "accountPassword": "word-of-the-fake", "type": 1},
    "senderInfo": {f"sender{part}": value for part, value in ZTO_SIDE.items()} | {"senderPhone": "0571-00000001"},
    "receiveInfo": {f"receiver{part}": value for part, value in ZTO_SIDE.items()} | {"receiverMobile": "10000004321"},
    "summaryInfo": {"size": "30,20,10", "quantity": 1, "price": 25.99, "freight": "8.00"},
    "orderItems": [{"name": "书", "weight": 400, "unitprice": 25, "quantity": 2}],
    "orderVasList": [{"vasType": "COD", "vasAmount": 2599, "accountNo": "x"}],
}


@pytest.fixture
def zto() -> Iterator[FakeZto]:
    with FakeZto(clock=now) as fake:
        yield fake


def ask_zto(fake: FakeZto, method: str, param: Any, *, digest: str | None = None, **headers: str | None) -> Any:
    text = param if isinstance(param, str) else compact(param)
    if digest is None:
        digest = b64(md5(text + "of-the-fake"))
    told = {"content-type": JSON, "x-appKey": "fake0app0key0of0zto", "x-dataDigest": digest} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    answer = post(f"{fake.api_url}/{method}", text, {name: value for name, value in told.items() if value is not None})
    assert answer.status_code == 200
    return answer.json()


def test_zto_books_and_cancels(zto: FakeZto) -> None:
    told = ask_zto(zto, "zto.open.createOrder", ZTO_ORDER)
    assert (told["status"], told["statusCode"]) == (True, "0000")
    result = told["result"]
    assert re.fullmatch("7[0-9]{13}", result["billCode"])
    assert result["partnerOrderCode"] == "ORDER0000001"
    assert result["bigMarkInfo"]["mark"]
    assert ask_zto(zto, "zto.open.createOrder", ZTO_ORDER)["result"] == result
    for which in ({"orderCode": result["orderCode"]}, {"billCode": result["billCode"]}):
        told = ask_zto(zto, "zto.open.cancelPreOrder", {"cancelType": "1"} | which)
        assert told == {"result": {}, "message": "请求成功", "status": True, "statusCode": "SYS000"}
    assert zto.parcels[result["billCode"]].is_cancelled
    assert zto.refused == []
    assert ask_zto(zto, "zto.open.createOrder", ZTO_ORDER)["status"] is False


def test_zto_cancels_no_order_without_a_pick_up_no_late_and_no_unknown_one(zto: FakeZto) -> None:
    plain = ask_zto(zto, "zto.open.createOrder", ZTO_ORDER | {"orderType": "1"})["result"]
    told = ask_zto(zto, "zto.open.cancelPreOrder", {"cancelType": 1, "billCode": plain["billCode"]})
    assert (told["status"], told["message"]) == (False, "全网件不支持取消")
    late = ask_zto(zto, "zto.open.createOrder", ZTO_ORDER | {"partnerOrderCode": "ORDER0000002"})["result"]
    zto.move(late["billCode"], SCAN)
    told = ask_zto(zto, "zto.open.cancelPreOrder", {"cancelType": "7", "orderCode": late["orderCode"]})
    assert (told["status"], told["message"]) == (False, "订单已揽收，不能取消")
    told = ask_zto(zto, "zto.open.cancelPreOrder", {"cancelType": "1", "orderCode": "1"})
    assert (told["status"], told["message"]) == (False, "查询不到该订单")
    told = ask_zto(zto, "zto.open.cancelPreOrder", {"cancelType": "8", "billCode": late["billCode"]})
    assert told["statusCode"] == "S208"


def test_zto_gives_no_number_before_the_courier_comes(zto: FakeZto) -> None:
    order = changed(ZTO_ORDER, "accountInfo", None) | {"orderType": 3}
    result = ask_zto(zto, "zto.open.createOrder", order)["result"]
    assert "billCode" not in result
    assert ask_zto(zto, "zto.open.cancelPreOrder", {"cancelType": "1", "orderCode": result["orderCode"]})["status"]


@pytest.mark.parametrize(
    ("path", "new", "code", "why"),
    [
        ("partnerType", "3", "S208", "no orderType"),
        ("orderType", None, "S208", "no orderType"),
        ("partnerType", "1", "S208", "customerId"),
        ("partnerOrderCode", "", "S208", "partnerOrderCode is missing"),
        ("accountInfo", {}, "S208", "accountId is missing"),
        ("accountInfo", [], "S208", "no object"),
        ("accountInfo.accountId", "KDGJ990000002", "E404", "accountId"),
        ("accountInfo.accountPassword", "x", "E404", "accountPassword"),
        ("senderInfo", None, "S208", "the sender is missing"),
        ("senderInfo.senderDistrict", None, "S208", "senderDistrict"),
        ("senderInfo.senderPhone", None, "S208", "neither mobile nor phone"),
        ("receiveInfo.receiverName", " ", "S208", "receiverName"),
        ("receiveInfo.receiverMobile", None, "S208", "neither mobile nor phone"),
        ("summaryInfo.price", "25.999", "S208", "yuan"),
        ("summaryInfo.size", "300x200x100", "S208", "centimetres"),
        ("summaryInfo.size", "3000,200,100", "S208", "centimetres"),
        ("summaryInfo", [], "S208", "no object"),
        ("orderItems.0.weight", 0.4, "S208", "grams"),
        ("orderItems.0.unitprice", 25.99, "S208", "whole number of yuan"),
        ("orderItems.0.name", None, "S208", "name is missing"),
        ("orderItems", {}, "S208", "no list"),
        ("orderVasList.0.vasAmount", 25.99, "S208", "fen"),
        ("orderVasList.0.vasAmount", None, "S208", "fen"),
        ("orderVasList.0.accountNo", None, "S208", "accountNo"),
        ("orderVasList.0.vasType", "cod", "S208", "no service"),
        ("orderVasList", [{"vasType": "receiveReturnService"}], "S208", "siteCode"),
    ],
)
def test_zto_refuses_a_bad_order(zto: FakeZto, path: str, new: Any, code: str, why: str) -> None:
    told = ask_zto(zto, "zto.open.createOrder", changed(ZTO_ORDER, path, new))
    assert (told["status"], told["statusCode"], told["result"]) == (False, code, None)
    assert why in zto.refused[-1]
    assert zto.parcels == {}


@pytest.mark.parametrize(
    ("headers", "code", "why"),
    [
        ({"x_appKey": None}, "S210", "x-appKey"),
        ({"x_appKey": "x"}, "S210", "x-appKey"),
        ({"x_dataDigest": None}, "S208", "x-dataDigest is missing"),
        ({"x_timestamp": str(NOW_MS)}, "S211", "does not want it"),
        ({"content_type": FORM}, "S202", "application/json"),
        ({"digest": b64(md5('{"billCode":"两"}'))}, "S211", "lacks the app secret"),
        ({"digest": b64(md5('{"billCode": "两"}of-the-fake'))}, "S211", "with blanks"),
        ({"digest": b64(md5('{"billCode":"\\u4e24"}of-the-fake'))}, "S211", "in place of letters"),
        ({"digest": md5('{"billCode":"两"}of-the-fake').hex()}, "S211", "not that of the body"),
        ({"digest": b64(hashlib.sha256('{"billCode":"两"}of-the-fake'.encode()).digest())}, "S211", "not that"),
    ],
)
def test_zto_refuses_wrong_headers(zto: FakeZto, headers: dict[str, Any], code: str, why: str) -> None:
    told = ask_zto(zto, "zto.open.order.print", {"billCode": "两"}, **headers)
    assert (told["status"], told["statusCode"]) == (False, code)
    assert why in zto.refused[-1]


def test_zto_knows_its_interfaces_by_its_own_spelling(zto: FakeZto) -> None:
    assert ask_zto(zto, "zto.merchant.waybill.track.subscribe", {})["statusCode"] == "S207"
    number = zto.make("ORDER0000001").number
    told = ask_zto(zto, "zto.merchant.waybill.track.query", {"billCode": number}, x_appKey=None, x_companyid="x")
    assert told["statusCode"] == "S210"
    old = {"x_appKey": None, "x_companyid": "fake0app0key0of0zto"}
    assert ask_zto(zto, "zto.merchant.waybill.track.query", {"billCode": number}, **old)["statusCode"] == "E413"


@pytest.mark.parametrize("is_base64", [True, False])
@pytest.mark.parametrize("use_timestamp", [True, False])
@pytest.mark.parametrize("mode", ["md5", "sha256", "hmac_sha256"])
def test_zto_digests_in_each_of_its_ways(mode: str, use_timestamp: bool, is_base64: bool) -> None:
    with FakeZto(clock=now, digest=mode, use_timestamp=use_timestamp, is_base64=is_base64) as fake:
        body = compact({"billCode": fake.make("ORDER0000001").number, "mobilePhone": "两"})
        stamp = str(NOW_MS) if use_timestamp else ""

        def written(text: str, key: str = "hmac-of-the-fake") -> str:
            raw = {
                "md5": md5(text),
                "sha256": hashlib.sha256(text.encode()).digest(),
                "hmac_sha256": hmac.digest(key.encode(), text.encode(), "sha256"),
            }[mode]
            return b64(raw) if is_base64 else raw.hex()

        def ask(digest: str, stamp: str | None = stamp or None) -> str:
            told = ask_zto(fake, "zto.merchant.waybill.track.query", body, digest=digest, x_timestamp=stamp)
            return str(told["statusCode"])

        assert ask(written(stamp + body + "of-the-fake")) == "E409"  # what comes after the digest
        assert ask(written(stamp + body)) == "S211"
        assert "lacks the app secret" in fake.refused[-1]
        if mode == "hmac_sha256":
            assert ask(written(stamp + body + "of-the-fake", key="of-the-fake")) == "S211"
            assert "the key of the HMAC" in fake.refused[-1]
        if use_timestamp:
            assert ask(written(body + "of-the-fake")) == "S211"
            assert "lacks the timestamp" in fake.refused[-1]
            for wrong in (None, str(NOW_MS // 1000), str(NOW_MS - 601_000), str(NOW_MS + 601_000), "x" * 13):
                assert ask(written(f"{wrong or ''}{body}of-the-fake"), wrong) == "S214"


def test_zto_has_three_digests() -> None:
    with pytest.raises(ValueError, match="sha1"):
        FakeZto(digest="sha1")


def test_zto_tells_tracks_to_who_knows_the_phone(zto: FakeZto) -> None:
    number = ask_zto(zto, "zto.open.createOrder", ZTO_ORDER)["result"]["billCode"]
    ask = "zto.merchant.waybill.track.query"
    assert ask_zto(zto, ask, {"billCode": number})["statusCode"] == "E413"
    assert ask_zto(zto, ask, {"billCode": number, "mobilePhone": "1234"})["statusCode"] == "E409"
    assert ask_zto(zto, ask, {"billCode": number, "mobilePhone": "10000004321"})["statusCode"] == "E409"
    assert ask_zto(zto, ask, {"billCode": "YT1", "mobilePhone": "4321"})["statusCode"] == "E416"
    unknown = ask_zto(zto, ask, {"billCode": "79999999999999", "mobilePhone": "4321"})
    assert (unknown["status"], unknown["result"]) == (True, None)
    known = {"billCode": number, "mobilePhone": "4321"}
    told = ask_zto(zto, ask, known)
    assert (told["status"], told["result"]) == (True, [])
    codes = ("SIGNED", "GOT", "DEPARTURE", "INBOUND")
    zto.move(
        number,
        *(FakeScan(code=code, at_ms=NOW_MS + HOUR_MS * turn) for turn, code in zip((3, 0, 1, 2), codes, strict=True)),
    )
    rows = ask_zto(zto, ask, known)["result"]
    assert [row["scanType"] for row in rows] == ["收件", "发件", "ARRIVAL", "签收"]
    assert [row["scanDate"] for row in rows][:2] == [NOW_MS, str(NOW_MS + HOUR_MS)]
    assert rows[0]["scanSite"]["code"] == "571901"
    zto.is_newest_first = True
    assert ask_zto(zto, ask, known)["result"][0]["scanType"] == "签收"
    zto.set(Trap.QUOTA)
    told = ask_zto(zto, ask, known)
    assert (told["status"], told["statusCode"], told["message"]) == (False, "S206", "api qos limit")


def test_zto_takes_subscriptions(zto: FakeZto) -> None:
    ask = "zto.merchant.waybill.track.subsrcibe"
    done = {"result": None, "message": "操作成功", "statusCode": "SYS000", "status": True}
    own = ask_zto(zto, "zto.open.createOrder", ZTO_ORDER)["result"]["billCode"]
    assert ask_zto(zto, ask, {"billCode": own}) == done
    assert ask_zto(zto, ask, {"billCode": own, "mobilePhone": "4321"}) == done
    assert ask_zto(zto, ask, {"billCode": own, "mobilePhone": "1234"})["statusCode"] == "E409"
    other = zto.make("ORDER0000002")
    assert ask_zto(zto, ask, {"billCode": other.number})["statusCode"] == "E413"
    assert not other.is_subscribed
    assert ask_zto(zto, ask, {"billCode": other.number, "mobilePhone": other.phone[-4:]}) == done
    assert other.is_subscribed
    assert ask_zto(zto, ask, {"billCode": "1"})["status"] is False


@pytest.mark.parametrize("as_json_body", [False, True])
def test_zto_pushes_one_action(zto: FakeZto, as_json_body: bool) -> None:
    zto.pushes_json = as_json_body
    number = zto.make("ORDER0000001").number
    for late_ms in (0, 1000):  # the keys come in another order
        (asked,) = zto.write_pushes(number, FakeScan(code="GOT", at_ms=NOW_MS + late_ms))
        body = asked.body.decode()
        told = json.loads(body) if as_json_body else dict(parse_qsl(body, keep_blank_values=True, strict_parsing=True))
        assert asked.headers["content-type"] == (JSON if as_json_body else FORM)
        assert (told["msg_type"], told["company_id"]) == ("Traces", "fake0app0key0of0zto")
        assert ("token" in told) is not as_json_body
        assert told["data_digest"] == b64(md5(told["data"] + "of-the-fake"))
        event = json.loads(told["data"])
        assert told["data"] not in (compact(event), json.dumps(event), json.dumps(event, ensure_ascii=False))
        assert (event["billCode"], event["action"]) == (number, "GOT")
        assert event["actionTime"] == f"2026-01-02 03:04:0{5 + late_ms // 1000}"


def test_zto_pushes_labels_until_it_is_thanked(zto: FakeZto) -> None:
    number = ask_zto(zto, "zto.open.createOrder", ZTO_ORDER)["result"]["billCode"]
    asked = {"printType": 1, "billCode": number, "printLogo": True}
    no, yes = b'{"status":false}', b'{"status":true,"statusCode":"200"}'
    with Ears(no, b"", yes) as ears:
        zto.print_url = f"{ears.url}/label"
        told = ask_zto(zto, "zto.open.order.print", asked)
        assert (told["status"], told["result"]) == (True, None)
        answer = zto.push_label(number)  # the same once more, so that there is something to wait for
        assert answer.content == yes
        label = json.loads(ears.heard[0].body)
        content = base64.b64decode(label["result"])
        assert content.startswith(b"%PDF-")
        assert (label["billCode"], label["printType"]) == (number, "1")
        assert label["dataDigest"] == b64(md5(label["result"] + number))
        assert base64.b64decode(json.loads(zto.write_label(number, "0").body)["result"]).startswith(b"\xff\xd8")
    with Ears(no) as ears:
        zto.print_url = ears.url
        zto.push_label(number)
        assert len(ears.heard) == 16
    zto.print_url = ""
    for path, new, why in [
        ("printType", 2, "printType"),
        ("printType", None, "printType"),
        ("billCode", "1", "no such waybill"),
        ("printLogo", "yes", "printLogo"),
    ]:
        assert ask_zto(zto, "zto.open.order.print", changed(asked, path, new))["status"] is False
        assert why in zto.refused[-1]


def test_zto_wants_status_true(zto: FakeZto) -> None:
    assert zto.is_thanked(200, '{"status":true,"message":"调用成功","result":"成功","statusCode":"200"}'.encode())
    for status, body in [
        (500, b'{"status":true}'),
        (200, b'{"status":"true"}'),
        (200, b'{"status":false}'),
        (200, b'{"success":true}'),
        (200, b"[]"),
        (200, b""),
    ]:
        assert not zto.is_thanked(status, body)


# STO


STO_SIDE = {"name": "两", "mobile": "x", "province": "浙江省", "city": "杭州市", "area": "萧山区", "address": "x 1"}
STO_ORDER = {
    "orderNo": "ORDER0000001",
    "orderSource": "FAKESOURCE",
    "billType": "00",
    "orderType": "01",
    "sender": STO_SIDE,
    "receiver": STO_SIDE,
    "cargo": {"battery": "30", "goodsType": "小件", "goodsName": "书", "weight": 1.25, "spaceX": 30},
    "customer": {"siteCode": "990001", "customerName": "990001000001", "sitePwd": "word-of-the-fake"},
    "insuredValue": "25.99",
}
STO_TO = {
    "OMS_EXPRESS_ORDER_CREATE": "sto_oms",
    "EDI_MODIFY_ORDER_CANCEL": "edi_modify_order",
    "STO_TRACE_QUERY_COMMON": "sto_trace_query",
    "STO_TRACE_PLATFORM_SUBSCRIBE": "sto_trace_platform",
}
STO_KEYS = {"success", "errorCode", "errorMsg", "needRetry", "requestId", "expInfo", "data"}


@pytest.fixture
def sto() -> Iterator[FakeSto]:
    with FakeSto(clock=now) as fake:
        yield fake


def ask_sto(fake: FakeSto, name: str, content: Any, *, kind: str = FORM, **other: str | None) -> Any:
    text = content if isinstance(content, str) else compact(content)
    to = STO_TO.get(name, "x")
    fields: dict[str, str | None] = {
        "content": text,
        "data_digest": b64(md5(text + "of-the-fake")),
        "api_name": name,
        "from_appkey": "CAKFAKEOFSTO",
        "from_code": "CAKFAKEOFSTO",
        "to_appkey": to,
        "to_code": to,
    }
    fields |= other
    body = urlencode({name: value for name, value in fields.items() if value is not None})
    answer = post(fake.api_url, body, {"content-type": kind})
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() == STO_KEYS
    assert told["success"] in ("true", "false")  # texts
    return told


def test_sto_books_and_cancels(sto: FakeSto) -> None:
    told = ask_sto(sto, "OMS_EXPRESS_ORDER_CREATE", STO_ORDER)
    data = told["data"]
    assert told["success"] == "true"
    assert re.fullmatch("77[0-9]{13}", data["waybillNo"])
    assert (data["orderNo"], data["sourceOrderId"], data["bigWord"].count("-")) == ("ORDER0000001", None, 2)
    assert ask_sto(sto, "OMS_EXPRESS_ORDER_CREATE", STO_ORDER)["data"]["waybillNo"] == data["waybillNo"]
    cancel = {"billCode": data["waybillNo"], "orderSource": "FAKESOURCE", "orderType": "01"}
    for _ in range(2):
        told = ask_sto(sto, "EDI_MODIFY_ORDER_CANCEL", cancel)
        assert (told["success"], told["data"]) == ("true", "成功")
    assert sto.parcels[data["waybillNo"]].is_cancelled
    assert sto.refused == []
    assert ask_sto(sto, "OMS_EXPRESS_ORDER_CREATE", STO_ORDER)["success"] == "false"


def test_sto_dispatches_and_cancels_by_its_own_order_number(sto: FakeSto) -> None:
    services = {"serviceTypeList": ["TRACE_PUSH", {"listItem": "DELIVER_CONTACT"}]}
    data = ask_sto(sto, "OMS_EXPRESS_ORDER_CREATE", STO_ORDER | {"orderType": "02"} | services)["data"]
    assert sto.parcels[data["waybillNo"]].is_subscribed
    cancel = {"sourceOrderId": data["sourceOrderId"], "orderSource": "FAKESOURCE"}  # 02 unless it says otherwise
    assert ask_sto(sto, "EDI_MODIFY_ORDER_CANCEL", cancel)["data"] == "成功"


def test_sto_cancels_only_what_it_should(sto: FakeSto) -> None:
    number = ask_sto(sto, "OMS_EXPRESS_ORDER_CREATE", STO_ORDER)["data"]["waybillNo"]
    cancel = {"billCode": number, "orderSource": "FAKESOURCE", "orderType": "01"}
    for path, new, code, why in [
        ("orderType", None, "008", "not that by which it was created"),
        ("orderType", "02", "008", "not that by which it was created"),
        ("orderType", "03", "008", "none of 01, 02"),
        ("billCode", None, "008", "is needed"),
        ("billCode", "770000000000001", "005", "no order"),
        ("orderSource", None, "008", "orderSource is missing"),
        ("orderSource", "x", "006", "orderSource"),
    ]:
        told = ask_sto(sto, "EDI_MODIFY_ORDER_CANCEL", changed(cancel, path, new))
        assert (told["success"], told["errorCode"], told["data"]) == ("false", code, None)
        assert why in sto.refused[-1]
    sto.move(number, SCAN)
    told = ask_sto(sto, "EDI_MODIFY_ORDER_CANCEL", cancel)
    assert (told["success"], told["data"]) == ("true", "订单已揽收，取消失败")  # a no under a yes
    assert not sto.parcels[number].is_cancelled
    sto.fails_softly = False
    assert ask_sto(sto, "EDI_MODIFY_ORDER_CANCEL", cancel)["success"] == "false"


def test_sto_takes_a_number_that_the_customer_holds(sto: FakeSto) -> None:
    order = changed(STO_ORDER, "customer", None)
    assert ask_sto(sto, "OMS_EXPRESS_ORDER_CREATE", order)["errorCode"] == "008"
    own = order | {"waybillNo": "770000000000001"}
    assert ask_sto(sto, "OMS_EXPRESS_ORDER_CREATE", own)["data"]["waybillNo"] == "770000000000001"
    taken = own | {"orderNo": "ORDER0000002"}
    assert ask_sto(sto, "OMS_EXPRESS_ORDER_CREATE", taken)["errorCode"] == "005"


@pytest.mark.parametrize(
    ("path", "new", "code", "why"),
    [
        ("orderNo", None, "008", "orderNo is missing"),
        ("orderSource", "x", "006", "orderSource"),
        ("billType", None, "008", "billType"),
        ("billType", "0", "008", "billType"),
        ("billType", "01", "008", "codValue"),
        ("billType", "02", "008", "freightCollectValue"),
        ("orderType", "03", "008", "orderType"),
        ("payModel", 1, "008", "payModel"),
        ("sender", None, "008", "the sender is missing"),
        ("sender.area", None, "008", "area is missing"),
        ("receiver.name", "", "008", "name is missing"),
        ("receiver.mobile", None, "008", "neither mobile nor tel"),
        ("cargo", None, "008", "cargo is missing"),
        ("cargo.battery", 30, "008", "battery"),
        ("cargo.goodsName", None, "008", "goodsName"),
        ("cargo.weight", 1250, "008", "kilograms"),
        ("cargo.spaceX", 350, "008", "centimetres"),
        ("customer", None, "008", "is missing"),
        ("customer.sitePwd", "x", "006", "sitePwd"),
        ("customer.siteCode", None, "006", "siteCode"),
        ("insuredValue", 25.99, "008", "a text, in yuan"),
        ("insuredValue", "25.999", "008", "two decimals"),
        ("serviceTypeList", ["TRACE"], "008", "unknown services"),
        ("serviceTypeList", "TRACE_PUSH", "008", "no list"),
        ("serviceTypeList", [["TRACE_PUSH"]], "008", "unknown services"),
    ],
)
def test_sto_refuses_a_bad_order(sto: FakeSto, path: str, new: Any, code: str, why: str) -> None:
    told = ask_sto(sto, "OMS_EXPRESS_ORDER_CREATE", changed(STO_ORDER, path, new))
    assert (told["success"], told["errorCode"]) == ("false", code)
    assert why in sto.refused[-1]
    assert sto.parcels == {}


@pytest.mark.parametrize(
    ("other", "code", "why"),
    [
        ({"data_digest": b64(md5('{"waybillNoList": ["两"]}of-the-fake'))}, "007", "with blanks"),
        ({"data_digest": b64(md5('{"waybillNoList":["\\u4e24"]}of-the-fake'))}, "007", "in place of letters"),
        ({"data_digest": b64(md5('{"waybillNoList":["两"]}'))}, "007", "not that of the content"),
        ({"data_digest": md5('{"waybillNoList":["两"]}of-the-fake').hex()}, "007", "not that of the content"),
        ({"data_digest": None}, "008", "lacks data_digest"),
        ({"to_code": None}, "008", "lacks to_code"),
        ({"to_code": "sto_oms"}, "006", "sto_trace_query"),
        ({"from_appkey": "x"}, "006", "from_appkey"),
        ({"from_code": "x"}, "006", "from_code"),
        ({"api_name": "x"}, "006", "no interface"),
        ({"kind": JSON}, "008", "no form"),
    ],
)
def test_sto_refuses_a_bad_form(sto: FakeSto, other: dict[str, Any], code: str, why: str) -> None:
    told = ask_sto(sto, "STO_TRACE_QUERY_COMMON", {"waybillNoList": ["两"]}, **other)
    assert (told["success"], told["errorCode"]) == ("false", code)
    assert why in sto.refused[-1]


def test_sto_tells_tracks_of_many(sto: FakeSto) -> None:
    known, still = sto.make("ORDER0000001").number, sto.make("ORDER0000002").number
    sto.move(known, FakeScan(code="签收", at_ms=NOW_MS + HOUR_MS), FakeScan(code="收件", at_ms=NOW_MS))
    asked = {"order": "asc", "waybillNoList": [known, still, "770000000000001"]}
    told = ask_sto(sto, "STO_TRACE_QUERY_COMMON", asked)["data"]
    assert told.keys() == {known, still}
    assert told[still] == []
    assert [(row["scanType"], row["opTime"]) for row in told[known]] == [
        ("收件", "2026-01-02 03:04:05"),
        ("签收", "2026-01-02 04:04:05"),
    ]
    told = ask_sto(sto, "STO_TRACE_QUERY_COMMON", asked | {"order": "desc"})["data"]
    assert told[known][0]["scanType"] == "签收"
    for bad, code in [
        ({"order": "up"}, "008"),
        ({"waybillNoList": []}, "008"),
        ({"waybillNoList": known}, "008"),
        ({"waybillNoList": ["1"]}, "005"),
        ({"waybillNoList": [1]}, "005"),
    ]:
        assert ask_sto(sto, "STO_TRACE_QUERY_COMMON", asked | bad)["errorCode"] == code
    sto.set(Trap.QUOTA)
    told = ask_sto(sto, "STO_TRACE_QUERY_COMMON", asked)
    assert (told["success"], told["errorCode"], told["needRetry"]) == ("false", "009", "true")


def test_sto_takes_subscriptions_one_by_one(sto: FakeSto) -> None:
    number = sto.make("ORDER0000001").number
    asked = {"subscribeInfoList": [{"waybillNo": number}, {"waybillNo": "770000000000001"}]}
    for _ in range(2):
        told = ask_sto(sto, "STO_TRACE_PLATFORM_SUBSCRIBE", asked)
        assert told["success"] == "true"
        assert [(row["waybillNo"], row["status"]) for row in told["data"]] == [
            (number, "true"),
            ("770000000000001", "false"),
        ]
    assert sto.parcels[number].is_subscribed
    assert "770000000000001" in sto.refused[-1]
    for bad in ([], [number], {"waybillNo": number}, None):
        told = ask_sto(sto, "STO_TRACE_PLATFORM_SUBSCRIBE", {"subscribeInfoList": bad})
        assert (told["success"], told["errorCode"]) == ("false", "008")


def test_sto_pushes_one_trace(sto: FakeSto) -> None:
    number = sto.make("ORDER0000001").number
    scan = FakeScan(code="收件", at_ms=NOW_MS)
    (asked,), (again,), (other,) = (
        sto.write_pushes(number, each) for each in (scan, scan, FakeScan(code="签收", at_ms=NOW_MS))
    )
    fields = dict(parse_qsl(asked.body.decode(), keep_blank_values=True, strict_parsing=True))
    assert asked.headers["content-type"] == FORM
    assert fields["api_name"] == "STO_TRACE_PLATFORM_PUSH"
    assert (fields["to_appkey"], fields["to_code"]) == ("CAKFAKEOFSTO", "CAKFAKEOFSTO")
    assert fields["data_digest"] == b64(md5(fields["content"] + "of-the-fake"))
    told = json.loads(fields["content"])
    assert fields["content"] not in (compact(told), json.dumps(told), json.dumps(told, ensure_ascii=False))
    assert (told["waybillNo"], told["linkCode"]) == (number, "ORDER0000001")
    assert (told["trace"]["scanType"], told["trace"]["opTime"]) == ("收件", "2026-01-02 03:04:05")
    assert asked == again  # outBizCode too
    assert told["trace"]["outBizCode"] not in other.body.decode()
    assert sto.is_thanked(200, b'{"success":true,"errorCode":null,"errorMsg":null,"data":null}')
    for status, body in [
        (500, b'{"success":true}'),
        (200, b'{"success":"true"}'),
        (200, b'{"success":false}'),
        (200, b"ok"),
        (200, b"[]"),
    ]:
        assert not sto.is_thanked(status, body)


# Yunda


YUNDA_SIDE = {
    "name": "两",
    "mobile": "x",
    "province": "浙江省",
    "city": "杭州市",
    "county": "萧山区",
    "address": "浙江省,杭州市,萧山区,x 1",
}
YUNDA_ORDER = {
    "order_serial_no": "ORDER_0000001",
    "khddh": "ORDER_0000001",
    "order_type": "common",
    "node_id": "350",
    "sender": YUNDA_SIDE,
    "receiver": YUNDA_SIDE | {"address": "浙江省，杭州市，萧山区，x 1"},
    "items": [{"name": "书", "number": 2}],
    "weight": 1.25,
    "size": "0.3,0.2,0.1",
    "value": "25.99",
    "markingInfos": [{"type": "DF"}],
}
YUNDA_WHO = {"appid": "990001", "partner_id": "9900010001", "secret": "word-of-the-fake"}
CREATE, UPDATE, CANCEL = (f"openapi-api/v1/accountOrder/{act}BmOrder" for act in ("create", "update", "cancel"))
QUERY, SUBSCRIBE = "openapi/outer/logictis/query", "openapi/outer/logictis/subscribe"


@pytest.fixture
def yunda() -> Iterator[FakeYunda]:
    with FakeYunda(clock=now) as fake:
        yield fake


def ask_yunda(fake: FakeYunda, path: str, param: Any, **headers: str | None) -> Any:
    text = param if isinstance(param, str) else compact(param)
    told: dict[str, str | None] = {
        "content-type": JSON,
        "app-key": "990001",
        "sign": md5(f"{text}_of-the-fake").hex(),
        "req-time": str(NOW_MS),
    }
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    answer = post(f"{fake.api_url}/{path}", text, {name: value for name, value in told.items() if value is not None})
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"result", "code", "message", "data", "sub_code", "sub_msg"}
    assert body["result"] is (body["code"] == "0000")
    return body


def order_yunda(fake: FakeYunda, path: str, *orders: Any) -> list[dict[str, Any]]:
    """The rows of an answer that says yes."""
    told = ask_yunda(fake, path, YUNDA_WHO | {"orders": list(orders)})
    assert (told["result"], told["message"]) == (True, "请求成功")
    rows: list[dict[str, Any]] = told["data"]
    return rows


def test_yunda_books_once_and_updates(yunda: FakeYunda) -> None:
    (row,) = order_yunda(yunda, CREATE, YUNDA_ORDER)
    assert (row["status"], row["order_serial_no"]) == ("1", "ORDER_0000001")
    assert re.fullmatch("[0-9]{13}", row["mail_no"])
    ((label, other),) = json.loads(row["pdf_info"])
    assert label["position"] == "300"
    assert isinstance(other, list)
    (again,) = order_yunda(yunda, CREATE, YUNDA_ORDER)
    assert (again["status"], again["mail_no"]) == ("0", "")
    assert "更新订单请使用更新接口" in again["msg"]
    assert "updateBmOrder" in yunda.refused[-1]
    (updated,) = order_yunda(yunda, UPDATE, YUNDA_ORDER)
    assert (updated["status"], updated["mailno"]) == ("1", row["mail_no"])
    assert len(yunda.parcels) == 1
    yunda.repeat_in_row = False
    told = ask_yunda(yunda, CREATE, YUNDA_WHO | {"orders": [YUNDA_ORDER]})
    assert (told["result"], told["data"]) == (False, None)
    assert "更新订单请使用更新接口" in told["message"]
    yunda.names_number_oddly = True
    (odd,) = order_yunda(yunda, CREATE, YUNDA_ORDER | {"order_serial_no": "ORDER_0000002"})
    assert "mail_no" not in odd
    assert odd["mailno"] in yunda.parcels


def test_yunda_refuses_row_by_row(yunda: FakeYunda) -> None:
    good, bad = order_yunda(yunda, CREATE, YUNDA_ORDER, {"order_serial_no": "ORDER_0000002"})
    assert (good["status"], bad["status"], bad["mail_no"]) == ("1", "0", "")
    (unknown,) = order_yunda(yunda, UPDATE, YUNDA_ORDER | {"order_serial_no": "ORDER_0000009"})
    assert unknown["status"] == "0"
    yunda.move(good["mail_no"], SCAN)
    (late,) = order_yunda(yunda, UPDATE, YUNDA_ORDER)
    assert late["status"] == "0"


def test_yunda_cancels(yunda: FakeYunda) -> None:
    first, second = order_yunda(yunda, CREATE, YUNDA_ORDER, YUNDA_ORDER | {"order_serial_no": "ORDER_0000002"})
    cancel = {"order_serial_no": "ORDER_0000001", "mailno": first["mail_no"]}
    for _ in range(2):
        (row,) = order_yunda(yunda, CANCEL, cancel)
        assert row["status"] == "1"
    assert yunda.parcels[first["mail_no"]].is_cancelled
    assert yunda.refused == []
    yunda.move(second["mail_no"], SCAN)
    late = {"order_serial_no": "ORDER_0000002", "mailno": second["mail_no"]}
    mixed = cancel | {"mailno": second["mail_no"]}
    for row in order_yunda(yunda, CANCEL, late, mixed, changed(cancel, "mailno", None), {}):
        assert (row["status"], row["msg"][:5]) == ("0", "ERROR")
    assert len(yunda.refused) == 4
    (gone,) = order_yunda(yunda, UPDATE, YUNDA_ORDER)
    assert gone["status"] == "0"


@pytest.mark.parametrize(
    ("path", "new", "why"),
    [
        ("order_serial_no", "ORDER-1", "letters, digits and underscores"),
        ("order_serial_no", "订单1", "letters, digits and underscores"),
        ("order_serial_no", None, "letters, digits and underscores"),
        ("khddh", 1, "khddh"),
        ("node_id", 350, "node_id"),
        ("order_type", None, "order_type"),
        ("sender", None, "the sender is missing"),
        ("sender.county", None, "sender.county is missing"),
        ("receiver.name", " ", "receiver.name is missing"),
        ("receiver.mobile", None, "neither mobile nor phone"),
        ("receiver.address", "x 1", "begins with province"),
        ("receiver.address", "浙江省杭州市萧山区x 1", "begins with province"),
        ("receiver.address", "浙江省,杭州市,萧山区", "begins with province"),
        ("items", [{}], "items"),
        ("items", {}, "items"),
        ("weight", 1250, "kilograms"),
        ("size", "30,20,10", "metres"),
        ("size", "0.3*0.2*0.1", "metres"),
        ("value", "25.999", "yuan"),
        ("value", "-1", "yuan"),
        ("markingInfos", '[{"type":"DF"}]', "markingInfos"),
        ("markingInfos", [{"type": "XX"}], "markingInfos"),
    ],
)
def test_yunda_refuses_a_bad_order(yunda: FakeYunda, path: str, new: Any, why: str) -> None:
    (row,) = order_yunda(yunda, CREATE, changed(YUNDA_ORDER, path, new))
    assert row["status"] == "0"
    assert row["msg"]
    assert why in yunda.refused[-1]
    assert yunda.parcels == {}


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"sign": md5('{"mailno":"两"}_of-the-fake').hex().upper()}, "capital letters"),
        ({"sign": md5('{"mailno": "两"}_of-the-fake').hex()}, "with blanks"),
        ({"sign": md5('{"mailno":"\\u4e24"}_of-the-fake').hex()}, "in place of letters"),
        ({"sign": md5('{"mailno":"两"}_word-of-the-fake').hex()}, "partner's password"),
        ({"sign": md5('{"mailno":"两"}of-the-fake').hex()}, "not that of the body"),
        ({"sign": md5('{"mailno":"两"}' + f"_of-the-fake{NOW_MS}").hex()}, "not that of the body"),
        ({"sign": None}, "not that of the body"),
        ({"app_key": "x"}, "app-key"),
        ({"app_key": None}, "app-key"),
        ({"req_time": None}, "milliseconds"),
        ({"req_time": str(NOW_MS // 1000)}, "milliseconds"),
        ({"req_time": str(NOW_MS - 601_000)}, "ten minutes"),
        ({"content_type": FORM}, "application/json"),
    ],
)
def test_yunda_refuses_wrong_headers(yunda: FakeYunda, headers: dict[str, Any], why: str) -> None:
    told = ask_yunda(yunda, QUERY, {"mailno": "两"}, **headers)
    assert told["result"] is False
    assert why in yunda.refused[-1]


def test_yunda_refuses_who_it_does_not_know(yunda: FakeYunda) -> None:
    yunda.checks_time = False
    for name in YUNDA_WHO:
        told = ask_yunda(yunda, CREATE, changed(YUNDA_WHO, name, "x") | {"orders": [YUNDA_ORDER]}, req_time=None)
        assert told["result"] is False
        assert name in yunda.refused[-1]
    for orders in ([], {}, ["x"]):
        assert ask_yunda(yunda, CREATE, YUNDA_WHO | {"orders": orders}, req_time=None)["result"] is False
    assert ask_yunda(yunda, "openapi/outer/logistics/query", {})["result"] is False
    assert yunda.parcels == {}


def test_yunda_tells_tracks_to_subscribers(yunda: FakeYunda) -> None:
    number = yunda.make("ORDER_0000001").number
    assert ask_yunda(yunda, QUERY, {"mailno": number})["message"] == "运单未订阅"
    assert ask_yunda(yunda, QUERY, {"mailno": "1"})["message"] == "运单号不存在"
    order = {"orderid": "ORDER_0000001", "mailno": number}
    for bad in (["x"], [], [order, {"orderid": "x", "mailno": "1"}], [{"mailno": number}]):
        assert ask_yunda(yunda, SUBSCRIBE, {"orders": bad})["result"] is False
    assert not yunda.parcels[number].is_subscribed
    for _ in range(2):
        assert ask_yunda(yunda, SUBSCRIBE, {"orders": [order]})["result"] is True
    assert ask_yunda(yunda, QUERY, {"mailno": number})["data"]["steps"] == []
    yunda.move(number, FakeScan(code="SIGNED", at_ms=NOW_MS + HOUR_MS), SCAN)
    data = ask_yunda(yunda, QUERY, {"mailno": number})["data"]
    assert (data["mailno"], data["status"], data["time"]) == (number, "SIGNED", "2026-01-02 04:04:05")
    assert [(step["action"], step["time"]) for step in data["steps"]] == [
        ("SIGNED", "2026-01-02 04:04:05"),
        ("GOT", "2026-01-02 03:04:05"),
    ]
    yunda.set(Trap.QUOTA)
    assert ask_yunda(yunda, QUERY, {"mailno": number})["message"] == "访问频率超限"


def test_yunda_pushes_as_it_answers(yunda: FakeYunda) -> None:
    number = yunda.make("ORDER_0000001").number
    (asked,) = yunda.write_pushes(number, SCAN, FakeScan(code="SIGNED", at_ms=NOW_MS + 1000))
    text = asked.body.decode()
    assert asked.headers["app-key"] == "990001"
    assert asked.headers["sign"] == md5(f"{text}_of-the-fake").hex()
    assert asked.headers["req-time"] == str(NOW_MS)
    told = json.loads(text)
    assert text not in (compact(told), json.dumps(told), json.dumps(told, ensure_ascii=False))
    assert (told["orderid"], told["mailno"], told["status"]) == ("ORDER_0000001", number, "SIGNED")
    assert [step["action"] for step in told["steps"]] == ["GOT", "SIGNED"]
    good = as_json({"result": True, "code": "0000", "message": "请求成功", "data": None}).body
    assert yunda.is_thanked(200, good)
    for status, body in [
        (500, good),
        (200, good.replace(b"true", b'"true"')),
        (200, good.replace(b"0000", b"1")),
        (200, b"[]"),
        (200, b""),
    ]:
        assert not yunda.is_thanked(status, body)


# All of them


@pytest.mark.parametrize("name", ["yto", "zto", "sto", "yunda"])
def test_no_body_breaks_a_fake(name: str) -> None:
    """Signed or not: what makes no sense is refused in the carrier's words."""
    strange: list[Any] = [None, 1, [], {}, "x", True, [[]], {"x": 1}, "\ud800"]
    with FAKES[name].kind(clock=now) as fake:
        for value in strange:
            for key in ("orders", "logisticsNo", "NUMBER", "billCode", "waybillNoList", "subscribeInfoList", "goods"):
                text = json.dumps({key: value} | YUNDA_WHO | {"orderSource": "FAKESOURCE", "cancelType": 1})
                if isinstance(fake, FakeYto):
                    for method in ("privacy_create", "korder_cancel", "waybill_print", "track_query", "subscribe"):
                        tail = f"{method}_adapterv1of-the-fake"
                        ask_yto(fake, f"{method}_adapter", text, signed=text + tail)
                elif isinstance(fake, FakeZto):
                    for method in ("open.createOrder", "open.cancelPreOrder", "open.order.print"):
                        ask_zto(fake, f"zto.{method}", text)
                    for method in ("query", "subsrcibe"):
                        ask_zto(fake, f"zto.merchant.waybill.track.{method}", text)
                elif isinstance(fake, FakeSto):
                    for method in STO_TO:
                        ask_sto(fake, method, text)
                elif isinstance(fake, FakeYunda):
                    for method in (CREATE, UPDATE, CANCEL, QUERY, SUBSCRIBE):
                        ask_yunda(fake, method, text)
        for body in (b"", b"\xff", b"[", b"[" * 100_000, b"1"):
            for kind in (FORM, JSON, ""):
                assert post(fake.api_url, body, {"content-type": kind}).status_code == 200
        assert not [why for why in fake.refused if "broke" in why]
        assert fake.parcels == {}
