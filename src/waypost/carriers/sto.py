"""STO Express (申通快递): the link gateway of cloudinter-linkgateway.sto.cn.

Everything goes to one address: `api_name` says what is asked, `to_appkey` and `to_code` of whom.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from waypost.booking.issuing import Address, Issued, Label, WaybillOrder
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.answers import is_true, read, read_text, tells_of_cancelling, write
from waypost.carriers.booked import Booked
from waypost.carriers.calling import Call, Caller
from waypost.carriers.domestic import declared_minor, is_mobile, write_kilograms, write_yuan
from waypost.carriers.pushes import expect, read_form, read_signed
from waypost.carriers.rows import Scan, rows_of
from waypost.carriers.signatures import is_same, sign_sto
from waypost.model.carriage import Waybill
from waypost.model.errors import WaypostError
from waypost.track.carriers import (
    Asked,
    CarrierRefused,
    CarrierUnreachable,
    Forged,
    InDoubt,
    Push,
    Pushed,
    Reply,
    Seen,
    Unsupported,
)

#: What is asked, and of which of STO's own systems.
_BOOK, _CANCEL, _TRACK, _SUBSCRIBE = (
    ("OMS_EXPRESS_ORDER_CREATE", "sto_oms"),
    ("EDI_MODIFY_ORDER_CANCEL", "edi_modify_order"),
    ("STO_TRACE_QUERY_COMMON", "sto_trace_query"),
    ("STO_TRACE_PLATFORM_SUBSCRIBE", "sto_trace_platform"),
)
_PUSH = "STO_TRACE_PLATFORM_PUSH"
_BAD_NUMBER, _BUSY = "005", "009"
_NORMAL, _COD = "00", "01"
_BATTERY_UNKNOWN, _SMALL = "10", "小件"
_DONE = "成功"


class _Told(msgspec.Struct, frozen=True):
    """What stands around every answer. STO writes its booleans as texts."""

    success: bool | str = False
    errorCode: str | int | None = None
    errorMsg: str | None = None
    needRetry: bool | str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Booked(msgspec.Struct, frozen=True):
    waybillNo: str
    bigWord: str | None = None
    sourceOrderId: str | None = None


class _Subscribed(msgspec.Struct, frozen=True):
    waybillNo: str | None = None
    status: bool | str | None = None
    message: str | None = None


class _Step(msgspec.Struct, frozen=True, gc=False):
    scanType: str | None = None
    opTime: str | None = None
    opOrgCode: str | None = None
    opOrgName: str | None = None
    opOrgCityName: str | None = None


class _Event(msgspec.Struct, frozen=True):
    trace: _Step
    waybillNo: str | None = None


class Sto:
    """Books, cancels, asks, subscribes and reads pushes at one account."""

    carrier = "sto"
    #: STO tells no limit.
    most_at_once = 20

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account
        self._booked = Booked(caller, is_named=True)

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`. A service is a `productType` of STO's."""
        cargo: dict[str, Any] = {
            "battery": self._account.get("battery", _BATTERY_UNKNOWN),
            "goodsType": self._account.get("goods_type", _SMALL),
            "goodsName": "、".join(item.description for item in order.items),
            "goodsCount": sum(item.quantity for item in order.items),
            "weight": write_kilograms(order.weight_g),
        }
        sizes = {"spaceX": order.length_mm, "spaceY": order.width_mm, "spaceZ": order.height_mm}
        cargo |= {name: f"{size / 10:g}" for name, size in sizes.items() if size}
        asked: dict[str, Any] = {
            "orderNo": order.reference,
            "orderSource": self._source,
            "billType": _COD if order.cod_minor else _NORMAL,
            "orderType": self._order_type,
            "sender": _person(order.sender),
            "receiver": _person(order.consignee),
            "cargo": cargo,
            "customer": {
                "siteCode": self._account.get("site_code"),
                "customerName": self._account.get("customer_name"),
                "sitePwd": self._account.secret("site_pwd"),
            },
            "remark": order.remark,
        }
        if month := self._account.get("month_customer_code", ""):
            asked["customer"]["monthCustomerCode"] = month
        if worth := declared_minor(order):
            asked["goodsValue"] = write_yuan(order, worth)
        if order.cod_minor:
            asked["codValue"] = write_yuan(order, order.cod_minor)
        if order.service:
            asked["productType"] = order.service
        return self._booked.book(order, _BOOK[0], lambda: self._buy(order, asked))

    def _buy(self, order: WaybillOrder, asked: Mapping[str, Any]) -> Issued:
        booked = self._ask(_BOOK, asked, _Booked, is_repeatable=False)
        return Issued(
            waybill=Waybill(self.carrier, booked.waybillNo),
            reference=order.reference,
            carrier_reference=booked.sourceOrderId or "",
            sort_code=booked.bigWord or "",
            channel=self._caller.channel(_BOOK[0]),
        )

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`."""
        asked = {
            "billCode": issued.waybill.number,
            "orderSource": self._source,
            "orderType": self._order_type,
            "remark": reason,
        }
        try:
            done = self._ask(_CANCEL, asked, str | None)
            if done != _DONE:  # the answer as a whole may be a success all the same
                raise CarrierRefused(
                    f"refused: {self._caller.mask(str(done))}", channel=self._caller.channel(_CANCEL[0])
                )
        except CarrierRefused as refused:
            if not tells_of_cancelling(refused.message):
                raise
        self._booked.take_back(issued)

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`."""
        raise Unsupported("STO leaves printing to its customers, who have the marks of the label from booking")

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`."""
        numbers = [each.number for each in asked]
        channel = self._caller.channel(_TRACK[0])
        try:
            told = self._ask(_TRACK, {"order": "asc", "waybillNoList": numbers}, dict[str, list[_Step] | None] | None)
        except CarrierRefused as refused:
            if refused.carrier_code != _BAD_NUMBER:
                raise
            if len(asked) > 1:  # one bad number must not hide what the others did
                return _join([self.track([each]) for each in asked], channel)
            return Seen(rows=rows_of(self.carrier, []), unknown={numbers[0]: refused.message}, channel=channel)
        steps = {number: (told or {}).get(number) or [] for number in numbers}
        scans = [_scan(number, step) for number, list_ in steps.items() for step in list_]
        unknown = {number: "no scans" for number, list_ in steps.items() if not list_}
        return Seen(rows=rows_of(self.carrier, scans), unknown=unknown, channel=channel)

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """See `TrackSource`. A success as a whole says nothing of the single numbers."""
        content = {"subscribeInfoList": [{"waybillNo": each.number} for each in asked]}
        told = self._ask(_SUBSCRIBE, content, list[_Subscribed] | None) or []
        taken = {each.waybillNo for each in told if is_true(each.status)}
        why = {each.waybillNo: self._caller.mask(each.message or "") for each in told}
        return {
            each.number: why.get(each.number) or "STO does not say that it was taken"
            for each in asked
            if each.number not in taken
        }

    def read(self, push: Push) -> Pushed:
        """See `PushReader`. One scan a push."""
        form = read_form(push)
        content = form.get("content", "")
        if not is_same(form.get("data_digest", ""), sign_sto(content, self._account.secret())):
            raise Forged("the push is not signed as by STO")
        ours = {self._account.get("from_appkey"), self._account.get("from_code")}
        theirs = {self._account.get("push_from", _SUBSCRIBE[1])}
        beside = {
            "api_name": {_PUSH},
            "to_appkey": ours,
            "to_code": ours,
            "from_appkey": theirs,
            "from_code": theirs,
        }
        expect(form, beside, read=("content", "data_digest"))
        event = read_signed(content, _Event)
        return Pushed(rows=rows_of(self.carrier, [_scan(event.waybillNo, event.trace)]), reply=_reply(True, None))

    def refuse(self, error: WaypostError) -> Reply:
        """See `PushReader`."""
        return _reply(False, error.code)

    @property
    def _source(self) -> str:
        return self._account.get("order_source", self._account.get("from_code"))

    @property
    def _order_type(self) -> str:
        """Of booking and cancelling alike: STO cancels no order under another type."""
        return self._account.get("order_type", "01")

    def _ask(self, what: tuple[str, str], asked: Mapping[str, Any], kind: Any, *, is_repeatable: bool = True) -> Any:
        (api, to), content = what, write(asked)
        form = {
            "content": content,
            "data_digest": sign_sto(content, self._account.secret()),
            "api_name": api,
            "from_appkey": self._account.get("from_appkey"),
            "from_code": self._account.get("from_code"),
            "to_appkey": to,
            "to_code": to,
        }
        channel = self._caller.channel(api)
        answer = self._caller.call(
            Call(
                operation=api,
                headers={"content-type": "application/x-www-form-urlencoded;charset=UTF-8"},
                body=urlencode(form).encode(),
                is_repeatable=is_repeatable,
            )
        )
        told = read(answer, _Told, channel)
        if is_true(told.success):
            return read_text(bytes(told.data), kind, channel)
        code = None if told.errorCode is None else str(told.errorCode)
        why = f"refused: {self._caller.mask(told.errorMsg or 'no reason given')}"
        if code == _BUSY or is_true(told.needRetry):
            raise (CarrierUnreachable if is_repeatable else InDoubt)(
                why, channel=channel, carrier_code=code, mend="Try again later."
            )
        raise CarrierRefused(why, channel=channel, carrier_code=code)


