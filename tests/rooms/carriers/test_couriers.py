"""What Chinese couriers are asked, and what their answers mean, in the shapes that are known."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from tests.rooms.carriers.conftest import NOW_MS, Canned, HandClock, contract_with

from waypost.booking.issuing import Address, Issued, Item, LabelComesLater, LabelReader, WaybillIssuer, WaybillOrder
from waypost.carriers.adapters import Contract
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput
from waypost.testing.carriers.faking import Trap
from waypost.track.carriers import (
    Asked,
    CarrierPuzzling,
    CarrierRefused,
    CarrierUnreachable,
    Forged,
    InDoubt,
    Push,
    Seen,
    TrackSource,
    Unsupported,
)

SENDER = Address(
    name="甲",
    country="CN",
    province="浙江省",
    city="杭州市",
    county="萧山区",
    street="建设一路 1 号",
    phone="057100000000",
)
CONSIGNEE = Address(
    name="乙", country="CN", province="北京市", city="北京市", county="朝阳区", street="二街 2 号", phone="13800000000"
)
ORDER = WaybillOrder(
    reference="ORDER0000001",
    sender=SENDER,
    consignee=CONSIGNEE,
    items=[Item(description="书", quantity=2, weight_g=400, value_minor=2599)],
    weight_g=1_250,
    length_mm=300,
    width_mm=205,
    height_mm=100,
    cod_minor=5_198,
    currency="CNY",
)


def issued(number: str, carrier: str, carrier_reference: str = "") -> Issued:
    return Issued(
        waybill=Waybill(carrier, number), reference="ORDER0000001", channel="x", carrier_reference=carrier_reference
    )


def issuer(contract: Contract) -> WaybillIssuer:
    assert contract.issuer is not None
    return contract.issuer


def source(contract: Contract) -> TrackSource:
    assert contract.source is not None
    return contract.source


def rows(seen: Seen) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in ("number", "code", "at", "facility")) for row in seen.rows.table.to_pylist()]


# YTO


@pytest.fixture
def yto(carrier: Canned, clock: HandClock) -> Contract:
    return contract_with(carrier, clock, "yto", {"customer": "K00000001"}, {"secret": "s3", "token": "aaaaaa"})


def yto_params(carrier: Canned) -> list[Any]:
    return [json.loads(body["param"]) for body in carrier.bodies()]


def test_yto_books_in_kilograms_metres_and_yuan(carrier: Canned, yto: Contract) -> None:
    carrier.will_answer({"logisticsNo": "ORDER0000001", "mailNo": "YT0000000000001", "shortAddress": "300-012-000"})
    given = issuer(yto).book(ORDER)
    assert (given.waybill, given.sort_code) == (Waybill("yto", "YT0000000000001"), "300-012-000")
    assert carrier.asked[0].path == "/privacy_create_adapter/v1/aaaaaa/K00000001"
    (asked,) = yto_params(carrier)
    assert asked["weight"] == "1.250"
    assert asked["increments"] == [{"type": 1, "amount": "51.98"}]
    assert asked["goods"] == [
        {
            "name": "书",
            "quantity": 2,
            "weight": "0.400",
            "price": "25.99",
            "length": "0.300",
            "width": "0.205",
            "height": "0.100",
        }
    ]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"success": False, "code": 401, "reason": "x"}, "401"),
        ({"code": 401, "reason": "x"}, "401"),
        ({"success": "false", "code": "E1", "message": "x", "mailNo": "1", "logisticsNo": "ORDER0000001"}, "E1"),
        ({"code": -1, "message": "x"}, "-1"),
        ({"statusCode": 1, "statusMessage": "x"}, "1"),
        ({"success": False}, None),
    ],
)
def test_yto_says_no_in_many_ways(carrier: Canned, yto: Contract, answer: object, code: str | None) -> None:
    carrier.will_answer(answer)
    with pytest.raises(CarrierRefused) as caught:
        issuer(yto).book(ORDER)
    assert caught.value.carrier_code == code


@pytest.mark.parametrize("answer", [{}, [], "x", {"logisticsNo": "OTHER0000001", "mailNo": "YT1"}])
def test_yto_says_what_is_neither_yes_nor_no(carrier: Canned, yto: Contract, answer: object) -> None:
    carrier.will_answer(answer, answer)
    with pytest.raises(InDoubt, match="may have been booked all the same") as caught:
        issuer(yto).book(ORDER)
    assert isinstance(caught.value.__cause__, CarrierPuzzling)


def test_yto_cancels_the_order_that_was_meant(carrier: Canned, yto: Contract) -> None:
    carrier.will_answer(
        {"logisticsNo": "ORDER0000001", "customerCode": "K00000001"},
        {"success": False, "code": "x", "reason": "订单已取消"},
        {"logisticsNo": "ORDER0000002"},
        {"success": False, "code": "x", "reason": "已揽收"},
    )
    for _ in range(2):
        issuer(yto).cancel(issued("YT1", "yto"), "x")
    with pytest.raises(CarrierPuzzling):
        issuer(yto).cancel(issued("YT1", "yto"), "x")
    with pytest.raises(CarrierRefused):
        issuer(yto).cancel(issued("YT1", "yto"), "x")


def test_yto_prints(carrier: Canned, yto: Contract) -> None:
    carrier.will_answer({"code": 0, "data": {"pdfBase64": base64.b64encode(b"%PDF-").decode()}})
    assert issuer(yto).print_label(issued("YT1", "yto")).content == b"%PDF-"


def test_yto_is_asked_for_one_number(carrier: Canned, yto: Contract) -> None:
    step = {"waybill_No": "YT1", "upload_Time": "2026-01-02 03:04:05", "infoContent": "GOT", "weight": 1.2, "city": "x"}
    carrier.will_answer([step], {"map": {"YT2": []}, "code": "1001", "success": "true", "message": "x"}, [])
    seen = source(yto).track([Asked(number="YT1"), Asked(number="YT2"), Asked(number="YT3")])
    assert rows(seen) == [("YT1", "GOT", "2026-01-02 03:04:05", "x")]
    assert list(seen.unknown) == ["YT2", "YT3"]
    assert yto_params(carrier) == [{"NUMBER": "YT1"}, {"NUMBER": "YT2"}, {"NUMBER": "YT3"}]


def test_yto_subscribes_with_json_in_json_in_json(carrier: Canned, yto: Contract) -> None:
    carrier.will_answer({"waybillNo": "YT1", "success": True}, {"success": False, "reason": "号码不存在"})
    refused = source(yto).subscribe([Asked(number="YT1"), Asked(number="YT2")])
    assert list(refused) == ["YT2"]
    first = yto_params(carrier)[0]
    assert json.loads(first.pop("logistics_interface")) == {"clientId": "K00000001", "waybillNo": "YT1"}
    assert first == {"client_id": "K00000001", "msg_type": "online"}
    carrier.will_answer({"success": False, "code": 401, "reason": "x"})
    with pytest.raises(CarrierRefused):
        source(yto).subscribe([Asked(number="YT1")])


# ZTO


def zto_with(carrier: Canned, clock: HandClock, **changed: str) -> Contract:
    settings = {"app_key": "key", "account_id": "account"} | changed
    return contract_with(
        carrier, clock, "zto", settings, {"app_secret": "s3", "hmac_key": "k3", "label_key": "of-labels"}
    )


@pytest.fixture
def zto(carrier: Canned, clock: HandClock) -> Contract:
    return zto_with(carrier, clock)


def zto_yes(result: object = None) -> dict[str, object]:
    return {"result": result, "message": "x", "status": True, "statusCode": "SYS000"}


def zto_no(code: str, message: str = "x") -> dict[str, object]:
    return {"result": None, "message": message, "status": False, "statusCode": code}


def test_zto_books_by_appointment_with_a_number(carrier: Canned, zto: Contract) -> None:
    result = {
        "bigMarkInfo": {"bagAddr": "x", "mark": "300- A00 00"},
        "billCode": "73100000000001",
        "orderCode": "260102000000000001",
        "partnerOrderCode": "ORDER0000001",
    }
    carrier.will_answer({"result": result, "message": "成功", "status": True, "statusCode": "0000"})
    given = issuer(zto).book(ORDER)
    assert given.waybill == Waybill("zto", "73100000000001")
    assert (given.carrier_reference, given.sort_code) == ("260102000000000001", "300- A00 00")
    (asked,) = carrier.bodies()
    assert (asked["partnerType"], asked["orderType"]) == ("2", "2")
    assert asked["accountInfo"] == {"accountId": "account"}
    assert asked["senderInfo"]["senderPhone"] == "057100000000"
    assert asked["receiveInfo"]["receiverMobile"] == "13800000000"
    assert asked["orderVasList"] == [{"vasType": "COD", "vasAmount": 5198}]  # fen
    assert asked["summaryInfo"] == {"quantity": 1, "price": 51.98, "size": "30,20.5,10"}  # yuan, cm
    assert asked["orderItems"] == [{"name": "书", "quantity": 2, "weight": 400}]


@pytest.mark.parametrize(
    ("settings", "stamp"),
    [({}, ""), ({"use_timestamp": "true"}, str(NOW_MS)), ({"use_timestamp.zto.open.order.print": "true"}, "")],
)
def test_zto_is_sent_a_signed_time_only_where_it_wants_one(
    carrier: Canned, clock: HandClock, settings: dict[str, str], stamp: str
) -> None:
    carrier.will_answer(zto_yes())
    source(zto_with(carrier, clock, **settings)).subscribe([Asked(number="7")])
    (asked,) = carrier.asked
    assert asked.path == "/zto.merchant.waybill.track.subsrcibe"
    assert asked.headers.get("x-timestamp", "") == stamp
    assert asked.headers["x-appkey"] == "key"
    signed = hashlib.md5(stamp.encode() + asked.body + b"s3").digest()
    assert asked.headers["x-datadigest"] == base64.b64encode(signed).decode()


def test_zto_may_sign_with_a_key(carrier: Canned, clock: HandClock) -> None:
    carrier.will_answer(zto_yes())
    source(zto_with(carrier, clock, digest="hmac_sha256", base64="false")).subscribe([Asked(number="7")])
    (asked,) = carrier.asked
    assert asked.headers["x-datadigest"] == hmac.new(b"k3", asked.body + b"s3", "sha256").hexdigest()


def test_zto_cancels_by_its_own_order(carrier: Canned, zto: Contract) -> None:
    carrier.will_answer(zto_yes({}), zto_no("E1"), zto_yes([{"orderStatus": -2}]))
    issuer(zto).cancel(issued("7", "zto", "26"), "x")
    issuer(zto).cancel(issued("7", "zto", "26"), "x")  # refused, and the order says why
    assert carrier.bodies() == [
        {"cancelType": "1", "orderCode": "26"},
        {"cancelType": "1", "orderCode": "26"},
        {"type": 0, "orderCode": "26"},
    ]
    carrier.will_answer(zto_no("E1"), zto_yes([{"orderStatus": 99}]), zto_no("E1"), zto_no("S210"), zto_no("E1"))
    for reference in ("26", "26", ""):
        with pytest.raises(CarrierRefused) as caught:
            issuer(zto).cancel(issued("7", "zto", reference), "x")
        assert caught.value.carrier_code == "E1"


def test_zto_pushes_the_label_that_it_was_asked_for(carrier: Canned, zto: Contract) -> None:
    carrier.will_answer(zto_yes(), zto_no("S210"))
    with pytest.raises(LabelComesLater, match="will be pushed"):
        issuer(zto).print_label(issued("73100000000001", "zto"))
    assert carrier.bodies() == [{"printType": 1, "billCode": "73100000000001", "printLogo": True}]
    with pytest.raises(CarrierRefused):
        issuer(zto).print_label(issued("73100000000001", "zto"))


def zto_label(result: str, kind: str = "1", number: str = "73100000000001") -> dict[str, str]:
    digest = base64.b64encode(hashlib.md5((result + number).encode()).digest()).decode()
    return {"billCode": number, "printType": kind, "result": result, "dataDigest": digest}


def read_label(contract: Contract, told: object) -> Any:
    assert isinstance(contract.labels, LabelReader)
    return contract.labels.read_label(
        Push(headers={}, query="key=of-labels", body=json.dumps(told).encode(), received_ms=NOW_MS)
    )


@pytest.mark.parametrize(("kind", "content_type"), [("1", "application/pdf"), ("0", "image/jpeg")])
def test_a_label_of_zto_is_read(zto: Contract, kind: str, content_type: str) -> None:
    pushed = read_label(zto, zto_label(base64.b64encode(b"%PDF-").decode(), kind))
    assert pushed.waybill == Waybill("zto", "73100000000001")
    assert (pushed.label.content, pushed.label.content_type) == (b"%PDF-", content_type)
    assert json.loads(pushed.reply.body)["status"] is True


def test_a_label_that_was_changed_is_not(zto: Contract) -> None:
    good = zto_label(base64.b64encode(b"%PDF-").decode())
    wrong: list[object] = [good | {"billCode": "73100000000002"}, good | {"dataDigest": ""}, zto_label("%%"), {}, []]
    for told in wrong:
        with pytest.raises(Forged):
            read_label(zto, told)


def test_zto_is_asked_with_the_end_of_a_telephone(carrier: Canned, zto: Contract) -> None:
    site = {"code": "571901", "name": "x", "city": "y"}
    steps = [
        {"billCode": "7", "scanType": "收件", "scanDate": NOW_MS, "scanSite": site},
        {"billCode": "7", "scanType": "DELIVERY", "scanDate": str(NOW_MS + 5), "scanSite": {"name": "x"}},
        {"billCode": "7", "scanType": "1", "scanDate": "2026-01-02 03:04:05"},
    ]
    carrier.will_answer(zto_yes(steps), zto_yes([]), zto_yes(), zto_no("E413"))
    asked = [Asked(number=number, phone_tail="0000" if number == "7" else None) for number in ("7", "8", "9", "10")]
    seen = source(zto).track(asked)
    assert rows(seen) == [
        ("7", "收件", "2026-01-02 11:04:05", "571901"),
        ("7", "scan:DELIVERY", "2026-01-02 11:04:05.005", "x"),
        ("7", "1", "2026-01-02 03:04:05", None),
    ]
    assert list(seen.unknown) == ["8", "9", "10"]
    assert carrier.bodies()[:2] == [{"billCode": "7", "mobilePhone": "0000"}, {"billCode": "8"}]


@pytest.mark.parametrize("at", [10**17, -(10**17), int("9" * 19), str(10**30)])
def test_an_instant_beyond_all_calendars_has_no_stamp(carrier: Canned, zto: Contract, at: object) -> None:
    carrier.will_answer(zto_yes([{"billCode": "7", "scanType": "收件", "scanDate": at}]))
    assert rows(source(zto).track([Asked(number="7")])) == [("7", "收件", None, None)]


@pytest.mark.parametrize(
    ("code", "kind"), [("S206", CarrierUnreachable), ("S221", CarrierUnreachable), ("S211", CarrierRefused)]
)
def test_what_zto_says_of_all_numbers_is_raised(
    carrier: Canned, zto: Contract, code: str, kind: type[Exception]
) -> None:
    carrier.will_answer(zto_no(code), zto_no(code))
    with pytest.raises(kind, match=r"zto zto\.merchant\.waybill\.track\.query"):
        source(zto).track([Asked(number="7")])
    with pytest.raises(kind):
        source(zto).subscribe([Asked(number="7")])


def test_zto_does_not_book_twice(carrier: Canned, zto: Contract) -> None:
    carrier.set(Trap.RESET)
    carrier.will_answer(zto_yes())
    for _ in range(2):
        with pytest.raises(InDoubt, match="may_exist"):
            issuer(zto).book(ORDER)
    assert len(carrier.asked) == 1


@pytest.mark.parametrize("code", ["S200", "S203"])
def test_zto_does_not_book_twice_what_took_too_long(carrier: Canned, zto: Contract, code: str) -> None:
    carrier.will_answer({"status": False, "statusCode": code, "message": "x"}, zto_yes())
    for _ in range(2):
        with pytest.raises(InDoubt) as caught:
            issuer(zto).book(ORDER)
    assert len(carrier.asked) == 1
    assert caught.value.code == "carrier_in_doubt"


def test_what_zto_did_not_look_at_is_booked_later(carrier: Canned, zto: Contract) -> None:
    carrier.will_answer({"status": False, "statusCode": "S206", "message": "api qos limit"})
    with pytest.raises(CarrierUnreachable) as caught:
        issuer(zto).book(ORDER)
    assert (type(caught.value), caught.value.retry_s) == (CarrierUnreachable, 60.0)
    carrier.will_answer(zto_yes({"billCode": "73100000000001"}))
    assert issuer(zto).book(ORDER).waybill.number == "73100000000001"


# STO


@pytest.fixture
def sto(carrier: Canned, clock: HandClock) -> Contract:
    settings = {"from_appkey": "key", "from_code": "code", "site_code": "571901", "customer_name": "x"}
    return contract_with(carrier, clock, "sto", settings, {"secret": "s3", "site_pwd": "p3"})


def sto_contents(carrier: Canned) -> list[Any]:
    return [json.loads(dict(parse_qsl(asked.body.decode()))["content"]) for asked in carrier.asked]


def sto_yes(data: object) -> dict[str, object]:
    return {"success": "true", "errorCode": None, "errorMsg": None, "needRetry": "false", "data": data}


def sto_no(code: str, **more: object) -> dict[str, object]:
    return {"success": "false", "errorCode": code, "errorMsg": "x", "needRetry": "false", "data": None, **more}


def test_sto_books_in_kilograms_centimetres_and_yuan(carrier: Canned, sto: Contract) -> None:
    carrier.will_answer(sto_yes({"orderNo": "ORDER0000001", "waybillNo": "770000000000001", "bigWord": "877-342-213"}))
    given = issuer(sto).book(ORDER)
    assert (given.waybill, given.sort_code) == (Waybill("sto", "770000000000001"), "877-342-213")
    form = dict(parse_qsl(carrier.asked[0].body.decode()))
    signed = hashlib.md5((form["content"] + "s3").encode()).digest()
    assert form["data_digest"] == base64.b64encode(signed).decode()
    assert (form["api_name"], form["to_appkey"], form["to_code"]) == ("OMS_EXPRESS_ORDER_CREATE", "sto_oms", "sto_oms")
    assert (form["from_appkey"], form["from_code"]) == ("key", "code")
    (asked,) = sto_contents(carrier)
    assert (asked["billType"], asked["orderType"], asked["codValue"], asked["goodsValue"]) == (
        "01",
        "01",
        "51.98",
        "51.98",
    )
    cargo = asked["cargo"]
    assert [cargo[name] for name in ("weight", "spaceX", "spaceY", "spaceZ")] == ["1.250", "30", "20.5", "10"]
    assert asked["customer"] == {"siteCode": "571901", "customerName": "x", "sitePwd": "p3"}
    assert asked["sender"]["tel"] == "057100000000"
    assert asked["receiver"]["mobile"] == "13800000000"


def test_sto_cancels_with_the_type_of_the_order(carrier: Canned, sto: Contract) -> None:
    carrier.will_answer(sto_yes("成功"), sto_yes("订单已取消"), sto_yes("失败"), sto_no("x"))
    for _ in range(2):
        issuer(sto).cancel(issued("77", "sto"), "x")
    for _ in range(2):  # once as a success with another text
        with pytest.raises(CarrierRefused):
            issuer(sto).cancel(issued("77", "sto"), "x")
    assert sto_contents(carrier)[0] == {"billCode": "77", "orderSource": "code", "orderType": "01", "remark": "x"}
    with pytest.raises(Unsupported):
        issuer(sto).print_label(issued("77", "sto"))


STEP = {"opTime": "2026-01-02 03:04:05", "scanType": "收件", "opOrgCode": "571901", "memo": "x"}


def test_sto_is_asked_for_many(carrier: Canned, sto: Contract) -> None:
    carrier.will_answer(sto_yes({"77": [STEP], "78": []}))
    seen = source(sto).track([Asked(number=number) for number in ("77", "78", "79")])
    assert rows(seen) == [("77", "收件", "2026-01-02 03:04:05", "571901")]
    assert list(seen.unknown) == ["78", "79"]
    assert sto_contents(carrier) == [{"order": "asc", "waybillNoList": ["77", "78", "79"]}]


def test_one_bad_number_hides_no_other_from_sto(carrier: Canned, sto: Contract) -> None:
    carrier.will_answer(sto_no("005"), sto_yes({"77": [STEP]}), sto_no("005"))
    seen = source(sto).track([Asked(number="77"), Asked(number="bad")])
    assert rows(seen) == [("77", "收件", "2026-01-02 03:04:05", "571901")]
    assert list(seen.unknown) == ["bad"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (sto_no("009"), CarrierUnreachable),
        (sto_no("x", needRetry="true"), CarrierUnreachable),
        (sto_no("007"), CarrierRefused),
        ({"data": {}}, CarrierRefused),
    ],
)
def test_what_sto_says_of_all_numbers_is_raised(
    carrier: Canned, sto: Contract, answer: object, kind: type[Exception]
) -> None:
    carrier.will_answer(answer)
    with pytest.raises(kind):
        source(sto).track([Asked(number="77")])


def test_a_success_of_sto_says_nothing_of_single_numbers(carrier: Canned, sto: Contract) -> None:
    told = [{"waybillNo": "77", "status": "true"}, {"waybillNo": "78", "status": "false", "message": "不可订阅"}]
    carrier.will_answer(sto_yes(told), sto_yes(None))
    refused = source(sto).subscribe([Asked(number="77"), Asked(number="78"), Asked(number="79")])
    assert list(refused) == ["78", "79"]
    assert refused["78"] == "不可订阅"
    assert list(source(sto).subscribe([Asked(number="77")])) == ["77"]


# Yunda


@pytest.fixture
def yunda(carrier: Canned, clock: HandClock) -> Contract:
    settings = {"app_key": "key", "partner_id": "partner"}
    return contract_with(carrier, clock, "yunda", settings, {"app_secret": "s3", "secret": "p3"})


def yunda_yes(data: object = None) -> dict[str, object]:
    return {"result": True, "code": "0000", "message": "请求成功", "data": data, "sub_code": None, "sub_msg": None}


PDF_INFO = json.dumps([[{"position": "300", "position_no": "A000-00 00"}, ["0424", 0]]])
ROW = {"order_serial_no": "ORDER0000001", "mail_no": "4000000000001", "status": "1", "msg": "x", "pdf_info": PDF_INFO}
EXISTS = "更新订单请使用更新接口"


def test_yunda_books_in_kilograms_metres_and_yuan(carrier: Canned, yunda: Contract) -> None:
    carrier.will_answer(yunda_yes([ROW]))
    given = issuer(yunda).book(ORDER)
    assert (given.waybill, given.sort_code) == (Waybill("yunda", "4000000000001"), "300 A000-00 00")
    (call,) = carrier.asked
    assert call.path == "/openapi-api/v1/accountOrder/createBmOrder"
    assert call.headers["app-key"] == "key"
    assert call.headers["req-time"] == str(NOW_MS)
    assert call.headers["sign"] == hashlib.md5(call.body + b"_s3").hexdigest()
    (asked,) = carrier.bodies()
    assert [asked[name] for name in ("appid", "partner_id", "secret")] == ["key", "partner", "p3"]
    (order,) = asked["orders"]
    assert (order["weight"], order["size"]) == (1.25, "0.3,0.205,0.1")
    assert (order["value"], order["collection_value"]) == (51.98, 51.98)
    assert order["receiver"]["address"] == "北京市,北京市,朝阳区,二街 2 号"


@pytest.mark.parametrize(
    "again",
    [
        yunda_yes([{**ROW, "mail_no": "", "status": "0", "msg": f"x{EXISTS}"}]),
        {"result": False, "code": "1", "message": EXISTS, "data": None},
    ],
)
def test_an_order_that_yunda_has_is_updated_and_tells_its_number(
    carrier: Canned, yunda: Contract, again: object
) -> None:
    row = {**ROW, "mailno": "4000000000001", "pdf_info": "hidden"}
    del row["mail_no"]
    carrier.will_answer(again, yunda_yes([row]))
    given = issuer(yunda).book(ORDER)
    assert (given.waybill.number, given.sort_code) == ("4000000000001", "")
    first, second = carrier.bodies()
    assert first == second
    assert carrier.asked[1].path == "/openapi-api/v1/accountOrder/updateBmOrder"
    assert "updateBmOrder" in given.channel


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (yunda_yes([{**ROW, "status": "0", "msg": "该快件收货地址所在网点已关停", "mail_no": ""}]), CarrierRefused),
        (yunda_yes([{**ROW, "msg": "ERROR: x"}]), CarrierRefused),
        ({"result": False, "code": "1001", "message": "x"}, CarrierRefused),
        ({"result": "false", "code": "0000", "message": "x", "data": [ROW]}, CarrierRefused),
        (yunda_yes([{**ROW, "mail_no": ""}]), InDoubt),
        (yunda_yes([]), InDoubt),
        (yunda_yes([ROW, ROW]), InDoubt),
        (yunda_yes(None), InDoubt),
    ],
)
def test_a_success_of_yunda_says_nothing_of_the_order(
    carrier: Canned, yunda: Contract, answer: object, kind: type[Exception]
) -> None:
    carrier.will_answer(answer, answer)
    with pytest.raises(kind) as caught:
        issuer(yunda).book(ORDER)
    assert type(caught.value) is kind


def test_yunda_cancels(carrier: Canned, yunda: Contract) -> None:
    row = {"order_serial_no": "ORDER0000001", "mailno": "4", "status": "1", "msg": "x"}
    carrier.will_answer(
        yunda_yes([row]),
        yunda_yes([{**row, "status": "0", "msg": "ERROR 订单已取消"}]),
        yunda_yes([{**row, "status": "0", "msg": "ERROR x"}]),
    )
    for _ in range(2):
        issuer(yunda).cancel(issued("4", "yunda"), "x")
    with pytest.raises(CarrierRefused):
        issuer(yunda).cancel(issued("4", "yunda"), "x")
    assert carrier.bodies()[0]["orders"] == [{"order_serial_no": "ORDER0000001", "mailno": "4"}]
    with pytest.raises(Unsupported):
        issuer(yunda).print_label(issued("4", "yunda"))


def test_yunda_is_subscribed_to_before_it_tells(carrier: Canned, yunda: Contract) -> None:
    no = {"result": False, "code": "x", "message": "未订阅", "data": None}
    found = {
        "mailno": "4",
        "status": "GOT",
        "steps": [{"time": "2026-01-02 03:04:05", "action": "GOT", "station": 571}],
    }
    carrier.will_answer(no, yunda_yes(), yunda_yes(found), yunda_yes(found), no, yunda_yes([]), no)
    for _ in range(2):
        seen = source(yunda).track([Asked(number="4")])
        assert rows(seen) == [("4", "action:GOT", "2026-01-02 03:04:05", "571")]
    assert source(yunda).track([Asked(number="5")]).unknown == {"5": "未订阅"}
    paths = [asked.path.rpartition("/")[2] for asked in carrier.asked]
    assert paths == ["query", "subscribe", "query", "query", "query", "subscribe", "query"]


def test_yunda_that_refuses_all_is_told(carrier: Canned, yunda: Contract) -> None:
    no = {"result": False, "code": "x", "message": "签名错误", "data": None}
    carrier.will_answer(no, no, no)
    with pytest.raises(CarrierRefused, match="yunda subscribe"):
        source(yunda).track([Asked(number="4")])
    with pytest.raises(CarrierRefused):
        source(yunda).subscribe([Asked(number="4")])


# All


@pytest.mark.parametrize("name", ["yto", "zto", "sto", "yunda"])
def test_nobody_changes_dollars_into_yuan(carrier: Canned, name: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(BadInput, match="CNY"):
        issuer(request.getfixturevalue(name)).book(msgspec.structs.replace(ORDER, currency="USD"))
    assert not carrier.asked
