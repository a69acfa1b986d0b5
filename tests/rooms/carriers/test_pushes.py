"""What couriers push, in the shapes that are known, signed here by formulas of our own."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.carriers.conftest import NOW_MS, Canned, HandClock, contract_with

from waypost.model.errors import BadInput, WaypostError
from waypost.track.carriers import Forged, Push, PushReader

ACCOUNTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "yto": ({"customer": "K00000001"}, {"token": "aaaaaa", "secret": "general", "secret.subscribe_adapter": "s3"}),
    "zto": ({"app_key": "zto-key"}, {"app_secret": "s3"}),
    "sto": (
        {"from_appkey": "sto-key", "from_code": "sto-code", "site_code": "1", "customer_name": "x"},
        {"secret": "s3", "site_pwd": "p"},
    ),
    "yunda": ({"app_key": "yd-key", "partner_id": "1"}, {"app_secret": "s3", "secret": "p"}),
}
XML = (
    "<UpdateInfo><logisticProviderID>YTO</logisticProviderID><clientID>K00000001</clientID>"
    "<mailNo>YT0000000000001</mailNo><txLogisticID>O&amp;1</txLogisticID><infoType>STATUS</infoType>"
    "<infoContent>GOT</infoContent><acceptTime>2026-01-02 03:04:05</acceptTime><remark><![CDATA[x]]></remark>"
    "<orgName>x</orgName><orgCode>571901</orgCode><empName>made up</empName><city>y</city><signedName/>"
    "<extendFields><deep>z</deep></extendFields></UpdateInfo>"
)


def digest(text: str) -> str:
    return base64.b64encode(hashlib.md5((text + "s3").encode()).digest()).decode()


def push(body: bytes | str, **headers: str) -> Push:
    raw = body if isinstance(body, bytes) else body.encode()
    return Push(headers=headers, query="", body=raw, received_ms=NOW_MS)


def yto(xml: str = XML, **changed: str) -> Push:
    form = {"logistics_interface": xml, "data_digest": digest(xml), "clientId": "K00000001", "type": "online"}
    return push(urlencode(form | changed))


EVENT = {
    "billCode": "73100000000001",
    "action": "GOT",
    "actionTime": "2026-01-02 03:04:05",
    "facilityCode": "571901",
    "facilityName": "x",
    "courier": "made up",
    "courierPhone": "0",
    "desc": "made up",
}


def zto_fields(event: object = EVENT, **changed: str) -> dict[str, str]:
    data = json.dumps(event, ensure_ascii=False)
    return {"data": data, "data_digest": digest(data), "msg_type": "Traces", "company_id": "zto-key"} | changed


def zto(event: object = EVENT, **changed: str) -> Push:
    return push(urlencode(zto_fields(event, **changed)))


TRACE = {"opOrgName": "x", "opOrgCode": "571901", "opTime": "2026-01-02 03:04:05", "scanType": "收件", "memo": "x"}
STO = {"waybillNo": "770000000000001", "linkCode": "O1", "trace": TRACE}


def sto(content: object = STO, **changed: str) -> Push:
    text = json.dumps(content, ensure_ascii=False)
    form = {"content": text, "data_digest": digest(text), "api_name": "STO_TRACE_PLATFORM_PUSH"}
    form |= {"from_appkey": "sto_trace_platform", "from_code": "sto_trace_platform"}
    form |= {"to_appkey": "sto-key", "to_code": "sto-code"}
    return push(urlencode(form | changed))


STEP = {"time": "2026-01-02 03:04:05", "station": "571901", "action": "GOT", "phone": "0"}


def yunda(content: object, **changed: str) -> Push:
    body = json.dumps(content, ensure_ascii=False)
    headers = {"app-key": "yd-key", "sign": hashlib.md5(f"{body}_s3".encode()).hexdigest(), "req-time": "1"}
    return push(body, **(headers | changed))


@pytest.fixture(scope="module")
def readers() -> Iterator[dict[str, PushReader]]:
    clock, made = HandClock(), {}
    canned = Canned()
    with canned:
        for carrier, (settings, secrets) in ACCOUNTS.items():
            reader = contract_with(canned, clock, carrier, settings, secrets).reader
            assert reader is not None
            made[carrier] = reader
    yield made
    for caller in clock.callers:
        caller.close()


def rows(reader: PushReader, pushed: Push) -> list[tuple[Any, ...]]:
    read = reader.read(pushed).rows
    assert not read.refusals
    assert read.table.column("note").null_count == read.table.column("zone").null_count == len(read.rows)
    return [
        tuple(row[name] for name in ("carrier", "number", "code", "at", "facility")) for row in read.table.to_pylist()
    ]


AT = ("2026-01-02 03:04:05", "571901")


@pytest.mark.parametrize(
    ("carrier", "pushed", "row"),
    [
        ("yto", yto(), ("YT0000000000001", "GOT", *AT)),
        ("yto", yto(XML.replace("03:04:05", "03:04:05.0 CST")), ("YT0000000000001", "GOT", f"{AT[0]}.0", AT[1])),
        ("yto", yto(XML.replace("571901", "")), ("YT0000000000001", "GOT", AT[0], "x")),
        ("yto", yto('<?xml version="1.0" encoding="UTF-8"?>' + XML), ("YT0000000000001", "GOT", *AT)),
        ("zto", zto(), ("73100000000001", "GOT", *AT)),
        ("zto", zto(token=""), ("73100000000001", "GOT", *AT)),
        ("zto", push(json.dumps(zto_fields())), ("73100000000001", "GOT", *AT)),
        ("zto", zto({**EVENT, "facilityCode": None}), ("73100000000001", "GOT", AT[0], "x")),
        ("sto", sto(), ("770000000000001", "收件", *AT)),
        ("sto", sto({**STO, "trace": {**TRACE, "scanType": "LH_DEPART"}}), ("770000000000001", "intl:LH_DEPART", *AT)),
        ("yunda", yunda({"mailno": "4000000000001", "steps": [STEP]}), ("4000000000001", "action:GOT", *AT)),
        ("yunda", yunda({"mailno": "4000000000001", **STEP}), ("4000000000001", "action:GOT", *AT)),
    ],
)
def test_a_push_is_read(readers: dict[str, PushReader], carrier: str, pushed: Push, row: tuple[str, ...]) -> None:
    assert rows(readers[carrier], pushed) == [(carrier, *row)]


def test_each_is_thanked_in_its_own_words(readers: dict[str, PushReader]) -> None:
    assert readers["yto"].read(yto()).reply.body == (
        b"<Response><logisticProviderID>YTO</logisticProviderID>"
        b"<txLogisticID>O&amp;1</txLogisticID><success>true</success></Response>"
    )
    told = {
        "zto": json.loads(readers["zto"].read(zto()).reply.body),
        "sto": json.loads(readers["sto"].read(sto()).reply.body),
        "yunda": json.loads(readers["yunda"].read(yunda({"mailno": "1", **STEP})).reply.body),
    }
    assert told == {
        "zto": {"status": True, "message": "调用成功", "result": "成功", "statusCode": "200"},
        "sto": {"success": True, "errorCode": None, "errorMsg": None, "data": None},
        "yunda": {"result": True, "code": "0000", "message": "请求成功", "data": None},
    }


def test_each_is_refused_in_its_own_words(readers: dict[str, PushReader]) -> None:
    error = Forged("with what nobody outside has to know")
    told = {carrier: reader.refuse(error) for carrier, reader in readers.items()}
    assert {reply.status for reply in told.values()} == {200}
    assert told["yto"].body == b"<Response><success>false</success><reason>forged</reason></Response>"
    assert json.loads(told["zto"].body)["status"] is False
    assert json.loads(told["sto"].body)["success"] is False
    assert json.loads(told["yunda"].body)["result"] is False
    assert not any(b"nobody" in reply.body for reply in told.values())


@pytest.mark.parametrize(
    ("carrier", "pushed"),
    [
        ("yto", yto(data_digest="")),
        ("yto", yto(data_digest=base64.b64encode(hashlib.md5((XML + "general").encode()).digest()).decode())),
        ("yto", push(yto().body + b"&type=online")),
        ("zto", zto(data_digest=digest("else"))),
        ("zto", push(json.dumps({"data": EVENT}))),
        ("zto", push(b"{" * 100_000)),
        ("sto", sto(data_digest="")),
        ("sto", push(json.dumps(STO))),
        ("yunda", yunda(STEP, sign="")),
        ("yunda", yunda(STEP, sign=hashlib.md5((json.dumps(STEP) + "_s3").encode()).hexdigest().upper())),
        ("yunda", yunda(STEP, **{"app-key": "other"})),
        ("yunda", push(b"\xff", **{"app-key": "yd-key"})),
        *((carrier, push(body)) for carrier in ACCOUNTS for body in (b"", b"{}", b"[]", b"a=b", b"\x00", b"%ff=1")),
    ],
)
def test_what_is_not_signed_is_forged(readers: dict[str, PushReader], carrier: str, pushed: Push) -> None:
    """And not `BadInput`: that would be kept, and anybody may send it."""
    with pytest.raises(Forged):
        readers[carrier].read(pushed)


@pytest.mark.parametrize(
    ("carrier", "pushed", "why"),
    [
        ("yto", yto(clientId="K00000002"), "clientId"),
        ("yto", yto(type="onlinf"), "type"),
        ("yto", yto(more="x"), "'more' is no field"),
        ("yto", yto("<Other/>"), "the root is 'Other'"),
        ("yto", yto(XML[:-5]), "is no XML"),
        ("yto", yto(XML.replace("<city>", "<mailNo>2</mailNo><city>")), "twice"),
        ("yto", yto('<!DOCTYPE u [<!ENTITY a "aa">]>' + XML.replace("GOT", "&a;")), "document type"),
        ("yto", yto("<!DOCTYPE u SYSTEM 'file:///etc/hostname'>" + XML), "document type"),
        ("yto", yto(XML.replace("GOT", "&a;")), "is no XML"),
        ("yto", yto("<UpdateInfo>" + "<a/>" * 2 + "</UpdateInfo>"), "twice"),
        ("yto", yto("<UpdateInfo>" + "<a>" * 2_000), "more than 1000 elements"),
        ("zto", zto(company_id="other"), "company_id"),
        ("zto", zto(msg_type="Others"), "msg_type"),
        ("zto", zto(token="x"), "token"),
        ("zto", zto(more=""), "'more' is no field"),
        ("zto", zto([EVENT]), "not of the promised shape"),
        ("sto", sto(api_name="EDI_PUSH_ORDER_STATUS"), "api_name"),
        ("sto", sto(to_code="other"), "to_code"),
        ("sto", sto(from_appkey="other"), "from_appkey"),
        ("sto", sto({"waybillNo": "1"}), "trace"),
        ("yunda", yunda([STEP]), "not of the promised shape"),
    ],
)
def test_what_is_signed_and_strange_is_told(
    readers: dict[str, PushReader], carrier: str, pushed: Push, why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        readers[carrier].read(pushed)


GOOD: dict[str, Callable[[], Push]] = {
    "yto": yto,
    "zto": zto,
    "sto": sto,
    "yunda": lambda: yunda({"mailno": "4000000000001", "steps": [STEP]}),
}


@pytest.mark.parametrize("carrier", ACCOUNTS)
def test_no_byte_may_change(readers: dict[str, PushReader], carrier: str) -> None:
    good = GOOD[carrier]()
    for place in range(len(good.body)):
        changed = bytearray(good.body)
        changed[place] ^= 0x01
        with pytest.raises((Forged, BadInput)):
            readers[carrier].read(msgspec.structs.replace(good, body=bytes(changed)))


@given(st.binary(max_size=200), st.sampled_from(sorted(ACCOUNTS)))
def test_nothing_made_up_is_taken(readers: dict[str, PushReader], body: bytes, carrier: str) -> None:
    with pytest.raises(WaypostError):
        readers[carrier].read(push(body, **{"app-key": "yd-key", "sign": "x"}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*EVENT, *STO, *STEP, "steps"]), inner),
        max_leaves=8,
    )
)
def test_whatever_is_signed_is_read_or_told(readers: dict[str, PushReader], content: object) -> None:
    for carrier, pushed in (("zto", zto(content)), ("sto", sto(content)), ("yunda", yunda(content))):
        try:
            told = readers[carrier].read(pushed)
        except BadInput:
            continue
        assert told.rows.sent == len(told.rows.rows) + len(told.rows.refusals)
