"""BEST, Cainiao LINK and J&T: shapes that differ from answer to answer, codes as they are sent, pushes of BEST."""

import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from tests.rooms.carriers.orders import CN, order
from tests.rooms.carriers.scripted import Got, Told, scripted, told

from waypost.booking.issuing import Issued
from waypost.carriers.best import Best
from waypost.carriers.cainiao import Cainiao
from waypost.carriers.jt import Jt
from waypost.carriers.signatures import sign_cainiao_link
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput
from waypost.track.carriers import Asked, CarrierPuzzling, CarrierRefused, Forged, Push

BEST = ({"partner_id": "PARTNER"}, {"partner_key": "of-the-fake"})
LINK = (
    {"cp_code": "STO", "user_id": "1", "template_url": "http://t.example"},
    {"secret": "key", "token": "0" * 32},
)
JT = ({"api_account": "1"}, {"private_key": "of-the-fake"})
PDF = b"%PDF-1.4 waybill"


def form(got: Got) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(got.body.decode(), strict_parsing=True).items()}


@pytest.mark.parametrize("papers", [{"pdfStream": PDF}, {"pdfStreamList": [PDF]}])
def test_best_books_with_a_label(papers: dict[str, Any]) -> None:
    answer = told(
        {"result": "true", "txLogisticId": "T-1", "mailNo": "60000000000011", "triSortCode": "00-01"} | papers
    )
    glued: Told = (200, "text/html", b"SYSTEM_ERROR" + answer[2])  # type: ignore[index]
    with scripted("best", lambda got: glued, *BEST) as carrier:
        courier = Best(carrier.caller)
        issued = courier.book(order(CN, cod_minor=12345))
        assert courier.print_label(issued).content == PDF
    sent = form(carrier.got[0])
    assert sent["sign"] == hashlib.md5((sent["bizData"] + "of-the-fake").encode()).hexdigest()
    data = json.loads(sent["bizData"])
    assert (data["itemsWeight"], data["goodsValue"], data["itemsValue"]) == (1.25, 39.8, 123.45)
    assert (issued.waybill.number, issued.sort_code) == ("60000000000011", "00-01")


def test_best_tracks_lists_and_single_steps() -> None:
    step = {"acceptTime": "2026-01-02 10:00:00", "acceptAddress": "杭州", "scanType": "收件", "remark": "张三"}
    logs = [
        {"mailNo": "1", "traces": {"trace": step}},
        {"mailNo": "2", "traces": {"trace": [step, step]}},
        {"mailNo": "3", "traces": None},
    ]
    with scripted("best", lambda got: told({"result": True, "traceLogs": logs}), *BEST) as carrier:
        seen = Best(carrier.caller).track([Asked(number=number) for number in "1234"])
    assert seen.rows.table["number"].to_pylist() == ["1", "2", "2"]
    assert seen.rows.table["code"].to_pylist()[0] == "收件"
    assert list(seen.unknown) == ["3", "4"]


def test_best_says_no() -> None:
    refusal = told({"result": False, "errorCode": "X1", "errorDescription": "bad sign"})
    with scripted("best", lambda got: refusal, *BEST) as carrier, pytest.raises(CarrierRefused) as caught:
        Best(carrier.caller).track([Asked(number="1")])
    assert caught.value.carrier_code == "X1"
    assert "bad sign" in caught.value.message


def best_push(text: str, **changed: str) -> Push:
    sign = hashlib.md5((text + "of-the-fake").encode()).hexdigest()
    fields = {"serviceType": "KD_ORDER_STATUS_PUSH", "partnerID": "PARTNER", "bizData": text, "sign": sign}
    return Push(headers={}, query="", body=urlencode(fields | changed).encode(), received_ms=0)


def best_text(at: str) -> str:
    told = '{"mailNo":"60","packageStatusCode":"delivered","operateTime":%s,"remark":"A\\u3010B\\/C\\u3011"}'
    return told % at


