"""YTO Express (圆通速递): the open platform of openapi.yto.net.cn.

Every interface has a token and a secret of its own, which the console gives together: `token` and `secret` hold for all
of them, `token.track_query_adapter` and `secret.track_query_adapter` for that one alone. Pushes are signed with the
secret of `subscribe_adapter`.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from waypost.booking.issuing import Address, Issued, Label, WaybillOrder
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.answers import T, is_false, read, tells_of_cancelling, write
from waypost.carriers.booked import Booked
from waypost.carriers.calling import Answer, Call, Caller
from waypost.carriers.domestic import write_kilograms, write_yuan
from waypost.carriers.flat_xml import read_flat
from waypost.carriers.pushes import expect, read_form
from waypost.carriers.rows import Scan, rows_of
from waypost.carriers.signatures import is_same, sign_yto
from waypost.model.carriage import Waybill
from waypost.model.errors import WaypostError
from waypost.track.carriers import (
    Asked,
    CarrierPuzzling,
    CarrierRefused,
    Forged,
    Push,
    Pushed,
    Reply,
    Seen,
)

_BOOK, _CANCEL, _PRINT, _TRACK, _SUBSCRIBE = (
    "privacy_create_adapter",
    "korder_cancel_adapter",
    "waybill_print_adapter",
    "track_query_adapter",
    "subscribe_adapter",
)
_VERSION = "v1"
#: "No result": a number that YTO has never seen.
_NOTHING = "1001"
_BAD_SIGNATURE = "401"
_COD = 1


class _Refusal(msgspec.Struct, frozen=True):
    """How YTO says no, under status 200 as well; which of the fields it fills, and with what, differs by interface."""

    success: Any = None
    code: Any = None
    statusCode: Any = None
    message: Any = None
    reason: Any = None
    statusMessage: Any = None

    @property
    def why(self) -> str:
        return str(self.reason or self.message or self.statusMessage or "no reason given")

    @property
    def told_code(self) -> str | None:
        code = self.statusCode if self.code is None else self.code
        return None if code is None else str(code)

    @property
    def is_one(self) -> bool:
        """Whether it says no for certain: an answer that is a yes may have a code and a message too."""
        return bool(self.reason) or is_false(self.success)

    @property
    def says_anything(self) -> bool:
        return any(part is not None for part in msgspec.structs.astuple(self))


class _Booked(msgspec.Struct, frozen=True):
    mailNo: str
    logisticsNo: str
    shortAddress: str | None = None


class _Cancelled(msgspec.Struct, frozen=True):
    logisticsNo: str


class _Printed(msgspec.Struct, frozen=True):
    class Data(msgspec.Struct, frozen=True):
        pdfBase64: bytes

    data: Data


class _Subscribed(msgspec.Struct, frozen=True):
    waybillNo: str


class _Step(msgspec.Struct, frozen=True, gc=False):
    waybill_No: str
    upload_Time: str
    infoContent: str
    city: str | None = None
    district: str | None = None


class Yto:
    """Books, cancels, prints, asks, subscribes and reads pushes at one account."""

    carrier = "yto"
    most_at_once = 1

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account
        self._booked = Booked(caller, is_named=True)

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`. The reference is YTO's `logisticsNo`, 7 characters at the least."""
        asked: dict[str, Any] = {
            "logisticsNo": order.reference,
            **_person("sender", order.sender),
            **_person("recipient", order.consignee),
            "remark": order.remark,
            "weight": write_kilograms(order.weight_g),
            "productCode": order.service or "PK",
            "goods": _goods(order),
        }
        if order.cod_minor:
            asked["increments"] = [{"type": _COD, "amount": write_yuan(order, order.cod_minor)}]
        return self._booked.book(order, _BOOK, lambda: self._buy(order, asked))

    def _buy(self, order: WaybillOrder, asked: Mapping[str, Any]) -> Issued:
        booked = self._ask(_BOOK, asked, _Booked, is_repeatable=False)
        self._see_same(_BOOK, booked.logisticsNo, order.reference)
        return Issued(
            waybill=Waybill(self.carrier, booked.mailNo),
            reference=order.reference,
            sort_code=booked.shortAddress or "",
            channel=self._caller.channel(_BOOK),
        )

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`."""
        try:
            cancelled = self._ask(_CANCEL, {"logisticsNo": issued.reference, "cancelDesc": reason}, _Cancelled)
        except CarrierRefused as refused:
            if not tells_of_cancelling(refused.message):
                raise
        else:
            self._see_same(_CANCEL, cancelled.logisticsNo, issued.reference)
        self._booked.take_back(issued)

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`."""
        return Label(content=self._ask(_PRINT, {"waybillNo": issued.waybill.number}, _Printed).data.pdfBase64)

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`."""
        scans: list[Scan] = []
        unknown: dict[str, str] = {}
        for each in asked:
            answer = self._send(_TRACK, {"NUMBER": each.number})
            if answer.body.lstrip().startswith(b"["):
                steps = read(answer, list[_Step], self._caller.channel(_TRACK))
                scans += [(step.waybill_No, step.infoContent, step.upload_Time, _place(step)) for step in steps]
                if not steps:
                    unknown[each.number] = "no scans"
                continue
            refusal = self._read_refusal(_TRACK, answer)
            if refusal.told_code != _NOTHING:
                raise self._refused(_TRACK, refusal)
            unknown[each.number] = self._caller.mask(refusal.why)
        return Seen(rows=rows_of(self.carrier, scans), unknown=unknown, channel=self._caller.channel(_TRACK))

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """See `TrackSource`. YTO takes one number a call."""
        refused = {}
        customer = self._account.get("customer")
        for each in asked:
            inner = write({"clientId": customer, "waybillNo": each.number})
            param = {"client_id": customer, "msg_type": "online", "logistics_interface": inner}
            try:
                self._ask(_SUBSCRIBE, param, _Subscribed)
            except CarrierRefused as no:
                if no.carrier_code == _BAD_SIGNATURE:
                    raise
                refused[each.number] = no.message
        return refused

    def read(self, push: Push) -> Pushed:
        """See `PushReader`. One scan a push."""
        form = read_form(push)
        text = form.get("logistics_interface", "")
        expected = sign_yto(text, "", "", self._account.secret(interface=_SUBSCRIBE))
        if not is_same(form.get("data_digest", ""), expected):
            raise Forged("the push is not signed as by YTO")
        customers = {self._account.get("customer")}
        expect(
            form, {"clientId": customers, "type": ("online", "offline")}, read=("logistics_interface", "data_digest")
        )
        told = read_flat(text, "UpdateInfo")
        # older senders write the name of the zone behind the stamp
        at = told.get("acceptTime", "").removesuffix(" CST")
        place = (
            told.get("orgCode") or told.get("orgName") or f"{told.get('city', '')} {told.get('district', '')}".strip()
        )
        rows = rows_of(self.carrier, [(told.get("mailNo"), told.get("infoContent"), at, place)])
        reference = told.get("txLogisticID", "")
        return Pushed(rows=rows, reply=_reply(logisticProviderID="YTO", txLogisticID=reference, success="true"))

    def refuse(self, error: WaypostError) -> Reply:
        """See `PushReader`."""
        return _reply(success="false", reason=error.code)

    def _ask(self, operation: str, param: Mapping[str, Any], kind: type[T], *, is_repeatable: bool = True) -> T:
        answer = self._send(operation, param, is_repeatable=is_repeatable)
        refusal = self._read_refusal(operation, answer)
        if refusal.is_one:
            raise self._refused(operation, refusal)
        try:
            return read(answer, kind, self._caller.channel(operation))
        except CarrierPuzzling:
            if not refusal.says_anything:
                raise
            raise self._refused(operation, refusal) from None

    def _send(self, operation: str, param: Mapping[str, Any], *, is_repeatable: bool = True) -> Answer:
        text = write(param)
        sign = sign_yto(text, operation, _VERSION, self._account.secret(interface=operation))
        token = self._account.secret("token", interface=operation)
        body = {"timestamp": str(self._caller.hours.now_ms()), "param": text, "sign": sign, "format": "JSON"}
        return self._caller.call(
            Call(
                operation=operation,
                path=f"/{operation}/{_VERSION}/{token}/{self._account.get('customer')}",
                headers={"content-type": "application/json;charset=UTF-8"},
                body=write(body).encode(),
                is_repeatable=is_repeatable,
            )
        )

    def _read_refusal(self, operation: str, answer: Answer) -> _Refusal:
        return read(answer, _Refusal, self._caller.channel(operation))

    def _refused(self, operation: str, refusal: _Refusal) -> CarrierRefused:
        return CarrierRefused(
            f"refused: {self._caller.mask(refusal.why)}",
            channel=self._caller.channel(operation),
            carrier_code=refusal.told_code,
        )

    def _see_same(self, operation: str, told: str, expected: str) -> None:
        if told != expected:
            raise CarrierPuzzling("the answer is of another order", channel=self._caller.channel(operation))


