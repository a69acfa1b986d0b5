"""SF: JSON in JSON, orders that are there already, groups by telephone, pushes in JSON and in XML."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, quote_plus

import msgspec
import pytest
from tests.rooms.carriers.orders import CN, order
from tests.rooms.carriers.scripted import Got, Scripted, Told, scripted, told

from waypost.booking.issuing import Issued
from waypost.carriers.sf import Sf
from waypost.carriers.signatures import sign_sf
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput, SettingsError
from waypost.track.carriers import Asked, CarrierRefused, CarrierUnreachable, Forged, Push

SETTINGS = {"partner_id": "PARTNER", "monthly_card": "7550000000"}
SECRETS = {"checkword": "of~the*fake", "push_key": "of-ours"}
ISSUED = Issued(waybill=Waybill("sf", "SF0000000000011"), reference="T-1", channel="")
BOOKED = {
    "orderId": "T-1",
    "waybillNoInfoList": [
        {"waybillType": 3, "waybillNo": "SF1060000000011"},
        {"waybillType": 1, "waybillNo": "SF0000000000011"},
    ],
    "routeLabelInfo": [{"code": "1000", "routeLabelData": {"destRouteLabel": "020W-F0-CK"}}],
}


def well(data: Any) -> Told:
    inner = {"success": True, "errorCode": "S0000", "errorMsg": None, "msgData": data}
    return told({"apiErrorMsg": "", "apiResultCode": "A1000", "apiResultData": json.dumps(inner)})


def ill(code: str) -> Told:
    inner = {"success": False, "errorCode": code, "errorMsg": "重复下单", "msgData": None}
    return told({"apiErrorMsg": "", "apiResultCode": "A1000", "apiResultData": json.dumps(inner)})


@contextmanager
def sf(answer: Callable[[Got], Told], **settings: str) -> Iterator[tuple[Sf, Scripted]]:
    with scripted("sf", answer, SETTINGS | settings, SECRETS) as carrier:
        yield Sf(carrier.caller), carrier


def form(got: Got) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(got.body.decode(), strict_parsing=True).items()}


@pytest.mark.parametrize("mode", ["standard_md5", "simple_md5", "sm3"])
def test_what_is_sent_is_what_is_signed(mode: Any) -> None:
    with sf(lambda got: well(BOOKED), mode=mode) as (courier, carrier):
        issued = courier.book(order(CN, remark="a ~ * + 汉字"))
    sent = form(carrier.got[0])
    assert sent["msgDigest"] == sign_sf(sent["msgData"], sent["timestamp"], SECRETS["checkword"], mode)
    assert sent["timestamp"] == "1000000"
    assert (issued.waybill.number, issued.sort_code) == ("SF0000000000011", "020W-F0-CK")


def test_another_mode_is_refused() -> None:
    with pytest.raises(SettingsError), sf(lambda got: None, mode="md4"):
        pass


@pytest.mark.parametrize(
    "refusal", [ill("8016"), told({"apiErrorMsg": "重复请求", "apiResultCode": "A1007", "apiResultData": None})]
)
def test_an_order_that_is_there_already_is_looked_up(refusal: Told) -> None:
    answers = [refusal, well(BOOKED)]
    with sf(lambda got: answers.pop(0)) as (courier, carrier):
        issued = courier.book(order(CN))
    assert issued.waybill == ISSUED.waybill
    assert "SEARCH_ORDER" in issued.channel
    assert form(carrier.got[1])["serviceCode"] == "EXP_RECE_SEARCH_ORDER_RESP"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (well({"orderId": "T-1", "resStatus": "2"}), None),
        (ill("8037"), None),
        (well({"orderId": "T-1", "resStatus": 1}), CarrierRefused),
        (ill("8019"), CarrierRefused),
    ],
)
def test_cancelling(answer: Told, error: type[Exception] | None) -> None:
    with sf(lambda got: answer) as (courier, carrier):
        if error is None:
            courier.cancel(ISSUED, "why")
        else:
            with pytest.raises(error):
                courier.cancel(ISSUED, "why")
    assert json.loads(form(carrier.got[0])["msgData"]) == {"orderId": "T-1", "dealType": 2}


def test_numbers_of_one_telephone_are_asked_together() -> None:
    def answer(got: Got) -> Told:
        numbers = json.loads(form(got)["msgData"])["trackingNumber"]
        route = {
            "acceptAddress": "深圳市",
            "acceptTime": "2026-12-04 13:14:09",
            "remark": "张三 13000000000",
            "opCode": "50",
        }
        return well({"routeResps": [{"mailNo": each, "routes": [route] * (each != "SF3")} for each in numbers]})

    asked = [
        Asked(number="SF1", phone_tail="0001"),
        Asked(number="SF2", phone_tail="0002"),
        Asked(number="SF3", phone_tail="0001"),
    ]
    with sf(answer) as (courier, carrier):
        seen = courier.track(asked)
    assert len(carrier.got) == 2
    assert list(seen.unknown) == ["SF3"]
    assert seen.rows.table.to_pylist()[0] == {
        "carrier": "sf",
        "number": "SF1",
        "code": "opcode:50",
        "at": "2026-12-04 13:14:09",
        "facility": "深圳市",
        "note": None,
        "corrects": None,
        "zone": None,
    }


@pytest.mark.parametrize(
    ("code", "error"), [("A1005", CarrierUnreachable), ("A1006", CarrierRefused), ("A1099", CarrierUnreachable)]
)
def test_outer_codes(code: str, error: type[Exception]) -> None:
    answer = told({"apiErrorMsg": "no", "apiResultCode": code})
    with sf(lambda got: answer) as (courier, _), pytest.raises(error):
        courier.track([Asked(number="SF1")])


ROUTE = {
    "mailno": "SF1",
    "orderid": "T-1",
    "acceptTime": "2026-11-21 17:41:39",
    "acceptAddress": "深圳市",
    "remark": "已收件",
    "opCode": "50",
    "id": "100000000000001",
}
IN_JSON = json.dumps({"Body": {"WaybillRoute": [ROUTE]}}).encode()
XML = (
    '<Request service="RoutePushService" lang="zh-CN"><Body><WaybillRoute '
    + " ".join(f'{name}="{value}"' for name, value in ROUTE.items())
    + "/></Body></Request>"
)


def in_form(xml: str) -> bytes:
    return f"content={quote_plus(xml)}".encode()


def push(body: bytes, query: str = "key=of-ours") -> Push:
    return Push(headers={}, query=query, body=body, received_ms=0)


@pytest.mark.parametrize(
    ("push_format", "body", "yes", "no"),
    [("json", IN_JSON, b'"0000"', b'"1000"'), ("form", in_form(XML), b"<Head>OK</Head>", b"<Head>ERR</Head>")],
)
def test_pushes_are_answered_in_their_own_form(push_format: str, body: bytes, yes: bytes, no: bytes) -> None:
    with sf(lambda got: None, push_format=push_format) as (courier, _):
        pushed = courier.read(push(body))
        (row,) = pushed.rows.table.to_pylist()
        assert (row["number"], row["code"], row["facility"]) == ("SF1", "opcode:50", "深圳市")
        assert yes in pushed.reply.body
        for query in ("", "key=", "key=of-theirs", "key=of-ours&key=of-ours", "key=%ED%B2%80"):
            with pytest.raises(Forged) as caught:
                courier.read(push(body, query))
            assert no in courier.refuse(caught.value).body


@pytest.mark.parametrize(
    ("push_format", "body"),
    [
        ("json", b""),
        ("json", b"{}"),
        ("json", b'{"Body":{"WaybillRoute":[{}]}}'),
        ("form", b""),
        ("form", b"\xff"),
        ("form", b"content=%ff"),
        ("form", in_form("<Request>")),
        ("form", in_form("<Request/>")),
        ("form", in_form('<!DOCTYPE a [<!ENTITY b "c">]>' + XML)),
    ],
)
def test_nonsense_is_unreadable(push_format: str, body: bytes) -> None:
    with sf(lambda got: None, push_format=push_format) as (courier, _), pytest.raises(BadInput):
        courier.read(push(body))


def test_services_are_numbers() -> None:
    with sf(lambda got: None) as (courier, _), pytest.raises(BadInput):
        courier.book(msgspec.structs.replace(order(CN), service="标快"))