def _person(address: Address) -> dict[str, str]:
    return {
        "name": address.name,
        "mobile" if is_mobile(address.phone) else "tel": address.phone,
        "postCode": address.postcode,
        "province": address.province,
        "city": address.city,
        "area": address.county,
        "address": address.street,
    }


def _scan(number: str | None, step: _Step) -> Scan:
    code = step.scanType
    if code and code.isascii():  # scans at home are Chinese words; those abroad have codes of their own
        code = f"intl:{code}"
    return number, code, step.opTime, step.opOrgCode or step.opOrgName or step.opOrgCityName


def _join(seen: Sequence[Seen], channel: str) -> Seen:
    rows = [each.rows for each in seen]
    scans = [scan for each in rows for scan in each.table.select(["number", "code", "at", "facility"]).to_pylist()]
    told = [(scan["number"], scan["code"], scan["at"], scan["facility"]) for scan in scans]
    unknown = {number: why for each in seen for number, why in each.unknown.items()}
    return Seen(rows=rows_of("sto", told), unknown=unknown, channel=channel)


def _reply(is_taken: bool, code: str | None) -> Reply:
    told = {"success": is_taken, "errorCode": code, "errorMsg": code and f"refused: {code}", "data": None}
    return Reply(body=write(told).encode())


ADAPTER = Adapter(
    carrier="sto",
    make=Sto,
    settings={
        "from_appkey": "key of the application",
        "from_code": "code of the application",
        "order_source": "source of the orders (订单来源; from_code if not given)",
        "order_type": "01 normal, 02 dispatch, for booking and cancelling alike (01 if not given)",
        "site_code": "code of the outlet",
        "customer_name": "the customer's name at the outlet",
        "month_customer_code": "of dispatch orders that are paid by the month",
        "battery": "10 not known, 20 with, 30 without (10 if not given)",
        "goods_type": "STO's kind of goods (小件 if not given)",
        "push_from": "what pushes have as from_appkey and from_code (sto_trace_platform if not given: unverified)",
    },
    secrets={"secret": "secretKey of the application", "site_pwd": "the customer's password at the outlet"},
    optional=frozenset(
        {"order_source", "order_type", "month_customer_code", "battery", "goods_type", "push_from"},
    ),
    operations={
        Operation.BOOK: Evidence.TWO_SOURCES,
        Operation.CANCEL: Evidence.ONE_SOURCE,
        Operation.TRACK: Evidence.TWO_SOURCES,
        Operation.SUBSCRIBE: Evidence.ONE_SOURCE,
        Operation.PUSH: Evidence.ONE_SOURCE,
    },
    url="https://cloudinter-linkgateway.sto.cn/gateway/link.do",
    test_url="http://cloudinter-linkgatewaytest.sto.cn/gateway/link.do",
)