def _person(who: str, address: Address) -> dict[str, str]:
    return {
        f"{who}Name": address.name,
        f"{who}ProvinceName": address.province,
        f"{who}CityName": address.city,
        f"{who}CountyName": address.county,
        f"{who}Address": address.street,
        f"{who}Mobile": address.phone,
    }


def _goods(order: WaybillOrder) -> list[dict[str, Any]]:
    goods: list[dict[str, Any]] = []
    for item in order.items:
        good: dict[str, Any] = {"name": item.description, "quantity": item.quantity}
        if item.weight_g is not None:
            good["weight"] = write_kilograms(item.weight_g)
        if item.value_minor is not None:
            good["price"] = write_yuan(order, item.value_minor)
        goods.append(good)
    if len(goods) == 1 and order.length_mm and order.width_mm and order.height_mm:
        # YTO measures goods, in metres, and not parcels: with one of them it is the same
        sizes = {"length": order.length_mm, "width": order.width_mm, "height": order.height_mm}
        goods[0] |= {name: f"{size / 1000:.3f}" for name, size in sizes.items()}
    return goods


def _place(step: _Step) -> str | None:
    return " ".join(part for part in (step.city, step.district) if part) or None


def _reply(**told: str) -> Reply:
    inside = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told.items())
    return Reply(body=f"<Response>{inside}</Response>".encode(), content_type="text/xml;charset=UTF-8")


ADAPTER = Adapter(
    carrier="yto",
    make=Yto,
    settings={"customer": "customer code (客户编码)"},
    secrets={
        "secret": "secret of the interface (客户密钥)",
        "token": "the six characters in the path of the interface",
    },
    operations={
        Operation.BOOK: Evidence.TWO_SOURCES,
        Operation.CANCEL: Evidence.TWO_SOURCES,
        Operation.PRINT: Evidence.TWO_SOURCES,
        Operation.TRACK: Evidence.TWO_SOURCES,
        Operation.SUBSCRIBE: Evidence.ONE_SOURCE,
        Operation.PUSH: Evidence.UNVERIFIED,
    },
    url="https://openapi.yto.net.cn:11443/open",
    test_url="https://openuat.yto56test.com:6443/open",
)