@pytest.mark.parametrize(
    ("at", "stamp"),
    [
        ("1638780294457", "2021-12-06 16:44:54.457"),
        ("1638780294000", "2021-12-06 16:44:54"),
        ('"2024-05-06 07:08:09"', "2024-05-06 07:08:09"),
        ("9e99", None),
        (str(10**18), str(10**18)),
    ],
)
def test_best_pushes_epochs_or_local_stamps(at: str, stamp: str | None) -> None:
    with scripted("best", lambda got: None, *BEST) as carrier:
        courier = Best(carrier.caller)
        if stamp is None:
            with pytest.raises(BadInput):
                courier.read(best_push(best_text(at)))
            return
        pushed = courier.read(best_push(best_text(at)))
    (row,) = pushed.rows.table.to_pylist()
    assert (row["number"], row["code"], row["at"], row["note"]) == ("60", "delivered", stamp, None)
    assert json.loads(pushed.reply.body) == {"result": True}


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"sign": "0" * 32}, Forged),
        ({"partnerID": "OTHER"}, Forged),
        ({"serviceType": "KD_SCAN_PUSH"}, BadInput),
        ({"more": "x"}, BadInput),
        ({"bizData": "{}"}, Forged),
    ],
)
def test_best_pushes_of_others_are_refused(changed: dict[str, str], error: type[Exception]) -> None:
    with scripted("best", lambda got: None, *BEST) as carrier:
        courier = Best(carrier.caller)
        with pytest.raises(error) as caught:
            courier.read(best_push(best_text("1"), **changed))
        assert json.loads(courier.refuse(caught.value).body)["result"] is False  # type: ignore[arg-type]


def test_cainiao_lends_a_number_with_print_data() -> None:
    data = json.dumps({"encryptedData": "…", "templateURL": "http://t.example"})
    lent = {"objectId": "T-1", "waybillCode": "770000000000011", "printData": data}
    answer = told({"success": "true", "waybillCloudPrintResponseList": [lent]})
    with scripted("cainiao", lambda got: answer, *LINK) as carrier:
        courier = Cainiao(carrier.caller)
        issued = courier.book(order(CN))
        label = courier.print_label(issued)
    sent = form(carrier.got[0])
    assert sent["data_digest"] == sign_cainiao_link(sent["logistics_interface"], "key")
    assert b"data_digest=" in carrier.got[0].body
    assert b" " not in carrier.got[0].body
    assert issued.waybill == Waybill("cainiao", "770000000000011")
    assert (label.content.decode(), label.content_type) == (data, "application/json")


@pytest.mark.parametrize(
    ("answer", "is_well"),
    [
        ({"success": "true", "discardResult": "true"}, True),
        ({"success": True, "discardResult": True}, True),
        ({"success": "true", "discardResult": "false"}, False),
        ({"success": False, "errorCode": "S02", "errorMsg": "验签或加密失败"}, False),
    ],
)
def test_cainiao_discards(answer: dict[str, Any], is_well: bool) -> None:
    issued = Issued(waybill=Waybill("cainiao", "77"), reference="T-1", channel="")
    with scripted("cainiao", lambda got: told(answer), *LINK) as carrier:
        if is_well:
            Cainiao(carrier.caller).cancel(issued, "why")
        else:
            with pytest.raises(CarrierRefused):
                Cainiao(carrier.caller).cancel(issued, "why")


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ({"scanType": "快件揽收", "scanTypeCode": 10, "problemType": None}, "scan:快件揽收"),
        ({"scanType": "问题件扫描", "problemType": "A2"}, "problem:A2"),
        ({"scanType": 1}, "scan:1"),
        ({"scanType": "", "scanTypeCode": 10}, "type:10"),
        ({}, None),
    ],
)
def test_codes_of_jt_keep_to_their_sets(detail: dict[str, Any], code: str | None) -> None:
    scan = {"scanTime": "2026-01-02 10:00:00", "scanNetworkName": "某网点", "staffContact": "13000000000"}
    answer = told({"code": "1", "data": [{"billCode": "JT1", "details": [scan | detail]}]})
    with scripted("jtexpress", lambda got: answer, *JT) as carrier:
        seen = Jt(carrier.caller).track([Asked(number="JT1"), Asked(number="JT2")])
    (row,) = seen.rows.table.to_pylist()
    assert (row["code"], row["facility"], row["note"]) == (code, "某网点", None)
    assert list(seen.unknown) == ["JT2"]
    assert form(carrier.got[0]) == {"bizContent": '{"billCodes":"JT1,JT2"}'}


@pytest.mark.parametrize(
    ("answer", "unknown"),
    [
        ({"code": "999002000", "msg": "no data", "data": None}, {"JT1": "no data"}),
        ({"code": "145003100", "msg": "illegal", "data": None}, {"JT1": "illegal"}),
        ({"code": "145003030", "msg": "bad signature", "data": None}, CarrierRefused),
        ({"msg": "what"}, CarrierPuzzling),
    ],
)
def test_jt_says_no(answer: dict[str, Any], unknown: Any) -> None:
    with scripted("jtexpress", lambda got: told(answer), *JT) as carrier:
        if isinstance(unknown, dict):
            assert Jt(carrier.caller).track([Asked(number="JT1")]).unknown == unknown
        else:
            with pytest.raises(unknown):
                Jt(carrier.caller).track([Asked(number="JT1")])
